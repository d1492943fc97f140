//! Keys of a stick table: what a value becomes before it is looked up, and how a key is written.
//!
//! Conversions are HAProxy's: texts are cut to the table's length, bytes are cut or filled with zeros, numbers have 32
//! bits, addresses become what the table holds if they can. Keys of one table compare as HAProxy lists them.

use std::cmp::Ordering;
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What the keys of a table are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyForm {
    /// IPv4 addresses.
    Ipv4,
    /// IPv6 addresses, and IPv4 ones mapped into them.
    Ipv6,
    /// Whole numbers of 32 bits.
    Integer,
    /// Texts, cut to a length.
    Text,
    /// Bytes, always of one length.
    Binary,
}

/// A value that is to become a key.
#[derive(Debug, Clone, Copy)]
pub enum KeyValue<'v> {
    /// Text or bytes.
    Bytes(&'v [u8]),
    /// A number.
    Int(i64),
    /// An address.
    Ip(IpAddr),
}

/// Bytes that are kept without memory of their own.
const SHORT: usize = 22;

/// A key as a table holds it.
#[derive(Clone)]
pub struct StickKey(Inner);

#[derive(Clone)]
enum Inner {
    Short(u8, [u8; SHORT]),
    Long(Box<[u8]>),
}

impl KeyForm {
    /// The value as a key; `None` if it can be none. `length`: of texts and bytes.
    pub fn key(self, length: usize, value: KeyValue<'_>) -> Option<StickKey> {
        match self {
            Self::Ipv4 => v4(value).map(|address| StickKey::new(&address.octets())),
            Self::Ipv6 => v6(value).map(|address| StickKey::new(&address.octets())),
            Self::Integer => integer(value).map(|number| StickKey::new(&number.to_be_bytes())),
            Self::Text => Some(text(length, value)),
            Self::Binary => Some(binary(length, value)),
        }
    }

    /// The key that an operator writes, who is held to it: a number has no more than 32 bits, binary is hexadecimal.
    pub fn parse(self, length: usize, text: &str) -> Option<StickKey> {
        match self {
            Self::Integer => Some(StickKey::new(&text.parse::<u32>().ok()?.to_be_bytes())),
            Self::Binary => {
                let pairs = text.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).ok());
                let bytes = pairs.map(|pair| u8::from_str_radix(pair?, 16).ok());
                self.key(length, KeyValue::Bytes(&bytes.collect::<Option<Vec<u8>>>()?))
            }
            Self::Ipv4 | Self::Ipv6 | Self::Text => self.key(length, KeyValue::Bytes(text.as_bytes())),
        }
    }

    /// The key as a value that any table takes.
    pub fn value(self, key: &StickKey) -> KeyValue<'_> {
        let bytes = key.bytes();
        match self {
            Self::Ipv4 => KeyValue::Ip(Ipv4Addr::from(fixed(bytes)).into()),
            Self::Ipv6 => KeyValue::Ip(Ipv6Addr::from(fixed(bytes)).into()),
            Self::Integer => KeyValue::Int(u32::from_be_bytes(fixed(bytes)).into()),
            Self::Text | Self::Binary => KeyValue::Bytes(bytes),
        }
    }

    /// Appends the key as HAProxy writes it.
    pub fn write(self, key: &StickKey, out: &mut String) {
        let bytes = key.bytes();
        // Writing into a string cannot fail.
        let _ = match self {
            Self::Ipv4 => write!(out, "{}", Ipv4Addr::from(fixed(bytes))),
            Self::Ipv6 => write!(out, "{}", Ipv6Addr::from(fixed(bytes))),
            Self::Integer => write!(out, "{}", u32::from_be_bytes(fixed(bytes))),
            Self::Text => bytes.iter().try_for_each(|byte| write_byte(*byte, out)),
            Self::Binary => bytes.iter().try_for_each(|byte| write!(out, "{byte:02X}")),
        };
    }
}

impl StickKey {
    fn new(bytes: &[u8]) -> Self {
        let mut short = [0; SHORT];
        match short.get_mut(..bytes.len()) {
            Some(place) => {
                place.copy_from_slice(bytes);
                Self(Inner::Short(bytes.len() as u8, short))
            }
            None => Self(Inner::Long(bytes.into())),
        }
    }

    /// The key's bytes, in the order in which keys compare.
    pub fn bytes(&self) -> &[u8] {
        match &self.0 {
            Inner::Short(length, bytes) => bytes.get(..usize::from(*length)).unwrap_or_default(),
            Inner::Long(bytes) => bytes,
        }
    }

