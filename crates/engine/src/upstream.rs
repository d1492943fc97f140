//! Connections to servers: opening them, and keeping idle ones for the next request of this worker.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use rustix::io::Errno;
use tenbin_balance::OutcomeKind;
use tokio::net::TcpStream;

use crate::deadline::Timer;
use crate::tables::Server;

/// Why a server could not be reached.
#[derive(Debug)]
pub enum ConnectError {
    /// No answer within the connect timeout.
    Timeout,
    /// Refused or unreachable.
    Failed,
    /// No descriptor, port or memory left here, which says nothing of the server.
    Shortage,
}

impl ConnectError {
    /// What it says of the server.
    pub fn blame(&self) -> OutcomeKind {
        match self {
            Self::Timeout | Self::Failed => OutcomeKind::Failure,
            Self::Shortage => OutcomeKind::Aborted,
        }
    }
}

impl From<io::Error> for ConnectError {
    fn from(error: io::Error) -> Self {
        if is_shortage(&error) { Self::Shortage } else { Self::Failed }
    }
}

/// Idle connections of one worker, by the servers' slots.
#[derive(Default)]
pub struct Pools {
    slots: RefCell<Vec<Pool>>,
}

#[derive(Default)]
struct Pool {
    serial: u64,
    idle: Vec<Idle>,
    server: Option<Arc<Server>>,
}

struct Idle {
    stream: TcpStream,
    expires_ms: u64,
}

/// Opens a connection.
pub async fn connect(server: &Server, timer: &Timer, timeout_ms: u64) -> Result<TcpStream, ConnectError> {
    let Some(address) = server.address else {
        return Err(ConnectError::Failed);
    };
    timer.set(timeout_ms);
    let mut opening = pin!(TcpStream::connect(address));
    let opened = poll_fn(|cx| {
        if let Poll::Ready(result) = opening.as_mut().poll(cx) {
            return Poll::Ready(result.map_err(ConnectError::from));
        }
        timer.poll(cx).map(|()| Err(ConnectError::Timeout))
    })
    .await;
    timer.clear();
    let stream = opened?;
    // Heads and bodies leave in one write each; waiting for more would only add latency.
    stream.set_nodelay(true)?;
    Ok(stream)
}

impl Pools {
    /// An idle connection to this server on which nothing has happened since.
    pub fn take(&self, server: &Arc<Server>, worker: usize) -> Option<TcpStream> {
        let mut slots = self.slots.borrow_mut();
        let pool = slots.get_mut(server.slot.index).filter(|pool| pool.serial == server.slot.serial)?;
        while let Some(idle) = pool.idle.pop() {
            server.counters.of(worker).idle_out.add(1);
            if is_quiet(&idle.stream) {
                return Some(idle.stream);
            }
        }
        None
    }

    /// Keeps a connection, the oldest going when there are too many.
    pub fn put(
        &self,
        server: &Arc<Server>,
        stream: TcpStream,
        worker: usize,
        (max_idle, expires_ms): (usize, u64),
    ) {
        let mut slots = self.slots.borrow_mut();
        let index = server.slot.index;
        if slots.len() <= index {
            slots.resize_with(index + 1, Pool::default);
        }
        let Some(pool) = slots.get_mut(index) else { return };
        if pool.serial != server.slot.serial {
            pool.forget(worker);
            *pool = Pool { serial: server.slot.serial, idle: Vec::new(), server: Some(Arc::clone(server)) };
        }
        if pool.idle.len() >= max_idle {
            return;
        }
        server.counters.of(worker).idle_in.add(1);
        pool.idle.push(Idle { stream, expires_ms });
    }

    /// Closes what has expired, what its server has closed, and what belongs to servers that are gone.
    pub fn sweep(&self, worker: usize, now_ms: u64) {
        for pool in self.slots.borrow_mut().iter_mut().filter(|pool| pool.server.is_some()) {
            let before = pool.idle.len();
            pool.idle.retain(|idle| idle.expires_ms > now_ms && is_quiet(&idle.stream));
            let Some(server) = &pool.server else { continue };
            server.counters.of(worker).idle_out.add((before - pool.idle.len()) as u64);
            if Arc::strong_count(server) == 1 {
                pool.forget(worker);
            }
        }
    }

    /// Closes all idle connections to a server.
    pub fn close(&self, serial: u64, worker: usize) {
        for pool in self.slots.borrow_mut().iter_mut().filter(|pool| pool.serial == serial) {
            pool.forget(worker);
        }
    }
}

impl Pool {
    fn forget(&mut self, worker: usize) {
        if let Some(server) = &self.server {
            server.counters.of(worker).idle_out.add(self.idle.len() as u64);
        }
        *self = Self::default();
    }
}

/// Whether this machine lacks something, so that waiting may help.
fn is_shortage(error: &io::Error) -> bool {
    let short = [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM, Errno::ADDRNOTAVAIL];
    error.raw_os_error().is_some_and(|code| short.map(Errno::raw_os_error).contains(&code))
}

/// Whether bytes of the server wait to be read, asked of the system itself.
pub fn has_spoken(stream: &TcpStream) -> bool {
    let flags = rustix::net::RecvFlags::PEEK | rustix::net::RecvFlags::DONTWAIT;
    rustix::net::recv(stream, &mut [0_u8; 1], flags).is_ok()
}

/// Whether an idle connection is still open and holds no bytes that nobody asked for.
fn is_quiet(stream: &TcpStream) -> bool {
    let mut cx = Context::from_waker(Waker::noop());
    match stream.poll_read_ready(&mut cx) {
        Poll::Pending => true,
        Poll::Ready(_) => {
            matches!(stream.try_read(&mut [0]), Err(error) if error.kind() == io::ErrorKind::WouldBlock)
        }
    }
}
