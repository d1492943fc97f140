//! Persist → pick → queue → connect: from a backend to a connection to one of its servers.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use tenbin_balance::{Ask, Grant, Lease, Outcome, OutcomeKind, Ticket, Turn};
use tenbin_proto::Method;
use tenbin_rules::{Expr, View};

use super::answer::Reason;
use super::exchange::Exchange;
use super::multiplex;
use super::plain_cookie;
use super::sticky::{self, Visit};
use crate::client::Client;
use crate::ending::{CookieIn, CookieOut, Phase};
use crate::hashkey;
use crate::listener::Found;
use crate::proxy::preface;
use crate::stick;
use crate::stream::Stream;
use crate::tables::{Backend, Server, Sticky, Tables};
use crate::tls::Chosen;
use crate::upstream::{self, ConnectError, Manner};
use crate::wire::{Protocol, Reuse, Sight};
use crate::worker::Worker;

/// A slot on a server and a connection to it.
pub struct Opened {
    /// The slot.
    pub lease: Lease,
    /// The connection.
    pub stream: Stream,
    /// How many requests it has carried before; of one that is shared only whether it has.
    pub reuses: u32,
}

/// Which connections a request may go on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Wants {
    /// Any.
    Any,
    /// None that might just be closing without a word about the request. HTTP/2 has words for that.
    Certain,
    /// A new one that speaks HTTP/1.1, even when the server prefers HTTP/2.
    Http1,
}

/// Why there is none.
pub enum NotOpened {
    /// The backend was replaced by a newer snapshot: ask that.
    Moved,
    /// The client went away while it waited.
    ClientGone,
    /// No server, or no slot in time.
    Refused(Reason),
    /// The server at this place could not be reached.
    Unreachable(usize, Reason),
}

/// Whether persistence is forced upon servers that are down, or ignored; None: neither.
pub fn persistence(client: &Client, x: &Exchange, backend: &Backend, found: &Found) -> Option<bool> {
    let forced = backend.spec.persist_down.then_some(true);
    if backend.persist.is_empty() {
        return forced;
    }
    let view = x.view(client, found, Some(backend));
    let holds = |when: &Option<Expr>| when.as_ref().is_none_or(|when| when.test(&view));
    backend.persist.iter().find(|(_, when)| holds(when)).map(|(force, _)| *force).or(forced)
}

/// The server that a rule names for the request, if it runs.
pub fn assigned(
    client: &Client,
    x: &Exchange,
    (backend, found): (&Backend, &Found),
    forced: bool,
) -> Option<usize> {
    if backend.use_server.is_empty() {
        return None;
    }
    named(&x.view(client, found, Some(backend)), backend, forced)
}

/// The same for any view.
pub fn named<V: View>(view: &V, backend: &Backend, forced: bool) -> Option<usize> {
    let mut name = Vec::new();
    backend.use_server.iter().find_map(|(server, when)| {
        if !when.as_ref().is_none_or(|when| when.test(view)) {
            return None;
        }
        name.clear();
        server.write(view, &mut name);
        let index = backend.server_named(std::str::from_utf8(&name).ok()?)?;
        let runs = backend.servers.get(index).is_some_and(|server| plain_cookie::runs(server));
        (runs || forced).then_some(index)
    })
}

/// What the client's cookie says; it is not `heeded` where something else has named a server.
pub fn remembered(
    client: &Client,
    x: &mut Exchange,
    (backend, found): (&Backend, &Found),
    tables: &Tables,
    (heeded, forced): (bool, bool),
) -> Option<Visit> {
    let Some(Sticky::Cookie { name, plain, .. }) = &backend.sticky else { return None };
    let seconds = client.worker.date();
    let view = x.view(client, found, Some(backend));
    let (came, visit) = if *plain {
        let cookie = view.cookie(name);
        let (came, visit) = cookie
            .map_or((CookieIn::None, None), |value| plain_cookie::read(backend, value, (seconds, forced)));
        if heeded || cookie.is_none() { (came, visit) } else { (CookieIn::Unused, None) }
    } else {
        let visit = sticky::from_cookie(backend, &view, &tables.secret, seconds).filter(|_| heeded);
        (sticky::came(backend, &view, visit), visit)
    };
    x.record.ending.cookie = Some((came, CookieOut::None));
    visit
}

/// What stick tables say.
pub fn recalled(client: &Client, x: &Exchange, backend: &Backend, found: &Found) -> Option<usize> {
    if backend.stick.is_empty() {
        return None;
    }
    stick::recall(backend, &x.view(client, found, Some(backend)), client.worker.lately_ms())
}

/// Lets a server come to itself; false when the client goes meanwhile.
pub async fn pause(client: &mut Client, x: &mut Exchange, backend: &Backend, ms: u64) -> bool {
    x.timer.set(ms);
    let stays = poll_fn(|cx| {
        let is_gone = client.has_left(cx, backend) || x.is_killed(Phase::Connect);
        if is_gone { Poll::Ready(false) } else { x.timer.poll(cx).map(|()| true) }
    })
    .await;
    x.timer.clear();
    stays
}

