//! From TCP to HTTP: a connection whose first bytes rules have looked at, and found to be a request.
//!
//! What was read of it is where its first request begins, and what rules have noted of it is that request's. Streams of
//! HTTP/2 are requests of their own, so nothing of that is theirs.

use tenbin_proto::frames::PREFACE;
use tenbin_rules::{TlsFact, Value};

use super::exchange::{self, After, Exchange};
use super::{FAREWELL_BYTES, multiplexed, serve_on, timeouts};
use crate::buffer::Buffer;
use crate::client::Client;
use crate::connection::ConnectionView;
use crate::farewell::farewell;
use crate::http2;
use crate::rules::Brought;
use crate::stream::Stream;
use crate::tables::Protocol;

/// Serves it on from where it turned out to be one of HTTP.
pub async fn take_over(mut client: Client, view: ConnectionView, protocol: Protocol) {
    let ConnectionView { heard, variables, captures, throttles, log_level, peer, .. } = view;
    if speaks_http2(&client, &heard, protocol) {
        return http2::serve(client, heard).await;
    }
    let Some(timeouts) = timeouts(&client) else { return };
    let may_be_http2 = protocol == Protocol::Shown;
    let source = (peer != client.peer).then_some(peer);
    let mut x = client.worker.take_exchange();
    x.input = Buffer::holding(&heard, x.buffer_bytes);
    x.brought = Some(Box::new(Brought { variables, captures, throttles, log_level, may_be_http2, source }));
    drop(heard);
    let after = loop {
        client.timer.set(timeouts.header);
        match exchange::converse(&mut client, &mut x, true).await {
            // Rules have not waited for it to say something.
            After::Nothing if super::idle(&mut client, true).await => {}
            after => break after,
        }
    };
    if after == After::Http2 {
        return multiplexed(client, x).await;
    }
    client.worker.put_exchange(x);
    match after {
        After::Idle => serve_on(client, false).await,
        After::Linger => farewell(&mut client.stream, &client.timer, FAREWELL_BYTES).await,
        After::Close | After::Http2 | After::Nothing => {}
    }
}

/// Whether rules have judged the first bytes of a request before they were one; then what they noted is the request's.
pub(super) fn was_judged(x: &mut Exchange) -> bool {
    let Some(mut brought) = x.brought.take() else { return false };
    [x.up.throttle, x.down.throttle] = std::mem::take(&mut brought.throttles);
    x.state.bring(*brought);
    true
}

/// Whether it is the preface that no head of HTTP/1 begins with, as far as it has come. Over TLS it is agreed on before.
pub(super) fn begins_http2(stream: &Stream, x: &Exchange) -> bool {
    let bytes = x.input.data();
    let come = bytes.get(..PREFACE.len()).unwrap_or(bytes);
    let may_be = stream.plain().is_some() && x.brought.as_ref().is_none_or(|brought| brought.may_be_http2);
    may_be && come.len() >= b"PRI *".len() && PREFACE.starts_with(come)
}

/// Whether the rule says so, or the handshake, or the first bytes.
fn speaks_http2(client: &Client, heard: &[u8], protocol: Protocol) -> bool {
    match protocol {
        Protocol::Http1 => false,
        Protocol::Http2 => true,
        Protocol::Shown => {
            matches!(client.tls().tell(TlsFact::Alpn), Value::Str(name) if name.as_ref() == b"h2")
                || heard.starts_with(PREFACE)
        }
    }
}
