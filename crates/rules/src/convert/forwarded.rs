//! The header `Forwarded` (RFC 7239): looking into one element of it, and writing its parts.
//!
//! Read as strictly as HAProxy reads it: lower case names, no blanks around `;`, `proto` only `http` or `https`, no
//! extensions. What cannot be trusted is no element.

use std::borrow::Cow;
use std::io::Write as _;
use std::net::{IpAddr, Ipv6Addr};

use super::argument::{Take, may, need};
use super::{Given, Row, cast, row};
use crate::{Kind, Value};

pub(super) static ROWS: &[Row] = &[
    row("rfc7239_is_valid", &[], Kind::Bool, |value, _, _| match cast::text(value) {
        Some(text) => Value::Bool(element(&text).is_some()),
        None => Value::Absent,
    }),
    row("rfc7239_field", &[need("a parameter", PARAMETER)], Kind::Str, |value, given, _| {
        known(value, |text| element(text)?.of(given.text(0)))
    }),
    row("rfc7239_n2nn", &[], Kind::Str, |value, _, _| known(value, |text| Some(node(text, true)?.0.name()))),
    row("rfc7239_n2np", &[], Kind::Str, |value, _, _| known(value, |text| node(text, true)?.0.port)),
    row("rfc7239_nn", &[], Kind::Str, |value, _, _| match value {
        Value::Str(text) if text.is_empty() => Value::text(b"unknown"),
        other => match address(&other) {
            Some(address) => Value::Str(bracketed(address).into()),
            None => obscured(other),
        },
    }),
    row("rfc7239_np", &[], Kind::Str, |value, _, _| match value {
        Value::Int(number) => Value::Str((number as u32).to_string().into_bytes().into()),
        other => obscured(other),
    }),
    row(
        "forwarded_node",
        &[may("a style", Take::Word(&["bare", "quoted"]))],
        Kind::Str,
        |value, given, _| Value::Str(written_node(value, given).into()),
    ),
    row("forwarded_port", &[], Kind::Str, |value, _, _| Value::Str(written_port(value).into())),
    row("forwarded_host", &[], Kind::Str, |value, _, _| {
        let text = cast::text(value).filter(|text| matches!(host(text, true), Some(((), b""))));
        text.map_or(Value::text(b""), |text| Value::Str(text.into_owned().into()))
    }),
];

const PARAMETER: Take = Take::Word(&["proto", "host", "for", "by"]);

/// The parameters of an element as they stand there, without quotes.
#[derive(Debug, Default)]
struct Element<'b> {
    proto: Option<&'b [u8]>,
    host: Option<&'b [u8]>,
    of: Option<&'b [u8]>,
    by: Option<&'b [u8]>,
}

/// Who sent something on, or received it.
#[derive(Debug)]
struct Node<'b> {
    name: Name<'b>,
    port: Option<&'b [u8]>,
}

#[derive(Debug, Clone, Copy)]
enum Name<'b> {
    Unknown,
    /// With its underscore.
    Obscured(&'b [u8]),
    Four(&'b [u8]),
    /// Without its brackets.
    Six(&'b [u8]),
}

/// What was read, and what follows it.
type Read<'b, T> = Option<(T, &'b [u8])>;

/// Text that was looked into; absent where that was in vain.
fn known(value: Value<'_>, find: impl FnOnce(&[u8]) -> Option<&[u8]>) -> Value<'_> {
    let Some(text) = cast::text(value) else { return Value::Absent };
    find(&text).map_or(Value::Absent, |found| Value::Str(Cow::Owned(found.to_vec())))
}

impl<'b> Element<'b> {
    fn of(&self, parameter: &[u8]) -> Option<&'b [u8]> {
        match parameter {
            b"proto" => self.proto,
            b"host" => self.host,
            b"for" => self.of,
            _ => self.by,
        }
    }
}

impl<'b> Node<'b> {
    fn name(&self) -> &'b [u8] {
        match self.name {
            Name::Unknown => b"unknown",
            Name::Obscured(text) | Name::Four(text) | Name::Six(text) => text,
        }
    }
}

