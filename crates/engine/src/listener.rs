//! Accepting: new connections up to the limits, pausing without spinning when descriptors or memory run out.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use rustix::io::Errno;
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::spawn_local;

use crate::capacity::{Capacity, PAUSE, number_of};
use crate::client::{Client, Presence};
use crate::doors::Door;
use crate::stats::{ConnectionCounters, ListenerCounters};
use crate::tables::{Frontend, Tables};
use crate::wire::{Mode, NoticeLevel};
use crate::worker::Worker;
use crate::{http, source, tcp};

/// What the system holds for a client beyond what is under way to it.
const UNSENT_BYTES: u32 = 64 * 1024;

/// A listener as one worker knows it: who serves it by the tables in force, or did when it was last in force.
pub struct Place {
    address: String,
    version: Cell<u64>,
    gone: Cell<bool>,
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
        Self { address, version: Cell::new(u64::MAX), gone: Cell::new(true), found: RefCell::new(None) }
    }

    /// Who serves it; `None` when it has never been listened on.
    pub fn find(&self, worker: &Worker, tables: &Tables) -> Option<Rc<Found>> {
        self.look(worker, tables);
        self.found.borrow().clone()
    }

    /// Whether it is not listened on any more: who was let in is served once more by whoever served it last.
    pub fn is_gone(&self, worker: &Worker, tables: &Tables) -> bool {
        self.look(worker, tables);
        self.gone.get()
    }

    fn look(&self, worker: &Worker, tables: &Tables) {
        if self.version.get() == worker.version() {
            return;
        }
        self.version.set(worker.version());
        let found = tables.listener(&self.address).and_then(|listener| {
            Some(Rc::new(Found {
                frontend: Arc::clone(tables.frontends.get(listener.frontend)?),
                counters: Arc::clone(&listener.counters),
                port: listener.port,
                lenient: listener.lenient,
            }))
        });
        self.gone.set(found.is_none());
        if found.is_some() {
            self.found.replace(found);
        }
    }
}

/// Accepts until aborted.
pub async fn accept(worker: Rc<Worker>, place: Rc<Place>, (socket, _door): (StdListener, Door)) {
    // Connections inherit it. What a client does not take stays with the server instead of in the system's memory, and
    // a client that takes little is seen to take it; what is under way on a long path is not counted.
    let _ = SockRef::from(&socket).set_tcp_notsent_lowat(UNSENT_BYTES);
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
            Err(error) => failed(&worker, &error).await,
        }
    }
}

/// Beyond a limit a connection waits here, and further ones in the backlog, until others have ended. Beyond the limit
/// of its source it is turned away at once, so that no source makes others wait.
async fn admit(worker: &Rc<Worker>, place: &Rc<Place>, stream: TcpStream, peer: SocketAddr) {
    let mut number = number_of(&stream);
    let mut visit = None;
    loop {
        let tables = worker.tables();
        let Some(found) = place.find(worker, &tables) else { return };
        if place.is_gone(worker, &tables) {
            return;
        }
        if visit.is_none()
            && let Some(per_source) = &found.frontend.per_source
        {
            match source::enter(worker, (&found, per_source), peer) {
                Ok(entered) => visit = entered,
                Err(source::TurnedAway) => return source::turn_away(worker, &found, stream, peer),
            }
        }
        if is_short(worker, &stream, &mut number).await {
            continue;
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

/// Waits a moment and says so when descriptors or memory leave no room for a connection. `number` is that of the lowest
/// descriptor that it could have.
async fn is_short(worker: &Worker, stream: &TcpStream, number: &mut u64) -> bool {
    let shared = &worker.shared;
    if !shared.capacity.has_room(*number) {
        let limit = shared.capacity.descriptors();
        pause(worker, || format!("clients hold what they may of {limit} descriptors")).await;
        *number = Capacity::next_number(stream);
        return true;
    }
    if shared.stance.is_refusing() {
        tokio::time::sleep(PAUSE).await;
        return true;
    }
    false
}

/// A connection that vanished before it was accepted costs nothing. A shortage is waited out, and so is whatever else
/// might come back at once.
async fn failed(worker: &Worker, error: &io::Error) {
    let vanished = [Errno::CONNABORTED, Errno::PROTO, Errno::INTR].map(Errno::raw_os_error);
    if error.raw_os_error().is_some_and(|code| vanished.contains(&code)) {
        return;
    }
    pause(worker, || error.to_string()).await;
}

/// Waits a moment for descriptors, which idle connections give back meanwhile.
async fn pause(worker: &Worker, why: impl FnOnce() -> String) {
    let shared = &worker.shared;
    shared.process.accept_pauses.fetch_add(1, Ordering::Relaxed);
    if shared.capacity.pause(worker.now_ms()) {
        shared.notices.say(NoticeLevel::Warning, format!("accepting pauses: {}", why()));
    }
    tokio::time::sleep(PAUSE).await;
}
