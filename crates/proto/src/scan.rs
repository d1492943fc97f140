//! Finding the next interesting byte: character classes and eight-bytes-at-a-time searches.
//!
//! Owns: which bytes a name, a value, a target or a host may hold. Does not own: what follows from a wrong one.
//!
//! The searches test eight bytes of a little-endian word at once. Each test may report a wrong hit above a true one in
//! the same word, never below, so the lowest hit is always true.

/// May stand in a token (RFC 9110, 5.6.2).
pub(crate) const TOKEN: u8 = 1;
/// May stand in a host name: letters, digits, `-`, `_` and `.`.
pub(crate) const HOST: u8 = 2;
/// A hexadecimal digit.
pub(crate) const HEX: u8 = 4;
/// May stand in a field value (RFC 9110, 5.5): everything but control bytes other than the tab.
pub(crate) const TEXT: u8 = 8;
/// May stand in a target without further thought: visible ASCII but `#`, `%` and `?`.
pub(crate) const TARGET: u8 = 16;

/// The classes of every byte, as bits.
static CLASSES: [u8; 256] = classes();

/// Whether `byte` is of any of these classes.
#[inline]
pub(crate) fn is(byte: u8, class: u8) -> bool {
    // A u8 cannot leave the table, and the compiler knows.
    #[allow(clippy::indexing_slicing)]
    let classes = CLASSES[byte as usize];
    classes & class != 0
}

/// Eight bytes at `at`, if there are so many.
#[inline]
pub(crate) fn word_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk::<8>().map(|eight| u64::from_le_bytes(*eight))
}

/// The length of the letters and dashes at the start of `text`, and its first eight bytes. `None` if there are none, or
/// if `text` is too short to say: then it is worth no shortcut.
#[inline]
pub(crate) fn plain_name(text: &[u8]) -> Option<(usize, u64)> {
    let (first, mut rest) = text.split_first_chunk::<8>()?;
    let first = u64::from_le_bytes(*first);
    let mut word = first;
    loop {
        let hits = !(letters(word) | range(word, b'-', b'-')) & HIGH;
        if hits != 0 {
            let length = text.len() - rest.len() - 8 + lowest(hits);
            return (length > 0).then_some((length, first));
        }
        let (next, behind) = rest.split_first_chunk::<8>()?;
        word = u64::from_le_bytes(*next);
        rest = behind;
    }
}

/// The length of the host name at the start of `text`, and whether it holds an empty label: it begins with a dot, or two
/// dots meet.
#[inline]
pub(crate) fn host_name(text: &[u8]) -> (usize, bool) {
    let mut rest = text;
    // A dot before the first byte makes a dot there the second of two.
    let mut dot_before = 0x80;
    let mut doubled = 0;
    while let Some((eight, behind)) = rest.split_first_chunk::<8>() {
        let word = u64::from_le_bytes(*eight);
        let dots = range(word, b'.', b'.');
        let hits = !(letters(word) | dots | range(word, b'-', b'-') | range(word, b'0', b'9')) & HIGH;
        let before_hit = (hits & hits.wrapping_neg()).wrapping_sub(1);
        doubled |= dots & (dots << 8 | dot_before) & before_hit;
        if hits != 0 {
            let length = text.len() - rest.len() + lowest(hits);
            return if text.get(length) == Some(&b'_') {
                any_host_name(text)
            } else {
                (length, doubled != 0)
            };
        }
        dot_before = dots >> 56;
        rest = behind;
    }
    any_host_name(text)
}

/// The same byte by byte, for names with underscores and those at the end of the bytes.
#[cold]
fn any_host_name(text: &[u8]) -> (usize, bool) {
    let length = class_end(text, 0, HOST);
    let name = text.get(..length).unwrap_or_default();
    let doubled = name.first() == Some(&b'.') || name.windows(2).any(|pair| pair == b"..");
    (length, doubled)
}

/// The first byte from `from` on that no field value may hold, or the end.
#[inline]
pub(crate) fn text_end(bytes: &[u8], from: usize) -> usize {
    let mut rest = bytes.get(from..).unwrap_or_default();
    while let Some((eight, behind)) = rest.split_first_chunk::<8>() {
        let word = u64::from_le_bytes(*eight);
        let hits = below(word, 0x20) | equal(word, 0x7f);
        if hits == 0 {
            rest = behind;
            continue;
        }
        let (_, hit) = rest.split_at_checked(lowest(hits)).unwrap_or_default();
        match hit.split_first() {
            Some((b'\t', behind)) => rest = behind,
            _ => return bytes.len() - hit.len(),
        }
    }
    class_end(bytes, bytes.len() - rest.len(), TEXT)
}

