//! The inputs that are kept: one text file a target, one input a line, so that a change is read like any other.
//!
//! Owns: that format. An input is written as in a byte string (`\r`, `\xff`, `\"`); empty lines and those that begin with
//! `#` are for people.

use std::path::PathBuf;

use crate::seeds;

/// The file of a target.
pub fn file(target: &str) -> PathBuf {
    seeds::repository().join("fuzz/corpus").join(target).with_extension("txt")
}

/// The inputs in the file of a target; none if there is no file.
pub fn read(target: &str) -> Vec<Vec<u8>> {
    let text = std::fs::read_to_string(file(target)).unwrap_or_default();
    text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).map(unescape).collect()
}

/// An input as a line; one that begins with `#` does not look like a remark.
pub fn line(input: &[u8]) -> String {
    let text = input.escape_ascii().to_string();
    match text.strip_prefix('#') {
        Some(rest) => format!("\\x23{rest}"),
        None => text,
    }
}

/// The input that a line stands for.
fn unescape(line: &str) -> Vec<u8> {
    let (mut out, mut rest) = (Vec::new(), line.as_bytes());
    while let [byte, behind @ ..] = rest {
        let (value, length) = match (byte, behind) {
            (b'\\', [b'x', digits @ ..]) => {
                let digits = digits.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
                (digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()), 4)
            }
            (b'\\', [b'r', ..]) => (Some(b'\r'), 2),
            (b'\\', [b'n', ..]) => (Some(b'\n'), 2),
            (b'\\', [b't', ..]) => (Some(b'\t'), 2),
            (b'\\', [byte, ..]) => (Some(*byte), 2),
            _ => (Some(*byte), 1),
        };
        out.push(value.unwrap_or_else(|| panic!("no input: {line}")));
        rest = &rest[length..];
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{line, unescape};

    #[test]
    fn every_byte_survives_the_trip() {
        let all: Vec<u8> = (0..=255).collect();
        for input in [&all[..], b"#", b"", b"\\x41", b"a # b"] {
            assert_eq!(unescape(&line(input)), input);
        }
        assert!(!line(b"#").starts_with('#'));
    }
}
