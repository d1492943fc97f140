//! Where bytes are cut for the law that a cut changes nothing.

/// Inputs up to this size are cut at every place.
const EVERY: usize = 96;
/// How many places longer ones are cut at.
const SOME: usize = 6;

/// Places to cut `data` in two: all of them if it is short, otherwise some that depend on nothing but the data.
pub fn in_two(data: &[u8]) -> Vec<usize> {
    if data.len() <= EVERY {
        return (0..=data.len()).collect();
    }
    // FNV-1a, so that a finding is found again.
    let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    let mut hash = data.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| mix(hash, byte));
    let mut place = || {
        hash = mix(hash, 0x5a);
        usize::try_from(hash >> 16).unwrap_or_default() % data.len()
    };
    (0..SOME).map(|_| place()).collect()
}
