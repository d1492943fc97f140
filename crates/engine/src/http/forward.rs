//! Forward: a request to one server after another until one answers, and that answer to the client.
//!
//! Owns the choice between another try and the end; `open`, `send_head`, `await_answer` and `relay` are its phases.

use std::rc::Rc;
use std::sync::Arc;

use tenbin_balance::{Lease, Outcome, OutcomeKind};
use tenbin_proto::{Body, Method};

use super::answer::Reason;
use super::await_answer::{Failure, await_answer};
use super::exchange::{After, Exchange};
use super::open::{self, NotOpened, Opened};
use super::record::finish;
use super::repeat::{is_repeatable, is_stale, is_unwanted, may_retry, meaning, repeatable, repeats, sight};
use super::reply::{finish_reply, reply, send_to};
use super::sticky::Visit;
use super::{compress, plain_cookie, relay, send_head};
use crate::behind::Behind;
use crate::client::Client;
use crate::ending::{Phase, Who};
use crate::flow::{FlowError, Sink};
use crate::listener::Found;
use crate::retry;
use crate::rules::message::{growing, set_header};
use crate::rules::{self, Turn};
use crate::tables::{Backend, Held, Server};
use crate::upstream::Load;
use crate::wire::Mode;

/// Stale pooled connections that one request may meet before it insists on a new one.
const MOST_STALE: u32 = 1;

/// Times that one request may be turned away before a server has looked at it, by GOAWAY or a stream that is refused.
/// That costs nothing and says little about the server: the request may go again whatever it asks for.
const MOST_UNTOUCHED: u32 = 3;

/// Where a request goes and what has been tried.
pub struct Course<'a> {
    /// Who serves the listener.
    pub found: &'a Rc<Found>,
    /// The tables of this try.
    pub tables: Held,
    /// The backend's name.
    pub name: &'a str,
    /// It is the first request of its connection.
    pub first: bool,
    /// What the client's cookie said.
    pub visit: Option<Visit>,
    /// The server that it belongs to.
    pub wanted: Option<usize>,
    /// Rules have it go anywhere, and say nothing to the client of where it went.
    pub ignored: bool,
    /// The server that is asked once more, and after how many milliseconds.
    same: Option<(usize, u64)>,
    /// Connections that turned out to be closed.
    stale: u32,
    /// Tries that a server did not begin with.
    untouched: u32,
    /// Why the try before this one failed.
    last: Option<Reason>,
}

/// Takes a request from its route to the end of its answer.
pub async fn forward(
    client: &mut Client,
    x: &mut Exchange,
    found: &Rc<Found>,
    (tables, name): (Held, &str),
    first: bool,
) -> After {
    x.tried.clear();
    if let Err(reason) = stage_body(client, x, found) {
        return Box::pin(reply(client, x, found, reason)).await;
    }
    let mut course = Course {
        found,
        tables,
        name,
        first,
        visit: None,
        wanted: None,
        ignored: false,
        same: None,
        stale: 0,
        untouched: 0,
        last: None,
    };
    loop {
        let tables = course.tables.clone();
        let Some(backend) = tables.backend(name) else {
            return Box::pin(reply(client, x, found, Reason::NoServerUp)).await;
        };
        if x.record.goes_to(backend) {
            x.seat.iter().for_each(|seat| seat.goes_to(backend));
            backend.counters.of(client.worker.index).requests.add(1);
            if backend.spec.mode == Mode::Tcp {
                // Its servers speak something else.
                x.record.ending.set(Who::Internal, Phase::Request);
                finish(client, x, found, client.worker.micros());
                return After::Close;
            }
            if backend.rules.judges_requests()
                && let Some(after) = Box::pin(judge(client, x, &course, backend)).await
            {
                return after;
            }
            compress::choose(x, found, backend);
        }
        match attempt(client, x, &mut course, backend).await {
            Next::Again => {}
            Next::Moved => course.tables = client.worker.tables(),
            Next::Answered(after) => return after,
            Next::Gone => {
                let now = client.worker.micros();
                finish(client, x, found, now);
                return After::Close;
            }
            Next::Refused(reason) => {
                let counters = backend.counters.of(client.worker.index);
                counters.answered(reason.status_at(found));
                return Box::pin(reply(client, x, found, reason)).await;
            }
        }
    }
}

