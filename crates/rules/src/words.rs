//! Words of a text between delimiters, and which of many patterns is one of them or several in a row: `-m dir`, `-m dom`.

use crate::table::{Table, fold_hash};

/// Patterns without the delimiters at their ends; one that is nothing else matches nothing.
#[derive(Debug, Clone)]
pub(crate) struct Words {
    delimiters: &'static [u8],
    patterns: Box<[Box<[u8]>]>,
    lengths: Box<[usize]>,
    table: Table,
    ignore_case: bool,
}

impl Words {
    /// Patterns that are looked for between any two of these delimiters.
    pub fn new(delimiters: &'static [u8], patterns: &[&str], ignore_case: bool) -> Self {
        let patterns: Box<[Box<[u8]>]> =
            patterns.iter().map(|pattern| trimmed(pattern.as_bytes(), delimiters).into()).collect();
        let mut lengths: Vec<usize> =
            patterns.iter().map(|pattern| pattern.len()).filter(|len| *len > 0).collect();
        lengths.sort_unstable();
        lengths.dedup();
        let pairs = patterns.iter().zip(0..).map(|(pattern, index)| (fold_hash(0, pattern) as u32, index));
        let table = Table::new(pairs.collect());
        Self { delimiters, patterns, lengths: lengths.into(), table, ignore_case }
    }

    /// The first pattern that stands in the text between delimiters or its ends.
    pub fn find(&self, text: &[u8]) -> Option<usize> {
        let mut best: Option<u32> = None;
        let mut fresh = true;
        for (start, byte) in text.iter().enumerate() {
            if self.delimiters.contains(byte) {
                fresh = true;
            } else if fresh {
                fresh = false;
                let rest = text.get(start..).unwrap_or_default();
                best = best.into_iter().chain(self.at_start(rest)).min();
            }
        }
        best.map(|index| index as usize)
    }

    fn at_start(&self, rest: &[u8]) -> Option<u32> {
        let ends = |length: &usize| match rest.get(*length) {
            Some(byte) => self.delimiters.contains(byte),
            None => rest.len() == *length,
        };
        let lengths = self.lengths.iter().filter(|length| ends(length));
        lengths.filter_map(|length| self.whole(rest.get(..*length)?)).min()
    }

    fn whole(&self, word: &[u8]) -> Option<u32> {
        let fits = |index: &&u32| {
            self.patterns.get(**index as usize).is_some_and(|pattern| {
                if self.ignore_case { pattern.eq_ignore_ascii_case(word) } else { **pattern == *word }
            })
        };
        self.table.get(fold_hash(0, word) as u32).iter().find(fits).copied()
    }
}

fn trimmed<'p>(mut pattern: &'p [u8], delimiters: &[u8]) -> &'p [u8] {
    while let [first, rest @ ..] = pattern
        && delimiters.contains(first)
    {
        pattern = rest;
    }
    while let [rest @ .., last] = pattern
        && delimiters.contains(last)
    {
        pattern = rest;
    }
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Letter by letter, for one pattern.
    fn slowly(delimiters: &[u8], pattern: &[u8], text: &[u8]) -> bool {
        let pattern = trimmed(pattern, delimiters);
        let edge = |at: Option<&u8>| at.is_none_or(|byte| delimiters.contains(byte));
        !pattern.is_empty()
            && (0..text.len()).any(|at| {
                let before = at.checked_sub(1).and_then(|before| text.get(before));
                text[at..].starts_with(pattern) && edge(before) && edge(text.get(at + pattern.len()))
            })
    }

    proptest! {
        #[test]
        fn words_are_found_like_letter_by_letter(
            patterns in proptest::collection::vec("[ab/?]{0,5}", 1..8),
            text in "[ab/?]{0,12}",
        ) {
            let all: Vec<&str> = patterns.iter().map(String::as_str).collect();
            let expected = all.iter().position(|one| slowly(b"/?", one.as_bytes(), text.as_bytes()));
            prop_assert_eq!(Words::new(b"/?", &all, false).find(text.as_bytes()), expected);
        }
    }
}
