//! A WebSocket over HTTP/2 (RFC 8441) and over HTTP/1 (RFC 6455): the key and the proof that only the latter has.

use http::header::{self, HeaderValue};
use http::{Response, StatusCode};
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use ring::rand::{SecureRandom, SystemRandom};

/// What every server appends to the key (RFC 6455, 1.3).
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// A key for a request of our own.
pub fn key() -> String {
    let mut bytes = [0; 16];
    // Without randomness the key is the same each time, which no server minds.
    let _ = SystemRandom::new().fill(&mut bytes);
    base64(&bytes)
}

/// What a server that speaks WebSocket answers to a key.
pub fn proof(key: &str) -> String {
    base64(digest(&SHA1_FOR_LEGACY_USE_ONLY, format!("{key}{GUID}").as_bytes()).as_ref())
}

/// Turns the answer to our key into what a client of HTTP/2 expects. No success but a switch opens a tunnel.
pub fn judge(key: &str, answer: &mut Response<()>) -> Result<(), ()> {
    let proven = answer.headers_mut().remove(header::SEC_WEBSOCKET_ACCEPT);
    match answer.status() {
        StatusCode::SWITCHING_PROTOCOLS => {
            let expected = proof(key);
            if proven.is_none_or(|proven: HeaderValue| proven.as_bytes() != expected.as_bytes()) {
                return Err(());
            }
            *answer.status_mut() = StatusCode::OK;
        }
        status if status.is_success() => *answer.status_mut() = StatusCode::BAD_GATEWAY,
        _ => {}
    }
    Ok(())
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let byte = |index: usize| u32::from(group.get(index).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let letter = LETTERS.get((bits >> (18 - 6 * place)) as usize & 63).copied();
            text.push(if place > group.len() { '=' } else { char::from(letter.unwrap_or(b'=')) });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_specification() {
        assert_eq!(proof("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert_eq!(key().len(), 24);
        assert_ne!(key(), key());
    }

    #[test]
    fn padding_fills_the_last_group() {
        let texts = [&b""[..], b"f", b"fo", b"foo", b"foob"].map(base64);
        assert_eq!(texts, ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg=="]);
    }

    #[test]
    fn only_a_proven_switch_is_a_success() {
        let answer = |status: u16, proof: Option<&str>| {
            let mut answer = Response::new(());
            *answer.status_mut() = StatusCode::from_u16(status).unwrap();
            if let Some(proof) = proof {
                answer.headers_mut().insert(header::SEC_WEBSOCKET_ACCEPT, proof.parse().unwrap());
            }
            judge("k", &mut answer).map(|()| (answer.status().as_u16(), answer.headers().len()))
        };
        assert_eq!(answer(101, Some(&proof("k"))), Ok((200, 0)));
        assert_eq!(answer(101, Some(&proof("other"))), Err(()));
        assert_eq!(answer(101, None), Err(()));
        assert_eq!(answer(200, None), Ok((502, 0)));
        assert_eq!(answer(403, None), Ok((403, 0)));
    }
}
