//! Balancing connections: look → route → persist → pick → queue → connect → carry.

use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;

use tenbin_balance::{Ask, Grant, Lease, Outcome, OutcomeKind, Ticket, Turn};
use tenbin_proto::hello::{self, HelloError};
use tenbin_rules::View;

use crate::access::{self, Line};
use crate::behind::Behind;
use crate::client::Client;
use crate::connection::{Asked, ConnectionView};
use crate::deadline::Timer;
use crate::ending::{Phase, Who};
use crate::hashkey;
use crate::http::{self, Reason, backend_named, named};
use crate::lines::Passage;
use crate::listener::Found;
use crate::peek::{self, Unheard};
use crate::proxy::preface;
use crate::retry;
use crate::rules::{self, Onward};
use crate::stick;
use crate::stream::Stream;
use crate::tables::{Action, Backend, Held, Protocol, Server, Tables};
use crate::tunnel::{End, Moved, Patience, Tunnel};
use crate::upstream::{self, ConnectError, Load, Manner};
use crate::wire::Sight;

/// Why a connection ended without a server, in counters.
const NO_SERVER: &str = "no-server";

/// A connection to a server, and what it holds there.
struct Carried {
    backend: Arc<Backend>,
    server: Arc<Server>,
    lease: Lease,
    stream: Stream,
}

/// Serves a connection from accept to close.
pub async fn serve(mut client: Client) {
    let tables = client.worker.tables();
    let Some(found) = client.place.find(&client.worker, &tables) else { return };
    let mut view =
        ConnectionView::new(client.presence(), Rc::clone(&found), (client.peer, client.destination()));
    let mut passage = Passage::begin(&client);
    passage.greet(&client, &found, &view);
    if let Some(protocol) = pass(&mut client, (&found, tables), &mut view, &mut passage).await {
        // What it is seen as and counted as from here on are its requests.
        drop((passage, found));
        return Box::pin(http::take_over(client, view, protocol)).await;
    }
    passage.tell(&client, &found, &mut view);
}

/// Everything between the connection's beginning and its line; what it speaks where rules found it to be one of HTTP.
async fn pass(
    client: &mut Client,
    (found, tables): (&Rc<Found>, Held),
    view: &mut ConnectionView,
    passage: &mut Passage,
) -> Option<Protocol> {
    let (set, delay_ms) = (&found.frontend.rules.content, found.frontend.rules.inspect_ms);
    if !set.is_empty() {
        match Box::pin(rules::content(client, view, (set, delay_ms))).await {
            Some(Onward::Tcp) => {}
            Some(Onward::Http(protocol)) => return Some(protocol),
            None => return refused(passage),
        }
    }
    let Some(name) = route(client, (found, &tables), view).await else { return refused(passage) };
    if let Some(backend) = tables.backend(&name).filter(|backend| !backend.rules.content.is_empty()) {
        view.backend = Some(Arc::clone(backend));
        let (set, delay_ms) = (&backend.rules.content, backend.rules.inspect_ms);
        if Box::pin(rules::content(client, view, (set, delay_ms))).await.is_none() {
            return refused(passage);
        }
    }
    let server_timer = client.worker.deadlines.timer();
    match open(client, (view, &server_timer), (tables, &name), passage).await {
        Ok(carried) => carry(client, found, (carried, view), passage).await,
        Err((reason, who, phase)) => {
            *found.frontend.counters.errors.lock().entry(reason.to_owned()).or_insert(0) += 1;
            passage.ending.set(who, phase);
        }
    }
    None
}

fn refused(passage: &mut Passage) -> Option<Protocol> {
    passage.ending.set(Who::Proxy, Phase::Request);
    None
}

/// The backend's name; None: the connection is to be closed.
async fn route(
    client: &Client,
    (found, tables): (&Found, &Tables),
    view: &mut ConnectionView,
) -> Option<String> {
    if found.frontend.asks_hello {
        learn(client, found, view).await?;
    }
    let Some(name) = decide(found, view, tables) else {
        for counters in found.connection_counters(client.worker.index) {
            counters.denied.add(1);
        }
        return None;
    };
    if tables.backend(&name).is_some_and(|backend| backend.asks_hello) {
        learn(client, found, view).await?;
    }
    Some(name)
}

/// What a TLS client says first is known from here on. Rules that have read bytes have seen it, if there was any.
async fn learn(client: &Client, found: &Found, view: &mut ConnectionView) -> Option<()> {
    if view.asked.is_none() {
        let has_spoken = !view.heard.is_empty();
        view.asked = Some(if has_spoken { Asked::default() } else { look(client, found).await? });
    }
    Some(())
}

