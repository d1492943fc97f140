//! Persist: which server a client belongs to, and the token that tells it next time.
//!
//! A token is opaque: 8 bytes that name the server, the seconds of the first and of the last visit, and the first 16
//! bytes of an HMAC-SHA256 over them and the backend's name. A token that does not verify counts as none.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use tenbin_rules::View;

use crate::ending::CookieIn;
use crate::tables::{Backend, Sticky};

const PAYLOAD: usize = 16;
const TAG: usize = 16;

/// What a client's cookie said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Visit {
    /// Place of the server in the backend.
    pub index: usize,
    /// Seconds since 1970 of the first visit.
    pub first: u32,
    /// Of the last one.
    pub last: u32,
}

/// The server that a cookie names, if it is genuine and not too old.
pub fn from_cookie<V: View>(backend: &Backend, view: &V, secret: &[u8], now: u32) -> Option<Visit> {
    let Some(Sticky::Cookie { name, plain, max_idle, max_life, .. }) = &backend.sticky else { return None };
    let value = view.cookie(name)?;
    if *plain {
        let index = *backend.by_cookie.get(value)?;
        return Some(Visit { index, first: now, last: now });
    }
    let token = decode(value)?;
    let (payload, tag) = token.split_at_checked(PAYLOAD)?;
    sign(secret, backend, payload)?.verify_truncated_left(tag).ok()?;
    let id = u64::from_be_bytes(*payload.first_chunk()?);
    let first = u32::from_be_bytes(*payload.get(8..)?.first_chunk()?);
    let last = u32::from_be_bytes(*payload.get(12..)?.first_chunk()?);
    let too_old = |since: u32, limit: u64| limit > 0 && u64::from(now.saturating_sub(since)) > limit;
    if too_old(last, *max_idle) || too_old(first, *max_life) {
        return None;
    }
    Some(Visit { index: backend.group.index_of_id(id)?, first, last })
}

/// What a client's cookie said, for lines of logs.
pub fn came<V: View>(backend: &Backend, view: &V, visit: Option<Visit>) -> CookieIn {
    let Some(Sticky::Cookie { name, .. }) = &backend.sticky else { return CookieIn::None };
    match visit {
        Some(visit) if backend.servers.get(visit.index).is_some_and(|server| server.state.is_usable()) => {
            CookieIn::Valid
        }
        Some(_) => CookieIn::Down,
        None if view.cookie(name).is_some() => CookieIn::Invalid,
        None => CookieIn::None,
    }
}

/// Appends the `Set-Cookie` line that is due after an answer of the server at `index`.
pub fn set_cookie(
    out: &mut Vec<u8>,
    backend: &Backend,
    (index, visit): (usize, Option<Visit>),
    secret: &[u8],
    now: u32,
) {
    let Some(Sticky::Cookie { name, plain, attributes, max_idle, .. }) = &backend.sticky else { return };
    let stays = visit.filter(|visit| visit.index == index);
    let fresh =
        |visit: Visit| *plain || *max_idle == 0 || u64::from(now.saturating_sub(visit.last)) * 4 < *max_idle;
    let Some(server) = backend.servers.get(index).filter(|_| !stays.is_some_and(fresh)) else { return };
    out.extend_from_slice(b"set-cookie: ");
    out.extend_from_slice(name);
    out.push(b'=');
    if *plain {
        out.extend_from_slice(&server.cookie);
    } else {
        let mut payload = [0; PAYLOAD];
        let first = stays.map_or(now, |visit| visit.first);
        let parts =
            server.state.id().to_be_bytes().into_iter().chain(first.to_be_bytes()).chain(now.to_be_bytes());
        payload.iter_mut().zip(parts).for_each(|(place, byte)| *place = byte);
        let Some(mac) = sign(secret, backend, &payload) else { return };
        let tag = mac.finalize().into_bytes();
        encode(out, payload.iter().chain(tag.iter().take(TAG)).copied());
    }
    out.extend_from_slice(attributes);
    out.extend_from_slice(b"\r\n");
}

fn sign(secret: &[u8], backend: &Backend, payload: &[u8]) -> Option<Hmac<Sha256>> {
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(secret).ok()?;
    mac.update(backend.spec.name.as_bytes());
    mac.update(&[0]);
    mac.update(payload);
    Some(mac)
}

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// base64url without padding (RFC 4648, 5).
fn encode(out: &mut Vec<u8>, bytes: impl Iterator<Item = u8>) {
    let (mut bits, mut held) = (0_u32, 0);
    let mut digit = |bits: u32| out.extend(DIGITS.get((bits & 63) as usize));
    for byte in bytes {
        bits = bits << 8 | u32::from(byte);
        held += 8;
        while held >= 6 {
            held -= 6;
            digit(bits >> held);
        }
        bits &= (1 << held) - 1;
    }
    if held > 0 {
        digit(bits << (6 - held));
    }
}

fn decode(text: &[u8]) -> Option<[u8; PAYLOAD + TAG]> {
    let mut out = [0; PAYLOAD + TAG];
    if text.len() != (PAYLOAD + TAG) * 8 / 6 + 1 {
        return None;
    }
    let mut places = out.iter_mut();
    let (mut bits, mut held) = (0_u32, 0);
    for digit in text {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'-' => 62,
            b'_' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        held += 6;
        if held >= 8 {
            held -= 8;
            *places.next()? = (bits >> held) as u8;
            bits &= (1 << held) - 1;
        }
    }
    (bits == 0).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_survive_the_trip() {
        let bytes: [u8; 32] = std::array::from_fn(|index| (index * 37) as u8);
        let mut text = Vec::new();
        encode(&mut text, bytes.into_iter());
        assert_eq!(decode(&text), Some(bytes));
        text.pop();
        assert_eq!(decode(&text), None);
        assert_eq!(decode(&[b'!'; 43]), None);
    }
}