/// One element: each parameter at most once, none that is unknown.
fn element(text: &[u8]) -> Option<Element<'_>> {
    let mut made = Element::default();
    let mut rest = text;
    while !rest.is_empty() {
        let (slot, after) = named(&mut made, rest)?;
        let is_proto = rest.starts_with(b"proto=");
        let (value, after) =
            if is_proto { proto(after)? } else { quotable(after, !rest.starts_with(b"host="))? };
        if slot.replace(value).is_some() {
            return None;
        }
        rest = match after {
            [b';', more @ ..] if !more.is_empty() => more,
            [] => after,
            _ => return None,
        };
    }
    (!text.is_empty()).then_some(made)
}

fn named<'e, 'b>(made: &'e mut Element<'b>, text: &'b [u8]) -> Read<'b, &'e mut Option<&'b [u8]>> {
    if let Some(after) = text.strip_prefix(b"for=") {
        Some((&mut made.of, after))
    } else if let Some(after) = text.strip_prefix(b"by=") {
        Some((&mut made.by, after))
    } else if let Some(after) = text.strip_prefix(b"host=") {
        Some((&mut made.host, after))
    } else {
        Some((&mut made.proto, text.strip_prefix(b"proto=")?))
    }
}

fn proto(text: &[u8]) -> Read<'_, &[u8]> {
    let length = if text.starts_with(b"https") { 5 } else { 4 };
    text.starts_with(b"http").then(|| text.split_at_checked(length)).flatten()
}

/// A node or a host, in quotes or not. Brackets and ports need quotes.
fn quotable(text: &[u8], is_node: bool) -> Read<'_, &[u8]> {
    let (inner, is_quoted) = match text {
        [b'"', inner @ ..] => (inner, true),
        _ => (text, false),
    };
    let rest = if is_node { node(inner, is_quoted)?.1 } else { host(inner, is_quoted)?.1 };
    let value = inner.get(..inner.len() - rest.len())?;
    Some((value, if is_quoted { rest.strip_prefix(b"\"")? } else { rest }))
}

fn node(text: &[u8], is_quoted: bool) -> Read<'_, Node<'_>> {
    let (name, rest) = name(text, is_quoted)?;
    let Some(after) = rest.strip_prefix(b":") else { return Some((Node { name, port: None }, rest)) };
    let (port, rest) = if is_quoted { port(after)? } else { return None };
    Some((Node { name, port: Some(port) }, rest))
}

fn name(text: &[u8], is_quoted: bool) -> Read<'_, Name<'_>> {
    match text {
        [b'_', ..] => obscure(text).map(|(text, rest)| (Name::Obscured(text), rest)),
        [b'u', ..] => text.strip_prefix(b"unknown").map(|rest| (Name::Unknown, rest)),
        [b'[', ..] if is_quoted => six(text).map(|(text, rest)| (Name::Six(text), rest)),
        _ => {
            let (text, rest) = run(text, |byte| byte.is_ascii_digit() || byte == b'.');
            std::str::from_utf8(text).ok()?.parse::<std::net::Ipv4Addr>().ok()?;
            Some((Name::Four(text), rest))
        }
    }
}

/// An address in brackets, without them.
fn six(text: &[u8]) -> Read<'_, &[u8]> {
    let (address, rest) = run(text.get(1..)?, |byte| byte.is_ascii_alphanumeric() || b":.".contains(&byte));
    std::str::from_utf8(address).ok()?.parse::<Ipv6Addr>().ok()?;
    Some((address, rest.strip_prefix(b"]")?))
}

/// A number that a port may have, or an obscured one.
fn port(text: &[u8]) -> Read<'_, &[u8]> {
    if text.starts_with(b"_") {
        return obscure(text);
    }
    let (digits, rest) = run(text, |byte| byte.is_ascii_digit());
    let number: u16 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    (number > 0).then_some((digits, rest))
}

