//! The key of a request: what its backend's policy hashes.
//!
//! A key as HAProxy makes it is the bytes that HAProxy hashes, so that clients keep their servers. Does not hash.

use std::net::IpAddr;

use tenbin_rules::{Expr, Message, Value, View};

use crate::wire::{Balance, HashKey, HashMethod, Policy};

/// Whether the key is an expression's, rather than made of what everybody knows.
pub fn is_expression(balance: &Balance) -> bool {
    !is_haproxy(balance) || matches!(balance.form, HashKey::Sample | HashKey::Text)
}

/// Whether choices are to be those of HAProxy.
pub const fn is_haproxy(balance: &Balance) -> bool {
    matches!(balance.method, HashMethod::HaproxyMap | HashMethod::HaproxyTree)
}

/// Writes the key over what `out` holds; false when the request has none.
pub fn write<V: View>(balance: &Balance, expression: Option<&Expr>, view: &V, out: &mut Vec<u8>) -> bool {
    out.clear();
    if balance.policy != Policy::Hash || !is_haproxy(balance) {
        if let Some(expression) = expression {
            expression.write(view, out);
        }
        return !out.is_empty();
    }
    match balance.form {
        HashKey::Source => address(view.source(), out),
        HashKey::Uri => uri(balance, view, out),
        HashKey::Parameter => return parameter(balance, view, out),
        HashKey::Header => return header(balance, view, out),
        HashKey::RdpCookie => return rdp_cookie(view.body(Message::Request), balance.name.as_bytes(), out),
        HashKey::Sample | HashKey::Text => return sample(expression, view, out),
    }
    true
}

fn address(address: IpAddr, out: &mut Vec<u8>) {
    match address {
        IpAddr::V4(address) => out.extend_from_slice(&address.octets()),
        IpAddr::V6(address) => out.extend_from_slice(&address.octets()),
    }
}

/// Numbers are 8 bytes in network order, as a sample that is taken for bytes.
fn sample<V: View>(expression: Option<&Expr>, view: &V, out: &mut Vec<u8>) -> bool {
    let Some(expression) = expression else { return false };
    match expression.eval(view) {
        Value::Absent => return false,
        Value::Int(number) => out.extend_from_slice(&number.to_be_bytes()),
        Value::Bool(truth) => out.extend_from_slice(&i64::from(truth).to_be_bytes()),
        Value::Ip(found) => address(found, out),
        text @ Value::Str(_) => text.write(out),
    }
    true
}

/// The target up to its query or a segment, or so many of its bytes. HTTP/2 names scheme and authority, too.
fn uri<V: View>(balance: &Balance, view: &V, out: &mut Vec<u8>) {
    if !balance.path_only && view.http_version() == "2" {
        out.extend_from_slice(view.scheme().as_bytes());
        out.extend_from_slice(b"://");
        out.extend_from_slice(view.header(b"host").unwrap_or_else(|| view.host()));
    }
    out.extend_from_slice(view.path());
    if balance.whole && !view.query().is_empty() {
        out.push(b'?');
        out.extend_from_slice(view.query());
    }
    if balance.length > 0 {
        out.truncate(balance.length as usize);
    }
    if balance.depth > 0 {
        let mut slashes = out.iter().enumerate().filter(|(_, byte)| **byte == b'/');
        if let Some((end, _)) = slashes.nth(balance.depth as usize) {
            out.truncate(end);
        }
    }
}

/// The first of this name in the query, or in the body of a POST that is at hand.
fn parameter<V: View>(balance: &Balance, view: &V, out: &mut Vec<u8>) -> bool {
    let name = balance.name.as_bytes();
    if let Some(value) = find(view.query(), name) {
        out.extend_from_slice(value);
        return true;
    }
    let body = view.body(Message::Request);
    let posted = (balance.check_post > 0 && view.method() == b"POST").then(|| find(body, name)).flatten();
    let Some(value) = posted else { return false };
    let end = value.iter().position(u8::is_ascii_whitespace).unwrap_or(value.len());
    out.extend(value.iter().take(end));
    true
}

fn find<'a>(form: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    form.split(|byte| *byte == b'&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix(b"="))
}

/// The first element of a list; of a host, if asked, the domain without the names before and after it.
fn header<V: View>(balance: &Balance, view: &V, out: &mut Vec<u8>) -> bool {
    let name = balance.name.to_ascii_lowercase();
    let value = view.header(name.as_bytes()).unwrap_or_default();
    let value = value.split(|byte| *byte == b',').next().unwrap_or_default().trim_ascii();
    out.extend_from_slice(if balance.domain_only { domain(value) } else { value });
    !value.is_empty()
}

/// What stands before the last dot and behind the one before it; everything where there is no dot.
fn domain(host: &[u8]) -> &[u8] {
    let Some(end) = host.iter().rposition(|byte| *byte == b'.') else { return host };
    let before = host.get(..end).unwrap_or_default();
    before.rsplit(|byte| *byte == b'.').next().unwrap_or_default()
}

/// The cookie of a remote desktop's first packet: 4 bytes of TPKT, 7 of X.224, then a line of text.
fn rdp_cookie(bytes: &[u8], name: &[u8], out: &mut Vec<u8>) -> bool {
    const HEADERS: usize = 11;
    let line = bytes.get(HEADERS..).and_then(|text| text.split(|byte| *byte == b'\r').next());
    let cookie = line.and_then(|line| line.strip_prefix(b"Cookie: "));
    let named =
        cookie.filter(|cookie| cookie.get(..name.len()).is_some_and(|at| at.eq_ignore_ascii_case(name)));
    let Some(value) = named.and_then(|cookie| cookie.get(name.len()..)?.strip_prefix(b"=")) else {
        return false;
    };
    out.extend_from_slice(value);
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_domain_of_a_host_is_what_stands_before_its_last_label() {
        for (host, expected) in [
            ("www.example.org", "example"),
            ("example.org", "example"),
            ("localhost", "localhost"),
            ("a.b.c.d", "c"),
            ("", ""),
        ] {
            assert_eq!(domain(host.as_bytes()), expected.as_bytes(), "{host}");
        }
    }

    #[test]
    fn parameters_are_found_whole() {
        assert_eq!(find(b"a=1&user=x%20y&b=2", b"user"), Some(&b"x%20y"[..]));
        assert_eq!(find(b"superuser=1&user", b"user"), None);
        assert_eq!(find(b"user=", b"user"), Some(&b""[..]));
    }

    #[test]
    fn a_remote_desktop_s_cookie_is_behind_two_headers() {
        let packet = b"\x03\0\0\x2a\x25\xe0\0\0\0\0\0Cookie: mstshash=alice\r\n\x01\0\x08\0";
        let mut out = Vec::new();
        assert!(rdp_cookie(packet, b"MSTSHASH", &mut out));
        assert_eq!(out, b"alice");
        assert!(!rdp_cookie(packet, b"token", &mut out));
        assert!(!rdp_cookie(b"", b"token", &mut out));
    }
}
