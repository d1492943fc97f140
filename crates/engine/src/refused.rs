//! The last message of each proxy that could not be read, for whoever looks for the program that made it.
//!
//! Only kept where the snapshot says so: it is what a stranger sent, and may hold anything. Owns how many there are and
//! how long each may be; what is shown of it is the control plane's business.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use parking_lot::Mutex;

/// Bytes that are kept of a message.
const MOST_BYTES: usize = 16 * 1024;

/// Whose message it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// A client's.
    Request,
    /// A server's.
    Answer,
}

/// One message.
#[derive(Debug, Clone)]
pub struct Message {
    /// Counted from 0 over the life of the process.
    pub number: u64,
    /// When it came, in milliseconds since 1970.
    pub at_ms: u64,
    /// The client.
    pub source: SocketAddr,
    /// The names of those it went through; empty for none.
    pub frontend: String,
    /// As `frontend`.
    pub backend: String,
    /// As `frontend`.
    pub server: String,
    /// Where it could not be read on.
    pub position: usize,
    /// What had come of it, or its beginning.
    pub bytes: Vec<u8>,
    /// How much had come of it.
    pub length: usize,
}

/// What is kept of all proxies.
#[derive(Default)]
pub struct Refused(Mutex<Held>);

#[derive(Default)]
struct Held {
    count: u64,
    by_proxy: BTreeMap<(String, Side), Message>,
}

impl Message {
    /// A message with these first bytes, refused at a place in them.
    pub fn new(bytes: &[u8], position: u32, source: SocketAddr, at_ms: u64) -> Self {
        let kept = bytes.get(..MOST_BYTES).unwrap_or(bytes).to_vec();
        let none = String::new;
        Self {
            number: 0,
            at_ms,
            source,
            frontend: none(),
            backend: none(),
            server: none(),
            position: position as usize,
            bytes: kept,
            length: bytes.len(),
        }
    }
}

impl Refused {
    /// Keeps a message in place of the last one of its proxy; with those of `most` proxies already, the oldest goes.
    pub fn keep(&self, side: Side, message: Message, most: u32) {
        if most == 0 {
            return;
        }
        let mut held = self.0.lock();
        let number = held.count;
        held.count += 1;
        let proxy = match side {
            Side::Request => message.frontend.clone(),
            Side::Answer => message.backend.clone(),
        };
        held.by_proxy.insert((proxy, side), Message { number, ..message });
        while held.by_proxy.len() > most as usize {
            let oldest = held.by_proxy.iter().min_by_key(|(_, message)| message.number);
            let Some(oldest) = oldest.map(|(key, _)| key.clone()) else { return };
            held.by_proxy.remove(&oldest);
        }
    }

    /// How many there were in all, and those that are kept.
    pub fn all(&self) -> (u64, Vec<(Side, Message)>) {
        let held = self.0.lock();
        (held.count, held.by_proxy.iter().map(|((_, side), message)| (*side, message.clone())).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(frontend: &str, bytes: &[u8]) -> Message {
        let source = SocketAddr::from(([127, 0, 0, 1], 4000));
        Message { frontend: frontend.into(), ..Message::new(bytes, 1, source, 0) }
    }

    #[test]
    fn only_the_last_of_a_proxy_is_kept_and_no_more_than_the_limit() {
        let refused = Refused::default();
        for (name, text) in [("a", "1"), ("b", "2"), ("a", "3"), ("c", "4")] {
            refused.keep(Side::Request, message(name, text.as_bytes()), 2);
        }
        let (count, kept) = refused.all();
        let told: Vec<_> = kept.iter().map(|(_, one)| (one.frontend.as_str(), one.number)).collect();
        assert_eq!((count, told), (4, vec![("a", 2), ("c", 3)]));
    }

    #[test]
    fn nothing_is_kept_where_nobody_asks_for_it_and_nothing_in_full_length() {
        let refused = Refused::default();
        refused.keep(Side::Request, message("a", b"x"), 0);
        assert_eq!(refused.all().0, 0);
        let long = message("a", &vec![b'x'; 50_000]);
        assert_eq!((long.bytes.len(), long.length), (MOST_BYTES, 50_000));
    }
}
