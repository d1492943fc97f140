//! The socket under an HTTP/2 connection: bytes that were read before come first, and the frames that pass are counted.
//!
//! Not a byte is handed up behind the frame that spends the glitch budget. When it is dropped it gives the socket back.

use std::cell::{Cell, RefCell};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use tenbin_proto::frames::{Seen, Walker};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::glitches::Budget;
use crate::stream::Stream;

/// What is known of a connection beside what the protocol says.
pub struct Watch {
    /// What of no use it may still do.
    pub budget: RefCell<Budget>,
    /// Where the socket goes when the protocol has ended.
    pub socket: Cell<Option<Stream>>,
}

/// See the module.
pub struct Watched {
    stream: Option<Stream>,
    read: Vec<u8>,
    taken: usize,
    received: Walker,
    sent: Walker,
    watch: Rc<Watch>,
}

impl Watched {
    /// A connection whose client has sent so much already.
    pub fn new(stream: Stream, read: Vec<u8>, watch: Rc<Watch>) -> Self {
        let received = Walker::behind_preface();
        Self { stream: Some(stream), read, taken: 0, received, sent: Walker::default(), watch }
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
        if this.watch.budget.borrow().is_spent() {
            // Whoever drives the connection looks at the budget when there is nothing more to read.
            return Poll::Pending;
        }
        let before = buffer.filled().len();
        match this.read.get(this.taken..).filter(|rest| !rest.is_empty()) {
            Some(rest) => {
                let count = rest.len().min(buffer.remaining());
                buffer.put_slice(rest.get(..count).unwrap_or_default());
                this.taken += count;
            }
            None => {
                this.read = Vec::new();
                this.taken = 0;
                ready!(this.stream()?.poll_read(cx, buffer))?;
            }
        }
        let bytes = buffer.filled().get(before..).unwrap_or_default();
        let budget = &mut *this.watch.budget.borrow_mut();
        let walked = this.received.walk(bytes, |frame| {
            budget.received(frame);
            if budget.is_spent() { Seen::Stop } else { Seen::Further }
        });
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
