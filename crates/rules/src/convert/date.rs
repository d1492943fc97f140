//! Times since the epoch as dates. Names of days and months are English, whatever the machine's language.

use std::io::Write as _;

use super::argument::{Parameter, Take, may, need};
use super::{Ask, Given, Row, cast, row};
use crate::{Kind, Value};

const FORMAT: &[Parameter] = &[need("a format", Take::Text), may("an offset", Take::Int)];
const UNITS: Take = Take::Word(&["s", "ms", "us"]);

pub(super) static ROWS: &[Row] = &[
    row("http_date", &[may("an offset", Take::Int), may("a unit", UNITS)], Kind::Str, |value, given, ask| {
        http_date(&value, given, ask)
    }),
    row("utime", FORMAT, Kind::Str, |value, given, ask| written(&value, given, ask, (WHOLE, greenwich))),
    row("ms_utime", FORMAT, Kind::Str, |value, given, ask| written(&value, given, ask, (1000, greenwich))),
    row("us_utime", FORMAT, Kind::Str, |value, given, ask| {
        written(&value, given, ask, (1_000_000, greenwich))
    }),
    here("ltime", |value, given, ask| written(&value, given, ask, (WHOLE, local))),
    here("ms_ltime", |value, given, ask| written(&value, given, ask, (1000, local))),
    here("us_ltime", |value, given, ask| written(&value, given, ask, (1_000_000, local))),
];

/// Ticks of a second, of what has whole seconds only and knows no `%N`.
const WHOLE: i64 = 1;

/// The row of a date on this machine's clocks.
const fn here(name: &'static str, call: for<'v> fn(Value<'v>, &'v Given, &dyn Ask<'v>) -> Value<'v>) -> Row {
    Row { pure: false, ..row(name, FORMAT, Kind::Str, call) }
}

const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// A second, taken apart.
#[derive(Debug, Clone, Copy)]
struct Moment {
    epoch: i64,
    /// Seconds ahead of UTC, and what they are called if they are none.
    zone: i64,
    utc: &'static str,
    year: i64,
    /// From 0, as are the days of the week (Sunday) and of the year.
    month: i64,
    day: i64,
    weekday: i64,
    yearday: i64,
    hour: i64,
    minute: i64,
    second: i64,
    /// What is past of the second; none where only seconds are told.
    nanos: Option<i64>,
}

/// The time plus an offset; 55 bits of it, so that no year is beyond reckoning.
fn seconds(value: &Value<'_>, offset: Option<i64>) -> Option<i64> {
    let time = cast::int(value)?.wrapping_add(offset.unwrap_or(0));
    Some(time & ((1 << 55) - 1))
}

/// The moment that a second is somewhere.
type Zone<'v> = fn(i64, &dyn Ask<'v>) -> Moment;

/// The date of a count of ticks, in that zone. The offset is one of seconds, whatever the ticks are.
fn written<'v>(
    value: &Value<'_>,
    given: &Given,
    ask: &dyn Ask<'v>,
    (ticks, moment): (i64, Zone<'v>),
) -> Value<'v> {
    let offset = given.int(1, ask).unwrap_or(0).wrapping_mul(ticks);
    let Some(time) = seconds(value, Some(offset)) else { return Value::Absent };
    let nanos = (ticks > WHOLE).then(|| time % ticks * (1_000_000_000 / ticks));
    let mut out = Vec::with_capacity(32);
    Moment { nanos, ..moment(time / ticks, ask) }.format(given.text(0), &mut out);
    Value::Str(out.into())
}

fn greenwich(epoch: i64, _: &dyn Ask<'_>) -> Moment {
    Moment::at(epoch, 0, "GMT")
}

fn local(epoch: i64, ask: &dyn Ask<'_>) -> Moment {
    Moment::at(epoch, ask.zone(epoch), "UTC")
}

