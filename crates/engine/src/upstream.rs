//! Connections to servers: opening them, and keeping idle ones for the next request of this worker.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};

use rustix::io::Errno;
use rustix::net::{SendFlags, send};
use rustls::CertificateError;
use rustls::pki_types::ServerName;
use tenbin_balance::{Lease, Outcome, OutcomeKind};
use tokio::net::TcpStream;

use crate::address::Address;
use crate::capacity::PAUSE;
use crate::deadline::Timer;
use crate::http2::{Link, Links, Opener, Waiter};
use crate::stats::{ServerCounters, Workers};
use crate::stream::{Stream, Tls};
use crate::tables::{Backend, Server};
use crate::tls::Chosen;
use crate::wire::Sight;
use crate::worker::Worker;

/// Why a server could not be reached.
#[derive(Clone, Copy, Debug)]
pub enum ConnectError {
    /// No answer within the connect timeout.
    Timeout,
    /// Refused or unreachable.
    Failed,
    /// The TLS handshake failed: a certificate that is not good, or something that is not TLS.
    Tls,
    /// The server is not whom the request chose a name for, which says nothing about it.
    Name,
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

/// Connections of one worker that requests may go on, by the servers' slots: idle ones, and shared ones of HTTP/2.
#[derive(Default)]
pub struct Pools {
    slots: RefCell<Vec<Pool>>,
}

#[derive(Default)]
struct Pool {
    serial: u64,
    /// The oldest first.
    idle: VecDeque<Idle>,
    links: Links,
    /// Links that may stay idle.
    max_idle: usize,
    /// Gone when no tables and no request know the server any more.
    server: Weak<Server>,
    /// Of the server; they may outlive it.
    counters: Option<Arc<Workers<ServerCounters>>>,
}

struct Idle {
    stream: Stream,
    /// How often it was used after its first request.
    reuses: u32,
    since_ms: u64,
    expires_ms: u64,
}

/// How a connection begins.
#[derive(Clone, Copy)]
pub struct Manner<'a> {
    /// Goes before everything else.
    pub preface: &'a [u8],
    /// Whoever asks will speak at once, so that both leave together.
    pub more: bool,
    /// Much will be written without waiting for an answer; see `hurry`.
    pub prompt: bool,
    /// Over TLS, no other protocol than HTTP/1.1 is offered.
    pub http1: bool,
    /// Over TLS, the name that was chosen for it.
    pub chosen: &'a Chosen,
}

/// Opens a connection.
pub async fn connect(
    server: &Server,
    manner: Manner<'_>,
    timer: &Timer,
    timeout_ms: u64,
) -> Result<Stream, ConnectError> {
    let Some(address) = &server.address else {
        return Err(ConnectError::Failed);
    };
    timer.set(timeout_ms);
    let mut opening = pin!(open(server, address, manner));
    let opened = poll_fn(|cx| {
        let opened = opening.as_mut().poll(cx);
        if opened.is_ready() { opened } else { timer.poll(cx).map(|()| Err(ConnectError::Timeout)) }
    })
    .await;
    timer.clear();
    opened
}

async fn open(
    server: &Server,
    address: &Address,
    Manner { preface, more, prompt, http1, chosen }: Manner<'_>,
) -> Result<Stream, ConnectError> {
    let socket = address.connect(server.way).await.map_err(|error| blame(&error))?;
    begin(&socket, preface, more || server.tls.is_some()).map_err(|error| blame(&error))?;
    if prompt || server.tls.is_some() {
        hurry(&socket);
    }
    let Some(tls) = &server.tls else { return Ok(Stream::Tcp(socket)) };
    let (config, name) = tls.towards(chosen.as_ref(), address.ip(), http1);
    let opened = Tls::connect(config, (name, chosen.clone()), socket).await;
    opened.map(Stream::Tls).map_err(|error| mistrust(&error, chosen.is_some()))
}

/// Has every write leave at once, even when the one before it was not yet acknowledged (RFC 896, 9293 section 3.7.4).
/// Who writes once and then listens needs no such word.
pub fn hurry(socket: &TcpStream) {
    // On a unix socket there is nothing to say, and on one that has failed nothing to gain.
    let _ = socket.set_nodelay(true);
}

/// Whether TLS itself has something against the peer, rather than the network; or nothing but the `chosen` name, with
/// which clients could otherwise make a good server a failing one.
fn mistrust(error: &io::Error, chosen: bool) -> ConnectError {
    use rustls::Error;
    match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
        None => ConnectError::Failed,
        Some(
            Error::AlertReceived(_)
            | Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            ),
        ) if chosen => ConnectError::Name,
        Some(_) => ConnectError::Tls,
    }
}

/// A new connection has room for a header.
fn begin(stream: &TcpStream, preface: &[u8], more: bool) -> io::Result<()> {
    if preface.is_empty() {
        return Ok(());
    }
    let more = if more { SendFlags::MORE } else { SendFlags::empty() };
    let sent = send(stream, preface, more | SendFlags::DONTWAIT | SendFlags::NOSIGNAL)?;
    if sent == preface.len() { Ok(()) } else { Err(io::ErrorKind::WriteZero.into()) }
}

