//! The language that a client likes best of those that there are.

use super::argument::{Take, may, need};
use super::{Row, cast, row};
use crate::{Kind, Value};

pub(super) static ROWS: &[Row] = &[row(
    "language",
    &[need("languages", Take::Text), may("a default", Take::Text)],
    Kind::Str,
    |value, given, _| {
        let Some(wishes) = cast::text(value) else { return Value::Absent };
        match best(&wishes, given.text(0)) {
            Some(language) => Value::text(language),
            None if given.has(1) => Value::text(given.text(1)),
            None => Value::Absent,
        }
    },
)];

/// The one with the highest weight, the first of several; what weighs nothing is not wished for.
fn best<'l>(wishes: &[u8], languages: &'l [u8]) -> Option<&'l [u8]> {
    let mut found = (0, None);
    for wish in wishes.split(|byte| *byte == b',') {
        let mut parts = wish.splitn(2, |byte| *byte == b';');
        let name = parts.next().unwrap_or_default().trim_ascii();
        let base = name.split(|byte| *byte == b'-').next().unwrap_or_default();
        let known = languages.split(|byte| *byte == b';').find(|known| *known == name || *known == base);
        let weight = parts.next().map_or(1000, weight);
        if known.is_some() && weight > found.0 {
            found = (weight, known);
        }
    }
    found.1
}

/// Thousandths of `q=0.xyz`; whatever is no weight is the highest.
fn weight(text: &[u8]) -> u32 {
    let Some(number) = text.trim_ascii().strip_prefix(b"q=") else { return 1000 };
    let Some(fraction) = number.strip_prefix(b"0") else { return 1000 };
    let digits = fraction.strip_prefix(b".").unwrap_or_default().iter().take_while(|b| b.is_ascii_digit());
    let scaled =
        digits.take(3).fold((0, 100), |(sum, unit), digit| (sum + u32::from(digit - b'0') * unit, unit / 10));
    scaled.0
}
