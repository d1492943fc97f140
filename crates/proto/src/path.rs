//! Paths that mean one thing to all who read them (RFC 3986, 6.2.2 and 6.2.3).
//!
//! Owns: what is ambiguous. Does not own: whether that is refused, see `Limits`.

use crate::reject::Fault;
use crate::{Reject, Span};

/// Refuses the path that covers `span` at its first ambiguous byte. Its escapes are known to be whole.
pub(crate) fn check(bytes: &[u8], span: Span) -> Result<(), Reject> {
    let path = span.of(bytes);
    let mut rest = path;
    let fault = |rest: &[u8]| Fault::PathAmbiguous.at(span.start as usize + path.len() - rest.len());
    while let Some((&byte, behind)) = rest.split_first() {
        let wrong = match byte {
            b'/' => is_doubtful_segment(behind),
            b'%' => is_doubtful_escape(behind),
            b'\\' => true,
            _ => false,
        };
        if wrong {
            return Err(fault(rest));
        }
        rest = behind;
    }
    Ok(())
}

/// Whether a segment that begins here is empty in the middle of a path, `.` or `..`, parameters apart.
fn is_doubtful_segment(rest: &[u8]) -> bool {
    let end = rest.iter().position(|byte| matches!(byte, b'/' | b'\\' | b';')).unwrap_or(rest.len());
    match rest.get(..end) {
        Some(b"." | b"..") => true,
        Some(b"") => !rest.is_empty(),
        _ => false,
    }
}

/// Whether an escape hides a separator or a control byte, or a byte that needs no escape.
fn is_doubtful_escape(digits: &[u8]) -> bool {
    let [high, low, ..] = digits else { return true };
    match (value(*high), value(*low)) {
        (Some(high), Some(low)) => {
            let byte = high << 4 | low;
            byte.is_ascii_control() || byte.is_ascii_alphanumeric() || b"-._~/\\".contains(&byte)
        }
        _ => true,
    }
}

fn value(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|value| value as u8)
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::Span;

    fn is_plain(path: &str) -> bool {
        check(path.as_bytes(), Span::new(0, path.len())).is_ok()
    }

    #[test]
    fn what_all_read_alike_passes() {
        for path in [
            "/",
            "/a",
            "/a/",
            "/a/b.c",
            "/.well-known/x",
            "/...",
            "/a..b",
            "/%20%E5",
            "/a;b=c",
            "*",
            "",
            "/a%3Fb",
        ] {
            assert!(is_plain(path), "{path}");
        }
    }

    #[test]
    fn what_some_read_otherwise_does_not() {
        for path in [
            "//",
            "//a",
            "/a//b",
            "/a//",
            "/.",
            "/..",
            "/./a",
            "/a/../b",
            "/a/..",
            "/..;/a",
            "/;/a",
            "/a\\b",
            "/%2e%2E/a",
            "/%2fa",
            "/a%5cb",
            "/%61dmin",
            "/a%00",
            "/a%0d",
            "/%7Ea",
            "/..\\a",
        ] {
            assert!(!is_plain(path), "{path}");
        }
    }

    #[test]
    fn it_says_where() {
        let reject = check(b"/a/../b", Span::new(0, 7)).unwrap_err();
        assert_eq!((reject.reason, reject.offset), ("path-ambiguous", 2));
    }
}
