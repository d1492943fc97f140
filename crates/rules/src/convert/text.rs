//! Pieces of text: fields, words, bytes, trimming, joining. What is only cut is never copied.

use std::borrow::Cow;
use std::ops::Range;

use super::argument::{Parameter, Take, may, need};
use super::{Ask, Given, Row, cast, row};
use crate::value::lowered;
use crate::{Kind, Value};

const PIECE: &[Parameter] =
    &[need("an index", Take::Index), need("delimiters", Take::Letters), may("a count", Take::Int)];
const CHARACTERS: &[Parameter] = &[may("characters", Take::Text)];
const VARIABLE: &[Parameter] = &[need("a variable", Take::Variable)];
const BETWEEN: &[Parameter] =
    &[may("a start", Take::Text), may("a variable", Take::Variable), may("an end", Take::Text)];

pub(super) static ROWS: &[Row] = &[
    row("str", &[], Kind::Str, |value, _, _| text(value, Some)),
    row("bool_text", &[], Kind::Str, |value, _, _| text(value, Some)),
    row("size", &[], Kind::Int, |value, _, _| {
        cast::text(value).map_or(Value::Absent, |text| Value::Int(text.len() as i64))
    }),
    row("field", PIECE, Kind::Str, |value, given, ask| piece(value, given, ask, field)),
    row("word", PIECE, Kind::Str, |value, given, ask| piece(value, given, ask, word)),
    row("bytes", &[need("an offset", Take::Number), may("a length", Take::Number)], Kind::Str, bytes),
    row("ltrim", CHARACTERS, Kind::Str, |value, given, _| {
        sliced(value, |text| Some(leading(text, given.text(0))..text.len()))
    }),
    row("rtrim", CHARACTERS, Kind::Str, |value, given, _| {
        sliced(value, |text| Some(0..text.len() - trailing(text, given.text(0))))
    }),
    row("cut_crlf", &[], Kind::Str, |value, _, _| {
        sliced(value, |text| Some(0..memchr::memchr2(b'\r', b'\n', text).unwrap_or(text.len())))
    }),
    row("reverse", &[], Kind::Str, |value, _, _| {
        text(value, |mut text| {
            text.to_mut().reverse();
            Some(text)
        })
    }),
    row("concat", BETWEEN, Kind::Str, concat),
    row(
        "add_item",
        &[need("a delimiter", Take::Text), may("a variable", Take::Variable), may("an end", Take::Text)],
        Kind::Str,
        add_item,
    ),
    row("iif", &[need("a text", Take::Text), need("another", Take::Text)], Kind::Str, |value, given, _| {
        let chosen = |truth: i64| Value::text(given.text(usize::from(truth == 0)));
        cast::int(&value).map_or(Value::Absent, chosen)
    }),
    row("strcmp", VARIABLE, Kind::Int, compared),
    row("secure_memcmp", VARIABLE, Kind::Bool, same),
    row("host_only", &[], Kind::Str, |value, _, _| match sliced(value, |text| Some(0..host(text))) {
        Value::Str(text) => Value::Str(lowered(text)),
        other => other,
    }),
    row("port_only", &[], Kind::Int, |value, _, _| {
        cast::text(value).map_or(Value::Absent, |text| Value::Int(port(&text).into()))
    }),
];

/// The value as text, given away to be changed.
pub(super) fn text<'v>(
    value: Value<'v>,
    change: impl FnOnce(Cow<'v, [u8]>) -> Option<Cow<'v, [u8]>>,
) -> Value<'v> {
    cast::text(value).and_then(change).map_or(Value::Absent, Value::Str)
}

/// A part of the value's text.
pub(super) fn sliced(value: Value<'_>, part: impl FnOnce(&[u8]) -> Option<Range<usize>>) -> Value<'_> {
    text(value, |text| part(&text).map(|range| cut(text, range)))
}

/// A part of a text, without a copy.
pub(super) fn cut(text: Cow<'_, [u8]>, range: Range<usize>) -> Cow<'_, [u8]> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.get(range).unwrap_or_default()),
        Cow::Owned(mut text) => {
            text.truncate(range.end);
            text.drain(..range.start.min(text.len()));
            Cow::Owned(text)
        }
    }
}