/// A name or an address, and maybe a port.
fn host(text: &[u8], is_quoted: bool) -> Read<'_, ()> {
    let rest = match text {
        [] => return None,
        [b'[', ..] if is_quoted => six(text)?.1,
        _ => run(text, |byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte)).1,
    };
    match rest.strip_prefix(b":") {
        Some(after) if is_quoted && !after.starts_with(b"_") => port(after).map(|(_, rest)| ((), rest)),
        Some(_) => None,
        None => Some(((), rest)),
    }
}

/// An underscore and what stands behind it.
fn obscure(text: &[u8]) -> Read<'_, &[u8]> {
    let (found, rest) = run(text, is_obscure);
    (found.len() > 1).then_some((found, rest))
}

fn is_obscure(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b".-_".contains(&byte)
}

fn run(text: &[u8], belongs: impl Fn(u8) -> bool) -> (&[u8], &[u8]) {
    text.split_at(text.iter().position(|byte| !belongs(*byte)).unwrap_or(text.len()))
}

/// Text as an obscured identifier; absent where it has other letters than those may have.
fn obscured(value: Value<'_>) -> Value<'static> {
    match cast::text(value) {
        Some(text) if !text.is_empty() && text.iter().copied().all(is_obscure) => {
            Value::Str([b"_", &*text].concat().into())
        }
        _ => Value::Absent,
    }
}

/// An address, or text that is one as a whole: what `rfc7239_n2nn` found.
fn address(value: &Value<'_>) -> Option<IpAddr> {
    match value {
        Value::Ip(address) => Some(*address),
        Value::Str(text) => std::str::from_utf8(text).ok()?.parse().ok(),
        _ => None,
    }
}

fn bracketed(address: IpAddr) -> Vec<u8> {
    let mut out = Vec::with_capacity(48);
    // Writing into a vector cannot fail.
    let _ = match address {
        IpAddr::V4(address) => write!(out, "{address}"),
        IpAddr::V6(address) => write!(out, "[{address}]"),
    };
    out
}

/// The name of a node: an address, what is one by RFC 7239, an identifier made of the text, or `unknown`.
/// Without quotes around it, an IPv6 address gets its own unless it is to be bare.
fn written_node(value: Value<'_>, given: &Given) -> Vec<u8> {
    let made = match value {
        Value::Ip(address) => bracketed(address),
        other => match cast::text(other) {
            Some(text) if matches!(name(&text, true), Some((_, b""))) => text.into_owned(),
            Some(text) => match obscured(Value::Str(text)) {
                Value::Str(text) => text.into_owned(),
                _ => b"unknown".to_vec(),
            },
            None => b"unknown".to_vec(),
        },
    };
    if made.starts_with(b"[") && given.text(0) != b"bare" {
        return [b"\"", &*made, b"\""].concat();
    }
    made
}

/// The port of a node with the colon before it; empty where there is none.
fn written_port(value: Value<'_>) -> Vec<u8> {
    let Some(text) = cast::text(value) else { return Vec::new() };
    if matches!(port(&text), Some((_, b""))) {
        return [b":", &*text].concat();
    }
    match obscured(Value::Str(text)) {
        Value::Str(text) => [b":", &*text].concat(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_read_strictly() {
        for (text, valid) in [
            ("for=127.0.0.1;proto=http", true),
            ("proto=https;host=\"haproxy.org:80\";by=_x;for=\"[::1]:10\"", true),
            ("for=unknown", true),
            ("for=\"unknown:_p\"", true),
            ("host=a.b-c", true),
            ("", false),
            ("for=127.0.0.1;", false),
            ("for=127.0.0.1:80", false),
            ("for=[::1]", false),
            ("for=\"[::1]:0\"", false),
            ("for=\"127.0.0.1", false),
            ("for=127.0.0.1;for=127.0.0.1", false),
            ("For=127.0.0.1", false),
            ("for=127.0.0.1; proto=http", false),
            ("proto=ws", false),
            ("secret=x", false),
            ("for=_", false),
        ] {
            assert_eq!(element(text.as_bytes()).is_some(), valid, "{text}");
        }
    }
}
