//! Sets of whole numbers as HAProxy writes them: `200`, `200:299`, `500:`, `:99`, `gt 10`, `3.1` (a version).

use std::collections::HashMap;

use crate::search::Wrong;

/// Numbers and ranges of them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ranges {
    single: HashMap<i64, u32>,
    /// The least, the greatest and the place among the patterns.
    ranges: Box<[(i64, i64, u32)]>,
}

impl Ranges {
    /// Reads patterns.
    pub fn new(patterns: &[&str]) -> Result<Self, Wrong> {
        let (mut single, mut ranges) = (HashMap::new(), Vec::new());
        for (at, text) in patterns.iter().enumerate() {
            let (least, most) =
                read(text).ok_or_else(|| (at, format!("{text:?} is no number and no range")))?;
            let place = u32::try_from(at).unwrap_or(u32::MAX);
            if least == most {
                single.entry(least).or_insert(place);
            } else {
                ranges.push((least, most, place));
            }
        }
        Ok(Self { single, ranges: ranges.into() })
    }

    /// The place of the first pattern that holds the number.
    pub fn find(&self, number: i64) -> Option<usize> {
        let single = self.single.get(&number).copied();
        let range = self.ranges.iter().find(|(least, most, _)| (*least..=*most).contains(&number));
        single.into_iter().chain(range.map(|(_, _, place)| *place)).min().map(|place| place as usize)
    }
}

fn read(text: &str) -> Option<(i64, i64)> {
    let text = text.trim();
    if let Some((operator, number)) = text.split_once(' ') {
        let number = one(number.trim())?;
        return Some(match operator {
            "eq" => (number, number),
            "ge" => (number, i64::MAX),
            "gt" => (number.checked_add(1)?, i64::MAX),
            "le" => (i64::MIN, number),
            "lt" => (i64::MIN, number.checked_sub(1)?),
            _ => return None,
        });
    }
    match text.split_once(':') {
        None => one(text).map(|number| (number, number)),
        Some(("", "")) => None,
        Some(("", most)) => Some((i64::MIN, one(most)?)),
        Some((least, "")) => Some((one(least)?, i64::MAX)),
        Some((least, most)) => Some((one(least)?, one(most)?)).filter(|(least, most)| least <= most),
    }
}

/// A number, or a version as `major << 16 | minor`.
fn one(text: &str) -> Option<i64> {
    match text.split_once('.') {
        Some((major, minor)) => {
            Some(i64::from(major.parse::<u16>().ok()?) << 16 | i64::from(minor.parse::<u16>().ok()?))
        }
        None => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_operators_and_versions_are_read() {
        for (pattern, inside, outside) in [
            ("5", 5, 6),
            ("200:299", 250, 300),
            ("500:", 1_000, 499),
            (":99", -1, 100),
            ("gt 10", 11, 10),
            ("ge 10", 10, 9),
            ("lt 10", 9, 10),
            ("le 10", 10, 11),
            ("eq 10", 10, 11),
            ("3.1:3.3", 0x3_0003, 0x3_0004),
            ("-5", -5, 5),
        ] {
            let ranges = Ranges::new(&[pattern]).unwrap();
            assert_eq!((ranges.find(inside), ranges.find(outside)), (Some(0), None), "{pattern}");
        }
        for pattern in ["", "a", "1:0", ":", "ne 1", "1.2.3", "gt"] {
            assert!(Ranges::new(&["1", pattern]).is_err_and(|(at, _)| at == 1), "{pattern}");
        }
    }
}
