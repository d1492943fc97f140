//! Hosts with their ports: in Host, and in absolute-form targets.

use std::net::Ipv6Addr;

use tenbin_proto::{Limits, Progress, Request};

/// What is accepted is what a plain reading of the rule accepts; the two places where a host may stand agree on it; and
/// host and authority are what the client wrote.
pub fn property(data: &[u8]) {
    let field = [b"GET / HTTP/1.1\r\nHost: ", data, b"\r\n\r\n"].concat();
    let text = trimmed(data);
    let expected = std::str::from_utf8(text).is_ok_and(is_authority);
    let in_field = parse(&field);
    assert_eq!(in_field.is_some(), expected, "{} in Host", data.escape_ascii());
    if text != data || text.iter().any(|byte| b" \t/?#%\r\n".contains(byte)) {
        return;
    }
    let target = [b"GET http://", data, b"/x HTTP/1.0\r\n\r\n"].concat();
    let in_target = parse(&target);
    assert_eq!(in_target.is_some(), expected, "{} in the target", data.escape_ascii());
    let (Some(in_field), Some(in_target)) = (in_field, in_target) else { return };
    let authority = in_field.authority.of(&field);
    assert_eq!(authority, data.strip_suffix(b":").unwrap_or(data));
    assert_eq!(in_target.authority.of(&target), authority);
    assert_eq!(in_target.host.of(&target), in_field.host.of(&field));
    assert!(authority.starts_with(in_field.host.of(&field)));
    let both = [b"GET http://", data, b"/x HTTP/1.1\r\nHost: ", data, b"\r\n\r\n"].concat();
    assert!(parse(&both).is_some(), "{} in both", data.escape_ascii());
}

fn parse(raw: &[u8]) -> Option<Request> {
    let mut head = Request::default();
    let progress = head.parse(raw, &mut 0, &Limits::default());
    (progress == Ok(Progress::Complete)
        && head.length == raw.len()
        && head.fields.len() + head.fields.dropped() < 2)
        .then_some(head)
}

fn trimmed(data: &[u8]) -> &[u8] {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let start = data.iter().position(|byte| !blank(byte)).unwrap_or(data.len());
    let end = data.iter().rposition(|byte| !blank(byte)).map_or(start, |last| last + 1);
    &data[start..end]
}

/// The rule in plain words: a name of letters, digits, `-` and `_` between single dots, or an IPv6 address in brackets;
/// then perhaps a colon, and perhaps a port.
fn is_authority(text: &str) -> bool {
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((inner, rest)) if inner.parse::<Ipv6Addr>().is_ok() => ("literal", rest),
        Some(_) => return false,
        None => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    let labels = host.strip_suffix('.').unwrap_or(host).split('.');
    let is_label = |label: &str| {
        !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    let is_port = match port.strip_prefix(':') {
        Some(digits) => {
            let plain = digits.len() <= 5 && digits.bytes().all(|byte| byte.is_ascii_digit());
            plain && (digits.is_empty() || digits.parse::<u16>().is_ok())
        }
        None => port.is_empty(),
    };
    host.len() <= 255 && labels.into_iter().all(is_label) && is_port
}
