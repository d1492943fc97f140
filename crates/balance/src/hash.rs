//! Stable hashes: the same key gives the same number in every thread, process and version.
//!
//! XXH64 (seed 0 for keys) spreads evenly over all 64 bits; FNV-1a is for `ip_hash`, whose arithmetic is
//! given, and HAProxy's are for those who come from it. None resists someone who crafts keys: whoever does only decides which server he gets.

use crate::spec::HaproxyFunction;

const P1: u64 = 0x9e37_79b1_85eb_ca87;
const P2: u64 = 0xc2b2_ae3d_27d4_eb4f;
const P3: u64 = 0x1656_67b1_9e37_79f9;
const P4: u64 = 0x85eb_ca77_c2b2_ae63;
const P5: u64 = 0x27d4_eb2f_1656_67c5;

/// XXH64 of `bytes`.
pub fn xxh64(bytes: &[u8], seed: u64) -> u64 {
    let (stripes, rest) = bytes.as_chunks::<32>();
    let mut hash =
        if stripes.is_empty() { seed.wrapping_add(P5) } else { merge_lanes(run_lanes(stripes, seed)) };
    hash = hash.wrapping_add(bytes.len() as u64);

    let (words, rest) = rest.as_chunks::<8>();
    for word in words {
        hash = (hash ^ round(0, u64::from_le_bytes(*word))).rotate_left(27).wrapping_mul(P1).wrapping_add(P4);
    }
    let (halves, rest) = rest.as_chunks::<4>();
    for half in halves {
        let half = u64::from(u32::from_le_bytes(*half)).wrapping_mul(P1);
        hash = (hash ^ half).rotate_left(23).wrapping_mul(P2).wrapping_add(P3);
    }
    for byte in rest {
        hash = (hash ^ u64::from(*byte).wrapping_mul(P5)).rotate_left(11).wrapping_mul(P1);
    }
    hash = (hash ^ (hash >> 33)).wrapping_mul(P2);
    hash = (hash ^ (hash >> 29)).wrapping_mul(P3);
    hash ^ (hash >> 32)
}

/// 32-bit FNV-1a.
pub(crate) fn fnv1a_32(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

/// Finalizer of splitmix64: every bit of the input moves every bit of the output.
pub(crate) fn mix(word: u64) -> u64 {
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

fn round(lane: u64, word: u64) -> u64 {
    lane.wrapping_add(word.wrapping_mul(P2)).rotate_left(31).wrapping_mul(P1)
}

fn run_lanes(stripes: &[[u8; 32]], seed: u64) -> [u64; 4] {
    let first = seed.wrapping_add(P1);
    let mut lanes = [first.wrapping_add(P2), seed.wrapping_add(P2), seed, seed.wrapping_sub(P1)];
    for stripe in stripes {
        for (lane, word) in lanes.iter_mut().zip(stripe.as_chunks::<8>().0) {
            *lane = round(*lane, u64::from_le_bytes(*word));
        }
    }
    lanes
}

fn merge_lanes(lanes: [u64; 4]) -> u64 {
    let mut hash = lanes
        .iter()
        .zip([1, 7, 12, 18])
        .fold(0_u64, |sum, (lane, turn)| sum.wrapping_add(lane.rotate_left(turn)));
    for lane in lanes {
        hash = (hash ^ round(0, lane)).wrapping_mul(P1).wrapping_add(P4);
    }
    hash
}

/// Bob Jenkins' full avalanche of 32 bits, spread further by a prime near three quarters of them: HAProxy's points.
pub(crate) const fn bob_jenkins(mut hash: u32) -> u32 {
    hash = hash.wrapping_add(0x7ed5_5d16).wrapping_add(hash << 12);
    hash = (hash ^ 0xc761_c23c) ^ (hash >> 19);
    hash = hash.wrapping_add(0x1656_67b1).wrapping_add(hash << 5);
    hash = hash.wrapping_add(0xd3a2_646c) ^ (hash << 9);
    hash = hash.wrapping_add(0xfd70_46c5).wrapping_add(hash << 3);
    hash = (hash ^ 0xb55a_4f09) ^ (hash >> 16);
    hash.wrapping_mul(3_221_225_473)
}

impl HaproxyFunction {
    /// The function's number for these bytes.
    pub(crate) fn hash(self, key: &[u8]) -> u32 {
        let over = |begin: u32, step: fn(u32, u32) -> u32| {
            key.iter().fold(begin, |hash, byte| step(hash, u32::from(*byte)))
        };
        match self {
            Self::Sdbm => over(0, |hash, byte| hash.wrapping_mul(65_599).wrapping_add(byte)),
            Self::Djb2 => over(5381, |hash, byte| hash.wrapping_mul(33).wrapping_add(byte)),
            Self::Crc32 => !over(!0, |hash, byte| {
                (0..8).fold(hash ^ byte, |hash, _| (hash >> 1) ^ if hash & 1 == 1 { 0xedb8_8320 } else { 0 })
            }),
            Self::Wt6 => wt6(key),
            Self::None => {
                let digits = key.iter().take_while(|byte| byte.is_ascii_digit());
                digits.fold(0, |number, digit| number.wrapping_mul(10).wrapping_add(u32::from(digit - b'0')))
            }
        }
    }
}

/// Two halves that turn each other by what they are.
fn wt6(key: &[u8]) -> u32 {
    let (mut one, mut two) = (0xa53c_965a_u32, 0x5ca6_953a_u32);
    let (mut first, mut second) = (6, 18);
    for &byte in key {
        one = !(one ^ u32::from(byte));
        two = !two.wrapping_add(u32::from(byte));
        (one, two) = (two.rotate_left(first), one.rotate_left(second));
        let turn = ((one >> 16) ^ two) & 0xffff;
        (first, second) = (turn & 31, turn >> 11);
    }
    one ^ two
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xxh64_agrees_with_the_published_values() {
        assert_eq!(xxh64(b"", 0), 0xef46_db37_51d8_e999);
        assert_eq!(xxh64(b"a", 0), 0xd24e_c4f1_a98c_6e5b);
        assert_eq!(xxh64(b"abc", 0), 0x44bc_2cf5_ad77_0999);
        assert_eq!(xxh64(b"Nobody inspects the spammish repetition", 0), 0xfbce_a83c_8a37_8bf1);
    }

    #[test]
    fn fnv_agrees_with_the_published_values() {
        assert_eq!(fnv1a_32(b""), 0x811c_9dc5);
        assert_eq!(fnv1a_32(b"a"), 0xe40c_292c);
        assert_eq!(fnv1a_32(b"foobar"), 0xbf9c_f968);
    }
}
