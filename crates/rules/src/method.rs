//! Match methods: how patterns are looked for in a value. One row of [`ROWS`] each, which builds a [`Matcher`].
//!
//! What is absent matches as empty text, never as a number or an address; `found` tells it apart.

use std::borrow::Cow;

use ipnet::IpNet;
use memchr::memmem;
use regex::bytes::{Regex, RegexBuilder, RegexSet, RegexSetBuilder};

use crate::literals::Literals;
use crate::networks::{self, Networks};
use crate::table::Place;
use crate::{Error, Kind, Value, args};

/// How big a regular expression may become when compiled, in bytes; each route may bring its own.
pub(crate) const REGEX_LIMIT: usize = 1 << 20;

/// Patterns, ready to be looked for.
#[derive(Debug, Clone)]
pub(crate) enum Matcher {
    Found,
    Literals(Literals),
    Substring(Box<memmem::Finder<'static>>),
    Regex(Box<Regex>),
    Regexes(Box<RegexSet>),
    Numbers(Box<[i64]>),
    Networks(Box<Networks>),
}

/// What a row builds from: patterns as written, and the kind of value that they will meet.
pub(crate) struct Patterns<'p> {
    pub texts: Vec<&'p str>,
    pub ignore_case: bool,
    pub kind: Kind,
}

/// What the patterns of a method stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// Themselves.
    Literal,
    /// Texts of a certain form.
    Regex,
    /// Something in which case plays no part.
    Other,
}

/// A line of the table of methods.
struct Row {
    name: &'static str,
    /// For input that is text.
    meaning: Meaning,
    input: &'static [Kind],
    /// Whether it needs patterns, or none at all.
    patterns: bool,
    build: fn(&Patterns<'_>) -> Result<Matcher, Error>,
}

const TEXT: &[Kind] = &[Kind::Str, Kind::Absent];
const PLAIN: &[Kind] = &[Kind::Str, Kind::Int, Kind::Ip, Kind::Absent];
const EVERY: &[Kind] = &[Kind::Str, Kind::Int, Kind::Bool, Kind::Ip, Kind::Absent];

/// Every method. Names are part of the contract with the control plane.
static ROWS: &[Row] = &[
    Row { name: "eq", meaning: Meaning::Literal, input: PLAIN, patterns: true, build: equal },
    Row { name: "in", meaning: Meaning::Literal, input: PLAIN, patterns: true, build: within },
    Row {
        name: "beg",
        meaning: Meaning::Literal,
        input: TEXT,
        patterns: true,
        build: |p| Ok(p.at(Place::Start)),
    },
    Row {
        name: "end",
        meaning: Meaning::Literal,
        input: TEXT,
        patterns: true,
        build: |p| Ok(p.at(Place::End)),
    },
    Row { name: "sub", meaning: Meaning::Literal, input: TEXT, patterns: true, build: substring },
    Row { name: "reg", meaning: Meaning::Regex, input: TEXT, patterns: true, build: regex },
    Row {
        name: "ip",
        meaning: Meaning::Other,
        input: &[Kind::Ip, Kind::Str, Kind::Absent],
        patterns: true,
        build: address,
    },
    Row {
        name: "found",
        meaning: Meaning::Other,
        input: EVERY,
        patterns: false,
        build: |_| Ok(Matcher::Found),
    },
];

/// The matcher of that name for these patterns. Errors tell `method`, `input` or `patterns[i]`.
pub(crate) fn build(name: &str, patterns: &Patterns<'_>) -> Result<Matcher, Error> {
    let Some(row) = ROWS.iter().find(|row| row.name == name) else {
        return Err(args::unknown("match method", name, ROWS.iter().map(|row| row.name)));
    };
    if !row.input.contains(&patterns.kind) {
        let wanted: Vec<String> =
            row.input.iter().filter(|kind| **kind != Kind::Absent).map(ToString::to_string).collect();
        return Err(Error::at(
            "input",
            format!("{name} takes {}, not {}", wanted.join(" or "), patterns.kind),
        ));
    }
    if row.patterns && patterns.texts.is_empty() {
        return Err(Error::at("patterns", format!("{name} needs at least one pattern")));
    }
    if !row.patterns && !patterns.texts.is_empty() {
        return Err(Error::at("patterns", format!("{name} takes no patterns")));
    }
    (row.build)(patterns)
}

/// What patterns mean to the method of that name.
pub(crate) fn meaning(name: &str) -> Meaning {
    ROWS.iter().find(|row| row.name == name).map_or(Meaning::Other, |row| row.meaning)
}

impl Matcher {
    /// Whether any pattern matches.
    pub fn test(&self, value: &Value<'_>) -> bool {
        match self {
            Self::Found => *value != Value::Absent,
            Self::Literals(literals) => value.as_bytes().is_some_and(|text| literals.test(text)),
            Self::Substring(finder) => value.as_bytes().is_some_and(|text| finder.find(text).is_some()),
            Self::Regex(regex) => value.as_bytes().is_some_and(|text| regex.is_match(text)),
            Self::Regexes(set) => value.as_bytes().is_some_and(|text| set.is_match(text)),
            Self::Numbers(numbers) => matches!(value, Value::Int(n) if numbers.binary_search(n).is_ok()),
            Self::Networks(networks) => address_of(value).is_some_and(|address| networks.contains(address)),
        }
    }
}

impl Patterns<'_> {
    fn at(&self, place: Place) -> Matcher {
        Matcher::Literals(Literals::new(place, &self.texts, self.ignore_case))
    }

