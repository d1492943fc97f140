//! Facts that do not ask what is carried: about a connection, who serves it, and this process.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::LazyLock;

use tenbin_proto::proxy::kind;
use tenbin_rules::{Fact, Value};
use tokio::net::TcpStream;

use super::secured;
use crate::behind::Behind;
use crate::client::Presence;
use crate::clock::wall_micros;
use crate::lines::hostname;
use crate::listener::Found;
use crate::tables::Backend;
use crate::worker::Worker;

/// Read once: no request waits for a file.
static HOSTNAME: LazyLock<String> = LazyLock::new(hostname);

/// A connection as such.
#[derive(Clone, Copy)]
pub struct Seen<'a> {
    /// Its place.
    pub presence: &'a Presence,
    /// Its socket, where it has one of its own.
    pub socket: Option<&'a TcpStream>,
    /// Who serves its listener.
    pub found: &'a Found,
    /// Where it goes.
    pub backend: Option<&'a Backend>,
    /// The server's name.
    pub server: Option<&'a str>,
    /// The connection to it, where some expression asks about it.
    pub behind: Option<&'a Behind>,
    /// It was there before.
    pub is_reused: bool,
    /// Whom it comes from, as rules about connections have it.
    pub peer: SocketAddr,
    /// Whom it connected to, where nobody has asked its socket yet.
    pub local: Option<SocketAddr>,
}

/// The value of a fact; None for others.
pub fn tell<'a>(fact: Fact, seen: &Seen<'a>) -> Option<Value<'a>> {
    of_connection(fact, seen)
        .or_else(|| of_header(fact, seen))
        .or_else(|| of_sides(fact, seen))
        .or_else(|| of_settings(fact, seen))
        .or_else(|| of_process(fact, seen))
        .or_else(|| secured::tell(fact, seen.presence.tls().own))
        .or_else(|| secured::of_server(fact, seen.behind?, seen.is_reused))
}

impl Seen<'_> {
    fn destination(&self) -> Option<SocketAddr> {
        self.presence.destination(self.socket).or(self.local)
    }

    /// What the sockets say, whatever a header or a rule says.
    fn ends(&self) -> [Option<SocketAddr>; 2] {
        let told = self.presence.told.as_deref();
        let from = told.and_then(|told| told.from).unwrap_or(self.peer);
        [Some(from), self.presence.connected_to(self.socket).or(self.local)]
    }
}

fn of_connection<'a>(fact: Fact, seen: &Seen<'a>) -> Option<Value<'a>> {
    let ip = |address: Option<SocketAddr>| address.map(|address| address.ip().to_canonical());
    let address = |address| ip(address).map_or(Value::Absent, Value::Ip);
    let port = |address: Option<SocketAddr>| {
        address.map_or(Value::Absent, |address| Value::Int(address.port().into()))
    };
    let is_local = |address| ip(address).map_or(Value::Absent, |address| Value::Bool(is_local(address)));
    Some(match fact {
        Fact::Destination => address(seen.destination()),
        Fact::DestinationPort => port(seen.destination()),
        Fact::FcSrc => address(seen.ends()[0]),
        Fact::FcSrcPort => port(seen.ends()[0]),
        Fact::FcDst => address(seen.ends()[1]),
        Fact::FcDstPort => port(seen.ends()[1]),
        Fact::SrcIsLocal => is_local(Some(seen.peer)),
        Fact::DstIsLocal => is_local(seen.destination()),
        Fact::FcSrcIsLocal => is_local(seen.ends()[0]),
        Fact::FcDstIsLocal => is_local(seen.ends()[1]),
        Fact::DstConn => int(seen.found.counters.current.now()),
        // What fails before anything is served is told by its line; here nothing has.
        Fact::FcErr | Fact::SslFcErr => Value::Int(0),
        Fact::FcErrStr => Value::text(b"Success"),
        _ => return None,
    })
}

/// Whether it is one of this machine's: nothing can be bound to others.
fn is_local(address: IpAddr) -> bool {
    UdpSocket::bind((address, 0)).is_ok()
}