/// The first byte from `from` on that needs a thought in a target, or the end.
#[inline]
pub(crate) fn target_end(bytes: &[u8], from: usize) -> usize {
    let mut rest = bytes.get(from..).unwrap_or_default();
    while let Some((eight, behind)) = rest.split_first_chunk::<8>() {
        let word = u64::from_le_bytes(*eight);
        let hits = below(word, 0x21)
            | word & HIGH
            | equal(word, 0x7f)
            | equal(word, b'#')
            | equal(word, b'%')
            | equal(word, b'?');
        if hits != 0 {
            return bytes.len() - rest.len() + lowest(hits);
        }
        rest = behind;
    }
    class_end(bytes, bytes.len() - rest.len(), TARGET)
}

/// The first byte from `from` on that is not of `class`, or the end.
#[inline]
pub(crate) fn class_end(bytes: &[u8], from: usize, class: u8) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    from + rest.iter().position(|&byte| !is(byte, class)).unwrap_or(rest.len())
}

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

const fn splat(byte: u8) -> u64 {
    ONES * byte as u64
}

/// Marks bytes below `limit`, which is at most 0x80.
#[inline]
const fn below(word: u64, limit: u8) -> u64 {
    word.wrapping_sub(splat(limit)) & !word & HIGH
}

/// Marks bytes equal to `byte`.
#[inline]
const fn equal(word: u64, byte: u8) -> u64 {
    below(word ^ splat(byte), 1)
}

/// Marks ASCII letters, exactly: no byte carries into the next.
#[inline]
const fn letters(word: u64) -> u64 {
    // Above 0x7f nothing changes its meaning, and no other ASCII byte becomes a letter.
    range(word | splat(0x20), b'a', b'z')
}

/// Marks bytes from `low` to `high`, both ASCII, exactly.
#[inline]
const fn range(word: u64, low: u8, high: u8) -> u64 {
    let seven = word & !HIGH;
    let from_low = seven.wrapping_add(splat(0x80 - low));
    let past_high = seven.wrapping_add(splat(0x7f - high));
    from_low & !past_high & !word & HIGH
}

/// Which byte the lowest hit marks.
#[inline]
const fn lowest(hits: u64) -> usize {
    hits.trailing_zeros() as usize / 8
}

const fn classes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        #[allow(clippy::indexing_slicing)]
        {
            table[index] = classes_of(index as u8);
        }
        index += 1;
    }
    table
}

const fn classes_of(byte: u8) -> u8 {
    let mut set = 0;
    if byte.is_ascii_alphanumeric() {
        set |= TOKEN | HOST;
    }
    if matches!(
        byte,
        b'!' | b'#'
            | b'$'
            | b'%'
            | b'&'
            | b'\''
            | b'*'
            | b'+'
            | b'-'
            | b'.'
            | b'^'
            | b'_'
            | b'`'
            | b'|'
            | b'~'
    ) {
        set |= TOKEN;
    }
    if matches!(byte, b'-' | b'.' | b'_') {
        set |= HOST;
    }
    if byte.is_ascii_hexdigit() {
        set |= HEX;
    }
    if byte == b'\t' || byte >= 0x20 && byte != 0x7f {
        set |= TEXT;
    }
    if byte.is_ascii_graphic() && !matches!(byte, b'#' | b'%' | b'?') {
        set |= TARGET;
    }
    set
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A run of `fill` with `byte` at `at`, long enough that the byte falls into a word and into the tail.
    fn with(fill: u8, at: usize, byte: u8) -> Vec<u8> {
        let mut bytes = vec![fill; 19];
        bytes[at] = byte;
        bytes
    }

    #[test]
    fn word_searches_agree_with_the_table() {
        for at in 0..19 {
            for byte in 0..=255 {
                let text = with(b'x', at, byte);
                let expected = |class| if is(byte, class) { 19 } else { at };
                assert_eq!(text_end(&text, 0), expected(TEXT), "{byte:#x} at {at}");
                assert_eq!(target_end(&text, 0), expected(TARGET), "{byte:#x} at {at}");
                let is_plain = byte.is_ascii_alphabetic() || byte == b'-';
                let name = plain_name(&text).map(|(length, _)| length);
                assert_eq!(name, (!is_plain && (1..16).contains(&at)).then_some(at), "{byte:#x} at {at}");
            }
        }
    }

    #[test]
    fn a_hit_is_never_hidden_by_its_neighbour() {
        for (first, second) in [(b'\t', 0x1f), (b'\t', b'\r'), (0x7f, b'x'), (0x1f, 0x20), (0xff, b'\n')] {
            for at in 0..18 {
                let mut text = with(b'x', at, first);
                text[at + 1] = second;
                let expected = text.iter().position(|&b| !is(b, TEXT)).unwrap_or(19);
                assert_eq!(text_end(&text, 0), expected);
            }
        }
    }

    #[test]
    fn classes_are_those_of_the_grammar() {
        let count = |class| (0..=255).filter(|&byte| is(byte, class)).count();
        assert_eq!(count(TOKEN), 77);
        assert_eq!(count(HOST), 65);
        assert_eq!(count(HEX), 22);
        assert_eq!(count(TEXT), 256 - 33 + 1);
        assert_eq!(count(TARGET), 94 - 3);
    }
}
