//! Digests and codes of authenticity. Names are OpenSSL's.

use hmac::{KeyInit, Mac, SimpleHmac};
use sha1::Sha1;
use sha2::digest::common::BlockSizeUser;
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};

use super::argument::{Arg, Parameter, Take, may, need};
use super::base64::{self, Alphabet};
use super::{Ask, Given, Row, cast, encode, row};
use crate::{Kind, Value};

const NAMES: Take = Take::Word(&["md5", "sha1", "sha224", "sha256", "sha384", "sha512"]);
const BITS: &[Parameter] = &[may("a number of bits", Take::Word(&["224", "256", "384", "512"]))];

pub(super) static ROWS: &[Row] = &[
    row("sha1", &[], Kind::Str, |value, _, _| digest(value, b"sha1")),
    row("sha2", BITS, Kind::Str, |value, given, _| digest(value, given.text(0))),
    row("digest", &[need("a name", NAMES)], Kind::Str, |value, given, _| digest(value, given.text(0))),
    row("hmac", &[need("a name", NAMES), need("a key", Take::Key)], Kind::Str, authenticated),
];

fn digest<'v>(value: Value<'_>, name: &[u8]) -> Value<'v> {
    encode::made(value, |bytes, out| match name {
        b"md5" => out.extend_from_slice(&md5::Md5::digest(bytes)),
        b"sha1" => out.extend_from_slice(&Sha1::digest(bytes)),
        b"sha224" | b"224" => out.extend_from_slice(&Sha224::digest(bytes)),
        b"sha384" | b"384" => out.extend_from_slice(&Sha384::digest(bytes)),
        b"sha512" | b"512" => out.extend_from_slice(&Sha512::digest(bytes)),
        _ => out.extend_from_slice(&Sha256::digest(bytes)),
    })
}

fn authenticated<'v>(value: Value<'v>, given: &'v Given, ask: &dyn Ask<'v>) -> Value<'v> {
    let Some(key) = key(given, 1, ask) else { return Value::Absent };
    let Some(bytes) = cast::bytes(value) else { return Value::Absent };
    code(given.text(0), &key, &bytes).map_or(Value::Absent, |code| Value::Str(code.into()))
}

/// A key that is base64, in the expression or in a variable.
pub(super) fn key<'v>(
    given: &'v Given,
    index: usize,
    ask: &dyn Ask<'v>,
) -> Option<std::borrow::Cow<'v, [u8]>> {
    if let Arg::Key(key) = given.get(index) {
        return Some(key.as_ref().into());
    }
    let text = cast::text(given.value(index, ask))?;
    base64::decoded(&text, Alphabet::Plain).map(Into::into)
}

/// The HMAC of the bytes.
pub(super) fn code(name: &[u8], key: &[u8], bytes: &[u8]) -> Option<Vec<u8>> {
    match name {
        b"md5" => hmac::<md5::Md5>(key, bytes),
        b"sha1" => hmac::<Sha1>(key, bytes),
        b"sha224" => hmac::<Sha224>(key, bytes),
        b"sha384" => hmac::<Sha384>(key, bytes),
        b"sha512" => hmac::<Sha512>(key, bytes),
        _ => hmac::<Sha256>(key, bytes),
    }
}

fn hmac<D: Digest + BlockSizeUser>(key: &[u8], bytes: &[u8]) -> Option<Vec<u8>> {
    let mac = SimpleHmac::<D>::new_from_slice(key).ok()?;
    Some(mac.chain_update(bytes).finalize().into_bytes().to_vec())
}