    /// Every pattern read by `read`, or the first that cannot be read.
    fn each<T>(&self, read: impl Fn(&str) -> Result<T, String>) -> Result<Vec<T>, Error> {
        let numbered = self.texts.iter().enumerate();
        numbered
            .map(|(i, text)| read(text).map_err(|reason| Error::at(format!("patterns[{i}]"), reason)))
            .collect()
    }

    fn numbers(&self) -> Result<Matcher, Error> {
        let read = |text: &str| text.parse::<i64>().map_err(|_| format!("{text:?} is not a whole number"));
        let mut numbers = self.each(read)?;
        numbers.sort_unstable();
        Ok(Matcher::Numbers(numbers.into()))
    }
}

fn equal(patterns: &Patterns<'_>) -> Result<Matcher, Error> {
    if patterns.kind != Kind::Ip {
        return within(patterns);
    }
    let read = |text: &str| match network(text)? {
        one if networks::is_single(&one) => Ok(one),
        _ => Err(format!("{text:?} is a network; an address can be in it, not equal to it")),
    };
    Ok(Matcher::Networks(Box::new(Networks::new(&patterns.each(read)?))))
}

fn within(patterns: &Patterns<'_>) -> Result<Matcher, Error> {
    match patterns.kind {
        Kind::Int => patterns.numbers(),
        Kind::Ip => address(patterns),
        Kind::Str | Kind::Bool | Kind::Absent => Ok(patterns.at(Place::Whole)),
    }
}

fn address(patterns: &Patterns<'_>) -> Result<Matcher, Error> {
    Ok(Matcher::Networks(Box::new(Networks::new(&patterns.each(network)?))))
}

fn network(text: &str) -> Result<IpNet, String> {
    networks::parse(text)
        .ok_or_else(|| format!("{text:?} is neither an address nor a network such as 10.0.0.0/8"))
}

/// Text is read as an address, so that a header can be matched against networks.
fn address_of(value: &Value<'_>) -> Option<std::net::IpAddr> {
    match value {
        Value::Ip(address) => Some(*address),
        Value::Str(text) => std::str::from_utf8(text).ok()?.trim().parse().ok(),
        Value::Int(_) | Value::Bool(_) | Value::Absent => None,
    }
}

fn substring(patterns: &Patterns<'_>) -> Result<Matcher, Error> {
    if let ([only], false) = (patterns.texts.as_slice(), patterns.ignore_case) {
        return Ok(Matcher::Substring(Box::new(memmem::Finder::new(only.as_bytes()).into_owned())));
    }
    let escaped: Vec<String> = patterns.texts.iter().map(|text| regex::escape(text)).collect();
    let mut builder = RegexBuilder::new(&escaped.join("|"));
    let built = builder.unicode(false).case_insensitive(patterns.ignore_case).build();
    built
        .map(|regex| Matcher::Regex(Box::new(regex)))
        .map_err(|error| Error::at("patterns", regex_reason(&error)))
}

fn regex(patterns: &Patterns<'_>) -> Result<Matcher, Error> {
    let one = |pattern: &str| {
        RegexBuilder::new(pattern)
            .unicode(false)
            .case_insensitive(patterns.ignore_case)
            .size_limit(REGEX_LIMIT)
            .build()
            .map_err(|error| regex_reason(&error).into_owned())
    };
    let mut regexes = patterns.each(one)?;
    if let (1, Some(only)) = (regexes.len(), regexes.pop()) {
        return Ok(Matcher::Regex(Box::new(only)));
    }
    // Bytes, not characters: `.` must not stop at a byte that is no UTF-8, or a rule could be slipped past.
    RegexSetBuilder::new(&patterns.texts)
        .unicode(false)
        .case_insensitive(patterns.ignore_case)
        .build()
        .map(|set| Matcher::Regexes(Box::new(set)))
        .map_err(|error| Error::at("patterns", regex_reason(&error)))
}

