//! The converters of native expressions.

use std::borrow::Cow;

use super::argument::{Take, may};
use super::{Ask, Case, Given, Row, row};
use crate::value::lowered;
use crate::{Kind, Value};

const TEXT: &[Kind] = &[Kind::Str];

pub(super) static ROWS: &[Row] = &[
    Row { input: TEXT, case: Some(Case::Lower), ..row("lower", &[], Kind::Str, lower) },
    Row { input: TEXT, case: Some(Case::Upper), ..row("upper", &[], Kind::Str, upper) },
    Row { input: TEXT, ..row("strip", &[may("characters", Take::Text)], Kind::Str, strip) },
    Row { input: TEXT, ..row("length", &[], Kind::Int, length) },
];

fn lower<'v>(value: Value<'v>, _: &Given, _: &dyn Ask<'v>) -> Value<'v> {
    match value {
        Value::Str(text) => Value::Str(lowered(text)),
        other => other,
    }
}

fn upper<'v>(value: Value<'v>, _: &Given, _: &dyn Ask<'v>) -> Value<'v> {
    match value {
        Value::Str(mut text) => {
            if text.iter().any(u8::is_ascii_lowercase) {
                text.to_mut().make_ascii_uppercase();
            }
            Value::Str(text)
        }
        other => other,
    }
}

fn strip<'v>(value: Value<'v>, given: &'v Given, _: &dyn Ask<'v>) -> Value<'v> {
    let characters = if given.has(0) { given.text(0) } else { b" \t\n\r\x0b\x0c" };
    let characters = std::str::from_utf8(characters).unwrap_or_default();
    match value {
        Value::Str(Cow::Borrowed(text)) => Value::text(without(text, characters)),
        Value::Str(Cow::Owned(text)) => Value::Str(Cow::Owned(without(&text, characters).to_vec())),
        other => other,
    }
}

/// The text without any of these characters at its start and end.
fn without<'t>(mut text: &'t [u8], characters: &str) -> &'t [u8] {
    let mut buffer = [0; 4];
    let mut first = |text: &'t [u8]| {
        characters.chars().find_map(|one| text.strip_prefix(one.encode_utf8(&mut buffer).as_bytes()))
    };
    while let Some(rest) = first(text) {
        text = rest;
    }
    let mut last = |text: &'t [u8]| {
        characters.chars().find_map(|one| text.strip_suffix(one.encode_utf8(&mut buffer).as_bytes()))
    };
    while let Some(rest) = last(text) {
        text = rest;
    }
    text
}

/// Of what is absent 0, so that `len(header("x")) == 0` says what it seems to say.
fn length<'v>(value: Value<'v>, _: &Given, _: &dyn Ask<'v>) -> Value<'v> {
    match value.as_bytes() {
        Some(text) => Value::Int(i64::try_from(text.len()).unwrap_or(i64::MAX)),
        None => value,
    }
}

#[cfg(test)]
mod tests {
    use super::super::build;
    use super::*;
    use crate::wire::Const;
    use crate::{Around, Request};

    fn converted(name: &str, value: Value<'_>, args: &[Const]) -> Value<'static> {
        let converter = build(name, args, Kind::Str, &Around::NOTHING).unwrap();
        converter.call(value, &Request::default()).into_owned()
    }

    #[test]
    fn texts_are_converted() {
        let chars = [Const::Str("/-é".into())];
        for (name, input, args, expected) in [
            ("lower", "aBÇ", &[][..], "abÇ"),
            ("upper", "aBç", &[], "ABç"),
            ("strip", " \t a b\x0b\r\n", &[], "a b"),
            ("strip", " \t ", &[], ""),
            ("strip", "-/a/-b//", &chars, "a/-b"),
            ("strip", "//", &chars, ""),
            ("strip", "é/aè", &chars, "aè"),
        ] {
            let expected = Value::text(expected.as_bytes());
            assert_eq!(converted(name, Value::text(input.as_bytes()), args), expected, "{name} {input:?}");
            let owned = Value::Str(Cow::Owned(input.as_bytes().to_vec()));
            assert_eq!(converted(name, owned, args), expected, "{name} {input:?}, owned");
        }
        assert_eq!(converted("length", Value::text(b"abc"), &[]), Value::Int(3));
    }

    #[test]
    fn absence_is_kept_but_has_no_length() {
        for row in ROWS {
            let expected = if row.name == "length" { Value::Int(0) } else { Value::Absent };
            assert_eq!(converted(row.name, Value::Absent, &[]), expected, "{}", row.name);
        }
    }

    #[test]
    fn what_needs_no_change_is_borrowed() {
        for (name, text) in [("lower", "abc"), ("upper", "ABC"), ("strip", " a ")] {
            let converter = build(name, &[], Kind::Str, &Around::NOTHING).unwrap();
            let view = Request::default();
            let value = converter.call(Value::text(text.as_bytes()), &view);
            assert!(matches!(value, Value::Str(Cow::Borrowed(_))), "{name}");
        }
    }
}
