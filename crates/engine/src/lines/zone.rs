//! How far local time is from UTC: what `/etc/localtime`, or the file that TZ names, says (RFC 8536).
//!
//! Only transitions that the file lists are known; after the last of them its offset stays.

use std::path::PathBuf;

/// Moments from which on an offset counts, in order, in seconds.
#[derive(Clone, Default)]
pub struct Zone {
    first: i64,
    changes: Vec<(i64, i64)>,
}

impl Zone {
    /// That of this machine; UTC when nothing says another.
    pub fn here() -> Self {
        let path = match std::env::var("TZ") {
            Ok(name) if name.is_empty() => return Self::default(),
            Ok(name) => {
                let name = name.trim_start_matches(':');
                if name.starts_with('/') {
                    PathBuf::from(name)
                } else {
                    PathBuf::from("/usr/share/zoneinfo").join(name)
                }
            }
            Err(_) => PathBuf::from("/etc/localtime"),
        };
        std::fs::read(path).ok().and_then(|bytes| Self::read(&bytes)).unwrap_or_default()
    }

    /// Seconds to add to this moment.
    pub fn offset(&self, second: u64) -> i64 {
        let place = self.changes.partition_point(|(from, _)| *from <= second as i64);
        let before = place.checked_sub(1).and_then(|place| self.changes.get(place));
        before.map_or(self.first, |(_, offset)| *offset)
    }

    /// Reads the part of a file that has 64-bit times.
    fn read(bytes: &[u8]) -> Option<Self> {
        let (_, skipped) = counts(bytes, 4)?;
        let rest = bytes.get(44 + skipped..)?;
        let ([_, _, _, times, types, _], _) = counts(rest, 8)?;
        let body = rest.get(44..)?;
        let (moments, body) = body.split_at_checked(times * 8)?;
        let (kinds, body) = body.split_at_checked(times)?;
        let kind = |index: usize| -> Option<i64> {
            let entry = body.get(index * 6..index * 6 + 4)?;
            (index < types).then_some(i64::from(i32::from_be_bytes(*entry.first_chunk()?)))
        };
        let moment = |bytes: &[u8]| bytes.first_chunk().map(|bytes| i64::from_be_bytes(*bytes));
        let changes =
            moments.chunks(8).zip(kinds).map(|(at, index)| Some((moment(at)?, kind(usize::from(*index))?)));
        Some(Self { first: kind(0)?, changes: changes.collect::<Option<_>>()? })
    }
}

/// The six counts of a header, and the bytes of what follows it when times have so many bytes.
fn counts(bytes: &[u8], width: usize) -> Option<([usize; 6], usize)> {
    if !bytes.starts_with(b"TZif") {
        return None;
    }
    let mut found = [0; 6];
    for (index, place) in found.iter_mut().enumerate() {
        *place = u32::from_be_bytes(*bytes.get(20 + index * 4..)?.first_chunk()?) as usize;
    }
    let [utc, standard, leaps, times, types, chars] = found;
    let length = times * (width + 1) + types * 6 + chars + leaps * (width + 4) + standard + utc;
    Some((found, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> Vec<u8> {
        let header = |times: u32, types: u32, chars: u32| {
            let mut out = b"TZif2".to_vec();
            out.extend([0; 15]);
            for count in [0, 0, 0, times, types, chars] {
                out.extend(count.to_be_bytes());
            }
            out
        };
        let mut out = header(0, 1, 1);
        out.extend([0; 7]);
        out.extend(header(2, 2, 4));
        out.extend(1_000_i64.to_be_bytes());
        out.extend(2_000_i64.to_be_bytes());
        out.extend([1, 0]);
        for offset in [3600_i32, 7200] {
            out.extend(offset.to_be_bytes());
            out.extend([0, 0]);
        }
        out.extend(b"A\0B\0");
        out
    }

    #[test]
    fn offsets_change_when_the_file_says() {
        let zone = Zone::read(&file()).unwrap();
        assert_eq!(
            [0, 999, 1_000, 1_999, 2_000].map(|second| zone.offset(second)),
            [3600, 3600, 7200, 7200, 3600]
        );
        assert_eq!(Zone::default().offset(5), 0);
        for length in 0..file().len() - 4 {
            assert!(Zone::read(&file()[..length]).is_none_or(|zone| zone.changes.len() <= 2));
        }
    }
}
