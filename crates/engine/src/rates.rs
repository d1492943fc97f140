//! How many connections begin in a second: the limits of the process and of each frontend.
//!
//! Whoever comes too early waits, and further ones in the backlog: nobody is refused. Owns the counts, not the limits
//! and not the waiting.

use parking_lot::{Mutex, MutexGuard};
use tenbin_balance::{Rate, RateLimit};

use crate::wire;

/// All limits are those of a second.
const WINDOW_MS: u64 = 1000;

/// Connections that began lately at one place.
#[derive(Default)]
pub struct Pace(Mutex<Rate>);

/// Connections that began lately, over all frontends.
#[derive(Default)]
pub struct Paces {
    connections: Pace,
    sessions: Pace,
    handshakes: Pace,
}

impl Paces {
    /// Counts a connection that comes by a frontend, unless one of the limits has no room for it now. `secured`: it
    /// begins with a handshake of TLS.
    pub fn admit(
        &self,
        limits: &wire::Rates,
        (frontend, most): (&Pace, u32),
        secured: bool,
        now_ms: u64,
    ) -> bool {
        let handshakes = if secured { limits.handshakes } else { 0 };
        let all = [
            (&self.connections, limits.connections),
            (&self.sessions, limits.sessions),
            (&self.handshakes, handshakes),
            (frontend, most),
        ];
        // Always in this order, so that nobody waits for each other; all or none is counted.
        let mut held: Vec<(MutexGuard<'_, Rate>, Rate)> = Vec::new();
        for (pace, count) in all.into_iter().filter(|(_, count)| *count > 0) {
            let guard = pace.0.lock();
            let mut after = *guard;
            if after.take(RateLimit { count, window_ms: WINDOW_MS }, now_ms).is_err() {
                return false;
            }
            held.push((guard, after));
        }
        for (mut guard, after) in held {
            *guard = after;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_limit_is_none() {
        let (all, one) = (Paces::default(), Pace::default());
        assert!((0..1000).all(|_| all.admit(&wire::Rates::default(), (&one, 0), true, 5)));
    }

    #[test]
    fn what_one_limit_refuses_counts_for_no_other() {
        let (all, one, other) = (Paces::default(), Pace::default(), Pace::default());
        let limits = wire::Rates { connections: 5, ..wire::Rates::default() };
        let passed = (0..10).filter(|_| all.admit(&limits, (&one, 2), false, 50)).count();
        assert_eq!(passed, 2);
        // Three of five are left for others.
        let passed = (0..10).filter(|_| all.admit(&limits, (&other, 0), false, 50)).count();
        assert_eq!(passed, 3);
    }

    #[test]
    fn handshakes_are_limited_where_there_are_any() {
        let (all, one) = (Paces::default(), Pace::default());
        let limits = wire::Rates { handshakes: 1, ..wire::Rates::default() };
        assert!((0..9).all(|_| all.admit(&limits, (&one, 0), false, 50)));
        assert_eq!((0..9).filter(|_| all.admit(&limits, (&one, 0), true, 50)).count(), 1);
    }
}
