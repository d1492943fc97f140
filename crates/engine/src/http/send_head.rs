//! Heads written anew: the request for the server, interim and final answers for the client.

use tenbin_proto::{
    Body, ForwardSet, Forwarding, Framing, Method, Persist, RequestEdits, ResponseEdits, Version,
    original_client, write_request, write_response,
};

use super::exchange::Exchange;
use super::forward::Course;
use super::plain_cookie::{self, Due};
use super::reply::send;
use super::route::{Side, rewrite, with_edits};
use super::view::{RequestView, Scene};
use super::{open, sticky};
use crate::address::Address;
use crate::client::Client;
use crate::ending::CookieOut;
use crate::flow::{Content, Sink};
use crate::stream::Stream;
use crate::tables::{Backend, Server, Sticky};
use crate::upstream::hurry;
use crate::wire::Frontend;

/// What a server says of itself is not said for it.
const HSTS: &[u8] = b"strict-transport-security";

/// Puts the head for this server in front of what is staged of the body.
pub fn request(
    client: &Client,
    x: &mut Exchange,
    course: &Course<'_>,
    (server, multiplexed): (&Server, bool),
) {
    let frontend = &course.found.frontend;
    let Exchange { request, input, up, edited, text, state, record, .. } = x;
    let bytes = state.request_bytes(input.head());
    let target = request.method != Method::Connect && rewrite(frontend, edited, request, bytes, text);
    let peer = client.peer.ip().to_canonical();
    let trusted = frontend.trusts(peer);
    let original = if trusted {
        original_client(&request.fields, bytes, peer, |address| frontend.trusts(address))
    } else {
        peer
    };
    let forwarding = Forwarding {
        client: peer,
        original,
        trusted,
        proto: if client.tls().is_used() { "https" } else { "http" },
        host: request.authority.of(bytes),
        port: course.found.port,
        by: None,
        write: ForwardSet::ALL,
    };
    let backend = course.tables.backend(course.name);
    let view = RequestView {
        request,
        bytes,
        peer: client.peer,
        tls: client.tls(),
        http2: client.stream.is_multiplexed(),
        port: course.found.port,
        scene: Some(Scene { client, found: course.found, state, record }),
        body: Content::default(),
        backend: backend.map(|backend| &**backend),
        server: Some(&server.name),
        answer: None,
    };
    let sink = match request.body {
        _ if multiplexed => Sink::Stream,
        Body::Chunked => Sink::Chunked,
        _ => Sink::Plain,
    };
    with_edits(frontend, (edited, Side::Request), &view, |edits| {
        let to = RequestEdits {
            target: target.then_some(text.as_slice()),
            host_fallback: host_of(server),
            forwarding: frontend.spec.forwarding.then_some(&forwarding),
            edits,
            upgrade: !request.upgrade.is_empty(),
            drop_cookie: backend.and_then(|backend| cookie_name(backend)),
            keep_alive: backend.is_some_and(|backend| open::keeps(backend, server))
                && server.allows(record.reuses),
            extra: b"",
        };
        up.address(sink, |head| write_request(head, request, bytes, &to));
    });
}

/// Writes what is there at once, and has the system hold back nothing of what follows.
pub fn begin(x: &mut Exchange, to: &Stream) {
    let Some(socket) = to.plain() else { return };
    let is_all = x.up.rush(&x.input, socket);
    if !is_all || !x.request.upgrade.is_empty() || x.request.method == Method::Connect {
        hurry(socket);
    }
}

/// What the client's cookie is to say from now on.
fn tell_cookie(
    x: &mut Exchange,
    course: &Course<'_>,
    (backend, index, now): (&Backend, usize, u32),
    extra: &mut Vec<u8>,
) -> CookieOut {
    if let Some(Sticky::Cookie { plain: true, .. }) = &backend.sticky {
        let Some(server) = backend.servers.get(index) else { return CookieOut::None };
        let wanted = course.wanted == Some(index) || course.ignored;
        return plain_cookie::answer(x, backend, &Due { server, wanted, visit: course.visit, now }, extra);
    }
    sticky::set_cookie(extra, backend, (index, course.visit), &course.tables.secret, now);
    match course.visit.filter(|visit| visit.index == index) {
        _ if extra.is_empty() => CookieOut::None,
        Some(_) => CookieOut::Updated,
        None => CookieOut::Inserted,
    }
}

