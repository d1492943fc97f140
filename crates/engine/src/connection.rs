//! A connection as conditions see it, before and without requests.

use std::cell::RefCell;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;

use tenbin_rules::{Change, Counter, Fact, Figure, Message, Scope, TlsFact, Value, Variable, View};

use crate::behind::Behind;
use crate::client::Presence;
use crate::listener::Found;
use crate::premature::Failure;
use crate::rules::seen::{self, Seen};
use crate::rules::{Captures, Variables, figures, tracking};
use crate::tables::{Backend, Server};
use crate::throttle::Throttles;

/// See the module.
pub struct ConnectionView {
    /// Its place.
    pub presence: Rc<Presence>,
    /// Who serves its listener.
    pub found: Rc<Found>,
    /// Whom it comes from.
    pub peer: SocketAddr,
    /// Whom it connected to.
    pub local: Option<SocketAddr>,
    /// What a client says in TLS that is terminated behind us.
    pub asked: Option<Asked>,
    /// Its first bytes, as far as they were read.
    pub heard: Vec<u8>,
    /// The first bytes of its server, while rules look at them.
    pub answered: Vec<u8>,
    /// No more bytes are waited for.
    pub is_final: bool,
    /// A PROXY header comes first.
    pub is_announced: bool,
    /// Variables that end with it.
    pub variables: Variables,
    /// Limits of what it carries.
    pub throttles: Throttles,
    /// Samples kept for its line.
    pub captures: Captures,
    /// What expressions have assigned and rules have not seen yet.
    assigned: RefCell<Vec<(Variable, Value<'static>)>>,
    /// Where it goes.
    pub backend: Option<Arc<Backend>>,
    /// Who serves it.
    pub server: Option<Arc<Server>>,
    /// The connection to it, where some expression asks about it.
    pub behind: Option<Rc<Behind>>,
    /// Severity of its line that rules ask for; 8: no line.
    pub log_level: Option<u8>,
    /// Why it ended before it was served.
    pub failure: Option<Failure>,
}

/// What a client says in TLS that is terminated behind us.
#[derive(Default)]
pub struct Asked {
    /// The server that it wants.
    pub name: Option<String>,
    /// The protocols that it offers, with commas between.
    pub protocols: Option<Vec<u8>>,
}

impl ConnectionView {
    /// A connection that has said nothing yet.
    pub fn new(
        presence: Rc<Presence>,
        found: Rc<Found>,
        (peer, local): (SocketAddr, Option<SocketAddr>),
    ) -> Self {
        Self {
            presence,
            found,
            peer,
            local,
            asked: None,
            heard: Vec::new(),
            answered: Vec::new(),
            log_level: None,
            failure: None,
            server: None,
            behind: None,
            is_final: false,
            is_announced: false,
            variables: Variables::default(),
            throttles: Throttles::default(),
            captures: Captures::default(),
            assigned: RefCell::default(),
            backend: None,
        }
    }

    fn seen(&self) -> Seen<'_> {
        Seen {
            presence: &self.presence,
            socket: None,
            found: &self.found,
            backend: self.backend.as_deref(),
            server: self.server(),
            behind: self.behind.as_deref(),
            is_reused: false,
            peer: self.peer,
            local: self.local,
        }
    }

    /// What expressions have assigned meanwhile becomes part of the variables.
    pub fn keep_assigned(&mut self) {
        for (which, value) in self.assigned.get_mut().drain(..) {
            match value {
                Value::Absent => self.variables.unset(which),
                value => self.variables.set(which, value),
            }
        }
    }
}

