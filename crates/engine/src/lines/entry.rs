//! What one line can tell, and how each of it is written.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::Ordering;

use tenbin_rules::{Kind, Message, TlsFact, Value};
use tokio::net::TcpStream;

use super::Lines;
use super::date::{Dates, digits};
use super::field::Field;
use super::noted::Noted;
use super::text::{Style, decimal};
use super::times::Times;
use crate::address::{Address, NOWHERE};
use crate::behind::Behind;
use crate::client::Presence;
use crate::ending::Ending;
use crate::listener::Found;
use crate::rules::Captures;
use crate::tables::{Backend, Server};
use crate::wire::Mode;

/// A request or a connection that has ended.
pub struct Entry<'a> {
    /// What is known of the connection.
    pub presence: &'a Presence,
    /// Its socket, where it has one of its own.
    pub socket: Option<&'a TcpStream>,
    /// Whom it came from, as rules have it.
    pub peer: SocketAddr,
    /// Who served it.
    pub found: &'a Found,
    /// How far it came when.
    pub times: Times,
    /// Who ended it.
    pub ending: Ending,
    /// Of the answer; 0: none.
    pub status: u16,
    /// From and to the client.
    pub bytes: [u64; 2],
    /// Tries after the first.
    pub retries: u32,
    /// The last one went to another server.
    pub redispatched: bool,
    /// Who waited before it: at its server, and in its backend.
    pub waited_behind: [u32; 2],
    /// The connection to the server, where it was noted.
    pub behind: Option<&'a Behind>,
    /// Taken down on the way.
    pub noted: &'a Noted,
    /// What names it.
    pub unique_id: &'a [u8],
    /// Headers and samples that were kept.
    pub captures: &'a Captures,
    /// The backend, if one was asked.
    pub backend: Option<&'a Backend>,
    /// The server, if one was chosen.
    pub server: Option<&'a Server>,
    /// What stands for a server that there is not.
    pub no_server: &'static str,
    /// It is still counted among those at its server, of which lines tell the others.
    pub counts_itself: bool,
    /// More is to come: the line is early.
    pub is_early: bool,
    /// Microseconds since 1970 when it was accepted, and now.
    pub wall: [u64; 2],
}

/// Bytes that cannot stand in a request line, and in a captured header.
const URI: &[u8] = b"\"#";
const HEADER: &[u8] = b"\"#{|}";

