//! Hashes of bytes, the same numbers as HAProxy's. None of them withstands someone who crafts keys.

use twox_hash::{XxHash3_64, XxHash32, XxHash64};

use super::argument::{Parameter, Take, may};
use super::{Ask, Given, Row, cast, row};
use crate::{Kind, Value};

const AVALANCHE: &[Parameter] = &[may("whether to mix", Take::Int)];
const SEED: &[Parameter] = &[may("a seed", Take::Int)];

pub(super) static ROWS: &[Row] = &[
    row("crc32", AVALANCHE, Kind::Int, |value, given, ask| short(value, given, ask, |b| crc(b, 0xedb8_8320))),
    row("crc32c", AVALANCHE, Kind::Int, |value, given, ask| {
        short(value, given, ask, |b| crc(b, 0x82f6_3b78))
    }),
    row("djb2", AVALANCHE, Kind::Int, |value, given, ask| short(value, given, ask, djb2)),
    row("sdbm", AVALANCHE, Kind::Int, |value, given, ask| short(value, given, ask, sdbm)),
    row("wt6", AVALANCHE, Kind::Int, |value, given, ask| short(value, given, ask, wt6)),
    row("xxh32", SEED, Kind::Int, |value, given, ask| {
        seeded(value, given, ask, |bytes, seed| i64::from(XxHash32::oneshot(seed as u32, bytes)))
    }),
    row("xxh64", SEED, Kind::Int, |value, given, ask| {
        seeded(value, given, ask, |bytes, seed| XxHash64::oneshot(seed, bytes) as i64)
    }),
    row("xxh3", SEED, Kind::Int, |value, given, ask| {
        seeded(value, given, ask, |bytes, seed| XxHash3_64::oneshot_with_seed(seed, bytes) as i64)
    }),
];

fn short<'v>(value: Value<'v>, given: &Given, ask: &dyn Ask<'_>, hash: fn(&[u8]) -> u32) -> Value<'v> {
    let Some(bytes) = cast::bytes(value) else { return Value::Absent };
    let mixed = given.int(0, ask).is_some_and(|flag| flag != 0);
    let hash = hash(&bytes);
    Value::Int(if mixed { avalanche(hash) } else { hash }.into())
}

fn seeded<'v>(value: Value<'v>, given: &Given, ask: &dyn Ask<'_>, hash: fn(&[u8], u64) -> i64) -> Value<'v> {
    let seed = given.int(0, ask).unwrap_or(0);
    cast::bytes(value).map_or(Value::Absent, |bytes| Value::Int(hash(&bytes, seed as u64)))
}

/// Bit by bit: keys are short.
fn crc(bytes: &[u8], polynomial: u32) -> u32 {
    !bytes.iter().fold(!0u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (polynomial & (crc & 1).wrapping_neg()))
    })
}

fn djb2(bytes: &[u8]) -> u32 {
    bytes.iter().fold(5381, |hash: u32, byte| hash.wrapping_mul(33).wrapping_add((*byte).into()))
}

fn sdbm(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |hash: u32, byte| hash.wrapping_mul(65599).wrapping_add((*byte).into()))
}

/// Two halves that rotate each other by amounts that depend on what came before.
fn wt6(bytes: &[u8]) -> u32 {
    let (mut left, mut right) = (0xa53c_965a_u32, 0x5ca6_953a_u32);
    let (mut by_left, mut by_right) = (6, 18);
    for byte in bytes {
        let mixed = (!(left ^ u32::from(*byte)), !right.wrapping_add((*byte).into()));
        left = mixed.1.rotate_left(by_left);
        right = mixed.0.rotate_left(by_right);
        let bits = ((left >> 16) ^ right) & 0xffff;
        (by_left, by_right) = (bits & 31, bits >> 11);
    }
    left ^ right
}

/// Lets every bit of the hash depend on every other one, and the highest ones once more on the lowest.
fn avalanche(hash: u32) -> u32 {
    let hash = hash.wrapping_add(0x7ed5_5d16).wrapping_add(hash << 12);
    let hash = (hash ^ 0xc761_c23c) ^ (hash >> 19);
    let hash = hash.wrapping_add(0x1656_67b1).wrapping_add(hash << 5);
    let hash = hash.wrapping_add(0xd3a2_646c) ^ (hash << 9);
    let hash = hash.wrapping_add(0xfd70_46c5).wrapping_add(hash << 3);
    ((hash ^ 0xb55a_4f09) ^ (hash >> 16)).wrapping_mul(0xc000_0001)
}