/// Runs the backend's rules on the request; how the connection goes on if they have ended it.
async fn judge(
    client: &mut Client,
    x: &mut Exchange,
    course: &Course<'_>,
    backend: &Arc<Backend>,
) -> Option<After> {
    let sets = &backend.rules;
    let mut turn = rules::request(client, x, course.found, (&sets.content, Some(backend))).await;
    if matches!(turn, Turn::On) {
        turn = rules::request(client, x, course.found, (&sets.request, Some(backend))).await;
    }
    match turn {
        Turn::On => None,
        Turn::Ended(after) => {
            backend.counters.of(client.worker.index).answered(x.record.status);
            Some(after)
        }
        Turn::Service(name) => {
            x.record.serve();
            let tables = course.tables.clone();
            Some(Box::pin(forward(client, x, course.found, (tables, &name), course.first)).await)
        }
    }
}

enum Next {
    Again,
    Moved,
    Answered(After),
    /// The client went away before there was an answer.
    Gone,
    Refused(Reason),
}

/// What of the body is here is checked and staged before any server is asked.
fn stage_body(client: &Client, x: &mut Exchange, found: &Found) -> Result<(), Reason> {
    let limit = found.frontend.spec.limits.body;
    if let Body::Length(length) = x.request.body
        && limit > 0
        && length > limit
    {
        return Err(Reason::BodyTooBig);
    }
    x.early = false;
    x.continued = false;
    x.up.begin(client.stream.framing(x.request.body), Sink::Plain, limit, &mut x.input).map_err(|error| {
        match error {
            FlowError::Bad(reject) => Reason::Rejected(reject),
            _ => Reason::BodyTooBig,
        }
    })
}

/// One server, from the choice to the end of its answer.
async fn attempt(
    client: &mut Client,
    x: &mut Exchange,
    course: &mut Course<'_>,
    backend: &Arc<Backend>,
) -> Next {
    let forced = choose(client, x, course, backend);
    let same = course.same.take();
    if let Some((_, pause @ 1..)) = same
        && !Box::pin(open::pause(client, x, backend, pause)).await
    {
        return Next::Gone;
    }
    let wanted = (same.map(|(index, _)| index).or(course.wanted), forced || same.is_some());
    let lease = match open::pick(client, x, backend, wanted, course.found).await {
        Ok(lease) => lease,
        Err(error) => return not_opened(client, x, (course, backend), &error),
    };
    let picked = client.worker.micros();
    x.record.times.picked = picked;
    if let Some(server) = backend.servers.get(lease.index()) {
        land(x, server, lease.index());
        if let Some(prefix) = prefix_of(x, backend, lease.index()) {
            drop(Load::begin(&client.worker, backend, server));
            backend.counters.of(client.worker.index).answered(302);
            let keep_alive = send_to(x, course.found, prefix);
            lease.finish(Outcome { kind: OutcomeKind::Aborted, latency_us: 0 }, client.worker.now_ms());
            return Next::Answered(Box::pin(finish_reply(client, x, course.found, keep_alive)).await);
        }
        name_server(x, backend, server);
    }
    let wants = open::wants(backend, x.request.method, course.first, course.stale >= MOST_STALE);
    let opened = match open::open(client, x, (backend, course.found), lease, wants).await {
        Ok(opened) => opened,
        Err(error) => return not_opened(client, x, (course, backend), &error),
    };
    x.record.times.connected = if opened.reuses > 0 { picked } else { client.worker.micros() };
    let Opened { lease, mut stream, reuses } = opened;
    x.record.reuses = reuses;
    x.record.behind = course.tables.asks_behind.then(|| Behind::of(&stream));
    let Some(server) = backend.servers.get(lease.index()) else { return Next::Moved };
    let load = Load::begin(&client.worker, backend, server);
    x.record.is_counted = true;
    server.counters.of(client.worker.index).requests.add(1);
    send_head::request(client, x, course, (server, stream.is_multiplexed()));
    send_head::begin(x, &stream);
    let ended = match await_answer(client, x, (course, backend, lease.index()), &mut stream).await {
        Ok(()) if is_unwanted(client, x, backend, lease.index()) => Err(Failure::Status),
        ended => ended,
    };
    match ended {
        Ok(()) => {
            x.record.times.answered = client.worker.micros();
            Next::Answered(relay::answer(client, x, (course, backend, server), lease, stream).await)
        }
        Err(failure) => {
            drop(load);
            x.record.is_counted = false;
            let reused = reuses > 0 && stream.is_unheard();
            failed(client, x, (course, backend, server), (lease, reused), &failure)
        }
    }
}

