//! Header fields by name and occurrence: `req.hdr("x-forwarded-for", -1)`, `req.fhdr`, `*_cnt`, `*_ip`, `*_val`, names.
//!
//! As HAProxy: a field's value is split at commas outside of quotes, blanks around each part do not count, an empty part
//! does; `fhdr` does not split. Occurrences count from 1 on, or from -1 (the last) back to -10.

use std::borrow::Cow;

use super::{Args, Row, Sample};
use crate::args::{Parameter, optional_int, optional_text, text};
use crate::convert::cast;
use crate::phase::Phase::{Answer, Content};
use crate::value::Yields::{Int, Ip, Str};
use crate::{Error, Message, Value, View};

/// How far back occurrences are counted from the end.
const BACK: usize = 10;

const NAMED: &[Parameter] = &[text("a name"), optional_int("an occurrence")];
const MAYBE: &[Parameter] = &[optional_text("a name")];
const DELIMITER: &[Parameter] = &[optional_text("a delimiter")];

pub(super) static ROWS: &[Row] = &[
    Row::new("req.hdr", NAMED, (Str, Content), |a| values(a, Message::Request, (false, Shape::Text))).many(),
    Row::new("req.fhdr", NAMED, (Str, Content), |a| values(a, Message::Request, (true, Shape::Text))).many(),
    Row::new("req.hdr_ip", NAMED, (Ip, Content), |a| values(a, Message::Request, (false, Shape::Address)))
        .many(),
    Row::new("req.hdr_val", NAMED, (Int, Content), |a| values(a, Message::Request, (false, Shape::Number)))
        .many(),
    Row::new("req.hdr_cnt", MAYBE, (Int, Content), |a| count(a, Message::Request, false)),
    Row::new("req.fhdr_cnt", MAYBE, (Int, Content), |a| count(a, Message::Request, true)),
    Row::new("req.hdr_names", DELIMITER, (Str, Content), |a| names(a, Message::Request)),
    Row::new("req.hdrs", &[], (Str, Content), |_| all(Message::Request)),
    Row::new("res.hdr", NAMED, (Str, Answer), |a| values(a, Message::Answer, (false, Shape::Text))).many(),
    Row::new("res.fhdr", NAMED, (Str, Answer), |a| values(a, Message::Answer, (true, Shape::Text))).many(),
    Row::new("res.hdr_ip", NAMED, (Ip, Answer), |a| values(a, Message::Answer, (false, Shape::Address)))
        .many(),
    Row::new("res.hdr_val", NAMED, (Int, Answer), |a| values(a, Message::Answer, (false, Shape::Number)))
        .many(),
    Row::new("res.hdr_cnt", MAYBE, (Int, Answer), |a| count(a, Message::Answer, false)),
    Row::new("res.fhdr_cnt", MAYBE, (Int, Answer), |a| count(a, Message::Answer, true)),
    Row::new("res.hdr_names", DELIMITER, (Str, Answer), |a| names(a, Message::Answer)),
    Row::new("res.hdrs", &[], (Str, Answer), |_| all(Message::Answer)),
];

/// A sample of header fields.
#[derive(Debug, Clone)]
pub(super) enum Field {
    Values {
        message: Message,
        name: Box<[u8]>,
        /// Not split at commas.
        whole: bool,
        shape: Shape,
        /// 0: the last where one is wanted, all where each is.
        occurrence: i64,
    },
    /// Without a name: all fields.
    Count { message: Message, name: Option<Box<[u8]>>, whole: bool },
    /// Every name once for each field, joined.
    Names { message: Message, delimiter: Box<[u8]> },
    /// All lines as they are sent by HTTP/1, with the empty one at the end.
    All(Message),
}

/// What is made of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Text,
    /// The number that it begins with.
    Number,
    /// What is no address does not count.
    Address,
}

impl Field {
    pub fn value<'v, V: View + ?Sized>(&'v self, view: &'v V) -> Value<'v> {
        match self {
            Self::Values { message, name, whole, shape, occurrence } => {
                let found = match occurrence {
                    1.. => forward(view, (*message, name, *whole), *occurrence),
                    _ => backward(view, (*message, name, *whole), *occurrence.min(&-1)),
                };
                found.map_or(Value::Absent, |text| shape.of(text))
            }
            Self::Count { message, name, whole } => {
                Value::Int(counted(view, *message, name.as_deref(), *whole))
            }
            Self::Names { message, delimiter } => joined(view, *message, delimiter),
            Self::All(message) => {
                let mut lines = Vec::new();
                view.fields(*message, &mut |name, value| {
                    lines.extend(name.iter().map(u8::to_ascii_lowercase));
                    lines.extend_from_slice(b": ");
                    lines.extend_from_slice(value);
                    lines.extend_from_slice(b"\r\n");
                    true
                });
                lines.extend_from_slice(b"\r\n");
                Value::Str(Cow::Owned(lines))
            }
        }
    }

    pub fn any<V: View + ?Sized>(&self, view: &V, test: &mut dyn FnMut(Value<'_>) -> bool) -> bool {
        if let Self::Values { message, name, whole, shape, occurrence: 0 } = self {
            let mut found = false;
            each(view, (*message, name, *whole), &mut |text| {
                let value = shape.of(text);
                found = value != Value::Absent && test(value);
                !found
            });
            return found;
        }
        match self.value(view) {
            Value::Absent => false,
            value => test(value),
        }
    }
}

impl Shape {
    pub fn of(self, text: &[u8]) -> Value<'_> {
        match self {
            Self::Text => Value::text(text),
            Self::Number => Value::Int(number(text)),
            Self::Address => cast::ip(&Value::text(text)).map_or(Value::Absent, Value::Ip),
        }
    }
}

