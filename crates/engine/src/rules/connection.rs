//! The `connection` and `session` sets: run before anything of a protocol is read.

use tenbin_rules::{Fact, Scope, Value, Variable, View};

use super::{Variables, request::holds};
use crate::client::Presence;
use crate::listener::Found;
use crate::tables::{Act, Rule};

/// Whether a connection gets in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It does.
    In,
    /// It is closed.
    Refused,
    /// It is closed, and its client is told as little of it as possible.
    Dropped,
}

/// What expressions see of a connection that has said nothing yet.
pub struct Bare<'a> {
    /// Its place.
    pub presence: &'a Presence,
    /// Who serves its listener.
    pub found: &'a Found,
    /// Its address.
    pub peer: std::net::SocketAddr,
    /// Whom it connected to.
    pub local: Option<std::net::SocketAddr>,
}

impl View for Bare<'_> {
    fn method(&self) -> &[u8] {
        b""
    }
    fn path(&self) -> &[u8] {
        b""
    }
    fn query(&self) -> &[u8] {
        b""
    }
    fn host(&self) -> &[u8] {
        b""
    }
    fn header<'a>(&'a self, _: &[u8]) -> Option<&'a [u8]> {
        None
    }
    fn cookie<'a>(&'a self, _: &[u8]) -> Option<&'a [u8]> {
        None
    }
    fn source(&self) -> std::net::IpAddr {
        self.peer.ip().to_canonical()
    }
    fn source_port(&self) -> u16 {
        self.peer.port()
    }
    fn port(&self) -> u16 {
        self.found.port
    }
    fn http_version(&self) -> &'static str {
        ""
    }
    fn tls(&self, fact: tenbin_rules::TlsFact) -> Value<'_> {
        self.presence.tls().tell(fact)
    }
    fn fact(&self, fact: Fact) -> Value<'_> {
        match (fact, self.local) {
            (Fact::Destination, Some(address)) => Value::Ip(address.ip().to_canonical()),
            (Fact::DestinationPort, Some(address)) => Value::Int(address.port().into()),
            (Fact::FrontendName, _) => Value::text(self.found.frontend.spec.name.as_bytes()),
            _ => Value::Absent,
        }
    }
    fn variable(&self, which: &Variable) -> Value<'_> {
        match which.scope {
            Scope::Process => self.presence.worker().shared.variables.get(which.key),
            _ => self.presence.variable(which.key),
        }
    }
    fn now_ms(&self) -> u64 {
        self.presence.worker().now_ms()
    }
}

/// Runs the `connection` set.
pub fn connection(bare: &mut Bare<'_>) -> Admission {
    let found = bare.found;
    run(bare, &found.frontend.rules.connection)
}

/// Runs the `session` set.
pub fn session(bare: &mut Bare<'_>) -> Admission {
    let found = bare.found;
    run(bare, &found.frontend.rules.session)
}

fn run(bare: &mut Bare<'_>, set: &[Rule]) -> Admission {
    for rule in set {
        if rule.when.as_ref().is_some_and(|when| !when.test(bare)) {
            continue;
        }
        match &rule.act {
            Act::Allow => return Admission::In,
            Act::Reject | Act::Deny(_) => return Admission::Refused,
            Act::SilentDrop => return Admission::Dropped,
            Act::SetVariable(which, value, condition) => {
                let value = value.eval(bare).into_owned();
                if holds(*condition, &bare.variable(which).into_owned(), &value) {
                    match which.scope {
                        Scope::Process => bare.presence.worker().shared.variables.set(which.key, value),
                        _ => bare.presence.set_variable(which.key, value),
                    }
                }
            }
            Act::UnsetVariable(which) => bare.presence.unset_variable(which.key),
            Act::SetSource(value) => {
                if let Value::Ip(address) = value.eval(bare) {
                    bare.peer.set_ip(address);
                }
            }
            Act::SetSourcePort(value) => {
                if let Value::Int(port) = value.eval(bare) {
                    bare.peer.set_port(port.clamp(0, 65_535) as u16);
                }
            }
            _ => {}
        }
    }
    Admission::In
}

/// Variables that live as long as a connection.
pub type SessionVariables = std::cell::RefCell<Option<Box<Variables>>>;
