//! A frozen multimap from texts to numbers that may answer too much but never too little.
//!
//! It keeps no texts, only 32-bit codes of them with ASCII case folded away, so a look-up touches one cache line and
//! whoever uses it must test what it finds. It is built from what the operator wrote and looked up with what clients
//! send: no client can make its chains longer.

/// Which part of a text has to be equal to a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Place {
    Whole,
    Start,
    End,
}

impl Place {
    /// The part of `text` that a key of `length` bytes has to be equal to; `None` if there is no such part.
    pub fn part(self, text: &[u8], length: usize) -> Option<&[u8]> {
        match self {
            Self::Whole => (text.len() == length).then_some(text),
            Self::Start => text.get(..length),
            Self::End => text.get(text.len().checked_sub(length)?..),
        }
    }
}

/// A hash of `text` that is the same whatever the case of its letters, and different for different seeds.
pub(crate) fn fold_hash(seed: u64, text: &[u8]) -> u64 {
    const LETTERS: u64 = 0x2020_2020_2020_2020;
    let (words, _) = text.as_chunks::<8>();
    let mut hash = mix(seed ^ text.len() as u64, 0x9e37_79b9_7f4a_7c15);
    for word in words {
        hash = mix(hash, u64::from_le_bytes(*word) | LETTERS);
    }
    // The tail overlaps what was read before; for short texts both halves overlap.
    let tail = if let Some(last) = text.last_chunk::<8>() {
        u64::from_le_bytes(*last)
    } else if let (Some(first), Some(last)) = (text.first_chunk::<4>(), text.last_chunk::<4>()) {
        u64::from(u32::from_le_bytes(*first)) << 32 | u64::from(u32::from_le_bytes(*last))
    } else {
        text.iter().fold(0, |tail, &byte| tail << 8 | u64::from(byte))
    };
    mix(hash, tail | LETTERS)
}

/// A hash of `text` in which case counts, the same in every process.
pub(crate) fn fold_exact(text: &[u8]) -> u64 {
    text.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// Folds the full product of two words, so that every bit of both reaches every bit of the result.
fn mix(a: u64, b: u64) -> u64 {
    let product = u128::from(a ^ 0x2d35_8dcc_aa6c_78a5) * u128::from(b ^ 0x8bb8_4b93_962e_acc9);
    (product >> 64) as u64 ^ product as u64
}

/// The map. Numbers are below 2^31.
#[derive(Debug, Clone, Default)]
pub(crate) struct Table {
    /// Open addressing with linear probing; the length is a power of two, at most half of it used.
    slots: Box<[Slot]>,
    /// Bounds in `numbers`, for codes with several of them.
    lists: Box<[(u32, u32)]>,
    numbers: Box<[u32]>,
}

#[derive(Debug, Clone, Copy)]
struct Slot {
    code: u32,
    /// The only number, or [`LIST`] and an index into `lists`, or [`FREE`].
    link: u32,
}

const LIST: u32 = 1 << 31;
const FREE: u32 = u32::MAX;

impl Table {
    /// A table of these pairs; the numbers of one code come out in ascending order, each once.
    pub fn new(mut pairs: Vec<(u32, u32)>) -> Self {
        if pairs.is_empty() {
            return Self::default();
        }
        pairs.sort_unstable();
        pairs.dedup();
        let room = pairs.len().saturating_mul(2).next_power_of_two();
        let mut slots = vec![Slot { code: 0, link: FREE }; room];
        let (mut lists, mut numbers) = (Vec::new(), Vec::new());
        for same in pairs.chunk_by(|a, b| a.0 == b.0) {
            let link = if let [(_, only)] = same {
                *only
            } else {
                let start = numbers.len() as u32;
                numbers.extend(same.iter().map(|pair| pair.1));
                lists.push((start, numbers.len() as u32));
                LIST | (lists.len() - 1) as u32
            };
            let code = same.first().map_or(0, |pair| pair.0);
            insert(&mut slots, Slot { code, link });
        }
        Self { slots: slots.into(), lists: lists.into(), numbers: numbers.into() }
    }

    /// The numbers under `code`, ascending.
    pub fn get(&self, code: u32) -> &[u32] {
        let mask = self.slots.len().wrapping_sub(1);
        let mut at = code as usize & mask;
        while let Some(slot) = self.slots.get(at) {
            if slot.link == FREE {
                break;
            }
            if slot.code == code {
                return self.numbers_of(slot);
            }
            at = (at + 1) & mask;
        }
        &[]
    }

    fn numbers_of<'t>(&'t self, slot: &'t Slot) -> &'t [u32] {
        if slot.link & LIST == 0 {
            return std::slice::from_ref(&slot.link);
        }
        let bounds = self.lists.get((slot.link & !LIST) as usize);
        bounds.and_then(|&(start, end)| self.numbers.get(start as usize..end as usize)).unwrap_or_default()
    }
}

fn insert(slots: &mut [Slot], new: Slot) {
    let mask = slots.len().wrapping_sub(1);
    let mut at = new.code as usize & mask;
    // Half of the slots stay free, so this ends.
    while let Some(slot) = slots.get_mut(at) {
        if slot.link == FREE {
            *slot = new;
            return;
        }
        at = (at + 1) & mask;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::{BTreeMap, BTreeSet};

    #[test]
    fn parts_are_cut_where_they_fit() {
        for (place, length, expected) in [
            (Place::Whole, 4, Some("/a/b")),
            (Place::Whole, 3, None),
            (Place::Start, 2, Some("/a")),
            (Place::Start, 5, None),
            (Place::End, 3, Some("a/b")),
            (Place::End, 5, None),
        ] {
            assert_eq!(place.part(b"/a/b", length), expected.map(str::as_bytes), "{place:?} {length}");
        }
    }

    #[test]
    fn hashes_differ_for_neighbours_of_every_length() {
        let mut seen = BTreeSet::new();
        let mut texts = 0;
        for length in 0..40_usize {
            let base = vec![b'a'; length];
            texts += 1;
            seen.insert(fold_hash(0, &base));
            for at in 0..length {
                let mut text = base.clone();
                text[at] = b'1';
                texts += 1;
                seen.insert(fold_hash(0, &text));
            }
        }
        assert_eq!(seen.len(), texts);
    }

    proptest! {
        #[test]
        fn hashes_ignore_case(text in "\\PC{0,40}", seed in any::<u64>()) {
            let upper = fold_hash(seed, text.to_ascii_uppercase().as_bytes());
            prop_assert_eq!(fold_hash(seed, text.as_bytes()), upper);
        }

        #[test]
        fn holds_exactly_its_pairs(pairs in proptest::collection::vec((0_u32..50, 0_u32..1000), 0..200)) {
            let mut expected: BTreeMap<u32, BTreeSet<u32>> = BTreeMap::new();
            for &(code, number) in &pairs {
                expected.entry(code).or_default().insert(number);
            }
            let table = Table::new(pairs);
            for code in 0..60 {
                let wanted: Vec<u32> = expected.get(&code).into_iter().flatten().copied().collect();
                prop_assert_eq!(table.get(code), wanted.as_slice());
            }
        }
    }
}
