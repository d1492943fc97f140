//! One value of a log line as bytes: quotes, escapes, hexadecimal, and what stands for nothing.
//!
//! Owns the ways in which HAProxy writes a value (`%{+Q+E+X+M}`), and how bytes are shown that could be taken for
//! part of the line. Does not own formats, envelopes or where lines go.

use std::io::Write as _;
use std::net::IpAddr;

use crate::Value;

/// How one value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(clippy::struct_excessive_bools, reason = "each is an option that formats set by itself")]
pub struct Style {
    /// In double quotes; what is absent or empty is then `""`.
    pub quote: bool,
    /// A backslash before `"`, `\` and `]`.
    pub escape: bool,
    /// Numbers and addresses in hexadecimal.
    pub hex: bool,
    /// `-` for what is absent or empty, unless in quotes.
    pub dash: bool,
    /// Which bytes are shown as their code.
    pub encode: Encode,
}

/// Which bytes are shown as a sign and two hexadecimal digits. Those above 126 and below 32 always are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Encode {
    /// None; not even those.
    #[default]
    Nothing,
    /// `#22`, also `"` and `#`: request lines, paths, queries.
    Target,
    /// `#22`, also `"`, `#`, `{`, `|` and `}`: captured headers, which stand in braces.
    Header,
    /// `%22`, also what a URI may not hold: locations that a format makes.
    Uri,
}

/// Appends the value.
pub fn write(value: &Value<'_>, style: Style, out: &mut Vec<u8>) {
    if style.quote {
        out.push(b'"');
    }
    let start = out.len();
    match value {
        Value::Str(text) => encoded(text, style, out),
        Value::Int(number) if style.hex => hexadecimal(format_args!("{number:04X}"), out),
        Value::Ip(IpAddr::V4(address)) if style.hex => {
            hexadecimal(format_args!("{:08X}", address.to_bits()), out);
        }
        Value::Ip(IpAddr::V6(address)) if style.hex => {
            hexadecimal(format_args!("{:032X}", address.to_bits()), out);
        }
        Value::Bool(flag) => out.push(if *flag { b'1' } else { b'0' }),
        Value::Int(_) | Value::Ip(_) | Value::Absent => value.write(out),
    }
    if style.dash && !style.quote && out.len() == start {
        out.push(b'-');
    }
    if style.quote {
        out.push(b'"');
    }
}

fn hexadecimal(digits: std::fmt::Arguments<'_>, out: &mut Vec<u8>) {
    // Writing into a vector cannot fail.
    let _ = out.write_fmt(digits);
}

fn encoded(text: &[u8], style: Style, out: &mut Vec<u8>) {
    for byte in text {
        match style.encode.sign(*byte) {
            Some(sign) => hexadecimal(format_args!("{}{byte:02X}", char::from(sign)), out),
            None if style.escape && matches!(byte, b'"' | b'\\' | b']') => out.extend([b'\\', *byte]),
            None => out.push(*byte),
        }
    }
}

impl Encode {
    /// What stands before the code of the byte, if it is shown as one.
    fn sign(self, byte: u8) -> Option<u8> {
        let odd = !(32..127).contains(&byte);
        let (found, sign) = match self {
            Self::Nothing => (false, b'#'),
            Self::Target => (odd || matches!(byte, b'"' | b'#'), b'#'),
            Self::Header => (odd || matches!(byte, b'"' | b'#' | b'{' | b'|' | b'}'), b'#'),
            Self::Uri => (odd || b"\"#{}|\\^`<> ".contains(&byte), b'%'),
        };
        found.then_some(sign)
    }
}
