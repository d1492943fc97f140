//! JSON web tokens (RFC 7519) in their compact form: looking into them, and verifying their signatures.
//!
//! Verifies HMAC, RSA with PKCS#1 and the elliptic curves P-256 and P-384. A public key is given as PEM text.

use std::borrow::Cow;

use ring::signature::{self, UnparsedPublicKey, VerificationAlgorithm};

use super::argument::{Arg, Parameter, Take, may, need};
use super::base64::{self, Alphabet};
use super::{Ask, Given, Row, cast, digest, json, row};
use crate::{Kind, Value};

const PLACE: &[Parameter] = &[may("a path", Take::Path), may("a type", json::TYPE)];

pub(super) static ROWS: &[Row] = &[
    row("jwt_header_query", PLACE, Kind::Str, |value, given, _| queried(value, given, 0)),
    row("jwt_payload_query", PLACE, Kind::Str, |value, given, _| queried(value, given, 1)),
    row(
        "jwt_verify",
        &[need("an algorithm", Take::Either), need("a key", Take::Either)],
        Kind::Int,
        |value, given, ask| match verified(value, given, ask) {
            Some(verdict) => Value::Int(verdict as i64),
            None => Value::Absent,
        },
    ),
];

/// The numbers by which expressions know verdicts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Wrong = 0,
    Right = 1,
    UnknownAlgorithm = -1,
    UnmanagedAlgorithm = -2,
    Invalid = -3,
    UnknownKey = -5,
}

fn queried<'v>(value: Value<'v>, given: &Given, part: usize) -> Value<'v> {
    let decoded = cast::text(value).and_then(|token| {
        let [header, payload, _] = parts(&token)?;
        base64::decoded(if part == 0 { header } else { payload }, Alphabet::Url)
    });
    match (decoded, given.get(0)) {
        (Some(document), Arg::Path(path)) => json::queried(&document, path, given.has(1)),
        (Some(document), _) => Value::Str(document.into()),
        (None, _) => Value::Absent,
    }
}

/// Header, payload and signature; a signature may be empty.
fn parts(token: &[u8]) -> Option<[&[u8]; 3]> {
    let mut parts = token.split(|byte| *byte == b'.');
    let three = [parts.next()?, parts.next()?, parts.next()?];
    let [header, payload, _] = three;
    (parts.next().is_none() && !header.is_empty() && !payload.is_empty()).then_some(three)
}

fn verified<'v>(value: Value<'v>, given: &'v Given, ask: &dyn Ask<'v>) -> Option<Verdict> {
    let token = cast::text(value)?;
    let algorithm = cast::text(given.value(0, ask))?;
    let key = cast::text(given.value(1, ask))?;
    Some(verify(&token, &algorithm, &key))
}

fn verify(token: &[u8], algorithm: &[u8], key: &[u8]) -> Verdict {
    let Some([header, payload, signature]) = parts(token) else { return Verdict::Invalid };
    let signed = token.get(..header.len() + 1 + payload.len()).unwrap_or_default();
    let Some(signature) = base64::decoded(signature, Alphabet::Url) else { return Verdict::Invalid };
    match algorithm {
        b"none" => verdict(signature.is_empty()),
        b"HS256" => authentic(b"sha256", key, signed, &signature),
        b"HS384" => authentic(b"sha384", key, signed, &signature),
        b"HS512" => authentic(b"sha512", key, signed, &signature),
        b"RS256" => public(&signature::RSA_PKCS1_2048_8192_SHA256, key, signed, &signature),
        b"RS384" => public(&signature::RSA_PKCS1_2048_8192_SHA384, key, signed, &signature),
        b"RS512" => public(&signature::RSA_PKCS1_2048_8192_SHA512, key, signed, &signature),
        b"ES256" if signature.len() != 64 => Verdict::Invalid,
        b"ES256" => public(&signature::ECDSA_P256_SHA256_FIXED, key, signed, &signature),
        b"ES384" if signature.len() != 96 => Verdict::Invalid,
        b"ES384" => public(&signature::ECDSA_P384_SHA384_FIXED, key, signed, &signature),
        b"ES512" | b"PS256" | b"PS384" | b"PS512" => Verdict::UnmanagedAlgorithm,
        _ => Verdict::UnknownAlgorithm,
    }
}

fn verdict(right: bool) -> Verdict {
    if right { Verdict::Right } else { Verdict::Wrong }
}

fn authentic(name: &[u8], key: &[u8], signed: &[u8], signature: &[u8]) -> Verdict {
    let Some(code) = digest::code(name, key, signed) else { return Verdict::Wrong };
    let differs = code.iter().zip(signature).fold(0, |bits, (left, right)| bits | (left ^ right));
    verdict(code.len() == signature.len() && std::hint::black_box(differs) == 0)
}

fn public(
    algorithm: &'static dyn VerificationAlgorithm,
    pem: &[u8],
    signed: &[u8],
    signature: &[u8],
) -> Verdict {
    match public_key(pem) {
        Some(key) => verdict(UnparsedPublicKey::new(algorithm, key).verify(signed, signature).is_ok()),
        None => Verdict::UnknownKey,
    }
}

/// The key in a PEM text: the bits of its `SubjectPublicKeyInfo`.
fn public_key(pem: &[u8]) -> Option<Vec<u8>> {
    const BEGIN: &str = "-----BEGIN PUBLIC KEY-----";
    let pem: Cow<'_, str> = String::from_utf8_lossy(pem);
    let (_, rest) = pem.split_once(BEGIN)?;
    let (text, _) = rest.split_once("-----END")?;
    let text: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let der = base64::decoded(&text, Alphabet::Plain)?;
    let (info, _) = element(&der, 0x30)?;
    let (_, rest) = element(info, 0x30)?;
    let (bits, _) = element(rest, 0x03)?;
    bits.strip_prefix(&[0]).map(<[u8]>::to_vec)
}

/// The contents of a DER element with that tag, and what follows it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (length, rest) = match der {
        [first, ..] if *first != tag => return None,
        [_, 0x82, high, low, rest @ ..] => (usize::from(*high) << 8 | usize::from(*low), rest),
        [_, 0x81, length, rest @ ..] | [_, length @ 0..=0x7f, rest @ ..] => (usize::from(*length), rest),
        _ => return None,
    };
    rest.split_at_checked(length)
}
