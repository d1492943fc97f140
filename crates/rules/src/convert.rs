//! Converters: functions from one value to another, applied in chains. One row of [`ROWS`] each.
//!
//! What is absent stays absent, except where a row says otherwise. Case and blanks are those of ASCII.

use std::borrow::Cow;
use std::fmt;

use crate::args::{self, Parameter};
use crate::value::lowered;
use crate::wire::Const;
use crate::{Error, Kind, Value};

/// A line of the table of converters.
pub(crate) struct Row {
    pub name: &'static str,
    /// The kinds that it takes; what is absent is always taken.
    pub input: &'static [Kind],
    pub parameters: &'static [Parameter],
    pub result: Kind,
    pub call: for<'v> fn(Value<'v>, &[Const]) -> Value<'v>,
    /// What it does to letters, when that is all it does; lets matches ignore case instead of converting.
    pub case: Option<Case>,
}

/// The case that a converter leaves letters in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Case {
    Lower,
    Upper,
}

/// Every converter. Names are part of the contract with the control plane.
pub(crate) static ROWS: &[Row] = &[
    Row {
        name: "lower",
        input: &[Kind::Str],
        parameters: &[],
        result: Kind::Str,
        call: lower,
        case: Some(Case::Lower),
    },
    Row {
        name: "upper",
        input: &[Kind::Str],
        parameters: &[],
        result: Kind::Str,
        call: upper,
        case: Some(Case::Upper),
    },
    Row {
        name: "strip",
        input: &[Kind::Str],
        parameters: &[args::optional_text("characters")],
        result: Kind::Str,
        call: strip,
        case: None,
    },
    Row { name: "length", input: &[Kind::Str], parameters: &[], result: Kind::Int, call: length, case: None },
];

/// The converter of that name, after its arguments and the kind of its input were checked.
pub(crate) fn build(name: &str, args: &[Const], input: Kind) -> Result<&'static Row, Error> {
    let Some(row) = ROWS.iter().find(|row| row.name == name) else {
        return Err(args::unknown("converter", name, ROWS.iter().map(|row| row.name)));
    };
    args::check(name, row.parameters, args)?;
    if input != Kind::Absent && !row.input.contains(&input) {
        let wanted: Vec<String> = row.input.iter().map(ToString::to_string).collect();
        return Err(Error::at("input", format!("{name} takes {}, not {input}", wanted.join(" or "))));
    }
    Ok(row)
}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

fn lower<'v>(value: Value<'v>, _: &[Const]) -> Value<'v> {
    match value {
        Value::Str(text) => Value::Str(lowered(text)),
        other => other,
    }
}

fn upper<'v>(value: Value<'v>, _: &[Const]) -> Value<'v> {
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

fn strip<'v>(value: Value<'v>, args: &[Const]) -> Value<'v> {
    let characters = args::text_at(args, 0).unwrap_or(" \t\n\r\x0b\x0c");
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
fn length<'v>(value: Value<'v>, _: &[Const]) -> Value<'v> {
    match value.as_bytes() {
        Some(text) => Value::Int(i64::try_from(text.len()).unwrap_or(i64::MAX)),
        None => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn converted<'v>(name: &str, value: Value<'v>, args: &[Const]) -> Value<'v> {
        (build(name, args, Kind::Str).unwrap().call)(value, args)
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
            assert_eq!((row.call)(Value::Absent, &[]), expected, "{}", row.name);
        }
    }

    #[test]
    fn what_needs_no_change_is_borrowed() {
        for (name, text) in [("lower", "abc"), ("upper", "ABC"), ("strip", " a ")] {
            let value = converted(name, Value::text(text.as_bytes()), &[]);
            assert!(matches!(value, Value::Str(Cow::Borrowed(_))), "{name}");
        }
    }
}
