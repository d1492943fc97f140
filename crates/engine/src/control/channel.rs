//! Frames on the control socket: a 4-byte big-endian length, JSON, and descriptors that travel with them.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags,
};

/// The largest frame that is accepted: a snapshot of 10 000 servers and as many routes is about 10 MiB.
const MAX_FRAME: usize = 64 * 1024 * 1024;

/// Most descriptors that the kernel lets travel with one message.
pub const MAX_DESCRIPTORS: usize = 253;

const ANCILLARY: usize = rustix::cmsg_space!(ScmRights(MAX_DESCRIPTORS));

/// One frame as it came.
pub struct Frame {
    /// JSON.
    pub body: Vec<u8>,
    /// What travelled with it.
    pub descriptors: Vec<OwnedFd>,
}

/// Bytes that are read at once: no room is made for more than comes.
const PIECE: usize = 1 << 20;

/// Reads one frame; `None` at the end of the stream.
pub fn read(stream: &UnixStream) -> io::Result<Option<Frame>> {
    let mut descriptors = Vec::new();
    let body = read_from(&mut |bytes| receive(stream, bytes, &mut descriptors))?;
    Ok(body.map(|body| Frame { body, descriptors }))
}

/// Reads the body of one frame from whatever `receive` puts in front of the bytes it is given; 0 is the end.
pub fn read_from(receive: &mut dyn FnMut(&mut [u8]) -> io::Result<usize>) -> io::Result<Option<Vec<u8>>> {
    let mut length = [0; 4];
    if !fill(&mut length, receive)? {
        return Ok(None);
    }
    let length = u32::from_be_bytes(length) as usize;
    if length > MAX_FRAME {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "frame too large"));
    }
    let mut body = Vec::new();
    while body.len() < length {
        let start = body.len();
        body.resize(length.min(start + PIECE), 0);
        if !fill(body.get_mut(start..).unwrap_or_default(), receive)? {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(Some(body))
}

/// False when the stream ended before the first byte.
fn fill(bytes: &mut [u8], receive: &mut dyn FnMut(&mut [u8]) -> io::Result<usize>) -> io::Result<bool> {
    let mut done = 0;
    while let Some(rest) = bytes.get_mut(done..).filter(|rest| !rest.is_empty()) {
        match receive(rest)? {
            0 if done == 0 => return Ok(false),
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => done += count,
        }
    }
    Ok(true)
}

/// Receives what is there, and the descriptors that travel with it.
fn receive(stream: &UnixStream, bytes: &mut [u8], descriptors: &mut Vec<OwnedFd>) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); ANCILLARY];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut parts = [IoSliceMut::new(bytes)];
    let received = loop {
        match rustix::net::recvmsg(stream, &mut parts, &mut ancillary, RecvFlags::CMSG_CLOEXEC) {
            Ok(received) => break received.bytes,
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    };
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(rights) = message {
            descriptors.extend(rights);
        }
    }
    if descriptors.len() > MAX_DESCRIPTORS {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "too many descriptors with one frame"));
    }
    Ok(received)
}

/// Writes one frame; blocks as long as the reader does not read.
pub fn write(stream: &UnixStream, body: &[u8], descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
    let length = u32::try_from(body.len()).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    let mut bytes = length.to_be_bytes().to_vec();
    bytes.extend_from_slice(body);
    let mut space = [MaybeUninit::uninit(); ANCILLARY];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() && !ancillary.push(SendAncillaryMessage::ScmRights(descriptors)) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "too many descriptors for one frame"));
    }
    let mut done = 0;
    while let Some(rest) = bytes.get(done..).filter(|rest| !rest.is_empty()) {
        match rustix::net::sendmsg(stream.as_fd(), &[IoSlice::new(rest)], &mut ancillary, SendFlags::NOSIGNAL)
        {
            Ok(count) => {
                done += count;
                // They have left with the first byte.
                ancillary.clear();
            }
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
