//! A match on every value of a sample, as HAProxy's conditions are: true if any value matches any pattern.
//!
//! What is absent matches nothing; values are cast to what the method compares; patterns stand here or in live lists.

use std::sync::Arc;

use crate::keys::HostBy;
use crate::literals::Literals;
use crate::search::{Method, Search};
use crate::wire::{Const, Expr};
use crate::{Around, Error, Kind, List, Value, args};

/// The patterns of a match on each value.
#[derive(Debug, Clone)]
pub(crate) struct Each {
    search: Option<Search>,
    lists: Box<[Arc<List>]>,
    method: Method,
    ignore_case: bool,
    /// What of the host is matched, if it is that.
    pub host: Option<HostBy>,
}

/// A match on each value as it is written, and the kind of these.
pub(crate) struct Written<'w> {
    pub method: &'w str,
    pub patterns: &'w [String],
    pub lists: &'w [String],
    pub kind: Kind,
}

impl Each {
    /// The match, or what of it is wrong.
    pub fn new(written: &Written<'_>, ignore_case: bool, around: &Around<'_>) -> Result<Self, Error> {
        let Written { method: name, patterns, lists, kind } = *written;
        let known = || ["eq", "in"].into_iter().chain(Method::ALL.map(Method::name));
        let method = Method::named(name, kind).ok_or_else(|| args::unknown("match method", name, known()))?;
        if method.is_bare() && !(patterns.is_empty() && lists.is_empty()) {
            return Err(Error::at("patterns", format!("{name} takes no patterns")));
        }
        let wrong = |(at, reason)| Error::at(format!("patterns[{at}]"), reason);
        let search = if patterns.is_empty() && !method.is_bare() {
            None
        } else {
            Some(Search::new(method, patterns, ignore_case).map_err(wrong)?)
        };
        let bound = lists.iter().enumerate().map(|(at, name)| {
            let unknown = || Error::at(format!("lists[{at}]"), format!("there is no list {name:?}"));
            let list = (around.list)(name).ok_or_else(unknown)?;
            list.prepare(method, ignore_case);
            Ok(list)
        });
        Ok(Self { search, lists: bound.collect::<Result<_, Error>>()?, method, ignore_case, host: None })
    }

    /// Whether the value matches.
    pub fn test(&self, value: &Value<'_>) -> bool {
        self.search.as_ref().is_some_and(|search| search.test(value))
            || self.lists.iter().any(|list| list.matches(self.method, value, self.ignore_case))
    }

    /// The patterns, if they are texts at a place and all there are; `None` for others.
    pub fn literals(&self) -> Option<&Literals> {
        self.search.as_ref().filter(|_| self.is_fixed()).and_then(Search::literals)
    }

    /// Whether the same value always gives the same result.
    pub fn is_fixed(&self) -> bool {
        self.lists.is_empty()
    }
}

/// What of the host an expression asks for, if that is all it does.
pub(crate) fn host_by(expr: &Expr) -> Option<HostBy> {
    match expr {
        Expr::Fetch { name, args } => match args.as_slice() {
            [Const::Str(field)] if name == "req.hdr" && field.eq_ignore_ascii_case("host") => {
                Some(HostBy::Field)
            }
            _ => None,
        },
        Expr::Convert { name, input, args } => match (name.as_str(), args.as_slice(), host_by(input)?) {
            ("lower", [], by) => Some(by),
            ("host_only", [], HostBy::Field) => Some(HostBy::Bare),
            ("field", [Const::Int(1), Const::Str(colon)], HostBy::Field) if colon == ":" => {
                Some(HostBy::Bare)
            }
            _ => None,
        },
        _ => None,
    }
}
