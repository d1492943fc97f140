//! Many patterns of one method, and which of them a value matches: what lists and matches on each value look into.
//!
//! As HAProxy: values are cast to what the method compares, and what cannot be cast matches nothing. Which pattern
//! counts of several that match: of starts the longest (the first when case is ignored), of networks the narrowest, of
//! all others the first.

use std::io::Write as _;

use aho_corasick::AhoCorasick;
use regex::bytes::{Regex, RegexBuilder, RegexSet, RegexSetBuilder};

use crate::convert::cast;
use crate::literals::Literals;
use crate::method::{REGEX_LIMIT, regex_reason};
use crate::networks::{self, Routes};
use crate::ranges::Ranges;
use crate::sample::unhex;
use crate::table::Place;
use crate::words::Words;
use crate::{Kind, Value};

/// How a value is held against patterns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "HAProxy's own words")]
pub enum Method {
    Found,
    Bool,
    Int,
    Ip,
    Bin,
    Len,
    Str,
    Beg,
    Sub,
    End,
    Dir,
    Dom,
    Reg,
}

/// A pattern that matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hit {
    /// Its place among the patterns.
    pub index: usize,
    /// Where the most specific one counts: how specific it is.
    pub weight: usize,
}

/// The patterns.
#[derive(Debug, Clone)]
pub(crate) enum Search {
    Found,
    Bool,
    Ranges(Ranges),
    Lengths(Ranges),
    Networks(Box<Routes>),
    Literals(Literals),
    Substrings { found: Box<AhoCorasick> },
    Words(Box<Words>),
    Regexes { each: Box<[Regex]>, all: Option<Box<RegexSet>> },
}

/// Which pattern is wrong, and why.
pub(crate) type Wrong = (usize, String);

/// From how many regular expressions on they are tried together.
const TOGETHER: usize = 3;

impl Method {
    /// Every method.
    pub const ALL: [Self; 13] = [
        Self::Found,
        Self::Bool,
        Self::Int,
        Self::Ip,
        Self::Bin,
        Self::Len,
        Self::Str,
        Self::Beg,
        Self::Sub,
        Self::End,
        Self::Dir,
        Self::Dom,
        Self::Reg,
    ];

    /// As expressions call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Found => "found",
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Ip => "ip",
            Self::Bin => "bin",
            Self::Len => "len",
            Self::Str => "str",
            Self::Beg => "beg",
            Self::Sub => "sub",
            Self::End => "end",
            Self::Dir => "dir",
            Self::Dom => "dom",
            Self::Reg => "reg",
        }
    }

    /// The method of that name; `eq` and `in` are whatever compares values of that kind whole.
    pub fn named(name: &str, kind: Kind) -> Option<Self> {
        match (name, kind) {
            ("eq" | "in", Kind::Int) => Some(Self::Int),
            ("eq" | "in", Kind::Ip) => Some(Self::Ip),
            ("eq" | "in", _) => Some(Self::Str),
            _ => Self::ALL.into_iter().find(|method| method.name() == name),
        }
    }

    /// Why a text can be no pattern of this method.
    pub fn refuses(self, pattern: &str) -> Option<String> {
        Search::new(self, &[pattern], false).err().map(|(_, reason)| reason)
    }

    /// Whether it is true or false without any pattern.
    pub fn is_bare(self) -> bool {
        matches!(self, Self::Found | Self::Bool)
    }
}

impl Search {
    /// Patterns as they are written.
    pub fn new<T: AsRef<str>>(method: Method, patterns: &[T], ignore_case: bool) -> Result<Self, Wrong> {
        let literals = |place| Ok(Self::Literals(Literals::new(place, &texts(patterns), ignore_case)));
        match method {
            Method::Found => Ok(Self::Found),
            Method::Bool => Ok(Self::Bool),
            Method::Int => Ok(Self::Ranges(Ranges::new(&texts(patterns))?)),
            Method::Len => Ok(Self::Lengths(Ranges::new(&texts(patterns))?)),
            Method::Ip => {
                let read = |text: &str| {
                    networks::parse_masked(text)
                        .ok_or_else(|| format!("{text:?} is neither an address nor a network"))
                };
                Ok(Self::Networks(Box::new(Routes::new(&each(patterns, read)?))))
            }
            Method::Bin => {
                let read = |text: &str| unhex(text).ok_or_else(|| format!("{text:?} is not hexadecimal"));
                Ok(Self::Literals(Literals::new(Place::Whole, &each(patterns, read)?, false)))
            }
            Method::Str => literals(Place::Whole),
            Method::Beg => literals(Place::Start),
            Method::End => literals(Place::End),
            Method::Sub => {
                let mut builder = AhoCorasick::builder();
                let built = builder.ascii_case_insensitive(ignore_case).build(texts(patterns));
                let found = built.map_err(|error| (0, error.to_string()))?;
                Ok(Self::Substrings { found: Box::new(found) })
            }
            Method::Dir => Ok(Self::Words(Box::new(Words::new(b"/?", &texts(patterns), ignore_case)))),
            Method::Dom => Ok(Self::Words(Box::new(Words::new(b"/?.:", &texts(patterns), ignore_case)))),
            Method::Reg => regexes(patterns, ignore_case),
        }
    }

