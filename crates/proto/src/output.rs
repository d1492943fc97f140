//! Appending lines, numbers and copied runs to an outgoing head.
//!
//! Owns: that nothing appended can end a line early. Does not own: which lines are sent, see `write`.

use crate::Field;
use crate::scan::{self, HEX, TARGET, TEXT};

/// Neighbouring lines of a head on their way out, copied together.
pub(crate) struct Run<'a> {
    /// Where they go. Call `flush` before appending anything else.
    pub out: &'a mut Vec<u8>,
    bytes: &'a [u8],
    start: usize,
    end: usize,
}

impl<'a> Run<'a> {
    /// A run of lines of the head `bytes`, still empty.
    #[inline]
    pub fn new(out: &'a mut Vec<u8>, bytes: &'a [u8]) -> Self {
        Self { out, bytes, start: 0, end: 0 }
    }

    /// Adds `start..end` of the head, which are whole lines in their written form.
    #[inline]
    pub fn copy(&mut self, start: usize, end: usize) {
        if start != self.end {
            self.flush();
            self.start = start;
        }
        self.end = end;
    }

    /// Adds a field line.
    #[inline]
    pub fn field(&mut self, field: &Field) {
        if field.plain {
            return self.copy(field.name.start as usize, field.line_end());
        }
        self.flush();
        for piece in [field.name.of(self.bytes), b": ", field.value.of(self.bytes), b"\r\n"] {
            self.out.extend_from_slice(piece);
        }
    }

    /// Appends what has gathered.
    #[inline]
    pub fn flush(&mut self) {
        self.out.extend_from_slice(self.bytes.get(self.start..self.end).unwrap_or_default());
        // No line starts at the very end of a head, so the next copy starts a new run.
        (self.start, self.end) = (usize::MAX, usize::MAX);
    }
}

/// `name: value CR LF`; `name` is a token.
#[inline]
pub(crate) fn line(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    text(out, value);
    out.extend_from_slice(b"\r\n");
}

/// A field value; bytes that no value may hold become spaces.
#[inline]
pub(crate) fn text(out: &mut Vec<u8>, value: &[u8]) {
    if scan::text_end(value, 0) == value.len() {
        return out.extend_from_slice(value);
    }
    out.extend(value.iter().map(|&byte| if scan::is(byte, TEXT) { byte } else { b' ' }));
}

/// A request target; bytes that no target may hold are percent-encoded, and it begins with a slash.
pub(crate) fn target(out: &mut Vec<u8>, target: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    if target.first() != Some(&b'/') {
        out.push(b'/');
    }
    for (at, &byte) in target.iter().enumerate() {
        let stands = match byte {
            b'?' => true,
            b'%' => {
                matches!(target.get(at + 1..at + 3), Some(digits) if digits.iter().all(|&byte| scan::is(byte, HEX)))
            }
            _ => scan::is(byte, TARGET),
        };
        if stands {
            out.push(byte);
        } else {
            let digit = |half: u8| DIGITS.get(usize::from(half)).copied().unwrap_or_default();
            out.extend_from_slice(&[b'%', digit(byte >> 4), digit(byte & 15)]);
        }
    }
}

/// `Content-Length: length CR LF`.
#[inline]
pub(crate) fn length_line(out: &mut Vec<u8>, length: u64) {
    out.extend_from_slice(b"Content-Length: ");
    decimal(out, length);
    out.extend_from_slice(b"\r\n");
}

/// A number of at most three digits.
#[inline]
pub(crate) fn octet(out: &mut Vec<u8>, number: u8) {
    if number >= 100 {
        out.push(b'0' + number / 100);
    }
    if number >= 10 {
        out.push(b'0' + number / 10 % 10);
    }
    out.push(b'0' + number % 10);
}

/// A number in decimal.
#[inline]
pub(crate) fn decimal(out: &mut Vec<u8>, number: u64) {
    let mut digits = [0; 20];
    let mut rest = number;
    let mut start = digits.len();
    for place in digits.iter_mut().rev() {
        *place = b'0' + (rest % 10) as u8;
        start -= 1;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(start..).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::{decimal, octet, target, text};

    fn written(write: impl Fn(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn numbers() {
        for number in [0, 7, 10, 999, 65_535, u64::MAX] {
            assert_eq!(written(|out| decimal(out, number)), number.to_string());
        }
        for number in 0..=255 {
            assert_eq!(written(|out| octet(out, number)), number.to_string());
        }
    }

    #[test]
    fn nothing_ends_a_line_early() {
        assert_eq!(written(|out| text(out, b"a\r\nEvil: 1\0\tb")), "a  Evil: 1 \tb");
        assert_eq!(written(|out| target(out, b"a b\r\n#\xff?q=%20%2")), "/a%20b%0D%0A%23%FF?q=%20%252");
    }
}
