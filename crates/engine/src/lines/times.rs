//! When a request or connection came how far, and the timers that HAProxy's log makes of it (configuration manual, 8.4).
//!
//! All are differences of whole milliseconds since the beginning, so that they add up as they do there.

/// Microseconds on the worker's clock; 0 where not reached.
#[derive(Clone, Copy, Debug, Default)]
pub struct Times {
    /// The connection was accepted, or the request before this one ended.
    pub accepted: u64,
    /// TLS and PROXY headers were done with; as `accepted` for later requests.
    pub shaken: u64,
    /// The first byte of the request.
    pub begun: u64,
    /// The head was whole.
    pub read: u64,
    /// A server was assigned, or waiting for one ended.
    pub picked: u64,
    /// A connection to it was there.
    pub connected: u64,
    /// The answer's head was there.
    pub answered: u64,
    /// The end.
    pub closed: u64,
}

impl Times {
    fn at(&self, moment: u64) -> Option<i64> {
        (moment > 0).then(|| (moment.saturating_sub(self.accepted) / 1000) as i64)
    }

    fn between(&self, from: Option<i64>, to: u64) -> i64 {
        self.at(to).map_or(-1, |to| to - from.unwrap_or(0))
    }

    /// %Th.
    pub fn handshake(&self) -> i64 {
        self.at(self.shaken).unwrap_or(0)
    }

    /// %Ti; -1 when no byte came.
    pub fn idle(&self) -> i64 {
        self.between(self.at(self.shaken), self.begun)
    }

    /// What passed before the request.
    fn before(&self) -> i64 {
        self.handshake() + self.idle().max(0)
    }

    /// %Tq.
    pub fn request_total(&self) -> i64 {
        self.at(self.read).unwrap_or(-1)
    }

    /// %TR.
    pub fn request(&self) -> i64 {
        self.at(self.read).map_or(-1, |read| read - self.before())
    }

    /// %Tw.
    pub fn queue(&self) -> i64 {
        // What a request is that never was whole counts as -1 there, too.
        self.between(Some(self.request_total()), self.picked)
    }

    /// %Tc.
    pub fn connect(&self) -> i64 {
        self.between(self.at(self.picked), self.connected)
    }

    /// %Tr.
    pub fn answer(&self) -> i64 {
        self.between(self.at(self.connected), self.answered)
    }

    /// %Td of a request.
    pub fn data(&self) -> i64 {
        self.at(self.answered).map_or(-1, |answered| self.total() - answered)
    }

    /// %Td of a connection.
    pub fn carried(&self) -> i64 {
        self.at(self.connected).map_or(-1, |connected| self.total() - connected)
    }

    /// %Ta.
    pub fn active(&self) -> i64 {
        self.total() - self.before()
    }

    /// %Tt.
    pub fn total(&self) -> i64 {
        self.at(self.closed).unwrap_or(0)
    }

    /// %TU.
    pub fn user(&self) -> i64 {
        self.total() - self.idle().max(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: Times = Times {
        accepted: 1_000_900,
        shaken: 1_002_000,
        begun: 1_010_000,
        read: 1_011_000,
        picked: 1_013_500,
        connected: 1_014_500,
        answered: 1_020_000,
        closed: 1_030_950,
    };

    #[test]
    fn the_timers_add_up() {
        let t = WHOLE;
        assert_eq!((t.handshake(), t.idle(), t.request()), (1, 8, 1));
        assert_eq!((t.queue(), t.connect(), t.answer(), t.data()), (2, 1, 6, 11));
        assert_eq!((t.active(), t.total(), t.user()), (21, 30, 22));
        assert_eq!(t.active(), t.request() + t.queue() + t.connect() + t.answer() + t.data());
    }

    #[test]
    fn what_was_not_reached_is_minus_one() {
        let t = Times { picked: 0, connected: 0, answered: 0, ..WHOLE };
        assert_eq!((t.request(), t.queue(), t.connect(), t.answer(), t.data()), (1, -1, -1, -1, -1));
        let t = Times { read: 0, begun: 0, ..t };
        assert_eq!((t.request(), t.request_total(), t.idle(), t.active()), (-1, -1, -1, 29));
        assert_eq!(Times { picked: 1_013_500, ..t }.queue(), 13);
    }
}
