//! Parameters of a query string, looked up raw.
//!
//! Owns: splitting at `&` and `=`. Does not own: percent-decoding, which would need a buffer.

/// The raw value of the first parameter called `name`, byte for byte; `Some(b"")` when it stands without a value.
pub fn param<'a>(query: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    query.split(|&byte| byte == b'&').find_map(|pair| match memchr::memchr(b'=', pair) {
        Some(at) => (pair.get(..at)? == name).then(|| pair.get(at + 1..).unwrap_or_default()),
        None => (pair == name && !pair.is_empty()).then_some(&[][..]),
    })
}

#[cfg(test)]
mod tests {
    use super::param;

    #[test]
    fn finds_the_first_of_that_name() {
        assert_eq!(param(b"a=1&b=2&a=3", b"a"), Some(&b"1"[..]));
        assert_eq!(param(b"a=1&b=2&a=3", b"b"), Some(&b"2"[..]));
        assert_eq!(param(b"aa=1&a", b"a"), Some(&b""[..]));
        assert_eq!(param(b"a=b=c", b"a"), Some(&b"b=c"[..]));
        assert_eq!(param(b"a=1", b"A"), None);
        assert_eq!(param(b"", b""), None);
        assert_eq!(param(b"&&", b"a"), None);
    }

    #[test]
    fn leaves_values_as_they_came() {
        assert_eq!(param(b"q=a%20b+c", b"q"), Some(&b"a%20b+c"[..]));
    }
}