type Find = fn(&[u8], &[u8], i64, usize) -> Option<Range<usize>>;

fn piece<'v>(value: Value<'v>, given: &Given, ask: &dyn Ask<'_>, find: Find) -> Value<'v> {
    let index = given.int(0, ask).unwrap_or(1);
    let count = usize::try_from(given.int(2, ask).unwrap_or(1)).unwrap_or(0);
    sliced(value, |text| find(text, given.text(1), index, count))
}

/// Fields stand between delimiters and may be empty; from the end when the index is negative. Count 0: all the rest.
fn field(text: &[u8], delimiters: &[u8], index: i64, count: usize) -> Option<Range<usize>> {
    let steps = usize::try_from(index.unsigned_abs()).ok()?.checked_sub(1)?;
    let more = if count == 0 { usize::MAX } else { count - 1 };
    let is = |byte: &u8| delimiters.contains(byte);
    if index > 0 {
        let mut start = 0;
        for _ in 0..steps {
            start += text.get(start..)?.iter().position(is)? + 1;
        }
        let mut ends = (start..text.len()).filter(|at| text.get(*at).is_some_and(is));
        return Some(start..ends.nth(more).unwrap_or(text.len()));
    }
    let mut end = text.len();
    for _ in 0..steps {
        end = text.get(..end)?.iter().rposition(is)?;
    }
    let mut starts = (0..end).rev().filter(|at| text.get(*at).is_some_and(is));
    Some(starts.nth(more).map_or(0, |at| at + 1)..end)
}

/// Words stand between delimiters and are never empty; what is not there is empty. Count 0: all the rest.
fn word(text: &[u8], delimiters: &[u8], index: i64, count: usize) -> Option<Range<usize>> {
    let steps = usize::try_from(index.unsigned_abs()).ok()?.checked_sub(1)?;
    let found = |at: usize| text.get(at).is_some_and(|byte| delimiters.contains(byte));
    let size = text.len();
    // The same walk in both directions: `at` counts bytes from the end that the index counts from.
    let is = |at: usize| if index > 0 { found(at) } else { found(size - 1 - at) };
    let skip = |from: usize, delimiter: bool| (from..size).find(|at| is(*at) != delimiter).unwrap_or(size);
    let mut start = skip(0, true);
    for _ in 0..steps {
        if start == size {
            break;
        }
        start = skip(skip(start, false), true);
    }
    let mut end = if count == 0 { size } else { skip(start, false) };
    for _ in 1..count {
        if end == size {
            break;
        }
        end = skip(skip(end, true), false);
    }
    Some(if index > 0 { start..end } else { size - end..size - start })
}

fn bytes<'v>(value: Value<'v>, given: &Given, ask: &dyn Ask<'v>) -> Value<'v> {
    let (Some(text), Some(offset)) = (cast::bytes(value), given.int(0, ask)) else { return Value::Absent };
    let start = usize::try_from(offset).unwrap_or(usize::MAX).min(text.len());
    let rest = text.len() - start;
    let length = match given.int(1, ask) {
        None if given.has(1) => return Value::Absent,
        length => length.and_then(|length| usize::try_from(length).ok()).unwrap_or(rest),
    };
    Value::Str(cut(text, start..start + length.min(rest)))
}

fn leading(text: &[u8], characters: &[u8]) -> usize {
    text.iter().take_while(|byte| characters.contains(byte)).count()
}

fn trailing(text: &[u8], characters: &[u8]) -> usize {
    text.iter().rev().take_while(|byte| characters.contains(byte)).count()
}

fn concat<'v>(value: Value<'v>, given: &'v Given, ask: &dyn Ask<'v>) -> Value<'v> {
    let middle = cast::text(given.value(1, ask)).unwrap_or_default();
    joined(value, &[given.text(0), &middle, given.text(2)])
}

