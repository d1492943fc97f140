//! Frames of HTTP/2 (RFC 9113, 4.1), walked over by their headers as the bytes pass by.
//!
//! Owns: where frames begin and what their headers say. Does not own: what frames mean, their order, or whether they are
//! allowed; whoever speaks HTTP/2 judges that. Holds a few bytes whatever passes.

/// What a client's connection begins with (RFC 9113, 3.4).
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

const HEADER_BYTES: usize = 9;
/// The part of a payload that some frames are reported with.
const FIRST_BYTES: usize = 10;

/// What a frame is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "each variant is the frame of that name")]
pub enum Kind {
    Data,
    Headers,
    Priority,
    ResetStream,
    Settings,
    PushPromise,
    Ping,
    GoAway,
    WindowUpdate,
    Continuation,
    /// One that RFC 9113 does not know.
    Unknown(u8),
}

/// The header of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// What it is for.
    pub kind: Kind,
    /// Its flags.
    pub flags: u8,
    /// Bytes of its payload.
    pub length: u32,
    /// Its stream; 0: the connection.
    pub stream: u32,
    /// Of a reset and of HEADERS: how the payload begins, zeros behind its end.
    pub first: [u8; FIRST_BYTES],
}

impl Frame {
    /// Of DATA and HEADERS.
    pub fn ends_stream(&self) -> bool {
        matches!(self.kind, Kind::Data | Kind::Headers) && self.flags & 1 != 0
    }

    /// Of HEADERS and CONTINUATION.
    pub fn ends_headers(&self) -> bool {
        self.flags & 4 != 0
    }

    /// Of SETTINGS and PING.
    pub fn is_ack(&self) -> bool {
        self.flags & 1 != 0
    }

    /// Of a reset.
    pub fn error_code(&self) -> u32 {
        let [a, b, c, d, ..] = self.first;
        u32::from_be_bytes([a, b, c, d])
    }

    /// Of HEADERS: whether the first field is a pseudo-header, by a static name or by its own (RFC 7541, 6). One that
    /// stands in the dynamic table is not known here.
    pub fn begins_with_pseudo_header(&self) -> bool {
        let priority = if self.flags & 0x20 != 0 { 5 } else { 0 };
        let padding = usize::from(self.flags & 8 != 0);
        let block = self.first.get(priority + padding..).unwrap_or_default();
        let named = |index: u8| (1..=14).contains(&index);
        match *block {
            [byte, ..] if byte & 0x80 != 0 => named(byte & 0x7f),
            [0x40 | 0x10 | 0x00, size, letter, ..] if size & 0x80 != 0 => letter & 0xfe == HUFFMAN_COLON,
            [0x40 | 0x10 | 0x00, _, letter, ..] => letter == b':',
            [byte, ..] if byte & 0x40 != 0 => named(byte & 0x3f),
            [byte, ..] => byte & 0x20 == 0 && named(byte & 0x0f),
            [] => false,
        }
    }
}

/// The first seven bits of a name that begins with a colon.
const HUFFMAN_COLON: u8 = 0b1011_1000;

/// Follows one direction of a connection, whatever pieces it comes in.
#[derive(Debug, Default)]
pub struct Walker {
    bytes: [u8; HEADER_BYTES + FIRST_BYTES],
    have: usize,
    /// Bytes that belong to no header.
    skip: u32,
}

impl Walker {
    /// Behind a client's preface.
    pub fn behind_preface() -> Self {
        Self { skip: PREFACE.len() as u32, ..Self::default() }
    }

    /// Reports every frame whose header is whole, and how many bytes were walked over: all, unless `see` has said stop.
    pub fn walk(&mut self, bytes: &[u8], mut see: impl FnMut(Frame) -> Seen) -> usize {
        let mut at = 0;
        while at < bytes.len() {
            let rest = bytes.len() - at;
            if self.skip > 0 {
                let skipped = rest.min(self.skip as usize);
                self.skip -= skipped as u32;
                at += skipped;
                continue;
            }
            let taken = rest.min(self.wanted() - self.have);
            if let (Some(to), Some(from)) =
                (self.bytes.get_mut(self.have..self.have + taken), bytes.get(at..at + taken))
            {
                to.copy_from_slice(from);
            }
            self.have += taken;
            at += taken;
            if self.have == self.wanted() {
                let frame = self.frame();
                self.skip = frame.length.saturating_sub((self.have - HEADER_BYTES) as u32);
                self.have = 0;
                if see(frame) == Seen::Stop {
                    return at;
                }
            }
        }
        at
    }

    /// Bytes until the frame can be reported.
    fn wanted(&self) -> usize {
        let first = match self.bytes[3] {
            1 | 3 if self.have >= HEADER_BYTES => FIRST_BYTES.min(self.length() as usize),
            _ => 0,
        };
        HEADER_BYTES + first
    }

    fn length(&self) -> u32 {
        let [a, b, c, ..] = self.bytes;
        u32::from_be_bytes([0, a, b, c])
    }

