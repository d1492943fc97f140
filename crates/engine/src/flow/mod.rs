//! One direction of a message body: from one socket through one buffer to the other, framed anew.
//!
//! What is staged stays in the buffer until the next read, so a message that fits whole can be sent again to another
//! server. Memory is the buffer; a peer that does not take holds the other one back. What is long and needs no framing
//! of ours goes past our memory, through a pipe (`piped`). What is made smaller goes through a press (`press`): then what
//! is staged is what came out of it.

mod content;
mod piped;
mod press;
#[cfg(test)]
pub mod testing;

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use rustix::net::{SendAncillaryBuffer, SendFlags, sendmsg};
use tenbin_proto::{Body, ChunkDecoder, Reject};
use tokio::io::AsyncWrite;
use tokio::net::TcpStream;

pub use self::content::Content;
pub use self::press::{Press, Presses};
use crate::buffer::Buffer;
use crate::splice::{Pipe, Pipes};
use crate::stream::Stream;
use crate::throttle::Throttle;

/// How the end of the body is found while reading.
#[derive(Default)]
enum Source {
    /// It has been found.
    #[default]
    Done,
    /// So many bytes are still to come.
    Length(u64),
    /// Chunks.
    Chunked,
    /// Everything until the end of the stream.
    UntilClose,
}

/// How the body is framed while writing.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub enum Sink {
    /// As it is: the length stands in the head, or the connection's end says it.
    #[default]
    Plain,
    /// In chunks of our own.
    Chunked,
    /// As it is; the stream of the connection says where it ends, and carries the trailers.
    Stream,
}

/// What the flow cannot go on without.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub enum Waiting {
    /// Nothing: it has ended.
    #[default]
    Nothing,
    /// Data.
    Read,
    /// Room at the receiver.
    Write,
    /// Its turn: it is limited.
    Turn,
}

/// Why a body did not get through.
#[derive(Debug)]
pub enum FlowError {
    /// The sender's socket failed.
    Read,
    /// The sender ended its stream too early.
    Truncated,
    /// The sender broke the framing, or sent more than allowed.
    Bad(Reject),
    /// The body is larger than the limit.
    TooBig,
    /// The receiver's socket failed.
    Write,
}

/// See the module. Reused from message to message; keeps its memory.
#[derive(Default)]
pub struct Flow {
    /// Bytes that go first: the head, then the header of a chunk.
    pub prefix: Vec<u8>,
    suffix: Vec<u8>,
    /// Trailers of HTTP/2.
    tail: Vec<u8>,
    ready: usize,
    skip: usize,
    sent: usize,
    source: Source,
    sink: Sink,
    decoder: ChunkDecoder,
    pipe: Option<Pipe>,
    /// Makes the body smaller; given before it begins, and taken back after its end.
    pub press: Option<Box<Press>>,
    /// How fast it may be; given and taken back like a press.
    pub throttle: Option<Box<Throttle>>,
    released: bool,
    abandoned: bool,
    /// The receiver knows that this is all.
    closed: bool,
    limit: u64,
    /// What it waits for.
    pub waiting: Waiting,
    /// Bytes of body so far.
    pub body_bytes: u64,
    /// Grows with every byte that moved.
    pub progress: u64,
    /// Grows with every byte that the receiver took.
    pub taken: u64,
}

impl Flow {
    /// Empty: nothing of a message before it shows.
    pub fn reset(&mut self) {
        self.source = Source::Done;
        (self.ready, self.skip, self.sent, self.body_bytes) = (0, 0, 0, 0);
        (self.released, self.abandoned, self.closed) = (false, false, false);
        self.prefix.clear();
        self.suffix.clear();
        self.tail.clear();
        self.pipe = None;
        self.press = None;
        self.throttle = None;
    }

