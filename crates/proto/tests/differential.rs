//! Whatever Tenbin accepts, a second reader accepts and reads alike from what Tenbin sends; `support/agreement.rs` lists
//! the differences that are meant.

#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

#[path = "support/agreement.rs"]
mod agreement;
#[path = "support/drafts.rs"]
#[allow(dead_code)]
mod drafts;
#[path = "support/exchange.rs"]
mod exchange;
#[path = "support/rows.rs"]
#[allow(dead_code)]
mod rows;
#[path = "support/second.rs"]
mod second;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use tenbin_proto::{Asked, ChunkDecoder, Limits};

use drafts::Draft;

/// Bytes that end something, or that end it for some readers.
const EDGES: &[u8] = b"\r\n\0\t :;,%#?/\"\\x\x0b\x0c\x7f\x80\xff_-0159aAfFgG@[]";

/// A change at a place: put in, take out, put another byte there, or repeat a run.
#[derive(Clone, Debug)]
enum Change {
    Insert(Index, u8),
    Remove(Index),
    Replace(Index, u8),
    Repeat(Index, usize),
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let byte = || prop_oneof![3 => select(EDGES.to_vec()), 1 => any::<u8>()];
    let change = prop_oneof![
        (any::<Index>(), byte()).prop_map(|(at, byte)| Change::Insert(at, byte)),
        any::<Index>().prop_map(Change::Remove),
        (any::<Index>(), byte()).prop_map(|(at, byte)| Change::Replace(at, byte)),
        (any::<Index>(), 1_usize..30).prop_map(|(at, length)| Change::Repeat(at, length)),
    ];
    vec(change, 0..4)
}

fn changed(mut raw: Vec<u8>, changes: &[Change]) -> Vec<u8> {
    for change in changes {
        match *change {
            Change::Insert(at, byte) => raw.insert(at.index(raw.len() + 1), byte),
            Change::Remove(at) if !raw.is_empty() => drop(raw.remove(at.index(raw.len()))),
            Change::Replace(at, byte) if !raw.is_empty() => {
                let at = at.index(raw.len());
                raw[at] = byte;
            }
            Change::Repeat(at, length) if !raw.is_empty() => {
                let at = at.index(raw.len());
                let run = raw[at..raw.len().min(at + length)].to_vec();
                raw.splice(at..at, run);
            }
            _ => {}
        }
    }
    raw
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn good_requests_are_read_alike(draft in drafts::requests(), next in drafts::requests()) {
        let raw = [draft.bytes(), next.bytes()].concat();
        let outcome = exchange::requests(&raw, usize::MAX, &Limits::default());
        prop_assert_eq!((outcome.whole, outcome.refused), (2, None), "{}", raw.escape_ascii());
        agreement::on_requests(&raw);
    }

    #[test]
    fn spoilt_requests_are_read_alike_or_not_at_all(
        draft in drafts::requests(),
        next in drafts::requests(),
        changes in changes(),
    ) {
        agreement::on_requests(&changed([draft.bytes(), next.bytes()].concat(), &changes));
    }

    #[test]
    fn good_answers_are_read_alike(draft in drafts::answers()) {
        let raw = draft.bytes();
        let outcome = exchange::responses(&raw, usize::MAX, Asked::default(), true);
        prop_assert_eq!((outcome.whole, outcome.refused), (1, None), "{}", raw.escape_ascii());
        agreement::on_answers(&raw);
    }

    #[test]
    fn spoilt_answers_are_read_alike_or_not_at_all(draft in drafts::answers(), changes in changes()) {
        agreement::on_answers(&changed(draft.bytes(), &changes));
    }

    #[test]
    fn spoilt_chunks_are_read_alike_or_not_at_all(Draft { body, .. } in drafts::requests(), changes in changes()) {
        let raw = changed(body, &changes);
        let (mut decoder, mut buf) = (ChunkDecoder::default(), raw.clone());
        if let Ok(read) = decoder.decode(&mut buf) && read.done {
            let (data, trailers, length) = second::chunks(&raw).unwrap();
            prop_assert_eq!((&data[..], length), (&buf[..read.produced], read.consumed));
            agreement::on_trailers(decoder.trailers(), &trailers);
        }
    }
}

#[test]
fn rows_of_the_corpus_are_read_alike_or_not_at_all() {
    for row in rows::rows() {
        match row.kind.as_str() {
            "req" => agreement::on_requests(&row.raw),
            _ => agreement::on_answers(&row.raw),
        }
    }
}