/// Asks for a slot, waiting in the queue if need be.
pub async fn pick(
    client: &mut Client,
    x: &mut Exchange,
    backend: &Arc<Backend>,
    (wanted, forced): (Option<usize>, bool),
    found: &Found,
) -> Result<Lease, NotOpened> {
    let worker = &client.worker;
    let mut key = std::mem::take(&mut x.text);
    let has_key = {
        let view = x.view(client, found, Some(backend));
        hashkey::write(&backend.spec.balance, backend.key.as_ref(), &view, &mut key)
    };
    let ask = Ask {
        hash: has_key.then_some(key.as_slice()),
        source: client.peer.ip().to_canonical(),
        sticky: wanted.filter(|index| !x.tried.contains(index)),
        tried: &x.tried,
        forced,
    };
    let granted = backend.group.acquire(&ask, worker.lately_ms());
    let counters = backend.counters.of(worker.index);
    let here = counters.total.get().saturating_sub(counters.ended.get()) + 1;
    counters.most.raise(here);
    x.text = key;
    let lease = match granted {
        Grant::Lease(lease) => {
            if let Some(server) = backend.servers.get(lease.index()).filter(|_| wanted != Some(lease.index()))
            {
                server.counters.of(worker.index).balanced.add(1);
            }
            lease
        }
        Grant::NoServer => return Err(NotOpened::Refused(Reason::NoServerUp)),
        Grant::QueueFull => return Err(NotOpened::Refused(Reason::QueueFull)),
        Grant::Wait(ticket) => {
            x.record.waited_behind[1] = backend.group.queued();
            let queued = u64::from(backend.group.queued());
            counters.queue_most.raise(queued);
            counters.most.raise(here - 1 + queued);
            Box::pin(wait(client, x, ticket, backend)).await?
        }
    };
    Ok(lease)
}

async fn wait(
    client: &mut Client,
    x: &mut Exchange,
    mut ticket: Ticket,
    backend: &Backend,
) -> Result<Lease, NotOpened> {
    x.timer.set(x.state.overrides.queue.unwrap_or(backend.spec.timeouts.queue));
    let turn = poll_fn(|cx| {
        if let Poll::Ready(turn) = ticket.poll(cx) {
            return Poll::Ready(Ok(turn));
        }
        if client.has_left(cx, backend) || x.is_killed(Phase::Queue) {
            return Poll::Ready(Err(NotOpened::ClientGone));
        }
        x.timer.poll(cx).map(|()| Err(NotOpened::Refused(Reason::QueueTimeout)))
    })
    .await;
    x.timer.clear();
    match turn? {
        Turn::Lease(lease) => Ok(lease),
        Turn::Moved => Err(NotOpened::Moved),
        Turn::NoServer => Err(NotOpened::Refused(Reason::NoServerUp)),
    }
}

/// A connection for the slot: one that is there if the request may go on it, otherwise a new one.
pub async fn open(
    client: &Client,
    x: &mut Exchange,
    (backend, found): (&Backend, &Found),
    lease: Lease,
    wants: Wants,
) -> Result<Opened, NotOpened> {
    let worker = &client.worker;
    let index = lease.index();
    let Some(server) = backend.servers.get(index) else { return Err(NotOpened::Moved) };
    let is_websocket = multiplex::is_websocket(x);
    // Over HTTP/2 only some servers know them, over HTTP/1.1 all that know them at all.
    let wants = if is_websocket && backend.spec.protocol == Protocol::Auto { Wants::Http1 } else { wants };
    let ways = Ways::of(backend, server, wants);
    let chosen = backend.chooser(index).map_or(Ok(None), |name| {
        server.choose(name, &x.view(client, found, Some(backend))).ok_or(ConnectError::Name)
    });
    let mut opened = match chosen.as_ref().map(|chosen| ways.pooled(worker, server, chosen)) {
        Ok(Some(pooled)) => Ok(pooled),
        Ok(None) => {
            let chosen = chosen.unwrap_or_default();
            Box::pin(connection(client, x, (backend, server), (ways, wants, chosen))).await
        }
        Err(error) => Err(*error),
    };
    if is_websocket && let Ok((Stream::Asked(stream), _)) = &mut opened {
        match Box::pin(multiplex::extend(stream, &x.timer, backend.spec.timeouts.connect)).await {
            Ok(true) => {}
            Ok(false) => {
                lease.finish(Outcome { kind: OutcomeKind::Aborted, latency_us: 0 }, worker.now_ms());
                return Err(NotOpened::Refused(Reason::NoWebSocket));
            }
            Err(error) => opened = Err(error),
        }
    }
    let error = match opened {
        Ok((stream, reuses)) => {
            let counters = server.counters.of(worker.index);
            let counter = if reuses > 0 { &counters.reuses } else { &counters.connects };
            counter.add(1);
            server.see(backend, worker, Sight::Connected);
            return Ok(Opened { lease, stream, reuses });
        }
        Err(error) => error,
    };
    error.settle(worker, (backend, server), lease);
    match error {
        ConnectError::Timeout => Err(NotOpened::Unreachable(index, Reason::ConnectTimeout)),
        ConnectError::Failed => Err(NotOpened::Unreachable(index, Reason::ConnectFailed)),
        ConnectError::Tls | ConnectError::Name => Err(NotOpened::Unreachable(index, Reason::TlsFailed)),
        ConnectError::NoPort => Err(NotOpened::Unreachable(index, Reason::OutOfPorts)),
        // Another server would need one, too.
        ConnectError::Short => Err(NotOpened::Refused(Reason::OutOfDescriptors)),
    }
}