/// As HAProxy reads the value of a header: whatever stands below `0` counts as a digit, too, so that `1.5` is 85.
fn number(text: &[u8]) -> i64 {
    let (sign, digits) = match text {
        [b'-', rest @ ..] => (-1, rest),
        all => (1, all),
    };
    let digits = digits.iter().map(|byte| i32::from(byte.cast_signed()) - i32::from(b'0'));
    digits
        .take_while(|digit| *digit <= 9)
        .fold(0_i32, |number, digit| number.wrapping_mul(10).wrapping_add(sign * digit))
        .into()
}

/// Which fields, and whether they are whole.
type Which<'n> = (Message, &'n [u8], bool);

/// Every value until `seen` answers false.
pub(super) fn each<'v, V: View + ?Sized>(
    view: &'v V,
    (message, name, whole): Which<'_>,
    seen: &mut dyn FnMut(&'v [u8]) -> bool,
) {
    view.fields_named(message, name, &mut |value| {
        if whole { seen(value.trim_ascii()) } else { parts(value, seen) }
    });
}

/// The parts of a value, until `seen` answers false; answers what it did last.
fn parts<'v>(value: &'v [u8], seen: &mut dyn FnMut(&'v [u8]) -> bool) -> bool {
    let mut rest = value;
    loop {
        let end = part_end(rest);
        let (part, after) = rest.split_at_checked(end).unwrap_or((rest, b""));
        if !seen(part.trim_ascii()) {
            return false;
        }
        match after.split_first() {
            Some((_, after)) => rest = after,
            None => return true,
        }
    }
}

/// Where the part ends with which a value begins: at the first comma that is not quoted.
fn part_end(value: &[u8]) -> usize {
    // Nearly always there is neither.
    if memchr::memchr2(b',', b'"', value).is_none() {
        return value.len();
    }
    let (mut quoted, mut escaped) = (false, false);
    for (at, byte) in value.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b',' if !quoted => return at,
            _ => {}
        }
    }
    value.len()
}

fn forward<'v, V: View + ?Sized>(view: &'v V, which: Which<'_>, occurrence: i64) -> Option<&'v [u8]> {
    let (mut left, mut found) = (occurrence, None);
    each(view, which, &mut |text| {
        left -= 1;
        found = (left == 0).then_some(text);
        left > 0
    });
    found
}

fn backward<'v, V: View + ?Sized>(view: &'v V, which: Which<'_>, occurrence: i64) -> Option<&'v [u8]> {
    let back = usize::try_from(occurrence.unsigned_abs()).ok().filter(|back| *back <= BACK)?;
    let (mut last, mut seen) = ([&b""[..]; BACK], 0_usize);
    each(view, which, &mut |text| {
        if let Some(slot) = last.get_mut(seen % BACK) {
            *slot = text;
        }
        seen += 1;
        true
    });
    last.get(seen.checked_sub(back)? % BACK).copied()
}

fn counted<V: View + ?Sized>(view: &V, message: Message, name: Option<&[u8]>, whole: bool) -> i64 {
    let mut count = 0;
    match name {
        Some(name) => each(view, (message, name, whole), &mut |_| {
            count += 1;
            true
        }),
        None => view.fields(message, &mut |_, value| {
            let mut one = |_: &[u8]| {
                count += 1;
                true
            };
            if whole { one(value) } else { parts(value, &mut one) }
        }),
    }
    count
}

fn joined<V: View + ?Sized>(view: &V, message: Message, delimiter: &[u8]) -> Value<'static> {
    let mut names = Vec::new();
    view.fields(message, &mut |name, _| {
        if !names.is_empty() {
            names.extend_from_slice(delimiter);
        }
        names.extend(name.iter().map(u8::to_ascii_lowercase));
        true
    });
    if names.is_empty() { Value::Absent } else { Value::Str(Cow::Owned(names)) }
}

fn values(args: &Args<'_>, message: Message, (whole, shape): (bool, Shape)) -> Result<Sample, Error> {
    let name = args.text(0).unwrap_or_default().to_ascii_lowercase().into_bytes().into();
    let occurrence = args.int(1).unwrap_or(0);
    if occurrence < -(BACK as i64) {
        return Err(Error::at("args[1]", format!("found {occurrence}, expected -{BACK} or more")));
    }
    Ok(Sample::Field(Field::Values { message, name, whole, shape, occurrence }))
}

fn count(args: &Args<'_>, message: Message, whole: bool) -> Result<Sample, Error> {
    let name = args.text(0).filter(|name| !name.is_empty());
    let name = name.map(|name| name.to_ascii_lowercase().into_bytes().into());
    Ok(Sample::Field(Field::Count { message, name, whole }))
}

fn names(args: &Args<'_>, message: Message) -> Result<Sample, Error> {
    let delimiter = args.bytes(0).filter(|text| !text.is_empty()).unwrap_or_else(|| b","[..].into());
    Ok(Sample::Field(Field::Names { message, delimiter }))
}

fn all(message: Message) -> Result<Sample, Error> {
    Ok(Sample::Field(Field::All(message)))
}
