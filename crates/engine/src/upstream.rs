//! Connections to servers: opening them, and keeping idle ones for the next request of this worker.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::task::Poll;

use rustix::io::Errno;
use tenbin_balance::{Lease, Outcome, OutcomeKind};
use tokio::net::TcpStream;

use crate::capacity::PAUSE;
use crate::deadline::Timer;
use crate::stats::{ServerCounters, Workers};
use crate::stream::Stream;
use crate::tables::{Backend, Server};
use crate::worker::Worker;

/// Why a server could not be reached.
#[derive(Debug)]
pub enum ConnectError {
    /// No answer within the connect timeout.
    Timeout,
    /// Refused or unreachable.
    Failed,
    /// No descriptor or memory left here, which says nothing about the server.
    Short,
    /// No local port left for this address, which says nothing about the server either.
    NoPort,
}

/// Counts one request or connection on a server while it lasts, however it ends.
pub struct Load<'a> {
    server: &'a Server,
    backend: &'a Backend,
    worker: usize,
}

/// Idle connections of one worker, by the servers' slots.
#[derive(Default)]
pub struct Pools {
    slots: RefCell<Vec<Pool>>,
}

#[derive(Default)]
struct Pool {
    serial: u64,
    /// The oldest first.
    idle: VecDeque<Idle>,
    /// Gone when no tables and no request know the server any more.
    server: Weak<Server>,
    /// Of the server; they may outlive it.
    counters: Option<Arc<Workers<ServerCounters>>>,
}

struct Idle {
    stream: Stream,
    since_ms: u64,
    expires_ms: u64,
}

/// Opens a connection.
pub async fn connect(server: &Server, timer: &Timer, timeout_ms: u64) -> Result<Stream, ConnectError> {
    let Some(address) = server.address else {
        return Err(ConnectError::Failed);
    };
    timer.set(timeout_ms);
    let mut opening = pin!(TcpStream::connect(address));
    let opened = poll_fn(|cx| {
        if let Poll::Ready(result) = opening.as_mut().poll(cx) {
            return Poll::Ready(result.map_err(|error| blame(&error)));
        }
        timer.poll(cx).map(|()| Err(ConnectError::Timeout))
    })
    .await;
    timer.clear();
    let stream = opened?;
    // Heads and bodies leave in one write each; waiting for more would only add latency.
    stream.set_nodelay(true).map_err(|error| blame(&error))?;
    Ok(Stream::Tcp(stream))
}

impl ConnectError {
    /// Gives the slot back with what this says of the server.
    pub fn settle(&self, worker: &Worker, server: &Server, lease: Lease) {
        let kind = match self {
            Self::Timeout | Self::Failed => OutcomeKind::Failure,
            Self::Short | Self::NoPort => OutcomeKind::Aborted,
        };
        if kind == OutcomeKind::Failure {
            let counters = server.counters.of(worker.index);
            counters.connect_errors.add(1);
            counters.failures.add(1);
        }
        lease.finish(Outcome { kind, latency_us: 0 }, worker.now_ms());
    }
}

fn blame(error: &io::Error) -> ConnectError {
    let is = |errnos: &[Errno]| {
        error.raw_os_error().is_some_and(|code| errnos.iter().any(|one| one.raw_os_error() == code))
    };
    if is(&[Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM]) {
        ConnectError::Short
    } else if is(&[Errno::ADDRNOTAVAIL]) {
        ConnectError::NoPort
    } else {
        ConnectError::Failed
    }
}

/// A moment in which descriptors may become free for a connection to a server; false when `until` has passed.
pub async fn relief(worker: &Worker, until: &mut Option<u64>, timeout_ms: u64) -> bool {
    let now = worker.now_ms();
    let capacity = &worker.shared.capacity;
    if until.is_none() {
        capacity.descriptor_waits.fetch_add(1, Ordering::Relaxed);
    }
    if now >= *until.get_or_insert(now + timeout_ms) {
        return false;
    }
    capacity.starve(now);
    if worker.pools.evict(worker.index, now, 1) == 0 {
        tokio::time::sleep(PAUSE).await;
    }
    true
}