/// Tells the server its name, where the backend wants that.
fn name_server(x: &mut Exchange, backend: &Backend, server: &Server) {
    if !backend.spec.send_name.is_empty() {
        let bytes = growing(&mut x.state.request_text, x.input.head());
        set_header(&mut x.request, bytes, backend.spec.send_name.as_bytes(), server.name.as_bytes());
    }
}

/// The server that the request belongs to, by a rule, its cookie or a table; whether it is to go there whatever happens.
fn choose(client: &Client, x: &mut Exchange, course: &mut Course<'_>, backend: &Backend) -> bool {
    let (found, persistence) = (course.found, open::persistence(client, x, backend, course.found));
    let forced = persistence == Some(true);
    course.ignored = persistence == Some(false);
    // A cookie that was told apart from the server's own part of it is not there a second time.
    if x.record.retries == 0 || course.visit.is_none() {
        let assigned = open::assigned(client, x, (backend, found), forced);
        let heeded = assigned.is_none() && !course.ignored;
        course.visit = open::remembered(client, x, (backend, found), &course.tables, (heeded, forced));
        plain_cookie::unprefix(x, backend);
        let named = assigned.or(course.visit.map(|visit| visit.index));
        course.wanted = named.or_else(|| open::recalled(client, x, backend, found));
    }
    forced
}

fn not_opened(
    client: &Client,
    x: &mut Exchange,
    (course, backend): (&mut Course<'_>, &Backend),
    error: &NotOpened,
) -> Next {
    match *error {
        NotOpened::Moved => Next::Moved,
        NotOpened::ClientGone => {
            x.record.times.picked = client.worker.micros();
            x.record.ending.set(Who::Client, Phase::Queue);
            Next::Gone
        }
        // No other server is left: what the tried one did is the reason.
        NotOpened::Refused(Reason::NoServerUp) => {
            backend.counters.of(client.worker.index).unserved.add(1);
            Next::Refused(course.last.unwrap_or(Reason::NoServerUp))
        }
        NotOpened::Refused(reason) => {
            if matches!(reason, Reason::QueueTimeout) {
                x.record.times.picked = client.worker.micros();
            }
            backend.counters.of(client.worker.index).unserved.add(1);
            Next::Refused(reason)
        }
        NotOpened::Unreachable(index, reason) => {
            // Nothing was sent: any request may go to another server, and none got more load for it.
            if x.record.retries < backend.spec.retry.attempts
                && backend.spec.retry.after.iter().any(|known| known == "connect")
            {
                let how = if matches!(reason, Reason::ConnectTimeout) { Tried::Late } else { Tried::Refused };
                again(client, x, (course, backend), index, how);
                course.last = Some(reason);
                return Next::Again;
            }
            if let Some(server) = backend.servers.get(index) {
                server.counters.of(client.worker.index).unreached.add(1);
            }
            Next::Refused(reason)
        }
    }
}

/// Notes who is asked now.
fn land(x: &mut Exchange, server: &Arc<Server>, index: usize) {
    if !x.tried.is_empty() && !x.tried.contains(&index) {
        x.record.redispatched = true;
        x.record.ending.loses_server();
    }
    x.record.lands_on(server);
    x.seat.iter().for_each(|seat| seat.lands_on(server));
}

/// Where clients are sent instead of the server, if they ask for no more than a document.
fn prefix_of<'a>(x: &Exchange, backend: &'a Backend, index: usize) -> Option<&'a str> {
    let prefix = backend.spec.servers.get(index)?.redirect.as_str();
    (!prefix.is_empty() && matches!(x.request.method, Method::Get | Method::Head)).then_some(prefix)
}

/// What became of a try.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tried {
    /// The server refused the connection: it may want a moment.
    Refused,
    /// There was no connection in time.
    Late,
    /// The server had the request.
    Sent,
}

