//! The socket under an HTTP/2 connection: bytes that were read before come first, and the frames that pass are counted.
//!
//! Not a byte is handed up behind the frame that spends the glitch budget. When it is dropped it gives the socket back.

use std::cell::{Cell, RefCell};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use tenbin_proto::frames::{Kind, Seen, Walker};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::glitches::Budget;
use crate::stream::Stream;

/// What is known of a connection beside what the protocol says.
pub struct Watch {
    /// What of no use it may still do.
    pub budget: RefCell<Budget>,
    /// Where the socket goes when the protocol has ended.
    pub socket: Cell<Option<Stream>>,
    /// The client broke a rule that the protocol's implementation does not look at.
    pub is_broken: Cell<bool>,
}

impl Watch {
    /// Nothing more of the client is read.
    pub fn is_over(&self) -> bool {
        self.is_broken.get() || self.budget.borrow().is_spent()
    }
}

/// See the module.
pub struct Watched {
    stream: Option<Stream>,
    read: Vec<u8>,
    taken: usize,
    received: Walker,
    sent: Walker,
    /// The last stream that a client has begun.
    newest: u32,
    watch: Rc<Watch>,
}

impl Watched {
    /// A connection whose client has sent so much already.
    pub fn new(stream: Stream, read: Vec<u8>, watch: Rc<Watch>) -> Self {
        let received = Walker::behind_preface();
        Self { stream: Some(stream), read, taken: 0, received, sent: Walker::default(), newest: 0, watch }
    }

    fn stream(&mut self) -> io::Result<Pin<&mut Stream>> {
        self.stream.as_mut().map(Pin::new).ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    /// Counts frames of ours.
    fn passed(&mut self, mut count: usize, parts: &[IoSlice<'_>]) {
        let budget = &mut *self.watch.budget.borrow_mut();
        for part in parts {
            let part = part.get(..count).unwrap_or(part);
            count -= part.len();
            self.sent.walk(part, |frame| {
                budget.sent(frame);
                Seen::Further
            });
        }
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.watch.is_over() {
            // Whoever drives the connection asks the same when there is nothing more to read.
            return Poll::Pending;
        }
        let before = buffer.filled().len();
        if let Some(rest) = this.read.get(this.taken..).filter(|rest| !rest.is_empty()) {
            let count = rest.len().min(buffer.remaining());
            buffer.put_slice(rest.get(..count).unwrap_or_default());
            this.taken += count;
        } else {
            (this.read, this.taken) = (Vec::new(), 0);
            ready!(this.stream()?.poll_read(cx, buffer))?;
        }
        let bytes = buffer.filled().get(before..).unwrap_or_default();
        let Self { received, newest, watch, .. } = this;
        let walked = received.walk(bytes, |frame| {
            watch.budget.borrow_mut().received(frame);
            if frame.kind == Kind::Headers {
                // What comes again for a stream are trailers.
                watch.is_broken.set(frame.stream <= *newest && frame.begins_with_pseudo_header());
                *newest = frame.stream.max(*newest);
            }
            if watch.is_over() { Seen::Stop } else { Seen::Further }
        });
        if watch.is_broken.get() {
            // Not even what ends the stream is passed on: the server would have a whole request of it.
            buffer.set_filled(before);
            return Poll::Pending;
        }
        buffer.set_filled(before + walked);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Watched {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let count = ready!(this.stream()?.poll_write(cx, bytes))?;
        this.passed(count, &[IoSlice::new(bytes)]);
        Poll::Ready(Ok(count))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let count = ready!(this.stream()?.poll_write_vectored(cx, parts))?;
        this.passed(count, parts);
        Poll::Ready(Ok(count))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.as_ref().is_some_and(AsyncWrite::is_write_vectored)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().stream()?.poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().stream()?.poll_shutdown(cx)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.watch.socket.set(self.stream.take());
    }
}
