//! The header in front of a client's connection: read, believed, taken off, or the connection is closed.

use std::rc::Rc;

use tenbin_proto::proxy::{LONGEST, ProxyError, read};

use super::Told;
use crate::client::Client;
use crate::listener::{Found, begin};
use crate::peek::{self, Unheard};
use crate::source;
use crate::wire::NoticeLevel;

/// What a header said: its length, the client, and the rest.
type Said = (usize, Option<std::net::SocketAddr>, Told);

/// Reads the header of a connection, then has it served as that of whom the header names.
pub async fn greet(mut client: Client) {
    let tables = client.worker.tables();
    let Some(found) = client.place.find(&client.worker, &tables) else { return };
    drop(tables);
    client.timer.set(found.frontend.spec.timeouts.header);
    let heard = peek::first::<LONGEST, _>(&client, judge).await;
    client.timer.clear();
    let (length, source, told) = match heard {
        Ok(Ok(said)) => said,
        Ok(Err(error)) => return refuse(&client, &found, "bad-proxy-header", &error.to_string()),
        Err(Unheard::Late { .. }) => {
            return refuse(&client, &found, "proxy-header-timeout", "no whole header in time");
        }
        Err(Unheard::Closed { spoke: true }) => {
            return refuse(&client, &found, "bad-proxy-header", "the connection ended within the header");
        }
        // Who only looks whether somebody listens has done nothing wrong.
        Err(Unheard::Closed { spoke: false } | Unheard::Unwanted) => return,
    };
    let mut room = [0; LONGEST];
    if !room.get_mut(..length).is_some_and(|header| peek::take(&client.stream, header)) {
        return;
    }
    client.peer = source.unwrap_or(client.peer);
    client.told = Some(Rc::new(told));
    admit(client, &found);
}

/// Limits of a source are those of whom the header names.
fn admit(mut client: Client, found: &Found) {
    if let Some(per_source) = &found.frontend.per_source {
        let Ok(entered) = source::enter(&client.worker, (found, per_source), client.peer) else {
            let Client { worker, stream, peer, .. } = client;
            return source::turn_away(&worker, found, stream, peer);
        };
        client.visit = entered.map(Box::new);
    }
    begin(client, found);
}

fn judge(bytes: &[u8]) -> Option<Result<Said, ProxyError>> {
    let header = match read(bytes) {
        Ok(header) => header?,
        Err(error) => return Some(Err(error)),
    };
    Some(Ok((header.length, header.ends.map(|ends| ends.source), Told::new(&header, bytes))))
}

/// Counts it and says why, for whoever has set up the sender.
fn refuse(client: &Client, found: &Found, code: &'static str, why: &str) {
    let worker = &client.worker;
    for counters in found.connection_counters(worker.index) {
        counters.proxy_errors.add(1);
    }
    client.refuse(found, code);
    if source::is_due(worker, &found.frontend.counters.proxy_told) {
        let (name, peer) = (&found.frontend.spec.name, client.peer.ip().to_canonical());
        let text = format!("frontend {name}: a connection from {peer} without a good PROXY header: {why}");
        worker.shared.notices.say(NoticeLevel::Warning, text);
    }
}
