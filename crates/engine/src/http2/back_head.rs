//! Heads and trailers between the text of HTTP/1 and the fields of HTTP/2, towards servers (RFC 9113, 8; RFC 8441).
//!
//! Owns: what travels and as what. Pure: no connections, no waiting. What a server says becomes text that the strict
//! parser of answers judges like any other; no field can hold the end of a line (`http` refuses such values).

use bytes::Bytes;
use h2::ext::Protocol;
use http::header::{self, HeaderName, HeaderValue};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, Method, Request, StatusCode, Uri, Version};

use super::websocket;

/// What of a request decides how its answer is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// Anything else.
    #[default]
    Plain,
    /// Its answer has no body.
    Head,
    /// Success opens a tunnel.
    Connect,
    /// Extended CONNECT: success becomes a 101 with this Sec-WebSocket-Accept.
    WebSocket(String),
}

impl Kind {
    /// Whether success turns the stream into a tunnel.
    pub fn opens_tunnel(&self) -> bool {
        matches!(self, Self::Connect | Self::WebSocket(_))
    }
}

/// The head cannot be said in HTTP/2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unfit;

/// Fields that belong to a connection of HTTP/1, and Host, which becomes `:authority`.
const LEFT_OUT: [HeaderName; 6] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("http2-settings"),
];

/// Fields that HPACK must not remember: clients that do not trust each other share the connection (RFC 7541, 7.1).
const SECRET: [HeaderName; 3] = [header::AUTHORIZATION, header::COOKIE, header::PROXY_AUTHORIZATION];

/// Turns the text of a whole head, with the empty line at its end, into a request. A WebSocket handshake becomes an
/// extended CONNECT when `extended` says that the server knows it.
pub fn request(text: &Bytes, secure: bool, extended: bool) -> Result<(Request<()>, Kind), Unfit> {
    let mut lines = Lines(text, 0);
    let line = lines.next().ok_or(Unfit)?;
    let mut words = line.split(|byte| *byte == b' ');
    let (Some(method), Some(target), Some(_), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(Unfit);
    };
    let method = Method::from_bytes(method).map_err(|_| Unfit)?;
    let mut found = Found { fields: HeaderMap::with_capacity(16), ..Found::default() };
    for line in lines.take_while(|line| !line.is_empty()) {
        found.take(text, line)?;
    }
    let Found { host, mut key, upgrades, mut fields } = found;
    let scheme = if secure { Scheme::HTTPS } else { Scheme::HTTP };
    let mut request = Request::new(());
    *request.version_mut() = Version::HTTP_2;
    let websocket = if extended && upgrades && method == Method::GET { key.take() } else { None };
    let kind = match (websocket, &method) {
        (Some(key), _) => {
            request.extensions_mut().insert(Protocol::from_static("websocket"));
            Kind::WebSocket(websocket::proof(key.to_str().map_err(|_| Unfit)?))
        }
        (None, &Method::HEAD) => Kind::Head,
        (None, &Method::CONNECT) => Kind::Connect,
        (None, _) => Kind::Plain,
    };
    if let Some(key) = key {
        fields.append(header::SEC_WEBSOCKET_KEY, key);
    }
    *request.uri_mut() = match kind {
        Kind::Connect => authority_of(&text.slice_ref(target))?.into(),
        _ => uri(scheme, &host.ok_or(Unfit)?, &text.slice_ref(target))?,
    };
    *request.method_mut() = if matches!(kind, Kind::WebSocket(_)) { Method::CONNECT } else { method };
    *request.headers_mut() = fields;
    Ok((request, kind))
}

