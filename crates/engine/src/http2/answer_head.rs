//! The head of an answer, from HTTP/1 text that this process wrote to the fields of HTTP/2.
//!
//! Owns: what of it has no place there (RFC 9113, 8.2.2). Does not own: what the answer says.

use bytes::Bytes;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Response, StatusCode};

use super::request_head::is_of_the_connection;

/// Where the first head ends in text that ends with one or holds more behind it.
pub fn end(text: &[u8]) -> Option<usize> {
    memchr::memmem::find(text, b"\r\n\r\n").map(|at| at + 4)
}

/// Status and fields; None: it is no head. The fields share its memory.
pub fn read(text: &Bytes) -> Option<Response<()>> {
    let first = memchr::memchr(b'\n', text)?;
    let status = StatusCode::from_bytes(text.get(9..12)?).ok()?;
    let mut response = Response::new(());
    *response.status_mut() = status;
    append(response.headers_mut(), text, first + 1)?;
    Some(response)
}

/// The fields of lines, which may end with an empty one.
pub fn fields(lines: &[u8]) -> Option<HeaderMap> {
    let mut fields = HeaderMap::new();
    append(&mut fields, &Bytes::copy_from_slice(lines), 0)?;
    Some(fields)
}

fn append(fields: &mut HeaderMap, text: &Bytes, mut at: usize) -> Option<()> {
    while let Some(line) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let length = memchr::memchr(b'\n', line)?;
        let line = line.get(..length)?.strip_suffix(b"\r")?;
        if !line.is_empty() {
            let colon = memchr::memchr(b':', line)?;
            let name = HeaderName::from_bytes(line.get(..colon)?).ok()?;
            let value = line.get(colon + 1..)?.trim_ascii();
            if !is_of_the_connection(&name) {
                let value = HeaderValue::from_maybe_shared(text.slice_ref(value)).ok()?;
                fields.append(name, value);
            }
        }
        at += length + 1;
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_keeps_what_http2_knows() {
        let text = b"HTTP/1.1 404 Not Found\r\nServer: a\r\nX-A:  b \r\nX-a: c\r\nConnection: close\r\n\
            Transfer-Encoding: chunked\r\nKeep-Alive: 5\r\nUpgrade: x\r\n\r\n";
        assert_eq!(end(text), Some(text.len()));
        let response = read(&Bytes::from_static(text)).unwrap();
        let fields = response.headers().iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap()));
        let fields: Vec<_> = fields.collect();
        assert_eq!(response.status(), 404);
        assert_eq!(fields, [("server", "a"), ("x-a", "b"), ("x-a", "c")]);
    }

    #[test]
    fn the_first_of_several_heads_ends_where_it_does() {
        assert_eq!(end(b"HTTP/1.1 103 Early\r\na: b\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"), Some(28));
        assert_eq!(end(b"HTTP/1.1 103 Early\r\na: b\r\n\r"), None);
    }

    #[test]
    fn trailers_are_lines_without_an_end() {
        let fields = fields(b"Grpc-Status: 0\r\ngrpc-message: \r\n").unwrap();
        assert!(fields.len() == 2 && fields["grpc-status"] == "0" && fields["grpc-message"].is_empty());
        assert!(super::fields(b"a\r\n").is_none() && super::fields(b"a: b").is_none());
    }

    #[test]
    fn what_is_no_head_is_none() {
        for text in
            [&b""[..], b"HTTP/1.1\r\n\r\n", b"HTTP/1.1 99 No\r\n\r\n", b"HTTP/1.1 200 OK\r\n: a\r\n\r\n"]
        {
            assert!(read(&Bytes::copy_from_slice(text)).is_none());
        }
    }
}
