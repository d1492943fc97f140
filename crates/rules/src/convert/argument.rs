//! Arguments of converters: what a row wants ([`Parameter`]), and what it got, looked at once and for all ([`Given`]).
//!
//! A number may be given as the name of a variable wherever HAProxy allows it; names of lists and tables are resolved
//! here, so that no request pays for a look-up by name.

use std::sync::Arc;

use regex::bytes::{Regex, RegexBuilder};

use super::map::Map;
use super::path::Path;
use super::{address, base64, cast, fix};
use crate::wire::Const;
use crate::{Around, Counter, Counters, Error, Figure, Method, Value, Variable};

/// How big a regular expression may become when compiled, in bytes.
const REGEX_LIMIT: usize = 1 << 20;

/// What the expression's surroundings know while it is evaluated.
pub(crate) trait Ask<'v> {
    /// A variable; absent when it was never set.
    fn variable(&self, which: &Variable) -> Value<'v>;
    /// Sets a variable, or takes it away when the value is absent.
    fn assign(&self, which: &Variable, value: &Value<'_>);
    /// A figure about what has this name.
    fn of(&self, figure: Figure, name: &str) -> Value<'v>;
    /// Milliseconds on a clock that never goes back.
    fn now_ms(&self) -> u64;
    /// How many seconds local time was ahead of UTC then.
    fn zone(&self, epoch: i64) -> i64;
}

/// One parameter of a converter. Those that may be left out stand after the others.
#[derive(Debug)]
pub(crate) struct Parameter {
    /// How messages call it.
    pub name: &'static str,
    /// What it takes.
    pub take: Take,
    /// Whether it may be left out; as text it may then be empty as well, which says the same.
    pub optional: bool,
}

/// What a parameter takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Take {
    /// Text as it is.
    Text,
    /// Text that is not empty.
    Letters,
    /// A whole number.
    Int,
    /// A whole number, or the name of a variable.
    Number,
    /// The name of a variable.
    Variable,
    /// Text, or the name of a variable where the text is one.
    Either,
    /// Base64, or the name of a variable that holds such a text.
    Key,
    /// A whole number other than 0, counted from the end when negative.
    Index,
    /// A whole number of this range.
    Within(i64, i64),
    /// Any of these letters.
    Flags(&'static str),
    /// A mask for IPv4: a number of bits or an address.
    Mask4,
    /// A mask for IPv6.
    Mask6,
    /// A regular expression; that argument may say `i` to ignore case.
    Regex { flags: usize },
    /// One of these words.
    Word(&'static [&'static str]),
    /// A place in a JSON document: `$.a[0].b`.
    Path,
    /// Numbers with dots between them.
    Numbers,
    /// A tag of FIX: its number, or its name where it has one.
    Tag,
    /// A live list, looked into in that way.
    Map(Method),
    /// A stick table.
    Table,
}

/// A parameter that must be given.
pub(crate) const fn need(name: &'static str, take: Take) -> Parameter {
    Parameter { name, take, optional: false }
}

/// A parameter that may be left out.
pub(crate) const fn may(name: &'static str, take: Take) -> Parameter {
    Parameter { name, take, optional: true }
}

/// An argument as the converter uses it.
#[derive(Clone)]
pub(crate) enum Arg {
    None,
    Text(Box<[u8]>),
    Int(i64),
    Variable(Variable),
    /// A key that was base64, decoded.
    Key(Box<[u8]>),
    /// The bits of a mask.
    Mask(u128),
    Regex(Box<Regex>),
    Path(Path),
    Numbers(Box<[u64]>),
    Map(Arc<Map>),
    Table(Arc<dyn Counters>),
}

/// The arguments of one converter in one expression.
#[derive(Clone)]
pub(crate) struct Given {
    args: Box<[Arg]>,
    /// What the row counts, if it looks into a stick table.
    pub counter: Option<Counter>,
}

impl Take {
    /// As the vocabulary and messages call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Text
            | Self::Letters
            | Self::Numbers
            | Self::Tag
            | Self::Word(_)
            | Self::Flags(_)
            | Self::Mask4
            | Self::Mask6 => "text",
            Self::Int | Self::Index | Self::Within(..) => "int",
            Self::Number => "number",
            Self::Variable => "variable",
            Self::Either => "text or variable",
            Self::Key => "base64 or variable",
            Self::Regex { .. } => "regex",
            Self::Path => "path",
            Self::Map(_) => "map",
            Self::Table => "table",
        }
    }
}