    /// Starts with the head in `prefix` and with what of the body is in the buffer already.
    pub fn begin(
        &mut self,
        body: Body,
        sink: Sink,
        limit: u64,
        buffer: &mut Buffer,
    ) -> Result<(), FlowError> {
        self.source = match body {
            Body::None | Body::Length(0) => Source::Done,
            Body::Length(length) => Source::Length(length),
            Body::Chunked => Source::Chunked,
            Body::UntilClose => Source::UntilClose,
        };
        self.decoder.reset();
        self.sink = sink;
        self.limit = limit;
        (self.ready, self.skip, self.sent, self.body_bytes) = (0, 0, 0, 0);
        (self.released, self.abandoned, self.closed) = (false, false, false);
        self.suffix.clear();
        self.tail.clear();
        self.pipe = None;
        self.waiting = Waiting::Write;
        if self.ended() || buffer.data().is_empty() {
            return Ok(());
        }
        self.stage(buffer)
    }

    /// Whether the end of the body has been read.
    pub fn ended(&self) -> bool {
        matches!(self.source, Source::Done)
    }

    /// Whether there is nothing more to do: all of it was written, or it was given up.
    pub fn finished(&self) -> bool {
        self.abandoned || self.delivered()
    }

    /// Whether all of it was written.
    pub fn delivered(&self) -> bool {
        !self.abandoned && self.closed
    }

    /// Whether the message could be sent again from its first byte.
    pub fn replayable(&self) -> bool {
        !self.released
    }

    /// Whether anything was written.
    pub fn untouched(&self) -> bool {
        self.sent == 0 && !self.released
    }

    /// Sends it, perhaps once more, behind the head that `write` appends and framed like this. Only while replayable.
    pub fn address(&mut self, sink: Sink, write: impl FnOnce(&mut Vec<u8>)) {
        self.prefix.clear();
        self.suffix.clear();
        write(&mut self.prefix);
        self.sink = sink;
        if sink == Sink::Chunked {
            self.frame();
        }
        self.sent = 0;
        (self.abandoned, self.closed) = (false, false);
        self.waiting = Waiting::Write;
    }

    /// Gives up: nothing more is read or written, unless it is sent again. What is still to come is remembered.
    pub fn abandon(&mut self) {
        self.abandoned = true;
        self.waiting = Waiting::Nothing;
    }

    /// Drops what was sent from the buffer; what follows belongs to the next message.
    pub fn release(&mut self, buffer: &mut Buffer) {
        buffer.consume(self.ready + self.skip);
        if let Some(press) = &mut self.press {
            press.taken();
        }
        self.prefix.clear();
        self.suffix.clear();
        (self.ready, self.skip, self.sent) = (0, 0, 0);
        self.released = true;
    }

    /// Moves all that can be moved now; ready when the whole body is through.
    pub fn poll(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut Buffer,
        (from, to): (&mut Stream, &mut Stream),
        pipes: &Pipes,
    ) -> Poll<Result<(), FlowError>> {
        let mut pieces = 0;
        loop {
            self.waiting = Waiting::Write;
            if self.sent < self.staged() {
                ready!(self.poll_flush(cx, buffer, to)).map_err(|_| FlowError::Write)?;
            }
            if self.pipe.is_some() {
                ready!(self.poll_drain(cx, to, pipes)).map_err(|_| FlowError::Write)?;
            }
            if self.ended() {
                if !self.closed {
                    ready!(to.poll_end(cx, trailers(&self.tail, &self.decoder)))
                        .map_err(|_| FlowError::Write)?;
                    self.closed = true;
                }
                self.waiting = Waiting::Nothing;
                return Poll::Ready(Ok(()));
            }
            // Nobody waits for the rest while the receiver waits for what is here.
            ready!(Pin::new(&mut *to).poll_flush(cx)).map_err(|_| FlowError::Write)?;
            self.release(buffer);
            if let Some(throttle) = &mut self.throttle {
                self.waiting = Waiting::Turn;
                ready!(throttle.poll(cx));
            }
            if buffer.data().is_empty() && self.takes_pipe(pipes, (from, to)) {
                self.waiting = Waiting::Read;
                ready!(self.poll_splice(cx, from, pipes))?;
                continue;
            }
            if buffer.data().is_empty() || !self.stage_more(buffer)? {
                self.waiting = Waiting::Read;
                ready!(self.poll_turn(cx, &mut pieces));
                let filled = match buffer.poll_fill(cx, from) {
                    // Nobody waits for the rest while something is still in the press.
                    Poll::Pending if self.flush_press() => continue,
                    filled => ready!(filled).map_err(|_| FlowError::Read)?,
                };
                match filled {
                    0 => self.end_of_stream(from)?,
                    count => {
                        self.progress += count as u64;
                        self.stage(buffer)?;
                    }
                }
            }
        }
    }

