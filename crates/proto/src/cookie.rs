//! The Cookie field (RFC 6265, 5.4): lookup, iteration, and removal of one cookie.
//!
//! Owns: splitting at `;` as servers do. Does not own: Set-Cookie, signatures.

/// The value of the first cookie called `name` (case matters), without surrounding white space.
pub fn find<'a>(value: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    pairs(value).find_map(|(key, text)| (key == name).then_some(text))
}

/// Every `name=value` of a Cookie field in order; a piece without `=` counts as a name without a value.
pub fn pairs(value: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    value
        .split(|&byte| byte == b';')
        .map(split_pair)
        .filter(|(name, text)| !name.is_empty() || !text.is_empty())
}

/// Appends `value` to `out` without the cookies called `name`, joined by `; `; returns whether anything was written.
pub(crate) fn write_without(out: &mut Vec<u8>, value: &[u8], name: &[u8]) -> bool {
    let mut any = false;
    for piece in value.split(|&byte| byte == b';') {
        let piece = piece.trim_ascii();
        if piece.is_empty() || split_pair(piece).0 == name {
            continue;
        }
        if any {
            out.extend_from_slice(b"; ");
        }
        out.extend_from_slice(piece);
        any = true;
    }
    any
}

fn split_pair(piece: &[u8]) -> (&[u8], &[u8]) {
    let (name, text) = match memchr::memchr(b'=', piece) {
        Some(at) => (piece.get(..at).unwrap_or_default(), piece.get(at + 1..).unwrap_or_default()),
        None => (piece, &[][..]),
    };
    (name.trim_ascii(), text.trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::{find, pairs, write_without};

    fn without(value: &[u8], name: &[u8]) -> Option<String> {
        let mut out = Vec::new();
        write_without(&mut out, value, name).then(|| String::from_utf8(out).unwrap())
    }

    #[test]
    fn finds_by_exact_name() {
        let value = b"theme=dark; SERVERID=s1 ;sid=\"a=b\"; flag";
        assert_eq!(find(value, b"SERVERID"), Some(&b"s1"[..]));
        assert_eq!(find(value, b"sid"), Some(&b"\"a=b\""[..]));
        assert_eq!(find(value, b"flag"), Some(&b""[..]));
        assert_eq!(find(value, b"serverid"), None);
        assert_eq!(find(value, b"ID"), None);
    }

    #[test]
    fn iterates_in_order_and_skips_nothing_between_semicolons() {
        let names: Vec<&[u8]> = pairs(b"a=1;;b=2; ").map(|(name, _)| name).collect();
        assert_eq!(names, [b"a", b"b"]);
    }

    #[test]
    fn removes_every_cookie_of_that_name() {
        assert_eq!(without(b"a=1; S=x; b=2", b"S").as_deref(), Some("a=1; b=2"));
        assert_eq!(without(b"S=x;a=1;S=y", b"S").as_deref(), Some("a=1"));
        assert_eq!(without(b"S=x", b"S"), None);
        assert_eq!(without(b"SS=x; xS=y", b"S").as_deref(), Some("SS=x; xS=y"));
    }
}
