//! The socket under an HTTP/2 connection to a server: when the server was heard is noted, and what it sends is metered.

use std::cell::Cell;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use tenbin_proto::frames::{Seen, Walker};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::back_meter::Meter;
use crate::deadline::Deadlines;
use crate::stream::Stream;

/// When the server was heard.
pub struct Ears {
    deadlines: Rc<Deadlines>,
    /// At last, in milliseconds of the worker.
    pub at_ms: Cell<u64>,
    /// How often.
    pub reads: Cell<u64>,
}

/// See the module.
pub struct Wire {
    stream: Stream,
    ears: Rc<Ears>,
    received: Walker,
    sent: Walker,
    meter: Meter,
}

impl Ears {
    /// Of a new connection.
    pub fn new(deadlines: Rc<Deadlines>) -> Self {
        let now = deadlines.now_ms();
        Self { deadlines, at_ms: Cell::new(now), reads: Cell::new(0) }
    }
}

impl Wire {
    /// A connection on which nothing was said yet.
    pub fn new(stream: Stream, ears: Rc<Ears>) -> Self {
        let meter = Meter::new(ears.at_ms.get());
        Self { stream, ears, received: Walker::default(), sent: Walker::behind_preface(), meter }
    }

    fn passed(&mut self, mut count: usize, parts: &[IoSlice<'_>]) {
        let Self { sent, meter, .. } = self;
        for part in parts {
            let part = part.get(..count).unwrap_or(part);
            count -= part.len();
            sent.walk(part, |frame| {
                meter.sent(frame);
                Seen::Further
            });
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Self { stream, ears, received, meter, .. } = self.get_mut();
        let before = buffer.filled().len();
        ready!(Pin::new(stream).poll_read(cx, buffer))?;
        let bytes = buffer.filled().get(before..).unwrap_or_default();
        let now = ears.deadlines.now_ms();
        if !bytes.is_empty() {
            ears.at_ms.set(now);
            ears.reads.set(ears.reads.get() + 1);
        }
        let mut is_fair = true;
        received.walk(bytes, |frame| {
            is_fair = meter.received(frame, now);
            if is_fair { Seen::Further } else { Seen::Stop }
        });
        Poll::Ready(if is_fair { Ok(()) } else { Err(io::ErrorKind::InvalidData.into()) })
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let count = ready!(Pin::new(&mut this.stream).poll_write(cx, bytes))?;
        this.passed(count, &[IoSlice::new(bytes)]);
        Poll::Ready(Ok(count))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let count = ready!(Pin::new(&mut this.stream).poll_write_vectored(cx, parts))?;
        this.passed(count, parts);
        Poll::Ready(Ok(count))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