impl ConnectError {
    /// Gives the slot back with what this says of the server.
    pub fn settle(self, worker: &Worker, (backend, server): (&Backend, &Server), lease: Lease) {
        let kind = match self {
            Self::Timeout | Self::Failed | Self::Tls => OutcomeKind::Failure,
            Self::Name | Self::Short | Self::NoPort => OutcomeKind::Aborted,
        };
        if kind == OutcomeKind::Failure || matches!(self, Self::Name) {
            let counters = server.counters.of(worker.index);
            counters.most.raise(u64::from(server.state.active()));
            counters.connect_errors.add(1);
            counters.failures.add(1);
        }
        if kind == OutcomeKind::Failure {
            server.see(backend, worker, Sight::Unreachable);
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
    /// A stream on a shared connection to this server, asked for this name.
    pub fn join(&self, server: &Server, chosen: Option<&ServerName<'static>>) -> Option<Stream> {
        let slots = self.slots.borrow();
        let pool = slots.get(server.slot.index).filter(|pool| pool.serial == server.slot.serial)?;
        pool.links.stream(chosen).map(|asked| Stream::Asked(Box::new(asked)))
    }

    /// A place among those who wait for a connection to this server that somebody opens.
    pub fn wait(&self, server: &Server, chosen: Option<&ServerName<'static>>) -> Option<Waiter> {
        let mut slots = self.slots.borrow_mut();
        let pool = slots.get_mut(server.slot.index).filter(|pool| pool.serial == server.slot.serial)?;
        pool.links.wait(chosen)
    }

    /// Announces a shared connection that is going to be opened.
    pub fn announce(&self, server: &Arc<Server>, worker: usize, chosen: Chosen) -> Opener {
        self.with(server, worker, |pool| pool.links.announce(chosen))
    }

    /// The connection that was announced cannot be shared, and others will not be either.
    pub fn divide(&self, server: &Arc<Server>, worker: usize) {
        self.with(server, worker, |pool| pool.links.give_up());
    }

    /// Adds one that is there.
    pub fn share(
        &self,
        server: &Arc<Server>,
        (chosen, link): (Chosen, Rc<Link>),
        worker: usize,
        max_idle: usize,
    ) {
        self.with(server, worker, |pool| {
            pool.max_idle = max_idle;
            pool.links.add(chosen, link);
        });
    }

    /// An idle connection to this server, asked for this name, on which nothing has happened since; and how often it is
    /// used again with this.
    pub fn take(
        &self,
        server: &Server,
        worker: usize,
        chosen: Option<&ServerName<'static>>,
    ) -> Option<(Stream, u32)> {
        let mut slots = self.slots.borrow_mut();
        let pool = slots.get_mut(server.slot.index).filter(|pool| pool.serial == server.slot.serial)?;
        let fits = |idle: &Idle| idle.stream.chosen() == chosen;
        // Where no names are chosen, that is the last one.
        while let Some(mut idle) = pool.idle.iter().rposition(fits).and_then(|place| pool.idle.remove(place))
        {
            server.counters.of(worker).idle_out.add(1);
            if idle.stream.is_quiet() {
                return Some((idle.stream, idle.reuses.saturating_add(1)));
            }
        }
        None
    }

    /// Keeps a connection, the oldest going when there are too many.
    pub fn put(
        &self,
        server: &Arc<Server>,
        (stream, reuses): (Stream, u32),
        worker: usize,
        (max_idle, since_ms, expires_ms): (usize, u64, u64),
    ) {
        self.with(server, worker, |pool| {
            if pool.idle.len() >= max_idle && pool.idle.pop_front().is_some() {
                server.counters.of(worker).idle_out.add(1);
            }
            server.counters.of(worker).idle_in.add(1);
            pool.idle.push_back(Idle { stream, reuses, since_ms, expires_ms });
        });
    }

    /// The pool of a server, made anew when another one had its slot.
    fn with<T>(&self, server: &Arc<Server>, worker: usize, act: impl FnOnce(&mut Pool) -> T) -> T {
        let mut slots = self.slots.borrow_mut();
        let index = server.slot.index;
        if slots.len() <= index {
            slots.resize_with(index + 1, Pool::default);
        }
        let mut stray = Pool::default();
        let pool = slots.get_mut(index).unwrap_or(&mut stray);
        if pool.serial != server.slot.serial {
            pool.forget(worker);
            pool.serial = server.slot.serial;
            pool.server = Arc::downgrade(server);
            pool.counters = Some(Arc::clone(&server.counters));
        }
        act(pool)
    }

    /// Closes what has expired, what its server has closed, and what belongs to servers that are gone.
    pub fn sweep(&self, worker: usize, now_ms: u64) {
        for pool in self.slots.borrow_mut().iter_mut() {
            let Some(counters) = &pool.counters else { continue };
            let before = pool.idle.len();
            pool.idle.retain_mut(|idle| idle.expires_ms > now_ms && idle.stream.is_quiet());
            counters.of(worker).idle_out.add((before - pool.idle.len()) as u64);
            pool.links.look(now_ms, pool.max_idle);
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
            while left > 0 && pool.links.close_oldest(since_ms) {
                left -= 1;
            }
        }
        most - left
    }

    /// Closes all idle connections to a server; shared ones take no more requests.
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