impl Given {
    /// Looks at every argument; `what` is how messages call the converter.
    pub fn read(
        what: &str,
        parameters: &[Parameter],
        args: &[Const],
        around: &Around<'_>,
    ) -> Result<Self, Error> {
        if let Some(missing) = parameters.iter().skip(args.len()).find(|p| !p.optional) {
            let reason = format!("{what} needs {} ({})", missing.name, missing.take.name());
            return Err(Error::at("args", reason));
        }
        if args.len() > parameters.len() {
            let most = parameters.len();
            return Err(Error::at(
                "args",
                format!("{what} takes at most {most} arguments, not {}", args.len()),
            ));
        }
        let one = |(index, (parameter, arg)): (usize, (&Parameter, &Const))| {
            // Left out between others.
            if *arg == Const::Null && parameter.optional && index + 1 < args.len() {
                return Ok(Arg::None);
            }
            read(parameter, arg, args, around).map_err(|reason| {
                Error::at(format!("args[{index}]"), format!("{} of {what} {reason}", parameter.name))
            })
        };
        let args = parameters.iter().zip(args).enumerate().map(one).collect::<Result<_, _>>()?;
        Ok(Self { args, counter: None })
    }

    /// Whether no request can change what the arguments stand for.
    pub fn fixed(&self) -> bool {
        !self.args.iter().any(|arg| matches!(arg, Arg::Variable(_) | Arg::Map(_) | Arg::Table(_)))
    }

    /// Whether argument `index` was given, and is not empty.
    pub fn has(&self, index: usize) -> bool {
        !matches!(self.args.get(index), None | Some(Arg::None))
    }

    /// The text of argument `index`; empty when it was left out.
    pub fn text(&self, index: usize) -> &[u8] {
        match self.args.get(index) {
            Some(Arg::Text(text)) => text,
            _ => b"",
        }
    }

    /// The number of argument `index`; none when it was left out or its variable holds no number.
    pub fn int(&self, index: usize, ask: &dyn Ask<'_>) -> Option<i64> {
        match self.args.get(index)? {
            Arg::Int(number) => Some(*number),
            Arg::Variable(which) => cast::int(&ask.variable(which)),
            _ => None,
        }
    }

    /// The value of argument `index`: of its variable, or its own text.
    pub fn value<'v>(&'v self, index: usize, ask: &dyn Ask<'v>) -> Value<'v> {
        match self.args.get(index) {
            Some(Arg::Variable(which)) => ask.variable(which),
            Some(Arg::Text(text) | Arg::Key(text)) => Value::text(text),
            Some(Arg::Int(number)) => Value::Int(*number),
            _ => Value::Absent,
        }
    }

    /// The variable that argument `index` names.
    pub fn variable(&self, index: usize) -> Option<&Variable> {
        match self.args.get(index) {
            Some(Arg::Variable(which)) => Some(which),
            _ => None,
        }
    }

    /// Argument `index` as it was looked at.
    pub fn get(&self, index: usize) -> &Arg {
        self.args.get(index).unwrap_or(&Arg::None)
    }
}

