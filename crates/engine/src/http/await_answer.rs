//! Send and await: the request goes up while the head of an answer is waited for.
//!
//! Ends with the head of a final answer, or with what went wrong; what that means for the request is for `forward`.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};

use tenbin_proto::{Asked, Limits, Method, Progress, Reject};

use super::answer::Reason;
use super::exchange::Exchange;
use super::forward::Course;
use super::{send_head, unreadable};
use crate::client::Client;
use crate::ending::Phase;
use crate::flow::{FlowError, Waiting};
use crate::http2::Fate;
use crate::stream::Stream;
use crate::tables::{Backend, Server};
use crate::wire::{BackendLimits, Frontend};
use crate::worker::Cut;

/// Interim answers that one request may get.
const MOST_INTERIM: u32 = 20;

/// Why a try failed.
pub enum Failure {
    /// The server closed before it answered.
    Closed,
    /// It reset the connection without a word.
    Reset,
    /// The server has refused it before it began with it.
    Untouched,
    /// It said nothing in time.
    Timeout,
    /// It said something that is no answer.
    Bad(Reject),
    /// It broke the rules of HTTP/2.
    Malformed,
    /// The request cannot be said in the server's protocol.
    Unfit,
    /// More interim answers than anyone needs.
    TooManyInterim,
    /// Its status is one that the backend retries.
    Status,
    /// It went down while it was waited for, and the backend leaves such servers at once.
    Down,
    /// The client went away.
    ClientGone,
    /// It was ended from outside.
    Ended,
    /// The client's body is at fault.
    Body(Reason),
}

