//! Parameters of a query string: `a=1&b=x%20y+z`, with percent escapes and `+` for a space.
//!
//! As the WHATWG URL standard's form decoding: pairs are parted by `&`, the first `=` parts name and value, and an
//! escape that is not two hexadecimal digits stands for itself.

use std::borrow::Cow;

/// The first value of the parameter `name`, decoded; empty for a pair without `=`. Borrows when nothing is escaped.
pub(crate) fn find<'q>(query: &'q [u8], name: &[u8]) -> Option<Cow<'q, [u8]>> {
    query.split(|&byte| byte == b'&').filter(|pair| !pair.is_empty()).find_map(|pair| {
        let (key, value) = match memchr::memchr(b'=', pair) {
            Some(at) => (pair.get(..at)?, pair.get(at + 1..)?),
            None => (pair, &b""[..]),
        };
        (key == name && !escaped(key) || escaped(key) && Decoded(key).eq(name.iter().copied()))
            .then(|| decoded(value))
    })
}

fn escaped(bytes: &[u8]) -> bool {
    memchr::memchr2(b'%', b'+', bytes).is_some()
}

fn decoded(bytes: &[u8]) -> Cow<'_, [u8]> {
    if escaped(bytes) { Cow::Owned(Decoded(bytes).collect()) } else { Cow::Borrowed(bytes) }
}

/// The decoded bytes of what is left.
struct Decoded<'q>(&'q [u8]);

impl Iterator for Decoded<'_> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        let (&first, rest) = self.0.split_first()?;
        if first == b'%'
            && let [high, low, rest @ ..] = rest
            && let (Some(high), Some(low)) = (digit(*high), digit(*low))
        {
            self.0 = rest;
            return Some(high << 4 | low);
        }
        self.0 = rest;
        Some(if first == b'+' { b' ' } else { first })
    }
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values_are_decoded() {
        for (query, name, expected) in [
            ("a=1&b=2", "b", Some("2")),
            ("a=1&a=2", "a", Some("1")),
            ("a", "a", Some("")),
            ("a=", "a", Some("")),
            ("=x", "", Some("x")),
            ("", "", None),
            ("&&a=1", "a", Some("1")),
            ("ab=1", "a", None),
            ("a=b=c", "a", Some("b=c")),
            ("a=x+y%20z", "a", Some("x y z")),
            ("%61=1", "a", Some("1")),
            ("a+b=1", "a b", Some("1")),
            ("a%2Bb=1", "a+b", Some("1")),
            ("a+b=1", "a+b", None),
            ("a=%zz%4", "a", Some("%zz%4")),
            ("a=%e3%83%8F", "a", Some("ハ")),
            ("a;b=1", "b", None),
        ] {
            let found = find(query.as_bytes(), name.as_bytes());
            assert_eq!(found.as_deref(), expected.map(str::as_bytes), "{query} {name}");
        }
    }

    #[test]
    fn plain_values_are_borrowed() {
        assert!(matches!(find(b"a=plain", b"a"), Some(Cow::Borrowed(_))));
    }
}
