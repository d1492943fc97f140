//! AES-GCM, with keys of 128 and 256 bits and nonces of 12 bytes.

use ring::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

use super::argument::{Take, need};
use super::{Ask, Given, Row, cast, digest, row};
use crate::{Kind, Value};

pub(super) static ROWS: &[Row] = &[row(
    "aes_gcm_dec",
    &[
        need("a number of bits", Take::Word(&["128", "256"])),
        need("a nonce", Take::Key),
        need("a key", Take::Key),
        need("a tag", Take::Key),
    ],
    Kind::Str,
    |value, given, ask| opened(value, given, ask).map_or(Value::Absent, |text| Value::Str(text.into())),
)];

/// The text behind the bytes; none when anything about them was changed.
fn opened<'v>(value: Value<'v>, given: &'v Given, ask: &dyn Ask<'v>) -> Option<Vec<u8>> {
    let algorithm = if given.text(0) == b"128" { &AES_128_GCM } else { &AES_256_GCM };
    let nonce = Nonce::try_assume_unique_for_key(&digest::key(given, 1, ask)?).ok()?;
    let key = LessSafeKey::new(UnboundKey::new(algorithm, &digest::key(given, 2, ask)?).ok()?);
    let mut sealed = cast::bytes(value)?.into_owned();
    sealed.extend_from_slice(&digest::key(given, 3, ask)?);
    let length = key.open_in_place(nonce, Aad::empty(), &mut sealed).ok()?.len();
    sealed.truncate(length);
    Some(sealed)
}