/// Waits for what a TLS client says first. Who speaks something else, or waits for the server to speak, says nothing of
/// it; who breaks off is not waited for, and what cannot be understood here could mean anything at the server.
async fn look(client: &Client, found: &Found) -> Option<Asked> {
    let Some(socket) = client.stream.plain() else { return Some(Asked::default()) };
    client.timer.set(found.frontend.spec.timeouts.header);
    let judge = |bytes: &[u8]| hello::read(bytes).transpose();
    let heard = peek::first::<{ hello::LONGEST }, _>(socket, (&client.worker, &client.timer), judge).await;
    client.timer.clear();
    let reason = match heard {
        Ok(Ok(hello)) => {
            let name = Some(hello.server_name).filter(|name| !name.is_empty());
            let protocols = Some(hello.protocols.join(&b","[..])).filter(|list| !list.is_empty());
            return Some(Asked { name, protocols });
        }
        Ok(Err(HelloError::Absent)) | Err(Unheard::Late { spoke: false }) => return Some(Asked::default()),
        Ok(Err(HelloError::TooLong | HelloError::Malformed)) => "bad-client-hello",
        Err(Unheard::Late { spoke: true }) => "header-timeout",
        Err(Unheard::Closed { .. } | Unheard::Unwanted) => return None,
    };
    *found.frontend.counters.errors.lock().entry(reason.to_owned()).or_insert(0) += 1;
    access::log_refused(&client.worker, (client.peer, &found.frontend.spec.name), reason);
    None
}

fn decide(found: &Found, view: &ConnectionView, tables: &Tables) -> Option<String> {
    let mut from = 0;
    while let Some(index) = found.frontend.router.find(view, from) {
        match &found.frontend.routes.get(index)?.action {
            Some(Action::Backend(name)) => return Some(name.clone()),
            Some(Action::Named(name)) => match backend_named(tables, name, view) {
                Some(name) => return Some(name),
                None => from = found.frontend.routes.len().saturating_sub(1).max(index + 1),
            },
            Some(_) => return None,
            None => from = index + 1,
        }
    }
    None
}

/// Tries servers until one takes the connection; nothing was sent, so every failure may be repeated elsewhere.
async fn open(
    client: &mut Client,
    (view, timer): (&ConnectionView, &Timer),
    (mut tables, name): (Held, &str),
    passage: &mut Passage,
) -> Result<Carried, Failed> {
    const NONE: Failed = (NO_SERVER, Who::Server, Phase::Connect);
    let worker = Rc::clone(&client.worker);
    let mut tries = Tries::default();
    loop {
        let backend = Arc::clone(tables.backend(name).ok_or(NONE)?);
        passage.backend = Some(Arc::clone(&backend));
        passage.seat.iter().for_each(|seat| seat.goes_to(&backend));
        let lease = match pick(client, (view, timer), &backend, (&mut tries, passage)).await {
            Ok(lease) => lease,
            Err(Unpicked::Moved) => {
                tables = worker.tables();
                continue;
            }
            Err(Unpicked::Failed(who, phase)) => return Err((NO_SERVER, who, phase)),
        };
        passage.times.picked = worker.micros();
        let index = lease.index();
        let server = Arc::clone(backend.servers.get(index).ok_or(NONE)?);
        passage.server = Some(Arc::clone(&server));
        passage.redispatched |= !tries.tried.is_empty() && !tries.tried.contains(&index);
        passage.seat.iter().for_each(|seat| seat.lands_on(&server));
        let counters = server.counters.of(worker.index);
        counters.balanced.add(u64::from(tries.named != Some(index)));
        let (connect_ms, mut until) = (backend.spec.timeouts.connect, None);
        let preface = preface(client, view.peer, server.proxy);
        let chosen = backend.chooser(index).map_or(Some(None), |name| server.choose(name, view));
        let error = loop {
            let Some(chosen) = &chosen else { break ConnectError::Name };
            // Perhaps the server is the one to speak first.
            let manner = Manner { preface: &preface, more: false, prompt: true, http1: false, chosen };
            match upstream::connect(&server, manner, timer, connect_ms).await {
                Ok(stream) => {
                    counters.connects.add(1);
                    server.see(&backend, &worker, Sight::Connected);
                    passage.times.connected = worker.micros();
                    passage.behind = tables.asks_behind.then(|| Behind::of(&stream));
                    stick::store(&backend, view, index, worker.now_ms());
                    return Ok(Carried { backend, server, lease, stream });
                }
                Err(ConnectError::Short) if upstream::relief(&worker, &mut until, connect_ms).await => {}
                Err(error) => break error,
            }
        };
        let failed = verdict(error, passage.retries < backend.spec.retry.attempts);
        error.settle(&worker, (&backend, &server), lease);
        if let Some(failed) = failed {
            counters.unreached.add(1);
            return Err(failed);
        }
        let waited = matches!(error, ConnectError::Timeout);
        if !Box::pin(again(client, timer, (&backend, &server), (index, waited), (&mut tries, passage))).await
        {
            return Err((NO_SERVER, Who::Client, Phase::Connect));
        }
    }
}

