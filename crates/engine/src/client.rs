//! A client's connection as both modes know it: counted while it lives, with its own coarse timer.

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;

use socket2::SockRef;
use tenbin_balance::Visit;
use tenbin_rules::{TlsFact, Value};
use tokio::io::ReadBuf;
use tokio::net::TcpStream;

use crate::access::{self, Line};
use crate::deadline::Timer;
use crate::listener::{Found, Place};
use crate::proxy::Told;
use crate::stats::{FrontendCounters, ListenerCounters};
use crate::worker::Worker;

/// One accepted connection.
pub struct Client {
    /// The thread it lives on.
    pub worker: Rc<Worker>,
    /// The listener it came by.
    pub place: Rc<Place>,
    /// Its socket.
    pub stream: TcpStream,
    /// Its address, or what a proxy before it has told to be its address.
    pub peer: SocketAddr,
    /// For whatever its own side is waited for.
    pub timer: Timer,
    /// Its place among the connections of its source, where those are counted; boxed, for most have none.
    pub visit: Option<Box<Visit>>,
    /// What else such a proxy has told.
    pub told: Option<Rc<Told>>,
    presence: Presence,
}

/// A place within the limits: counted on the way in and, whatever happens, on the way out.
pub struct Presence {
    worker: Rc<Worker>,
    frontend: Arc<FrontendCounters>,
    listener: Arc<ListenerCounters>,
}

impl Client {
    /// A connection that has its place within the limits.
    pub fn new(presence: Presence, place: Rc<Place>, stream: TcpStream, peer: SocketAddr) -> Self {
        let worker = Rc::clone(&presence.worker);
        let timer = worker.deadlines.timer();
        Self { worker, place, stream, peer, timer, visit: None, told: None, presence }
    }

    /// What is known of its TLS.
    pub fn tls(&self, fact: TlsFact) -> Value<'_> {
        self.told.as_ref().map_or(Value::Absent, |told| told.tell(fact))
    }

    /// Whether the client has closed; asks the system only when something has happened. A client that only ended
    /// its own side looks the same and counts as gone, so this is for requests that still wait for a slot.
    pub fn is_gone(&self, cx: &mut Context<'_>) -> bool {
        let mut byte = [0];
        matches!(self.stream.poll_peek(cx, &mut ReadBuf::new(&mut byte)), Poll::Ready(Ok(0) | Err(_)))
    }

    /// Whether the client has reset the connection. One that has only ended its side still gets its answer.
    pub fn is_reset(&self, cx: &mut Context<'_>) -> bool {
        let mut byte = [0];
        matches!(self.stream.poll_peek(cx, &mut ReadBuf::new(&mut byte)), Poll::Ready(Err(_)))
    }

    /// Counts and logs that it is closed before anything is known of it but its address.
    pub fn refuse(&self, found: &Found, code: &'static str) {
        *found.frontend.counters.errors.lock().entry(code.to_owned()).or_insert(0) += 1;
        access::log(&self.worker, || Line {
            peer: self.peer,
            frontend: &found.frontend.spec.name,
            backend: "",
            server: "",
            request: None,
            status: 0,
            reason: Some(code),
            bytes: [0, 0],
            phases: [None; 4],
            retries: 0,
        });
    }

    /// Counts bytes of the client's side.
    pub fn count_bytes(&self, bytes_in: u64, bytes_out: u64) {
        let index = self.worker.index;
        let frontend = &self.presence.frontend.workers.of(index).connections;
        let listener = self.presence.listener.workers.of(index);
        for counters in [frontend, listener] {
            counters.bytes_in.add(bytes_in);
            counters.bytes_out.add(bytes_out);
        }
    }
}

/// Has a connection reset when it closes: what the client did not take is of no use to it, and the system would keep it
/// for minutes.
pub fn reset_on_close(stream: &TcpStream) {
    let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
}

impl Presence {
    /// A place for one more connection, if the limits leave any.
    pub fn reserve(worker: &Rc<Worker>, found: &Found) -> Option<Self> {
        let process = &worker.shared.process;
        let frontend = &found.frontend.counters;
        let most = worker.shared.capacity.clients(worker.tables().limits.connections);
        if !process.connections.try_enter(most) {
            return None;
        }
        if !frontend.current.try_enter(found.frontend.spec.limits.connections) {
            process.connections.leave();
            return None;
        }
        found.counters.current.try_enter(0);
        process.connections_total.fetch_add(1, Ordering::Relaxed);
        frontend.workers.of(worker.index).connections.total.add(1);
        found.counters.workers.of(worker.index).total.add(1);
        let (frontend, listener) = (Arc::clone(frontend), Arc::clone(&found.counters));
        Some(Self { worker: Rc::clone(worker), frontend, listener })
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.worker.shared.process.connections.leave();
        self.frontend.current.leave();
        self.listener.current.leave();
        if std::thread::panicking() {
            self.worker.shared.process.panics.fetch_add(1, Ordering::Relaxed);
        }
    }
}