/// What a PROXY header told.
fn of_header<'a>(fact: Fact, seen: &Seen<'a>) -> Option<Value<'a>> {
    let told = seen.presence.told.as_deref();
    Some(match fact {
        Fact::FcRcvdProxy => Value::Bool(told.is_some()),
        Fact::FcPpAuthority => Value::maybe(told.and_then(|told| told.authority())),
        Fact::FcPpUniqueId => Value::maybe(told.and_then(|told| told.field(kind::UNIQUE_ID))),
        _ => return None,
    })
}

/// Whose it is on both sides.
fn of_sides<'a>(fact: Fact, seen: &Seen<'a>) -> Option<Value<'a>> {
    Some(match fact {
        Fact::FrontendName => Value::text(seen.found.frontend.spec.name.as_bytes()),
        Fact::FrontendId => int(seen.found.frontend.spec.number),
        Fact::ListenerName => Value::maybe(seen.found.named()),
        Fact::ListenerId => int(seen.found.number),
        Fact::BackendName => Value::maybe(seen.backend.map(|backend| backend.spec.name.as_bytes())),
        Fact::BackendId => int(seen.backend?.spec.number),
        Fact::ServerName => Value::maybe(seen.server.map(str::as_bytes)),
        Fact::ServerId => int(seen.backend?.number_of(seen.backend?.server_named(seen.server?)?)),
        _ => return None,
    })
}

/// What the configuration says, in milliseconds where it is a time.
fn of_settings<'a>(fact: Fact, seen: &Seen<'a>) -> Option<Value<'a>> {
    let front = &seen.found.frontend.spec;
    let behind = || seen.backend.map(|backend| &backend.spec);
    Some(int(match fact {
        Fact::FeClientTimeout | Fact::CurClientTimeout => front.timeouts.client,
        Fact::BeConnectTimeout | Fact::CurConnectTimeout => behind()?.timeouts.connect,
        Fact::BeQueueTimeout | Fact::CurQueueTimeout => behind()?.timeouts.queue,
        Fact::BeServerTimeout | Fact::CurServerTimeout => behind()?.timeouts.server,
        Fact::BeTunnelTimeout | Fact::CurTunnelTimeout => behind()?.timeouts.tunnel,
        Fact::BeTarpitTimeout => behind()?.tarpit,
        Fact::CurTarpitTimeout => behind().map_or(0, |spec| spec.tarpit).max(front.tarpit),
        Fact::BeMaxRetries | Fact::CurMaxRetries => behind()?.retry.attempts.into(),
        _ => return None,
    }))
}

fn of_process<'a>(fact: Fact, seen: &Seen<'a>) -> Option<Value<'a>> {
    let worker = seen.presence.worker();
    Some(match fact {
        Fact::Date => int(wall_micros() / 1_000_000),
        Fact::AcceptDate => int(wall_micros() - since(worker, seen.presence.accepted())),
        Fact::DateMicros => int(wall_micros() % 1_000_000),
        Fact::Pid => int(std::process::id()),
        Fact::Hostname => Value::text(HOSTNAME.as_bytes()),
        // There is one process, whose threads are counted from 1.
        Fact::Proc | Fact::Nbproc => Value::Int(1),
        Fact::Thread => int(worker.index as u64 + 1),
        Fact::Nbthread => int(seen.found.counters.workers.count() as u64),
        Fact::Uptime => int(worker.shared.clock.millis().saturating_sub(1000) / 1000),
        Fact::ActConn => int(worker.shared.process.connections.now()),
        Fact::Stopping => Value::Bool(worker.shared.stance.is_leaving()),
        // There is no QUIC, no early data, no cache, and nobody measures tasks.
        Fact::QuicEnabled | Fact::SslFcHasEarly | Fact::SslFcEarlyRcvd | Fact::ResCacheHit => {
            Value::Bool(false)
        }
        Fact::CpuCalls | Fact::CpuNsAvg | Fact::CpuNsTot | Fact::LatNsAvg | Fact::LatNsTot => Value::Int(0),
        _ => return None,
    })
}

/// Microseconds that have passed.
pub fn since(worker: &Worker, moment: u64) -> u64 {
    worker.shared.clock.micros().saturating_sub(moment)
}

fn int(number: impl Into<u64>) -> Value<'static> {
    Value::Int(i64::try_from(number.into()).unwrap_or(i64::MAX))
}
