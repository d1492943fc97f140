//! A client connection and its server connection, and the bytes that one of them could not take yet.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};

use rustix::event::epoll::EventFlags;

/// Which of the two sockets an event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The accepted one.
    Client,
    /// The opened one.
    Server,
}

/// What is to become of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Bytes may still come.
    Open,
    /// Both sides are done, or one has failed.
    Ended,
}

/// The two sockets, and one way in each direction.
#[derive(Debug)]
pub struct Pair {
    client: TcpStream,
    server: TcpStream,
    up: Way,
    down: Way,
}

/// What one direction remembers between two events; an idle one holds no memory.
#[derive(Debug, Default)]
struct Way {
    /// Read but not written.
    pending: Vec<u8>,
    /// The source may hold bytes that no event will announce again.
    readable: bool,
    /// The source has said that it is done.
    ended: bool,
    /// The target has been told.
    closed: bool,
}

impl Pair {
    /// Two sockets that do not block.
    pub fn new(client: TcpStream, server: TcpStream) -> Self {
        Self { client, server, up: Way::default(), down: Way::default() }
    }

    /// Carries what an event on one side makes possible: bytes from it, and bytes that waited for it.
    pub fn carry(&mut self, side: Side, flags: EventFlags, buffer: &mut [u8]) -> State {
        let (near, far) = match side {
            Side::Client => (&self.client, &self.server),
            Side::Server => (&self.server, &self.client),
        };
        let (from, towards) = match side {
            Side::Client => (&mut self.up, &mut self.down),
            Side::Server => (&mut self.down, &mut self.up),
        };
        let arrived = EventFlags::IN | EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR;
        let last = EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR;
        from.readable |= flags.intersects(arrived);
        let carried = from
            .carry(near, far, flags.intersects(last), buffer)
            .and_then(|()| towards.resume(far, near, buffer));
        if carried.is_err() || (self.up.closed && self.down.closed) { State::Ended } else { State::Open }
    }
}

impl Way {
    /// Goes on after the target could not take everything.
    fn resume(&mut self, source: &TcpStream, target: &TcpStream, buffer: &mut [u8]) -> io::Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let count = written(target, &self.pending)?;
        self.pending.drain(..count);
        if !self.pending.is_empty() {
            return Ok(());
        }
        self.pending = Vec::new();
        self.carry(source, target, true, buffer)
    }

    /// Reads and writes until the source is empty or the target full. A read that does not fill the buffer has emptied
    /// the source, so it is not asked again, except for an end that came with the bytes (`thorough`).
    fn carry(
        &mut self,
        mut source: &TcpStream,
        target: &TcpStream,
        thorough: bool,
        buffer: &mut [u8],
    ) -> io::Result<()> {
        while self.readable && self.pending.is_empty() && !self.ended {
            let count = match source.read(buffer) {
                Ok(0) => {
                    self.ended = true;
                    break;
                }
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.readable = false;
                    break;
                }
                Err(error) => return Err(error),
            };
            self.readable = thorough || count == buffer.len();
            let bytes = buffer.get(..count).unwrap_or_default();
            let sent = written(target, bytes)?;
            self.pending.extend_from_slice(bytes.get(sent..).unwrap_or_default());
        }
        if self.ended && self.pending.is_empty() && !self.closed {
            self.closed = true;
            target.shutdown(Shutdown::Write)?;
        }
        Ok(())
    }
}

/// How many of the bytes the target took.
fn written(mut target: &TcpStream, bytes: &[u8]) -> io::Result<usize> {
    match target.write(bytes) {
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(0),
        result => result,
    }
}