    /// Writes the staged bytes.
    pub fn poll_flush(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &Buffer,
        to: &mut Stream,
    ) -> Poll<io::Result<()>> {
        while self.sent < self.staged() {
            let (parts, count) = self.parts(buffer);
            let written = match parts.get(..count).unwrap_or_default() {
                [one] => ready!(Pin::new(&mut *to).poll_write(cx, one))?,
                parts => ready!(Pin::new(&mut *to).poll_write_vectored(cx, parts))?,
            };
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.wrote(written);
        }
        Poll::Ready(Ok(()))
    }

    /// Writes what is staged without being told first that there is room, which is so on a connection that nothing was
    /// written to; whether that was all of the message. What fails here fails again where it is waited for.
    pub fn rush(&mut self, buffer: &Buffer, socket: &TcpStream) -> bool {
        let (parts, count) = self.parts(buffer);
        let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
        let none = &mut SendAncillaryBuffer::default();
        if let Ok(written) = sendmsg(socket, parts.get(..count).unwrap_or_default(), none, flags) {
            self.wrote(written);
        }
        self.ended() && self.sent == self.staged()
    }

    /// What is staged and not yet sent.
    fn parts<'a>(&'a self, buffer: &'a Buffer) -> ([IoSlice<'a>; 3], usize) {
        let mut parts = [IoSlice::new(&[]); 3];
        let (mut count, mut skip) = (0, self.sent);
        for piece in [self.prefix.as_slice(), self.payload(buffer), self.suffix.as_slice()] {
            if let (Some(rest), Some(part)) = (piece.get(skip..), parts.get_mut(count))
                && !rest.is_empty()
            {
                *part = IoSlice::new(rest);
                count += 1;
            }
            skip = skip.saturating_sub(piece.len());
        }
        (parts, count)
    }

    fn wrote(&mut self, bytes: usize) {
        self.sent += bytes;
        self.taken += bytes as u64;
        self.progress += bytes as u64;
    }

    fn staged(&self) -> usize {
        self.prefix.len() + self.payload_bytes() + self.suffix.len()
    }

    /// What of the body is staged, as it leaves.
    fn payload<'a>(&'a self, buffer: &'a Buffer) -> &'a [u8] {
        match &self.press {
            Some(press) => press.out(),
            None => buffer.data().get(..self.ready).unwrap_or_default(),
        }
    }

    fn payload_bytes(&self) -> usize {
        self.press.as_ref().map_or(self.ready, |press| press.out().len())
    }

    /// Stages raw data that is left in the buffer; false when it is not enough to go on with.
    fn stage_more(&mut self, buffer: &mut Buffer) -> Result<bool, FlowError> {
        self.stage(buffer)?;
        Ok(self.ready + self.skip > 0 || self.ended())
    }

    fn stage(&mut self, buffer: &mut Buffer) -> Result<(), FlowError> {
        let mut available = buffer.data().len();
        if let Some(throttle) = &mut self.throttle {
            available = throttle.allowed(available);
        }
        match &mut self.source {
            Source::Done => {}
            Source::UntilClose => self.ready = available,
            Source::Length(left) => {
                self.ready = (*left).min(available as u64) as usize;
                *left -= self.ready as u64;
                if *left == 0 {
                    self.source = Source::Done;
                }
            }
            Source::Chunked => {
                let decoded = self
                    .decoder
                    .decode(buffer.data_mut().get_mut(..available).unwrap_or_default())
                    .map_err(FlowError::Bad)?;
                self.ready = decoded.produced;
                self.skip = decoded.consumed - decoded.produced;
                if decoded.done {
                    self.source = Source::Done;
                }
            }
        }
        self.body_bytes += self.ready as u64;
        if let Some(throttle) = &mut self.throttle {
            throttle.spend(self.ready);
        }
        if self.limit > 0 && self.body_bytes > self.limit {
            return Err(FlowError::TooBig);
        }
        let is_last = self.ended();
        if let Some(press) = &mut self.press {
            press.push(buffer.data().get(..self.ready).unwrap_or_default(), is_last);
        }
        if self.sink == Sink::Chunked {
            self.frame();
        }
        Ok(())
    }

    /// Puts chunk framing around the staged data and, at the end, the last chunk and the trailers.
    fn frame(&mut self) {
        let size = self.payload_bytes();
        if size > 0 {
            let mut room = [0; tenbin_proto::CHUNK_ROOM];
            let start = tenbin_proto::write_chunk_header(&mut room, size as u32);
            self.prefix.extend_from_slice(room.get(start..).unwrap_or_default());
            self.suffix.extend_from_slice(b"\r\n");
        }
        if self.ended() {
            self.suffix.extend_from_slice(b"0\r\n");
            self.suffix.extend_from_slice(trailers(&self.tail, &self.decoder));
            self.suffix.extend_from_slice(b"\r\n");
        }
    }

    fn end_of_stream(&mut self, from: &mut Stream) -> Result<(), FlowError> {
        if !matches!(self.source, Source::UntilClose) {
            return Err(FlowError::Truncated);
        }
        self.source = Source::Done;
        self.tail = from.trailers();
        if let Some(press) = &mut self.press {
            press.push(b"", true);
        }
        if self.sink == Sink::Chunked {
            self.frame();
        }
        Ok(())
    }
}

