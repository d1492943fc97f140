//! Lines of the access log: one for a request or a connection, for people or as JSON.
//!
//! Every text that comes from outside is escaped and capped, so that a line is one line whatever was sent.

use std::fmt::Write as _;
use std::io::Write as _;
use std::net::SocketAddr;

use crate::clock::wall_micros;
use crate::lines::date;
use crate::wire::LogFormat;
use crate::worker::Worker;

/// What a line tells.
pub struct Line<'a> {
    /// The client.
    pub peer: SocketAddr,
    /// The frontend's name.
    pub frontend: &'a str,
    /// The backend's name; empty when none was asked.
    pub backend: &'a str,
    /// The server's name; empty when none was asked.
    pub server: &'a str,
    /// None for connections, and for heads that could not be read.
    pub request: Option<Asked<'a>>,
    /// Of the answer; 0 without one.
    pub status: u16,
    /// Why Tenbin answered by itself, or how a connection ended.
    pub reason: Option<&'static str>,
    /// From and to the client.
    pub bytes: [u64; 2],
    /// Microseconds: waiting, connecting, until the first byte, in all.
    pub phases: [Option<u64>; 4],
    /// Tries after the first.
    pub retries: u32,
}

/// What a client asked for.
pub struct Asked<'a> {
    /// The method.
    pub method: &'a [u8],
    /// The host with its port.
    pub host: &'a [u8],
    /// Path and query.
    pub target: &'a [u8],
}

/// Writes a line if anybody wants it.
pub fn log<'a>(worker: &Worker, line: impl FnOnce() -> Line<'a>) {
    let tables = worker.tables();
    if tables.access_log.target == "none" {
        return;
    }
    let line = line();
    worker.log.line(|out| match tables.access_log.format {
        LogFormat::Json => line.json(out),
        LogFormat::Human => line.human(out),
    });
}

/// The same, unless the frontend has lines of its own.
pub fn log_unless<'a>(has_own: bool, worker: &Worker, line: impl FnOnce() -> Line<'a>) {
    if !has_own {
        log(worker, line);
    }
}

/// The line of a connection that is closed before anything is known of it but its address.
pub fn log_refused(worker: &Worker, (peer, frontend): (SocketAddr, &str), reason: &'static str) {
    log(worker, || Line {
        peer,
        frontend,
        backend: "",
        server: "",
        request: None,
        status: 0,
        reason: Some(reason),
        bytes: [0, 0],
        phases: [None; 4],
        retries: 0,
    });
}

impl Line<'_> {
    fn json(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"time\":\"");
        time(out);
        let _ = write!(out, "\",\"client\":\"{}\"", self.peer);
        for (name, value) in [("frontend", self.frontend), ("backend", self.backend), ("server", self.server)]
        {
            if !value.is_empty() {
                let _ = write!(out, ",\"{name}\":");
                string(out, value.as_bytes());
            }
        }
        if let Some(asked) = &self.request {
            for (name, text) in [("method", asked.method), ("host", asked.host), ("target", asked.target)] {
                let _ = write!(out, ",\"{name}\":");
                string(out, text);
            }
        }
        if self.status > 0 {
            let _ = write!(out, ",\"status\":{}", self.status);
        }
        if let Some(reason) = self.reason {
            let _ = write!(out, ",\"reason\":\"{reason}\"");
        }
        let _ = write!(out, ",\"bytes_in\":{},\"bytes_out\":{}", self.bytes[0], self.bytes[1]);
        for (name, phase) in ["queue", "connect", "first_byte", "total"].iter().zip(self.phases) {
            if let Some(micros) = phase {
                let _ = write!(out, ",\"{name}_us\":{micros}");
            }
        }
        let _ = writeln!(out, ",\"retries\":{}}}", self.retries);
    }

    fn human(&self, out: &mut Vec<u8>) {
        time(out);
        let _ = write!(out, " {} ", self.peer.ip());
        match self.status {
            0 => out.extend_from_slice(b"-"),
            status => drop(write!(out, "{status}")),
        }
        let total = self.phases[3].unwrap_or(0);
        let _ = write!(out, " {}.{}ms ", total / 1000, total % 1000 / 100);
        if self.server.is_empty() {
            out.extend_from_slice(self.frontend.as_bytes());
        } else {
            let _ = write!(out, "{}/{}", self.backend, self.server);
        }
        if let Some(asked) = &self.request {
            out.push(b' ');
            string(out, &[asked.method, b" ", asked.target].concat());
        }
        let _ = write!(out, " {}B", self.bytes[1]);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_from_outside_breaks_a_line() {
        let mut out = Vec::new();
        string(&mut out, b"a\"\\\r\n\x00\xff");
        assert_eq!(out, b"\"a\\\"\\\\\\u000d\\u000a\\u0000\\u00ff\"");
    }
}
