//! The head of a client's HTTP/2 request, as HTTP/1 text for the one parser that judges all (RFC 9113, 8.2 and 8.3).
//!
//! Owns: what makes a request malformed before there is text, and that the text says no more than the request did. Does
//! not own: what of a well-formed request is refused; `tenbin_proto::Request` and the rules of the frontend say that.

use h2::ext::Protocol;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Method, Uri};

/// What of a request decides how its stream goes on.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Bytes of the body, where the client has said it.
    pub length: Option<u64>,
    /// What its bytes are once it was answered.
    pub purpose: Purpose,
}

/// What the stream is for.
#[derive(Debug, Default, PartialEq, Eq)]
pub enum Purpose {
    /// A request and its answer.
    #[default]
    Message,
    /// A tunnel after any success (RFC 9110, 9.3.6).
    Connect,
    /// A WebSocket (RFC 8441), asked for with this key.
    WebSocket(String),
}

/// It is not a request at all: its stream is reset.
#[derive(Debug, PartialEq, Eq)]
pub struct Malformed(pub &'static str);

/// Appends the text of a request whose client has, or has not, said that no body follows. `key` makes the key of a
/// WebSocket.
pub fn write(
    out: &mut Vec<u8>,
    parts: &Parts,
    ended: bool,
    key: impl FnOnce() -> String,
) -> Result<Written, Malformed> {
    let Parts { method, uri, headers, .. } = parts;
    if uri.scheme_str().is_some_and(|scheme| scheme != "http" && scheme != "https") {
        return Err(Malformed("scheme"));
    }
    let protocol = parts.extensions.get::<Protocol>().map(Protocol::as_str);
    let purpose = match (method == Method::CONNECT, protocol) {
        (false, _) => Purpose::Message,
        (true, None) => Purpose::Connect,
        (true, Some("websocket")) => Purpose::WebSocket(key()),
        (true, Some(_)) => return Err(Malformed("protocol")),
    };
    let host = host(uri, headers)?;
    let length = length(headers)?;
    match &purpose {
        Purpose::Message => line(out, method, target(method, uri)?),
        Purpose::Connect => line(out, method, host.ok_or(Malformed("authority"))?),
        Purpose::WebSocket(_) => line(out, &Method::GET, target(&Method::GET, uri)?),
    }
    if let Some(host) = host {
        field(out, "host", host);
    }
    fields(out, headers, &purpose)?;
    match &purpose {
        Purpose::WebSocket(key) => {
            out.extend_from_slice(b"connection: Upgrade\r\nupgrade: websocket\r\n");
            field(out, "sec-websocket-key", key.as_bytes());
        }
        Purpose::Message if length.is_none() => body_line(out, method, ended),
        _ => {}
    }
    out.extend_from_slice(b"\r\n");
    Ok(Written { length, purpose })
}

/// The lines of trailers, those that may not travel included.
pub fn lines(trailers: &HeaderMap) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, value) in trailers {
        field(&mut out, name.as_str(), value.as_bytes().trim_ascii());
    }
    out
}

fn line(out: &mut Vec<u8>, method: &Method, target: &[u8]) {
    out.extend_from_slice(method.as_str().as_bytes());
    out.push(b' ');
    out.extend_from_slice(target);
    out.extend_from_slice(b" HTTP/1.1\r\n");
}

/// Frames say where a body ends; text has to.
fn body_line(out: &mut Vec<u8>, method: &Method, ended: bool) {
    if !ended {
        field(out, "transfer-encoding", b"chunked");
    } else if matches!(*method, Method::POST | Method::PUT | Method::PATCH) {
        field(out, "content-length", b"0");
    }
}

