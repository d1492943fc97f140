//! What an expression may ask of a request or an answer. The engine implements it over its parsed head.
//!
//! A view owns no policy: names are looked up, bytes are handed out, nothing is decoded or changed here.

use std::net::{IpAddr, Ipv4Addr};

use crate::{Change, Counter, Fact, Figure, TlsFact, Value, Variable};

/// Which head or body is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Message {
    Request,
    Answer,
}

/// A request (or an answer together with its request) as expressions see it.
///
/// Everything is borrowed from the view, so that evaluating costs no allocation. A view tells what it has: of a
/// connection that has asked for nothing yet, all is empty.
pub trait View {
    /// The method as sent: `GET`.
    fn method(&self) -> &[u8] {
        b""
    }
    /// The path as sent, without the query: `/a%20b`. `*` for `OPTIONS *`.
    fn path(&self) -> &[u8] {
        b""
    }
    /// What follows the first `?` of the target; empty without one.
    fn query(&self) -> &[u8] {
        b""
    }
    /// Path and query as one slice, `/a?b=c`, when the request holds them that way.
    ///
    /// Only saves the `url` fetch from joining them; a view whose path was rewritten must answer `None`.
    fn target(&self) -> Option<&[u8]> {
        None
    }
    /// The host as sent, without the port.
    fn host(&self) -> &[u8] {
        b""
    }
    /// The first value of a header. `name` is always in lower case; the header's own case does not matter.
    fn header<'a>(&'a self, _name: &[u8]) -> Option<&'a [u8]> {
        None
    }
    /// The first cookie of this name. Names of cookies are case-sensitive.
    fn cookie<'a>(&'a self, _name: &[u8]) -> Option<&'a [u8]> {
        None
    }
    /// The client's address.
    fn source(&self) -> IpAddr {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED)
    }
    /// The client's port.
    fn source_port(&self) -> u16 {
        0
    }
    /// The port of the listener that took the connection.
    fn port(&self) -> u16 {
        0
    }
    /// `1.0`, `1.1` or `2`.
    fn http_version(&self) -> &'static str {
        ""
    }
    /// `http` or `https`.
    fn scheme(&self) -> &'static str {
        "http"
    }
    /// Every field of a message as it stands now, in order, until `each` answers false. Names keep their case.
    fn fields<'a>(&'a self, _message: Message, _each: &mut dyn FnMut(&'a [u8], &'a [u8]) -> bool) {}
    /// What of a message's body is at hand, without its framing; in TCP mode, the first bytes.
    fn body(&self, _message: Message) -> &[u8] {
        b""
    }
    /// A fact without arguments.
    fn fact(&self, _fact: Fact) -> Value<'_> {
        Value::Absent
    }
    /// Every value of the fields of that name, in order, until `each` answers false. `name` is in lower case.
    fn fields_named<'a>(&'a self, message: Message, name: &[u8], each: &mut dyn FnMut(&'a [u8]) -> bool) {
        self.fields(message, &mut |field, value| !field.eq_ignore_ascii_case(name) || each(value));
    }
    /// A figure about something by name: `be_conn("app")`, `srv_is_up("app/s1")`. Without a name: about what this
    /// exchange goes through.
    fn of(&self, _figure: Figure, _name: &str) -> Value<'_> {
        Value::Absent
    }
    /// A variable; absent when it was never set.
    fn variable(&self, _which: &Variable) -> Value<'_> {
        Value::Absent
    }
    /// Sets a variable, or takes it away when the value is absent: what `set-var` as a converter asks for.
    fn assign(&self, _which: &Variable, _value: &Value<'_>) {}
    /// A counter of what `track` of that slot follows.
    fn tracked(&self, _slot: u8, _counter: &Counter) -> Value<'_> {
        Value::Absent
    }
    /// Changes a counter of what `track` of that slot follows, and yields as [`crate::Counters::change`] does.
    fn change(&self, _slot: u8, _counter: &Counter, _change: Change) -> Value<'_> {
        Value::Absent
    }
    /// The key that `track` of that slot follows; absent while it follows none.
    fn tracked_key(&self, _slot: u8) -> Value<'_> {
        Value::Absent
    }
    /// 64 random bits.
    fn random(&self) -> u64 {
        0
    }
    /// A value of the PROXY header's fields of that type.
    fn proxy_field(&self, _type: u8) -> Value<'_> {
        Value::Absent
    }
    /// A declared or later capture.
    fn capture(&self, _message: Message, _index: usize) -> Value<'_> {
        Value::Absent
    }
    /// Milliseconds on a clock that never goes back.
    fn now_ms(&self) -> u64 {
        0
    }
    /// How many seconds local time was ahead of UTC at that second since the epoch.
    fn zone(&self, _epoch: i64) -> i64 {
        0
    }
    /// What is known of the client's TLS; a truth value that is absent is false.
    fn tls(&self, _fact: TlsFact) -> Value<'_> {
        Value::Absent
    }
    /// The name of the server that was chosen; known for answers only.
    fn server(&self) -> Option<&str> {
        None
    }
    /// The status of the answer; known for answers only.
    fn status(&self) -> Option<u16> {
        None
    }
}