/// The next try: on another server by the backend's rule, else on the same one after a while if it could not be reached.
fn again(
    client: &Client,
    x: &mut Exchange,
    (course, backend): (&mut Course<'_>, &Backend),
    index: usize,
    how: Tried,
) {
    let moves = retry::moves(&backend.spec, x.record.retries, course.wanted.is_some());
    if let Some(server) = backend.servers.get(index).filter(|_| how == Tried::Sent || !moves) {
        server.counters.of(client.worker.index).repeats.add(1);
    }
    if moves {
        return redispatch(client, x, backend, index);
    }
    x.record.retries += 1;
    if let Some(server) = backend.servers.get(index) {
        server.counters.of(client.worker.index).retries.add(1);
    }
    course.same = Some((index, if how == Tried::Refused { backend.spec.retry.turn_around } else { 0 }));
}

/// The next try goes to a server that was not tried yet.
fn redispatch(client: &Client, x: &mut Exchange, backend: &Backend, index: usize) {
    x.record.retries += 1;
    x.tried.push(index);
    if let Some(server) = backend.servers.get(index) {
        let counters = server.counters.of(client.worker.index);
        counters.retries.add(1);
        counters.redispatches.add(1);
    }
}

/// A try that was sent has failed: once more, or the end.
fn failed(
    client: &Client,
    x: &mut Exchange,
    (course, backend, server): (&mut Course<'_>, &Backend, &Server),
    (lease, reused): (Lease, bool),
    failure: &Failure,
) -> Next {
    let counters = server.counters.of(client.worker.index);
    let index = lease.index();
    let now = client.worker.now_ms();
    let outcome = |kind| Outcome { kind, latency_us: 0 };
    if reused && is_stale(x, failure) && course.stale < MOST_STALE && is_repeatable(x) {
        lease.finish(outcome(OutcomeKind::Aborted), now);
        course.stale += 1;
        course.same = Some((index, 0));
        return Next::Again;
    }
    if matches!(failure, Failure::Untouched) && course.untouched < MOST_UNTOUCHED && x.up.replayable() {
        lease.finish(outcome(OutcomeKind::Aborted), now);
        course.untouched += 1;
        return Next::Again;
    }
    blame(x, failure);
    match *failure {
        Failure::ClientGone => counters.client_aborts.add(1),
        Failure::Ended => counters.unanswered.add(1),
        Failure::Down => {
            lease.finish(outcome(OutcomeKind::Aborted), now);
            counters.server_aborts.add(1);
            return moved(client, x, (course, backend), index);
        }
        Failure::Status => {
            lease.finish(outcome(OutcomeKind::Failure), now);
            counters.failures.add(1);
            again(client, x, (course, backend), index, Tried::Sent);
            return Next::Again;
        }
        _ => {}
    }
    let (kind, reason) = meaning(failure);
    lease.finish(outcome(kind), now);
    let Some(reason) = reason else { return Next::Gone };
    if kind == OutcomeKind::Failure {
        counters.response_errors.add(1);
        counters.failures.add(1);
        if matches!(failure, Failure::Bad(_)) {
            counters.unanswered.add(1);
        }
        if repeats(backend, failure) && repeatable(x, backend) && may_retry(client, x, backend) {
            again(client, x, (course, backend), index, Tried::Sent);
            course.last = Some(reason);
            return Next::Again;
        }
        if !matches!(failure, Failure::Bad(_)) {
            counters.unanswered.add(1);
        }
    }
    if let Some(sight) = sight(failure) {
        server.see(backend, &client.worker, sight);
    }
    Next::Refused(reason)
}

/// Says that the client has ended it, if it has.
fn blame(x: &mut Exchange, failure: &Failure) {
    match failure {
        Failure::ClientGone if x.up.delivered() => x.record.ending.set(Who::Client, Phase::Head),
        Failure::ClientGone => x.record.ending.set(Who::Client, Phase::Data),
        Failure::Body(Reason::BodyTimeout) => x.record.ending.set(Who::ClientSlow, Phase::Data),
        Failure::Body(_) => x.record.ending.set(Who::Proxy, Phase::Data),
        _ => {}
    }
}

/// The server that was waited for is gone. It carries nothing: to move a request is no load on top, and needs no budget.
fn moved(
    client: &Client,
    x: &mut Exchange,
    (course, backend): (&mut Course<'_>, &Backend),
    index: usize,
) -> Next {
    if !is_repeatable(x) || x.record.retries >= backend.spec.retry.attempts {
        x.record.ending.set(Who::Down, Phase::Head);
        return Next::Refused(Reason::ServerClosed);
    }
    redispatch(client, x, backend, index);
    course.last = Some(Reason::ServerClosed);
    Next::Again
}
