//! What rules have decided, in the counters of frontends, listeners and backends.

use super::answering::Verdict;
use crate::client::Client;
use crate::http::Reason;
use crate::listener::Found;
use crate::stats::Counter;
use crate::tables::{Backend, Server};

/// When a connection was turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Before anything was read.
    Connection,
    /// After the handshakes.
    Session,
}

/// A connection was turned away.
pub fn turned_away(found: &Found, worker: usize, stage: Stage) {
    let counters = found.frontend.counters.workers.of(worker);
    match stage {
        Stage::Connection => counters.denied_connections.add(1),
        Stage::Session => counters.denied_sessions.add(1),
    }
}

/// A request was refused, or the bytes of a connection; `backend` if it had been found.
pub fn denied(found: &Found, backend: Option<&Backend>, worker: usize) {
    for counters in found.connection_counters(worker) {
        counters.denied.add(1);
    }
    if let Some(backend) = backend {
        backend.counters.of(worker).denied.add(1);
    }
}

/// What an answer of our own says of a decision.
pub fn count_own(client: &Client, found: &Found, backend: Option<&Backend>, reason: Reason) {
    let worker = client.worker.index;
    let front = found.frontend.counters.workers.of(worker);
    let back = backend.map(|backend| backend.counters.of(worker));
    let both = |one: &Counter, other: Option<&Counter>| {
        one.add(1);
        if let Some(other) = other {
            other.add(1);
        }
    };
    match reason {
        _ if reason.is_denial() => denied(found, backend, worker),
        Reason::AnswerDenied(_) => {
            both(&front.denied_responses, back.map(|back| &back.denied_responses));
        }
        Reason::Overgrown => {
            both(&front.failed_rewrites, back.map(|back| &back.failed_rewrites));
            both(&front.internal_errors, back.map(|back| &back.internal_errors));
        }
        Reason::OutOfMemory => both(&front.internal_errors, back.map(|back| &back.internal_errors)),
        _ => {}
    }
}

/// What takes the place of a server's answer, at the server and, where no answer of ours does so, beyond it.
pub fn count_verdict(
    found: &Found,
    backend: &Backend,
    (server, worker): (&Server, usize),
    verdict: &Verdict<'_>,
) {
    let counters = server.counters.of(worker);
    match verdict {
        Verdict::Deny(_) | Verdict::Reject => count_denied_answer(found, backend, (server, worker)),
        Verdict::Overgrown => {
            counters.failed_rewrites.add(1);
            counters.internal_errors.add(1);
        }
        Verdict::Return(_) | Verdict::Redirect(_) => {}
    }
}

/// What a server says and nobody shall hear.
pub fn count_denied_answer(found: &Found, backend: &Backend, (server, worker): (&Server, usize)) {
    found.frontend.counters.workers.of(worker).denied_responses.add(1);
    backend.counters.of(worker).denied_responses.add(1);
    server.counters.of(worker).denied_responses.add(1);
}
