//! JSON: texts made ready to stand in a document, and values taken out of one.

use std::borrow::Cow;

use super::argument::{Arg, Parameter, Take, may, need};
use super::path::{Found, Path};
use super::{Row, cast, row, text};
use crate::{Kind, Value};

const CODES: Take = Take::Word(&["ascii", "utf8", "utf8s", "utf8p", "utf8ps"]);
pub(super) const TYPE: Take = Take::Word(&["int"]);
const PLACE: &[Parameter] = &[need("a path", Take::Path), may("a type", TYPE)];

pub(super) static ROWS: &[Row] = &[
    row("json", &[may("a coding", CODES)], Kind::Str, |value, given, _| {
        let coding = given.text(0);
        text::text(value, |text| {
            let plain = |byte: &u8| matches!(byte, 32..127) && !matches!(byte, b'"' | b'\\' | b'/');
            if text.iter().all(plain) { Some(text) } else { escaped(&text, coding).map(Cow::Owned) }
        })
    }),
    row("json_query", PLACE, Kind::Str, |value, given, _| match (given.get(0), cast::text(value)) {
        (Arg::Path(path), Some(text)) => queried(&text, path, given.has(1)),
        _ => Value::Absent,
    }),
];

/// The value at a place; `whole` asks for whole numbers. What is no text, number or truth value is absent.
pub(super) fn queried<'v>(document: &[u8], path: &Path, whole: bool) -> Value<'v> {
    let text = |bytes: Vec<u8>| Value::Str(bytes.into());
    match path.find(document) {
        None => Value::Absent,
        Some(Found::Truth(truth)) if whole => Value::Int(truth.into()),
        Some(Found::Truth(truth)) => Value::text(if truth { b"1" } else { b"0" }),
        Some(Found::Text(escaped)) => {
            let text = unescaped(escaped).map_or(Value::Absent, text);
            if whole { cast::int(&text).map_or(Value::Absent, Value::Int) } else { text }
        }
        Some(Found::Number(digits)) if whole => whole_number(digits).map_or(Value::Absent, Value::Int),
        Some(Found::Number(digits)) => {
            let number = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok());
            number.map_or(Value::Absent, |number| text(general(number).into_bytes()))
        }
    }
}

/// Numbers beyond what a JSON reader of doubles keeps apart are none.
fn whole_number(digits: &[u8]) -> Option<i64> {
    const SAFE: u64 = (1 << 53) - 1;
    let number = cast::leading(digits);
    (number.unsigned_abs() <= SAFE).then_some(number)
}

/// The number with six significant digits, as `%g` of C writes it.
fn general(number: f64) -> String {
    let scientific = format!("{number:.5e}");
    let Some((digits, exponent)) = scientific.split_once('e') else { return scientific };
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let trimmed = |digits: &str| -> String {
        if digits.contains('.') {
            digits.trim_end_matches('0').trim_end_matches('.').to_owned()
        } else {
            digits.to_owned()
        }
    };
    if (-4..6).contains(&exponent) {
        let places = usize::try_from(5 - exponent).unwrap_or(0);
        return trimmed(&format!("{number:.places$}"));
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{}e{sign}{:02}", trimmed(digits), exponent.unsigned_abs())
}

/// The text behind escapes. Those above `\u00ff` have no byte, so that there is no text.
fn unescaped(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        if *byte != b'\\' {
            out.push(*byte);
            continue;
        }
        out.push(match bytes.next()? {
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => {
                let mut digit = || char::from(*bytes.next()?).to_digit(16);
                let code = (0..4).try_fold(0u32, |code, _| Some(code << 4 | digit()?))?;
                u8::try_from(code).ok()?
            }
            byte @ (b'"' | b'\\' | b'/') => *byte,
            _ => return None,
        });
    }
    Some(out)
}

fn escaped(text: &[u8], coding: &[u8]) -> Option<Vec<u8>> {
    let (utf8, lenient, silent) =
        (coding.starts_with(b"utf8"), coding.contains(&b'p'), coding.ends_with(b"s"));
    let mut out = Vec::with_capacity(text.len() * 2);
    let mut rest = text;
    while let [first, after @ ..] = rest {
        if !utf8 {
            letter((*first).into(), &mut out);
            rest = after;
            continue;
        }
        let (code, size) = decoded(rest);
        rest = rest.get(size..).unwrap_or_default();
        match code {
            Ok(code) if code <= 0xffff => letter(code, &mut out),
            Err(Wrong::Long(code)) if lenient && code <= 0xffff => letter(code, &mut out),
            _ if silent => {}
            _ => return None,
        }
    }
    Some(out)
}

/// What can be wrong with a character.
enum Wrong {
    /// Written with more bytes than it needs.
    Long(u32),
    /// Not a sequence, or not a character.
    Bad,
}

/// The first character of a text that is not empty, and how many bytes it takes.
fn decoded(text: &[u8]) -> (Result<u32, Wrong>, usize) {
    let first = text.first().copied().unwrap_or_default();
    let (more, bits) = match first {
        0..=0x7f => return (Ok(first.into()), 1),
        0xc0..=0xdf => (1, first & 0x1f),
        0xe0..=0xef => (2, first & 0x0f),
        0xf0..=0xf7 => (3, first & 0x07),
        _ => return (Err(Wrong::Bad), 1),
    };
    let tail = text.iter().skip(1).take(more).take_while(|byte| **byte & 0xc0 == 0x80);
    let (code, found) =
        tail.fold((u32::from(bits), 0), |(code, n), byte| (code << 6 | u32::from(byte & 0x3f), n + 1));
    let least = [0, 0x80, 0x800, 0x1_0000].get(more).copied().unwrap_or_default();
    let judged = match code {
        _ if found < more => Err(Wrong::Bad),
        0xd800..=0xdfff | 0xfffe | 0xffff | 0x11_0000.. => Err(Wrong::Bad),
        _ if code < least => Err(Wrong::Long(code)),
        _ => Ok(code),
    };
    (judged, found + 1)
}

fn letter(code: u32, out: &mut Vec<u8>) {
    let short = match code {
        0x22 => b'"',
        0x5c => b'\\',
        0x2f => b'/',
        8 => b'b',
        12 => b'f',
        10 => b'n',
        13 => b'r',
        9 => b't',
        32..127 => return out.push(code as u8),
        _ => return out.extend_from_slice(format!("\\u{code:04x}").as_bytes()),
    };
    out.extend([b'\\', short]);
}
