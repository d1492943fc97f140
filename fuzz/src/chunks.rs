//! Chunked bodies and their trailers.

use tenbin_proto::{CHUNK_ROOM, ChunkDecoder, LAST_CHUNK, write_chunk_header};

use crate::{agreement, cuts, second};

/// Most bytes of trailers that are kept.
const TRAILER_BYTES: usize = 8192;

/// A body, or why there is none.
#[derive(Debug, PartialEq, Eq)]
struct Read {
    data: Vec<u8>,
    trailers: Vec<u8>,
    /// Raw bytes eaten when it ended; 0 if it did not end.
    length: usize,
    refused: Option<&'static str>,
}

/// One body however it is cut and however it is asked for, which a second reader reads alike, and which is the same
/// once more when it is put into chunks of our own.
pub fn property(data: &[u8]) {
    let whole = decode(data, [data.len()]);
    assert_eq!(decode(data, 1..=data.len()), whole, "byte by byte");
    for cut in cuts::in_two(data) {
        assert_eq!(decode(data, [cut, data.len()]), whole, "cut at {cut}");
    }
    assert_eq!(by_steps(data), whole, "by steps");
    assert!(whole.data.len() <= data.len() && whole.trailers.len() <= TRAILER_BYTES);
    if whole.length == 0 {
        return;
    }
    let sent = encode(&whole);
    let again = decode(&sent, [sent.len()]);
    assert_eq!(again, Read { length: sent.len(), ..whole }, "{}", sent.escape_ascii());
    for bytes in [&data[..again_length(data)], &sent] {
        let (body, trailers, length) = second::chunks(bytes).expect("a second reader takes it");
        assert_eq!((&body, length), (&again.data, bytes.len()));
        agreement::on_trailers(&again.trailers, &trailers);
    }
}

fn again_length(data: &[u8]) -> usize {
    decode(data, [data.len()]).length
}

/// Feeds `data`, of which so much is there time after time, to one decoder.
fn decode(data: &[u8], ends: impl IntoIterator<Item = usize>) -> Read {
    let mut decoder = ChunkDecoder::default();
    let (mut read, mut at) = (nothing(), 0);
    for end in ends {
        let mut buf = data[at..end].to_vec();
        match decoder.decode(&mut buf) {
            Ok(step) => {
                read.data.extend_from_slice(&buf[..step.produced]);
                at += step.consumed;
                if step.done {
                    return Read { trailers: decoder.trailers().to_vec(), length: at, ..read };
                }
                assert_eq!(at, end, "a body that goes on eats all there is");
            }
            Err(reject) => return refused(read, reject.reason),
        }
    }
    refused(read, "unfinished")
}

fn by_steps(data: &[u8]) -> Read {
    let mut decoder = ChunkDecoder::default();
    let (mut read, mut at) = (nothing(), 0);
    loop {
        let rest = &data[at..];
        match decoder.step(rest) {
            Ok(step) => {
                read.data.extend_from_slice(&rest[step.data]);
                at += step.consumed;
                if step.done {
                    return Read { trailers: decoder.trailers().to_vec(), length: at, ..read };
                }
                if at == data.len() {
                    return refused(read, "unfinished");
                }
                assert!(step.consumed > 0, "nothing was eaten at {at}");
            }
            Err(reject) => return refused(read, reject.reason),
        }
    }
}

fn nothing() -> Read {
    Read { data: Vec::new(), trailers: Vec::new(), length: 0, refused: None }
}

/// What was read before a refusal depends on the cut: only the refusal counts.
fn refused(_: Read, reason: &'static str) -> Read {
    Read { refused: Some(reason), ..nothing() }
}

/// The body as it would be sent on.
fn encode(read: &Read) -> Vec<u8> {
    let mut sent = Vec::new();
    for part in read.data.chunks(7) {
        let mut room = [0; CHUNK_ROOM];
        let start = write_chunk_header(&mut room, u32::try_from(part.len()).unwrap_or_default());
        sent.extend([&room[start..], part, b"\r\n"].concat());
    }
    let (zero, end) = LAST_CHUNK.split_at(3);
    sent.extend([zero, &read.trailers, end].concat());
    sent
}
