//! The header in front of a client's connection: read, believed, taken off, or the connection is closed.

use std::net::SocketAddr;
use std::rc::Rc;

use tenbin_proto::proxy::{LONGEST, ProxyError, read};

use super::Told;
use crate::access;
use crate::listener::{Found, Newcomer, begin};
use crate::peek::{self, Unheard};
use crate::source;
use crate::wire::NoticeLevel;
use crate::worker::Worker;

/// What a header said: its length, the client, and the rest.
type Said = (usize, Option<SocketAddr>, Told);

/// Reads the header of a connection, then has it served as that of whom the header names.
pub async fn greet(mut newcomer: Newcomer, found: Rc<Found>) {
    let worker = Rc::clone(newcomer.presence.worker());
    let timer = worker.deadlines.timer();
    timer.set(found.frontend.spec.timeouts.header);
    let heard = peek::first::<LONGEST, _>(&newcomer.stream, (&worker, &timer), judge).await;
    let refuse = |code, why: &str| refuse(&worker, (&found, newcomer.peer), code, why);
    let (length, source, told) = match heard {
        Ok(Ok(said)) => said,
        Ok(Err(error)) => return refuse("bad-proxy-header", &error.to_string()),
        Err(Unheard::Late { .. }) => return refuse("proxy-header-timeout", "it did not come in time"),
        Err(Unheard::Closed { spoke: true }) => {
            return refuse("bad-proxy-header", "the connection ended within it");
        }
        // Who only looks whether somebody listens has done nothing wrong.
        Err(Unheard::Closed { spoke: false } | Unheard::Unwanted) => return,
    };
    let mut room = [0; LONGEST];
    if room.get_mut(..length).is_some_and(|header| peek::take(&newcomer.stream, header)) {
        newcomer.peer = source.unwrap_or(newcomer.peer);
        newcomer.presence.told = Some(Box::new(told));
        newcomer.presence.shaken.set(worker.shared.clock.micros());
        admit(newcomer, &found);
    }
}

/// Limits of a source are those of whom the header names.
fn admit(mut newcomer: Newcomer, found: &Rc<Found>) {
    if let Some(per_source) = &found.frontend.per_source {
        let worker = newcomer.presence.worker();
        let Ok(entered) = source::enter(worker, (found, per_source), newcomer.peer) else {
            return source::turn_away(&Rc::clone(worker), found, newcomer.stream, newcomer.peer);
        };
        newcomer.presence.visit = entered.map(Box::new);
    }
    begin(newcomer, found);
}

fn judge(bytes: &[u8]) -> Option<Result<Said, ProxyError>> {
    let header = match read(bytes) {
        Ok(header) => header?,
        Err(error) => return Some(Err(error)),
    };
    Some(Ok((header.length, header.ends.map(|ends| ends.source), Told::new(&header, bytes))))
}

/// Counts it and says why, for whoever has set up the sender.
fn refuse(worker: &Worker, (found, peer): (&Found, SocketAddr), code: &'static str, why: &str) {
    for counters in found.connection_counters(worker.index) {
        counters.proxy_errors.add(1);
    }
    let (name, counters) = (&found.frontend.spec.name, &found.frontend.counters);
    *counters.errors.lock().entry(code.to_owned()).or_insert(0) += 1;
    access::log_refused(worker, (peer, name), code);
    if source::is_due(worker, &counters.proxy_told) {
        let peer = peer.ip().to_canonical();
        let text = format!("frontend {name}: a connection from {peer} has no good PROXY header: {why}");
        worker.shared.notices.say(NoticeLevel::Warning, text);
    }
}
