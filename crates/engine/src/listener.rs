//! Accepting: new connections up to the limits, pausing without spinning when descriptors run out.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rustix::io::Errno;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::spawn_local;

use crate::client::{Client, Presence};
use crate::doors::Door;
use crate::stats::{ConnectionCounters, ListenerCounters};
use crate::tables::{Frontend, Tables};
use crate::wire::{Mode, NoticeLevel};
use crate::worker::Worker;
use crate::{http, source, tcp};

/// How long accepting pauses when descriptors or memory are short, or a limit is reached.
const PAUSE: Duration = Duration::from_millis(20);

/// A listener as one worker knows it: who serves it by the tables in force.
pub struct Place {
    address: String,
    version: Cell<u64>,
    found: RefCell<Option<Rc<Found>>>,
}

/// Who serves a listener.
pub struct Found {
    /// The frontend.
    pub frontend: Arc<Frontend>,
    /// The listener's counters.
    pub counters: Arc<ListenerCounters>,
    /// The listener's port.
    pub port: u16,
    /// Accept a bare LF as line end in heads.
    pub lenient: bool,
}

impl Found {
    /// Where a worker counts what comes on a connection: at its frontend and at its listener.
    pub fn connection_counters(&self, worker: usize) -> [&ConnectionCounters; 2] {
        [&self.frontend.counters.workers.of(worker).connections, self.counters.workers.of(worker)]
    }
}

impl Place {
    /// A listener by its address.
    pub fn new(address: String) -> Self {
        Self { address, version: Cell::new(u64::MAX), found: RefCell::new(None) }
    }

    /// Who serves it now; `None` when it is not listened on any more.
    pub fn find(&self, worker: &Worker, tables: &Tables) -> Option<Rc<Found>> {
        if self.version.get() != worker.version() {
            self.version.set(worker.version());
            self.found.replace(tables.listener(&self.address).and_then(|listener| {
                Some(Rc::new(Found {
                    frontend: Arc::clone(tables.frontends.get(listener.frontend)?),
                    counters: Arc::clone(&listener.counters),
                    port: listener.port,
                    lenient: listener.lenient,
                }))
            }));
        }
        self.found.borrow().clone()
    }
}

/// Accepts until aborted.
pub async fn accept(worker: Rc<Worker>, place: Rc<Place>, (socket, _door): (StdListener, Door)) {
    // Whoever made the socket, an accept that blocks would stop this thread.
    let listener = match socket.set_nonblocking(true).and_then(|()| TcpListener::from_std(socket)) {
        Ok(listener) => listener,
        Err(error) => {
            let text = format!("cannot accept on {}: {error}", place.address);
            worker.shared.notices.say(NoticeLevel::Error, text);
            return;
        }
    };
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => admit(&worker, &place, stream, peer).await,
            Err(error) => pause(&worker, &error).await,
        }
    }
}

/// Beyond a limit a connection waits here, and further ones in the backlog, until others have ended. Beyond the limit
/// of its source it is turned away at once, so that no source makes others wait.
async fn admit(worker: &Rc<Worker>, place: &Rc<Place>, stream: TcpStream, peer: SocketAddr) {
    let mut visit = None;
    loop {
        let Some(found) = place.find(worker, &worker.tables()) else { return };
        if visit.is_none()
            && let Some(per_source) = &found.frontend.per_source
        {
            match source::enter(worker, (&found, per_source), peer) {
                Ok(entered) => visit = entered,
                Err(source::TurnedAway) => return source::turn_away(worker, &found, stream, peer),
            }
        }
        if let Some(presence) = Presence::reserve(worker, &found) {
            let mut client = Client::new(presence, Rc::clone(place), stream, peer);
            client.visit = visit.map(Box::new);
            match found.frontend.spec.mode {
                Mode::Http => drop(spawn_local(http::serve(client))),
                Mode::Tcp => drop(spawn_local(tcp::serve(client))),
            }
            return;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// A connection that vanished before it was accepted costs nothing. A shortage is waited out, and so is whatever else
/// might come back at once.
async fn pause(worker: &Worker, error: &io::Error) {
    let vanished = [Errno::CONNABORTED, Errno::PROTO, Errno::INTR].map(Errno::raw_os_error);
    if error.raw_os_error().is_some_and(|code| vanished.contains(&code)) {
        return;
    }
    if worker.shared.process.accept_pauses.fetch_add(1, Ordering::Relaxed).is_multiple_of(500) {
        worker.shared.notices.say(NoticeLevel::Warning, format!("accepting pauses: {error}"));
    }
    tokio::time::sleep(PAUSE).await;
}
