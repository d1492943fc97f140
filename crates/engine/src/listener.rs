//! Accepting: new connections up to the limits, pausing without spinning when descriptors or memory run out.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener as StdListener};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use ipnet::IpNet;
use rustix::io::Errno;
use socket2::SockRef;
use tenbin_balance::Visit;
use tokio::net::TcpStream;
use tokio::task::{spawn_local, yield_now};

use crate::address::{Acceptor, plain};
use crate::capacity::{Capacity, PAUSE, number_of};
use crate::client::{Client, Presence};
use crate::connection::ConnectionView;
use crate::doors::Door;
use crate::rules::{self, Admission, Stage};
use crate::stats::{ConnectionCounters, ListenerCounters};
use crate::stream::Stream;
use crate::tables::{Frontend, Tables};
use crate::tls::ListenerConfig;
use crate::wire::{Mode, NoticeLevel};
use crate::worker::Worker;
use crate::{handshake, http, http2, proxy, source, tcp};

/// What the system holds for a client beyond what is under way to it.
const UNSENT_BYTES: u32 = 64 * 1024;

/// Connections taken in a row before others of the thread get on.
const AT_ONCE: u64 = 16;

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
    /// What the listener is called; may be empty.
    pub name: Arc<str>,
    /// Its number within the frontend.
    pub number: u32,
    /// The listener's port.
    pub port: u16,
    /// Accept a bare LF as line end in heads.
    pub lenient: bool,
    /// None: plain.
    pub tls: Option<ListenerConfig>,
    /// HTTP/2 by prior knowledge.
    pub http2: bool,
    /// Finished field lines that every answer carries.
    pub always: Vec<u8>,
    /// Networks whose connections begin with a PROXY header; none of them: all do.
    pub proxy: Option<Arc<[IpNet]>>,
}

impl Found {
    /// Where a worker counts what comes on a connection: at its frontend and at its listener.
    pub fn connection_counters(&self, worker: usize) -> [&ConnectionCounters; 2] {
        [&self.frontend.counters.workers.of(worker).connections, self.counters.workers.of(worker)]
    }

    /// The listener's name, if it has one.
    pub fn named(&self) -> Option<&[u8]> {
        Some(self.name.as_bytes()).filter(|name| !name.is_empty())
    }

    /// Whether a connection from there begins with a PROXY header.
    fn expects_header(&self, peer: IpAddr) -> bool {
        let within = |networks: &Arc<[IpNet]>| networks.iter().any(|network| network.contains(&peer));
        self.proxy.as_ref().is_some_and(|networks| networks.is_empty() || within(networks))
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
                name: Arc::clone(&listener.name),
                number: listener.number,
                port: listener.port,
                lenient: listener.lenient,
                tls: listener.tls.clone(),
                http2: listener.http2,
                always: listener.tls.as_ref().map(always).unwrap_or_default(),
                proxy: listener.proxy.clone(),
            }))
        });
        self.gone.set(found.is_none());
        if found.is_some() {
            self.found.replace(found);
        }
    }
}

/// RFC 6797, 6.1.
fn always(tls: &ListenerConfig) -> Vec<u8> {
    match tls.spec().hsts.as_str() {
        "" => Vec::new(),
        value => format!("strict-transport-security: {value}\r\n").into_bytes(),
    }
}

/// A connection that was accepted and has no place within the limits yet.
struct Arrival {
    worker: Rc<Worker>,
    place: Rc<Place>,
    stream: TcpStream,
    peer: SocketAddr,
    /// Its place among the connections of its source, where those are counted.
    visit: Option<Visit>,
    /// That of the lowest descriptor that it could have.
    number: u64,
    /// It does not come too early, and was counted so.
    in_time: bool,
}

/// A connection that has its place within the limits and is not served yet.
pub struct Newcomer {
    /// Its place.
    pub presence: Presence,
    /// The listener it came by.
    pub place: Rc<Place>,
    /// Its socket.
    pub stream: TcpStream,
    /// Its address.
    pub peer: SocketAddr,
}