fn http_date<'v>(value: &Value<'_>, given: &Given, ask: &dyn Ask<'v>) -> Value<'v> {
    let Some(time) = seconds(value, given.int(0, ask)) else { return Value::Absent };
    let unit = match given.text(1) {
        b"ms" => 1000,
        b"us" => 1_000_000,
        _ => 1,
    };
    let mut out = Vec::with_capacity(32);
    Moment::at(time / unit, 0, "GMT").format(b"%a, %d %b %Y %H:%M:%S", &mut out);
    if unit > 1 {
        // Writing into a vector cannot fail.
        let _ = write!(out, ".{}", time % unit);
    }
    out.extend_from_slice(b" GMT");
    Value::Str(out.into())
}

impl Moment {
    fn at(epoch: i64, zone: i64, utc: &'static str) -> Self {
        let local = epoch.saturating_add(zone);
        let (days, rest) = (local.div_euclid(86400), local.rem_euclid(86400));
        // Years begin in March here, which puts the leap day at their end; 400 of them are 146097 days.
        let shifted = days + 719_468;
        let (era, day) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
        let of_era = (day - day / 1460 + day / 36524 - day / 146_096) / 365;
        let from_march = day - (365 * of_era + of_era / 4 - of_era / 100);
        let index = (5 * from_march + 2) / 153;
        let month = if index < 10 { index + 2 } else { index - 10 };
        let year = era * 400 + of_era + i64::from(month < 2);
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let yearday = if month < 2 { from_march - 306 } else { from_march + 59 + i64::from(leap) };
        Self {
            epoch,
            zone,
            utc,
            year,
            month,
            day: from_march - (153 * index + 2) / 5 + 1,
            weekday: (days + 4).rem_euclid(7),
            yearday,
            hour: rest / 3600,
            minute: rest / 60 % 60,
            second: rest % 60,
            nanos: None,
        }
    }

    /// Appends the format with every `%` conversion of strftime in the C locale; one that is unknown stays.
    fn format(&self, format: &[u8], out: &mut Vec<u8>) {
        let mut rest = format;
        while let [byte, after @ ..] = rest {
            rest = after;
            if *byte != b'%' {
                out.push(*byte);
                continue;
            }
            let mut style = Style::default();
            let mut tail = after;
            loop {
                match tail {
                    [b'-', more @ ..] => (style.pad, tail) = (Some(Pad::None), more),
                    [b'_', more @ ..] => (style.pad, tail) = (Some(Pad::Blank), more),
                    [b'0', more @ ..] => (style.pad, tail) = (Some(Pad::Zero), more),
                    [b'^' | b'#', more @ ..] => (style.upper, tail) = (true, more),
                    [b'E' | b'O', more @ ..] => tail = more,
                    _ => break,
                }
            }
            match (after, tail, self.nanos) {
                ([digit @ b'1'..=b'9', b'N', more @ ..], _, Some(nanos)) => {
                    fraction(nanos, usize::from(digit - b'0'), out);
                    rest = more;
                }
                ([b'N', more @ ..], _, Some(nanos)) => {
                    fraction(nanos, 9, out);
                    rest = more;
                }
                (_, [letter, more @ ..], _) if self.convert(*letter, style, out) => rest = more,
                _ => out.push(b'%'),
            }
        }
    }

    /// Whether the letter is known.
    fn convert(&self, letter: u8, style: Style, out: &mut Vec<u8>) -> bool {
        match letter {
            b'%' => out.push(b'%'),
            b'n' => out.push(b'\n'),
            b't' => out.push(b'\t'),
            b'z' => self.offset(out),
            b'Z' if self.zone != 0 => self.offset(out),
            b'a' | b'A' | b'b' | b'B' | b'h' | b'p' | b'P' | b'Z' => self.name(letter, style, out),
            b'c' => self.format(b"%a %b %e %H:%M:%S %Y", out),
            b'D' | b'x' => self.format(b"%m/%d/%y", out),
            b'F' => self.format(b"%Y-%m-%d", out),
            b'R' => self.format(b"%H:%M", out),
            b'r' => self.format(b"%I:%M:%S %p", out),
            b'T' | b'X' => self.format(b"%H:%M:%S", out),
            _ => return self.number(letter, style, out),
        }
        true
    }