/// Lines behind the body, from HTTP/2 or from chunks.
fn trailers<'a>(tail: &'a [u8], decoder: &'a ChunkDecoder) -> &'a [u8] {
    if tail.is_empty() { decoder.trailers() } else { tail }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::io::{Read, Write};

    use super::testing::{dead, pair};
    use super::*;

    /// The first server resets when only a piece of the body is here: the second one gets all of it.
    async fn sent_again(body: Body, sink: Sink, pieces: [&[u8]; 2]) -> Vec<u8> {
        let (mut from, mut client) = pair();
        let (mut buffer, mut flow) = (Buffer::holding(pieces[0], 1024), Flow::default());
        flow.begin(body, Sink::Plain, 0, &mut buffer).unwrap();
        flow.address(sink, |out| out.extend_from_slice(b"OLD\r\n"));
        let (mut to, pipes) = (dead(), Pipes::default());
        let failed = poll_fn(|cx| flow.poll(cx, &mut buffer, (&mut from, &mut to), &pipes)).await;
        assert!(matches!(failed, Err(FlowError::Write)) && flow.replayable() && flow.untouched());
        flow.abandon();
        assert!(flow.finished() && !flow.delivered());

        flow.address(sink, |out| out.extend_from_slice(b"HEAD\r\n"));
        client.write_all(pieces[1]).unwrap();
        let (mut to, mut server) = pair();
        poll_fn(|cx| flow.poll(cx, &mut buffer, (&mut from, &mut to), &pipes)).await.unwrap();
        assert!(flow.delivered() && !flow.replayable());
        drop(to);
        let mut received = Vec::new();
        server.read_to_end(&mut received).unwrap();
        received
    }

    #[test]
    fn a_message_that_was_partly_read_is_sent_again_whole() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let received = sent_again(Body::Length(10), Sink::Plain, [b"01234", b"56789"]).await;
            assert_eq!(received, b"HEAD\r\n0123456789");
            let chunks: [&[u8]; 2] = [b"2\r\nab\r\n", b"0\r\n\r\n"];
            let received = sent_again(Body::Chunked, Sink::Chunked, chunks).await;
            assert_eq!(received, b"HEAD\r\n2\r\nab\r\n0\r\n\r\n");
        });
    }
}