/// Accepts until aborted. Beyond a limit a connection waits, and further ones in the backlog, until others have ended.
pub async fn accept(worker: Rc<Worker>, place: Rc<Place>, (socket, _door): (StdListener, Door)) {
    // Connections inherit it. What a client does not take stays with the server instead of in the system's memory, and
    // a client that takes little is seen to take it; what is under way on a long path is not counted.
    let _ = SockRef::from(&socket).set_tcp_notsent_lowat(UNSENT_BYTES);
    let listener = match Acceptor::new(socket) {
        Ok(listener) => listener,
        Err(error) => {
            let text = format!("cannot accept on {}: {error}", place.address);
            worker.shared.notices.say(NoticeLevel::Error, text);
            return;
        }
    };
    for count in 1_u64.. {
        if count.is_multiple_of(AT_ONCE) {
            yield_now().await;
        }
        match listener.accept().await {
            Ok((stream, peer)) => {
                let (worker, place, number) = (Rc::clone(&worker), Rc::clone(&place), number_of(&stream));
                let arrival = Arrival { worker, place, stream, peer, visit: None, number, in_time: false };
                if let Some(arrival) = arrival.admit() {
                    // A task of its own: this one may be aborted, and what was accepted is served all the same.
                    let door = arrival.worker.shared.doors.open();
                    let _ = spawn_local(wait(arrival, door)).await;
                }
            }
            Err(error) => failed(&worker, &error).await,
        }
    }
}

impl Newcomer {
    /// The same if the rules for connections let it in, and whether they expect a PROXY header.
    fn let_in(self, found: &Rc<Found>) -> Option<(Self, bool)> {
        let Self { presence, place, stream, peer } = self;
        let presence = Rc::new(presence);
        let ends = (peer, stream.local_addr().ok().map(plain));
        let mut view = ConnectionView::new(Rc::clone(&presence), Rc::clone(found), ends);
        let admission = rules::connection(&mut view);
        if admission == Admission::In {
            let (peer, is_announced) = (view.peer, view.is_announced);
            drop(view);
            return Some((Self { presence: Rc::into_inner(presence)?, place, stream, peer }, is_announced));
        }
        rules::turned_away(found, presence.worker().index, Stage::Connection);
        close(&SockRef::from(&stream), admission);
        None
    }
}

/// Closes a connection that rules do not let in; one that is dropped silently gets no further than one hop.
fn close(socket: &SockRef<'_>, admission: Admission) {
    if admission == Admission::Dropped {
        let _ = socket.set_ttl_v4(1);
        let _ = socket.set_unicast_hops_v6(1);
        let _ = socket.set_linger(Some(std::time::Duration::ZERO));
    }
}

/// Has a connection served of which is known whose it is.
pub fn begin(newcomer: Newcomer, found: &Rc<Found>) {
    if let Some(tls) = &found.tls {
        drop(spawn_local(handshake::secure(newcomer, Rc::clone(found), tls.clone())));
        return;
    }
    let Newcomer { presence, place, stream, peer } = newcomer;
    serve(Client::new(presence, place, Stream::Tcp(stream), peer), found, false);
}

/// Has a connection served whose bytes are those of the protocol that is balanced.
pub fn serve(mut client: Client, found: &Rc<Found>, is_http2: bool) {
    if !found.frontend.rules.session.is_empty() {
        let ends = (client.peer, client.destination());
        let mut view = ConnectionView::new(client.presence(), Rc::clone(found), ends);
        let admission = rules::session(&mut view);
        client.peer = view.peer;
        if admission != Admission::In {
            rules::turned_away(found, client.worker.index, Stage::Session);
            if let Some(socket) = client.stream.socket() {
                close(&SockRef::from(socket), admission);
            }
            return;
        }
    }
    client.tracking().borrow().count_session(client.worker.now_ms());
    match found.frontend.spec.mode {
        Mode::Http if is_http2 => drop(spawn_local(http2::serve(client, Vec::new()))),
        Mode::Http => drop(spawn_local(http::serve(client))),
        Mode::Tcp => drop(spawn_local(tcp::serve(client))),
    }
}

