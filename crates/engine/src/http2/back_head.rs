//! Heads and trailers between the text of HTTP/1 and the fields of HTTP/2, towards servers (RFC 9113, 8; RFC 8441).
//!
//! Owns: what travels and as what. Pure: no connections, no waiting. What a server says becomes text that the strict
//! parser of answers judges like any other; no field can hold the end of a line (`http` refuses such values).

use bytes::Bytes;
use h2::ext::Protocol;
use http::header::{self, HeaderName, HeaderValue};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, Method, Request, StatusCode, Uri, Version};
use ring::digest;

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

/// RFC 6455, 1.3.
const WEBSOCKET: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

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
            Kind::WebSocket(accept(&key))
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
        _ => uri(scheme, host.ok_or(Unfit)?, text.slice_ref(target))?,
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

/// The value of Sec-WebSocket-Accept for a key (RFC 6455, 4.2.2).
pub fn accept(key: &HeaderValue) -> String {
    let mut sha1 = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
    sha1.update(key.as_bytes());
    sha1.update(WEBSOCKET);
    base64(sha1.finish().as_ref())
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

fn uri(scheme: Scheme, host: Bytes, target: Bytes) -> Result<Uri, Unfit> {
    let mut parts = http::uri::Parts::default();
    parts.scheme = Some(scheme);
    parts.authority = Some(authority_of(&host)?);
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

fn base64(bytes: &[u8]) -> String {
    const SIGNS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let bits = (0..3).fold(0_u32, |bits, at| bits << 8 | u32::from(group.get(at).copied().unwrap_or(0)));
        for place in 0..4 {
            let sign = SIGNS.get((bits >> (18 - 6 * place)) as usize & 63).copied().unwrap_or(b'=');
            out.push(if place <= group.len() { sign as char } else { '=' });
        }
    }
    out
}
