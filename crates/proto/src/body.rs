//! Chunked bodies (RFC 9112, 7.1): decoding in place, and the framing of chunks written anew.
//!
//! Owns: the chunk state machine and its bounds, trailers. Does not own: buffers, bodies with a length.

use std::ops::Range;

use crate::Reject;
use crate::reject::Fault;
use crate::scan::{self, HEX};
use crate::trailer::Trailers;

/// Bytes to leave free before the data of a chunk for its header.
pub const CHUNK_ROOM: usize = 10;
/// The end of a chunked body without trailers.
pub const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// Most digits of a chunk size, leading zeros included.
const SIZE_DIGITS: u8 = 16;
/// Extension bytes that a body may carry beyond one for each byte of its data.
const EXTENSION_BYTES: u64 = 4096;

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

/// What one call of `ChunkDecoder::step` did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// Raw bytes eaten from the front of the buffer, the data included.
    pub consumed: usize,
    /// Where in the buffer the data stands.
    pub data: Range<usize>,
    /// The body has ended: its last CR LF is eaten.
    pub done: bool,
}

/// The state between two pieces of one chunked body.
#[derive(Clone, Debug, Default)]
pub struct ChunkDecoder {
    state: State,
    /// Digits of the size read so far.
    digits: u8,
    /// The size read so far, then the data bytes of this chunk still to come.
    left: u64,
    /// Data bytes of the whole body so far.
    data: u64,
    /// Extension bytes of the whole body so far.
    extensions: u64,
    trailers: Trailers,
}

/// What is expected next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Size,
    /// White space after the size: only an extension may follow.
    Blank,
    Extension,
    SizeLf,
    Data,
    DataCr,
    DataLf,
    Trailer,
    EndLf,
    Done,
}

impl ChunkDecoder {
    /// Decodes what it can of `buf` in place: the data of all chunks in it is moved together to the front. Once `done`,
    /// the rest of `buf` belongs to the next message and nothing more is eaten until `reset`.
    pub fn decode(&mut self, buf: &mut [u8]) -> Result<Decoded, Reject> {
        let (mut consumed, mut produced) = (0, 0);
        loop {
            let rest = buf.get(consumed..).unwrap_or_default();
            let step = self.step(rest).map_err(|reject| reject.shifted(consumed))?;
            let (start, end) = (consumed + step.data.start, consumed + step.data.end);
            // `step` only names bytes of the slice it was given, so the range lies inside `buf`.
            buf.copy_within(start..end, produced);
            produced += end - start;
            consumed += step.consumed;
            if step.done || step.consumed == 0 || consumed == buf.len() {
                return Ok(Decoded { consumed, produced, done: step.done });
            }
        }
    }

    /// Eats framing up to and including the next run of data, which stays where it is. For callers that send data on
    /// from where it stands.
    pub fn step(&mut self, buf: &[u8]) -> Result<Step, Reject> {
        let mut at = 0;
        while let Some(&byte) = buf.get(at) {
            match self.state {
                State::Data => return Ok(self.take_data(at, buf.len())),
                State::Done => break,
                State::Extension => at = self.eat_extension(buf, at)?,
                State::Trailer => at = self.eat_trailer(buf, at)?,
                _ => {
                    self.state = self.next(byte).map_err(|fault| fault.at(at))?;
                    at += 1;
                }
            }
        }
        Ok(Step { consumed: at, data: at..at, done: self.state == State::Done })
    }

    /// The trailer lines once the body has ended, `Name: value CR LF` each, without those that must not travel as
    /// trailers (RFC 9110, 6.5.1).
    pub fn trailers(&self) -> &[u8] {
        self.trailers.lines()
    }

    /// Makes it ready for another body and keeps its memory.
    pub fn reset(&mut self) {
        let mut trailers = std::mem::take(&mut self.trailers);
        trailers.clear();
        *self = Self { trailers, ..Self::default() };
    }

    /// The transition on one byte, for states that take bytes singly.
    fn next(&mut self, byte: u8) -> Result<State, Fault> {
        match (self.state, byte) {
            (State::Size, _) if scan::is(byte, HEX) => self.add_digit(byte),
            (State::Size, b'\r') if self.digits > 0 => Ok(State::SizeLf),
            (State::Size, b' ' | b'\t') if self.digits > 0 => Ok(State::Blank),
            (State::Size, b';') if self.digits > 0 => Ok(State::Extension),
            (State::Blank, b';') => Ok(State::Extension),
            (State::Blank, b' ' | b'\t') => self.count_extension(1).map(|()| State::Blank),
            (State::SizeLf, b'\n') => {
                self.digits = 0;
                Ok(if self.left == 0 { State::Trailer } else { State::Data })
            }
            (State::DataCr, b'\r') => Ok(State::DataLf),
            (State::DataLf, b'\n') => Ok(State::Size),
            (State::EndLf, b'\n') => Ok(State::Done),
            (State::Size | State::Blank, _) => Err(Fault::ChunkSize),
            (State::DataCr | State::DataLf, _) => Err(Fault::ChunkEnd),
            _ => Err(Fault::BareCr),
        }
    }