    /// The key with these [`StickKey::bytes`].
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self::new(bytes)
    }
}

impl Default for StickKey {
    fn default() -> Self {
        Self::new(b"")
    }
}

impl PartialEq for StickKey {
    fn eq(&self, other: &Self) -> bool {
        self.bytes() == other.bytes()
    }
}

impl Eq for StickKey {}

impl PartialOrd for StickKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for StickKey {
    fn cmp(&self, other: &Self) -> Ordering {
        self.bytes().cmp(other.bytes())
    }
}

impl std::hash::Hash for StickKey {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        state.write(self.bytes());
    }
}

impl std::fmt::Debug for StickKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "StickKey({:?})", self.bytes())
    }
}

/// What would be mistaken for the end of a key, or cannot be seen, is escaped.
fn write_byte(byte: u8, out: &mut String) -> std::fmt::Result {
    match byte {
        b' ' | b'=' | b'\\' => write!(out, "\\{}", char::from(byte)),
        b'\t' => out.write_str("\\t"),
        b'\n' => out.write_str("\\n"),
        b'\r' => out.write_str("\\r"),
        0x1b => out.write_str("\\e"),
        0x21..=0x7e => out.write_char(byte.into()),
        _ => write!(out, "\\x{byte:02X}"),
    }
}

fn fixed<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes.first_chunk().copied().unwrap_or([0; N])
}

fn v4(value: KeyValue<'_>) -> Option<Ipv4Addr> {
    match value {
        KeyValue::Ip(IpAddr::V4(address)) => Some(address),
        KeyValue::Ip(IpAddr::V6(address)) => address.to_ipv4_mapped(),
        KeyValue::Int(number) => Some(Ipv4Addr::from(number as u32)),
        KeyValue::Bytes(bytes) => std::str::from_utf8(bytes).ok()?.parse().ok(),
    }
}

fn v6(value: KeyValue<'_>) -> Option<Ipv6Addr> {
    match value {
        KeyValue::Ip(IpAddr::V6(address)) => Some(address),
        KeyValue::Bytes(bytes) => std::str::from_utf8(bytes).ok()?.parse().ok(),
        other => v4(other).map(|address| address.to_ipv6_mapped()),
    }
}

fn integer(value: KeyValue<'_>) -> Option<u32> {
    match value {
        KeyValue::Int(number) => Some(number as u32),
        KeyValue::Ip(IpAddr::V4(address)) => Some(address.to_bits()),
        KeyValue::Ip(IpAddr::V6(address)) => address.to_ipv4_mapped().map(Ipv4Addr::to_bits),
        KeyValue::Bytes(bytes) => leading_number(bytes),
    }
}

/// The number that a text begins with; 0 if it begins with none.
fn leading_number(text: &[u8]) -> Option<u32> {
    let (negative, digits) = match text.split_first()? {
        (b'-', rest) => (true, rest),
        (b'+', rest) => (false, rest),
        _ => (false, text),
    };
    let digits = digits.iter().take_while(|byte| byte.is_ascii_digit());
    let number =
        digits.fold(0_i64, |number, digit| number.saturating_mul(10).saturating_add(i64::from(digit - b'0')));
    Some(if negative { -number } else { number } as u32)
}

fn text(length: usize, value: KeyValue<'_>) -> StickKey {
    let cut = |bytes: &[u8]| StickKey::new(bytes.get(..length).unwrap_or(bytes));
    match value {
        // What ends a text in HAProxy ends it here.
        KeyValue::Bytes(bytes) => cut(bytes.split(|byte| *byte == 0).next().unwrap_or_default()),
        KeyValue::Int(number) => cut(number.to_string().as_bytes()),
        KeyValue::Ip(address) => cut(address.to_string().as_bytes()),
    }
}

fn binary(length: usize, value: KeyValue<'_>) -> StickKey {
    let fill = |bytes: &[u8]| {
        let mut key = bytes.get(..length).unwrap_or(bytes).to_vec();
        key.resize(length, 0);
        StickKey::new(&key)
    };
    match value {
        KeyValue::Bytes(bytes) => fill(bytes),
        KeyValue::Int(number) => fill(&number.to_be_bytes()),
        KeyValue::Ip(IpAddr::V4(address)) => fill(&address.octets()),
        KeyValue::Ip(IpAddr::V6(address)) => fill(&address.octets()),
    }
}
