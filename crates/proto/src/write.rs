//! Messages written anew: what leaves Tenbin is built from the parsed head, never spliced.
//!
//! Owns: order and form of what is sent, edits by routes. Does not own: what the edits are.
//!
//! Lines that the parser found to stand exactly as they would be written are copied in runs, which makes the common head
//! one copy. Framing, connection and Host lines are always decided here, never inherited.

pub use crate::edits::{Edits, Framing, Persist, RequestEdits, ResponseEdits};
use crate::known::{CONNECTION_FIELDS, Known};
use crate::output::{self, Run};
use crate::request_line::Form;
use crate::scan::{self, TOKEN};
use crate::{Body, Field, Forwarding, Method, Request, Response, cookie};

/// Appends the request head that goes to the server.
pub fn write_request(out: &mut Vec<u8>, head: &Request, bytes: &[u8], to: &RequestEdits<'_>) {
    out.reserve(head.length + to.extra.len() + RESERVE);
    let edited = Edited::by(to.edits);
    let mut run = Run::new(out, bytes);
    request_line(&mut run, head, bytes, to.target);
    let first = host_line(&mut run, head, bytes, to);
    let skip = ALWAYS_ANEW | edited.known | to.forwarding.map_or(0, Forwarding::replaces);
    let hidden = if head.fields.find_known(Known::Cookie).is_some() { to.drop_cookie } else { None };
    let whole = hidden.is_none() && !edited.others && head.fields.is_even_without(skip | CONNECTION_FIELDS);
    match (first, head.fields.last()) {
        (Some(first), Some(last)) if whole => run.copy(first.line_end(), last.line_end()),
        _ => {
            for field in head.fields.iter().filter(|field| field.travels(skip | Known::Host.bit())) {
                match hidden {
                    _ if edited.removes(field, bytes) => {}
                    Some(name) if field.known == Known::Cookie => cookie_line(&mut run, field, bytes, name),
                    _ => run.field(field),
                }
            }
        }
    }
    run.flush();
    match head.body {
        Body::Length(length) => output::length_line(out, length),
        Body::Chunked => out.extend_from_slice(CHUNKED),
        Body::None | Body::UntilClose => {}
    }
    if let Some(forwarding) = to.forwarding {
        forwarding.write(out, &head.fields, bytes, edited.known);
    }
    connection_lines(out, head, bytes, to);
    finish(out, to.edits, to.extra);
}

/// Appends the response head that goes to the client.
pub fn write_response(out: &mut Vec<u8>, head: &Response, bytes: &[u8], to: &ResponseEdits<'_>) {
    out.reserve(head.length + to.extra.len() + RESERVE);
    let edited = Edited::by(to.edits);
    let mut run = Run::new(out, bytes);
    if head.plain_line {
        run.copy(0, head.reason.end as usize + 2);
    } else {
        run.out.extend_from_slice(b"HTTP/1.1 ");
        output::decimal(run.out, u64::from(head.status));
        run.out.push(b' ');
        run.out.extend_from_slice(head.reason.of(bytes));
        run.out.extend_from_slice(b"\r\n");
    }
    let skip = ALWAYS_ANEW | edited.known;
    for field in head.fields.iter().filter(|field| field.travels(skip)) {
        if !edited.removes(field, bytes) {
            run.field(field);
        }
    }
    run.flush();
    match (to.framing, head.content_length) {
        (Framing::Length(length), _) | (Framing::None, Some(length)) => output::length_line(out, length),
        (Framing::Chunked, _) => out.extend_from_slice(CHUNKED),
        (Framing::Close | Framing::None, _) => {}
    }
    match to.persist {
        _ if to.upgrade && !head.upgrade.is_empty() => {
            out.extend_from_slice(b"Connection: Upgrade\r\n");
            output::line(out, b"Upgrade", head.upgrade.of(bytes));
        }
        Persist::Implied => {}
        Persist::Close => out.extend_from_slice(b"Connection: close\r\n"),
        Persist::KeepAlive => out.extend_from_slice(b"Connection: keep-alive\r\n"),
    }
    finish(out, to.edits, to.extra);
}

const CHUNKED: &[u8] = b"Transfer-Encoding: chunked\r\n";
/// Room for the lines that are added, so that a new buffer grows once.
const RESERVE: usize = 256;
/// Fields that are never copied from the head.
const ALWAYS_ANEW: u32 = Known::ContentLength.bit() | Known::TransferEncoding.bit();
/// Kinds that many different names share.
const OPEN: u32 = Known::Other.bit() | Known::XForwardedOther.bit();

