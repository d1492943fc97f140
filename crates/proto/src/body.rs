//! Chunked bodies (RFC 9112, 7.1): decoding in place, and the framing of chunks written anew.
//!
//! Owns: the chunk state machine and its bounds, trailers. Does not own: buffers, bodies with a length.

use crate::Reject;

/// Bytes to leave free before the data of a chunk for its header.
pub const CHUNK_ROOM: usize = 10;

/// What one call of `ChunkDecoder::decode` did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Decoded {
    /// Raw bytes eaten from the front of the buffer.
    pub consumed: usize,
    /// Data bytes that stand at the front of the buffer now.
    pub produced: usize,
    /// The body has ended: its last CR LF is eaten.
    pub done: bool,
}

/// The state between two pieces of one chunked body.
#[derive(Debug, Default)]
pub struct ChunkDecoder {
    trailers: Vec<u8>,
}

impl ChunkDecoder {
    /// Decodes what it can of `buf` in place: the data of all chunks in it is moved together to the front.
    pub fn decode(&mut self, buf: &mut [u8]) -> Result<Decoded, Reject> {
        let _ = buf;
        Ok(Decoded::default())
    }

    /// The trailer lines once the body has ended, `Name: value CR LF` each, without those that must not travel as
    /// trailers (RFC 9110, 6.5.1).
    pub fn trailers(&self) -> &[u8] {
        &self.trailers
    }

    /// Makes it ready for another body and keeps its memory.
    pub fn reset(&mut self) {
        self.trailers.clear();
    }
}

/// Writes the header of a chunk of `len` data bytes to the end of `room`, which lies right before the data, and says
/// where in `room` it starts. The CR LF after the data is the caller's.
pub fn write_chunk_header(room: &mut [u8; CHUNK_ROOM], len: u32) -> usize {
    let _ = (room, len);
    0
}
