//! Bandwidth limits: how many bytes of one direction of a stream may go on now.
//!
//! A limit is so many bytes within a period. A stream's own is kept as credit that grows with time; one that streams
//! share by a key is kept as a rate in a stick table, of which each of them takes its part. Owns the reckoning and the
//! waiting; what carries bytes asks, and says what it took. Streams without a limit have none of this.

use std::sync::Arc;
use std::task::{Context, Poll};

use tenbin_balance::stick::{Data, Tracked};
use tenbin_rules::Value;

use crate::deadline::Timer;
use crate::tables::Bandwidth;
use crate::track::key_value;
use crate::worker::Worker;

/// Whatever may go on at once when a stream begins.
const FIRST_BYTES: u64 = 16 * 1024;

/// Credit is kept for so long at least, since timers are coarse.
const LEAST_KEPT_MS: u64 = 250;

/// The limits of one direction; several hold together.
pub struct Throttle {
    limits: Vec<Limit>,
    timer: Timer,
}

/// One limit of one stream.
pub struct Limit {
    bandwidth: Arc<Bandwidth>,
    share: Share,
}

enum Share {
    Own(Credit),
    /// Of the entry of a table.
    Keyed(Tracked),
}

/// What a stream has saved, in bytes times the period, so that nothing is lost between two looks.
struct Credit {
    bytes: u64,
    period_ms: u64,
    saved: i64,
    seen_ms: u64,
}

/// Limits of what goes up and down.
pub type Throttles = [Option<Box<Throttle>>; 2];

impl Throttle {
    /// Without a limit yet.
    pub fn within(worker: &Worker) -> Self {
        Self { limits: Vec::new(), timer: worker.deadlines.timer() }
    }

    /// One more limit; one of the same name changes, and what it has let through still counts.
    pub fn put(&mut self, new: Limit) {
        let known = self.limits.iter_mut().find(|known| known.bandwidth.name == new.bandwidth.name);
        match (known, new) {
            (Some(Limit { share: Share::Own(credit), .. }), Limit { share: Share::Own(fresh), .. }) => {
                credit.become_like(&fresh);
            }
            (Some(known), new) => *known = new,
            (None, new) => self.limits.push(new),
        }
    }

    /// Ready when something may go on.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let now_ms = self.timer.now_ms();
        let wait_ms = self.limits.iter_mut().map(|limit| limit.wait_ms(now_ms)).max().unwrap_or(0);
        if wait_ms == 0 {
            return Poll::Ready(());
        }
        self.timer.set(wait_ms);
        self.timer.poll(cx)
    }

    /// How many of so many bytes may go on now.
    pub fn allowed(&mut self, bytes: usize) -> usize {
        let now_ms = self.timer.now_ms();
        let least = self.limits.iter_mut().map(|limit| limit.allowed(now_ms)).min();
        least.map_or(bytes, |least| usize::try_from(least).unwrap_or(usize::MAX).min(bytes))
    }

    /// So many went on.
    pub fn spend(&mut self, bytes: usize) {
        let now_ms = self.timer.now_ms();
        for limit in &mut self.limits {
            limit.spend(bytes as u64, now_ms);
        }
    }
}

impl Limit {
    /// A limit as it is configured but for what a rule says (`None`: nothing). None where streams share it and the key is
    /// none, or the table is full.
    pub fn new(
        bandwidth: &Arc<Bandwidth>,
        (bytes, period_ms): (Option<i64>, Option<i64>),
        key: &Value<'_>,
        now_ms: u64,
    ) -> Option<Self> {
        let or = |said: Option<i64>, configured: u64| {
            said.and_then(|said| u64::try_from(said).ok()).filter(|said| *said > 0).unwrap_or(configured)
        };
        let share = match &bandwidth.shared {
            None => Share::Own(Credit::new(
                or(bytes, bandwidth.bytes),
                or(period_ms, bandwidth.period_ms),
                now_ms,
            )),
            Some((named, _)) => {
                let table = Arc::clone(&named.get());
                let key = table.key(key_value(key)?)?;
                Share::Keyed(table.track(&key, now_ms)?)
            }
        };
        Some(Self { bandwidth: Arc::clone(bandwidth), share })
    }

    /// Pieces are no smaller than this, but for the last one.
    fn least(&self) -> u64 {
        let most = if let Share::Own(credit) = &self.share { credit.bytes } else { self.bandwidth.bytes };
        self.bandwidth.least.min(most).max(1)
    }

