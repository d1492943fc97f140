//! Limits of each source, carried out: whose a connection or request is, and what becomes of one too many.
//!
//! A source is the peer, or, behind a trusted proxy, the client that the proxy tells of. Connections of trusted proxies
//! are not counted, for they carry many clients. Owns no counts (`tenbin_balance::Sources` does) and no limits (the
//! frontend's snapshot does). What is turned away gets no slot, no buffer and no server.

use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::atomic::Ordering;

use tenbin_balance::Visit;
use tenbin_proto::{Request, original_client};
use tokio::net::TcpStream;

use crate::access::{self, Line};
use crate::client::Client;
use crate::farewell;
use crate::http::Reason;
use crate::listener::Found;
use crate::sync::AtomicU64;
use crate::tables::PerSource;
use crate::wire::{Mode, NoticeLevel};
use crate::worker::Worker;

/// A frontend tells of its sources no more often.
const TELL_MS: u64 = 10_000;

/// A connection that is one too many.
pub struct TurnedAway;

/// Counts a connection, unless its peer is a trusted proxy.
pub fn enter(
    worker: &Worker,
    (found, per_source): (&Found, &PerSource),
    peer: SocketAddr,
) -> Result<Option<Visit>, TurnedAway> {
    let source = peer.ip().to_canonical();
    if found.frontend.trusts(source) {
        return Ok(None);
    }
    let PerSource { limits, sources } = per_source;
    if let Some(visit) = sources.connect(limits, source, worker.now_ms()) {
        return Ok(Some(visit));
    }
    found.frontend.counters.workers.of(worker.index).source_connections_refused.add(1);
    tell(worker, found, || {
        format!("{source} has {} connections open, as many as it may", limits.connections)
    });
    Err(TurnedAway)
}

/// Counts a request; the error says in how many milliseconds its source may send the next one.
pub fn allow(
    client: &Client,
    (request, head): (&Request, &[u8]),
    found: &Found,
    per_source: &PerSource,
) -> Result<(), u64> {
    let PerSource { limits, sources } = per_source;
    let Some(limit) = limits.requests else { return Ok(()) };
    let now = client.worker.now_ms();
    let peer = client.peer.ip().to_canonical();
    let trusts = |address: IpAddr| found.frontend.trusts(address);
    let (source, taken) = match client.visit() {
        _ if trusts(peer) => {
            let source = original_client(&request.fields, head, peer, trusts);
            (source, sources.request(limits, source, now))
        }
        Some(visit) if visit.is_of(sources) => (peer, sources.request_of(limits, visit, now)),
        _ => (peer, sources.request(limits, peer, now)),
    };
    if taken.is_err() {
        found.frontend.counters.workers.of(client.worker.index).source_requests_refused.add(1);
        tell(&client.worker, found, || {
            let seconds = limit.window_ms as f64 / 1000.0;
            format!("{source} sends more requests than its {} in {seconds} s", limit.count)
        });
    }
    taken
}

/// Says why, where there is a way to say it, and closes.
pub fn turn_away(worker: &Rc<Worker>, found: &Found, stream: TcpStream, peer: SocketAddr) {
    let reason = Reason::SourceConnections;
    // Who speaks TLS could make nothing of it.
    let http = found.frontend.spec.mode == Mode::Http && found.tls.is_none();
    let sent = if http { farewell::turn_away(worker, stream, reason) } else { 0 };
    *found.frontend.counters.errors.lock().entry(reason.code().to_owned()).or_insert(0) += 1;
    access::log(worker, || Line {
        peer,
        frontend: &found.frontend.spec.name,
        backend: "",
        server: "",
        request: None,
        status: if http { reason.status() } else { 0 },
        reason: Some(reason.code()),
        bytes: [0, sent as u64],
        phases: [None; 4],
        retries: 0,
    });
}

/// Names one source now and then, for whoever reads the journal; the counters know how many there were.
fn tell(worker: &Worker, found: &Found, sentence: impl FnOnce() -> String) {
    if is_due(worker, &found.frontend.counters.source_told) {
        let text = format!("frontend {}: {}; others may be too", found.frontend.spec.name, sentence());
        worker.shared.notices.say(NoticeLevel::Warning, text);
    }
}

/// Whether it is time for somebody to be told again of what may happen thousands of times a second.
pub fn is_due(worker: &Worker, told: &AtomicU64) -> bool {
    let now = worker.now_ms();
    let last = told.load(Ordering::Relaxed);
    let due = last == 0 || now >= last.saturating_add(TELL_MS);
    due && told.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
}
