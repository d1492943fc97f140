//! What is made rather than found: constants, dates, random numbers, variables, captures, figures by name.

use std::borrow::Cow;
use std::net::IpAddr;

use super::{Args, Row, Sample};
use crate::args::{Parameter, int, optional_int, optional_text, text};
use crate::facts::Fact;
use crate::figures::Figure;
use crate::phase::Phase::{Answer, Connection, Content};
use crate::value::Yields::{Bin, Bool, Int, Ip, Str};
use crate::wire::Const;
use crate::{Error, Message, Value, Variable, View};

const MOMENT: &[Parameter] = &[optional_int("an offset"), optional_text("a unit")];
const UNIT: &[Parameter] = &[optional_text("a unit")];
const NUMBER: &[Parameter] = &[optional_int("a number")];

pub(super) static ROWS: &[Row] = &[
    Row::new("always_true", &[], (Bool, Connection), |_| constant(Value::Bool(true))),
    Row::new("always_false", &[], (Bool, Connection), |_| constant(Value::Bool(false))),
    Row::new("str", &[text("a text")], (Str, Connection), |a| constant(owned(a.text(0).unwrap_or_default()))),
    Row::new("meth", &[text("a method")], (Str, Connection), |a| {
        constant(owned(a.text(0).unwrap_or_default()))
    }),
    Row::new("int", &[int("a number")], (Int, Connection), |a| constant(Value::Int(a.int(0).unwrap_or(0)))),
    Row::new("bool", &[text("true or false")], (Bool, Connection), truth),
    Row::new("bin", &[text("digits")], (Bin, Connection), bytes),
    Row::new("ipv4", &[text("an address")], (Ip, Connection), address),
    Row::new("ipv6", &[text("an address")], (Ip, Connection), address),
    Row::new("date", MOMENT, (Int, Connection), date),
    Row::new("accept_date", UNIT, (Int, Connection), |a| scaled(a, Fact::AcceptDate)),
    Row::new("request_date", UNIT, (Int, Content), |a| scaled(a, Fact::RequestDate)),
    Row::new("fc_rtt", UNIT, (Int, Connection), |a| scaled(a, Fact::FcRtt)),
    Row::new("fc_rttvar", UNIT, (Int, Connection), |a| scaled(a, Fact::FcRttvar)),
    Row::new("bc_rtt", UNIT, (Int, Answer), |a| scaled(a, Fact::BcRtt)),
    Row::new("bc_rttvar", UNIT, (Int, Answer), |a| scaled(a, Fact::BcRttvar)),
    Row::new("rand", NUMBER, (Int, Connection), random),
    Row::new("uuid", NUMBER, (Str, Connection), uuid),
    Row::new("var", &[text("a variable"), optional_text("a default")], (Str, Connection), variable),
    Row::new("capture.req.hdr", &[int("a place")], (Str, Content), |a| capture(a, Message::Request)),
    Row::new("capture.res.hdr", &[int("a place")], (Str, Answer), |a| capture(a, Message::Answer)),
    Row::new("fc_pp_tlv", &[int("a type")], (Bin, Connection), proxy_field),
];

/// A sample that is made.
#[derive(Debug, Clone)]
pub(super) enum Made {
    Constant(Value<'static>),
    /// Now and so many units more.
    Date {
        offset: i64,
        unit: Unit,
    },
    /// A time in microseconds, in another unit.
    Scaled {
        fact: Fact,
        unit: Unit,
    },
    /// Below this, or any of 32 bits.
    Random(Option<u64>),
    Uuid,
    Variable {
        which: Variable,
        default: Value<'static>,
    },
    Capture {
        message: Message,
        index: usize,
    },
    Figure {
        figure: Figure,
        name: Box<str>,
    },
    ProxyField(u8),
}

/// A unit of time.
#[derive(Debug, Clone, Copy)]
pub(super) enum Unit {
    Seconds,
    Millis,
    Micros,
}

impl Made {
    pub fn constant(&self) -> Option<Value<'static>> {
        match self {
            Self::Constant(value) => Some(value.clone()),
            _ => None,
        }
    }

    pub fn value<'v, V: View + ?Sized>(&'v self, view: &'v V) -> Value<'v> {
        match self {
            Self::Constant(value) => value.borrowed(),
            Self::Date { offset, unit } => match (view.fact(Fact::Date), view.fact(Fact::DateMicros)) {
                (Value::Int(seconds), Value::Int(micros)) => {
                    Value::Int(unit.of(seconds, micros).saturating_add(*offset))
                }
                _ => Value::Absent,
            },
            Self::Scaled { fact, unit } => match view.fact(*fact) {
                Value::Int(micros) => Value::Int(unit.of(0, micros)),
                _ => Value::Absent,
            },
            Self::Random(None) => Value::Int((view.random() >> 32) as i64),
            Self::Random(Some(range)) => {
                Value::Int(((view.random() >> 32).saturating_mul(*range) >> 32) as i64)
            }
            Self::Uuid => Value::Str(Cow::Owned(uuid_of(view.random(), view.random()))),
            Self::Variable { which, default } => match view.variable(which) {
                Value::Absent => default.borrowed(),
                value => value,
            },
            Self::Capture { message, index } => view.capture(*message, *index),
            Self::Figure { figure, name } => view.of(*figure, name),
            Self::ProxyField(kind) => view.proxy_field(*kind),
        }
    }
}

