//! Bytes from socket to socket without passing through our memory, for tunnels and bodies that carry much
//! (splice(2)).

use std::cell::{Cell, RefCell};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use rustix::pipe::{PipeFlags, SpliceFlags};
use tokio::io::Interest;
use tokio::net::TcpStream;

/// What a pipe is asked to hold; the system may give less.
const PIPE_BYTES: usize = 256 * 1024;

/// Pipes of one worker at most: each costs two descriptors.
const MOST_PIPES: usize = 32;

/// A worker's pipes.
#[derive(Default)]
pub struct Pipes {
    idle: RefCell<Vec<Pipe>>,
    open: Rc<Cell<usize>>,
    folded: Cell<bool>,
}

/// One pipe and how much is in it.
pub struct Pipe {
    read: OwnedFd,
    write: OwnedFd,
    held: usize,
    open: Rc<Cell<usize>>,
}

impl Pipes {
    /// An empty pipe, if there may be one more.
    pub fn take(&self) -> Option<Pipe> {
        if let Some(pipe) = self.idle.borrow_mut().pop() {
            return Some(pipe);
        }
        if self.folded.get() || self.open.get() >= MOST_PIPES {
            return None;
        }
        let (read, write) = rustix::pipe::pipe_with(PipeFlags::NONBLOCK | PipeFlags::CLOEXEC).ok()?;
        // Without the larger size it only takes more calls.
        let _ = rustix::pipe::fcntl_setpipe_size(&write, PIPE_BYTES);
        self.open.set(self.open.get() + 1);
        Some(Pipe { read, write, held: 0, open: Rc::clone(&self.open) })
    }

    /// Gives an empty one back; one that still holds bytes is closed.
    pub fn put(&self, pipe: Pipe) {
        if pipe.held == 0 && !self.folded.get() {
            self.idle.borrow_mut().push(pipe);
        }
    }

    /// While descriptors are short there are no pipes: they only save time.
    pub fn fold(&self, folded: bool) {
        self.folded.set(folded);
        if folded {
            self.idle.take();
        }
    }

    /// How many there are, lent out or idle.
    #[cfg(test)]
    pub fn open(&self) -> usize {
        self.open.get()
    }
}

impl Pipe {
    /// Takes what the socket has, `most` bytes at most; `Ok(0)` is the end of its stream. Must be empty.
    pub fn poll_fill(
        &mut self,
        cx: &mut Context<'_>,
        from: &TcpStream,
        most: u64,
    ) -> Poll<io::Result<usize>> {
        let most = most.min(PIPE_BYTES as u64) as usize;
        loop {
            ready!(from.poll_read_ready(cx))?;
            match from.try_io(Interest::READABLE, || splice(from, &self.write, most)) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
                Ok(count) => {
                    self.held += count;
                    return Poll::Ready(Ok(count));
                }
            }
        }
    }

    /// Gives all it holds to the socket; ready when it is empty.
    pub fn poll_drain(
        &mut self,
        cx: &mut Context<'_>,
        to: &TcpStream,
        moved: &mut u64,
    ) -> Poll<io::Result<()>> {
        while self.held > 0 {
            ready!(to.poll_write_ready(cx))?;
            match to.try_io(Interest::WRITABLE, || splice(&self.read, to, self.held)) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
                Ok(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Ok(count) => {
                    self.held -= count.min(self.held);
                    *moved += count as u64;
                }
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        self.open.set(self.open.get().saturating_sub(1));
    }
}

fn splice(from: impl AsFd, to: impl AsFd, most: usize) -> io::Result<usize> {
    let flags = SpliceFlags::MOVE | SpliceFlags::NONBLOCK;
    Ok(rustix::pipe::splice(from, None, to, None, most, flags)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pipes_are_few_and_none_while_descriptors_are_short() {
        let pipes = Pipes::default();
        let mut lent: Vec<_> = (0..MOST_PIPES).map_while(|_| pipes.take()).collect();
        assert!(lent.len() == MOST_PIPES && pipes.take().is_none());
        lent.drain(1..).for_each(|pipe| pipes.put(pipe));
        assert_eq!(pipes.open(), MOST_PIPES, "kept for the next body");
        pipes.fold(true);
        assert!(pipes.open() == 1 && pipes.take().is_none());
        lent.drain(..).for_each(|pipe| pipes.put(pipe));
        assert_eq!(pipes.open(), 0);
        pipes.fold(false);
        assert!(pipes.take().is_some());
    }
}
