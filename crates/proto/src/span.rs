//! A range of bytes inside a head, small enough to keep many of them and free of the head's lifetime.
//!
//! Owns: the offsets. Does not own the bytes: the caller passes the same head (moved or not) back in.

/// Offsets into the bytes of one head: `start..end`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// The bytes that this span covers; empty when they lie outside `bytes`.
    #[inline]
    pub fn of(self, bytes: &[u8]) -> &[u8] {
        bytes.get(self.start as usize..self.end as usize).unwrap_or_default()
    }

    /// How many bytes it covers.
    #[inline]
    pub fn len(self) -> usize {
        self.end.saturating_sub(self.start) as usize
    }

    /// Whether it covers nothing.
    #[inline]
    pub fn is_empty(self) -> bool {
        self.end <= self.start
    }

    /// Heads are bounded far below 4 GiB, so the narrowing loses nothing.
    #[inline]
    pub(crate) fn new(start: usize, end: usize) -> Self {
        Self { start: start as u32, end: end as u32 }
    }
}

#[cfg(test)]
mod tests {
    use super::Span;

    #[test]
    fn covers_what_it_says_and_nothing_outside() {
        assert_eq!(Span::new(1, 3).of(b"abcd"), b"bc");
        assert_eq!(Span::new(1, 9).of(b"abcd"), b"");
        assert_eq!(Span::new(3, 1).of(b"abcd"), b"");
        assert_eq!(Span::new(3, 1).len(), 0);
        assert!(Span::default().is_empty());
    }
}
