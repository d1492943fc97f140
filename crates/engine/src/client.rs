//! A client's connection as both modes know it: counted while it lives, with its own coarse timer.

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::net::TcpStream;

use crate::deadline::Timer;
use crate::listener::{Found, Place};
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
    /// Its address.
    pub peer: SocketAddr,
    /// For whatever its own side is waited for.
    pub timer: Timer,
    presence: Presence,
}

/// Counted on the way in and, whatever happens, on the way out.
struct Presence {
    worker: Rc<Worker>,
    frontend: Arc<FrontendCounters>,
    listener: Arc<ListenerCounters>,
}

impl Client {
    /// Counts a new connection.
    pub fn new(
        worker: Rc<Worker>,
        place: Rc<Place>,
        found: &Found,
        stream: TcpStream,
        peer: SocketAddr,
    ) -> Self {
        let frontend = Arc::clone(&found.frontend.counters);
        let listener = Arc::clone(&found.counters);
        worker.shared.process.connections.enter();
        worker.shared.process.connections_total.fetch_add(1, Ordering::Relaxed);
        frontend.current.enter();
        listener.current.enter();
        frontend.workers.of(worker.index).connections.total.add(1);
        listener.workers.of(worker.index).total.add(1);
        let timer = worker.deadlines.timer();
        let presence = Presence { worker: Rc::clone(&worker), frontend, listener };
        Self { worker, place, stream, peer, timer, presence }
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