    /// No pattern at all.
    pub fn nothing() -> Self {
        Self::Literals(Literals::new::<&str>(Place::Whole, &[], false))
    }

    /// The pattern that counts of those which match.
    pub fn find(&self, value: &Value<'_>) -> Option<Hit> {
        match self {
            Self::Found => (*value != Value::Absent).then_some(Hit { index: 0, weight: 0 }),
            Self::Bool => cast::int(value).filter(|number| *number != 0).map(|_| Hit { index: 0, weight: 0 }),
            Self::Ranges(ranges) => first(ranges.find(cast::int(value)?)),
            Self::Lengths(ranges) => {
                let length = in_bytes(value, <[u8]>::len)?;
                first(ranges.find(i64::try_from(length).unwrap_or(i64::MAX)))
            }
            Self::Networks(routes) => {
                let (index, weight) = routes.find(cast::ip(value)?)?;
                Some(Hit { index, weight })
            }
            Self::Literals(literals) => {
                let (index, weight) = in_bytes(value, |text| literals.find(text))??;
                Some(Hit { index, weight })
            }
            Self::Substrings { found } => in_bytes(value, |text| {
                first(found.find_overlapping_iter(text).map(|hit| hit.pattern().as_usize()).min())
            })?,
            Self::Words(words) => in_bytes(value, |text| first(words.find(text)))?,
            Self::Regexes { each, all } => in_bytes(value, |text| match all {
                Some(all) => first(all.matches(text).iter().next()),
                None => first(each.iter().position(|regex| regex.is_match(text))),
            })?,
        }
    }

    /// Whether any pattern matches.
    pub fn test(&self, value: &Value<'_>) -> bool {
        match self {
            Self::Literals(literals) => in_bytes(value, |text| literals.test(text)).unwrap_or(false),
            Self::Substrings { found } => in_bytes(value, |text| found.is_match(text)).unwrap_or(false),
            Self::Regexes { all: Some(all), .. } => {
                in_bytes(value, |text| all.is_match(text)).unwrap_or(false)
            }
            _ => self.find(value).is_some(),
        }
    }

    /// The patterns, if they are texts at a place.
    pub fn literals(&self) -> Option<&Literals> {
        match self {
            Self::Literals(literals) => Some(literals),
            _ => None,
        }
    }

    /// The regular expression at a place.
    pub fn regex(&self, index: usize) -> Option<&Regex> {
        match self {
            Self::Regexes { each, .. } => each.get(index),
            _ => None,
        }
    }
}

fn first(index: Option<usize>) -> Option<Hit> {
    index.map(|index| Hit { index, weight: 0 })
}

fn texts<T: AsRef<str>>(patterns: &[T]) -> Vec<&str> {
    patterns.iter().map(AsRef::as_ref).collect()
}

fn each<T: AsRef<str>, R>(patterns: &[T], read: impl Fn(&str) -> Result<R, String>) -> Result<Vec<R>, Wrong> {
    patterns.iter().enumerate().map(|(at, text)| read(text.as_ref()).map_err(|reason| (at, reason))).collect()
}

/// What `ask` answers of the value's text, which is written down on the stack where there is none.
fn in_bytes<R>(value: &Value<'_>, ask: impl FnOnce(&[u8]) -> R) -> Option<R> {
    let mut buffer = [0_u8; 48];
    let mut room = &mut buffer[..];
    // The longest number and the longest address fit.
    match value {
        Value::Str(text) => return Some(ask(text)),
        Value::Absent => return None,
        Value::Bool(flag) => return Some(ask(if *flag { b"1" } else { b"0" })),
        Value::Int(number) => write!(room, "{number}").ok()?,
        Value::Ip(address) => write!(room, "{address}").ok()?,
    }
    let left = room.len();
    let used = buffer.len() - left;
    buffer.get(..used).map(ask)
}

