//! Balancing connections: look → route → persist → pick → queue → connect → carry.

use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;

use tenbin_balance::{Ask, Grant, Lease, Outcome, OutcomeKind, Ticket, Turn};
use tenbin_proto::hello::{self, HelloError};
use tenbin_rules::View;

use crate::access::{self, Line};
use crate::client::Client;
use crate::connection::{Asked, ConnectionView};
use crate::deadline::Timer;
use crate::http::{Reason, backend_named};
use crate::listener::Found;
use crate::peek::{self, Unheard};
use crate::proxy::preface;
use crate::rules;
use crate::stick;
use crate::stream::Stream;
use crate::tables::{Action, Backend, Held, Server, Tables};
use crate::tunnel::{End, Tunnel};
use crate::upstream::{self, ConnectError, Load, Manner};

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
    let (set, delay_ms) = (&found.frontend.rules.content, found.frontend.rules.inspect_ms);
    if !set.is_empty() && !Box::pin(rules::content(&mut client, &mut view, (set, delay_ms))).await {
        return;
    }
    let Some(name) = route(&client, (&found, &tables), &mut view).await else { return };
    if let Some(backend) = tables.backend(&name).filter(|backend| !backend.rules.content.is_empty()) {
        view.backend = Some(Arc::clone(backend));
        let (set, delay_ms) = (&backend.rules.content, backend.rules.inspect_ms);
        if !Box::pin(rules::content(&mut client, &mut view, (set, delay_ms))).await {
            return;
        }
    }
    let server_timer = client.worker.deadlines.timer();
    let carried = match open(&mut client, (&view, &server_timer), tables, &name).await {
        Ok(carried) => carried,
        Err(reason) => {
            *found.frontend.counters.errors.lock().entry(reason.to_owned()).or_insert(0) += 1;
            return;
        }
    };
    carry(&mut client, &found, (carried, &view.heard)).await;
}

/// The backend's name; None: the connection is to be closed.
async fn route(
    client: &Client,
    (found, tables): (&Found, &Tables),
    view: &mut ConnectionView,
) -> Option<String> {
    if found.frontend.asks_hello && view.asked.is_none() {
        view.asked = Some(look(client, found).await?);
    }
    let Some(name) = decide(found, view, tables) else {
        for counters in found.connection_counters(client.worker.index) {
            counters.denied.add(1);
        }
        return None;
    };
    let asks_hello = tables.backend(&name).is_some_and(|backend| backend.asks_hello);
    if asks_hello && view.asked.is_none() {
        view.asked = Some(look(client, found).await?);
    }
    Some(name)
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
    mut tables: Held,
    name: &str,
) -> Result<Carried, &'static str> {
    let worker = Rc::clone(&client.worker);
    let mut tried = Vec::new();
    let mut attempts = 0;
    loop {
        let backend = Arc::clone(tables.backend(name).ok_or(NO_SERVER)?);
        let lease = match pick(client, (view, timer), &backend, &tried).await {
            Ok(lease) => lease,
            Err(true) => {
                tables = worker.tables();
                continue;
            }
            Err(false) => return Err(NO_SERVER),
        };
        let index = lease.index();
        let server = Arc::clone(backend.servers.get(index).ok_or(NO_SERVER)?);
        let counters = server.counters.of(worker.index);
        let (connect_ms, mut until) = (backend.spec.timeouts.connect, None);
        let preface = preface(client, server.proxy);
        let error = loop {
            // Perhaps the server is the one to speak first.
            match upstream::connect(
                &server,
                Manner { preface: &preface, more: false, http1: false },
                timer,
                connect_ms,
            )
            .await
            {
                Ok(stream) => {
                    counters.connects.add(1);
                    stick::store(&backend, view, index, worker.now_ms());
                    return Ok(Carried { backend, server, lease, stream });
                }
                Err(ConnectError::Short) if upstream::relief(&worker, &mut until, connect_ms).await => {}
                Err(error) => break error,
            }
        };
        error.settle(&worker, &server, lease);
        tried.push(index);
        attempts += 1;
        match error {
            ConnectError::Short => return Err(Reason::OutOfDescriptors.code()),
            _ if attempts <= backend.spec.retry.attempts => {}
            ConnectError::NoPort => return Err(Reason::OutOfPorts.code()),
            _ => return Err(NO_SERVER),
        }
        counters.retries.add(1);
        counters.redispatches.add(1);
    }
}

/// A slot; `Err(true)` when the backend was replaced meanwhile.
async fn pick(
    client: &mut Client,
    (view, timer): (&ConnectionView, &Timer),
    backend: &Backend,
    tried: &[usize],
) -> Result<Lease, bool> {
    let mut key = Vec::new();
    if let Some(expression) = &backend.key {
        expression.write(view, &mut key);
    }
    let now = client.worker.now_ms();
    let known = stick::recall(backend, view, now);
    let ask = Ask {
        hash: (!key.is_empty()).then_some(key.as_slice()),
        source: view.source(),
        sticky: known.filter(|index| !tried.contains(index)),
        tried,
    };
    let lease = match backend.group.acquire(&ask, now) {
        Grant::Lease(lease) => lease,
        Grant::Wait(ticket) => wait((client, timer), ticket, backend.spec.timeouts.queue).await?,
        Grant::QueueFull | Grant::NoServer => return Err(false),
    };
    Ok(lease)
}

async fn wait(
    (client, timer): (&mut Client, &Timer),
    mut ticket: Ticket,
    timeout_ms: u64,
) -> Result<Lease, bool> {
    timer.set(timeout_ms);
    let turn = poll_fn(|cx| {
        if let Poll::Ready(turn) = ticket.poll(cx) {
            return Poll::Ready(Some(turn));
        }
        if client.is_gone(cx) {
            return Poll::Ready(None);
        }
        timer.poll(cx).map(|()| None)
    })
    .await;
    timer.clear();
    match turn {
        Some(Turn::Lease(lease)) => Ok(lease),
        Some(Turn::Moved) => Err(true),
        Some(Turn::NoServer) | None => Err(false),
    }
}

async fn carry(client: &mut Client, found: &Found, (carried, heard): (Carried, &[u8])) {
    let Carried { backend, server, lease, mut stream } = carried;
    let index = client.worker.index;
    let begun = client.worker.shared.clock.micros();
    let (of_server, of_backend) = (server.counters.of(index), backend.counters.of(index));
    let load = Load::begin(&client.worker, &backend, &server);
    let (front, back) = (&found.frontend.spec.timeouts, &backend.spec.timeouts);
    let limits = [front.client, front.tunnel, back.server, back.tunnel];
    let idle_ms = limits.into_iter().filter(|limit| *limit > 0).min().unwrap_or(0);
    let cut = Some(client.worker.attach(&server, backend.spec.close_on_down));
    let Client { worker, stream: socket, timer, .. } = client;
    let tunnel = Tunnel { worker, client: socket, server: &mut stream, timer, idle_ms, cut };
    let (end, moved) = tunnel.run(heard, b"").await;
    match end {
        End::Client => of_server.client_aborts.add(1),
        End::Server | End::Cut => of_server.server_aborts.add(1),
        End::Clean | End::Idle => {}
    }
    of_server.bytes_in.add(moved.up);
    of_server.bytes_out.add(moved.down);
    drop(load);
    client.count_bytes(moved.up, moved.down);
    let total = client.worker.shared.clock.micros() - begun;
    let phases = [None, None, None, Some(total)];
    of_server.phases.record(phases);
    of_backend.phases.record(phases);
    found.frontend.counters.workers.of(index).phases.record(phases);
    access::log(&client.worker, || Line {
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
