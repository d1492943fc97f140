//! Converters: functions from one value to another, applied in chains. One row of a family's table each.
//!
//! Converters are HAProxy's, computed as HAProxy computes them: any value goes in and is cast to what the converter
//! takes ([`cast`]); what is absent, or cannot be cast, gives what is absent. Case and blanks are those of ASCII.
//! Four are older than that and keep their own ways: `lower`, `upper` and `strip` take text only, and `length` of
//! what is absent is 0, so that `len(header("x")) == 0` says what it seems to say; HAProxy's `length` is `size`.
//! So do the three that write parts of `Forwarded`, which has words for what is unknown.
//! Truth values have the texts `true` and `false`; `bool_text` gives `1` and `0`, as HAProxy writes them.

mod address;
mod argument;
mod base64;
pub(crate) mod cast;
mod cipher;
mod date;
mod digest;
mod encode;
mod figure;
mod fix;
mod forwarded;
mod hash;
mod json;
mod jwt;
mod language;
mod map;
mod mqtt;
mod native;
mod numbers;
mod path;
mod protobuf;
pub(crate) mod regsub;
mod stick;
mod text;
#[cfg(test)]
mod trials;
mod variable;
#[cfg(test)]
mod vectors;

use std::fmt;

use argument::Arg;
pub(crate) use argument::{Ask, Given, Parameter};

use crate::wire::Const;
use crate::{Around, Counter, Error, Figure, Kind, Value, View, args};

/// A line of the table of converters.
pub(crate) struct Row {
    pub name: &'static str,
    /// The kinds that it takes; what is absent is always taken.
    pub input: &'static [Kind],
    pub parameters: &'static [Parameter],
    pub result: Kind,
    pub call: for<'v> fn(Value<'v>, &'v Given, &dyn Ask<'v>) -> Value<'v>,
    /// What it does to letters, when that is all it does; lets matches ignore case instead of converting.
    pub case: Option<Case>,
    /// Whether it does nothing but yield a value that depends on nothing but its input and its arguments.
    pub pure: bool,
    /// Whether it yields what it is given, of whatever kind that is.
    pub same: bool,
    /// The data of a stick table that it looks up; empty for none.
    pub counter: &'static str,
}

/// The case that a converter leaves letters in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Case {
    Lower,
    Upper,
}

/// A converter in an expression: its row and its arguments.
#[derive(Clone)]
pub(crate) struct Converter {
    pub row: &'static Row,
    given: Given,
}

/// What most converters take.
pub(crate) const ANY: &[Kind] = &[Kind::Str, Kind::Int, Kind::Bool, Kind::Ip];

/// Every family's table. Names are part of the contract with the control plane.
static TABLES: &[&[Row]] = &[
    native::ROWS,
    text::ROWS,
    regsub::ROWS,
    encode::ROWS,
    numbers::ROWS,
    hash::ROWS,
    digest::ROWS,
    address::ROWS,
    cipher::ROWS,
    json::ROWS,
    jwt::ROWS,
    date::ROWS,
    language::ROWS,
    variable::ROWS,
    figure::ROWS,
    stick::ROWS,
    map::ROWS,
    mqtt::ROWS,
    fix::ROWS,
    forwarded::ROWS,
    protobuf::ROWS,
];

/// Every converter.
pub(crate) fn rows() -> impl Iterator<Item = &'static Row> {
    TABLES.iter().copied().flatten()
}

/// The converter of that name, after its arguments and the kind of its input were checked.
pub(crate) fn build(
    name: &str,
    args: &[Const],
    input: Kind,
    around: &Around<'_>,
) -> Result<Converter, Error> {
    let Some(row) = rows().find(|row| row.name == name) else {
        return Err(args::unknown("converter", name, rows().map(|row| row.name)));
    };
    let mut given = Given::read(name, row.parameters, args, around)?;
    if !row.counter.is_empty() {
        let index = match given.get(0) {
            Arg::Int(index) => u32::try_from(*index).unwrap_or(0),
            _ => 0,
        };
        given.counter = Some(Counter { name: row.counter.into(), index });
    }
    if input != Kind::Absent && !row.input.contains(&input) {
        let wanted: Vec<String> = row.input.iter().map(ToString::to_string).collect();
        return Err(Error::at("input", format!("{name} takes {}, not {input}", wanted.join(" or "))));
    }
    Ok(Converter { row, given })
}

impl Converter {
    /// The value converted.
    pub fn call<'v, V: View + ?Sized>(&'v self, value: Value<'v>, view: &'v V) -> Value<'v> {
        (self.row.call)(value, &self.given, &Asked(view))
    }

    /// The kind of what it yields for that kind of input.
    pub fn kind(&self, input: Kind) -> Kind {
        let typed = self
            .row
            .parameters
            .iter()
            .position(|parameter| [json::TYPE, protobuf::TYPES].contains(&parameter.take));
        match typed {
            _ if self.row.same => input,
            Some(index) if self.given.has(index) => Kind::Int,
            _ => self.row.result,
        }
    }

    /// Whether the same input always gives the same result.
    pub fn fixed(&self) -> bool {
        self.row.pure && self.given.fixed()
    }
}

impl fmt::Debug for Converter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.row.name)
    }
}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// A row of a converter that takes anything.
const fn row(
    name: &'static str,
    parameters: &'static [Parameter],
    result: Kind,
    call: for<'v> fn(Value<'v>, &'v Given, &dyn Ask<'v>) -> Value<'v>,
) -> Row {
    Row { name, input: ANY, parameters, result, call, case: None, pure: true, same: false, counter: "" }
}

/// A view as converters see it: rows are functions, and cannot be generic over views.
struct Asked<'v, V: ?Sized>(&'v V);

impl<'v, V: View + ?Sized> Ask<'v> for Asked<'v, V> {
    fn variable(&self, which: &crate::Variable) -> Value<'v> {
        self.0.variable(which)
    }

    fn assign(&self, which: &crate::Variable, value: &Value<'_>) {
        self.0.assign(which, value);
    }

    fn of(&self, figure: Figure, name: &str) -> Value<'v> {
        self.0.of(figure, name)
    }

    fn now_ms(&self) -> u64 {
        self.0.now_ms()
    }

    fn zone(&self, epoch: i64) -> i64 {
        self.0.zone(epoch)
    }
}
