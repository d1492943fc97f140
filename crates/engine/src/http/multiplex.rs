//! Connections to servers that requests share: who opens one, who waits for it, and which protocol it speaks.

use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;

use super::exchange::Exchange;
use super::open::keeps;
use crate::deadline::Timer;
use crate::http2::{Asked, Link, MOST_STREAMS, Opener, Terms, Waiter};
use crate::stream::Stream;
use crate::tables::{Backend, Server};
use crate::upstream::{ConnectError, hurry};
use crate::wire::Protocol;
use crate::worker::Worker;

/// Whether a connection to the server may carry several requests at once.
pub fn shares(backend: &Backend, server: &Server) -> bool {
    let may = match backend.spec.protocol {
        Protocol::Http1 => false,
        Protocol::Http2 => true,
        Protocol::Auto => server.tls.is_some(),
    };
    may && keeps(backend, server)
}

/// Waits for a connection that somebody else opens.
pub async fn wait(waiter: &Waiter, timer: &Timer, timeout_ms: u64) -> Result<(), ConnectError> {
    timer.set(timeout_ms);
    let opened = poll_fn(|cx| {
        if let Poll::Ready(opened) = waiter.poll(cx) {
            return Poll::Ready(opened);
        }
        timer.poll(cx).map(|()| Err(ConnectError::Timeout))
    })
    .await;
    timer.clear();
    opened
}

/// Begins HTTP/2 on a new connection; gives its first stream. Others that wait for it share it.
pub async fn speak(
    worker: &Worker,
    (backend, server): (&Backend, &Arc<Server>),
    stream: Stream,
    opener: Option<&Opener>,
) -> Result<Stream, ConnectError> {
    stream.plain().into_iter().for_each(hurry);
    let is_shared = opener.is_some();
    let chosen = stream.chosen().cloned();
    let terms = terms(worker, (backend, server), opener.map_or(1, Opener::guess), is_shared);
    // Its few bytes find room in the socket at once.
    let Ok(link) = Link::open(stream, terms).await else { return Err(ConnectError::Failed) };
    let asked = link.stream().ok_or(ConnectError::Failed)?;
    if is_shared {
        worker.pools.share(server, (chosen, link), worker.index, backend.spec.pool.max_idle);
    }
    Ok(Stream::Asked(Box::new(asked)))
}

/// Whether the request is the handshake of a WebSocket.
pub fn is_websocket(x: &Exchange) -> bool {
    let asked = x.request.upgrade;
    !asked.is_empty() && asked.of(x.state.request_bytes(x.input.head())).eq_ignore_ascii_case(b"websocket")
}

/// Has a stream carry a WebSocket; false when the server knows none over HTTP/2. It says so with its first word.
pub async fn extend(stream: &mut Asked, timer: &Timer, timeout_ms: u64) -> Result<bool, ConnectError> {
    timer.set(timeout_ms);
    let extended = poll_fn(|cx| {
        if let Poll::Ready(extended) = stream.poll_extended(cx) {
            return Poll::Ready(Ok(extended));
        }
        timer.poll(cx).map(|()| Err(ConnectError::Timeout))
    })
    .await;
    timer.clear();
    extended
}

/// Whether a new connection speaks HTTP/2.
pub fn is_chosen(protocol: Protocol, stream: &Stream) -> Result<bool, ConnectError> {
    let chosen = match stream {
        Stream::Tls(tls) => tls.alpn(),
        _ => None,
    };
    match (protocol, chosen) {
        (Protocol::Http1, _) => Ok(false),
        (Protocol::Http2, Some(b"h2") | None) => Ok(true),
        (Protocol::Http2, Some(_)) => Err(ConnectError::Failed),
        (Protocol::Auto, chosen) => Ok(chosen == Some(b"h2")),
    }
}

fn terms(worker: &Worker, (backend, server): (&Backend, &Server), guess: usize, is_shared: bool) -> Terms {
    let (timeouts, pool) = (&backend.spec.timeouts, &backend.spec.pool);
    let either = [timeouts.connect, timeouts.server].into_iter().filter(|limit| *limit > 0).min();
    Terms {
        head_bytes: backend.spec.limits.head,
        streams: if is_shared { MOST_STREAMS } else { 1 },
        most: server.max_reuse.map(|reuses| reuses.saturating_add(1)),
        guess,
        keeps: is_shared && pool.max_idle > 0,
        idle_ms: pool.idle_timeout,
        // A connection is asked for a sign of life as long as a new one is.
        doubt_ms: either.unwrap_or(0),
        dead_ms: timeouts.server,
        counters: Arc::clone(&server.counters),
        worker: worker.index,
        deadlines: Rc::clone(&worker.deadlines),
    }
}