impl Unit {
    fn named(args: &Args<'_>, index: usize, default: Self) -> Result<Self, Error> {
        match args.text(index) {
            None | Some("") => Ok(default),
            Some("s") => Ok(Self::Seconds),
            Some("ms") => Ok(Self::Millis),
            Some("us") => Ok(Self::Micros),
            Some(other) => {
                Err(Error::at(format!("args[{index}]"), format!("found {other:?}, expected s, ms or us")))
            }
        }
    }

    fn of(self, seconds: i64, micros: i64) -> i64 {
        match self {
            Self::Seconds => seconds.saturating_add(micros / 1_000_000),
            Self::Millis => seconds.saturating_mul(1_000).saturating_add(micros / 1_000),
            Self::Micros => seconds.saturating_mul(1_000_000).saturating_add(micros),
        }
    }
}

/// The figure of that name; it takes the name of what it is about.
pub(crate) fn figure(figure: Figure, given: &[Const]) -> Result<super::Asked, Error> {
    crate::args::check(figure.name(), figure.parameters(), given)?;
    let name = crate::args::text_at(given, 0).unwrap_or_default().into();
    let wire = crate::wire::Expr::Fetch { name: figure.name().to_owned(), args: given.to_vec() };
    Ok(super::Asked { text: wire.to_string().into(), sample: Sample::Made(Made::Figure { figure, name }) })
}

/// Version 4 of RFC 9562.
fn uuid_of(high: u64, low: u64) -> Vec<u8> {
    let high = high & !0xf000 | 0x4000;
    let low = low & (u64::MAX >> 2) | 1 << 63;
    let text = format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xffff,
        low >> 48,
        low & 0xffff_ffff_ffff
    );
    text.into_bytes()
}

fn owned(text: &str) -> Value<'static> {
    Value::Str(Cow::Owned(text.as_bytes().to_vec()))
}

fn constant(value: Value<'static>) -> Result<Sample, Error> {
    Ok(Sample::Made(Made::Constant(value)))
}

fn truth(args: &Args<'_>) -> Result<Sample, Error> {
    match args.text(0).unwrap_or_default() {
        "true" | "1" => constant(Value::Bool(true)),
        "false" | "0" => constant(Value::Bool(false)),
        other => Err(Error::at("args[0]", format!("found {other:?}, expected true or false"))),
    }
}

fn bytes(args: &Args<'_>) -> Result<Sample, Error> {
    let digits = args.text(0).unwrap_or_default();
    let bytes =
        unhex(digits).ok_or_else(|| Error::at("args[0]", format!("{digits:?} is not hexadecimal")))?;
    constant(Value::Str(Cow::Owned(bytes)))
}

/// The bytes that pairs of hexadecimal digits stand for.
pub(crate) fn unhex(digits: &str) -> Option<Vec<u8>> {
    let pair = |pair: &[u8]| match pair {
        [_, _] => u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok(),
        _ => None,
    };
    digits.as_bytes().chunks(2).map(pair).collect()
}

fn address(args: &Args<'_>) -> Result<Sample, Error> {
    let text = args.text(0).unwrap_or_default();
    let address: IpAddr =
        text.parse().map_err(|_| Error::at("args[0]", format!("{text:?} is no IP address")))?;
    constant(Value::Ip(address))
}

fn date(args: &Args<'_>) -> Result<Sample, Error> {
    Ok(Sample::Made(Made::Date {
        offset: args.int(0).unwrap_or(0),
        unit: Unit::named(args, 1, Unit::Seconds)?,
    }))
}

fn scaled(args: &Args<'_>, fact: Fact) -> Result<Sample, Error> {
    let default = match fact {
        Fact::AcceptDate | Fact::RequestDate => Unit::Seconds,
        _ => Unit::Millis,
    };
    Ok(Sample::Made(Made::Scaled { fact, unit: Unit::named(args, 0, default)? }))
}

fn random(args: &Args<'_>) -> Result<Sample, Error> {
    let range = match args.int(0) {
        None => None,
        Some(_) => u64::try_from(args.up_to(0, i64::from(u32::MAX))?).ok(),
    };
    Ok(Sample::Made(Made::Random(range)))
}

fn uuid(args: &Args<'_>) -> Result<Sample, Error> {
    match args.int(0) {
        None | Some(4) => Ok(Sample::Made(Made::Uuid)),
        Some(other) => Err(Error::at("args[0]", format!("found {other}, expected 4"))),
    }
}

fn variable(args: &Args<'_>) -> Result<Sample, Error> {
    let name = args.text(0).unwrap_or_default();
    let which = Variable::named(name)
        .ok_or_else(|| Error::at("args[0]", format!("{name:?} is no variable such as txn.name")))?;
    let default = args.text(1).map_or(Value::Absent, owned);
    Ok(Sample::Made(Made::Variable { which, default }))
}

fn capture(args: &Args<'_>, message: Message) -> Result<Sample, Error> {
    let index = usize::try_from(args.up_to(0, 1_000)?).unwrap_or(0);
    Ok(Sample::Made(Made::Capture { message, index }))
}

fn proxy_field(args: &Args<'_>) -> Result<Sample, Error> {
    let kind = u8::try_from(args.up_to(0, 255)?).unwrap_or(0);
    Ok(Sample::Made(Made::ProxyField(kind)))
}