fn read(parameter: &Parameter, arg: &Const, all: &[Const], around: &Around<'_>) -> Result<Arg, String> {
    let text = match (arg, parameter.take) {
        (Const::Int(number), take) => return number_as(take, *number),
        (Const::Str(text), _) => text.as_str(),
        (Const::Null | Const::Bool(_), take) => {
            return Err(format!("must be {}, not {}", take.name(), arg.kind()));
        }
    };
    if text.is_empty() && parameter.optional {
        return Ok(Arg::None);
    }
    let variable = || Variable::named(text).ok_or_else(|| format!("{text:?} is not the name of a variable"));
    let plain = || Arg::Text(text.as_bytes().into());
    let mask =
        |bits| address::mask(text, bits).map(Arg::Mask).ok_or_else(|| format!("{text:?} is not a mask"));
    match parameter.take {
        Take::Letters if text.is_empty() => Err("must not be empty".to_owned()),
        Take::Text | Take::Letters => Ok(plain()),
        Take::Int | Take::Index | Take::Within(..) => match text.parse() {
            Ok(number) => number_as(parameter.take, number),
            Err(_) => Err(format!("must be a whole number, not {text:?}")),
        },
        Take::Number => text.parse().map(Arg::Int).or_else(|_| variable().map(Arg::Variable)),
        Take::Variable => variable().map(Arg::Variable),
        Take::Either => Ok(variable().map_or_else(|_| plain(), Arg::Variable)),
        Take::Key => variable().map(Arg::Variable).or_else(|_| {
            let key = base64::decoded(text.as_bytes(), base64::Alphabet::Plain);
            key.map(|key| Arg::Key(key.into())).ok_or_else(|| format!("{text:?} is not base64"))
        }),
        Take::Flags(letters) => match text.chars().find(|letter| !letters.contains(*letter)) {
            Some(letter) => Err(format!("may hold the letters {letters}, not {letter:?}")),
            None => Ok(plain()),
        },
        Take::Mask4 => mask(32),
        Take::Mask6 => mask(128),
        Take::Regex { flags } => {
            let ignore_case = matches!(all.get(flags), Some(Const::Str(flags)) if flags.contains('i'));
            regex(text, ignore_case).map(|regex| Arg::Regex(Box::new(regex)))
        }
        Take::Word(words) => word(words, text),
        Take::Numbers => {
            let numbers = text.split('.').map(str::parse).collect::<Result<_, _>>();
            numbers.map(Arg::Numbers).map_err(|_| format!("{text:?} is not numbers with dots between them"))
        }
        Take::Tag => match fix::tag(text) {
            Some(tag) => Ok(Arg::Text(tag.as_bytes().into())),
            None => Err(format!("{text:?} is neither a number nor a known name")),
        },
        Take::Path => Path::parse(text).map(Arg::Path),
        Take::Map(method) => match (around.list)(text) {
            Some(list) => Map::new(list, method).map(|map| Arg::Map(Arc::new(map))),
            None => Err(format!("{text:?}: no such list")),
        },
        Take::Table => (around.table)(text).map(Arg::Table).ok_or_else(|| format!("{text:?}: no such table")),
    }
}

/// A file of configuration knows no quotes around numbers: `word(1,2)` cuts at `2`.
fn number_as(take: Take, number: i64) -> Result<Arg, String> {
    let text = || number.to_string();
    match take {
        Take::Index if number == 0 => Err("counts from 1, or back from -1".to_owned()),
        Take::Within(least, i64::MAX) if number < least => {
            Err(format!("must be at least {least}, not {number}"))
        }
        Take::Within(least, most) if !(least..=most).contains(&number) => {
            Err(format!("must be from {least} to {most}, not {number}"))
        }
        Take::Int | Take::Number | Take::Index | Take::Within(..) => Ok(Arg::Int(number)),
        Take::Text | Take::Letters | Take::Either | Take::Tag => Ok(Arg::Text(text().into_bytes().into())),
        Take::Word(words) => word(words, &text()),
        Take::Numbers => {
            let number = u64::try_from(number).map_err(|_| format!("must not be negative: {number}"))?;
            Ok(Arg::Numbers([number].into()))
        }
        Take::Mask4 | Take::Mask6 => {
            let bits = if take == Take::Mask4 { 32 } else { 128 };
            address::mask(&text(), bits).map(Arg::Mask).ok_or_else(|| format!("{number} is not a mask"))
        }
        _ => Err(format!("must be {}, not int", take.name())),
    }
}

fn word(words: &[&str], text: &str) -> Result<Arg, String> {
    if words.iter().any(|word| word.eq_ignore_ascii_case(text)) {
        return Ok(Arg::Text(text.to_ascii_lowercase().into_bytes().into()));
    }
    Err(format!("must be one of {}, not {text:?}", words.join(", ")))
}

/// A regular expression over bytes, so that no byte that is no text stops it.
pub(super) fn regex(pattern: &str, ignore_case: bool) -> Result<Regex, String> {
    let built = RegexBuilder::new(pattern)
        .unicode(false)
        .case_insensitive(ignore_case)
        .size_limit(REGEX_LIMIT)
        .build();
    built.map_err(|error| {
        let text = error.to_string();
        let reason = text.lines().last().unwrap_or_default().trim().trim_start_matches("error: ");
        format!("cannot use the regular expression {pattern:?}: {reason}")
    })
}