impl View for ConnectionView {
    fn source(&self) -> IpAddr {
        self.peer.ip().to_canonical()
    }
    fn source_port(&self) -> u16 {
        self.peer.port()
    }
    fn port(&self) -> u16 {
        self.found.port
    }
    fn tls(&self, fact: TlsFact) -> Value<'_> {
        let asked = self.asked.as_ref().and_then(|asked| match fact {
            TlsFact::AskedName => asked.name.as_deref().map(str::as_bytes),
            TlsFact::AskedProtocols => asked.protocols.as_deref(),
            _ => None,
        });
        asked.map_or_else(|| self.presence.tls().tell(fact), Value::text)
    }
    fn body(&self, message: Message) -> &[u8] {
        if message == Message::Request { &self.heard } else { &self.answered }
    }
    fn proxy_field(&self, kind: u8) -> Value<'_> {
        Value::maybe(self.presence.told.as_ref().and_then(|told| told.field(kind)))
    }
    fn fact(&self, fact: Fact) -> Value<'_> {
        let failure = || self.failure.map(|failure| failure.why.told());
        let blame = || self.failure.map(|failure| failure.blame).unwrap_or_default();
        match fact {
            Fact::WaitEnd => Value::Bool(self.is_final),
            Fact::FcErr => Value::Int(failure().map_or(0, |told| told.0).into()),
            Fact::FcErrStr => Value::text(failure().map_or("Success", |told| told.1).as_bytes()),
            Fact::SslFcErr => Value::Int(blame().number()),
            Fact::SslFcErrStr => {
                blame().words().map_or(Value::Absent, |words| Value::Str(words.into_bytes().into()))
            }
            Fact::SslCErr if self.failure.is_some() => Value::Int(blame().certificate.into()),
            Fact::SslCCaErr if self.failure.is_some() => Value::Int(0),
            Fact::FcHttpMajor => Value::Int(1),
            _ => seen::tell(fact, &self.seen()).unwrap_or(Value::Absent),
        }
    }
    fn capture(&self, message: Message, index: usize) -> Value<'_> {
        Value::maybe(self.captures.get(message, index))
    }
    fn of(&self, figure: Figure, name: &str) -> Value<'_> {
        figures::tell(figure, name, (self.presence.worker(), &self.found, self.backend.as_deref()))
    }
    fn server(&self) -> Option<&str> {
        self.server.as_ref().map(|server| server.name.as_str())
    }
    fn random(&self) -> u64 {
        figures::random()
    }
    fn zone(&self, epoch: i64) -> i64 {
        self.presence.worker().dates.borrow().offset(u64::try_from(epoch).unwrap_or(0))
    }
    fn assign(&self, which: &Variable, value: &Value<'_>) {
        let value = value.borrowed().into_owned();
        match (which.scope, value) {
            (Scope::Process, Value::Absent) => self.presence.worker().shared.variables.unset(which.key),
            (Scope::Process, value) => self.presence.worker().shared.variables.set(which.key, value),
            (Scope::Session, Value::Absent) => self.presence.unset_variable(which.key),
            (Scope::Session, value) => self.presence.set_variable(which.key, value),
            // Rules hold the others while expressions are evaluated: they have them afterwards.
            (_, value) => self.assigned.borrow_mut().push((*which, value)),
        }
    }
    fn variable(&self, which: &Variable) -> Value<'_> {
        match which.scope {
            Scope::Process => self.presence.worker().shared.variables.get(which.key),
            Scope::Session => self.presence.variable(which.key),
            _ => {
                let assigned = self.assigned.borrow();
                let last = assigned.iter().rev().find(|(known, _)| known == which);
                last.map_or_else(|| self.variables.get(which), |(_, value)| value.clone())
            }
        }
    }
    fn tracked(&self, slot: u8, counter: &Counter) -> Value<'_> {
        let held = self.presence.tracking.borrow();
        tracking::read([&held, &held], slot, counter, self.now_ms())
    }
    fn change(&self, slot: u8, counter: &Counter, change: Change) -> Value<'_> {
        let held = self.presence.tracking.borrow();
        tracking::change([&held, &held], slot, (counter, change), self.now_ms())
    }
    fn tracked_key(&self, slot: u8) -> Value<'_> {
        let held = self.presence.tracking.borrow();
        tracking::key([&held, &held], slot)
    }
    fn now_ms(&self) -> u64 {
        self.presence.worker().now_ms()
    }
}