/// The delimiter stands only between two things.
fn add_item<'v>(value: Value<'v>, given: &'v Given, ask: &dyn Ask<'v>) -> Value<'v> {
    let item = cast::text(given.value(1, ask)).unwrap_or_default();
    let added = !item.is_empty() || given.has(2);
    text(value, |mut text| {
        if added && !text.is_empty() {
            text.to_mut().extend_from_slice(given.text(0));
        }
        if added {
            text.to_mut().extend([&item, given.text(2)].concat());
        }
        Some(text)
    })
}

fn joined<'v>(value: Value<'v>, parts: &[&[u8]]) -> Value<'v> {
    text(value, |mut text| {
        for part in parts.iter().filter(|part| !part.is_empty()) {
            text.to_mut().extend_from_slice(part);
        }
        Some(text)
    })
}

fn compared<'v>(value: Value<'v>, given: &'v Given, ask: &dyn Ask<'v>) -> Value<'v> {
    match (cast::text(value), cast::text(given.value(0, ask))) {
        (Some(left), Some(right)) => {
            let bytes = left.iter().zip(right.iter());
            let first = bytes.map(|(left, right)| i64::from(*left) - i64::from(*right)).find(|by| *by != 0);
            Value::Int(first.unwrap_or(left.len().cmp(&right.len()) as i64))
        }
        _ => Value::Absent,
    }
}

/// Takes as long for a wrong text as for the right one of the same length.
fn same<'v>(value: Value<'v>, given: &'v Given, ask: &dyn Ask<'v>) -> Value<'v> {
    match (cast::bytes(value), cast::bytes(given.value(0, ask))) {
        (Some(left), Some(right)) => {
            let differs = left.iter().zip(right.iter()).fold(0, |bits, (left, right)| bits | (left ^ right));
            Value::Bool(left.len() == right.len() && std::hint::black_box(differs) == 0)
        }
        _ => Value::Absent,
    }
}

/// How long the host of `host:port` is; brackets keep their colons.
fn host(text: &[u8]) -> usize {
    match text.iter().rposition(|byte| matches!(byte, b':' | b']')) {
        Some(at) if text.get(at) == Some(&b':') => at,
        _ => text.len(),
    }
}

/// The port of `host:port`; letters count for what they are above the digit 0, as in HAProxy.
fn port(text: &[u8]) -> u32 {
    let digits = text.get(host(text) + 1..).unwrap_or_default();
    digits.iter().fold(0, |port: u32, byte| {
        port.wrapping_mul(10).wrapping_add(u32::from(*byte)).wrapping_sub(u32::from(b'0'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::convert::{Converter, build};
    use crate::wire::Const;
    use crate::{Around, Request};

    #[test]
    fn what_is_only_cut_is_never_copied() {
        let view = Request::default();
        let text = |text: &str| Const::Str(text.into());
        for (name, args) in [
            ("str", vec![]),
            ("field", vec![Const::Int(2), text("/")]),
            ("word", vec![Const::Int(-1), text("/")]),
            ("bytes", vec![Const::Int(1), Const::Int(2)]),
            ("ltrim", vec![text("/")]),
            ("rtrim", vec![text("/")]),
            ("cut_crlf", vec![]),
            ("host_only", vec![]),
            ("concat", vec![]),
            ("iif", vec![text("a"), text("b")]),
            ("regsub", vec![text("x+"), text("y")]),
            ("url_dec", vec![]),
            ("url_enc", vec![]),
            ("json", vec![]),
            ("debug", vec![]),
        ] {
            let converter: Converter = build(name, &args, Kind::Str, &Around::NOTHING).unwrap();
            let input: &[u8] = if matches!(name, "url_enc" | "json") { b"plain" } else { b"/a/bc:/" };
            let value = converter.call(Value::text(input), &view);
            assert!(matches!(value, Value::Str(Cow::Borrowed(_))), "{name}: {value:?}");
        }
    }
}
