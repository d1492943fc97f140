//! HTTP on the client's side: HTTP/1 as one task a connection, one exchange after another; HTTP/2 as one a stream.

mod answer;
mod await_answer;
mod compress;
mod exchange;
mod forward;
mod grpc;
mod multiplex;
mod open;
mod plain_cookie;
mod record;
mod redirect;
mod relay;
mod repeat;
mod reply;
mod route;
mod send_head;
mod sticky;
mod switch;
mod unreadable;
mod view;

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

pub use answer::{Manner, Reason, phrase, write_answer_as, write_reason};
pub use exchange::{After, Exchange};
pub use open::named;
pub use record::finish;
pub use reply::{finish_reply, manner, redirect, reply, send, settle};
pub use route::backend_named;
pub use sticky::{Visit, from_cookie, set_cookie};
pub use switch::take_over;
pub use view::{RequestView, Scene};

use tokio::io::AsyncWrite;

use crate::client::Client;
use crate::farewell::farewell;
use crate::http2;
use crate::stream::Stream;
use crate::wire::FrontendTimeouts;

/// How long a connection that has just come may still ask for something when idle ones are closed.
const NEWCOMER_MS: u64 = 1_000;

/// Bytes that are still read after the last answer.
const FAREWELL_BYTES: usize = 4 * 1024 * 1024;

/// Serves a connection from accept to close.
pub fn serve(client: Client) -> impl Future<Output = ()> {
    serve_on(client, true)
}

/// Serves a connection that waits for a request, `first` or not, to its close.
///
/// What is rare on the way is boxed, and the client is captured rather than passed, so that the task of an idle
/// connection stays small.
#[allow(clippy::manual_async_fn, reason = "an async fn would hold its argument twice")]
fn serve_on(mut client: Client, mut first: bool) -> impl Future<Output = ()> {
    async move {
        // What is not the client's data, such as messages of TLS itself, makes it no less idle.
        let mut is_timed = false;
        loop {
            let Some(timeouts) = timeouts(&client) else { return };
            if !is_timed {
                client.timer.set(if first { timeouts.header } else { timeouts.keep_alive });
            }
            if !idle(&mut client, first).await {
                if first && client.timer.expired() {
                    Box::pin(exchange::tell_late(&mut client)).await;
                }
                return Box::pin(part(&mut client.stream)).await;
            }
            let mut exchange = client.worker.take_exchange();
            let after = exchange::converse(&mut client, &mut exchange, first).await;
            if after == After::Http2 {
                return multiplexed(client, exchange).await;
            }
            client.worker.put_exchange(exchange);
            is_timed = after == After::Nothing;
            match after {
                After::Nothing if client.timer.expired() => return,
                After::Nothing => {}
                After::Idle => first = false,
                After::Close | After::Http2 => return,
                After::Linger => {
                    return Box::pin(farewell(&mut client.stream, &client.timer, FAREWELL_BYTES)).await;
                }
            }
        }
    }
}

/// Serves a connection on from where it turned out to speak HTTP/2.
fn multiplexed(client: Client, exchange: Box<Exchange>) -> Pin<Box<dyn Future<Output = ()>>> {
    let read = exchange.input.data().to_vec();
    client.worker.put_exchange(exchange);
    Box::pin(http2::serve(client, read))
}

/// Serves the one request of a stream.
pub async fn serve_stream(mut client: Client) {
    let mut exchange = client.worker.take_exchange();
    let after = exchange::converse(&mut client, &mut exchange, true).await;
    client.worker.put_exchange(exchange);
    if let Stream::Served(stream) = &mut client.stream {
        let answered = matches!(after, After::Idle | After::Linger);
        poll_fn(|cx| stream.poll_close(cx, answered)).await;
    }
}

fn timeouts(client: &Client) -> Option<FrontendTimeouts> {
    let found = client.place.find(&client.worker, &client.worker.tables())?;
    Some(found.frontend.spec.timeouts)
}

/// Waits for the next head, holding no buffer; false when the connection is to be closed instead.
fn idle(client: &mut Client, first: bool) -> impl Future<Output = bool> {
    let epoch = if first { client.epoch() } else { client.worker.idle_epoch.get() };
    let since = client.worker.deadlines.now_ms();
    let mut is_hurried = false;
    poll_fn(move |cx| {
        if client.stream.poll_read_ready(cx).is_ready() {
            return Poll::Ready(true);
        }
        let is_unwanted = client.worker.idle_epoch.get() != epoch;
        if is_unwanted && first && !is_hurried {
            // Its first request is on its way: it cannot know that it came too late.
            client.timer.set(NEWCOMER_MS);
            is_hurried = true;
        }
        if is_unwanted && !first || client.worker.is_spared(since) {
            return Poll::Ready(false);
        }
        client.timer.poll(cx).map(|()| false)
    })
}

/// Says that nothing more comes where that is not the same as closing, to whoever takes it at once.
async fn part(stream: &mut Stream) {
    if stream.plain().is_none() {
        poll_fn(|cx| {
            let _: Poll<std::io::Result<()>> = Pin::new(&mut *stream).poll_shutdown(cx);
            Poll::Ready(())
        })
        .await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size_of_task<F>(_: fn(Client) -> F) -> usize {
        size_of::<F>()
    }

    /// An idle connection is a task and a socket; the goal is 2 KiB of our memory for both.
    #[test]
    fn an_idle_connection_is_small() {
        let size = size_of_task(serve);
        assert!(size <= 1248, "the task of a connection has {size} bytes");
    }
}