/// Path and query: they begin with a slash, or are the asterisk of OPTIONS.
fn target<'a>(method: &Method, uri: &'a Uri) -> Result<&'a [u8], Malformed> {
    let target = uri.path_and_query().map_or("", |target| target.as_str());
    let good = target.starts_with('/') || (target == "*" && method == Method::OPTIONS);
    // A blank would end it in HTTP/1, and so would a line.
    if good && target.bytes().all(|byte| byte > b' ' && byte != 0x7f) {
        return Ok(target.as_bytes());
    }
    Err(Malformed("path"))
}

/// The authority; where a Host field says it too, both must say the same (RFC 9113, 8.3.1).
fn host<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Result<Option<&'a [u8]>, Malformed> {
    let mut hosts = headers.get_all(header::HOST).iter().map(HeaderValue::as_bytes);
    let (host, authority) = (hosts.next(), uri.authority().map(|authority| authority.as_str().as_bytes()));
    match (host, authority) {
        _ if hosts.next().is_some() => Err(Malformed("host")),
        (Some(host), Some(authority)) if !host.eq_ignore_ascii_case(authority) => Err(Malformed("host")),
        (host, authority) => Ok(authority.or(host)),
    }
}

/// Digits, and as many fields as there may be: one.
fn length(headers: &HeaderMap) -> Result<Option<u64>, Malformed> {
    let mut values = headers.get_all(header::CONTENT_LENGTH).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let text = value.as_bytes();
    let digits = text.iter().all(u8::is_ascii_digit) && values.next().is_none();
    let length = std::str::from_utf8(text).ok().filter(|_| digits).and_then(|text| text.parse().ok());
    length.map(Some).ok_or(Malformed("content-length"))
}

fn fields(out: &mut Vec<u8>, headers: &HeaderMap, purpose: &Purpose) -> Result<(), Malformed> {
    let mut cookies = false;
    for (name, value) in headers {
        let value = value.as_bytes();
        if is_of_the_connection(name) || (*name == header::TE && value != b"trailers") {
            return Err(Malformed("connection-field"));
        }
        if matches!(value, [b' ' | b'\t', ..] | [.., b' ' | b'\t']) {
            return Err(Malformed("blanks"));
        }
        // The parser would say no to the rest; what has no form in HTTP/1 must not come that far.
        if value.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)) {
            return Err(Malformed("value"));
        }
        let own_key = *name == header::SEC_WEBSOCKET_KEY && matches!(purpose, Purpose::WebSocket(_));
        if *name == header::HOST || own_key || (*name == header::COOKIE && cookies) {
            continue;
        }
        if *name == header::COOKIE {
            cookies = true;
            cookie(out, headers);
        } else {
            field(out, name.as_str(), value);
        }
    }
    Ok(())
}

/// They may come in pieces, and are one field in HTTP/1 (RFC 9113, 8.2.3).
fn cookie(out: &mut Vec<u8>, headers: &HeaderMap) {
    out.extend_from_slice(b"cookie: ");
    for (index, value) in headers.get_all(header::COOKIE).iter().enumerate() {
        if index > 0 {
            out.extend_from_slice(b"; ");
        }
        out.extend_from_slice(value.as_bytes());
    }
    out.extend_from_slice(b"\r\n");
}

