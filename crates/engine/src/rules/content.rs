//! The `content` sets of connections: run on the first bytes, which are waited for within a delay.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tenbin_proto::hello;
use tokio::io::{AsyncRead, ReadBuf};

use super::connection::{self, Admission};
use crate::client::Client;
use crate::connection::{Asked, ConnectionView};
use crate::stream::Stream;
use crate::tables::{Act, Protocol, Rule};

/// Bytes that rules may look at.
const MOST_BYTES: usize = 16 * 1024;

/// What a connection is after a set.
pub enum Onward {
    /// What it was.
    Tcp,
    /// One of HTTP.
    Http(Protocol),
}

/// Runs a set; how the connection goes on, if it does. A rule that more bytes may decide is asked again when they have come,
/// until the delay is over.
pub async fn content(
    client: &mut Client,
    view: &mut ConnectionView,
    (set, delay_ms): (&[Rule], u64),
) -> Option<Onward> {
    let timer = client.worker.deadlines.timer();
    if delay_ms > 0 {
        timer.set(delay_ms);
    } else {
        view.is_final = true;
    }
    let mut index = 0;
    let admission = poll_fn(|cx| {
        loop {
            if let Some(admission) = go_on(set, &mut index, view) {
                return Poll::Ready(admission);
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
    match admission {
        Admission::In => return Some(Onward::Tcp),
        Admission::Http(protocol) => return Some(Onward::Http(protocol)),
        Admission::Dropped => client.stream.reset_on_close(),
        Admission::Refused | Admission::Last => {}
    }
    super::denied(&view.found, None, client.worker.index);
    None
}

/// Runs a set from `index` on; None: more bytes may decide the rule there.
pub(super) fn go_on(set: &[Rule], index: &mut usize, view: &mut ConnectionView) -> Option<Admission> {
    while let Some(rule) = set.get(*index) {
        let holds = match &rule.when {
            Some(when) if view.is_final => when.test(view),
            Some(when) => when.decided(view)?,
            None => true,
        };
        view.keep_assigned();
        if holds && matches!(rule.act, Act::Capture { .. }) {
            let may_wait = !view.is_final;
            if !connection::capture(view, &rule.act, may_wait) {
                return None;
            }
        } else if holds && let Some(admission) = connection::perform(view, &rule.act) {
            *index += 1;
            return Some(admission);
        }
        *index += 1;
    }
    Some(Admission::In)
}

/// Reads what has come; false when there is no more, or no more is wanted.
fn fill(cx: &mut Context<'_>, client: &mut Client, view: &mut ConnectionView) -> Poll<bool> {
    let more = ready!(take(cx, &mut client.stream, &mut view.heard));
    if more && let Ok(Some(hello)) = hello::read(&view.heard) {
        let name = Some(hello.server_name).filter(|name| !name.is_empty());
        let protocols = Some(hello.protocols.join(&b","[..])).filter(|list| !list.is_empty());
        view.asked = Some(Asked { name, protocols });
    }
    Poll::Ready(more)
}

/// Appends what has come; false when there is no more, or no more is wanted.
pub(super) fn take(cx: &mut Context<'_>, from: &mut Stream, bytes: &mut Vec<u8>) -> Poll<bool> {
    let room = MOST_BYTES.saturating_sub(bytes.len());
    if room == 0 {
        return Poll::Ready(false);
    }
    let mut some = [0; 2048];
    let mut buffer = ReadBuf::new(some.get_mut(..room.min(2048)).unwrap_or_default());
    match ready!(Pin::new(from).poll_read(cx, &mut buffer)) {
        Ok(()) if !buffer.filled().is_empty() => {
            bytes.extend_from_slice(buffer.filled());
            Poll::Ready(true)
        }
        _ => Poll::Ready(false),
    }
}
