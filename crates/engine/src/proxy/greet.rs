//! The header in front of a client's connection: read, believed, taken off, or the connection is closed.

use std::net::SocketAddr;
use std::rc::Rc;

use tenbin_proto::proxy::{LONGEST, ProxyError, read};

use super::Told;
use crate::access;
use crate::listener::{Found, Newcomer, begin};
use crate::peek::{self, Unheard};
use crate::premature::{self, Premature};
use crate::source;
use crate::wire::NoticeLevel;

/// What a header said: its length, the client, and the rest.
type Said = (usize, Option<SocketAddr>, Told);

/// Reads the header of a connection, then has it served as that of whom the header names.
pub async fn greet(mut newcomer: Newcomer, found: Rc<Found>) {
    let worker = Rc::clone(newcomer.presence.worker());
    let timer = worker.deadlines.timer();
    timer.set(found.frontend.spec.timeouts.header);
    let heard = peek::first::<LONGEST, _>(&newcomer.stream, (&worker, &timer), judge).await;
    let (length, source, mut told) = match heard {
        Ok(Ok(said)) => said,
        Ok(Err((error, called))) => return refuse(newcomer, &found, (&error.to_string(), called)),
        Err(Unheard::Late { .. }) => {
            return refuse(newcomer, &found, ("it did not come in time", Premature::HeaderLate));
        }
        Err(Unheard::Closed { spoke: true }) => {
            return refuse(newcomer, &found, ("the connection ended within it", Premature::HeaderCut));
        }
        // Who only looks whether somebody listens has done nothing wrong.
        Err(Unheard::Closed { spoke: false }) => {
            let Newcomer { presence, stream, peer, .. } = newcomer;
            let _ = presence.destination(Some(&stream));
            return premature::tell(presence, &found, peer, Premature::HeaderClosed.into());
        }
        Err(Unheard::Unwanted) => return,
    };
    let mut room = [0; LONGEST];
    if room.get_mut(..length).is_some_and(|header| peek::take(&newcomer.stream, header)) {
        let _ = newcomer.presence.connected_to(Some(&newcomer.stream));
        told.from = source.map(|_| newcomer.peer);
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

fn judge(bytes: &[u8]) -> Option<Result<Said, (ProxyError, Premature)>> {
    let header = match read(bytes) {
        Ok(header) => header?,
        Err(error) => return Some(Err((error, called(error, bytes)))),
    };
    Some(Ok((header.length, header.ends.map(|ends| ends.source), Told::new(&header, bytes))))
}

/// What lines call it.
fn called(error: ProxyError, bytes: &[u8]) -> Premature {
    let family = bytes.strip_prefix(b"PROXY ").unwrap_or_default();
    let is_known = [&b"TCP4 "[..], b"TCP6 ", b"UNKNOWN"].iter().any(|known| family.starts_with(known));
    let is_other = bytes.get(12).is_some_and(|byte| byte >> 4 != 2);
    match error {
        ProxyError::Command if is_other => Premature::HeaderAbsent,
        ProxyError::Absent => Premature::HeaderAbsent,
        ProxyError::Line | ProxyError::LineTooLong if !is_known => Premature::HeaderProtocol,
        _ => Premature::HeaderInvalid,
    }
}

/// Counts it and says why, for whoever has set up the sender.
fn refuse(newcomer: Newcomer, found: &Rc<Found>, (why, called): (&str, Premature)) {
    let Newcomer { presence, stream, peer, .. } = newcomer;
    let worker = &Rc::clone(presence.worker());
    let code = if called == Premature::HeaderLate { "proxy-header-timeout" } else { "bad-proxy-header" };
    for counters in found.connection_counters(worker.index) {
        counters.proxy_errors.add(1);
    }
    let (name, counters) = (&found.frontend.spec.name, &found.frontend.counters);
    *counters.errors.lock().entry(code.to_owned()).or_insert(0) += 1;
    access::log_refused(worker, (peer, name), code);
    let _ = presence.destination(Some(&stream));
    premature::tell(presence, found, peer, called.into());
    if source::is_due(worker, &counters.proxy_told) {
        let peer = peer.ip().to_canonical();
        let text = format!("frontend {name}: a connection from {peer} has no good PROXY header: {why}");
        worker.shared.notices.say(NoticeLevel::Warning, text);
    }
}
