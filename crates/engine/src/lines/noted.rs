//! What the log takes down while a message is at hand: the request line as it came, and captured cookies.
//!
//! One text for all of it, kept from request to request.

use std::cell::Cell;
use std::ops::Range;

use tenbin_proto::{Request, Version};

/// See the module.
#[derive(Default)]
pub struct Noted {
    text: Vec<u8>,
    uri: Option<Range<usize>>,
    cookies: [Option<Range<usize>>; 2],
    /// Its number among all, and one more; 0: it has none yet.
    number: Cell<u64>,
}

/// Bytes of a request line at most.
const LONGEST_URI: usize = 1023;

impl Noted {
    /// Nothing yet.
    pub fn clear(&mut self) {
        self.text.clear();
        (self.uri, self.cookies) = (None, [None, None]);
        self.number.set(0);
    }

    /// Gives back what one large message made it hold.
    pub fn shrink(&mut self, most: usize) {
        self.clear();
        if self.text.capacity() > most {
            self.text = Vec::new();
        }
    }

    /// Takes down what lines show of a request's head, before any rule changes it.
    ///
    /// `origin` is the scheme of a request that came by HTTP/2.
    pub fn note_request(&mut self, (request, head): (&Request, &[u8]), origin: Option<&'static str>) {
        let version: &[u8] = match request.version {
            Version::Http10 => b"HTTP/1.0",
            Version::Http11 => b"HTTP/1.1",
        };
        let (method, target) = (request.method_text.of(head), request.target.of(head));
        match origin {
            // As the pseudo-headers of HTTP/2 say it in one.
            Some(scheme) if target.starts_with(b"/") => {
                let uri = [scheme.as_bytes(), b"://", request.authority.of(head), target].concat();
                self.note_uri([method, &uri, b"HTTP/2.0"]);
            }
            Some(_) => self.note_uri([method, target, b"HTTP/2.0"]),
            None => self.note_uri([method, target, version]),
        }
    }

    /// The request line.
    fn note_uri(&mut self, parts: [&[u8]; 3]) {
        let begin = self.text.len();
        for (index, part) in parts.into_iter().enumerate() {
            if index > 0 {
                self.text.push(b' ');
            }
            self.text.extend_from_slice(part);
        }
        self.text.truncate(begin + LONGEST_URI);
        self.uri = Some(begin..self.text.len());
    }

    /// A cookie of the request (0) or the answer (1), as `name=value`.
    pub fn note_cookie(&mut self, side: usize, pair: &[u8], most: usize) {
        let range = self.put(pair, most);
        if let Some(cookie) = self.cookies.get_mut(side) {
            *cookie = Some(range);
        }
    }

    /// Its number, which is taken when somebody first asks.
    pub fn number(&self, take: impl FnOnce() -> u64) -> u64 {
        if self.number.get() == 0 {
            self.number.set(take() + 1);
        }
        self.number.get() - 1
    }

    /// The request line; None when no head was understood.
    pub fn uri(&self) -> Option<&[u8]> {
        self.text.get(self.uri.clone()?)
    }

    /// A captured cookie.
    pub fn cookie(&self, side: usize) -> Option<&[u8]> {
        self.text.get(self.cookies.get(side)?.clone()?)
    }

    fn put(&mut self, value: &[u8], most: usize) -> Range<usize> {
        let begin = self.text.len();
        self.text.extend_from_slice(value.get(..most).unwrap_or(value));
        begin..self.text.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_noted_is_cut_and_forgotten() {
        let mut noted = Noted::default();
        noted.note_uri([b"GET", &[b'a'; 2000], b"HTTP/1.1"]);
        assert_eq!(noted.uri().unwrap().len(), LONGEST_URI);
        noted.note_cookie(0, b"a=123456", 3);
        assert_eq!((noted.cookie(0), noted.cookie(1)), (Some(&b"a=1"[..]), None));
        noted.shrink(100);
        assert!(noted.uri().is_none() && noted.cookie(0).is_none() && noted.text.capacity() == 0);
    }
}
