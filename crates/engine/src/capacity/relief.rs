//! Which idle clients of a worker go when descriptors are short: the longest idle ones, a few at a time, whether they
//! wait between requests or have never sent anything.

use std::cell::Cell;

/// Connections that are given back at a time.
pub const RELIEF: usize = 16;

/// The first to go have been idle for so long; then half of that, and so on.
const LONGEST_MS: u64 = 32_000;

/// Who has been idle for less may be about to send.
const SHORTEST_MS: u64 = 4_000;

/// Waking all clients to ask for their age costs something, so not with every tick.
const STEP_MS: u64 = 250;

/// See the module.
#[derive(Default)]
pub struct Relief {
    /// Clients go that have been idle for so long; 0: none do.
    age: Cell<u64>,
    next: Cell<u64>,
    before: Cell<u64>,
    left: Cell<usize>,
}

impl Relief {
    /// Asks for some more; true when clients are to be woken for it.
    pub fn step(&self, now: u64) -> bool {
        if now < self.next.get() {
            return false;
        }
        let age = self.age.get();
        self.age.set(if age == 0 { LONGEST_MS } else { (age / 2).max(SHORTEST_MS) });
        self.next.set(now + if age == SHORTEST_MS { SHORTEST_MS } else { STEP_MS });
        self.before.set(now.saturating_sub(self.age.get()));
        self.left.set(RELIEF);
        true
    }

    /// Nobody lacks anything.
    pub fn end(&self) {
        self.age.set(0);
        self.left.set(0);
    }

    /// Whether a client that has been idle since then goes.
    pub fn takes(&self, since: u64) -> bool {
        let left = self.left.get();
        let goes = left > 0 && since <= self.before.get();
        self.left.set(left - usize::from(goes));
        goes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_idle_go_first_and_the_busy_never() {
        let relief = Relief::default();
        assert!(!relief.takes(0), "nobody asked");
        let mut now = 100_000;
        assert!(relief.step(now));
        assert!(relief.takes(now - 40_000) && !relief.takes(now - 20_000));
        assert!(!relief.step(now + 10), "not with every tick");
        for _ in 0..10 {
            now += SHORTEST_MS;
            assert!(relief.step(now));
        }
        assert!(relief.takes(now - SHORTEST_MS) && !relief.takes(now - 3_900));
        relief.end();
        assert!(!relief.takes(0));
    }

    #[test]
    fn no_more_go_than_are_asked_for() {
        let relief = Relief::default();
        relief.step(100_000);
        assert_eq!((0..100).filter(|_| relief.takes(1)).count(), RELIEF);
    }
}
