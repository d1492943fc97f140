//! Log: what is remembered of an exchange, and the counters and the line that come of it.

use std::fmt::Write as _;
use std::io::Write as _;

use tenbin_proto::Request;

use super::answer::Reason;
use crate::client::Client;
use crate::clock::wall_micros;
use crate::listener::Found;
use crate::stats::class_of;
use crate::tables::{Backend, Server};
use crate::wire::LogFormat;

/// One exchange, as far as it has come. Times are microseconds on the worker's clock, 0 where not reached.
#[derive(Default)]
pub struct Record {
    /// First byte of the head, or when waiting for it began.
    pub begun: u64,
    /// The head was whole and a slot was asked for.
    pub asked: u64,
    /// A slot was there.
    pub picked: u64,
    /// A connection was there.
    pub connected: u64,
    /// The answer's head was there.
    pub answered: u64,
    /// Of the answer; 0: none was sent.
    pub status: u16,
    /// Why Tenbin answered by itself.
    pub reason: Option<&'static str>,
    /// The backend's name.
    pub backend: String,
    /// The server's name.
    pub server: String,
    /// Tries after the first.
    pub retries: u32,
    /// From the client.
    pub bytes_in: u64,
    /// To the client.
    pub bytes_out: u64,
    has_head: bool,
}

impl Record {
    /// A new exchange.
    pub fn begin(&mut self, now: u64) {
        self.backend.clear();
        self.server.clear();
        let (backend, server) = (std::mem::take(&mut self.backend), std::mem::take(&mut self.server));
        *self = Self { begun: now, backend, server, ..Self::default() };
    }

    /// Its head is whole.
    pub fn head_read(&mut self, length: usize) {
        self.has_head = true;
        self.bytes_in = length as u64;
    }

    /// Its head will never be whole.
    pub fn unreadable(&mut self) {
        self.has_head = false;
    }

    /// A route answered it.
    pub fn intercepted(&mut self, status: u16) {
        self.status = status;
    }

    /// Tenbin refused it.
    pub fn refused(&mut self, reason: Reason) {
        self.status = reason.status();
        self.reason = Some(reason.code());
    }

    /// It goes to this backend.
    pub fn goes_to(&mut self, backend: &Backend) {
        self.backend.clear();
        self.backend.push_str(&backend.spec.name);
    }

    /// It goes to this server.
    pub fn lands_on(&mut self, server: &Server) {
        self.server.clear();
        self.server.push_str(&server.name);
    }

    /// Microseconds of the four phases: waiting, connecting, until the first byte, in all.
    pub fn phases(&self, now: u64) -> [Option<u64>; 4] {
        let between = |from: u64, to: u64| (from > 0 && to > 0).then(|| to.saturating_sub(from));
        [
            between(self.asked, self.picked),
            between(self.picked, self.connected),
            between(self.connected, self.answered),
            Some(now.saturating_sub(self.begun)),
        ]
    }

    /// Counts it for the frontend and writes its line.
    pub fn finish(&mut self, client: &Client, request: &Request, head: &[u8], found: &Found) {
        let worker = &client.worker;
        let now = worker.shared.clock.micros();
        let counters = found.frontend.counters.workers.of(worker.index);
        if self.status > 0 {
            counters.answered(self.status);
        }
        if self.server.is_empty() {
            counters.intercepted.add(1);
        }
        counters.phases.record(self.phases(now));
        client.count_bytes(self.bytes_in, self.bytes_out);
        let tables = worker.tables();
        if tables.access_log.target == "none" {
            return;
        }
        let head = if self.has_head { head } else { b"" };
        worker.log.line(|out| match tables.access_log.format {
            LogFormat::Json => self.json(out, client, (request, head), found, now),
            LogFormat::Human => self.human(out, client, (request, head), found, now),
        });
    }