    fn add_digit(&mut self, byte: u8) -> Result<State, Fault> {
        let digit = char::from(byte).to_digit(16).unwrap_or_default();
        self.digits += 1;
        if self.digits > SIZE_DIGITS || self.left > (i64::MAX as u64) >> 4 {
            return Err(Fault::ChunkTooBig);
        }
        self.left = self.left << 4 | u64::from(digit);
        Ok(State::Size)
    }

    /// Data stands from `at` to `end` or to the end of the chunk.
    fn take_data(&mut self, at: usize, end: usize) -> Step {
        let run = usize::try_from(self.left).unwrap_or(usize::MAX).min(end - at);
        self.left -= run as u64;
        self.data += run as u64;
        if self.left == 0 {
            self.state = State::DataCr;
        }
        Step { consumed: at + run, data: at..at + run, done: false }
    }

    fn eat_extension(&mut self, buf: &[u8], at: usize) -> Result<usize, Reject> {
        let end = scan::text_end(buf, at);
        self.count_extension(end - at).map_err(|fault| fault.at(at))?;
        match buf.get(end) {
            None => return Ok(end),
            Some(b'\r') => self.state = State::SizeLf,
            Some(_) => return Err(Fault::ChunkExtension.at(end)),
        }
        Ok(end + 1)
    }

    fn count_extension(&mut self, bytes: usize) -> Result<(), Fault> {
        self.extensions += bytes as u64;
        if self.extensions > EXTENSION_BYTES + self.data { Err(Fault::ChunkExtensions) } else { Ok(()) }
    }

    fn eat_trailer(&mut self, buf: &[u8], at: usize) -> Result<usize, Reject> {
        let rest = buf.get(at..).unwrap_or_default();
        if self.trailers.at_line_start() && rest.first() == Some(&b'\r') {
            self.state = State::EndLf;
            return Ok(at + 1);
        }
        self.trailers.add(rest).map(|eaten| at + eaten).map_err(|fault| fault.at(at))
    }
}

/// Writes the header of a chunk of `len` data bytes to the end of `room`, which lies right before the data, and says
/// where in `room` it starts. The CR LF after the data is the caller's.
pub fn write_chunk_header(room: &mut [u8; CHUNK_ROOM], len: u32) -> usize {
    let [digits @ .., cr, lf] = room;
    (*cr, *lf) = (b'\r', b'\n');
    let mut rest = len;
    let mut start = digits.len();
    for place in digits.iter_mut().rev() {
        let digit = (rest & 15) as u8;
        *place = if digit < 10 { b'0' + digit } else { b'a' + digit - 10 };
        start -= 1;
        rest >>= 4;
        if rest == 0 {
            break;
        }
    }
    start
}

#[cfg(test)]
mod tests {
    use super::{CHUNK_ROOM, ChunkDecoder, Decoded, write_chunk_header};

    /// The data, the trailers and what is left over.
    type Parts = (Vec<u8>, Vec<u8>, Vec<u8>);