/// Asks for a place again and again. The door says that there is somebody to wait for when all of this process ends.
async fn wait(arrival: Arrival, _door: Door) {
    let mut waiting = Some(arrival);
    while let Some(mut arrival) = waiting {
        tokio::time::sleep(PAUSE).await;
        arrival.look_again();
        waiting = arrival.admit();
    }
}

impl Arrival {
    /// Gives it a place, or back when there is none. Beyond the limit of its source it is turned away at once, so that
    /// no source makes others wait.
    fn admit(mut self) -> Option<Self> {
        let worker = &self.worker;
        let found = self.place.find(worker, &worker.tables())?;
        // Whose it is, its header will tell.
        let mut is_announced = found.expects_header(self.peer.ip().to_canonical());
        if self.visit.is_none()
            && !is_announced
            && let Some(per_source) = &found.frontend.per_source
        {
            let Ok(entered) = source::enter(worker, (&found, per_source), self.peer) else {
                source::turn_away(worker, &found, self.stream, self.peer);
                return None;
            };
            self.visit = entered;
        }
        if self.is_short() || self.is_early(&found) {
            return Some(self);
        }
        let Some(mut presence) = Presence::reserve(&self.worker, &found) else { return Some(self) };
        presence.visit = self.visit.map(Box::new);
        let mut newcomer = Newcomer { presence, place: self.place, stream: self.stream, peer: self.peer };
        if !found.frontend.rules.connection.is_empty() {
            let (admitted, expects) = newcomer.let_in(&found)?;
            newcomer = admitted;
            is_announced |= expects;
        }
        if is_announced {
            drop(spawn_local(proxy::greet(newcomer, found)));
        } else {
            begin(newcomer, &found);
        }
        None
    }

    /// Whether descriptors or memory leave no room for a connection; says so.
    fn is_short(&self) -> bool {
        let shared = &self.worker.shared;
        let has_room = shared.capacity.has_room(self.number);
        if !has_room {
            let limit = shared.capacity.descriptors();
            tell(&self.worker, || format!("clients hold what they may of {limit} descriptors"));
        }
        !has_room || shared.stance.is_refusing()
    }

    /// Whether more has begun in the last second than may; what has waited its time is not asked again.
    fn is_early(&mut self, found: &Found) -> bool {
        let (limits, most) = (self.worker.tables().limits.rates, found.frontend.spec.limits.session_rate);
        let (paces, pace) = (&self.worker.shared.process.paces, &found.frontend.counters.pace);
        self.in_time |= paces.admit(&limits, (pace, most), found.tls.is_some(), self.worker.now_ms());
        !self.in_time
    }

    /// Descriptors may have become free.
    fn look_again(&mut self) {
        if !self.worker.shared.capacity.has_room(self.number) {
            self.number = Capacity::next_number(&self.stream);
        }
    }
}

/// A connection that vanished before it was accepted costs nothing. A shortage is waited out, and so is whatever else
/// might come back at once.
async fn failed(worker: &Worker, error: &io::Error) {
    let vanished = [Errno::CONNABORTED, Errno::PROTO, Errno::INTR].map(Errno::raw_os_error);
    if error.raw_os_error().is_some_and(|code| vanished.contains(&code)) {
        return;
    }
    tell(worker, || error.to_string());
    tokio::time::sleep(PAUSE).await;
}

/// Accepting pauses for descriptors, which idle connections give back meanwhile.
fn tell(worker: &Worker, why: impl FnOnce() -> String) {
    let shared = &worker.shared;
    shared.process.accept_pauses.fetch_add(1, Ordering::Relaxed);
    if shared.capacity.pause(worker.now_ms()) {
        shared.notices.say(NoticeLevel::Warning, format!("accepting pauses: {}", why()));
    }
}
