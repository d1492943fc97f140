//! What conditions and texts see of an exchange.

use std::net::{IpAddr, SocketAddr};

use tenbin_proto::{Field, Fields, Known, Request, Response, Version, cookie};
use tenbin_rules::{Change, Counter, Fact, Figure, Message, Scope, TlsFact, Value, Variable, View};

use super::record::Record;
use crate::client::Client;
use crate::flow::Content;
use crate::listener::Found;
use crate::rules::{State, facts, figures, tracking};
use crate::secured::Secured;
use crate::tables::Backend;

/// A request with, once there is one, its answer.
pub struct RequestView<'a> {
    /// The parsed head.
    pub request: &'a Request,
    /// Its bytes.
    pub bytes: &'a [u8],
    /// The client's address.
    pub peer: SocketAddr,
    /// What is known of its TLS.
    pub tls: Secured<'a>,
    /// The request came by HTTP/2.
    pub http2: bool,
    /// The listener's port.
    pub port: u16,
    /// What has come up on the way; offline there is none.
    pub scene: Option<Scene<'a>>,
    /// What of the request's body is at hand.
    pub body: Content<'a>,
    /// Where it goes.
    pub backend: Option<&'a Backend>,
    /// The chosen server's name.
    pub server: Option<&'a str>,
    /// The answer.
    pub answer: Option<AnswerView<'a>>,
}

/// Whose connection it is, and what rules have noted.
#[derive(Clone, Copy)]
pub struct Scene<'a> {
    /// The connection.
    pub client: &'a Client,
    /// Who serves its listener.
    pub found: &'a Found,
    /// Of the request.
    pub state: &'a State,
    /// How far it has come.
    pub record: &'a Record,
}

/// An answer as far as it is there.
pub struct AnswerView<'a> {
    /// The parsed head.
    pub response: &'a Response,
    /// Its bytes.
    pub bytes: &'a [u8],
    /// What of its body is at hand.
    pub body: Content<'a>,
}

impl RequestView<'_> {
    /// A request of which nothing but itself is known.
    pub fn offline<'a>(
        request: &'a Request,
        bytes: &'a [u8],
        peer: SocketAddr,
        port: u16,
    ) -> RequestView<'a> {
        RequestView {
            request,
            bytes,
            peer,
            tls: Secured::default(),
            http2: false,
            port,
            scene: None,
            body: Content::default(),
            backend: None,
            server: None,
            answer: None,
        }
    }
}

impl RequestView<'_> {
    fn head_of(&self, message: Message) -> Option<(&Fields, &[u8])> {
        match message {
            Message::Request => Some((&self.request.fields, self.bytes)),
            Message::Answer => self.answer.as_ref().map(|answer| (&answer.response.fields, answer.bytes)),
        }
    }
}