/// The message in one line, in words of a person who knows Python's `re`.
pub(crate) fn regex_reason(error: &regex::Error) -> Cow<'static, str> {
    let text = error.to_string();
    if matches!(error, regex::Error::CompiledTooBig(_)) {
        return format!("the regular expression needs more than {REGEX_LIMIT} bytes; repeat less").into();
    }
    let line = text.lines().last().unwrap_or_default().trim();
    let line = line.strip_prefix("error: ").unwrap_or(line);
    if line.contains("look-around") || line.contains("backreference") {
        let what = if line.contains("look-around") { "look-around" } else { "back references" };
        return format!("{what} would cost more than linear time and cannot be used").into();
    }
    format!("not a regular expression: {line}").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn built(method: &str, kind: Kind, texts: &[&str], ignore_case: bool) -> Result<Matcher, Error> {
        build(method, &Patterns { texts: texts.to_vec(), ignore_case, kind })
    }

    #[test]
    fn texts_match_by_every_method() {
        for (method, patterns, ignore_case, text, expected) in [
            ("eq", &["a", "b"][..], false, "b", true),
            ("in", &["a", "b"], false, "c", false),
            ("beg", &["/api/"], false, "/api/x", true),
            ("end", &[".png", ".JPG"], true, "x.jpg", true),
            ("sub", &["dmi"], false, "/admin", true),
            ("sub", &["DMI"], false, "/admin", false),
            ("sub", &["x", "DMI"], true, "/admin", true),
            ("sub", &["a.c"], true, "abc", false),
            ("reg", &["^/v[0-9]+/"], false, "/v12/x", true),
            ("reg", &["b", "^c"], false, "abc", true),
            ("reg", &["^/ADMIN$"], true, "/admin", true),
            ("reg", &["^$"], false, "", true),
            ("ip", &["10.0.0.0/8"], false, " 10.1.1.1", true),
            ("ip", &["10.0.0.0/8"], false, "ten", false),
            ("found", &[], false, "", true),
        ] {
            let matcher = built(method, Kind::Str, patterns, ignore_case).unwrap();
            assert_eq!(matcher.test(&Value::text(text.as_bytes())), expected, "{method} {patterns:?} {text}");
        }
    }

    #[test]
    fn numbers_and_addresses_match_by_value() {
        let numbers = built("in", Kind::Int, &["502", "0404"], false).unwrap();
        assert!(numbers.test(&Value::Int(404)) && !numbers.test(&Value::Int(500)));
        let address = Value::Ip("10.0.0.1".parse().unwrap());
        assert!(built("in", Kind::Ip, &["10.0.0.0/24"], false).unwrap().test(&address));
        assert!(built("eq", Kind::Ip, &["10.0.0.1"], false).unwrap().test(&address));
        assert!(!built("eq", Kind::Ip, &["10.0.0.2"], false).unwrap().test(&address));
    }

    #[test]
    fn absence_is_empty_text_and_nothing_else() {
        for (method, kind, pattern, expected) in [
            ("eq", Kind::Str, "", true),
            ("beg", Kind::Str, "", true),
            ("reg", Kind::Str, "^$", true),
            ("eq", Kind::Int, "0", false),
            ("in", Kind::Ip, "0.0.0.0/0", false),
        ] {
            let matcher = built(method, kind, &[pattern], false).unwrap();
            assert_eq!(matcher.test(&Value::Absent), expected, "{method} {kind} {pattern}");
        }
        assert!(!built("found", Kind::Str, &[], false).unwrap().test(&Value::Absent));
    }

    #[test]
    fn bytes_that_are_no_text_hide_nothing() {
        let matcher = built("reg", Kind::Str, &["^/admin.*x$"], false).unwrap();
        assert!(matcher.test(&Value::text(b"/admin\xff\xfex")));
    }

    #[test]
    fn bad_patterns_say_which_and_why() {
        for (method, kind, patterns, expected) in [
            ("is", Kind::Str, &["a"][..], "method: unknown match method \"is\"; known: eq, in, beg, end"),
            ("beg", Kind::Ip, &["10."], "input: beg takes str, not ip"),
            ("ip", Kind::Int, &["10."], "input: ip takes ip or str, not int"),
            ("eq", Kind::Bool, &["true"], "input: eq takes str or int or ip, not bool"),
            ("eq", Kind::Str, &[], "patterns: eq needs at least one pattern"),
            ("found", Kind::Str, &["x"], "patterns: found takes no patterns"),
            ("in", Kind::Int, &["1", "x"], "patterns[1]: \"x\" is not a whole number"),
            ("in", Kind::Ip, &["10.0.0.0/33"], "patterns[0]: \"10.0.0.0/33\" is neither an address nor"),
            ("eq", Kind::Ip, &["10.0.0.0/8"], "patterns[0]: \"10.0.0.0/8\" is a network"),
            ("reg", Kind::Str, &["a", "(?=b)"], "patterns[1]: look-around would cost more than linear"),
            ("reg", Kind::Str, &[r"(a)\1"], "patterns[0]: back references would cost more than linear"),
            ("reg", Kind::Str, &["a("], "patterns[0]: not a regular expression: unclosed group"),
            (
                "reg",
                Kind::Str,
                &["((a{1,100}){1,100}){1,100}"],
                "patterns[0]: the regular expression needs more",
            ),
        ] {
            let message = built(method, kind, patterns, false).unwrap_err().to_string();
            assert!(message.starts_with(expected), "{message}");
        }
    }
}
