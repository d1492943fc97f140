//! Samples: fetches with arguments, several values or a computation, under the names that HAProxy gave them.
//!
//! Owns their table and how they are worked out of a [`View`]. One file a family, each with its own rows. A sample
//! that stands for several values (`many`) yields one of them where one is wanted - the last header field, the first
//! parameter, as HAProxy does - and all of them to a match on `each`.

#![allow(clippy::unnecessary_wraps, reason = "rows of one table build by functions of one shape")]

mod auth;
mod content;
mod cookie;
mod field;
mod made;
mod param;
mod secure;
mod target;
mod tracked;

pub use secure::openssl;

use std::fmt;

pub(crate) use content::is_cut_hello;
pub(crate) use made::{figure, unhex};

use crate::args::{self, Parameter};
use crate::phase::Phase;
use crate::value::Yields;
use crate::wire::Const;
use crate::{Around, Error, TlsFact, Value, View};

/// A line of the table of samples.
pub(crate) struct Row {
    pub name: &'static str,
    pub parameters: &'static [Parameter],
    pub yields: Yields,
    pub since: Phase,
    /// It may stand for several values.
    pub many: bool,
    build: fn(&Args<'_>) -> Result<Sample, Error>,
}

/// A sample with its arguments, and the text that says both.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    text: Box<str>,
    sample: Sample,
}

/// A sample with its arguments, by family.
#[derive(Debug, Clone)]
enum Sample {
    Auth(auth::Auth),
    Content(content::Content),
    Cookie(cookie::Cookie),
    Field(field::Field),
    Made(made::Made),
    Param(param::Param),
    Secure(secure::Secure),
    Target(target::Target),
    Tracked(tracked::Tracked),
}

/// Literal arguments, already checked, and what names in them stand for.
struct Args<'a> {
    given: &'a [Const],
    around: &'a Around<'a>,
}

/// Every row of every family.
pub(crate) fn rows() -> impl Iterator<Item = &'static Row> {
    [
        field::ROWS,
        cookie::ROWS,
        param::ROWS,
        target::ROWS,
        content::ROWS,
        tracked::ROWS,
        made::ROWS,
        secure::ROWS,
        auth::ROWS,
    ]
    .into_iter()
    .flatten()
}

impl Row {
    const fn new(
        name: &'static str,
        parameters: &'static [Parameter],
        (yields, since): (Yields, Phase),
        build: fn(&Args<'_>) -> Result<Sample, Error>,
    ) -> Self {
        Self { name, parameters, yields, since, many: false, build }
    }

    const fn many(mut self) -> Self {
        self.many = true;
        self
    }

    /// The sample with these arguments.
    pub fn with(&self, given: &[Const], around: &Around<'_>) -> Result<Asked, Error> {
        args::check(self.name, self.parameters, given)?;
        let sample = (self.build)(&Args { given, around })?;
        let wire = crate::wire::Expr::Fetch { name: self.name.to_owned(), args: given.to_vec() };
        Ok(Asked { text: wire.to_string().into(), sample })
    }
}

impl Asked {
    /// The value, if no request can change it.
    pub fn constant(&self) -> Option<Value<'static>> {
        match &self.sample {
            Sample::Made(made) => made.constant(),
            _ => None,
        }
    }

    /// The one value.
    pub fn value<'v, V: View + ?Sized>(&'v self, view: &'v V) -> Value<'v> {
        match &self.sample {
            Sample::Auth(sample) => sample.value(view),
            Sample::Content(sample) => sample.value(view),
            Sample::Cookie(sample) => sample.value(view),
            Sample::Field(sample) => sample.value(view),
            Sample::Made(sample) => sample.value(view),
            Sample::Param(sample) => sample.value(view),
            Sample::Secure(sample) => sample.value(view),
            Sample::Target(sample) => sample.value(view),
            Sample::Tracked(sample) => sample.value(view),
        }
    }

    /// Whether `test` holds for any of the values; what is absent is none.
    pub fn any<V: View + ?Sized>(&self, view: &V, test: &mut dyn FnMut(Value<'_>) -> bool) -> bool {
        match &self.sample {
            Sample::Auth(sample) => sample.any(view, test),
            Sample::Cookie(sample) => sample.any(view, test),
            Sample::Field(sample) => sample.any(view, test),
            Sample::Param(sample) => sample.any(view, test),
            Sample::Secure(sample) => sample.any(view, test),
            _ => match self.value(view) {
                Value::Absent => false,
                value => test(value),
            },
        }
    }
}

impl Asked {
    /// Whether more of the first bytes may change its value.
    pub fn may_change<V: View + ?Sized>(&self, view: &V) -> bool {
        match &self.sample {
            Sample::Content(sample) => sample.may_change(view),
            Sample::Target(sample) => sample.may_change(view),
            Sample::Secure(sample) if sample.asks().is_some() => is_cut_hello(view),
            _ => false,
        }
    }

    /// What it asks for of TLS that is not ended here.
    pub fn asks(&self) -> Option<TlsFact> {
        if let Sample::Secure(sample) = &self.sample { sample.asks() } else { None }
    }
}

impl Args<'_> {
    fn text(&self, index: usize) -> Option<&str> {
        args::text_at(self.given, index)
    }

    fn bytes(&self, index: usize) -> Option<Box<[u8]>> {
        self.text(index).map(|text| text.as_bytes().into())
    }

    fn int(&self, index: usize) -> Option<i64> {
        args::int_at(self.given, index)
    }

    /// A number that has to be from 0 to `most`; 0 if it was left out.
    fn up_to(&self, index: usize, most: i64) -> Result<i64, Error> {
        let number = self.int(index).unwrap_or(0);
        if (0..=most).contains(&number) {
            return Ok(number);
        }
        Err(Error::at(format!("args[{index}]"), format!("found {number}, expected 0 to {most}")))
    }

    /// One byte of text; `default` if it was left out or empty.
    fn delimiter(&self, index: usize, default: u8) -> Result<u8, Error> {
        match self.text(index).unwrap_or_default().as_bytes() {
            [] => Ok(default),
            [one] => Ok(*one),
            _ => Err(Error::at(format!("args[{index}]"), "a delimiter is one character")),
        }
    }
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Every value of the field `host`, split at commas, until `seen` answers false.
pub(crate) fn each_host<'v, V: View + ?Sized>(view: &'v V, seen: &mut dyn FnMut(&'v [u8]) -> bool) {
    field::each(view, (crate::Message::Request, b"host", false), seen);
}
