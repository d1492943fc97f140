//! `host[:port]` of Host fields and absolute-form targets (RFC 9110, 4.2 and 7.2), checked before anything routes on it.
//!
//! Owns: what a host and a port may look like, equality of two of them. Does not own: names that resolve.
//!
//! Narrower than the URI grammar on purpose: no percent-escapes, sub-delimiters or future address forms, which no name
//! in use needs and which servers read differently.

use std::net::Ipv6Addr;

use crate::Span;
use crate::reject::Fault;
use crate::scan;

/// Longest host name, in bytes (RFC 1035, 2.3.4, as text).
const HOST_BYTES: usize = 255;

/// A checked authority.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Authority {
    /// The host, IPv6 in its brackets.
    pub host: Span,
    /// `host[:port]`, without the colon of an empty port.
    pub whole: Span,
    /// The port, if one is named.
    pub port: Option<u16>,
}

impl Authority {
    /// Whether both name the same host and port; `default_port` stands for one that is not named.
    pub fn equals(&self, other: &Self, bytes: &[u8], default_port: u16) -> bool {
        self.port.unwrap_or(default_port) == other.port.unwrap_or(default_port)
            && self.host.of(bytes).eq_ignore_ascii_case(other.host.of(bytes))
    }
}

/// Checks the authority that covers `span`.
#[inline]
pub(crate) fn read(bytes: &[u8], span: Span) -> Result<Authority, Fault> {
    let text = span.of(bytes);
    let length = match text.first() {
        None => return Err(Fault::HostEmpty),
        Some(b'[') => literal_length(text)?,
        Some(_) => name_length(bytes.get(span.start as usize..).unwrap_or_default())?,
    };
    let start = span.start as usize;
    let host = Span::new(start, start + length);
    match text.get(length..) {
        Some([] | [b':']) => Ok(Authority { host, whole: host, port: None }),
        Some([b':', digits @ ..]) => Ok(Authority { host, whole: span, port: Some(port(digits)?) }),
        Some(_) | None => Err(Fault::HostInvalid),
    }
}

/// The length of the name at the start of `rest`, which goes on behind the authority with bytes that no name may hold.
#[inline]
fn name_length(rest: &[u8]) -> Result<usize, Fault> {
    let (length, has_empty_label) = scan::host_name(rest);
    match length {
        0 if rest.first() == Some(&b':') => Err(Fault::HostEmpty),
        1..=HOST_BYTES if !has_empty_label => Ok(length),
        _ => Err(Fault::HostInvalid),
    }
}

/// The length of the bracketed IPv6 address at the start of `text`. Zones are refused: they mean nothing to others.
#[cold]
fn literal_length(text: &[u8]) -> Result<usize, Fault> {
    let close = memchr::memchr(b']', text).ok_or(Fault::HostInvalid)?;
    let inner = text.get(1..close).unwrap_or_default();
    let address = std::str::from_utf8(inner).map_err(|_| Fault::HostInvalid)?;
    address.parse::<Ipv6Addr>().map_err(|_| Fault::HostInvalid)?;
    Ok(close + 1)
}

/// A port from one to five digits.
#[inline]
fn port(digits: &[u8]) -> Result<u16, Fault> {
    let mut value = 0_u32;
    for &byte in digits.get(..5.min(digits.len())).unwrap_or_default() {
        let digit = u32::from(byte.wrapping_sub(b'0'));
        if digit > 9 {
            return Err(Fault::HostPort);
        }
        value = value * 10 + digit;
    }
    u16::try_from(value).ok().filter(|_| digits.len() <= 5).ok_or(Fault::HostPort)
}

#[cfg(test)]
mod tests {
    use super::{Authority, read};
    use crate::Span;
    use crate::reject::Fault;

    fn parse(text: &str) -> Result<(&str, &str, Option<u16>), Fault> {
        let bytes = text.as_bytes();
        let Authority { host, whole, port } = read(bytes, Span::new(0, bytes.len()))?;
        Ok((&text[..host.len()], &text[..whole.len()], port))
    }

    #[test]
    fn names_and_addresses_with_and_without_port() {
        for (text, host, whole, port) in [
            ("a.test", "a.test", "a.test", None),
            ("a.test.", "a.test.", "a.test.", None),
            ("my_app-1:8080", "my_app-1", "my_app-1:8080", Some(8080)),
            ("a.test:", "a.test", "a.test", None),
            ("10.0.0.1:0", "10.0.0.1", "10.0.0.1:0", Some(0)),
            ("a.test:65535", "a.test", "a.test:65535", Some(65535)),
            ("[::1]", "[::1]", "[::1]", None),
            ("[2001:db8::1]:443", "[2001:db8::1]", "[2001:db8::1]:443", Some(443)),
        ] {
            assert_eq!(parse(text), Ok((host, whole, port)), "{text}");
        }
    }

    #[test]
    fn everything_else_is_refused() {
        for (text, fault) in [
            ("", Fault::HostEmpty),
            (":80", Fault::HostEmpty),
            ("a.test:65536", Fault::HostPort),
            ("a.test:000080", Fault::HostPort),
            ("a.test:+80", Fault::HostPort),
            ("a.test:8 0", Fault::HostPort),
            ("..", Fault::HostInvalid),
            (".a", Fault::HostInvalid),
            ("a..b", Fault::HostInvalid),
            ("a b", Fault::HostInvalid),
            ("a,b", Fault::HostInvalid),
            ("u@a", Fault::HostInvalid),
            ("a/b", Fault::HostInvalid),
            ("a%00.test", Fault::HostInvalid),
            ("é.test", Fault::HostInvalid),
            ("[::1", Fault::HostInvalid),
            ("[::1]x", Fault::HostInvalid),
            ("[::g]", Fault::HostInvalid),
            ("[fe80::1%25eth0]", Fault::HostInvalid),
            ("[v1.a]", Fault::HostInvalid),
            ("::1", Fault::HostEmpty),
        ] {
            assert_eq!(parse(text), Err(fault), "{text}");
        }
        assert_eq!(parse(&"a".repeat(256)), Err(Fault::HostInvalid));
    }

    #[test]
    fn equality_ignores_case_and_a_default_port() {
        let bytes = b"A.test:80 a.TEST a.test:81";
        let at = |start, end| read(bytes, Span::new(start, end)).unwrap();
        assert!(at(0, 9).equals(&at(10, 16), bytes, 80));
        assert!(!at(0, 9).equals(&at(10, 16), bytes, 443));
        assert!(!at(10, 16).equals(&at(17, 26), bytes, 80));
    }
}
