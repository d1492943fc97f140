//! Answers that no server gave: written, sent and counted.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tenbin_proto::{Body, Method};
use tenbin_rules::Expr;
use tokio::io::AsyncWrite;

use super::answer::{Manner, Reason, write_answer, write_reason};
use super::exchange::{After, Exchange};
use super::grpc;
use super::record::finish;
use super::redirect::write_location;
use super::view::path_of;
use crate::client::Client;
use crate::ending::{Phase, Who};
use crate::listener::Found;
use crate::pace::Pace;
use crate::rules::{self, Counted};
use crate::stream::Stream;
use crate::wire::Frontend;

/// Prepares the answer of a redirect, and says whether the connection lives on; `None` when the location needs a host and
/// the request has none.
pub fn redirect(
    client: &Client,
    x: &mut Exchange,
    found: &Found,
    (location, start, code, extra): (&Expr, &[u8], u16, &[u8]),
) -> Option<bool> {
    let mut lines = b"location: ".to_vec();
    if !write_location(&mut lines, (location, start), &x.view(client, found, None)) {
        return None;
    }
    lines.extend_from_slice(b"\r\n");
    lines.extend_from_slice(extra);
    x.record.intercepted(code);
    let manner = settle(x, found);
    x.down.prefix.clear();
    write_answer(&mut x.down.prefix, code, &lines, b"", manner);
    Some(manner.keep_alive)
}

/// Prepares the answer that sends a client to the same target at another place, with which the connection ends, as in
/// HAProxy; whether the connection lives on.
pub fn send_to(x: &mut Exchange, found: &Found, prefix: &str) -> bool {
    let bytes = x.state.request_bytes(x.input.head());
    let mut lines = b"cache-control: no-cache\r\nlocation: ".to_vec();
    lines.extend_from_slice(prefix.as_bytes());
    lines.extend_from_slice(path_of(&x.request, bytes));
    let query = x.request.query.of(bytes);
    if !query.is_empty() {
        lines.push(b'?');
        lines.extend_from_slice(query);
    }
    lines.extend_from_slice(b"\r\n");
    x.record.ending.set(Who::Local, Phase::Connect);
    x.record.intercepted(302);
    let manner = Manner { keep_alive: false, ..settle(x, found) };
    x.down.prefix.clear();
    write_answer(&mut x.down.prefix, 302, &lines, b"", manner);
    manner.keep_alive
}

/// Answers with a reason of our own.
pub async fn reply(client: &mut Client, x: &mut Exchange, found: &Found, reason: Reason) -> After {
    let status = reason.status_at(found);
    x.record.refused(reason, status);
    *found.frontend.counters.errors.lock().entry(reason.code().to_owned()).or_insert(0) += 1;
    // As HAProxy counts: who is late has done nothing wrong, and a server that nobody reached has not failed.
    let is_late = matches!(reason, Reason::HeaderTimeout | Reason::BodyTimeout);
    if reason.is_denial() || (reason.is_request_error() && !is_late) {
        rules::count(client, &x.state.tracking, Counted::Error);
    } else if matches!(reason, Reason::ServerClosed | Reason::BadAnswer(_) | Reason::ServerTimeout) {
        rules::count(client, &x.state.tracking, Counted::Fail);
    }
    for counters in found.connection_counters(client.worker.index) {
        if reason.is_request_error() {
            counters.request_errors.add(1);
        }
    }
    let manner = settle(x, found);
    x.down.prefix.clear();
    let tables = client.worker.tables();
    let backend = std::mem::take(&mut x.record.backend);
    let named = (!backend.is_empty()).then_some(backend.as_str());
    let known = named.and_then(|name| tables.backend(name)).map(|backend| &**backend);
    rules::count_own(client, found, known, reason);
    if let Some(page) = rules::page(found, known, status) {
        let mut out = std::mem::take(&mut x.down.prefix);
        rules::write_own(&mut out, page, &x.view(client, found, known), manner);
        x.down.prefix = out;
    } else if client.stream.is_multiplexed() && grpc::is_call(&x.request, x.input.head()) {
        grpc::write_reason(&mut x.down.prefix, reason, manner);
    } else {
        write_reason(&mut x.down.prefix, reason, named, manner);
    }
    x.record.backend = backend;
    finish_reply(client, x, found, manner.keep_alive).await
}

/// Whether the connection can live on after an answer that did not wait for the body; what of the body is here is
/// counted and dropped.
pub fn settle<'a>(x: &mut Exchange, found: &'a Found) -> Manner<'a> {
    let manner = manner(x, found);
    if is_whole(x)
        && let Body::Length(length) = x.request.body
    {
        x.record.bytes_in += length;
        x.input.consume(length as usize);
    } else {
        x.record.bytes_in += x.up.body_bytes;
    }
    manner
}

/// How an answer leaves, while the request's body is still there to be looked at.
pub fn manner<'a>(x: &Exchange, found: &'a Found) -> Manner<'a> {
    let head = x.request.method == Method::Head;
    let keep_alive = x.request.keep_alive && is_whole(x);
    Manner { version: x.request.version, keep_alive, head, always: &found.always }
}

fn is_whole(x: &Exchange) -> bool {
    match x.request.body {
        Body::None => true,
        Body::Length(length) => x.up.replayable() && length <= x.input.data().len() as u64,
        Body::Chunked | Body::UntilClose => false,
    }
}

/// Sends the answer that stands in the flow's prefix, after the rules for every answer, and ends the exchange.
pub async fn finish_reply(client: &mut Client, x: &mut Exchange, found: &Found, keep_alive: bool) -> After {
    rules::after_own(client, x, found);
    let sent = write(client, &x.down.prefix, (&mut x.pace, &found.frontend.spec), Stream::poll_finish).await;
    x.record.bytes_out += x.down.prefix.len() as u64;
    let now = client.worker.micros();
    finish(client, x, found, now);
    match (sent, keep_alive) {
        (false, _) => After::Close,
        (true, true) => After::Idle,
        (true, false) => After::Linger,
    }
}

/// Writes all of `bytes` to the client, and more may follow; false when it does not take them.
pub async fn send(client: &mut Client, bytes: &[u8], paced: (&mut Pace, &Frontend)) -> bool {
    write(client, bytes, paced, |stream, cx| Pin::new(stream).poll_flush(cx)).await
}

/// Writes all of `bytes` to the client, and then what `close` says.
async fn write(
    client: &mut Client,
    bytes: &[u8],
    (pace, front): (&mut Pace, &Frontend),
    close: fn(&mut Stream, &mut Context<'_>) -> Poll<io::Result<()>>,
) -> bool {
    let mut sent = 0;
    pace.begin(front);
    let Client { stream, timer, .. } = client;
    let all = poll_fn(|cx| {
        while let Some(rest) = bytes.get(sent..).filter(|rest| !rest.is_empty()) {
            let written = Pin::new(&mut *stream).poll_write(cx, rest);
            if written.is_pending() {
                return pace.poll(cx, timer, sent as u64).map(|()| false);
            }
            match ready!(written) {
                Ok(count) if count > 0 => sent += count,
                _ => return Poll::Ready(false),
            }
        }
        match close(stream, cx) {
            Poll::Pending => pace.poll(cx, timer, sent as u64).map(|()| false),
            Poll::Ready(closed) => Poll::Ready(closed.is_ok()),
        }
    })
    .await;
    timer.clear();
    all
}
