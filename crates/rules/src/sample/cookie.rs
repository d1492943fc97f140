//! Cookies: `req.cook("sid")`, `res.cook`, how many, as numbers, their names.
//!
//! As HAProxy: the last of a name where one is wanted, names that begin with `$` do not count, and of each `set-cookie`
//! only its first pair does.

use std::borrow::Cow;

use super::field::{self, Shape};
use super::{Args, Row, Sample};
use crate::args::{Parameter, optional_text};
use crate::phase::Phase::{Answer, Content};
use crate::value::Yields::{Int, Str};
use crate::{Error, Message, Value, View};

const MAYBE: &[Parameter] = &[optional_text("a name")];
const DELIMITER: &[Parameter] = &[optional_text("a delimiter")];

pub(super) static ROWS: &[Row] = &[
    Row::new("req.cook", MAYBE, (Str, Content), |a| values(a, Message::Request, Shape::Text)).many(),
    Row::new("req.cook_val", MAYBE, (Int, Content), |a| values(a, Message::Request, Shape::Number)).many(),
    Row::new("req.cook_cnt", MAYBE, (Int, Content), |a| count(a, Message::Request)),
    Row::new("req.cook_names", DELIMITER, (Str, Content), |a| names(a, Message::Request)),
    Row::new("res.cook", MAYBE, (Str, Answer), |a| values(a, Message::Answer, Shape::Text)).many(),
    Row::new("res.cook_val", MAYBE, (Int, Answer), |a| values(a, Message::Answer, Shape::Number)).many(),
    Row::new("res.cook_cnt", MAYBE, (Int, Answer), |a| count(a, Message::Answer)),
    Row::new("res.cook_names", DELIMITER, (Str, Answer), |a| names(a, Message::Answer)),
];

/// A sample of cookies. Without a name every cookie fits.
#[derive(Debug, Clone)]
pub(super) struct Cookie {
    message: Message,
    name: Box<[u8]>,
    what: What,
}

#[derive(Debug, Clone)]
enum What {
    Values(Shape),
    Count,
    Names { delimiter: Box<[u8]> },
}

impl Cookie {
    pub fn value<'v, V: View + ?Sized>(&'v self, view: &'v V) -> Value<'v> {
        let (mut last, mut count, mut joined) = (None, 0, Vec::new());
        self.each(view, &mut |name, value| {
            if let What::Names { delimiter } = &self.what {
                if count > 0 {
                    joined.extend_from_slice(delimiter);
                }
                joined.extend_from_slice(name);
            }
            last = Some(value);
            count += 1;
            // Without a name, the first one counts.
            !(self.name.is_empty() && matches!(self.what, What::Values(_)))
        });
        match (&self.what, last) {
            (What::Count, _) => Value::Int(count),
            (_, None) => Value::Absent,
            (What::Values(shape), Some(value)) => shape.of(value),
            (What::Names { .. }, _) => Value::Str(Cow::Owned(joined)),
        }
    }

    pub fn any<V: View + ?Sized>(&self, view: &V, test: &mut dyn FnMut(Value<'_>) -> bool) -> bool {
        let What::Values(shape) = &self.what else {
            return match self.value(view) {
                Value::Absent => false,
                value => test(value),
            };
        };
        let mut found = false;
        self.each(view, &mut |_, value| {
            found = test(shape.of(value));
            !found
        });
        found
    }

    /// Every cookie that fits, until `seen` answers false.
    fn each<'v, V: View + ?Sized>(&self, view: &'v V, seen: &mut dyn FnMut(&'v [u8], &'v [u8]) -> bool) {
        let (field, only_first): (&[u8], bool) = match self.message {
            Message::Request => (b"cookie", false),
            Message::Answer => (b"set-cookie", true),
        };
        field::each(view, (self.message, field, false), &mut |line| {
            let mut rest = line;
            // As HAProxy: what is no longer than the name and its sign holds no cookie, whatever it is.
            while let Some((pair, after)) = pair(rest).filter(|_| rest.len() > self.name.len() + 1) {
                let (name, value) = split(pair);
                let fits = self.name.is_empty() || name == &*self.name;
                if fits && !name.is_empty() && !name.starts_with(b"$") && !seen(name, value) {
                    return false;
                }
                // As HAProxy: who asks for any cookie counts what follows it as well.
                if only_first && !(self.name.is_empty() && matches!(self.what, What::Count)) {
                    break;
                }
                rest = after;
            }
            true
        });
    }
}

/// The first `name=value` and what follows its `;`, which counts only outside of quotes.
fn pair(line: &[u8]) -> Option<(&[u8], &[u8])> {
    if line.is_empty() {
        return None;
    }
    let mut quoted = false;
    let end = line.iter().position(|byte| {
        quoted ^= *byte == b'"';
        *byte == b';' && !quoted
    });
    match end.and_then(|end| line.split_at_checked(end)) {
        Some((pair, after)) => Some((pair, after.get(1..).unwrap_or_default())),
        None => Some((line, b"")),
    }
}

fn split(pair: &[u8]) -> (&[u8], &[u8]) {
    match memchr::memchr(b'=', pair).and_then(|at| pair.split_at_checked(at)) {
        Some((name, value)) => (name.trim_ascii(), value.get(1..).unwrap_or_default().trim_ascii()),
        None => (pair.trim_ascii(), b""),
    }
}

fn values(args: &Args<'_>, message: Message, shape: Shape) -> Result<Sample, Error> {
    let name = args.bytes(0).unwrap_or_default();
    Ok(Sample::Cookie(Cookie { message, name, what: What::Values(shape) }))
}

fn count(args: &Args<'_>, message: Message) -> Result<Sample, Error> {
    let name = args.bytes(0).unwrap_or_default();
    Ok(Sample::Cookie(Cookie { message, name, what: What::Count }))
}

fn names(args: &Args<'_>, message: Message) -> Result<Sample, Error> {
    let delimiter = args.bytes(0).filter(|text| !text.is_empty()).unwrap_or_else(|| b","[..].into());
    Ok(Sample::Cookie(Cookie { message, name: Box::default(), what: What::Names { delimiter } }))
}
