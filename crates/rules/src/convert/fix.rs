//! FIX messages: fields `tag=value`, each ended by a byte 1.

use super::argument::{Parameter, Take, need};
use super::{Row, cast, row, text};
use crate::{Kind, Value};

const TAG: &[Parameter] = &[need("a tag", Take::Tag)];
const VERSIONS: [&[u8]; 9] = [
    b"FIX.4.0",
    b"FIX.4.1",
    b"FIX.4.2",
    b"FIX.4.3",
    b"FIX.4.4",
    b"FIX.5.0",
    b"FIX.5.0SP1",
    b"FIX.5.0SP2",
    b"FIXT.1.1",
];

pub(super) static ROWS: &[Row] = &[
    row("fix_is_valid", &[], Kind::Bool, |value, _, _| {
        let bytes = cast::bytes(value);
        bytes.and_then(|bytes| valid(&bytes)).map_or(Value::Absent, Value::Bool)
    }),
    row("fix_tag_value", TAG, Kind::Str, |value, given, _| {
        text::sliced(value, |bytes| {
            let mut at = 0;
            loop {
                let (tag, content, size) = field(bytes.get(at..)?)?;
                if tag == given.text(0) {
                    let start = at + size - 1 - content.len();
                    return Some(start..start + content.len());
                }
                at += size;
            }
        })
    }),
];

/// The number of a tag, which may be given by name.
pub(super) fn tag(text: &str) -> Option<&str> {
    Some(match text {
        "BeginString" => "8",
        "BodyLength" => "9",
        "CheckSum" => "10",
        "MsgType" => "35",
        "SenderCompID" => "49",
        "TargetCompID" => "56",
        _ if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) => text,
        _ => return None,
    })
}

/// The first field: tag, value, and how many bytes it takes. None before its end is there.
fn field(bytes: &[u8]) -> Option<(&[u8], &[u8], usize)> {
    let end = memchr::memchr(1, bytes)?;
    let mut parts = bytes.get(..end)?.splitn(2, |byte| *byte == b'=');
    Some((parts.next()?, parts.next()?, end + 1))
}

/// None as long as the message may still become one.
fn valid(bytes: &[u8]) -> Option<bool> {
    let (tag, version, first) = field(bytes)?;
    if tag != b"8" || !VERSIONS.contains(&version) {
        return Some(false);
    }
    let (tag, length, second) = field(bytes.get(first..)?)?;
    let length = usize::try_from(cast::leading(length)).ok();
    let (b"9", Some(length)) = (tag, length) else { return Some(false) };
    let start = first + second;
    let end = start.checked_add(length)?;
    let (tag, _, _) = field(bytes.get(start..)?)?;
    if tag != b"35" {
        return Some(false);
    }
    let mut at = start;
    while at < end {
        let (tag, content, size) = field(bytes.get(at..)?)?;
        if tag.is_empty() || content.is_empty() || !tag.iter().all(u8::is_ascii_digit) {
            return Some(false);
        }
        at += size;
    }
    if at > end {
        return Some(false);
    }
    let (tag, sum, _) = field(bytes.get(at..)?)?;
    let counted = bytes.get(..at)?.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte));
    Some(tag == b"10" && cast::leading(sum) == i64::from(counted))
}