/// The text of an answer's head, interim or final.
pub fn answer(status: StatusCode, fields: &HeaderMap, kind: &Kind, out: &mut Vec<u8>) {
    let switched = match kind {
        Kind::WebSocket(accept) if status.is_success() => Some(accept),
        _ => None,
    };
    let status = if switched.is_some() { StatusCode::SWITCHING_PROTOCOLS } else { status };
    out.reserve(64 + fields.len() * 48);
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(status.as_str().as_bytes());
    out.push(b' ');
    out.extend_from_slice(status.canonical_reason().unwrap_or_default().as_bytes());
    out.extend_from_slice(b"\r\n");
    if let Some(accept) = switched {
        out.extend_from_slice(b"connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-accept: ");
        out.extend_from_slice(accept.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
    for (name, value) in fields {
        let framed = name == header::CONTENT_LENGTH || name == header::SEC_WEBSOCKET_ACCEPT;
        if switched.is_none() || !framed {
            push_line(out, name, value);
        }
    }
    out.extend_from_slice(b"\r\n");
}

/// The lines of trailers that came from a server; what they may hold is judged by whoever writes them on.
pub fn trailer_lines(fields: &HeaderMap) -> Vec<u8> {
    let mut out = Vec::with_capacity(fields.len() * 48);
    for (name, value) in fields {
        push_line(&mut out, name, value);
    }
    out
}

/// Trailers to a server, from lines; what is no field is left out.
pub fn trailer_fields(lines: &[u8]) -> HeaderMap {
    let mut fields = HeaderMap::new();
    for line in Lines(lines, 0) {
        let Some((name, value)) = split(line) else { continue };
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value))
            && !LEFT_OUT.contains(&name)
            && name != header::TE
        {
            fields.append(name, value);
        }
    }
    fields
}

/// What the fields of a request say.
#[derive(Default)]
struct Found {
    fields: HeaderMap,
    host: Option<Bytes>,
    key: Option<HeaderValue>,
    upgrades: bool,
}

impl Found {
    fn take(&mut self, text: &Bytes, line: &[u8]) -> Result<(), Unfit> {
        let (name, value) = split(line).ok_or(Unfit)?;
        let name = HeaderName::from_bytes(name).map_err(|_| Unfit)?;
        if name == header::HOST {
            self.host = Some(text.slice_ref(value));
        } else if name == header::UPGRADE {
            self.upgrades = value.eq_ignore_ascii_case(b"websocket");
        } else if name == header::TE {
            if value.split(|byte| *byte == b',').any(|one| one.trim_ascii().eq_ignore_ascii_case(b"trailers"))
            {
                self.fields.insert(name, HeaderValue::from_static("trailers"));
            }
        } else if !LEFT_OUT.contains(&name) {
            let mut value = HeaderValue::from_maybe_shared(text.slice_ref(value)).map_err(|_| Unfit)?;
            if name == header::SEC_WEBSOCKET_KEY {
                self.key = Some(value);
                return Ok(());
            }
            value.set_sensitive(SECRET.contains(&name));
            self.fields.append(name, value);
        }
        Ok(())
    }
}

/// Lines without their ends.
struct Lines<'a>(&'a [u8], usize);

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let rest = self.0.get(self.1..)?;
        let end = memchr::memchr(b'\n', rest)?;
        self.1 += end + 1;
        let line = rest.get(..end)?;
        Some(line.strip_suffix(b"\r").unwrap_or(line))
    }
}

fn split(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = memchr::memchr(b':', line)?;
    Some((line.get(..colon)?, line.get(colon + 1..)?.trim_ascii()))
}

fn authority_of(text: &Bytes) -> Result<Authority, Unfit> {
    Authority::from_maybe_shared(text.clone()).map_err(|_| Unfit)
}

fn uri(scheme: Scheme, host: &Bytes, target: &Bytes) -> Result<Uri, Unfit> {
    let mut parts = http::uri::Parts::default();
    parts.scheme = Some(scheme);
    parts.authority = Some(authority_of(host)?);
    let path = PathAndQuery::from_maybe_shared(target.clone()).map_err(|_| Unfit)?;
    // It would leave out a fragment without a word.
    if path.as_str().len() != target.len() {
        return Err(Unfit);
    }
    parts.path_and_query = Some(path);
    Uri::from_parts(parts).map_err(|_| Unfit)
}