    fn wait_ms(&mut self, now_ms: u64) -> u64 {
        let least = self.least();
        match &mut self.share {
            Share::Own(credit) => credit.wait_ms(least, now_ms),
            // Others may use it up or leave it meanwhile.
            Share::Keyed(_) => u64::from(self.allowed(now_ms) < least),
        }
    }

    fn allowed(&mut self, now_ms: u64) -> u64 {
        match &mut self.share {
            Share::Own(credit) => credit.whole(now_ms),
            Share::Keyed(entry) => {
                let rate = entry.read(self.bandwidth.counter().into(), now_ms).unwrap_or(0);
                let users = entry.outlook(now_ms).map_or(1, |outlook| outlook.uses.max(1));
                self.bandwidth.bytes.saturating_sub(rate).div_ceil(users.into())
            }
        }
    }

    fn spend(&mut self, bytes: u64, now_ms: u64) {
        match &mut self.share {
            Share::Own(credit) => credit.spend(bytes),
            Share::Keyed(entry) => entry.add(&[(self.bandwidth.counter().into(), bytes)], now_ms),
        }
    }
}

impl Bandwidth {
    fn counter(&self) -> Data {
        if self.is_up { Data::BytesInRate } else { Data::BytesOutRate }
    }
}

impl Credit {
    fn new(bytes: u64, period_ms: u64, now_ms: u64) -> Self {
        let saved = signed(bytes.min(FIRST_BYTES).saturating_mul(period_ms));
        Self { bytes, period_ms, saved, seen_ms: now_ms }
    }

    /// Goes on with another limit.
    fn become_like(&mut self, other: &Self) {
        self.look(other.seen_ms);
        let bytes = self.saved / signed(self.period_ms).max(1);
        (self.bytes, self.period_ms) = (other.bytes, other.period_ms);
        self.saved = bytes.saturating_mul(signed(self.period_ms));
    }

    /// Time has passed: what it brings, and no more than a period brings.
    fn look(&mut self, now_ms: u64) {
        let passed = now_ms.saturating_sub(self.seen_ms);
        self.seen_ms = self.seen_ms.max(now_ms);
        let most = self.bytes.saturating_mul(self.period_ms.max(LEAST_KEPT_MS));
        self.saved = self.saved.saturating_add(signed(self.bytes.saturating_mul(passed))).min(signed(most));
    }

    /// Bytes that may go on.
    fn whole(&mut self, now_ms: u64) -> u64 {
        self.look(now_ms);
        u64::try_from(self.saved).unwrap_or(0) / self.period_ms.max(1)
    }

    /// Milliseconds until so many may.
    fn wait_ms(&mut self, bytes: u64, now_ms: u64) -> u64 {
        self.look(now_ms);
        let lacking = signed(bytes.saturating_mul(self.period_ms)).saturating_sub(self.saved);
        u64::try_from(lacking).unwrap_or(0).div_ceil(self.bytes.max(1))
    }

    fn spend(&mut self, bytes: u64) {
        self.saved = self.saved.saturating_sub(signed(bytes.saturating_mul(self.period_ms)));
    }
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_bytes_take_their_time() {
        let (mut credit, mut now, mut left) = (Credit::new(1000, 500, 0), 0, 10_000_u64);
        while left > 0 {
            now += credit.wait_ms(1, now);
            let piece = credit.whole(now).min(left);
            credit.spend(piece);
            left -= piece;
        }
        assert_eq!(now, 10_000 / 1000 * 500 - 500, "the first period's come at once");
    }

    #[test]
    fn no_more_than_a_period_is_saved() {
        let mut credit = Credit::new(1_000_000, 1000, 0);
        assert_eq!(credit.whole(0), FIRST_BYTES);
        assert_eq!(credit.whole(60_000), 1_000_000);
        credit.spend(1_500_000);
        assert_eq!(
            (credit.whole(60_100), credit.wait_ms(100_000, 60_100)),
            (0, 500),
            "what was too much is paid back"
        );
    }

    #[test]
    fn what_went_on_counts_under_another_limit() {
        let mut credit = Credit::new(1000, 1000, 0);
        credit.spend(3000);
        credit.become_like(&Credit::new(100, 1000, 0));
        assert_eq!(credit.wait_ms(1, 0), 20_010);
    }
}
