//! Answer: from the server's head to the last byte at the client, or a tunnel after 101 and CONNECT.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use tenbin_balance::{Lease, Outcome, OutcomeKind};
use tenbin_proto::{Body, Version};
use tenbin_rules::Scope;

use super::answer::Reason;
use super::exchange::{After, Exchange};
use super::forward::Course;
use super::reply::reply;
use super::{compress, record, send_head};
use crate::client::Client;
use crate::ending::{Phase, Who};
use crate::flow::{FlowError, Sink, Waiting};
use crate::listener::Found;
use crate::rules::{self, Counted, Verdict};
use crate::stats::ServerCounters;
use crate::stick;
use crate::stream::Stream;
use crate::tables::{Backend, Server};
use crate::tunnel::{End, Patience, Tunnel};
use crate::watch::of_status;
use crate::wire::{Frontend, Sight};

/// How the body of an answer ended.
enum Ended {
    Whole,
    /// The client went away.
    ClientGone,
    /// The client does not take it, or does not send the rest, in time.
    ClientSlow,
    /// The server broke off.
    ServerBroke,
    /// The server broke the framing.
    ServerErred,
    /// The server sent nothing for too long.
    ServerSlow,
    /// It was ended from outside.
    Killed,
}

impl Ended {
    fn tell(&self, x: &mut Exchange) {
        let (who, phase) = self.ending();
        x.record.ending.set(who, phase);
    }

    fn outcome(&self, status: u16) -> OutcomeKind {
        match self {
            Self::Whole if matches!(status, 502..=504) => OutcomeKind::Failure,
            Self::Whole => OutcomeKind::Success,
            Self::ClientGone | Self::ClientSlow | Self::Killed => OutcomeKind::Aborted,
            Self::ServerBroke | Self::ServerErred | Self::ServerSlow => OutcomeKind::Failure,
        }
    }

    fn ending(&self) -> (Who, Phase) {
        match self {
            Self::Whole => (Who::Nobody, Phase::Ended),
            Self::ClientGone => (Who::Client, Phase::Data),
            Self::ClientSlow => (Who::ClientSlow, Phase::Data),
            Self::ServerBroke | Self::ServerErred => (Who::Server, Phase::Data),
            Self::ServerSlow => (Who::ServerSlow, Phase::Data),
            Self::Killed => (Who::Killed, Phase::Data),
        }
    }
}

/// Passes the answer on, counts it, and gives back what the request held.
pub async fn answer(
    client: &mut Client,
    x: &mut Exchange,
    (course, backend, server): (&Course<'_>, &Arc<Backend>, &Arc<Server>),
    lease: Lease,
    mut stream: Stream,
) -> After {
    let tunnel = send_head::opens_tunnel(x);
    if tunnel && !x.up.delivered() {
        return Box::pin(refuse(client, x, (course, backend, server), lease, "switch-before-body")).await;
    }
    x.early |= !x.up.delivered();
    let seen = of_status(x.response.status);
    let source = split_head(x, &stream);
    note(client, x, (course.found, backend), lease.index());
    if let Some(verdict) = judge(client, x, course.found, backend) {
        x.record.times.answered = 0;
        server.see(backend, &client.worker, seen);
        return Box::pin(replace(client, x, (course, backend, server), lease, verdict)).await;
    }
    let status = x.response.status;
    compress::begin(client, x, (course.found, backend), &stream);
    let leaving = send_head::answer(client, x, (course, backend, lease.index()));
    if x.down.begin(source, leaving.sink, 0, &mut x.output).is_err() {
        x.down.press = None;
        return Box::pin(refuse(client, x, (course, backend, server), lease, "chunk")).await;
    }
    server.see(backend, &client.worker, seen);
    x.record.status = status;
    record::tell_early(client, x, course.found);
    count_answer(client, (backend, server), status);
    if tunnel {
        return Box::pin(upgrade(client, x, (course, backend, server), lease, stream)).await;
    }
    let patience = x.state.overrides.server.unwrap_or(backend.spec.timeouts.server);
    let ended = body(client, x, &mut stream, (&course.found.frontend.spec, patience)).await;
    let whole = matches!(ended, Ended::Whole);
    let kind = ended.outcome(status);
    count_end(server.counters.of(client.worker.index), &ended);
    ended.tell(x);
    break_off(client, x, (whole, leaving.sink));
    if let Some(press) = x.down.press.take() {
        compress::end(client, (course.found, backend), press, (x.down.body_bytes, whole));
    }
    x.down.release(&mut x.output);
    if whole && !stream.is_multiplexed() && send_head::is_reusable(x) {
        send_head::keep(client, backend, server, (stream, x.record.reuses));
    } else {
        drop(stream);
    }
    let now = client.worker.micros();
    finish(client, server, (lease, kind, x.record.latency()), now);
    let asked_to_close = !x.request.keep_alive && x.request.version == Version::Http11;
    // Over TLS the end has to be said.
    let (uploaded, is_bare) = (x.up.delivered(), client.stream.plain().is_some());
    settle(client, x, course, (backend, server, now));
    match (whole, leaving.keep_alive) {
        (true, true) => After::Idle,
        // A client that asked for the end sends nothing more; HTTP/1.0 ones do not always know.
        (true, false) if is_bare && uploaded && asked_to_close && x.input.data().is_empty() => After::Close,
        (true, false) => After::Linger,
        (false, _) => After::Close,
    }
}

/// What the head of an answer means to tables, lines of logs and variables.
fn note(client: &Client, x: &mut Exchange, (found, backend): (&Found, &Backend), index: usize) {
    rules::count(client, &x.state.tracking, Counted::Status(x.response.status));
    if !backend.stick.is_empty() {
        let view = x.full_view(client, found, Some(backend));
        stick::store(backend, &view, index, client.worker.lately_ms());
    }
    record::note_answer(x, found);
    x.state.variables.end(Scope::Request);
}

/// Parts the head from what follows it, and says where the body ends.
fn split_head(x: &mut Exchange, stream: &Stream) -> Body {
    x.output.split_head(x.response.length);
    if let Some(body) = stream.body() {
        x.response.body = body;
    }
    if x.response.body != Body::None {
        x.output.make_room(x.buffer_bytes);
    }
    stream.framing(x.response.body)
}

/// Runs the rules on an answer; what is sent instead, if so.
fn judge<'r>(
    client: &Client,
    x: &mut Exchange,
    found: &'r Found,
    backend: &'r Backend,
) -> Option<Verdict<'r>> {
    let frontend = &found.frontend;
    for set in [&backend.rules.answer_content, &backend.rules.answer, &frontend.rules.answer] {
        if !set.is_empty()
            && let Some(verdict) = rules::answer(client, x, (found, Some(backend)), set)
        {
            return Some(verdict);
        }
    }
    if !backend.rules.after.is_empty() || !frontend.rules.after.is_empty() {
        rules::after(client, x, found, Some(backend));
    }
    None
}

