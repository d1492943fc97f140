//! Log: what is remembered of an exchange, and the counters and the line that come of it.

use tenbin_proto::Request;

use super::answer::Reason;
use crate::access::{self, Asked, Line};
use crate::client::Client;
use crate::listener::Found;
use crate::tables::{Backend, Server};

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
    /// A backend of ours answers it.
    pub is_service: bool,
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

    /// Its head will never be whole; so much of it came.
    pub fn unreadable(&mut self, length: usize) {
        self.has_head = false;
        self.bytes_in = length as u64;
    }

    /// A route answered it.
    pub fn intercepted(&mut self, status: u16) {
        self.status = status;
    }

    /// A backend of ours answers it.
    pub fn serve(&mut self) {
        self.is_service = true;
    }

    /// A rule keeps its answer back.
    pub fn tarpitted(&mut self) {
        self.reason = Some("tarpit");
    }

    /// A rule has its connection closed without an answer.
    pub fn dropped(&mut self) {
        self.status = 0;
        self.reason = Some("rejected");
    }

    /// Tenbin refused it.
    pub fn refused(&mut self, reason: Reason) {
        self.status = reason.status();
        self.reason = Some(reason.code());
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
        [
            between(self.asked, self.picked),
            between(self.picked, self.connected),
            between(self.connected, self.answered),
            Some(now.saturating_sub(self.begun)),
        ]
    }

    /// It ends now: counts it for the frontend and writes its line.
    pub fn finish(&mut self, client: &Client, (request, head): (&Request, &[u8]), found: &Found, now: u64) {
        let worker = &client.worker;
        let counters = found.frontend.counters.workers.of(worker.index);
        if self.status > 0 {
            counters.answered(self.status);
        }
        if self.status > 0 && (self.backend.is_empty() || self.is_service) && self.reason.is_none() {
            counters.intercepted.add(1);
        }
        counters.phases.record(self.phases(now));
        client.count_bytes(self.bytes_in, self.bytes_out);
        access::log(worker, || Line {
            peer: client.peer,
            frontend: &found.frontend.spec.name,
            backend: &self.backend,
            server: &self.server,
            request: self.has_head.then(|| Asked {
                method: request.method_text.of(head),
                host: request.authority.of(head),
                target: request.target.of(head),
            }),
            status: self.status,
            reason: self.reason,
            bytes: [self.bytes_in, self.bytes_out],
            phases: self.phases(now),
            retries: self.retries,
        });
    }
}
