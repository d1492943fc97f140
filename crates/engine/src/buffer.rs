//! Fixed buffers with a head that stays put and data that moves through behind it.
//!
//! `bytes[..base]` is a message head that spans point into; `bytes[position..end]` is data not yet used.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, ReadBuf};

use crate::stream::Stream;

/// Bytes of a tunnel's buffer: larger than that of a message, since fewer calls move more.
pub const TUNNEL_BYTES: usize = 32 * 1024;

/// See the module.
pub struct Buffer {
    bytes: Box<[u8]>,
    base: usize,
    position: usize,
    end: usize,
}

impl Buffer {
    /// An empty one of so many bytes.
    pub fn new(size: usize) -> Self {
        Self { bytes: vec![0; size].into_boxed_slice(), base: 0, position: 0, end: 0 }
    }

    /// One that holds these bytes and has room for at least `size`.
    pub fn holding(bytes: &[u8], size: usize) -> Self {
        let mut buffer = Self::new(size.max(bytes.len()));
        if let Some(room) = buffer.bytes.get_mut(..bytes.len()) {
            room.copy_from_slice(bytes);
        }
        buffer.end = bytes.len();
        buffer
    }

    /// How many bytes it can hold.
    pub fn capacity(&self) -> usize {
        self.bytes.len()
    }

    /// The head.
    pub fn head(&self) -> &[u8] {
        self.bytes.get(..self.base).unwrap_or_default()
    }

    /// The data not yet used.
    pub fn data(&self) -> &[u8] {
        self.bytes.get(self.position..self.end).unwrap_or_default()
    }

    /// The data not yet used, to be changed in place.
    pub fn data_mut(&mut self) -> &mut [u8] {
        self.bytes.get_mut(self.position..self.end).unwrap_or_default()
    }

    /// Whether nothing more fits behind the data.
    pub fn is_full(&self) -> bool {
        self.end == self.bytes.len()
    }

    /// Declares the first `length` bytes of the data, which must be at the front, the head.
    pub fn split_head(&mut self, length: usize) {
        self.base = (self.position + length).min(self.end);
        self.position = self.base;
        self.rewind();
    }

    /// Makes sure of room for what follows the head, so that a large one does not make it move in tiny pieces.
    pub fn make_room(&mut self, size: usize) {
        if self.bytes.len() < self.base + size / 2 {
            self.grow(self.base + size);
        }
    }

    /// The first `length` bytes of the data have been used.
    pub fn consume(&mut self, length: usize) {
        self.position = (self.position + length).min(self.end);
        self.rewind();
    }

    /// Forgets the head and moves what is left to the front.
    pub fn next_message(&mut self) {
        if self.position > 0 {
            self.bytes.copy_within(self.position..self.end, 0);
            self.end -= self.position;
        }
        self.base = 0;
        self.position = 0;
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        (self.base, self.position, self.end) = (0, 0, 0);
    }

    /// Lets go of everything but the head; only for a message after which the buffer is cleared or replaced.
    pub fn keep_head(&mut self) {
        self.bytes = self.head().into();
        (self.position, self.end) = (self.base, self.base);
    }

    /// Makes room for a large head, keeping everything.
    pub fn grow(&mut self, size: usize) {
        if size > self.bytes.len() {
            let mut larger = vec![0; size].into_boxed_slice();
            if let (Some(to), Some(from)) = (larger.get_mut(..self.end), self.bytes.get(..self.end)) {
                to.copy_from_slice(from);
            }
            self.bytes = larger;
        }
    }

    /// Reads what the stream has, once, behind the data; `Ok(0)` is the end of the stream. Must not be full.
    pub fn poll_fill(&mut self, cx: &mut Context<'_>, stream: &mut Stream) -> Poll<std::io::Result<usize>> {
        let mut room = ReadBuf::new(self.bytes.get_mut(self.end..).unwrap_or_default());
        ready!(Pin::new(stream).poll_read(cx, &mut room))?;
        let count = room.filled().len();
        self.end += count;
        Poll::Ready(Ok(count))
    }

    /// Data that has all been used leaves the whole room behind the head for the next fill.
    fn rewind(&mut self) {
        if self.position == self.end {
            self.position = self.base;
            self.end = self.base;
        }
    }
}
