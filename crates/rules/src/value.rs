//! What an expression yields: values, their kinds, their truth and their text.
//!
//! Bytes stay bytes: nothing here assumes UTF-8.

use std::borrow::Cow;
use std::fmt;
use std::io::Write as _;
use std::net::IpAddr;

/// A value during evaluation, borrowed from the request or the expression where possible.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value<'v> {
    /// Text, as bytes.
    Str(Cow<'v, [u8]>),
    /// A whole number.
    Int(i64),
    /// A truth value.
    Bool(bool),
    /// An IP address.
    Ip(IpAddr),
    /// Nothing: a header, cookie or parameter that is not there, or a fact that is not known yet.
    Absent,
}

/// The type that an expression is known to have when it is compiled. Any of them may turn out [`Value::Absent`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// [`Value::Str`].
    Str,
    /// [`Value::Int`].
    Int,
    /// [`Value::Bool`].
    Bool,
    /// [`Value::Ip`].
    Ip,
    /// Always [`Value::Absent`]: the constant `null`.
    Absent,
}

/// What a row of a table yields: a kind, with bytes told apart from text as the vocabulary tells them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Yields {
    Str,
    Int,
    Bool,
    Ip,
    /// Text that is no text: hashes, certificates, payload.
    Bin,
}

impl Yields {
    /// The kind of its values.
    pub fn kind(self) -> Kind {
        match self {
            Self::Str | Self::Bin => Kind::Str,
            Self::Int => Kind::Int,
            Self::Bool => Kind::Bool,
            Self::Ip => Kind::Ip,
        }
    }

    /// As the vocabulary calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Str => "str",
            Self::Int => "int",
            Self::Bool => "bool",
            Self::Ip => "ip",
            Self::Bin => "bin",
        }
    }
}

impl<'v> Value<'v> {
    /// Text that borrows.
    pub fn text(bytes: &'v [u8]) -> Self {
        Self::Str(Cow::Borrowed(bytes))
    }

    /// Text that may be missing.
    pub fn maybe(bytes: Option<&'v [u8]>) -> Self {
        bytes.map_or(Self::Absent, Self::text)
    }

    /// The same value without its own copy of the text.
    pub fn borrowed(&self) -> Value<'_> {
        match self {
            Self::Str(bytes) => Value::text(bytes),
            Self::Int(number) => Value::Int(*number),
            Self::Bool(flag) => Value::Bool(*flag),
            Self::Ip(address) => Value::Ip(*address),
            Self::Absent => Value::Absent,
        }
    }

    /// The same value, borrowing from nothing.
    pub fn into_owned(self) -> Value<'static> {
        match self {
            Self::Str(bytes) => Value::Str(Cow::Owned(bytes.into_owned())),
            Self::Int(number) => Value::Int(number),
            Self::Bool(flag) => Value::Bool(flag),
            Self::Ip(address) => Value::Ip(address),
            Self::Absent => Value::Absent,
        }
    }

    /// Truth as in Python: empty text, zero, `false` and what is absent are false.
    pub fn truth(&self) -> bool {
        match self {
            Self::Str(bytes) => !bytes.is_empty(),
            Self::Int(number) => *number != 0,
            Self::Bool(flag) => *flag,
            Self::Ip(_) => true,
            Self::Absent => false,
        }
    }

    /// The bytes of text; empty for what is absent; `None` for the other kinds.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Str(bytes) => Some(bytes),
            Self::Absent => Some(b""),
            Self::Int(_) | Self::Bool(_) | Self::Ip(_) => None,
        }
    }

    /// Appends the textual form: digits, `true` or `false`, an address; nothing for what is absent.
    pub fn write(&self, out: &mut Vec<u8>) {
        // Writing into a vector cannot fail.
        let _ = match self {
            Self::Str(bytes) => out.write_all(bytes),
            Self::Int(number) => write!(out, "{number}"),
            Self::Bool(flag) => write!(out, "{flag}"),
            Self::Ip(address) => write!(out, "{address}"),
            Self::Absent => Ok(()),
        };
    }
}

/// The text in lower case (ASCII); borrows on when it already is.
pub(crate) fn lowered(mut text: Cow<'_, [u8]>) -> Cow<'_, [u8]> {
    if text.iter().any(u8::is_ascii_uppercase) {
        text.to_mut().make_ascii_lowercase();
    }
    text
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Str => "str",
            Self::Int => "int",
            Self::Bool => "bool",
            Self::Ip => "ip",
            Self::Absent => "null",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn truth_follows_python() {
        let address = IpAddr::from([0, 0, 0, 0]);
        for (value, truth) in [
            (Value::text(b""), false),
            (Value::text(b"0"), true),
            (Value::Int(0), false),
            (Value::Int(-1), true),
            (Value::Bool(false), false),
            (Value::Bool(true), true),
            (Value::Ip(address), true),
            (Value::Absent, false),
        ] {
            assert_eq!(value.truth(), truth, "{value:?}");
        }
    }

    #[test]
    fn every_kind_has_a_text() {
        let mut out = b">".to_vec();
        for value in [Value::text(b"a\xff"), Value::Int(-7), Value::Bool(true), Value::Absent] {
            value.write(&mut out);
        }
        Value::Ip("2001:db8::1".parse().unwrap()).write(&mut out);
        assert_eq!(out, b">a\xff-7true2001:db8::1");
    }
}
