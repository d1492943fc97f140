//! The lines that a frontend of HAProxy's kind writes: a line for each request or connection, as its format says.
//!
//! Owns formats, the choice of level and targets, and envelopes. Does not own: who decides how a request ended
//! (`ending`), writing to files and sockets (`log`, `logtarget`), and the process's own access log (`access`).

mod date;
mod entry;
mod envelope;
mod field;
mod noted;
mod part;
mod passage;
mod target;
mod text;
mod times;
mod zone;

use std::sync::atomic::{AtomicU64, Ordering};

use tenbin_proto::Fields;
use tenbin_rules::{Around, Message, View};

pub use date::{Dates, date};
pub use entry::Entry;
pub use field::Field;
pub use noted::Noted;
pub use part::{Part, compile as compile_line, write as write_line};
pub use passage::Passage;
pub use target::{Batches, Sinks};
pub use times::Times;

use crate::rules::Captures;
use crate::wire;
use target::Target;

/// How the lines of a frontend look and where they go.
#[allow(clippy::struct_excessive_bools, reason = "options that are given one by one")]
pub struct Lines {
    /// Headers that are shown, as in the snapshot.
    pub captures: Vec<wire::Capture>,
    /// Also connections that carried nothing.
    pub null: bool,
    /// As soon as the answer's head is there.
    pub early: bool,
    /// As soon as a request or connection is there: without a format, a line says that somebody has come.
    pub at_start: bool,
    /// The host's name.
    host: String,
    /// The start of a cookie's name, and how much of it is shown.
    cookie: (Vec<u8>, usize),
    /// The process that operators know.
    pid: u32,
    /// Lines so far.
    count: AtomicU64,
    normal: bool,
    raise_errors: bool,
    format: Vec<Part>,
    error: Vec<Part>,
    premature: Vec<Part>,
    structured: Vec<Part>,
    targets: Vec<Target>,
}

/// Where and why a part of a format cannot be.
pub struct Problem {
    /// Such as `format[3]`.
    pub path: String,
    /// What is wrong.
    pub reason: String,
}

const INFO: u8 = 6;
const ERROR: u8 = 3;
const DEBUG: u8 = 7;

