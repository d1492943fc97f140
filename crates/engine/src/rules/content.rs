//! The `content` sets of connections: run on the first bytes, which are waited for within a delay.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

use tenbin_proto::hello;
use tokio::io::{AsyncRead, ReadBuf};

use super::connection::{self, Admission};
use crate::client::Client;
use crate::connection::{Asked, ConnectionView};
use crate::tables::Rule;

/// Bytes that rules may look at.
const MOST_BYTES: usize = 16 * 1024;

/// Runs a set; whether the connection goes on. A rule that looks at bytes and does not hold is asked again when more
/// have come, until the delay is over.
pub async fn content(
    client: &mut Client,
    view: &mut ConnectionView,
    (set, delay_ms): (&[Rule], u64),
) -> bool {
    let timer = client.worker.deadlines.timer();
    if delay_ms > 0 {
        timer.set(delay_ms);
    } else {
        view.is_final = true;
    }
    let mut index = 0;
    let admission = poll_fn(|cx| {
        loop {
            while let Some(rule) = set.get(index) {
                let holds = rule.when.as_ref().is_none_or(|when| when.test(view));
                view.keep_assigned();
                let looks = rule.when.as_ref().is_some_and(tenbin_rules::Expr::asks_body);
                if !holds && looks && !view.is_final {
                    break;
                }
                index += 1;
                if holds && let Some(admission) = connection::perform(view, &rule.act) {
                    return Poll::Ready(admission);
                }
            }
            if index >= set.len() {
                return Poll::Ready(Admission::In);
            }
            match fill(cx, client, view) {
                Poll::Ready(true) => {}
                Poll::Ready(false) => view.is_final = true,
                Poll::Pending if timer.poll(cx).is_ready() => view.is_final = true,
                Poll::Pending => return Poll::Pending,
            }
        }
    })
    .await;
    timer.clear();
    view.is_final = false;
    if admission == Admission::In {
        return true;
    }
    super::denied(&view.found, None, client.worker.index);
    if admission == Admission::Dropped {
        client.stream.reset_on_close();
    }
    false
}

/// Reads what has come; false when there is no more, or no more is wanted.
fn fill(cx: &mut std::task::Context<'_>, client: &mut Client, view: &mut ConnectionView) -> Poll<bool> {
    let room = MOST_BYTES.saturating_sub(view.heard.len());
    if room == 0 {
        return Poll::Ready(false);
    }
    let mut bytes = [0; 2048];
    let mut buffer = ReadBuf::new(bytes.get_mut(..room.min(2048)).unwrap_or_default());
    match Pin::new(&mut client.stream).poll_read(cx, &mut buffer) {
        Poll::Pending => Poll::Pending,
        Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {
            view.heard.extend_from_slice(buffer.filled());
            if let Ok(Some(hello)) = hello::read(&view.heard) {
                let name = Some(hello.server_name).filter(|name| !name.is_empty());
                let protocols = Some(hello.protocols.join(&b","[..])).filter(|list| !list.is_empty());
                view.asked = Some(Asked { name, protocols });
            }
            Poll::Ready(true)
        }
        Poll::Ready(_) => Poll::Ready(false),
    }
}