fn push_line(out: &mut Vec<u8>, name: &HeaderName, value: &HeaderValue) {
    out.extend_from_slice(name.as_str().as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value.as_bytes());
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tenbin_proto::{Asked, Limits, Progress, Response};

    use super::*;

    fn said(text: &str) -> Result<(Request<()>, Kind), Unfit> {
        request(&Bytes::copy_from_slice(text.as_bytes()), false, true)
    }

    fn read(text: &[u8], asked: Asked) -> Result<Response, &'static str> {
        let mut head = Response::default();
        let limits = Limits { head_bytes: 1 << 20, fields: 1000, ..Limits::default() };
        match head.parse(text, &mut 0, &limits, asked) {
            Ok(Progress::Complete) if head.length == text.len() => Ok(head),
            Ok(_) => Err("not one whole head"),
            Err(reject) => Err(reject.reason),
        }
    }

    #[test]
    fn what_belongs_to_a_connection_of_http1_stays_there() {
        let text = "POST /a?b=%20c HTTP/1.1\r\nHost: a.test:81\r\nConnection: keep-alive\r\nKeep-Alive: 5\r\n\
            Transfer-Encoding: chunked\r\nTE: gzip, Trailers\r\nUpgrade: foo\r\nCookie: a=b\r\nCookie: c=d\r\nX-Own: 1\r\n\r\n";
        let (request, kind) = said(text).unwrap();
        assert_eq!(kind, Kind::Plain);
        assert_eq!(request.method(), Method::POST);
        assert_eq!(request.uri(), "http://a.test:81/a?b=%20c");
        let fields: Vec<_> = request.headers().iter().map(|(n, v)| (n.as_str(), v.as_bytes())).collect();
        let expected: [(&str, &[u8]); 4] =
            [("te", b"trailers"), ("cookie", b"a=b"), ("cookie", b"c=d"), ("x-own", b"1")];
        assert_eq!(fields, expected);
        assert!(request.headers()["cookie"].is_sensitive(), "others share the compression");
    }

    #[test]
    fn targets_of_all_forms() {
        for (line, uri) in [
            ("OPTIONS *", "http://a.test*"),
            ("GET /", "http://a.test/"),
            ("HEAD //x/../y", "http://a.test//x/../y"),
            ("CONNECT b.test:443", "b.test:443"),
        ] {
            let (request, _) = said(&format!("{line} HTTP/1.1\r\nHost: a.test\r\n\r\n")).unwrap();
            assert_eq!(request.uri(), uri, "{line}");
        }
        for line in ["GET /a#b", "GET /<", "GET", "GET / x", "G\u{1}T /"] {
            assert_eq!(
                said(&format!("{line} HTTP/1.1\r\nHost: a.test\r\n\r\n")).unwrap_err(),
                Unfit,
                "{line}"
            );
        }
        assert_eq!(said("GET / HTTP/1.1\r\n\r\n").unwrap_err(), Unfit);
        assert_eq!(said("GET / HTTP/1.1\r\nHost: a b\r\n\r\n").unwrap_err(), Unfit);
    }

    const HANDSHAKE: &str = "GET /chat HTTP/1.1\r\nHost: a.test\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

    #[test]
    fn a_websocket_becomes_an_extended_connect_and_its_answer_a_switch() {
        let (request, kind) = said(HANDSHAKE).unwrap();
        assert_eq!(request.method(), Method::CONNECT);
        assert_eq!(request.extensions().get::<Protocol>().unwrap().as_str(), "websocket");
        assert_eq!(request.uri(), "http://a.test/chat");
        assert!(!request.headers().contains_key("sec-websocket-key"));
        let mut fields = HeaderMap::new();
        fields.insert("sec-websocket-protocol", HeaderValue::from_static("x"));
        let mut text = Vec::new();
        answer(StatusCode::OK, &fields, &kind, &mut text);
        let head = read(&text, Asked { upgrade: true, ..Asked::default() }).unwrap();
        assert_eq!((head.status, head.upgrade.of(&text)), (101, &b"websocket"[..]));
        // The example of RFC 6455, 1.3.
        let accept = head.fields.find(&text, b"sec-websocket-accept").unwrap();
        assert_eq!(accept.value.of(&text), b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        text.clear();
        answer(StatusCode::FORBIDDEN, &fields, &kind, &mut text);
        assert_eq!(read(&text, Asked::default()).unwrap().status, 403);
    }

    #[test]
    fn a_switch_that_http2_does_not_have_is_refused() {
        let mut text = Vec::new();
        answer(StatusCode::SWITCHING_PROTOCOLS, &HeaderMap::new(), &Kind::Plain, &mut text);
        assert_eq!(
            read(&text, Asked { upgrade: true, ..Asked::default() }).unwrap_err(),
            "switch-without-upgrade"
        );
    }

    #[test]
    fn trailers_there_and_back() {
        let fields = trailer_fields(b"grpc-status: 0\r\nConnection: x\r\nno colon\r\nX-A:b\r\n");
        assert_eq!(trailer_lines(&fields), b"grpc-status: 0\r\nx-a: b\r\n");
    }

    fn name() -> impl Strategy<Value = String> {
        "x-[a-z0-9!#$%&'*+.^_`|~-]{1,12}"
    }

    proptest! {
        /// Whatever bytes a server puts into fields, the text has one line for each, and no other.
        #[test]
        fn no_field_becomes_another_line(
            status in 200_u16..600,
            fields in prop::collection::vec((name(), prop::collection::vec(any::<u8>(), 0..40)), 0..12),
        ) {
            let mut map = HeaderMap::new();
            for (name, value) in &fields {
                if let Ok(value) = HeaderValue::from_bytes(value) {
                    map.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), value);
                }
            }
            let mut text = Vec::new();
            answer(StatusCode::from_u16(status).unwrap(), &map, &Kind::Plain, &mut text);
            let head = read(&text, Asked::default()).unwrap();
            prop_assert_eq!(head.status, status);
            prop_assert_eq!(head.fields.len(), map.len());
            for (field, (name, value)) in head.fields.iter().zip(&map) {
                prop_assert_eq!(field.name.of(&text), name.as_str().as_bytes());
                prop_assert_eq!(field.value.of(&text), value.as_bytes().trim_ascii());
            }
        }

        /// Every field of a request arrives with its value, in the order of its name's own lines.
        #[test]
        fn a_request_keeps_its_meaning(
            path in "/[a-zA-Z0-9/._~%?&=+-]{0,30}",
            fields in prop::collection::vec((name(), "[!-~]([ -~]{0,20}[!-~])?"), 0..12),
        ) {
            let mut text = format!("PUT {path} HTTP/1.1\r\nHost: a.test\r\n");
            for (name, value) in &fields {
                text += &[name, ": ", value, "\r\n"].concat();
            }
            let (request, _) = said(&(text + "\r\n")).unwrap();
            prop_assert_eq!(request.uri().path_and_query().unwrap().as_str(), path);
            prop_assert_eq!(request.headers().len(), fields.len());
            for (name, _) in &fields {
                let sent: Vec<_> = fields.iter().filter(|(n, _)| n == name).map(|(_, v)| v.as_bytes()).collect();
                let got: Vec<_> = request.headers().get_all(name).iter().map(HeaderValue::as_bytes).collect();
                prop_assert_eq!(got, sent);
            }
        }

        /// Nothing that is no head gets further, and nothing panics.
        #[test]
        fn any_text_is_judged(text in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = request(&Bytes::from(text.clone()), true, true);
            let _ = trailer_fields(&text);
        }
    }
}