/// Where a connection that is there already may come from.
#[derive(Clone, Copy)]
struct Ways {
    /// From others, as a stream of theirs.
    shares: bool,
    /// From the pool.
    takes: bool,
}

impl Ways {
    fn of(backend: &Backend, server: &Server, wants: Wants) -> Self {
        let shares = wants != Wants::Http1 && multiplex::shares(backend, server);
        // Those of a backend that was switched to HTTP/2 are still there.
        let takes = wants == Wants::Any && keeps(backend, server) && backend.spec.protocol != Protocol::Http2;
        Self { shares, takes }
    }

    fn pooled(self, worker: &Worker, server: &Arc<Server>, chosen: &Chosen) -> Option<(Stream, u32)> {
        let (pools, chosen) = (&worker.pools, chosen.as_ref());
        let shared = if self.shares { pools.join(server, chosen).map(|stream| (stream, 1)) } else { None };
        if shared.is_none() && self.takes { pools.take(server, worker.index, chosen) } else { shared }
    }
}

/// A connection that has to be waited for, and how often it was used before.
async fn connection(
    client: &Client,
    x: &Exchange,
    (backend, server): (&Backend, &Arc<Server>),
    (ways, wants, chosen): (Ways, Wants, Chosen),
) -> Result<(Stream, u32), ConnectError> {
    let worker = &client.worker;
    let timeout = x.state.overrides.connect.unwrap_or(backend.spec.timeouts.connect);
    let shares = ways.shares;
    let source = x.state.overrides.source.unwrap_or(client.peer);
    let (mut until, preface) = (None, preface(client, source, server.proxy));
    let manner = Manner {
        preface: &preface,
        more: true,
        prompt: false,
        http1: wants == Wants::Http1,
        chosen: &chosen,
    };
    loop {
        if let Some(pooled) = ways.pooled(worker, server, &chosen) {
            return Ok(pooled);
        }
        if shares && let Some(waiter) = worker.pools.wait(server, chosen.as_ref()) {
            multiplex::wait(&waiter, &x.timer, timeout).await?;
            continue;
        }
        let announced = shares.then(|| worker.pools.announce(server, worker.index, chosen.clone()));
        let fresh = match upstream::connect(server, manner, &x.timer, timeout).await {
            Ok(stream) => match multiplex::is_chosen(backend.spec.protocol, &stream) {
                Ok(true) => {
                    Box::pin(multiplex::speak(worker, (backend, server), stream, announced.as_ref())).await
                }
                Ok(false) => {
                    if announced.is_some() {
                        worker.pools.divide(server, worker.index);
                    }
                    Ok(stream)
                }
                Err(error) => Err(error),
            },
            Err(error) => Err(error),
        };
        match fresh {
            Ok(stream) => return Ok((stream, 0)),
            // Other requests give theirs back meanwhile, perhaps even a connection to this server.
            Err(ConnectError::Short) if Box::pin(upstream::relief(worker, &mut until, timeout)).await => {}
            Err(error) => {
                if let Some(opener) = announced {
                    opener.fail(error);
                }
                return Err(error);
            }
        }
    }
}

/// Which connection a request may go on; `stale` says that it has met a closed one already.
pub fn wants(backend: &Backend, method: Method, first: bool, stale: bool) -> Wants {
    match backend.spec.pool.reuse {
        _ if stale => Wants::Certain,
        Reuse::Safe if first && !method.is_idempotent() => Wants::Certain,
        Reuse::Never | Reuse::Safe | Reuse::Always => Wants::Any,
    }
}

/// Whether a connection to the server may carry requests of others, too: not behind a header that names one client.
pub fn keeps(backend: &Backend, server: &Server) -> bool {
    backend.spec.pool.reuse != Reuse::Never && server.proxy.is_none()
}

/// Gives a connection back for the next request, if it may have one.
pub fn keep(client: &Client, backend: &Backend, server: &Arc<Server>, (stream, reuses): (Stream, u32)) {
    let pool = &backend.spec.pool;
    if keeps(backend, server) && pool.max_idle > 0 && server.allows(reuses) {
        let worker = &client.worker;
        let now = worker.deadlines.now_ms();
        let patience = if pool.idle_timeout > 0 { pool.idle_timeout } else { u64::MAX };
        let expires = now.saturating_add(patience);
        worker.pools.put(server, (stream, reuses), worker.index, (pool.max_idle, now, expires));
    }
}