impl Entry<'_> {
    /// Appends one field.
    pub fn write(&self, field: Field, style: Style, out: &mut Vec<u8>) {
        match field {
            Field::ClientIp if self.peer == NOWHERE => style.text(out, b"unix"),
            Field::ClientIp => style.address(out, Some(self.peer.ip().to_canonical())),
            Field::ClientPort => style.port(out, Some(self.peer.port())),
            Field::FrontIp => style.address(out, ip(self.destination())),
            Field::FrontPort => style.port(out, self.destination().map(|address| address.port())),
            Field::ServerIp => style.address(out, ip(self.server_address())),
            Field::ServerPort => style.port(out, self.server_address().map(|address| address.port())),
            Field::BackIp => style.address(out, ip(self.bound())),
            Field::BackPort => style.port(out, self.bound().map(|address| address.port())),
            Field::Frontend => style.text(out, self.found.frontend.spec.name.as_bytes()),
            Field::FrontendTls => self.frontend_tls(style, out),
            Field::Backend => {
                let name = self.backend.map_or(&self.found.frontend.spec.name, |backend| &backend.spec.name);
                style.text(out, name.as_bytes());
            }
            Field::Server => {
                style.text(out, self.server.map_or(self.no_server, |server| &server.name).as_bytes());
            }
            Field::Ending => out.extend_from_slice(&self.ending.pair()),
            Field::EndingWithCookies => out.extend_from_slice(&self.ending.letters()),
            Field::Hostname => style.text(out, self.lines().map_or("", |lines| &lines.host).as_bytes()),
            Field::Cipher => style.text(out, text_of(&self.presence.tls().tell(TlsFact::Cipher))),
            Field::Tls => self.tls_version(style, out),
            Field::Mode => {
                let is_http = self.found.frontend.spec.mode == Mode::Http;
                out.extend_from_slice(if is_http { b"HTTP" } else { b"TCP" });
            }
            Field::UniqueId => style.text(out, self.unique_id),
            _ if self.write_date(field, style, out) => {}
            _ if self.write_message(field, style, out) => {}
            _ => self.write_number(field, style, out),
        }
    }

    /// The same as a value of an expression.
    pub fn value(&self, field: Field, kind: Kind) -> Value<'static> {
        let mut out = Vec::new();
        self.write(field, Style::default(), &mut out);
        let text = std::str::from_utf8(&out).unwrap_or_default();
        match kind {
            Kind::Int => text.parse().map_or(Value::Absent, Value::Int),
            Kind::Ip => text.parse().map_or(Value::Absent, Value::Ip),
            _ => Value::Str(out.into()),
        }
    }

    /// Our end of the connection to the server.
    fn bound(&self) -> Option<SocketAddr> {
        self.behind.and_then(|behind| behind.bound)
    }

    fn destination(&self) -> Option<SocketAddr> {
        self.presence.destination(self.socket)
    }

    fn lines(&self) -> Option<&Lines> {
        self.found.frontend.lines.as_deref()
    }

    fn server_address(&self) -> Option<SocketAddr> {
        match self.server.and_then(|server| server.address.as_ref())? {
            Address::Ip(address) => Some(*address),
            _ => None,
        }
    }

    fn frontend_tls(&self, style: Style, out: &mut Vec<u8>) {
        let (name, is_tls) = (self.found.frontend.spec.name.as_bytes(), self.found.tls.is_some());
        if !is_tls {
            return style.text(out, name);
        }
        style.text(out, &[name, b"~"].concat());
    }

    fn tls_version(&self, style: Style, out: &mut Vec<u8>) {
        let version = self.presence.tls().tell(TlsFact::Version);
        match text_of(&version) {
            b"" => style.text(out, b""),
            number => style.text(out, &[b"TLSv", number].concat()),
        }
    }

    fn write_date(&self, field: Field, style: Style, out: &mut Vec<u8>) -> bool {
        let accepted = self.wall[0];
        let begun = accepted + (self.times.begun.max(self.times.shaken)).saturating_sub(self.times.accepted);
        let mut dates = self.presence.worker().dates.borrow_mut();
        let dates: &mut Dates = &mut dates;
        match field {
            Field::Accepted => dates.with_millis(accepted, out),
            Field::Begun => dates.with_millis(begun, out),
            Field::BegunUtc => dates.with_zone(begun, false, out),
            Field::BegunLocal => dates.with_zone(begun, true, out),
            Field::AcceptedUtc => dates.with_zone(accepted, false, out),
            Field::AcceptedLocal => dates.with_zone(accepted, true, out),
            Field::AcceptedSeconds => style.number(out, (accepted / 1_000_000) as i64, 4),
            Field::AcceptedMillis if style.hex => style.number(out, (accepted / 1000 % 1000) as i64, 2),
            Field::AcceptedMillis => {
                let place = out.len();
                digits(out, b' ', accepted / 1000 % 1000, 3);
                out.remove(place);
            }
            _ => return false,
        }
        true
    }

    fn write_message(&self, field: Field, style: Style, out: &mut Vec<u8>) -> bool {
        let uri = || self.noted.uri().unwrap_or(b"<BADREQ>");
        match field {
            Field::Request => style.encoded(out, uri(), URI),
            Field::Method => style.encoded(out, word(uri(), 0), URI),
            Field::Uri => style.encoded(out, word(uri(), 1), URI),
            Field::Path => style.encoded(out, path(word(uri(), 1)), URI),
            Field::PathOnly => style.encoded(out, path_only(path(word(uri(), 1))), URI),
            Field::Query => style.encoded(out, query(word(uri(), 1)), URI),
            Field::Version => style.encoded(out, word(uri(), 2), URI),
            Field::RequestHeaders => self.braced(Message::Request, style, out),
            Field::AnswerHeaders => self.braced(Message::Answer, style, out),
            Field::RequestHeaderList => self.listed(Message::Request, style, out),
            Field::AnswerHeaderList => self.listed(Message::Answer, style, out),
            Field::CookieCame => style.text(out, self.noted.cookie(0).unwrap_or_default()),
            Field::CookieWent => style.text(out, self.noted.cookie(1).unwrap_or_default()),
            _ => return false,
        }
        true
    }

    fn braced(&self, side: Message, style: Style, out: &mut Vec<u8>) {
        let captures = self.captures.of(side);
        if captures.is_empty() {
            return;
        }
        if style.quote {
            out.push(b'"');
        }
        for (index, capture) in captures.iter().enumerate() {
            out.push(if index == 0 { b'{' } else { b'|' });
            style.encoded_bare(out, capture.as_deref().unwrap_or_default(), HEADER);
        }
        out.push(b'}');
        if style.quote {
            out.push(b'"');
        }
    }

    fn listed(&self, side: Message, style: Style, out: &mut Vec<u8>) {
        for (index, capture) in self.captures.of(side).iter().enumerate() {
            if index > 0 {
                out.push(b' ');
            }
            match capture {
                Some(text) => style.encoded(out, text, HEADER),
                None => Style { dash: true, ..style }.text(out, b""),
            }
        }
    }

    fn write_number(&self, field: Field, style: Style, out: &mut Vec<u8>) {
        let times = &self.times;
        let is_total =
            matches!(field, Field::ActiveTime | Field::TotalTime | Field::UserTime | Field::UserTimeToo);
        if self.is_early && (is_total || field == Field::BytesOut) {
            out.push(b'+');
        }
        let number = match field {
            Field::Handshake => times.handshake(),
            Field::Idle => times.idle(),
            Field::RequestTime => times.request(),
            Field::RequestTotal => times.request_total(),
            Field::QueueTime => times.queue(),
            Field::ConnectTime => times.connect(),
            Field::AnswerTime => times.answer(),
            Field::DataTime if self.found.frontend.spec.mode == Mode::Tcp => times.carried(),
            Field::DataTime => times.data(),
            Field::ActiveTime => times.active(),
            Field::TotalTime => times.total(),
            Field::UserTime | Field::UserTimeToo => times.user(),
            Field::Status if self.status == 0 && self.found.frontend.spec.mode == Mode::Http => -1,
            Field::Status => i64::from(self.status),
            Field::BytesOut => self.bytes[1] as i64,
            Field::BytesIn => self.bytes[0] as i64,
            Field::Pid => return style.number(out, self.lines().map_or(0, |lines| lines.pid).into(), 4),
            Field::Count => {
                return style.number(
                    out,
                    self.lines().map_or(0, |lines| lines.count.load(Ordering::Relaxed)) as i64,
                    4,
                );
            }
            Field::Number => {
                let numbered = &self.presence.worker().shared.process.numbered;
                let number = self.noted.number(|| numbered.fetch_add(1, Ordering::Relaxed));
                return style.number(out, number as i64, 4);
            }
            _ => return self.write_load(field, out),
        };
        decimal(out, number);
    }

    /// Those that are under way, but for this one.
    fn others(&self, total: u64, ended: u64) -> u64 {
        total.saturating_sub(ended + u64::from(self.counts_itself))
    }

    /// How many there are at the moment, and how many were waited for.
    fn write_load(&self, field: Field, out: &mut Vec<u8>) {
        let number = match field {
            Field::Process => self.presence.worker().shared.process.connections.now(),
            Field::OfFrontend => self.found.frontend.counters.current.now(),
            Field::OfBackend => self.backend.map_or(0, |backend| {
                let counters = &backend.counters;
                let (total, ended) = (counters.sum(|block| &block.total), counters.sum(|block| &block.ended));
                self.others(total, ended) + u64::from(backend.group.queued())
            }),
            Field::OfServer => self.server.map_or(0, |server| {
                let counters = &server.counters;
                let (total, ended) = (counters.sum(|block| &block.total), counters.sum(|block| &block.ended));
                self.others(total, ended)
            }),
            Field::Retries => {
                if self.redispatched {
                    out.push(b'+');
                }
                u64::from(self.retries)
            }
            Field::Tries => u64::from(self.retries),
            Field::ServerQueue => u64::from(self.waited_behind[0]),
            Field::BackendQueue => u64::from(self.waited_behind[1]),
            _ => 0,
        };
        decimal(out, number as i64);
    }
}

fn ip(address: Option<SocketAddr>) -> Option<IpAddr> {
    address.map(|address| address.ip().to_canonical())
}

fn text_of<'v>(value: &'v Value<'_>) -> &'v [u8] {
    value.as_bytes().unwrap_or_default()
}

/// A word of a request line; of one that is none, all is the first.
fn word(line: &[u8], index: usize) -> &[u8] {
    if line == b"<BADREQ>" {
        return line;
    }
    line.split(|byte| *byte == b' ').nth(index).unwrap_or_default()
}

fn path(uri: &[u8]) -> &[u8] {
    uri.split(|byte| *byte == b'?').next().unwrap_or_default()
}

/// Without scheme and authority.
fn path_only(uri: &[u8]) -> &[u8] {
    let Some(at) = memchr::memmem::find(uri, b"://") else { return uri };
    let rest = uri.get(at + 3..).unwrap_or_default();
    memchr::memchr(b'/', rest).and_then(|slash| rest.get(slash..)).unwrap_or_default()
}

fn query(uri: &[u8]) -> &[u8] {
    memchr::memchr(b'?', uri).and_then(|at| uri.get(at..)).unwrap_or_default()
}
