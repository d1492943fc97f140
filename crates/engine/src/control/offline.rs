//! The engine without threads and sockets: a snapshot, a frame or a token held against the code that would serve it.
//!
//! Owns: ways in for tools and tests. Does not own: anything that these are held against.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;

use serde_json::value::RawValue;
use tenbin_balance::{Ask, Grant, Lease, Outcome, OutcomeKind};
use tenbin_proto::{Limits, Progress, Request};

use super::channel;
use super::plane::{Plane, understand};
use crate::clock::Clock;
use crate::http::{RequestView, Visit, from_cookie, set_cookie};
use crate::tables::{Built, Context, Refusal, Slots, Tables};
use crate::wire::{Snapshot, WireError};

/// A snapshot that was understood and compiled, as if the sockets of all its listeners had been handed over.
pub struct Compiled {
    tables: Arc<Tables>,
    slots: Arc<Slots>,
    clock: Clock,
    retired: usize,
}

impl Compiled {
    /// Compiles the JSON of a snapshot, or says what is wrong with it and where.
    pub fn new(json: &[u8]) -> Result<Self, WireError> {
        Self::beside(json, None)
    }

    /// Compiles another snapshot that is to replace this one.
    pub fn followed_by(&self, json: &[u8]) -> Result<Self, WireError> {
        Self::beside(json, Some(self))
    }

    /// How many backends of the snapshot before it had to be replaced or are gone.
    pub fn retired(&self) -> usize {
        self.retired
    }

    /// The servers of each backend, in the order of the snapshot.
    pub fn servers(&self) -> Vec<usize> {
        self.tables.backends.iter().map(|backend| backend.servers.len()).collect()
    }

    /// The `set-cookie` line for a client that was served by this server for the first time, `now` in seconds since 1970.
    pub fn set_cookie(&self, backend: usize, server: usize, now: u32) -> Vec<u8> {
        let mut line = Vec::new();
        if let Some(backend) = self.tables.backends.get(backend) {
            set_cookie(&mut line, backend, (server, None), &self.tables.secret, now);
        }
        line
    }

    /// Which server of a backend the cookies of a whole request head name.
    pub fn server_of_cookie(&self, backend: usize, head: &[u8], now: u32) -> Option<usize> {
        let mut request = Request::default();
        let progress = request.parse(head, &mut 0, &Limits::default()).ok()?;
        let backend = self.tables.backends.get(backend).filter(|_| progress == Progress::Complete)?;
        let peer = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let view = RequestView::offline(&request, head, peer, peer.port());
        from_cookie(backend, &view, &self.tables.secret, now).map(|visit: Visit| visit.index)
    }

    /// Takes a backend through one request for each of `failed`, a second after the other, each held until the next one
    /// came; says which servers they went to.
    pub fn rehearse(&self, backend: usize, failed: &[bool]) -> Vec<usize> {
        let Some(backend) = self.tables.backends.get(backend) else { return Vec::new() };
        let (group, mut held, mut went) = (&backend.group, None::<(Lease, Outcome)>, Vec::new());
        let mut now_ms = self.clock.millis();
        for failed in failed {
            now_ms += 1_000;
            let kind = if *failed { OutcomeKind::Failure } else { OutcomeKind::Success };
            let ask = Ask { hash: Some(b"a"), ..Ask::new(Ipv4Addr::LOCALHOST.into()) };
            let granted = group.acquire(&ask, now_ms);
            if let Some((lease, outcome)) = held.take() {
                lease.finish(outcome, now_ms);
            }
            if let Grant::Lease(lease) = granted {
                went.push(lease.index());
                held = Some((lease, Outcome { kind, latency_us: 1_000 }));
            }
            group.tick(now_ms);
            group.events();
            group.allow_retry(now_ms);
        }
        went
    }

    fn beside(json: &[u8], before: Option<&Self>) -> Result<Self, WireError> {
        let raw: &RawValue = serde_json::from_slice(json)
            .map_err(|error| WireError { path: String::new(), reason: error.to_string() })?;
        let snapshot = understand(raw).map_err(told)?;
        let clock = before.map_or_else(Clock::start, |before| before.clock);
        let slots = before.map_or_else(Arc::default, |before| Arc::clone(&before.slots));
        let old = before.map(|before| &*before.tables);
        Self::build(snapshot, old, (slots, clock)).map_err(told)
    }

    fn build(
        snapshot: Snapshot,
        old: Option<&Tables>,
        (slots, clock): (Arc<Slots>, Clock),
    ) -> Result<Self, Refusal> {
        let context = Context {
            threads: snapshot.threads,
            slots: &slots,
            clock,
            sockets: &|_| true,
            sinks: None,
            tickets: None,
            salvage: None,
        };
        let Built { tables, retired, .. } = Built::new(snapshot, old, &context)?;
        Ok(Self { tables: Arc::new(tables), slots, clock, retired: retired.len() })
    }
}

/// A control plane's other side, with a snapshot in force and nobody who serves it.
pub struct Control(Plane);

impl Control {
    /// Fails when the thread that writes logs cannot be started.
    pub fn new() -> io::Result<Self> {
        let (events, _) = sync_channel(1);
        Plane::new(events, PathBuf::new()).map(Self)
    }

    /// Puts a snapshot in force.
    pub fn hold(&self, compiled: &Compiled) {
        self.0.shared.tables.publish(Arc::clone(&compiled.tables));
    }

    /// The answer to a frame. An `apply` starts workers, like the real one.
    pub fn answer(&self, body: &[u8]) -> Vec<u8> {
        self.0.handle(body, Vec::new()).answer.body
    }
}

/// Writes what expressions may say, as the control plane's package carries it: JSON, a line for each name.
pub fn vocabulary_command(mut out: impl io::Write) -> io::Result<()> {
    fn rows<T: serde::Serialize>(out: &mut impl io::Write, name: &str, rows: &[T]) -> io::Result<()> {
        write!(out, "\"{name}\": [")?;
        for (index, row) in rows.iter().enumerate() {
            out.write_all(if index == 0 { b"\n  " } else { b",\n  " })?;
            serde_json::to_writer(&mut *out, row)?;
        }
        out.write_all(b"\n]")
    }
    let words = tenbin_rules::vocabulary();
    out.write_all(b"{")?;
    rows(&mut out, "fetches", &words.fetches)?;
    out.write_all(b",\n")?;
    rows(&mut out, "converters", &words.converters)?;
    out.write_all(b",\n")?;
    rows(&mut out, "methods", &words.methods)?;
    out.write_all(b"}\n")
}

/// Reads one frame from pieces of any size; `None` at the end of the stream.
pub fn read_frame(mut receive: impl FnMut(&mut [u8]) -> io::Result<usize>) -> io::Result<Option<Vec<u8>>> {
    channel::read_from(&mut receive)
}

fn told(Refusal { path, reason }: Refusal) -> WireError {
    WireError { path, reason }
}
