//! The part of a body that goes through a pipe: what is long and leaves as it came.
//!
//! A pipe is lent while bytes are in it; what waits for more holds none.

use std::io;
use std::task::{Context, Poll, ready};

use super::{Flow, FlowError, Sink, Source};
use crate::splice::Pipes;
use crate::stream::Stream;

/// More than so many bytes are worth a pipe: its calls move more at once and copy nothing.
const MUCH: u64 = 16 * 1024;

impl Flow {
    /// Whether what comes next goes through a pipe; takes one if it pays and one is free.
    pub(super) fn takes_pipe(&mut self, pipes: &Pipes, (from, to): (&Stream, &Stream)) -> bool {
        let left = match self.source {
            Source::Length(left) => left,
            Source::UntilClose => u64::MAX,
            Source::Done | Source::Chunked => 0,
        };
        let passes = self.sink == Sink::Plain && self.press.is_none() && self.throttle.is_none();
        let pays = passes && left > MUCH && (self.limit == 0 || left <= self.limit);
        if pays && from.plain().is_some() && to.plain().is_some() {
            self.pipe = pipes.take();
        }
        self.pipe.is_some()
    }

    /// Fills the pipe with no more than belongs to this body.
    pub(super) fn poll_splice(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut Stream,
        pipes: &Pipes,
    ) -> Poll<Result<(), FlowError>> {
        let (Some(pipe), Some(socket)) = (&mut self.pipe, from.plain()) else { return Poll::Ready(Ok(())) };
        let left = if let Source::Length(left) = self.source { left } else { u64::MAX };
        let filled = pipe.poll_fill(cx, socket, left);
        if !matches!(filled, Poll::Ready(Ok(1..))) {
            // Nothing is in it: others may have it while this one waits.
            self.pipe.take().into_iter().for_each(|pipe| pipes.put(pipe));
        }
        let count = ready!(filled).map_err(|_| FlowError::Read)? as u64;
        self.progress += count;
        self.body_bytes += count;
        match &mut self.source {
            _ if count == 0 => self.end_of_stream(from)?,
            Source::Length(left) => {
                *left -= count;
                if *left == 0 {
                    self.source = Source::Done;
                }
            }
            _ => {}
        }
        Poll::Ready(Ok(()))
    }

    /// Empties the pipe and gives it back.
    pub(super) fn poll_drain(
        &mut self,
        cx: &mut Context<'_>,
        to: &Stream,
        pipes: &Pipes,
    ) -> Poll<io::Result<()>> {
        if let (Some(pipe), Some(socket)) = (&mut self.pipe, to.plain()) {
            let before = self.progress;
            let drained = pipe.poll_drain(cx, socket, &mut self.progress);
            self.taken += self.progress - before;
            ready!(drained)?;
        }
        self.pipe.take().into_iter().for_each(|pipe| pipes.put(pipe));
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::io::{Read, Write};

    use tenbin_proto::Body;

    use super::super::testing::pair;
    use super::*;
    use crate::buffer::Buffer;

    #[test]
    fn a_long_body_takes_no_byte_of_what_follows() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let body: Vec<u8> = (0..1_000_003_u32).map(|place| place as u8 ^ (place >> 8) as u8).collect();
        let sent = body.clone();
        runtime.block_on(async {
            let (mut from, mut near) = pair();
            let (mut to, mut far) = pair();
            let writer = std::thread::spawn(move || {
                near.write_all(&sent).unwrap();
                near.write_all(b"NEXT").unwrap();
                near
            });
            let size = body.len();
            let reader = std::thread::spawn(move || {
                let mut received = vec![0; size];
                far.read_exact(&mut received).unwrap();
                received
            });
            let (mut buffer, mut flow, pipes) = (Buffer::new(1024), Flow::default(), Pipes::default());
            flow.begin(Body::Length(size as u64), Sink::Plain, 0, &mut buffer).unwrap();
            poll_fn(|cx| flow.poll(cx, &mut buffer, (&mut from, &mut to), &pipes)).await.unwrap();
            assert!(flow.delivered() && flow.body_bytes == size as u64 && !flow.replayable());
            flow.release(&mut buffer);
            poll_fn(|cx| buffer.poll_fill(cx, &mut from)).await.unwrap();
            assert_eq!(buffer.data(), b"NEXT");
            assert!(reader.join().unwrap() == body);
            drop(writer.join().unwrap());
        });
    }
}
