//! A client's connection as both modes know it: counted while it lives, with its own coarse timer.

use std::cell::{Cell, OnceCell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Context;

use tenbin_balance::Visit;
use tenbin_rules::{Scope, Value, Variable};
use tokio::net::TcpStream;

use crate::address::plain;
use crate::deadline::Timer;
use crate::listener::{Found, Place};
use crate::proxy::Told;
use crate::rules::SessionVariables;
use crate::secured::Secured;
use crate::stats::{FrontendCounters, ListenerCounters};
use crate::stream::Stream;
use crate::tables::Backend;
use crate::tls::Facts;
use crate::track::Tracking;
use crate::worker::Worker;

/// One accepted connection.
pub struct Client {
    /// The thread it lives on.
    pub worker: Rc<Worker>,
    /// The listener it came by.
    pub place: Rc<Place>,
    /// What carries its requests.
    pub stream: Stream,
    /// Its address, or what a proxy before it has told to be its address.
    pub peer: SocketAddr,
    /// For whatever its own side is waited for.
    pub timer: Timer,
    presence: Rc<Presence>,
}

/// A place within the limits: counted on the way in and, whatever happens, on the way out.
pub struct Presence {
    worker: Rc<Worker>,
    frontend: Arc<FrontendCounters>,
    listener: Arc<ListenerCounters>,
    /// What its TLS handshake agreed on.
    pub tls: Option<Box<Facts>>,
    /// What a proxy before it has told.
    pub told: Option<Box<Told>>,
    /// Whom it connected to, as far as its own socket knows; kept for streams, which have none.
    local: OnceCell<Option<SocketAddr>>,
    /// When it was accepted, in microseconds.
    accepted: u64,
    /// When TLS and a PROXY header were done with; 0: not yet.
    pub shaken: Cell<u64>,
    /// Since when nothing was asked: since it was accepted, or since the end of the request before.
    since: Cell<u64>,
    /// Of the scope `sess`; boxed, for most have none.
    variables: SessionVariables,
    /// What rules follow as long as it lives.
    pub tracking: RefCell<Tracking>,
    /// The worker's `idle_epoch` when it came: whoever has asked for nothing since is idle from the beginning.
    pub epoch: u64,
    /// Its place among the connections of its source, where those are counted; boxed, for most have none.
    pub visit: Option<Box<Visit>>,
}

/// A connection that carries many clients.
pub struct Crowd {
    /// The thread it lives on.
    pub worker: Rc<Worker>,
    /// The listener it came by.
    pub place: Rc<Place>,
    /// For whatever the connection itself is waited for.
    pub timer: Timer,
    peer: SocketAddr,
    presence: Rc<Presence>,
}

impl Crowd {
    /// One stream of the connection; it counts as part of it.
    pub fn client(&self, stream: Stream) -> Client {
        Client {
            worker: Rc::clone(&self.worker),
            place: Rc::clone(&self.place),
            stream,
            peer: self.peer,
            timer: self.worker.deadlines.timer(),
            presence: Rc::clone(&self.presence),
        }
    }

    /// What is tracked of the connection.
    pub fn tracking(&self) -> &RefCell<Tracking> {
        &self.presence.tracking
    }
}

impl Client {
    /// A connection that has its place within the limits.
    pub fn new(presence: Presence, place: Rc<Place>, stream: Stream, peer: SocketAddr) -> Self {
        let worker = Rc::clone(&presence.worker);
        let timer = worker.deadlines.timer();
        Self { worker, place, stream, peer, timer, presence: Rc::new(presence) }
    }

    /// Takes the connection out of it: its streams are clients of their own from now on.
    pub fn multiplex(self) -> (Stream, Crowd) {
        // Streams have no socket to ask.
        let _ = self.destination();
        let Self { worker, place, stream, peer, timer, presence } = self;
        (stream, Crowd { worker, place, timer, peer, presence })
    }

    /// The worker's `idle_epoch` when it came.
    pub fn epoch(&self) -> u64 {
        self.presence.epoch
    }

    /// Its place among the connections of its source, where those are counted.
    pub fn visit(&self) -> Option<&Visit> {
        self.presence.visit.as_deref()
    }

    /// What is known of its TLS.
    pub fn tls(&self) -> Secured<'_> {
        self.presence.tls()
    }

    /// What rules follow as long as the connection lives.
    pub fn tracking(&self) -> &RefCell<Tracking> {
        &self.presence.tracking
    }

    /// A variable of the connection.
    pub fn variable(&self, key: u64) -> Value<'static> {
        self.presence.variable(key)
    }

    /// Sets a variable of the connection.
    pub fn set_variable(&self, key: u64, value: Value<'static>) {
        self.presence.set_variable(key, value);
    }

    /// Forgets a variable of the connection.
    pub fn unset_variable(&self, key: u64) {
        self.presence.unset_variable(key);
    }

    /// What is known of its connection, and its socket where it has one of its own.
    pub fn seen(&self) -> (&Presence, Option<&TcpStream>) {
        (&self.presence, self.stream.socket())
    }

    /// What is known of its connection, for longer than it can be borrowed.
    pub fn presence(&self) -> Rc<Presence> {
        Rc::clone(&self.presence)
    }

    /// Whom it connected to. For streams that was asked when their connection was.
    pub fn destination(&self) -> Option<SocketAddr> {
        self.presence.destination(self.stream.socket())
    }

    /// Whether the client no longer waits for a server: it has reset the connection or, where the backend takes that
    /// for leaving, closed it. One that only ended its own side looks the same as one that has closed.
    pub fn has_left(&mut self, cx: &mut Context<'_>, backend: &Backend) -> bool {
        if backend.spec.abort_on_close { self.stream.is_gone(cx) } else { self.stream.is_reset(cx) }
    }

    /// Whether the client has reset the connection. One that has only ended its side still gets its answer.
    pub fn is_reset(&mut self, cx: &mut Context<'_>) -> bool {
        self.stream.is_reset(cx)
    }

    /// A request begins now: since when it was waited for, and when the connection was ready for it.
    ///
    /// Streams are not waited for, but for the first of their connection.
    pub fn begin(&self, now: u64) -> (u64, u64) {
        let Presence { accepted, shaken, since, .. } = &*self.presence;
        if since.get() != *accepted {
            let waited = if self.stream.is_multiplexed() { now } else { since.get() };
            return (waited, waited);
        }
        if self.stream.is_multiplexed() {
            since.set(now);
        }
        (*accepted, shaken.get().max(*accepted))
    }

    /// Whether nothing was asked on it yet.
    pub fn is_fresh(&self) -> bool {
        self.presence.since.get() == self.presence.accepted
    }

    /// A request has ended.
    pub fn end(&self, now: u64) {
        self.presence.since.set(now);
    }

    /// When the connection was accepted and ready for requests, in microseconds.
    pub fn accepted(&self) -> (u64, u64) {
        (self.presence.accepted, self.presence.shaken.get().max(self.presence.accepted))
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
        let accepted = worker.shared.clock.micros();
        let (frontend, listener) = (Arc::clone(frontend), Arc::clone(&found.counters));
        Some(Self {
            worker: Rc::clone(worker),
            frontend,
            listener,
            tls: None,
            told: None,
            local: OnceCell::new(),
            accepted,
            shaken: Cell::new(0),
            since: Cell::new(accepted),
            variables: SessionVariables::default(),
            tracking: RefCell::default(),
            epoch: worker.idle_epoch.get(),
            visit: None,
        })
    }

    /// Whom it connected to, by its socket, or as it was when that was asked before.
    pub fn destination(&self, socket: Option<&TcpStream>) -> Option<SocketAddr> {
        self.told.as_ref().and_then(|told| told.destination).or_else(|| self.connected_to(socket))
    }

    /// The same, whatever a PROXY header says.
    pub fn connected_to(&self, socket: Option<&TcpStream>) -> Option<SocketAddr> {
        let local = &self.local;
        socket.map_or_else(
            || local.get().copied().flatten(),
            |socket| *local.get_or_init(|| socket.local_addr().ok().map(plain)),
        )
    }

    /// When it was accepted, in microseconds.
    pub fn accepted(&self) -> u64 {
        self.accepted
    }

    /// A variable of the connection; absent when it was never set.
    pub fn variable(&self, key: u64) -> Value<'static> {
        let held = self.variables.borrow();
        held.as_ref().map_or(Value::Absent, |held| held.get(&of_session(key)).into_owned())
    }

    /// Sets a variable of the connection.
    pub fn set_variable(&self, key: u64, value: Value<'static>) {
        self.variables.borrow_mut().get_or_insert_default().set(of_session(key), value);
    }

    /// Forgets a variable of the connection.
    pub fn unset_variable(&self, key: u64) {
        if let Some(held) = self.variables.borrow_mut().as_mut() {
            held.unset(of_session(key));
        }
    }

    /// Whether it came by the frontend that counts so.
    pub fn is_of(&self, frontend: &Arc<FrontendCounters>) -> bool {
        Arc::ptr_eq(&self.frontend, frontend)
    }

    /// The thread it lives on.
    pub fn worker(&self) -> &Rc<Worker> {
        &self.worker
    }

    /// What is known of its TLS.
    pub fn tls(&self) -> Secured<'_> {
        Secured { own: self.tls.as_deref(), told: self.told.as_deref() }
    }
}

const fn of_session(key: u64) -> Variable {
    Variable { scope: Scope::Session, key }
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.tracking.get_mut().end(self.worker.now_ms());
        self.worker.shared.process.connections.leave();
        self.frontend.current.leave();
        self.listener.current.leave();
        if std::thread::panicking() {
            self.worker.shared.process.panics.fetch_add(1, Ordering::Relaxed);
        }
    }
}