/// The names that edits take out of a head: known ones as a set, the others by comparison.
struct Edited<'a> {
    edits: &'a Edits<'a>,
    known: u32,
    others: bool,
}

impl<'a> Edited<'a> {
    #[inline]
    fn by(edits: &'a Edits<'a>) -> Self {
        let mut known = 0;
        for name in edits.remove.iter().chain(edits.set.iter().map(|(name, _)| name)) {
            known |= Known::of(name).bit();
        }
        Self { edits, known: known & !OPEN, others: known & OPEN != 0 }
    }

    /// Whether a field that is not in the set of known ones is taken out.
    #[inline]
    fn removes(&self, field: &Field, bytes: &[u8]) -> bool {
        self.others && field.known.bit() & OPEN != 0 && self.names(field.name.of(bytes))
    }

    fn names(&self, name: &[u8]) -> bool {
        self.edits.remove.iter().any(|other| other.eq_ignore_ascii_case(name))
            || self.edits.set.iter().any(|(other, _)| other.eq_ignore_ascii_case(name))
    }
}

#[inline]
fn request_line(run: &mut Run<'_>, head: &Request, bytes: &[u8], target: Option<&[u8]>) {
    if head.first.plain && head.first.form == Form::Origin && target.is_none() {
        return run.copy(head.method_text.start as usize, head.target.end as usize + b" HTTP/1.1\r\n".len());
    }
    run.out.extend_from_slice(head.method_text.of(bytes));
    run.out.push(b' ');
    match (target, head.first.form) {
        (Some(target), _) => output::target(run.out, target),
        // The last proxy turns this back into the form that asks about the server itself (RFC 9112, 3.2.4).
        (None, Form::AbsoluteBare) if head.method == Method::Options => run.out.push(b'*'),
        (None, Form::AbsoluteQuery) => {
            run.out.push(b'/');
            run.out.extend_from_slice(head.target.of(bytes));
        }
        (None, _) => run.out.extend_from_slice(head.target.of(bytes)),
    }
    run.out.extend_from_slice(b" HTTP/1.1\r\n");
}

/// Host goes first, where servers that route by it look first. The client's own line, if that one could be copied.
#[inline]
fn host_line<'a>(
    run: &mut Run<'_>,
    head: &'a Request,
    bytes: &[u8],
    to: &RequestEdits<'_>,
) -> Option<&'a Field> {
    let edited = to.edits.set.iter().find(|(name, _)| name.eq_ignore_ascii_case(b"host"));
    let sent = head.fields.iter().next().filter(|field| {
        edited.is_none() && field.known == Known::Host && field.plain && field.value == head.authority
    });
    if let Some(field) = sent {
        run.field(field);
        return sent;
    }
    run.flush();
    let host = match edited {
        Some((_, value)) => value,
        None if head.authority.is_empty() => to.host_fallback,
        None => head.authority.of(bytes),
    };
    output::line(run.out, b"Host", host);
    None
}

/// A Cookie field without one of its cookies; nothing when no other is in it.
fn cookie_line(run: &mut Run<'_>, field: &Field, bytes: &[u8], name: &[u8]) {
    let value = field.value.of(bytes);
    if cookie::find(value, name).is_none() {
        return run.field(field);
    }
    run.flush();
    let before = run.out.len();
    run.out.extend_from_slice(b"Cookie: ");
    if cookie::write_without(run.out, value, name) {
        run.out.extend_from_slice(b"\r\n");
    } else {
        run.out.truncate(before);
    }
}

/// TE and Upgrade are hop-by-hop and need their Connection option on every hop.
#[inline]
fn connection_lines(out: &mut Vec<u8>, head: &Request, bytes: &[u8], to: &RequestEdits<'_>) {
    let upgrade = to.upgrade && !head.upgrade.is_empty();
    let options: &[u8] = match (upgrade, head.te_trailers, to.keep_alive) {
        (false, false, true) => return,
        (false, false, false) => b"close",
        (false, true, true) => b"TE",
        (false, true, false) => b"close, TE",
        (true, false, _) => b"Upgrade",
        (true, true, _) => b"Upgrade, TE",
    };
    output::line(out, b"Connection", options);
    if upgrade {
        output::line(out, b"Upgrade", head.upgrade.of(bytes));
    }
    if head.te_trailers {
        out.extend_from_slice(b"TE: trailers\r\n");
    }
}