/// What stands in Host when a client of HTTP/1.0 named none: a path is no host.
fn host_of(server: &Server) -> &[u8] {
    if matches!(server.address, Some(Address::Unix(_))) {
        b"localhost"
    } else {
        server.address_text.as_bytes()
    }
}

fn cookie_name(backend: &Backend) -> Option<&[u8]> {
    match &backend.sticky {
        Some(Sticky::Cookie { name, .. }) if plain_cookie::is_hidden(backend) => Some(name),
        _ => None,
    }
}

/// Passes 100 and 103 on to clients that know them; false when the client is gone.
pub async fn interim(client: &mut Client, x: &mut Exchange, front: &Frontend) -> bool {
    let known = x.response.status == 103 || (x.response.status == 100 && x.request.expect_continue);
    if !known || x.request.version == Version::Http10 {
        return true;
    }
    let mut head = Vec::new();
    write_response(&mut head, &x.response, x.output.data(), &ResponseEdits::default());
    x.record.bytes_out += head.len() as u64;
    send(client, &head, (&mut x.pace, front)).await
}

/// Whether the answer turns the connection into a tunnel: 101, or success for CONNECT.
pub fn opens_tunnel(x: &Exchange) -> bool {
    x.response.status == 101 || x.request.method == Method::Connect && matches!(x.response.status, 200..=299)
}

/// How an answer leaves: its framing, and whether the connection lives on.
pub struct Leave {
    /// For the flow.
    pub sink: Sink,
    /// The client's connection lives on.
    pub keep_alive: bool,
}

/// Writes the head of the answer into the flow that takes it down.
pub fn answer(
    client: &Client,
    x: &mut Exchange,
    (course, backend, server): (&Course<'_>, &Backend, usize),
) -> Leave {
    let old_client = x.request.version == Version::Http10;
    let multiplexed = client.stream.is_multiplexed();
    let framing = match x.response.body {
        Body::None => Framing::None,
        Body::Length(length) if x.down.press.is_none() => Framing::Length(length),
        _ if old_client || multiplexed => Framing::Close,
        _ => Framing::Chunked,
    };
    let upgraded = opens_tunnel(x);
    let leaving = client.worker.shared.stance.is_leaving()
        || client.place.is_gone(&client.worker, &client.worker.tables());
    // An answer that comes before the whole request cannot be followed by another one.
    let keep_alive = x.request.keep_alive && !leaving && x.up.delivered() && framing != Framing::Close;
    let persist = match (keep_alive, old_client) {
        _ if upgraded || multiplexed => Persist::Implied,
        (false, _) => Persist::Close,
        (true, false) => Persist::Implied,
        (true, true) => Persist::KeepAlive,
    };
    let mut extra = std::mem::take(&mut x.text);
    extra.clear();
    if backend.sticky.is_some() {
        let out = tell_cookie(x, course, (backend, server, client.worker.date()), &mut extra);
        if let Some(cookie) = &mut x.record.ending.cookie {
            cookie.1 = out;
        }
    }
    let always = &course.found.always;
    if !always.is_empty() && x.response.fields.find(x.state.answer_bytes(x.output.head()), HSTS).is_none() {
        extra.extend_from_slice(always);
    }
    let name = backend.servers.get(server).map(|server| server.name.as_str());
    let mut out = std::mem::take(&mut x.down.prefix);
    out.clear();
    {
        let view = RequestView { server: name, ..x.full_view(client, course.found, Some(backend)) };
        with_edits(&course.found.frontend, (&x.edited, Side::Answer), &view, |edits| {
            let to = ResponseEdits { framing, persist, upgrade: upgraded, edits, extra: &extra };
            write_response(&mut out, &x.response, x.state.answer_bytes(x.output.head()), &to);
        });
    }
    x.down.prefix = out;
    x.text = extra;
    let sink = match framing {
        _ if multiplexed => Sink::Stream,
        Framing::Chunked => Sink::Chunked,
        _ => Sink::Plain,
    };
    Leave { sink, keep_alive }
}

/// Whether the server's connection may serve another request.
pub fn is_reusable(x: &Exchange) -> bool {
    x.response.keep_alive
        && x.up.delivered()
        && !x.early
        && x.response.body != Body::UntilClose
        && x.output.data().is_empty()
}

/// See `open::keep`.
pub use open::keep;
