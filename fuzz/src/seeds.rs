//! Inputs that stand elsewhere in the repository: rows of the HTTP/1 corpus, files of the contract; and the handful that
//! a search should begin with.

use std::path::PathBuf;
use std::sync::OnceLock;

use serde_json::Value;

use crate::cookie;
use crate::rows::{Row, rows as read_rows};

/// Seeds above this size show nothing that shorter ones do not.
const SEED_BYTES: usize = 70_000;

/// Request rows.
pub fn requests() -> Vec<Vec<u8>> {
    of_kind("req").map(|row| row.raw.clone()).collect()
}

/// Answer rows.
pub fn answers() -> Vec<Vec<u8>> {
    of_kind("resp").map(|row| row.raw.clone()).collect()
}

/// What follows the heads of rows of both kinds.
pub fn chunks() -> Vec<Vec<u8>> {
    let chunked =
        rows().iter().filter(|row| row.raw.windows(7).any(|text| text.eq_ignore_ascii_case(b"chunked")));
    let bodies = chunked.filter_map(|row| {
        let end = row.raw.windows(4).position(|four| four == b"\r\n\r\n")?;
        Some(row.raw[end + 4..].to_vec())
    });
    bodies.filter(|body| !body.is_empty()).collect()
}

/// The second word of request rows.
pub fn targets() -> Vec<Vec<u8>> {
    let words = of_kind("req").filter_map(|row| row.raw.split(|&byte| byte == b' ').nth(1));
    words.map(<[u8]>::to_vec).collect()
}

/// The values of Host in request rows.
pub fn hosts() -> Vec<Vec<u8>> {
    let lines = of_kind("req").flat_map(|row| row.raw.split(|&byte| byte == b'\n'));
    let values = lines.filter_map(|line| {
        let (name, value) = line.split_at_checked(5)?;
        name.eq_ignore_ascii_case(b"host:").then(|| value.trim_ascii().to_vec())
    });
    values.collect()
}

/// Cookies, genuine tokens among them.
pub fn cookies() -> Vec<Vec<u8>> {
    let plain: [&[u8]; 6] =
        [b"a=1; b=2", b"S=x;a=1;S=y", b"flag; =v; ;;a", b"a=\"b;c\"", b" a = b ", b"\xe9=1"];
    let tokens = [0, 1].map(cookie::token);
    plain.iter().map(|text| text.to_vec()).chain(tokens).collect()
}

/// Snapshots of the contract.
pub fn snapshots() -> Vec<Vec<u8>> {
    let files = ["snapshot-small.json", "snapshot-everything.json", "snapshot-overlaid.json"];
    files.iter().map(|file| contract(file).to_string().into_bytes()).collect()
}

/// Frames of the contract with their lengths, one by one and all in one stream.
pub fn frames() -> Vec<Vec<u8>> {
    let list = contract("frames.json");
    let frames = list.as_array().into_iter().flatten().map(|entry| {
        let body = entry["frame"].to_string();
        let length = u32::try_from(body.len()).unwrap_or_default();
        [&length.to_be_bytes()[..], body.as_bytes()].concat()
    });
    let mut frames: Vec<_> = frames.collect();
    frames.push(frames.concat());
    frames
}

/// A file of `tests/contract`.
pub fn contract(file: &str) -> Value {
    let path = repository().join("tests/contract").join(file);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The top of the repository.
pub fn repository() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

fn of_kind(kind: &'static str) -> impl Iterator<Item = &'static Row> {
    rows().iter().filter(move |row| row.kind == kind && row.raw.len() <= SEED_BYTES)
}

fn rows() -> &'static [Row] {
    static ROWS: OnceLock<Vec<Row>> = OnceLock::new();
    ROWS.get_or_init(read_rows)
}