    /// The body fed `piece` bytes at a time, or the reason of the refusal.
    fn decode(raw: &[u8], piece: usize) -> Result<Parts, &'static str> {
        let mut decoder = ChunkDecoder::default();
        let (mut data, mut at) = (Vec::new(), 0);
        loop {
            let mut buf = raw[at..raw.len().min(at + piece)].to_vec();
            let Decoded { consumed, produced, done } =
                decoder.decode(&mut buf).map_err(|reject| reject.reason)?;
            data.extend_from_slice(&buf[..produced]);
            at += consumed;
            if done {
                return Ok((data, decoder.trailers().to_vec(), raw[at..].to_vec()));
            }
            if at == raw.len() {
                return Err("unfinished");
            }
        }
    }

    fn reason(raw: &[u8]) -> &'static str {
        let whole = decode(raw, usize::MAX >> 1).unwrap_err();
        assert_eq!(decode(raw, 1).unwrap_err(), whole, "{}", raw.escape_ascii());
        whole
    }

    #[test]
    fn joins_the_data_and_leaves_what_follows() {
        let raw = b"5\r\nhello\r\n6;a=\"b\" ;c\r\n world\r\n0\r\n\r\nGET /";
        for piece in 1..raw.len() {
            assert_eq!(
                decode(raw, piece).unwrap(),
                (b"hello world".to_vec(), vec![], b"GET /".to_vec()),
                "{piece}"
            );
        }
    }

    #[test]
    fn keeps_harmless_trailers_and_drops_the_rest() {
        let raw = b"0\r\nX-Sum:  abc \r\nContent-Length: 9\r\nhost: evil\r\nAuthorization: x\r\nA_b: 1\r\nServer-Timing: a\r\n\r\n";
        for piece in [1, 2, 7, 1000] {
            let (_, trailers, _) = decode(raw, piece).unwrap();
            assert_eq!(trailers, b"X-Sum: abc\r\nServer-Timing: a\r\n", "{piece}");
        }
    }

    #[test]
    fn refuses_every_doubtful_framing() {
        for (raw, expected) in [
            (&b"g\r\n"[..], "chunk-size"),
            (b"\r\nhello", "chunk-size"),
            (b"-5\r\n", "chunk-size"),
            (b" 5\r\n", "chunk-size"),
            (b"5 \r\nhello", "chunk-size"),
            (b"5_\r\n", "chunk-size"),
            (b"0x5\r\n", "chunk-size"),
            (b"5\nhello", "chunk-size"),
            (b"5\rhello", "bare-cr"),
            (b"5;a\nb\r\n", "chunk-extension"),
            (b"5;a\0\r\n", "chunk-extension"),
            (b"5\r\nhello\n", "chunk-end"),
            (b"5\r\nhello!\r\n", "chunk-end"),
            (b"5\r\nhell\r\n0\r\n", "chunk-end"),
            (b"10000000000000005\r\n", "chunk-too-big"),
            (b"8000000000000000\r\n", "chunk-too-big"),
            (b"00000000000000005\r\n", "chunk-too-big"),
            (b"0\n\n", "chunk-size"),
            (b"0\r\n\n", "bare-lf"),
            (b"0\r\n\rx", "bare-cr"),
            (b"0\r\nnocolon\r\n", "field-colon"),
            (b"0\r\n: x\r\n", "field-name-empty"),
            (b"0\r\nX: a\0\r\n", "field-value"),
            (b"0\r\n X: a\r\n", "field-fold"),
            (b"5\r\nhello\r\n", "unfinished"),
        ] {
            assert_eq!(reason(raw), expected, "{}", raw.escape_ascii());
        }
    }

    #[test]
    fn extensions_and_trailers_are_bounded() {
        let chunks =
            [b"1;aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\nx\r\n".repeat(3000), b"0\r\n\r\n".to_vec()].concat();
        assert_eq!(reason(&chunks), "chunk-extensions");
        assert_eq!(reason(&[b"1 ".to_vec(), b" ".repeat(5000)].concat()), "chunk-extensions");
        let signed =
            [b"400;chunk-signature=".to_vec(), vec![b'a'; 64], b"\r\n".to_vec(), vec![b'x'; 1024]].concat();
        let body = [[signed, b"\r\n".to_vec()].concat().repeat(500), b"0\r\n\r\n".to_vec()].concat();
        assert_eq!(decode(&body, 4096).unwrap().0.len(), 500 * 1024);
        assert_eq!(reason(&[b"0\r\nX: ".to_vec(), vec![b'a'; 9000]].concat()), "trailers-too-big");
        assert_eq!(reason(&[b"0\r\n".to_vec(), b"Host: a\r\n".repeat(1000)].concat()), "trailers-too-big");
    }

    #[test]
    fn headers_of_chunks_stand_right_before_the_data() {
        for len in [0, 1, 9, 10, 15, 16, 255, 4096, 65_535, u32::MAX] {
            let mut room = [0; CHUNK_ROOM];
            let start = write_chunk_header(&mut room, len);
            assert_eq!(room[start..], *format!("{len:x}\r\n").as_bytes());
        }
    }

    #[test]
    fn a_decoder_serves_body_after_body() {
        let mut decoder = ChunkDecoder::default();
        for _ in 0..3 {
            let mut buf = b"3\r\nabc\r\n0\r\nX: y\r\n\r\nrest".to_vec();
            let first = decoder.decode(&mut buf).unwrap();
            assert_eq!(first, Decoded { consumed: 19, produced: 3, done: true });
            assert_eq!((&buf[..3], decoder.trailers()), (&b"abc"[..], &b"X: y\r\n"[..]));
            assert_eq!(decoder.decode(&mut buf).unwrap(), Decoded { done: true, ..Decoded::default() });
            decoder.reset();
        }
    }
}