impl Lines {
    /// Compiles what a snapshot says; without sinks, for tools, lines go nowhere.
    pub fn new(
        spec: &wire::ProxyLog,
        (around, sinks): (&Around<'_>, Option<&Sinks>),
    ) -> Result<Self, Problem> {
        let compile = |name: &str, parts: &[wire::LogPart]| {
            part::compile(parts, around).map_err(|(index, error)| {
                let inner = if error.path.is_empty() { String::new() } else { format!(".{}", error.path) };
                Problem { path: format!("{name}[{index}].value{inner}"), reason: error.reason }
            })
        };
        let pid = if spec.pid == 0 { std::process::id() } else { spec.pid };
        let target =
            |target| sinks.and_then(|sinks| Target::new(target, (&spec.host, &spec.tag, pid), sinks));
        Ok(Self {
            captures: spec.captures.clone(),
            null: spec.null,
            early: spec.early,
            at_start: spec.format.is_empty(),
            host: if spec.host.is_empty() { hostname() } else { spec.host.clone() },
            cookie: (spec.cookie.clone().into_bytes(), spec.cookie_length),
            pid,
            count: AtomicU64::new(0),
            normal: spec.normal,
            raise_errors: spec.raise_errors,
            format: if spec.format.is_empty() { part::greeting() } else { compile("format", &spec.format)? },
            error: compile("error", &spec.error)?,
            premature: part::premature(),
            structured: compile("structured", &spec.structured)?,
            targets: spec.targets.iter().filter_map(target).collect(),
        })
    }

    /// Writes the line of a request or a connection; `asked` is the level that a rule wants, 8 for none.
    pub fn tell<V: View>(&self, entry: &Entry<'_>, view: &V, asked: Option<u8>) {
        let failed = entry.has_failed();
        if self.targets.is_empty() || !(failed || self.normal) {
            return;
        }
        let Some(level) = self.level(failed, asked) else { return };
        self.write(&self.format, (entry, view), level, b"");
    }

    /// Takes down the first cookie whose name begins as it should.
    pub fn note_cookie(&self, noted: &mut Noted, side: Message, (fields, head): (&Fields, &[u8])) {
        let (start, length) = &self.cookie;
        if start.is_empty() {
            return;
        }
        let (name, place): (&[u8], _) = match side {
            Message::Request => (b"cookie", 0),
            Message::Answer => (b"set-cookie", 1),
        };
        let values = fields.find_all(head, name).map(|field| field.value.of(head));
        let mut pairs = values.flat_map(|value| value.split(|byte| *byte == b';')).map(<[u8]>::trim_ascii);
        if let Some(pair) = pairs.find(|pair| pair.starts_with(start)) {
            noted.note_cookie(place, pair, *length);
        }
    }

    /// Keeps the headers that lines show; of several fields with one name the last counts.
    pub fn capture(&self, captures: &mut Captures, message: Message, (fields, head): (&Fields, &[u8])) {
        let side = message == Message::Answer;
        let wanted = self.captures.iter().filter(|capture| capture.answer == side);
        for (index, capture) in wanted.enumerate() {
            let field = fields.find_all(head, capture.header.as_bytes()).last();
            captures.keep(message, index, field.map(|field| field.value.of(head)), capture.length);
        }
    }

    /// Writes the line of a connection that never became a request.
    pub fn tell_error<V: View>(&self, entry: &Entry<'_>, view: &V) {
        let level = if self.raise_errors { ERROR } else { INFO };
        let format = if self.error.is_empty() { &self.format } else { &self.error };
        self.write(format, (entry, view), level, b"");
    }

    /// Whether a format says what is told of connections that were never served.
    pub fn tells_errors(&self) -> bool {
        !self.error.is_empty()
    }

    /// Writes the line of a connection that was never served, and `why` where no format says otherwise.
    pub fn tell_premature<V: View>(&self, entry: &Entry<'_>, view: &V, why: &str) {
        let level = if self.raise_errors { ERROR } else { INFO };
        if !self.error.is_empty() {
            return self.write(&self.error, (entry, view), level, b"");
        }
        let (name, number) = (&entry.found.name, entry.found.number);
        let rest = if name.is_empty() { format!("{number}: {why}") } else { format!("{name}: {why}") };
        self.write(&self.premature, (entry, view), level, rest.as_bytes());
    }

    /// The syslog severity of a line; None: a rule wants none.
    fn level(&self, failed: bool, asked: Option<u8>) -> Option<u8> {
        match asked {
            Some(level) => (level <= DEBUG).then_some(level),
            None => Some(if failed && self.raise_errors { ERROR } else { INFO }),
        }
    }

    fn write<V: View>(&self, format: &[Part], (entry, view): (&Entry<'_>, &V), level: u8, rest: &[u8]) {
        if self.targets.is_empty() {
            return;
        }
        let worker = entry.presence.worker();
        let mut texts = worker.batches.texts();
        let (line, structured) = &mut *texts;
        line.clear();
        structured.clear();
        part::write(format, entry, view, line);
        line.extend_from_slice(rest);
        part::write(&self.structured, entry, view, structured);
        self.count.fetch_add(1, Ordering::Relaxed);
        for target in &self.targets {
            target.send(&worker.batches, (level, entry.wall[1]), (line, structured), &worker.dates);
        }
    }
}

/// The machine's name; empty where the system does not tell.
pub fn hostname() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .map(|name| name.trim_end().to_owned())
        .unwrap_or_default()
}

impl Entry<'_> {
    /// Whether the line is one of those that tell of something that went wrong.
    fn has_failed(&self) -> bool {
        let who = self.ending.who;
        self.redispatched
            || who.is_failure()
            || (who == crate::ending::Who::Nobody && self.retries > 0)
            || self.status >= 500
    }
}