    fn name(&self, letter: u8, style: Style, out: &mut Vec<u8>) {
        let of = |names: &[&'static str], index: i64| {
            usize::try_from(index).ok().and_then(|index| names.get(index).copied()).unwrap_or_default()
        };
        let day = || of(&DAYS, self.weekday);
        let month = || of(&MONTHS, self.month);
        let name = match letter {
            b'a' => day().get(..3).unwrap_or_default(),
            b'A' => day(),
            b'B' => month(),
            b'p' => of(&["AM", "PM"], self.hour / 12),
            b'P' => of(&["am", "pm"], self.hour / 12),
            b'Z' => self.utc,
            _ => month().get(..3).unwrap_or_default(),
        };
        let start = out.len();
        out.extend_from_slice(name.as_bytes());
        if let (true, Some(written)) = (style.upper, out.get_mut(start..)) {
            written.make_ascii_uppercase();
        }
    }

    fn number(&self, letter: u8, style: Style, out: &mut Vec<u8>) -> bool {
        let twelve = (self.hour + 11) % 12 + 1;
        let (week_year, week) = self.week();
        let (number, width, pad) = match letter {
            b'C' => (self.year.div_euclid(100), 2, Pad::Zero),
            b'd' => (self.day, 2, Pad::Zero),
            b'e' => (self.day, 2, Pad::Blank),
            b'G' => (week_year, 1, Pad::Zero),
            b'g' => (week_year.rem_euclid(100), 2, Pad::Zero),
            b'H' => (self.hour, 2, Pad::Zero),
            b'I' => (twelve, 2, Pad::Zero),
            b'j' => (self.yearday + 1, 3, Pad::Zero),
            b'k' => (self.hour, 2, Pad::Blank),
            b'l' => (twelve, 2, Pad::Blank),
            b'm' => (self.month + 1, 2, Pad::Zero),
            b'M' => (self.minute, 2, Pad::Zero),
            b'S' => (self.second, 2, Pad::Zero),
            b's' => (self.epoch, 1, Pad::Zero),
            b'u' => ((self.weekday + 6) % 7 + 1, 1, Pad::Zero),
            b'U' => ((self.yearday + 7 - self.weekday) / 7, 2, Pad::Zero),
            b'V' => (week, 2, Pad::Zero),
            b'w' => (self.weekday, 1, Pad::Zero),
            b'W' => ((self.yearday + 7 - (self.weekday + 6) % 7) / 7, 2, Pad::Zero),
            b'y' => (self.year.rem_euclid(100), 2, Pad::Zero),
            b'Y' => (self.year, 1, Pad::Zero),
            _ => return false,
        };
        // Writing into a vector cannot fail.
        let _ = match style.pad.unwrap_or(pad) {
            Pad::Zero => write!(out, "{number:0width$}"),
            Pad::Blank => write!(out, "{number:width$}"),
            Pad::None => write!(out, "{number}"),
        };
        true
    }

    /// `+0130`: what local time is ahead.
    fn offset(&self, out: &mut Vec<u8>) {
        let sign = if self.zone < 0 { '-' } else { '+' };
        let minutes = self.zone.unsigned_abs() / 60;
        // Writing into a vector cannot fail.
        let _ = write!(out, "{sign}{:02}{:02}", minutes / 60, minutes % 60);
    }

    /// The year and the week by ISO 8601: weeks begin on Monday and belong to the year of their Thursday.
    fn week(&self) -> (i64, i64) {
        let monday = (self.weekday + 6) % 7;
        let thursday = Self::at(self.epoch.saturating_add((3 - monday) * 86400), self.zone, self.utc);
        (thursday.year, thursday.yearday / 7 + 1)
    }
}

/// The first digits of a fraction of a second.
fn fraction(nanos: i64, digits: usize, out: &mut Vec<u8>) {
    let text = format!("{nanos:09}");
    out.extend_from_slice(text.as_bytes().get(..digits).unwrap_or_default());
}

#[derive(Debug, Clone, Copy, Default)]
struct Style {
    pad: Option<Pad>,
    upper: bool,
}

#[derive(Debug, Clone, Copy)]
enum Pad {
    Zero,
    Blank,
    None,
}
