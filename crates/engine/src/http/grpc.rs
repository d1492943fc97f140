//! Answers of our own to calls of gRPC: their clients look for a status of gRPC's, which comes where trailers would.

use tenbin_proto::Request;

use super::answer::{Manner, Reason};

/// Whether the request is a call.
pub fn is_call(request: &Request, head: &[u8]) -> bool {
    const TYPE: &[u8] = b"application/grpc";
    let field = request.fields.find(head, b"content-type");
    let Some(value) = field.map(|field| field.value.of(head)) else { return false };
    let Some((begin, rest)) = value.split_at_checked(TYPE.len()) else { return false };
    begin.eq_ignore_ascii_case(TYPE) && matches!(rest, [] | [b'+' | b';' | b' ', ..])
}

/// Appends the whole answer.
pub fn write_reason(out: &mut Vec<u8>, reason: Reason, manner: Manner<'_>) {
    let (status, code) = (status(reason.status()), reason.code());
    out.extend_from_slice(b"HTTP/1.1 200 OK\r\ncontent-type: application/grpc\r\n");
    let words = reason.words();
    let lines =
        format!("grpc-status: {status}\r\ngrpc-message: {}\r\ntenbin-reason: {code}\r\n", quoted(&words));
    out.extend_from_slice(lines.as_bytes());
    out.extend_from_slice(manner.always);
    out.extend_from_slice(b"\r\n");
}

/// What gRPC's own clients make of a status of HTTP, and what Envoy makes of it.
fn status(status: u16) -> u8 {
    match status {
        400 => 13,
        401 => 16,
        403 => 7,
        404 => 12,
        429 | 502..=504 => 14,
        _ => 2,
    }
}

/// Bytes that are not printable, and the percent sign, are written as their codes.
fn quoted(words: &str) -> String {
    let mut text = String::with_capacity(words.len());
    for byte in words.bytes() {
        match byte {
            b' '..=b'~' if byte != b'%' => text.push(char::from(byte)),
            _ => text.extend(format!("%{byte:02X}").chars()),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use tenbin_proto::{Limits, Version};

    use super::*;

    fn asks(kind: &str) -> bool {
        let head = format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Type: {kind}\r\n\r\n");
        let mut request = Request::default();
        request.parse(head.as_bytes(), &mut 0, &Limits::default()).unwrap();
        is_call(&request, head.as_bytes())
    }

    #[test]
    fn calls_are_known_by_their_type() {
        assert!(asks("application/grpc") && asks("Application/gRPC+proto") && asks("application/grpc; a=b"));
        assert!(!asks("application/grpc-web") && !asks("text/plain") && !asks("application/gr") && !asks(""));
    }

    #[test]
    fn a_reason_is_a_status_where_trailers_would_be() {
        let mut out = Vec::new();
        let manner = Manner { version: Version::Http11, keep_alive: true, head: false, always: b"a: b\r\n" };
        write_reason(&mut out, Reason::NoServerUp, manner);
        let text = String::from_utf8(out).unwrap();
        let (first, rest) = text.split_once("\r\n").unwrap();
        assert_eq!(first, "HTTP/1.1 200 OK");
        assert!(rest.contains("grpc-status: 14\r\n") && rest.contains("tenbin-reason: no-server-up\r\n"));
        assert!(rest.ends_with("a: b\r\n\r\n") && !rest.contains("content-length"));
    }

    #[test]
    fn statuses_are_those_that_clients_expect() {
        let made = [400, 401, 403, 404, 408, 413, 429, 502, 503, 504].map(status);
        assert_eq!(made, [13, 16, 7, 12, 2, 2, 14, 14, 14, 14]);
    }

    #[test]
    fn a_message_is_one_line_of_plain_letters() {
        assert_eq!(quoted("a % b\r\nü"), "a %25 b%0D%0A%C3%BC");
    }
}