    fn json(
        &self,
        out: &mut Vec<u8>,
        client: &Client,
        (request, head): (&Request, &[u8]),
        found: &Found,
        now: u64,
    ) {
        out.extend_from_slice(b"{\"time\":\"");
        time(out);
        out.extend_from_slice(b"\",\"client\":\"");
        let _ = write!(out, "{}", client.peer);
        out.extend_from_slice(b"\",\"frontend\":");
        string(out, found.frontend.spec.name.as_bytes());
        for (name, value) in [("backend", &self.backend), ("server", &self.server)] {
            if !value.is_empty() {
                let _ = write!(out, ",\"{name}\":");
                string(out, value.as_bytes());
            }
        }
        let parts =
            [("method", request.method_text), ("host", request.authority), ("target", request.target)];
        for (name, span) in parts.iter().filter(|_| !head.is_empty()) {
            let _ = write!(out, ",\"{name}\":");
            string(out, span.of(head));
        }
        let _ = write!(out, ",\"status\":{},\"class\":{}", self.status, class_of(self.status) + 1);
        if let Some(reason) = self.reason {
            let _ = write!(out, ",\"reason\":\"{reason}\"");
        }
        let _ = write!(out, ",\"bytes_in\":{},\"bytes_out\":{}", self.bytes_in, self.bytes_out);
        for (name, phase) in ["queue", "connect", "first_byte", "total"].iter().zip(self.phases(now)) {
            if let Some(micros) = phase {
                let _ = write!(out, ",\"{name}_us\":{micros}");
            }
        }
        let _ = writeln!(out, ",\"retries\":{}}}", self.retries);
    }

    fn human(
        &self,
        out: &mut Vec<u8>,
        client: &Client,
        (request, head): (&Request, &[u8]),
        found: &Found,
        now: u64,
    ) {
        time(out);
        let total = now.saturating_sub(self.begun);
        let _ = write!(out, " {} {} ", client.peer.ip(), self.status);
        let _ = write!(out, "{}.{}ms ", total / 1000, total % 1000 / 100);
        let place =
            if self.server.is_empty() { found.frontend.spec.name.as_str() } else { self.backend.as_str() };
        let _ = write!(out, "{place}");
        if !self.server.is_empty() {
            let _ = write!(out, "/{}", self.server);
        }
        out.push(b' ');
        if head.is_empty() {
            out.push(b'-');
        } else {
            string(out, &[request.method_text.of(head), b" ", request.target.of(head)].concat());
        }
        let _ = write!(out, " {}B", self.bytes_out);
        if self.retries > 0 {
            let _ = write!(out, " retries={}", self.retries);
        }
        if let Some(reason) = self.reason {
            let _ = write!(out, " {reason}");
        }
        out.push(b'\n');
    }
}

/// The most bytes of one text from outside that a line carries.
const TEXT_BYTES: usize = 1024;

/// A JSON string; whatever is no visible ASCII is escaped, so that a line stays one line.
fn string(out: &mut Vec<u8>, text: &[u8]) {
    out.push(b'"');
    for byte in text.iter().take(TEXT_BYTES) {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', *byte]),
            0x20..=0x7e => out.push(*byte),
            _ => {
                let _ = write!(out, "\\u{byte:04x}");
            }
        }
    }
    if text.len() > TEXT_BYTES {
        out.extend_from_slice(b"...");
    }
    out.push(b'"');
}

/// RFC 3339 in UTC with milliseconds.
fn time(out: &mut Vec<u8>) {
    let micros = wall_micros();
    let (seconds, millis) = (micros / 1_000_000, micros / 1000 % 1000);
    let (year, month, day) = date(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    let mut text = String::with_capacity(24);
    let _ = write!(text, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z");
    out.extend_from_slice(text.as_bytes());
}

/// Year, month and day of a day since 1970-01-01, by the civil-from-days rule of the proleptic Gregorian calendar.
fn date(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let of_era = shifted % 146_097;
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_right_around_leap_days() {
        for (days, expected) in
            [(0, (1970, 1, 1)), (11_016, (2000, 2, 29)), (20_513, (2026, 3, 1)), (59, (1970, 3, 1))]
        {
            assert_eq!(date(days), expected);
        }
    }

    #[test]
    fn nothing_from_outside_breaks_a_line() {
        let mut out = Vec::new();
        string(&mut out, b"a\"\\\r\n\x00\xff");
        assert_eq!(out, b"\"a\\\"\\\\\\u000d\\u000a\\u0000\\u00ff\"");
    }
}