/// How a connection to a server that failed ends the client's; None: there is another try.
fn verdict(error: ConnectError, may_retry: bool) -> Option<Failed> {
    let (code, who) = match error {
        ConnectError::Short => (Reason::OutOfDescriptors.code(), Who::Resource),
        _ if may_retry => return None,
        ConnectError::NoPort => (Reason::OutOfPorts.code(), Who::Resource),
        ConnectError::Timeout => (NO_SERVER, Who::ServerSlow),
        ConnectError::Failed | ConnectError::Tls | ConnectError::Name => (NO_SERVER, Who::Server),
    };
    Some((code, who, Phase::Connect))
}

/// What earlier tries leave to the next one.
#[derive(Default)]
struct Tries {
    /// Servers that are left out.
    tried: Vec<usize>,
    /// The server that is asked once more.
    same: Option<usize>,
    /// The server that a rule or a table has named.
    named: Option<usize>,
}

/// Prepares the next try, on another server or, after a moment, on the same one; false: the client went away.
async fn again(
    client: &mut Client,
    timer: &Timer,
    (backend, server): (&Backend, &Server),
    (index, waited): (usize, bool),
    (tries, passage): (&mut Tries, &mut Passage),
) -> bool {
    let counters = server.counters.of(client.worker.index);
    counters.retries.add(1);
    let moves = retry::moves(&backend.spec, passage.retries, tries.named.is_some());
    passage.retries += 1;
    if moves {
        tries.tried.push(index);
        counters.redispatches.add(1);
        return true;
    }
    counters.repeats.add(1);
    tries.same = Some(index);
    if waited || backend.spec.retry.turn_around == 0 {
        return true;
    }
    timer.set(backend.spec.retry.turn_around);
    let stays = poll_fn(|cx| {
        if client.has_left(cx, backend) { Poll::Ready(false) } else { timer.poll(cx).map(|()| true) }
    })
    .await;
    timer.clear();
    stays
}