fn regexes<T: AsRef<str>>(patterns: &[T], ignore_case: bool) -> Result<Search, Wrong> {
    let one = |text: &str| {
        let mut builder = RegexBuilder::new(text);
        // Bytes, not characters: `.` must not stop at a byte that is no UTF-8, or a rule could be slipped past.
        let built = builder.unicode(false).case_insensitive(ignore_case).size_limit(REGEX_LIMIT).build();
        built.map_err(|error| format!("{text:?}: {}", regex_reason(&error)))
    };
    let compiled = each(patterns, one)?;
    // Too many for one automaton are tried one after the other.
    let together = (patterns.len() >= TOGETHER).then(|| {
        let mut builder = RegexSetBuilder::new(patterns.iter().map(AsRef::as_ref));
        builder.unicode(false).case_insensitive(ignore_case).build().ok().map(Box::new)
    });
    Ok(Search::Regexes { each: compiled.into(), all: together.flatten() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(method: Method, patterns: &[&str], ignore_case: bool, value: &Value<'_>) -> Option<usize> {
        let search = Search::new(method, patterns, ignore_case).unwrap();
        let hit = search.find(value);
        assert_eq!(hit.is_some(), search.test(value), "{method:?} {patterns:?}");
        hit.map(|hit| hit.index)
    }

    #[test]
    fn the_pattern_that_counts_is_found() {
        use Method::{Beg, Bin, Bool, Dir, Dom, End, Found, Int, Ip, Len, Reg, Str, Sub};
        for (method, patterns, ignore_case, text, expected) in [
            (Str, &["a", "b", "b"][..], false, "b", Some(1)),
            (Str, &["A"], true, "a", Some(0)),
            (Str, &["A"], false, "a", None),
            (Beg, &["/a", "/a/b", "/"], false, "/a/b/c", Some(1)),
            (Beg, &["/a", "/a/b", "/"], true, "/A/b/c", Some(0)),
            (End, &[".org", "example.org"], false, "example.org", Some(0)),
            (Sub, &["x", "amp", "exa"], false, "example", Some(0)),
            (Sub, &["amp", "exa"], false, "example", Some(0)),
            (Sub, &["AMP"], true, "example", Some(0)),
            (Dir, &["b", "/a/b/"], false, "/a/b/c?d", Some(0)),
            (Dir, &["d"], false, "/a/b/c?d", Some(0)),
            (Dir, &["/a"], false, "/ab", None),
            (Dom, &["example.org"], true, "www.EXAMPLE.org:80", Some(0)),
            (Dom, &["ample.org"], false, "www.example.org:80", None),
            (Reg, &["^b", "a$", "a"], false, "ba", Some(0)),
            (Reg, &["x", "a$", "a"], false, "ba", Some(1)),
            (Int, &["5", "1:3", "10:"], false, "2", Some(1)),
            (Int, &["gt 10"], false, "11x", Some(0)),
            (Int, &["3"], false, "", None),
            (Len, &["3"], false, "abc", Some(0)),
            (Ip, &["10.0.0.0/8", "10.1.0.0/16"], false, "10.1.2.3", Some(1)),
            (Ip, &["10.0.0.0/255.0.0.0"], false, "10.1.2.3", Some(0)),
            (Ip, &["10.0.0.0/8"], false, "ten", None),
            (Bin, &["616263"], false, "abc", Some(0)),
            (Bool, &[], false, "1", Some(0)),
            (Bool, &[], false, "0", None),
            (Found, &[], false, "", Some(0)),
        ] {
            assert_eq!(
                found(method, patterns, ignore_case, &Value::text(text.as_bytes())),
                expected,
                "{method:?} {patterns:?} {text}"
            );
        }
    }

    #[test]
    fn values_are_cast_to_what_a_method_compares() {
        let address = Value::Ip("10.0.0.1".parse().unwrap());
        assert_eq!(found(Method::Str, &["10.0.0.1"], false, &address), Some(0));
        assert_eq!(found(Method::Beg, &["40"], false, &Value::Int(404)), Some(0));
        assert_eq!(found(Method::Len, &["3"], false, &Value::Int(-12)), Some(0));
        assert_eq!(found(Method::Str, &["1"], false, &Value::Bool(true)), Some(0));
        assert_eq!(found(Method::Int, &["167772161"], false, &address), Some(0));
        for method in Method::ALL {
            let patterns: &[&str] = match method {
                Method::Found | Method::Bool => &[],
                Method::Ip => &["0.0.0.0/0"],
                Method::Bin => &["00"],
                _ => &["0"],
            };
            assert_eq!(found(method, patterns, false, &Value::Absent), None, "{method:?}");
        }
    }
}
