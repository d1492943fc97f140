//! Log: what is remembered of an exchange, and the counters and the line that come of it.

use std::rc::Rc;
use std::sync::Arc;

use tenbin_rules::Message;

use super::answer::Reason;
use super::exchange::{After, Exchange};
use crate::access::{self, Asked, Line};
use crate::behind::Behind;
use crate::client::Client;
use crate::clock::wall_micros;
use crate::ending::{Ending, Phase, Who};
use crate::lines::{Entry, Lines, Noted, Times, write_line};
use crate::listener::Found;
use crate::rules::{self, Counted, State};
use crate::tables::{Backend, Server, Tables};

/// One exchange, as far as it has come.
#[derive(Default)]
#[allow(clippy::struct_excessive_bools, reason = "each says another thing that has happened")]
pub struct Record {
    /// When it came how far.
    pub times: Times,
    /// How it ended.
    pub ending: Ending,
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
    /// The last of them went to another server.
    pub redispatched: bool,
    /// The connection to the server, where some expression asks about it.
    pub behind: Option<Rc<Behind>>,
    /// How many requests it had carried before; of one that is shared only whether it had.
    pub reuses: u32,
    /// Who waited before it, at its server and in its backend.
    pub waited_behind: [u32; 2],
    /// A backend of ours answers it.
    pub is_service: bool,
    /// From the client.
    pub bytes_in: u64,
    /// To the client.
    pub bytes_out: u64,
    /// What its line shows of the messages.
    pub noted: Noted,
    /// It is the first on its connection.
    pub is_first: bool,
    /// It counts at its server.
    pub is_counted: bool,
    /// A rule has its connection closed without an answer.
    is_dropped: bool,
    has_head: bool,
    is_told: bool,
}

impl Record {
    /// A new exchange, whose first byte may be there.
    pub fn begin(&mut self, client: &Client, now: u64) {
        let Self { mut backend, mut server, mut noted, .. } = std::mem::take(self);
        backend.clear();
        server.clear();
        noted.clear();
        let (accepted, shaken) = client.begin(now);
        let times = Times { accepted, shaken, begun: now, ..Times::default() };
        *self = Self { times, backend, server, noted, ..Self::default() };
    }

    /// Its head is whole.
    pub fn head_read(&mut self, length: usize, now: u64) {
        self.has_head = true;
        self.bytes_in = length as u64;
        self.times.read = now;
    }

    /// Its head will never be whole; so much of it came.
    pub fn unreadable(&mut self, length: usize) {
        self.has_head = false;
        self.bytes_in = length as u64;
    }

    /// Not a byte came; whether that is told is for the frontend to say.
    pub fn come_to_nothing(&mut self, found: &Found) {
        self.is_told = found.frontend.lines.as_ref().is_some_and(|lines| !lines.null);
    }

    /// A route answered it.
    pub fn intercepted(&mut self, status: u16) {
        self.status = status;
        self.ending.set(Who::Local, Phase::Request);
    }

    /// A backend of ours answers it.
    pub fn serve(&mut self) {
        self.is_service = true;
        self.ending.set(Who::Local, Phase::Request);
    }

    /// A rule keeps its answer back.
    pub fn tarpitted(&mut self) {
        self.reason = Some("tarpit");
        self.ending.set(Who::Proxy, Phase::Tarpit);
        self.times.read = 0;
    }

    /// A rule has its connection closed without an answer.
    pub fn dropped(&mut self) {
        self.status = 0;
        self.is_dropped = true;
        self.reason = Some("rejected");
        self.times.read = 0;
        self.ending.set(Who::Proxy, Phase::Request);
    }

    /// Tenbin refused it.
    pub fn refused(&mut self, reason: Reason, status: u16) {
        self.status = status;
        self.reason = Some(reason.code());
        let (who, phase) = reason.ending();
        self.ending.set(who, phase);
    }

    /// It goes to this backend; whether that is news, for a request counts once however often it is tried.
    pub fn goes_to(&mut self, backend: &Backend) -> bool {
        let new = self.backend.is_empty();
        if new {
            self.backend.push_str(&backend.spec.name);
        }
        new
    }

    /// It goes to this server.
    pub fn lands_on(&mut self, server: &Server) {
        self.server.clear();
        self.server.push_str(&server.name);
    }

    /// Microseconds of the four phases: waiting, connecting, until the first byte, in all.
    pub fn phases(&self, now: u64) -> [Option<u64>; 4] {
        let between = |from: u64, to: u64| (from > 0 && to > 0).then(|| to.saturating_sub(from));
        let times = &self.times;
        [
            between(times.read, times.picked),
            between(times.picked, times.connected),
            between(times.connected, times.answered),
            Some(now.saturating_sub(times.begun)),
        ]
    }