/// What stands in counters, and how it ended.
type Failed = (&'static str, Who, Phase);

/// Why there is no slot.
enum Unpicked {
    /// The backend was replaced meanwhile.
    Moved,
    /// There will be none.
    Failed(Who, Phase),
}

/// A slot.
async fn pick(
    client: &mut Client,
    (view, timer): (&ConnectionView, &Timer),
    backend: &Backend,
    (tries, passage): (&mut Tries, &mut Passage),
) -> Result<Lease, Unpicked> {
    let mut key = Vec::new();
    let has_key = hashkey::write(&backend.spec.balance, backend.key.as_ref(), view, &mut key);
    let now = client.worker.now_ms();
    let forced = backend.spec.persist_down;
    let known = named(view, backend, forced).or_else(|| stick::recall(backend, view, now));
    let same = tries.same.take();
    tries.named = same.or(known);
    let ask = Ask {
        hash: has_key.then_some(key.as_slice()),
        source: view.source(),
        sticky: tries.named.filter(|index| !tries.tried.contains(index)),
        tried: &tries.tried,
        forced: forced || same.is_some(),
    };
    let lease = match backend.group.acquire(&ask, now) {
        Grant::Lease(lease) => lease,
        Grant::Wait(ticket) => {
            passage.waited_behind[1] = backend.group.queued();
            let waited = wait((client, timer), ticket, backend).await;
            passage.times.picked = client.worker.micros();
            waited?
        }
        Grant::QueueFull => return Err(Unpicked::Failed(Who::Server, Phase::Queue)),
        Grant::NoServer => return Err(Unpicked::Failed(Who::Server, Phase::Connect)),
    };
    Ok(lease)
}

async fn wait(
    (client, timer): (&mut Client, &Timer),
    mut ticket: Ticket,
    backend: &Backend,
) -> Result<Lease, Unpicked> {
    timer.set(backend.spec.timeouts.queue);
    let turn = poll_fn(|cx| {
        if let Poll::Ready(turn) = ticket.poll(cx) {
            return Poll::Ready(Ok(turn));
        }
        if client.has_left(cx, backend) {
            return Poll::Ready(Err(Who::Client));
        }
        timer.poll(cx).map(|()| Err(Who::ServerSlow))
    })
    .await;
    timer.clear();
    match turn {
        Ok(Turn::Lease(lease)) => Ok(lease),
        Ok(Turn::Moved) => Err(Unpicked::Moved),
        Ok(Turn::NoServer) => Err(Unpicked::Failed(Who::Server, Phase::Connect)),
        Err(who) => Err(Unpicked::Failed(who, Phase::Queue)),
    }
}

async fn carry(
    client: &mut Client,
    found: &Found,
    (carried, view): (Carried, &mut ConnectionView),
    passage: &mut Passage,
) {
    let Carried { backend, server, lease, mut stream } = carried;
    let index = client.worker.index;
    let begun = client.worker.micros();
    let (of_server, of_backend) = (server.counters.of(index), backend.counters.of(index));
    let load = Load::begin(&client.worker, &backend, &server);
    let (front, back) = (&found.frontend.spec.timeouts, &backend.spec.timeouts);
    let least = |one: u64, other: u64| if one > 0 && other > 0 { one.min(other) } else { one.max(other) };
    let patience = Patience::new(
        [least(front.client, front.tunnel), least(back.server, back.tunnel)],
        [front.client_fin, back.server_fin],
    );
    let cut = client.worker.attach(&server, backend.spec.close_on_down);
    passage.seat.iter().for_each(|seat| seat.carries(&cut));
    let cut = Some(cut);
    let Client { worker, stream: socket, timer, .. } = client;
    let throttles = std::mem::take(&mut view.throttles);
    let tunnel = Tunnel { worker, client: socket, server: &mut stream, timer, patience, cut, throttles };
    let (end, moved) = run(tunnel, (&backend, &server), view).await;
    let (who, phase) = end.ending();
    let was_ended = passage.is_killed(Phase::Ended);
    passage.ending.set(who, phase);
    passage.bytes = [moved.up, moved.down];
    match end {
        End::Client => of_server.client_aborts.add(1),
        End::Cut if was_ended => {}
        End::Server | End::Cut => of_server.server_aborts.add(1),
        End::Denied => rules::count_denied_answer(found, &backend, (&server, index)),
        End::Clean | End::Idle(_) => {}
    }
    of_server.bytes_in.add(moved.up);
    of_server.bytes_out.add(moved.down);
    drop(load);
    client.count_bytes(moved.up, moved.down);
    let now_ms = client.worker.now_ms();
    client.tracking().borrow().count_bytes((moved.up, moved.down), now_ms);
    let total = client.worker.micros() - begun;
    let phases = [None, None, None, Some(total)];
    of_server.phases.record(phases);
    of_backend.phases.record(phases);
    found.frontend.counters.workers.of(index).phases.record(phases);
    let has_own = found.frontend.lines.is_some();
    access::log_unless(has_own, &client.worker, || Line {
        peer: client.peer,
        frontend: &found.frontend.spec.name,
        backend: &backend.spec.name,
        server: &server.name,
        request: None,
        status: 0,
        reason: Some(end.code()),
        bytes: [moved.up, moved.down],
        phases,
        retries: 0,
    });
    lease.finish(Outcome { kind: OutcomeKind::Success, latency_us: 0 }, client.worker.now_ms());
}

/// Carries, with the rules on what the server says first, if there are any.
async fn run(
    tunnel: Tunnel<'_>,
    (backend, server): (&Arc<Backend>, &Arc<Server>),
    view: &mut ConnectionView,
) -> (End, Moved) {
    let rules = &backend.rules;
    if rules.answer_content.is_empty() {
        return tunnel.run(&view.heard, b"").await;
    }
    let heard = std::mem::take(&mut view.heard);
    (view.backend, view.server) = (Some(Arc::clone(backend)), Some(Arc::clone(server)));
    let mut judge = rules::Answered::new(view, (&rules.answer_content, rules.answer_inspect_ms));
    Box::pin(tunnel.run_judged(&heard, |cx, server| judge.poll(cx, server))).await
}
