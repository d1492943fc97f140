//! Substitution by regular expression, and the templates that it and maps of expressions fill in.

use std::borrow::Cow;

use regex::bytes::{Captures, Regex};

use super::argument::{Arg, Take, may, need};
use super::{Given, Row, row, text};
use crate::{Kind, Value};

pub(super) static ROWS: &[Row] = &[row(
    "regsub",
    &[
        need("an expression", Take::Regex { flags: 2 }),
        may("a substitute", Take::Text),
        may("flags", Take::Flags("gi")),
    ],
    Kind::Str,
    |value, given, _| substituted(value, given),
)];

/// Appends the template with `\0` to `\9` replaced by what their groups matched and `\x41` by the byte. None when the
/// template ends within an escape.
pub(crate) fn fill(template: &[u8], found: &Captures<'_>, out: &mut Vec<u8>) -> Option<()> {
    let mut rest = template.iter();
    while let Some(byte) = rest.next() {
        if *byte != b'\\' {
            out.push(*byte);
            continue;
        }
        match rest.next()? {
            digit @ b'0'..=b'9' => {
                let group = found.get(usize::from(digit - b'0'));
                out.extend_from_slice(group.map_or(b"", |group| group.as_bytes()));
            }
            b'x' => {
                let mut half = || char::from(*rest.next()?).to_digit(16);
                out.push((half()? << 4 | half()?) as u8);
            }
            other => out.push(*other),
        }
    }
    Some(())
}

fn substituted<'v>(value: Value<'v>, given: &Given) -> Value<'v> {
    let Arg::Regex(regex) = given.get(0) else { return Value::Absent };
    let all = given.text(2).contains(&b'g');
    text::text(value, |text| {
        if !regex.is_match(&text) {
            return Some(text);
        }
        replaced(regex, &text, given.text(1), all).map(Cow::Owned)
    })
}

/// Goes on behind each match; behind one that took nothing where it began, after the next byte.
fn replaced(regex: &Regex, text: &[u8], template: &[u8], all: bool) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(found) = regex.captures_at(text, at) {
        let whole = found.get(0)?;
        out.extend_from_slice(text.get(at..whole.start())?);
        fill(template, &found, &mut out)?;
        let stuck = whole.end() == at;
        at = whole.end();
        if !all || stuck && at == text.len() {
            break;
        }
        if stuck {
            out.extend(text.get(at));
            at += 1;
        }
    }
    out.extend_from_slice(text.get(at..)?);
    Some(out)
}