impl View for RequestView<'_> {
    fn method(&self) -> &[u8] {
        self.request.method_text.of(self.bytes)
    }

    fn path(&self) -> &[u8] {
        path_of(self.request, self.bytes)
    }

    fn query(&self) -> &[u8] {
        self.request.query.of(self.bytes)
    }

    fn target(&self) -> Option<&[u8]> {
        // What names a host, too, is told apart.
        Some(self.request.target.of(self.bytes)).filter(|target| target.starts_with(b"/"))
    }

    fn host(&self) -> &[u8] {
        self.request.host.of(self.bytes)
    }

    fn header<'a>(&'a self, name: &[u8]) -> Option<&'a [u8]> {
        self.request.fields.find(self.bytes, name).map(|field| field.value.of(self.bytes))
    }

    fn cookie<'a>(&'a self, name: &[u8]) -> Option<&'a [u8]> {
        let mut fields = self.request.fields.find_all_known(Known::Cookie);
        fields.find_map(|field| cookie::find(field.value.of(self.bytes), name))
    }

    fn source(&self) -> IpAddr {
        self.peer.ip().to_canonical()
    }

    fn source_port(&self) -> u16 {
        self.peer.port()
    }

    fn port(&self) -> u16 {
        self.port
    }

    fn http_version(&self) -> &'static str {
        match self.request.version {
            _ if self.http2 => "2",
            Version::Http10 => "1.0",
            Version::Http11 => "1.1",
        }
    }

    fn scheme(&self) -> &'static str {
        if self.tls.is_used() { "https" } else { "http" }
    }

    fn tls(&self, fact: TlsFact) -> Value<'_> {
        self.tls.tell(fact)
    }

    fn server(&self) -> Option<&str> {
        self.server
    }

    fn status(&self) -> Option<u16> {
        self.answer.as_ref().map(|answer| answer.response.status)
    }

    fn fields<'a>(&'a self, message: Message, each: &mut dyn FnMut(&'a [u8], &'a [u8]) -> bool) {
        let Some((fields, bytes)) = self.head_of(message) else { return };
        for field in fields {
            if !each(field.name.of(bytes), field.value.of(bytes)) {
                return;
            }
        }
    }

    fn fields_named<'a>(&'a self, message: Message, name: &[u8], each: &mut dyn FnMut(&'a [u8]) -> bool) {
        let Some((fields, bytes)) = self.head_of(message) else { return };
        let known = Known::of(name);
        if known != Known::Other && fields.find_known(known).is_none() {
            return;
        }
        let is_meant = |field: &Field| match known {
            Known::Other => field.name.of(bytes).eq_ignore_ascii_case(name),
            known => field.known == known,
        };
        for field in fields.iter().filter(|field| is_meant(field)) {
            if !each(field.value.of(bytes)) {
                return;
            }
        }
    }

    fn body(&self, message: Message) -> &[u8] {
        match message {
            Message::Request => self.body.bytes(),
            Message::Answer => self.answer.as_ref().map_or(b"", |answer| answer.body.bytes()),
        }
    }

    fn proxy_field(&self, kind: u8) -> Value<'_> {
        let told = self.scene.and_then(|scene| scene.client.seen().0.told.as_deref());
        Value::maybe(told.and_then(|told| told.field(kind)))
    }

    fn fact(&self, fact: Fact) -> Value<'_> {
        self.scene.map_or(Value::Absent, |scene| facts::tell(fact, &scene, self))
    }

    fn of(&self, figure: Figure, name: &str) -> Value<'_> {
        let Some(scene) = self.scene else { return Value::Absent };
        figures::tell(figure, name, (&scene.client.worker, scene.found, self.backend))
    }

    fn assign(&self, which: &Variable, value: &Value<'_>) {
        let Some(scene) = self.scene else { return };
        let value = value.borrowed().into_owned();
        match which.scope {
            Scope::Session => scene.client.set_variable(which.key, value),
            Scope::Process => scene.client.worker.shared.variables.set(which.key, value),
            _ => scene.state.assigned.borrow_mut().push((*which, value)),
        }
    }

    fn random(&self) -> u64 {
        figures::random()
    }

    fn zone(&self, epoch: i64) -> i64 {
        let second = u64::try_from(epoch).unwrap_or(0);
        self.scene.map_or(0, |scene| scene.client.worker.dates.borrow().offset(second))
    }

    fn variable(&self, which: &Variable) -> Value<'_> {
        self.scene.map_or(Value::Absent, |scene| variable(scene, which))
    }

    fn tracked(&self, slot: u8, counter: &Counter) -> Value<'_> {
        let Some(scene) = self.scene else { return Value::Absent };
        let connection = scene.client.tracking().borrow();
        tracking::read([&scene.state.tracking, &*connection], slot, counter, self.now_ms())
    }

    fn change(&self, slot: u8, counter: &Counter, change: Change) -> Value<'_> {
        let Some(scene) = self.scene else { return Value::Absent };
        let connection = scene.client.tracking().borrow();
        tracking::change([&scene.state.tracking, &*connection], slot, (counter, change), self.now_ms())
    }

    fn tracked_key(&self, slot: u8) -> Value<'_> {
        let Some(scene) = self.scene else { return Value::Absent };
        let connection = scene.client.tracking().borrow();
        tracking::key([&scene.state.tracking, &*connection], slot)
    }

    fn capture(&self, message: Message, index: usize) -> Value<'_> {
        Value::maybe(self.scene.and_then(|scene| scene.state.captures.get(message, index)))
    }

    fn now_ms(&self) -> u64 {
        self.scene.map_or(0, |scene| scene.client.worker.lately_ms())
    }
}

/// A variable wherever it lives.
pub fn variable<'a>(scene: Scene<'a>, which: &Variable) -> Value<'a> {
    match which.scope {
        Scope::Session => scene.client.variable(which.key),
        Scope::Process => scene.client.worker.shared.variables.get(which.key),
        _ => {
            let assigned = scene.state.assigned.borrow();
            let last = assigned.iter().rev().find(|(known, _)| known == which);
            last.map_or_else(|| scene.state.variables.get(which), |(_, value)| value.clone())
        }
    }
}

/// The path; `/` where an absolute-form target has none.
pub fn path_of<'a>(request: &Request, bytes: &'a [u8]) -> &'a [u8] {
    match request.path.of(bytes) {
        b"" => b"/",
        path => path,
    }
}