/// Sends the request and reads until the head of its final answer is whole in `x.response`.
pub async fn await_answer(
    client: &mut Client,
    x: &mut Exchange,
    (course, backend, index): (&Course<'_>, &Backend, usize),
    stream: &mut Stream,
) -> Result<(), Failure> {
    let front = &course.found.frontend.spec;
    let leaves =
        |server: &Arc<Server>| backend.spec.close_on_down.then(|| client.worker.attach(server, true));
    let cut = backend.servers.get(index).and_then(leaves);
    x.output.clear();
    #[cfg(all(test, not(tenbin_loom)))]
    crate::stress::panic_if_asked(x.input.head());
    for _ in 0..=MOST_INTERIM {
        let read = read_answer(client, x, (front, backend, cut.as_ref()), stream).await;
        if let Err(Failure::Bad(reject)) = &read {
            unreadable::answer(client, x, (&front.name, backend, index), reject.offset);
        }
        let interim = read?;
        if !interim {
            return Ok(());
        }
        if !Box::pin(send_head::interim(client, x, front)).await {
            return Err(Failure::ClientGone);
        }
        x.continued |= x.response.status == 100;
        x.output.consume(x.response.length);
        x.output.next_message();
    }
    Err(Failure::TooManyInterim)
}

/// Drives the request upwards and reads one head; true when it is an interim one.
async fn read_answer(
    client: &mut Client,
    x: &mut Exchange,
    (front, backend, cut): (&Frontend, &Backend, Option<&Cut>),
    server: &mut Stream,
) -> Result<bool, Failure> {
    let timeout = x.state.overrides.server.unwrap_or(backend.spec.timeouts.server);
    let asked = Asked {
        head: x.request.method == Method::Head,
        upgrade: !x.request.upgrade.is_empty(),
        connect: x.request.method == Method::Connect,
    };
    let BackendLimits { head: head_bytes, fields } = backend.spec.limits;
    let limits = Limits { head_bytes, fields, ..Limits::default() };
    x.scanned = 0;
    x.timer.set(timeout);
    x.pace.begin(front);
    let mut progress = x.up.progress;
    let result = poll_fn(|cx| {
        if let Poll::Ready(failure) = push_up(cx, client, x, server) {
            return Poll::Ready(Err(failure));
        }
        if x.up.progress != progress || x.up.waiting == Waiting::Turn {
            progress = x.up.progress;
            x.timer.set(timeout);
        }
        loop {
            if !x.output.data().is_empty() {
                match x.response.parse(x.output.data(), &mut x.scanned, &limits, asked) {
                    Ok(Progress::Complete) => return Poll::Ready(take_head(x)),
                    Ok(Progress::Partial) => {}
                    Err(reject) => return Poll::Ready(Err(Failure::Bad(reject))),
                }
                if x.output.is_full() {
                    x.output.grow(limits.head_bytes + x.buffer_bytes);
                }
            }
            match x.output.poll_fill(cx, server) {
                Poll::Ready(Ok(count)) if count > 0 => {}
                Poll::Ready(read) => {
                    let is_reset = read.is_err() && x.output.data().is_empty();
                    return Poll::Ready(Err(closed(server, is_reset)));
                }
                Poll::Pending => break,
            }
        }
        if let Some(failure) = left(cx, client, x, cut) {
            return Poll::Ready(Err(failure));
        }
        // A client that waits to be told to go on waits for the server.
        let asks = x.request.expect_continue && !x.continued && x.up.body_bytes == 0;
        if x.up.waiting == Waiting::Read && !asks {
            x.timer.set(timeout);
            let slow = x.pace.poll(cx, &client.timer, x.up.body_bytes);
            return slow.map(|()| Err(Failure::Body(Reason::BodyTimeout)));
        }
        x.pace.rest(&client.timer);
        x.timer.poll(cx).map(|()| Err(Failure::Timeout))
    })
    .await;
    x.timer.clear();
    client.timer.clear();
    result
}

/// Whether a head that was read is an interim one; a switch goes only where the client asked to.
fn take_head(x: &Exchange) -> Result<bool, Failure> {
    let asked = x.request.upgrade.of(x.state.request_bytes(x.input.head()));
    x.response.check_switch(x.output.data(), asked).map_err(Failure::Bad)?;
    Ok(x.response.status < 200 && x.response.status != 101)
}

/// Why there is no more to read.
fn closed(server: &Stream, is_reset: bool) -> Failure {
    match server.fate() {
        Fate::Unknown if is_reset => Failure::Reset,
        Fate::Unknown => Failure::Closed,
        Fate::Untouched => Failure::Untouched,
        Fate::Malformed => Failure::Malformed,
        Fate::Unfit => Failure::Unfit,
    }
}

/// Why nobody waits any more, or for nobody.
fn left(cx: &mut Context<'_>, client: &mut Client, x: &mut Exchange, cut: Option<&Cut>) -> Option<Failure> {
    if client.is_reset(cx) {
        return Some(Failure::ClientGone);
    }
    if x.is_killed(Phase::Head) {
        return Some(Failure::Ended);
    }
    cut.is_some_and(|cut| cut.poll(cx)).then_some(Failure::Down)
}

/// Sends what can be sent of the request; ready only when that has failed for good.
fn push_up(
    cx: &mut Context<'_>,
    client: &mut Client,
    x: &mut Exchange,
    server: &mut Stream,
) -> Poll<Failure> {
    if x.up.finished() {
        return Poll::Pending;
    }
    match x.up.poll(cx, &mut x.input, (&mut client.stream, server), &client.worker.pipes) {
        Poll::Pending => Poll::Pending,
        Poll::Ready(Ok(())) => {
            // An answer that is there when the last piece of a long body leaves was made without it.
            let mut spoken = || !x.output.data().is_empty() || server.has_spoken();
            x.early = !x.up.replayable() && spoken();
            Poll::Pending
        }
        // The server may have answered already; what it said decides.
        Poll::Ready(Err(FlowError::Write)) => {
            x.up.abandon();
            Poll::Pending
        }
        Poll::Ready(Err(FlowError::Read | FlowError::Truncated)) => Poll::Ready(Failure::ClientGone),
        Poll::Ready(Err(FlowError::Bad(reject))) => Poll::Ready(Failure::Body(Reason::Rejected(reject))),
        Poll::Ready(Err(FlowError::TooBig)) => Poll::Ready(Failure::Body(Reason::BodyTooBig)),
    }
}