/// An answer that a rule puts another one in the place of.
async fn replace(
    client: &mut Client,
    x: &mut Exchange,
    (course, backend, server): (&Course<'_>, &Backend, &Server),
    lease: Lease,
    verdict: Verdict<'_>,
) -> After {
    let worker = client.worker.index;
    let found = course.found;
    server.counters.of(worker).answered(x.response.status);
    rules::count_verdict(found, backend, (server, worker), &verdict);
    finish(client, server, (lease, OutcomeKind::Success, 0), client.worker.micros());
    let after = rules::instead(client, x, found, (verdict, backend)).await;
    backend.counters.of(worker).answered(x.record.status);
    after
}

/// An answer whose head was good and that cannot be passed on all the same.
async fn refuse(
    client: &mut Client,
    x: &mut Exchange,
    (course, backend, server): (&Course<'_>, &Backend, &Server),
    lease: Lease,
    why: &'static str,
) -> After {
    let worker = client.worker.index;
    server.see(backend, &client.worker, Sight::BadHead);
    server.counters.of(worker).response_errors.add(1);
    server.counters.of(worker).unanswered.add(1);
    backend.counters.of(worker).answered(502);
    finish(client, server, (lease, OutcomeKind::Failure, 0), client.worker.micros());
    reply(client, x, course.found, Reason::BadAnswer(why)).await
}

/// Gives the slot back with what the request says of its server.
fn finish(client: &Client, server: &Server, (lease, kind, latency_us): (Lease, OutcomeKind, u64), now: u64) {
    if kind == OutcomeKind::Failure {
        server.counters.of(client.worker.index).failures.add(1);
    }
    lease.finish(Outcome { kind, latency_us }, now / 1000);
}

fn count_answer(client: &Client, (backend, server): (&Backend, &Server), status: u16) {
    server.counters.of(client.worker.index).answered(status);
    backend.counters.of(client.worker.index).answered(status);
}

fn count_end(counters: &ServerCounters, ended: &Ended) {
    match ended {
        Ended::Whole => {}
        Ended::ClientGone | Ended::ClientSlow => counters.client_aborts.add(1),
        Ended::ServerSlow | Ended::Killed => counters.server_aborts.add(1),
        Ended::ServerErred => counters.unanswered.add(1),
        Ended::ServerBroke => {
            counters.server_aborts.add(1);
            counters.unanswered.add(1);
        }
    }
}

/// Bytes, phases and the log line; afterwards the input holds only what follows this request.
fn settle(
    client: &Client,
    x: &mut Exchange,
    course: &Course<'_>,
    (backend, server, now): (&Backend, &Server, u64),
) {
    let worker = client.worker.index;
    x.record.bytes_in += x.up.body_bytes;
    x.record.bytes_out += x.down.body_bytes + x.head_bytes_out;
    let counters = server.counters.of(worker);
    counters.bytes_in.add(x.record.bytes_in);
    counters.bytes_out.add(x.record.bytes_out);
    let phases = x.record.phases(now);
    counters.phases.record(phases);
    backend.counters.of(worker).phases.record(phases);
    record::finish(client, x, course.found, now);
    x.up.release(&mut x.input);
}

/// Breaks the connection off where nothing else says that the answer is not whole.
fn break_off(client: &Client, x: &Exchange, (whole, sink): (bool, Sink)) {
    if !whole && sink == Sink::Plain && !matches!(x.response.body, Body::None | Body::Length(_)) {
        client.stream.reset_on_close();
    }
}

/// Moves the rest of the request up and the body of the answer down.
async fn body(
    client: &mut Client,
    x: &mut Exchange,
    server: &mut Stream,
    (front, server_ms): (&Frontend, u64),
) -> Ended {
    x.head_bytes_out = x.down.prefix.len() as u64;
    x.pace.begin(front);
    let (mut set_up, mut set_down) = (u64::MAX, u64::MAX);
    let pipes = &client.worker.pipes;
    let ended = poll_fn(|cx| {
        if !x.up.finished()
            && let Poll::Ready(Err(_)) = x.up.poll(cx, &mut x.input, (&mut client.stream, server), pipes)
        {
            // Whatever became of the upload, the answer is there and still worth delivering.
            x.up.abandon();
        }
        match x.down.poll(cx, &mut x.output, (server, &mut client.stream), pipes) {
            Poll::Ready(Ok(())) => return Poll::Ready(Ended::Whole),
            Poll::Ready(Err(FlowError::Write)) => return Poll::Ready(Ended::ClientGone),
            Poll::Ready(Err(FlowError::Bad(_))) => return Poll::Ready(Ended::ServerErred),
            Poll::Ready(Err(_)) => return Poll::Ready(Ended::ServerBroke),
            Poll::Pending => {}
        }
        if x.is_killed(Phase::Data) {
            return Poll::Ready(Ended::Killed);
        }
        // Of a client that takes what there is, nothing else would tell before there is more.
        if matches!(x.down.waiting, Waiting::Read | Waiting::Turn) && client.stream.is_reset(cx) {
            return Poll::Ready(Ended::ClientGone);
        }
        // Whoever is held back here is not waited for.
        let is_held = [x.up.waiting, x.down.waiting].contains(&Waiting::Turn);
        if is_held || (x.up.progress, x.down.progress) != (set_up, set_down) {
            (set_up, set_down) = (x.up.progress, x.down.progress);
            x.timer.set(server_ms);
        }
        let uploads = !x.up.finished() && x.up.waiting == Waiting::Read;
        if x.down.waiting == Waiting::Write || uploads {
            let slow = x.pace.poll(cx, &client.timer, x.up.body_bytes + x.down.taken);
            if slow.is_ready() {
                client.stream.reset_on_close();
            }
            if slow.is_ready() || x.down.waiting == Waiting::Write {
                return slow.map(|()| Ended::ClientSlow);
            }
        } else {
            x.pace.rest(&client.timer);
        }
        x.timer.poll(cx).map(|()| Ended::ServerSlow)
    })
    .await;
    x.timer.clear();
    client.timer.clear();
    ended
}

/// A tunnel after 101 or a CONNECT that succeeded: nothing of the client's went up before.
async fn upgrade(
    client: &mut Client,
    x: &mut Exchange,
    (course, backend, server): (&Course<'_>, &Arc<Backend>, &Arc<Server>),
    lease: Lease,
    mut stream: Stream,
) -> After {
    x.head_bytes_out = x.down.prefix.len() as u64;
    let head = std::mem::take(&mut x.down.prefix);
    let sent = super::reply::send(client, &head, (&mut x.pace, &course.found.frontend.spec)).await;
    x.down.prefix = head;
    let patience = {
        let own = x.state.overrides.tunnel;
        let (front, back) = (&course.found.frontend.spec.timeouts, &backend.spec.timeouts);
        let both = [own.unwrap_or(front.tunnel), own.unwrap_or(back.tunnel)];
        Patience::new(both, [front.client_fin, back.server_fin])
    };
    // What the request had as its body has gone up with it.
    x.up.release(&mut x.input);
    if !sent {
        x.record.ending.set(Who::Client, Phase::Data);
    }
    if sent {
        let (up, down) = (x.input.data().to_vec(), x.output.data().to_vec());
        // A tunnel may live for days and has buffers of its own.
        x.input.keep_head();
        x.output.keep_head();
        let cut = client.worker.attach(server, backend.spec.close_on_down);
        x.seat.iter().for_each(|seat| seat.carries(&cut));
        let cut = Some(cut);
        let throttles = [x.up.throttle.take(), x.down.throttle.take()];
        let Client { worker, stream: socket, timer, .. } = client;
        let tunnel = Tunnel { worker, client: socket, server: &mut stream, timer, patience, cut, throttles };
        let (end, moved) = tunnel.run(&up, &down).await;
        x.record.bytes_in += moved.up;
        x.record.bytes_out += moved.down;
        let (who, phase) = end.ending();
        x.is_killed(phase);
        x.record.ending.set(who, phase);
        if matches!(end, End::Server | End::Cut) {
            server.counters.of(client.worker.index).server_aborts.add(1);
        }
    }
    debug_assert_eq!(x.response.body, Body::None);
    let latency = x.record.latency();
    let now = client.worker.micros();
    finish(client, server, (lease, OutcomeKind::Success, latency), now);
    settle(client, x, course, (backend, server, now));
    After::Close
}
