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

/// Appends the template with `\0` to `\9` replaced by what their groups matched and `\x41` by the byte.
pub(crate) fn fill(template: &[u8], found: &Captures<'_>, out: &mut Vec<u8>) {
    let mut rest = template.iter();
    while let Some(byte) = rest.next() {
        if *byte != b'\\' {
            out.push(*byte);
            continue;
        }
        match rest.next() {
            Some(digit @ b'0'..=b'9') => {
                let group = found.get(usize::from(digit - b'0'));
                out.extend_from_slice(group.map_or(b"", |group| group.as_bytes()));
            }
            Some(b'x') => {
                let mut half = || rest.next().and_then(|digit| char::from(*digit).to_digit(16));
                if let (Some(high), Some(low)) = (half(), half()) {
                    out.push((high << 4 | low) as u8);
                }
            }
            Some(other) => out.push(*other),
            None => out.push(b'\\'),
        }
    }
}

fn substituted<'v>(value: Value<'v>, given: &Given) -> Value<'v> {
    let Arg::Regex(regex) = given.get(0) else { return value };
    let all = given.text(2).contains(&b'g');
    text::text(value, |text| {
        let changed = replaced(regex, &text, given.text(1), all);
        Some(changed.map_or(text, Cow::Owned))
    })
}

/// None when nothing matches.
fn replaced(regex: &Regex, text: &[u8], template: &[u8], all: bool) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let mut last = 0;
    for found in regex.captures_iter(text).take(if all { usize::MAX } else { 1 }) {
        let whole = found.get(0)?;
        out.extend_from_slice(text.get(last..whole.start()).unwrap_or_default());
        fill(template, &found, &mut out);
        last = whole.end();
        if out.is_empty() && last == 0 && !all {
            return None;
        }
    }
    if last == 0 && out.is_empty() {
        return None;
    }
    out.extend_from_slice(text.get(last..).unwrap_or_default());
    Some(out)
}
