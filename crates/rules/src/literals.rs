//! Sets of literal texts and the question whether one of them is a text, or stands at its start or end.
//!
//! A few are compared one by one; from [`MANY`] on a table keeps the cost flat.

use crate::table::{Place, Table, fold_hash};

/// From how many patterns on a table is worth its memory.
const MANY: usize = 9;

/// Literal patterns that are looked for at one place.
#[derive(Debug, Clone)]
pub(crate) struct Literals {
    place: Place,
    ignore_case: bool,
    patterns: Patterns,
}

#[derive(Debug, Clone)]
enum Patterns {
    One(Box<[u8]>),
    Some(Box<[Box<[u8]>]>),
    Many(Box<Many>),
}

#[derive(Debug, Clone)]
struct Many {
    patterns: Box<[Box<[u8]>]>,
    lengths: Box<[usize]>,
    table: Table,
}

impl Literals {
    /// Patterns at `place`, compared with or without regard to ASCII case.
    pub fn new<T: AsRef<[u8]>>(place: Place, patterns: &[T], ignore_case: bool) -> Self {
        let owned: Box<[Box<[u8]>]> = patterns.iter().map(|pattern| pattern.as_ref().into()).collect();
        let patterns = match patterns {
            [only] => Patterns::One(only.as_ref().into()),
            _ if patterns.len() < MANY => Patterns::Some(owned),
            _ => Self::many(owned),
        };
        Self { place, ignore_case, patterns }
    }

    /// Whether any pattern is at its place in `text`.
    pub fn test(&self, text: &[u8]) -> bool {
        match &self.patterns {
            Patterns::One(pattern) => self.fits(pattern, text),
            Patterns::Some(patterns) => patterns.iter().any(|pattern| self.fits(pattern, text)),
            Patterns::Many(many) => many.lengths.iter().any(|&length| {
                let Some(part) = self.place.part(text, length) else { return false };
                let mut candidates = many.table.get(fold_hash(0, part) as u32).iter();
                candidates.any(|&index| many.patterns.get(index as usize).is_some_and(|p| self.fits(p, text)))
            }),
        }
    }

    /// Which pattern counts of those that are at their place in `text`, and how long it is: of starts whose case counts
    /// the longest, of all others the first.
    pub fn find(&self, text: &[u8]) -> Option<(usize, usize)> {
        let longest = self.place == Place::Start && !self.ignore_case;
        let better = |best: Option<(usize, usize)>, new: (usize, usize)| match best {
            Some(old) if longest && old.1 >= new.1 => Some(old),
            Some(old) if !longest && old.0 < new.0 => Some(old),
            _ => Some(new),
        };
        let hit = |index: usize, pattern: &[u8]| self.fits(pattern, text).then_some((index, pattern.len()));
        match &self.patterns {
            Patterns::One(pattern) => hit(0, pattern),
            Patterns::Some(patterns) => {
                patterns.iter().enumerate().filter_map(|(index, one)| hit(index, one)).fold(None, better)
            }
            Patterns::Many(many) => {
                let parts = many.lengths.iter().filter_map(|&length| self.place.part(text, length));
                let of_part = |part: &[u8]| {
                    let mut candidates =
                        many.table.get(fold_hash(0, part) as u32).iter().map(|at| *at as usize);
                    candidates.find_map(|index| hit(index, many.patterns.get(index)?))
                };
                parts.filter_map(of_part).fold(None, better)
            }
        }
        .map(|(index, length)| (index, if longest { length } else { 0 }))
    }

    /// Where the patterns are looked for.
    pub fn place(&self) -> Place {
        self.place
    }

    /// All patterns, as they were written.
    pub fn patterns(&self) -> impl Iterator<Item = &[u8]> {
        let (one, some) = match &self.patterns {
            Patterns::One(pattern) => (Some(pattern), None),
            Patterns::Some(patterns) => (None, Some(patterns)),
            Patterns::Many(many) => (None, Some(&many.patterns)),
        };
        one.into_iter().chain(some.into_iter().flatten()).map(AsRef::as_ref)
    }

    fn many(patterns: Box<[Box<[u8]>]>) -> Patterns {
        let mut lengths: Vec<usize> = patterns.iter().map(|pattern| pattern.len()).collect();
        lengths.sort_unstable();
        lengths.dedup();
        let pairs = patterns.iter().zip(0..).map(|(pattern, index)| (fold_hash(0, pattern) as u32, index));
        let table = Table::new(pairs.collect());
        Patterns::Many(Box::new(Many { patterns, lengths: lengths.into(), table }))
    }

    fn fits(&self, pattern: &[u8], text: &[u8]) -> bool {
        self.place.part(text, pattern.len()).is_some_and(|part| {
            if self.ignore_case { part.eq_ignore_ascii_case(pattern) } else { part == pattern }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn places_and_case_are_kept() {
        for (place, pattern, ignore_case, text, expected) in [
            (Place::Whole, "/a", false, "/a", true),
            (Place::Whole, "/a", false, "/A", false),
            (Place::Whole, "/a", true, "/A", true),
            (Place::Start, "/a", false, "/ab", true),
            (Place::Start, "", false, "", true),
            (Place::End, ".Php", true, "/x.pHP", true),
            (Place::End, "/long", false, "ng", false),
        ] {
            let set = Literals::new(place, &[pattern], ignore_case);
            assert_eq!(set.test(text.as_bytes()), expected, "{place:?} {pattern} {text}");
        }
    }

    #[test]
    fn an_empty_set_fits_nothing() {
        assert!(!Literals::new::<&str>(Place::Start, &[], false).test(b""));
    }

    proptest! {
        #[test]
        fn many_are_tested_like_one_by_one(
            patterns in proptest::collection::vec("[aAb/]{0,4}", 2..30),
            text in "[aAb/]{0,6}",
            place in prop_oneof![Just(Place::Whole), Just(Place::Start), Just(Place::End)],
            ignore_case in any::<bool>(),
        ) {
            let all: Vec<&str> = patterns.iter().map(String::as_str).collect();
            let together = Literals::new(place, &all, ignore_case).test(text.as_bytes());
            let single = |p: &&str| Literals::new(place, &[p], ignore_case).test(text.as_bytes());
            prop_assert_eq!(together, all.iter().any(single));
        }

        #[test]
        fn the_pattern_that_counts_is_the_same_for_few_and_many(
            patterns in proptest::collection::vec("[aAb/]{0,4}", 2..30),
            text in "[aAb/]{0,6}",
            place in prop_oneof![Just(Place::Whole), Just(Place::Start), Just(Place::End)],
            ignore_case in any::<bool>(),
        ) {
            let all: Vec<&str> = patterns.iter().map(String::as_str).collect();
            let fits = |p: &str| Literals::new(place, &[p], ignore_case).test(text.as_bytes());
            let fitting = all.iter().enumerate().filter(|(_, one)| fits(one));
            let expected = if place == Place::Start && !ignore_case {
                fitting.rev().max_by_key(|(_, one)| one.len()).map(|(index, _)| index)
            } else {
                fitting.map(|(index, _)| index).next()
            };
            let found = Literals::new(place, &all, ignore_case).find(text.as_bytes());
            prop_assert_eq!(found.map(|(index, _)| index), expected);
        }
    }
}
