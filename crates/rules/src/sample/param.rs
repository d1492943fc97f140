//! Parameters of the query or of a form in the body: `url_param("page")`, `req.body_param("user")`.
//!
//! As HAProxy, and unlike `param`: nothing is decoded, `;` parts pairs too, and pairs without `=` are not looked at.

use std::borrow::Cow;

use super::field::Shape;
use super::target::path_query;
use super::{Args, Row, Sample};
use crate::args::{Parameter, optional_text};
use crate::phase::Phase::Content;
use crate::value::Yields::{Int, Ip, Str};
use crate::{Error, Message, Value, View};

const QUERY: &[Parameter] = &[optional_text("a name"), optional_text("a delimiter"), optional_text("i")];
const FORM: &[Parameter] = &[optional_text("a name"), optional_text("i")];

pub(super) static ROWS: &[Row] = &[
    Row::new("url_param", QUERY, (Str, Content), |a| query(a, Shape::Text)).many(),
    Row::new("url_param_val", QUERY, (Int, Content), |a| query(a, Shape::Number)).many(),
    Row::new("url_param_ip", QUERY, (Ip, Content), |a| query(a, Shape::Address)).many(),
    Row::new("req.body_param", FORM, (Str, Content), form).many(),
];

/// A sample of parameters. Without a name every one fits.
#[derive(Debug, Clone)]
pub(super) struct Param {
    name: Box<[u8]>,
    /// What begins the parameters in the target; none: they are the body.
    delimiter: Option<u8>,
    ignore_case: bool,
    shape: Shape,
}

impl Param {
    pub fn value<'v, V: View + ?Sized>(&'v self, view: &'v V) -> Value<'v> {
        let mut first = Value::Absent;
        match self.text(view) {
            Cow::Borrowed(text) => self.each(text, &mut |value| {
                first = self.shape.of(value);
                first == Value::Absent
            }),
            Cow::Owned(text) => self.each(&text, &mut |value| {
                first = self.shape.of(value).into_owned();
                first == Value::Absent
            }),
        }
        first
    }

    pub fn any<V: View + ?Sized>(&self, view: &V, test: &mut dyn FnMut(Value<'_>) -> bool) -> bool {
        let mut found = false;
        self.each(&self.text(view), &mut |value| {
            let value = self.shape.of(value);
            found = value != Value::Absent && test(value);
            !found
        });
        found
    }

    /// Where the pairs stand. With a delimiter of its own in the path, the query is part of the last of them.
    fn text<'v, V: View + ?Sized>(&self, view: &'v V) -> Cow<'v, [u8]> {
        match self.delimiter {
            None => Cow::Borrowed(view.body(Message::Request)),
            Some(b'?') => Cow::Borrowed(view.query()),
            Some(other) => match (path_query(view), |text: &[u8]| {
                memchr::memchr(other, text).map_or(text.len(), |at| at + 1)
            }) {
                (Cow::Borrowed(text), start) => Cow::Borrowed(text.get(start(text)..).unwrap_or_default()),
                (Cow::Owned(text), start) => {
                    Cow::Owned(text.get(start(&text)..).unwrap_or_default().to_vec())
                }
            },
        }
    }

    fn each<'t>(&self, text: &'t [u8], seen: &mut dyn FnMut(&'t [u8]) -> bool) {
        let parts = |byte: &u8| matches!(byte, b'&' | b';') || self.delimiter == Some(*byte);
        for pair in text.split(parts) {
            let Some((name, value)) = memchr::memchr(b'=', pair).and_then(|at| pair.split_at_checked(at))
            else {
                continue;
            };
            let fits = self.name.is_empty()
                || if self.ignore_case { name.eq_ignore_ascii_case(&self.name) } else { name == &*self.name };
            if fits && !seen(value.get(1..).unwrap_or_default()) {
                return;
            }
        }
    }
}

fn query(args: &Args<'_>, shape: Shape) -> Result<Sample, Error> {
    let delimiter = Some(args.delimiter(1, b'?')?);
    named(args, delimiter, (2, shape))
}

fn form(args: &Args<'_>) -> Result<Sample, Error> {
    named(args, None, (1, Shape::Text))
}

fn named(args: &Args<'_>, delimiter: Option<u8>, (flag, shape): (usize, Shape)) -> Result<Sample, Error> {
    let ignore_case = match args.text(flag) {
        None | Some("") => false,
        Some("i") => true,
        Some(other) => {
            return Err(Error::at(format!("args[{flag}]"), format!("found {other:?}, expected \"i\"")));
        }
    };
    let name = args.bytes(0).unwrap_or_default();
    Ok(Sample::Param(Param { name, delimiter, ignore_case, shape }))
}
