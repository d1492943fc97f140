//! Base64 in both alphabets of RFC 4648, as HAProxy reads and writes them.

/// Which of the two alphabets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Alphabet {
    /// `+` and `/`, with padding.
    Plain,
    /// `-` and `_`, without padding.
    Url,
}

const COMMON: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// The bytes that the text stands for; none when it is no base64. Every four characters may end with padding of
/// their own in the plain alphabet, which wants it; in the other one, `=` is taken for `_`.
pub(crate) fn decoded(text: &[u8], alphabet: Alphabet) -> Option<Vec<u8>> {
    let plain = alphabet == Alphabet::Plain;
    if plain && !text.len().is_multiple_of(4) || text.len() % 4 == 1 {
        return None;
    }
    let mut out = Vec::with_capacity(text.len() * 3 / 4);
    for chunk in text.chunks(4) {
        let end = chunk.iter().position(|byte| plain && *byte == b'=').unwrap_or(chunk.len());
        let (digits, padding) = chunk.split_at_checked(end)?;
        if digits.is_empty() || padding.iter().any(|byte| *byte != b'=') {
            return None;
        }
        let mut bits = 0u32;
        for byte in digits {
            bits = bits << 6 | u32::from(value(*byte, alphabet)?);
        }
        bits <<= 6 * (4 - digits.len());
        out.extend(bits.to_be_bytes().into_iter().skip(1).take(digits.len() - 1));
    }
    Some(out)
}

/// Appends the text that stands for the bytes.
pub(crate) fn encode(bytes: &[u8], alphabet: Alphabet, out: &mut Vec<u8>) {
    for chunk in bytes.chunks(3) {
        let mut bits = chunk.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte));
        bits <<= 8 * (3 - chunk.len());
        for place in 0..=chunk.len() {
            out.push(digit((bits >> (18 - 6 * place)) as u8 & 63, alphabet));
        }
        if alphabet == Alphabet::Plain {
            out.extend(std::iter::repeat_n(b'=', 3 - chunk.len()));
        }
    }
}

fn digit(value: u8, alphabet: Alphabet) -> u8 {
    match (COMMON.get(usize::from(value)), alphabet) {
        (Some(byte), _) => *byte,
        (None, Alphabet::Plain) => *b"+/".get(usize::from(value) - 62).unwrap_or(&b'/'),
        (None, Alphabet::Url) => *b"-_".get(usize::from(value) - 62).unwrap_or(&b'_'),
    }
}

fn value(byte: u8, alphabet: Alphabet) -> Option<u8> {
    match (byte, alphabet) {
        (b'A'..=b'Z', _) => Some(byte - b'A'),
        (b'a'..=b'z', _) => Some(byte - b'a' + 26),
        (b'0'..=b'9', _) => Some(byte - b'0' + 52),
        (b'+', Alphabet::Plain) | (b'-', Alphabet::Url) => Some(62),
        (b'/', Alphabet::Plain) | (b'_' | b'=', Alphabet::Url) => Some(63),
        _ => None,
    }
}