    fn frame(&self) -> Frame {
        let [_, _, _, kind, flags, s0, s1, s2, s3, payload @ ..] = self.bytes;
        let kind = match kind {
            0 => Kind::Data,
            1 => Kind::Headers,
            2 => Kind::Priority,
            3 => Kind::ResetStream,
            4 => Kind::Settings,
            5 => Kind::PushPromise,
            6 => Kind::Ping,
            7 => Kind::GoAway,
            8 => Kind::WindowUpdate,
            9 => Kind::Continuation,
            other => Kind::Unknown(other),
        };
        let mut first = [0; FIRST_BYTES];
        let known = self.have.saturating_sub(HEADER_BYTES);
        for (to, from) in first.iter_mut().zip(payload).take(known) {
            *to = from;
        }
        let stream = u32::from_be_bytes([s0, s1, s2, s3]) & (u32::MAX >> 1);
        Frame { kind, flags, length: self.length(), stream, first }
    }
}

/// Whether to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// To the next frame.
    Further,
    /// Not a byte behind what was reported.
    Stop,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
        let mut bytes = (payload.len() as u32).to_be_bytes()[1..].to_vec();
        bytes.extend_from_slice(&[kind, flags]);
        bytes.extend_from_slice(&stream.to_be_bytes());
        bytes.extend_from_slice(payload);
        bytes
    }

    fn stream() -> Vec<u8> {
        let mut bytes = PREFACE.to_vec();
        for frame in [
            raw(4, 0, 0, &[0; 12]),
            raw(1, 5, 1, b"head"),
            raw(3, 0, 1, &8_u32.to_be_bytes()),
            raw(3, 0, 1, b"odd"),
            raw(0, 1, 3, b""),
            raw(0x42, 0xff, 1 << 31, &[7; 300]),
            raw(6, 1, 0, &[0; 8]),
        ] {
            bytes.extend_from_slice(&frame);
        }
        bytes
    }

    fn walked(pieces: &[&[u8]]) -> Vec<(Kind, u32, u32, u32)> {
        let (mut walker, mut seen) = (Walker::behind_preface(), Vec::new());
        for piece in pieces {
            let all = walker.walk(piece, |frame| {
                seen.push((frame.kind, frame.length, frame.stream, frame.error_code()));
                Seen::Further
            });
            assert_eq!(all, piece.len());
        }
        seen
    }

    #[test]
    fn frames_are_the_same_in_whatever_pieces_they_come() {
        let bytes = stream();
        let whole = walked(&[&bytes]);
        let expected = [
            (Kind::Settings, 12, 0, 0),
            (Kind::Headers, 4, 1, u32::from_be_bytes(*b"head")),
            (Kind::ResetStream, 4, 1, 8),
            (Kind::ResetStream, 3, 1, u32::from_be_bytes(*b"odd\0")),
            (Kind::Data, 0, 3, 0),
            (Kind::Unknown(0x42), 300, 0, 0),
            (Kind::Ping, 8, 0, 0),
        ];
        assert_eq!(whole, expected);
        for size in 1..40 {
            let pieces: Vec<&[u8]> = bytes.chunks(size).collect();
            assert_eq!(walked(&pieces), whole, "in pieces of {size}");
        }
    }

    #[test]
    fn it_stops_where_it_is_told_to() {
        let bytes = stream();
        let mut walker = Walker::behind_preface();
        let taken = walker.walk(&bytes, |frame| match frame.kind {
            Kind::ResetStream => Seen::Stop,
            _ => Seen::Further,
        });
        assert_eq!(taken, PREFACE.len() + 21 + 13 + 13);
    }

    #[test]
    fn flags_mean_what_their_frame_makes_of_them() {
        let frame = |kind, flags| Frame { kind, flags, length: 0, stream: 0, first: [0; FIRST_BYTES] };
        assert!(frame(Kind::Data, 1).ends_stream() && !frame(Kind::Ping, 1).ends_stream());
        assert!(frame(Kind::Ping, 1).is_ack() && frame(Kind::Continuation, 4).ends_headers());
    }

    #[test]
    fn pseudo_headers_are_known_by_their_form() {
        let first = |flags, block: &[u8]| {
            let mut walker = Walker::default();
            let mut found = None;
            walker.walk(&raw(1, flags, 1, block), |frame| {
                found = Some(frame.begins_with_pseudo_header());
                Seen::Further
            });
            found.unwrap()
        };
        for block in [
            &b"\x84"[..],
            b"\x44\x01/",
            b"\x04\x01/",
            b"\x14\x01/",
            b"\x00\x05:path",
            b"\x40\x84\xb8\x84\x9b",
        ] {
            assert!(first(4, block), "{block:x?}");
            assert!(first(0x2c, &[&[0; 6], block].concat()), "{block:x?} behind a priority and padding");
        }
        for block in
            [&b""[..], b"\x90", b"\xbe", b"\x50\x01a", b"\x0f\x01\x01a", b"\x00\x04grpc", b"\x40\x82\x1d\x75"]
        {
            assert!(!first(4, block), "{block:x?}");
        }
    }
}