impl<'a> Load<'a> {
    /// Begins.
    pub fn begin(worker: &Worker, backend: &'a Backend, server: &'a Server) -> Self {
        let (of_server, of_backend) = (server.counters.of(worker.index), backend.counters.of(worker.index));
        of_server.total.add(1);
        of_server.most.raise(u64::from(server.state.active()));
        of_server.queue_most.raise(u64::from(server.state.queued()));
        of_server.last_used.raise(worker.deadlines.now_ms());
        of_backend.total.add(1);
        of_backend.most.raise(of_backend.total.get().saturating_sub(of_backend.ended.get()));
        Self { server, backend, worker: worker.index }
    }
}

impl Drop for Load<'_> {
    fn drop(&mut self) {
        self.server.counters.of(self.worker).ended.add(1);
        self.backend.counters.of(self.worker).ended.add(1);
    }
}

impl Pools {
    /// An idle connection to this server on which nothing has happened since.
    pub fn take(&self, server: &Arc<Server>, worker: usize) -> Option<Stream> {
        let mut slots = self.slots.borrow_mut();
        let pool = slots.get_mut(server.slot.index).filter(|pool| pool.serial == server.slot.serial)?;
        while let Some(mut idle) = pool.idle.pop_back() {
            server.counters.of(worker).idle_out.add(1);
            if idle.stream.is_quiet() {
                return Some(idle.stream);
            }
        }
        None
    }

    /// Keeps a connection, the oldest going when there are too many.
    pub fn put(
        &self,
        server: &Arc<Server>,
        stream: Stream,
        worker: usize,
        (max_idle, since_ms, expires_ms): (usize, u64, u64),
    ) {
        let mut slots = self.slots.borrow_mut();
        let index = server.slot.index;
        if slots.len() <= index {
            slots.resize_with(index + 1, Pool::default);
        }
        let Some(pool) = slots.get_mut(index) else { return };
        if pool.serial != server.slot.serial {
            pool.forget(worker);
            pool.serial = server.slot.serial;
            pool.server = Arc::downgrade(server);
            pool.counters = Some(Arc::clone(&server.counters));
        }
        if pool.idle.len() >= max_idle && pool.idle.pop_front().is_some() {
            server.counters.of(worker).idle_out.add(1);
        }
        server.counters.of(worker).idle_in.add(1);
        pool.idle.push_back(Idle { stream, since_ms, expires_ms });
    }

    /// Closes what has expired, what its server has closed, and what belongs to servers that are gone.
    pub fn sweep(&self, worker: usize, now_ms: u64) {
        for pool in self.slots.borrow_mut().iter_mut() {
            let Some(counters) = &pool.counters else { continue };
            let before = pool.idle.len();
            pool.idle.retain_mut(|idle| idle.expires_ms > now_ms && idle.stream.is_quiet());
            counters.of(worker).idle_out.add((before - pool.idle.len()) as u64);
            if pool.server.strong_count() == 0 {
                pool.forget(worker);
            }
        }
    }

    /// Closes some that have been idle since then or longer, and returns how many.
    pub fn evict(&self, worker: usize, since_ms: u64, most: usize) -> usize {
        let mut left = most;
        for pool in self.slots.borrow_mut().iter_mut() {
            while left > 0 && pool.idle.front().is_some_and(|idle| idle.since_ms <= since_ms) {
                pool.idle.pop_front();
                left -= 1;
                if let Some(counters) = &pool.counters {
                    counters.of(worker).idle_out.add(1);
                }
            }
        }
        most - left
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
        if let Some(counters) = &self.counters {
            counters.of(worker).idle_out.add(self.idle.len() as u64);
        }
        *self = Self::default();
    }
}