fn field(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// Fields that speak of an HTTP/1 connection (RFC 9113, 8.2.2).
pub fn is_of_the_connection(name: &HeaderName) -> bool {
    *name == header::CONNECTION
        || *name == header::TRANSFER_ENCODING
        || *name == header::UPGRADE
        || matches!(name.as_str(), "keep-alive" | "proxy-connection")
}

#[cfg(test)]
mod tests {
    use http::Request as Message;
    use proptest::prelude::*;
    use tenbin_proto::{Limits, Progress, Request};

    use super::*;

    fn parts(method: &str, uri: &str, fields: &[(&str, &str)]) -> Parts {
        let mut message = Message::builder().method(method).uri(uri);
        for (name, value) in fields {
            message = message.header(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        message.body(()).unwrap().into_parts().0
    }

    fn text(parts: &Parts) -> Result<String, &'static str> {
        let mut out = Vec::new();
        write(&mut out, parts, true, || "key".to_owned()).map_err(|malformed| malformed.0)?;
        Ok(String::from_utf8_lossy(&out).into_owned())
    }

    fn judged(method: &str, uri: &str, fields: &[(&str, &str)]) -> Result<String, &'static str> {
        text(&parts(method, uri, fields))
    }

    #[test]
    fn a_request_is_written_as_it_was_meant() {
        assert_eq!(
            judged(
                "GET",
                "https://a.test:1/b?c",
                &[("cookie", "d=e"), ("x", "y"), ("cookie", "f=g"), ("te", "trailers")]
            ),
            Ok("GET /b?c HTTP/1.1\r\nhost: a.test:1\r\ncookie: d=e; f=g\r\nx: y\r\nte: trailers\r\n\r\n"
                .into())
        );
        assert_eq!(
            judged("OPTIONS", "*", &[("host", "a")]),
            Ok("OPTIONS * HTTP/1.1\r\nhost: a\r\n\r\n".into())
        );
        assert_eq!(judged("CONNECT", "a:1", &[]), Ok("CONNECT a:1 HTTP/1.1\r\nhost: a:1\r\n\r\n".into()));
    }

    #[test]
    fn the_end_of_a_body_is_said() {
        let text = |method, ended, fields: &[_]| {
            let mut out = Vec::new();
            write(&mut out, &parts(method, "http://a/", fields), ended, String::new).unwrap();
            String::from_utf8(out).unwrap()
        };
        assert!(text("POST", false, &[]).ends_with("host: a\r\ntransfer-encoding: chunked\r\n\r\n"));
        assert!(text("POST", true, &[]).ends_with("host: a\r\ncontent-length: 0\r\n\r\n"));
        assert!(text("GET", true, &[]).ends_with("host: a\r\n\r\n"));
        assert!(text("PUT", false, &[("content-length", "5")]).ends_with("content-length: 5\r\n\r\n"));
    }

    #[test]
    fn host_is_said_once() {
        assert_eq!(
            judged("GET", "http://a/", &[("host", "A")]),
            Ok("GET / HTTP/1.1\r\nhost: a\r\n\r\n".into())
        );
        assert_eq!(judged("GET", "http://a/", &[("host", "b")]), Err("host"));
        assert_eq!(judged("GET", "/", &[("host", "a"), ("host", "a")]), Err("host"));
        assert_eq!(judged("CONNECT", "a:1", &[("host", "b:1")]), Err("host"));
    }

    #[test]
    fn what_is_malformed_has_no_text() {
        for (field, why) in [
            (("connection", "close"), "connection-field"),
            (("transfer-encoding", "chunked"), "connection-field"),
            (("keep-alive", "5"), "connection-field"),
            (("proxy-connection", "close"), "connection-field"),
            (("upgrade", "h2c"), "connection-field"),
            (("te", "gzip"), "connection-field"),
            (("x", " a"), "blanks"),
            (("x", "a\t"), "blanks"),
            (("content-length", "+5"), "content-length"),
            (("content-length", ""), "content-length"),
            (("content-length", "5, 5"), "content-length"),
            (("content-length", "99999999999999999999"), "content-length"),
        ] {
            assert_eq!(judged("POST", "http://a/", &[field]), Err(why), "{field:?}");
        }
        assert_eq!(
            judged("POST", "http://a/", &[("content-length", "5"), ("content-length", "5")]),
            Err("content-length")
        );
        assert_eq!(judged("GET", "*", &[("host", "a")]), Err("path"));
        assert_eq!(judged("GET", "ftp://a/", &[]), Err("scheme"));
    }

    #[test]
    fn a_websocket_is_asked_for_in_the_words_of_http1() {
        let mut parts =
            parts("CONNECT", "http://a/chat", &[("sec-websocket-version", "13"), ("sec-websocket-key", "x")]);
        parts.extensions.insert(Protocol::from_static("websocket"));
        assert_eq!(
            text(&parts),
            Ok("GET /chat HTTP/1.1\r\nhost: a\r\nsec-websocket-version: 13\r\nconnection: Upgrade\r\n\
                upgrade: websocket\r\nsec-websocket-key: key\r\n\r\n"
                .into())
        );
        parts.extensions.insert(Protocol::from_static("other"));
        assert_eq!(text(&parts), Err("protocol"));
    }

    fn name() -> impl Strategy<Value = String> {
        prop_oneof![
            "[a-z][a-z0-9-]{0,8}",
            "host",
            "cookie",
            "content-length",
            "te",
            "[!#$%&'*+.^_`|~a-z0-9-]{1,6}"
        ]
    }

    proptest! {
        /// What the one parser reads is that request, and it is all that there is.
        #[test]
        fn the_text_says_what_the_request_said(
            method in prop_oneof!["[A-Z!#a-z]{1,8}", Just("POST".to_owned())],
            ended in any::<bool>(),
            target in "/[!-~]{0,30}",
            authority in prop_oneof![Just(String::new()), "[!-~]{1,20}", "[a-z.]{1,10}(:[0-9]{1,5})?"],
            fields in prop::collection::vec((name(), "[\\x09\\x20-\\x7e\\u{80}-\\u{ff}]{0,12}"), 0..8),
        ) {
            let mut message = Message::builder().method(method.as_str());
            let uri = if authority.is_empty() { target.clone() } else { format!("http://{authority}{target}") };
            message = message.uri(uri);
            for (name, value) in &fields {
                message = message.header(name.as_str(), HeaderValue::from_bytes(value.as_bytes()).unwrap());
            }
            let Ok(message) = message.body(()) else { return Ok(()) };
            let parts = message.into_parts().0;
            let mut out = Vec::new();
            if write(&mut out, &parts, ended, String::new).is_err() {
                return Ok(());
            }
            let mut request = Request::default();
            let limits = Limits { underscores: tenbin_proto::Underscores::Refuse, ..Limits::default() };
            let Ok(progress) = request.parse(&out, &mut 0, &limits) else { return Ok(()) };
            prop_assert_eq!(progress, Progress::Complete);
            prop_assert_eq!(request.length, out.len(), "something is behind it");
            prop_assert_eq!(request.method_text.of(&out), parts.method.as_str().as_bytes());
            if parts.method != Method::CONNECT {
                let target = parts.uri.path_and_query().unwrap().as_str();
                prop_assert_eq!(request.target.of(&out), target.as_bytes());
            }
            if let Some(authority) = parts.uri.authority() {
                // A port that is empty is none (RFC 3986, 3.2.3).
                let named = authority.as_str().strip_suffix(':').unwrap_or(authority.as_str());
                prop_assert_eq!(request.authority.of(&out), named.as_bytes());
            }
            for field in &request.fields {
                let name = std::str::from_utf8(field.name.of(&out)).unwrap();
                let mut values = parts.headers.get_all(name).iter();
                let sent = matches!(name, "host" | "cookie" | "transfer-encoding" | "content-length") || values.any(|value| value.as_bytes() == field.value.of(&out));
                prop_assert!(sent, "{} was never sent", name);
            }
            let sent = parts.headers.keys().filter(|name| *name != header::HOST).map(|name| match name {
                name if *name == header::COOKIE => 1,
                name => parts.headers.get_all(name).iter().count(),
            });
            let hosts = usize::from(request.fields.iter().any(|field| field.name.of(&out) == b"host"));
            let ours = !parts.headers.contains_key(header::CONTENT_LENGTH)
                && parts.method != Method::CONNECT
                && (!ended || matches!(parts.method, Method::POST | Method::PUT | Method::PATCH));
            let expected = sent.sum::<usize>() + hosts + usize::from(ours);
            prop_assert_eq!(request.fields.iter().count(), expected);
        }
    }
}
