//! Fields of protocol buffers, by themselves or behind the five bytes that gRPC puts before a message.

use super::argument::{Arg, Parameter, Take, may, need};
use super::{Given, Row, cast, row};
use crate::{Kind, Value};

const FIELD: &[Parameter] = &[need("a field", Take::Numbers), may("a type", TYPES)];

pub(super) const TYPES: Take = Take::Word(&[
    "int32", "int64", "uint32", "uint64", "sint32", "sint64", "bool", "enum", "fixed64", "sfixed64",
    "double", "fixed32", "sfixed32", "float",
]);

pub(super) static ROWS: &[Row] = &[
    row("protobuf", FIELD, Kind::Str, |value, given, _| field(value, given, 0)),
    row("ungrpc", FIELD, Kind::Str, |value, given, _| field(value, given, 5)),
];

/// What a field carries.
#[derive(Debug, Clone, Copy)]
enum Carried<'b> {
    Varint(u64, &'b [u8]),
    Eight(&'b [u8]),
    Four(&'b [u8]),
    Bytes(&'b [u8]),
}

fn field<'v>(value: Value<'v>, given: &Given, header: usize) -> Value<'v> {
    let Arg::Numbers(path) = given.get(0) else { return Value::Absent };
    let Some(bytes) = cast::bytes(value) else { return Value::Absent };
    let Some(carried) = message(&bytes, header).and_then(|message| found(message, path)) else {
        return Value::Absent;
    };
    if given.has(1) {
        return carried.number(given.text(1)).map_or(Value::Absent, Value::Int);
    }
    let raw = match carried {
        Carried::Varint(_, raw) | Carried::Eight(raw) | Carried::Four(raw) | Carried::Bytes(raw) => raw,
    };
    Value::Str(raw.to_vec().into())
}

/// The message behind a header of a flag and a length in four bytes.
fn message(bytes: &[u8], header: usize) -> Option<&[u8]> {
    let (head, rest) = bytes.split_at_checked(header)?;
    match head {
        [_, length @ ..] => {
            let length = length.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
            rest.get(..length)
        }
        [] => Some(rest),
    }
}

/// Goes down to the first field of each number.
fn found<'b>(message: &'b [u8], path: &[u64]) -> Option<Carried<'b>> {
    let (wanted, below) = path.split_first()?;
    let mut rest = message;
    while !rest.is_empty() {
        let (key, after) = varint(rest)?;
        let (carried, after) = carried(key & 7, after)?;
        rest = after;
        if key >> 3 != *wanted {
            continue;
        }
        match carried {
            found if below.is_empty() => return Some(found),
            Carried::Bytes(message) => match found(message, below) {
                None => {}
                found => return found,
            },
            _ => return None,
        }
    }
    None
}

fn carried(kind: u64, bytes: &[u8]) -> Option<(Carried<'_>, &[u8])> {
    let fixed = |size| bytes.split_at_checked(size);
    match kind {
        0 => {
            let (number, rest) = varint(bytes)?;
            let raw = bytes.get(..bytes.len() - rest.len())?;
            Some((Carried::Varint(number, raw), rest))
        }
        1 => fixed(8).map(|(raw, rest)| (Carried::Eight(raw), rest)),
        2 => {
            let (length, rest) = varint(bytes)?;
            let (raw, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
            Some((Carried::Bytes(raw), rest))
        }
        5 => fixed(4).map(|(raw, rest)| (Carried::Four(raw), rest)),
        _ => None,
    }
}

/// Seven bits a byte, the lowest first, at most ten bytes.
fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let size = bytes.iter().take(10).position(|byte| byte & 0x80 == 0)? + 1;
    let (digits, rest) = bytes.split_at_checked(size)?;
    let number = digits.iter().rev().fold(0, |number: u64, byte| number << 7 | u64::from(byte & 0x7f));
    Some((number, rest))
}

impl Carried<'_> {
    /// As a whole number; none when the type is carried in another way.
    fn number(self, name: &[u8]) -> Option<i64> {
        match (self, name) {
            (Self::Varint(number, _), b"sint32" | b"sint64") => {
                Some((number >> 1) as i64 ^ -((number & 1) as i64))
            }
            (Self::Varint(number, _), b"int32" | b"int64" | b"uint32" | b"uint64" | b"bool" | b"enum") => {
                Some(number as i64)
            }
            (Self::Eight(raw), b"double") => Some(f64::from_le_bytes(*raw.first_chunk()?) as i64),
            (Self::Eight(raw), b"fixed64" | b"sfixed64") => Some(i64::from_le_bytes(*raw.first_chunk()?)),
            (Self::Four(raw), b"float") => Some(f32::from_le_bytes(*raw.first_chunk()?) as i64),
            (Self::Four(raw), b"fixed32") => Some(u32::from_le_bytes(*raw.first_chunk()?).into()),
            (Self::Four(raw), b"sfixed32") => Some(i32::from_le_bytes(*raw.first_chunk()?).into()),
            _ => None,
        }
    }
}
