//! One kind of value taken for another, as HAProxy casts between the converters of a chain.
//!
//! What cannot be cast is none, and makes the converter's result absent. One thing differs: bytes that become text
//! are not cut at their first zero byte, because nothing here tells bytes from text.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr};

use crate::Value;

/// A number: of text what it begins with, 0 without any digit, none of empty text; of IPv4 its 32 bits.
pub(crate) fn int(value: &Value<'_>) -> Option<i64> {
    match value {
        Value::Int(number) => Some(*number),
        Value::Bool(flag) => Some((*flag).into()),
        Value::Str(text) => (!text.is_empty()).then(|| leading(text)),
        Value::Ip(IpAddr::V4(address)) => Some(address.to_bits().into()),
        Value::Ip(IpAddr::V6(_)) | Value::Absent => None,
    }
}

/// The number that the text begins with; stays at the ends of the range rather than wrap.
pub(crate) fn leading(text: &[u8]) -> i64 {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    let digits = digits.iter().take_while(|byte| byte.is_ascii_digit()).map(|byte| i64::from(byte - b'0'));
    digits.fold(0i64, |number, digit| {
        let number = number.saturating_mul(10);
        if negative { number.saturating_sub(digit) } else { number.saturating_add(digit) }
    })
}

/// Text: digits, `1` or `0` for truth, an address. Borrows whatever is text already.
pub(crate) fn text(value: Value<'_>) -> Option<Cow<'_, [u8]>> {
    let mut out = Vec::new();
    match value {
        Value::Str(text) => return Some(text),
        Value::Bool(flag) => return Some(Cow::Borrowed(if flag { b"1" } else { b"0" })),
        Value::Absent => return None,
        Value::Int(_) | Value::Ip(_) => value.write(&mut out),
    }
    Some(Cow::Owned(out))
}

/// Bytes: eight for a number, those of an address; text as it is.
pub(crate) fn bytes(value: Value<'_>) -> Option<Cow<'_, [u8]>> {
    match value {
        Value::Str(text) => Some(text),
        Value::Int(number) => Some(Cow::Owned(number.to_be_bytes().to_vec())),
        Value::Bool(flag) => Some(Cow::Owned(i64::from(flag).to_be_bytes().to_vec())),
        Value::Ip(IpAddr::V4(address)) => Some(Cow::Owned(address.octets().to_vec())),
        Value::Ip(IpAddr::V6(address)) => Some(Cow::Owned(address.octets().to_vec())),
        Value::Absent => None,
    }
}

/// An address: text that is one, a number's low 32 bits.
pub(crate) fn ip(value: &Value<'_>) -> Option<IpAddr> {
    match value {
        Value::Ip(address) => Some(*address),
        Value::Int(number) => Some(IpAddr::V4(Ipv4Addr::from_bits(*number as u32))),
        Value::Bool(flag) => Some(IpAddr::V4(Ipv4Addr::from_bits((*flag).into()))),
        Value::Str(text) => match ipv4(text) {
            Some(address) => Some(IpAddr::V4(address)),
            None => Some(IpAddr::V6(std::str::from_utf8(text).ok()?.parse().ok()?)),
        },
        Value::Absent => None,
    }
}

/// The IPv4 address that text begins with; what follows begins with neither digit nor dot and does not matter.
fn ipv4(text: &[u8]) -> Option<Ipv4Addr> {
    let end = text.iter().position(|byte| !byte.is_ascii_digit() && *byte != b'.').unwrap_or(text.len());
    let mut octets = [0_u8; 4];
    let mut parts = text.get(..end)?.split(|byte| *byte == b'.');
    for octet in &mut octets {
        let part = parts.next().filter(|part| !part.is_empty())?;
        *octet = part.iter().try_fold(0_u8, |sum, digit| sum.checked_mul(10)?.checked_add(digit - b'0'))?;
    }
    parts.next().is_none().then(|| Ipv4Addr::from(octets))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_begins_with_a_number() {
        for (text, expected) in [
            ("12abc", Some(12)),
            (" 12", Some(0)),
            ("+12", Some(12)),
            ("-12", Some(-12)),
            ("abc", Some(0)),
            ("", None),
            ("99999999999999999999", Some(i64::MAX)),
            ("-99999999999999999999", Some(i64::MIN)),
        ] {
            assert_eq!(int(&Value::text(text.as_bytes())), expected, "{text:?}");
        }
    }
}