    /// What a line can tell of it, at this moment.
    pub fn entry<'a>(
        &'a self,
        (client, found): (&'a Client, &'a Found),
        (state, tables): (&'a State, &'a Tables),
        (now, is_early): (u64, bool),
    ) -> Entry<'a> {
        // A backend of ours is nobody's business: its answers are the frontend's own.
        let backend = tables.backend(&self.backend).map(Arc::as_ref).filter(|_| !self.is_service);
        let server = backend.and_then(|backend| backend.servers.get(backend.server_named(&self.server)?));
        let (wall, (presence, socket)) = (wall_micros(), client.seen());
        Entry {
            presence,
            socket,
            peer: state.overrides.source.unwrap_or(client.peer),
            found,
            times: Times { closed: now, ..self.times },
            ending: self.ending,
            status: self.status,
            bytes: [self.bytes_in, self.bytes_out],
            retries: self.retries,
            redispatched: self.redispatched,
            waited_behind: self.waited_behind,
            behind: self.behind.as_deref(),
            noted: &self.noted,
            unique_id: &state.unique_id,
            captures: &state.captures,
            backend,
            server: server.map(Arc::as_ref).filter(|_| !self.is_service),
            no_server: if self.is_service { "<STATS>" } else { "<NOSRV>" },
            counts_itself: !is_early && self.is_counted,
            is_early,
            wall: [wall.saturating_sub(now.saturating_sub(self.times.accepted)), wall],
        }
    }

    /// Microseconds from the connection until the answer's head.
    pub fn latency(&self) -> u64 {
        self.times.answered.saturating_sub(self.times.connected)
    }
}

/// Takes down what lines show of a request, before a rule changes it.
pub fn note_request(client: &Client, x: &mut Exchange, found: &Found) {
    if !found.frontend.unique_id.is_empty() {
        let (tables, mut text) = (client.worker.tables(), std::mem::take(&mut x.state.unique_id));
        let entry = x.record.entry((client, found), (&x.state, &tables), (x.record.times.read, false));
        write_line(&found.frontend.unique_id, &entry, &x.view(client, found, None), &mut text);
        x.state.unique_id = text;
    }
    let Some(lines) = &found.frontend.lines else { return };
    let scheme = if client.tls().is_used() { "https" } else { "http" };
    let origin = client.stream.is_multiplexed().then_some(scheme);
    x.record.noted.note_request((&x.request, x.input.head()), origin);
    lines.note_cookie(&mut x.record.noted, Message::Request, (&x.request.fields, x.input.head()));
    lines.capture(&mut x.state.captures, Message::Request, (&x.request.fields, x.input.head()));
    if lines.at_start {
        x.record.is_told = true;
        tell(client, x, (found, lines), (x.record.times.read, false));
    }
}

/// The same of an answer.
pub fn note_answer(x: &mut Exchange, found: &Found) {
    let Some(lines) = &found.frontend.lines else { return };
    lines.note_cookie(&mut x.record.noted, Message::Answer, (&x.response.fields, x.output.head()));
    lines.capture(&mut x.state.captures, Message::Answer, (&x.response.fields, x.output.head()));
}

/// The line of a request whose answer's head is about to leave, where lines do not wait for the end.
pub fn tell_early(client: &Client, x: &mut Exchange, found: &Found) {
    let Some(lines) = found.frontend.lines.as_ref().filter(|lines| lines.early) else { return };
    x.record.is_told = true;
    x.record.bytes_out = x.down.prefix.len() as u64;
    tell(client, x, (found, lines), (x.record.times.answered, true));
    x.record.bytes_out = 0;
}

/// An exchange ends now: counts it for the frontend and writes its line.
pub fn finish(client: &Client, x: &mut Exchange, found: &Found, now: u64) {
    let record = &x.record;
    let counters = found.frontend.counters.workers.of(client.worker.index);
    if record.status > 0 || record.is_dropped {
        counters.answered(record.status);
    }
    if record.status > 0 && (record.backend.is_empty() || record.is_service) && record.reason.is_none() {
        counters.intercepted.add(1);
    }
    counters.phases.record(record.phases(now));
    client.count_bytes(record.bytes_in, record.bytes_out);
    if record.has_head {
        rules::count(client, &x.state.tracking, Counted::Bytes(record.bytes_in, record.bytes_out));
    }
    client.end(now);
    match &found.frontend.lines {
        Some(_) if record.is_told => {}
        Some(lines) => tell(client, x, (found, lines), (now, false)),
        None => tell_access(client, x, found, now),
    }
}

/// The client has closed before a head was whole. On a connection that was kept for more that is nothing to tell.
pub fn broken_off(client: &Client, x: &mut Exchange, found: &Found) -> After {
    let come = x.input.data().len();
    if let Some(lines) = &found.frontend.lines
        && (come > 0 || client.is_fresh() && lines.null)
    {
        x.record.unreadable(come);
        x.record.status = 400;
        x.record.ending.set(Who::Client, Phase::Request);
        tell(client, x, (found, lines), (client.worker.micros(), false));
    }
    After::Close
}

fn tell(client: &Client, x: &Exchange, (found, lines): (&Found, &Lines), (now, is_early): (u64, bool)) {
    let tables = client.worker.tables();
    let entry = x.record.entry((client, found), (&x.state, &tables), (now, is_early));
    let view = x.full_view(client, found, entry.backend);
    if x.record.has_head {
        lines.tell(&entry, &view, x.state.overrides.log_level);
    } else {
        lines.tell_error(&entry, &view);
    }
}

fn tell_access(client: &Client, x: &Exchange, found: &Found, now: u64) {
    let (record, request, head) = (&x.record, &x.request, x.input.head());
    access::log(&client.worker, || Line {
        peer: client.peer,
        frontend: &found.frontend.spec.name,
        backend: &record.backend,
        server: &record.server,
        request: record.has_head.then(|| Asked {
            method: request.method_text.of(head),
            host: request.authority.of(head),
            target: request.target.of(head),
        }),
        status: record.status,
        reason: record.reason,
        bytes: [record.bytes_in, record.bytes_out],
        phases: record.phases(now),
        retries: record.retries,
    });
}