/// Edited and finished lines, and the empty line.
#[inline]
fn finish(out: &mut Vec<u8>, edits: &Edits<'_>, extra: &[u8]) {
    for (name, value) in edits.set.iter().chain(edits.add) {
        let valid = !name.is_empty() && scan::class_end(name, 0, TOKEN) == name.len();
        if valid && Known::of(name).bit() & (CONNECTION_FIELDS | ALWAYS_ANEW | Known::Host.bit()) == 0 {
            output::line(out, name, value);
        }
    }
    out.extend_from_slice(extra);
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::{Edits, Framing, Persist, RequestEdits, ResponseEdits, write_request, write_response};
    use crate::{Asked, Limits, Request, Response};

    fn request(raw: &str, to: &RequestEdits<'_>) -> String {
        let mut head = Request::default();
        head.parse(raw.as_bytes(), &mut 0, &Limits { lenient: true, ..Limits::default() }).unwrap();
        let mut out = Vec::new();
        write_request(&mut out, &head, raw.as_bytes(), to);
        String::from_utf8(out).unwrap()
    }

    fn response(raw: &str, asked: Asked, to: &ResponseEdits<'_>) -> String {
        let mut head = Response::default();
        head.parse(raw.as_bytes(), &mut 0, &Limits { lenient: true, ..Limits::default() }, asked).unwrap();
        let mut out = Vec::new();
        write_response(&mut out, &head, raw.as_bytes(), to);
        String::from_utf8(out).unwrap()
    }

    fn plainly(raw: &str) -> String {
        request(raw, &RequestEdits::default())
    }

    #[test]
    fn a_plain_head_leaves_as_it_came() {
        let raw = "GET /a?b HTTP/1.1\r\nHost: a.test\r\nAccept: */*\r\nX-Y: z\r\n\r\n";
        assert_eq!(plainly(raw), raw);
    }

    #[test]
    fn an_odd_head_leaves_in_order() {
        assert_eq!(
            plainly("POST http://A.test:80 HTTP/1.2\nX:1 \nContent-Length: 007\nHost: a.test\nA_b: c\n\n"),
            "POST / HTTP/1.1\r\nHost: A.test:80\r\nX: 1\r\nContent-Length: 7\r\n\r\n"
        );
        assert_eq!(plainly("GET http://a?q HTTP/1.0\r\n\r\n"), "GET /?q HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(
            plainly("OPTIONS http://a HTTP/1.1\r\nHost: a\r\n\r\n"),
            "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"
        );
    }

    #[test]
    fn hop_by_hop_fields_end_here() {
        assert_eq!(
            plainly(
                "GET / HTTP/1.1\r\nHost: a\r\nConnection: close, X-Own\r\nKeep-Alive: 5\r\nX-Own: 1\r\nB: 2\r\n\
                 Proxy-Connection: x\r\nUpgrade: h2c\r\nHTTP2-Settings: AAA\r\nTE: gzip\r\nTransfer-Encoding: CHUNKED\r\n\r\n"
            ),
            "GET / HTTP/1.1\r\nHost: a\r\nB: 2\r\nTransfer-Encoding: chunked\r\n\r\n"
        );
    }

    #[test]
    fn te_and_upgrade_are_said_anew() {
        let raw = "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade, te\r\nUpgrade: websocket\r\nTE: trailers\r\n\r\n";
        let to = |upgrade, keep_alive| RequestEdits { upgrade, keep_alive, ..RequestEdits::default() };
        let head = "GET / HTTP/1.1\r\nHost: a\r\n";
        assert_eq!(
            request(raw, &to(true, true)),
            format!("{head}Connection: Upgrade, TE\r\nUpgrade: websocket\r\nTE: trailers\r\n\r\n")
        );
        assert_eq!(
            request(raw, &to(false, false)),
            format!("{head}Connection: close, TE\r\nTE: trailers\r\n\r\n")
        );
        assert_eq!(
            request(&format!("{head}\r\n"), &to(true, false)),
            format!("{head}Connection: close\r\n\r\n")
        );
    }

    #[test]
    fn edits_remove_set_and_add_but_never_frame() {
        let raw = "POST / HTTP/1.1\r\nHost: a\r\nServer: s\r\nX-A: 1\r\nx-b: 2\r\nX-C: 3\r\nContent-Length: 1\r\n\r\n";
        let edits = Edits {
            remove: &[b"X-B", b"server", b"content-length"],
            set: &[(b"x-a", b"9\r\nEvil: 1"), (b"Host", b"b"), (b"Transfer-Encoding", b"chunked")],
            add: &[(b"X-C", b"4"), (b"bad name", b"5"), (b"Connection", b"close")],
        };
        let to = RequestEdits {
            target: Some(b"x y"),
            edits: &edits,
            extra: b"X-E: 6\r\n",
            ..RequestEdits::default()
        };
        assert_eq!(
            request(raw, &to),
            "POST /x%20y HTTP/1.1\r\nHost: b\r\nX-C: 3\r\nContent-Length: 1\r\nx-a: 9  Evil: 1\r\nX-C: 4\r\nX-E: 6\r\n\r\n"
        );
    }

    #[test]
    fn a_host_for_clients_that_name_none() {
        let to = RequestEdits { host_fallback: b"b.test", ..RequestEdits::default() };
        assert_eq!(request("GET / HTTP/1.0\r\n\r\n", &to), "GET / HTTP/1.1\r\nHost: b.test\r\n\r\n");
        assert_eq!(request("GET / HTTP/1.0\r\nHost: a\r\n\r\n", &to), "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    }

    #[test]
    fn one_cookie_is_hidden_and_an_empty_field_is_left_out() {
        let to = RequestEdits { drop_cookie: Some(b"S"), ..RequestEdits::default() };
        let with = |cookies: &str| request(&format!("GET / HTTP/1.1\r\nHost: a\r\n{cookies}\r\n"), &to);
        let head = "GET / HTTP/1.1\r\nHost: a\r\n";
        assert_eq!(with("Cookie: a=1; S=x; b=2\r\n"), format!("{head}Cookie: a=1; b=2\r\n\r\n"));
        assert_eq!(with("Cookie: S=x\r\nCookie: a=1\r\n"), format!("{head}Cookie: a=1\r\n\r\n"));
        assert_eq!(with("Cookie: S=x\r\n"), format!("{head}\r\n"));
    }

    #[test]
    fn answers_are_framed_for_their_client() {
        let raw = "HTTP/1.1 200 OK\r\nServer: s\r\nContent-Length: 5\r\nConnection: x-hop\r\nX-Hop: 1\r\nA: b\r\n\r\n";
        let with = |framing, persist| {
            response(raw, Asked::default(), &ResponseEdits { framing, persist, ..ResponseEdits::default() })
        };
        let head = "HTTP/1.1 200 OK\r\nServer: s\r\nA: b\r\n";
        assert_eq!(with(Framing::Length(5), Persist::Implied), format!("{head}Content-Length: 5\r\n\r\n"));
        assert_eq!(
            with(Framing::Chunked, Persist::Implied),
            format!("{head}Transfer-Encoding: chunked\r\n\r\n")
        );
        assert_eq!(with(Framing::Close, Persist::Close), format!("{head}Connection: close\r\n\r\n"));
        assert_eq!(
            with(Framing::Length(5), Persist::KeepAlive),
            format!("{head}Content-Length: 5\r\nConnection: keep-alive\r\n\r\n")
        );
    }

    #[test]
    fn the_length_of_a_body_that_is_not_sent_is_passed_on_where_it_means_something() {
        let to = ResponseEdits::default();
        let head = Asked { head: true, ..Asked::default() };
        for (raw, asked) in [("HTTP/1.1 200 OK", head), ("HTTP/1.1 304 Not Modified", Asked::default())] {
            let raw = format!("{raw}\r\nContent-Length: 5\r\n\r\n");
            assert_eq!(response(&raw, asked, &to), raw);
        }
        let raw = "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n";
        assert_eq!(response(raw, Asked::default(), &to), "HTTP/1.1 204 No Content\r\n\r\n");
    }

    #[test]
    fn odd_status_lines_and_switches_are_said_anew() {
        let asked = Asked { upgrade: true, ..Asked::default() };
        let raw = "HTTP/1.0 101\nUpgrade: websocket\nConnection: upgrade\nX :1\n\n";
        let to = ResponseEdits { upgrade: true, extra: b"Set-Cookie: a=b\r\n", ..ResponseEdits::default() };
        assert_eq!(
            response(raw, asked, &to),
            "HTTP/1.1 101 \r\nX: 1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSet-Cookie: a=b\r\n\r\n"
        );
    }
}
