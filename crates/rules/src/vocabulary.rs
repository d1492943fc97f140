//! The tables of fetches, converters and match methods as the control plane reads them.
//!
//! Its readers keep no list of their own: what stands here is what conditions may say.

use serde::Serialize;

use crate::args::Parameter;
use crate::fetch::{self, Named};
use crate::phase::Phase;
use crate::value::Yields;
use crate::{Fact, Kind, Method, convert};

/// Everything that an expression may say.
#[derive(Debug, Serialize)]
pub struct Vocabulary {
    /// What can be asked for.
    pub fetches: Vec<FetchEntry>,
    /// What can be made of it.
    pub converters: Vec<ConverterEntry>,
    /// How it can be matched.
    pub methods: Vec<&'static str>,
}

/// A fetch.
#[derive(Debug, Serialize)]
pub struct FetchEntry {
    name: &'static str,
    args: Vec<Argument>,
    kind: &'static str,
    /// It may stand for several values, of which a match on each may be true of any.
    many: bool,
    /// Nobody can tell it: it is always empty.
    #[serde(skip_serializing_if = "is_false")]
    empty: bool,
    /// When it is known.
    phases: Vec<&'static str>,
}

/// A converter.
#[derive(Debug, Serialize)]
pub struct ConverterEntry {
    name: &'static str,
    args: Vec<Argument>,
    input: Vec<String>,
    kind: String,
}

/// An argument.
#[derive(Debug, Serialize)]
pub struct Argument {
    name: &'static str,
    kind: &'static str,
    optional: bool,
}

/// The tables as they stand.
pub fn vocabulary() -> Vocabulary {
    let mut fetches: Vec<FetchEntry> = Vec::new();
    for (name, what) in fetch::all() {
        if fetches.iter().all(|known| known.name != name) {
            fetches.push(entry(name, &what));
        }
    }
    Vocabulary {
        fetches,
        converters: convert::rows().map(converter).collect(),
        methods: ["eq", "in"].into_iter().chain(Method::ALL.map(Method::name)).collect(),
    }
}

fn entry(name: &'static str, what: &Named) -> FetchEntry {
    let (parameters, yields, since, many): (&[Parameter], Yields, Phase, bool) = match what {
        Named::Native(row) => (row.parameters, row.yields, row.since, false),
        Named::Sample(row) => (row.parameters, row.yields, row.since, row.many),
        Named::Figure(figure) => (figure.parameters(), figure.yields(), figure.since(), false),
        Named::Fact(fact) => (&[], fact.yields(), fact.since(), false),
        Named::Tls(fact) => {
            let since = if fact.is_asked() { Phase::Content } else { Phase::Session };
            (&[], if fact.is_truth() { Yields::Bool } else { Yields::Str }, since, false)
        }
    };
    let phases = since.on().map(Phase::name).collect();
    let empty = Fact::ALL.iter().any(|fact| fact.name() == name && !fact.is_known());
    FetchEntry {
        name,
        args: parameters.iter().map(argument).collect(),
        kind: yields.name(),
        many,
        empty,
        phases,
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_false(flag: &bool) -> bool {
    !*flag
}

fn converter(row: &convert::Row) -> ConverterEntry {
    ConverterEntry {
        name: row.name,
        args: row.parameters.iter().map(of_converter).collect(),
        input: row.input.iter().map(ToString::to_string).collect(),
        kind: row.result.to_string(),
    }
}

fn argument(parameter: &Parameter) -> Argument {
    let kind = match parameter.kind {
        Kind::Str => "text",
        Kind::Int => "int",
        Kind::Bool => "bool",
        Kind::Ip => "ip",
        Kind::Absent => "null",
    };
    Argument { name: parameter.name, kind, optional: parameter.optional }
}

fn of_converter(parameter: &convert::Parameter) -> Argument {
    Argument { name: parameter.name, kind: parameter.take.name(), optional: parameter.optional }
}
