//! How slow a client may be while it is what is waited for: idle for the client timeout at most, and no slower than a
//! least rate over each period of that length.
//!
//! Judged only when the timer fires, so a byte that moves costs a store.

use std::task::{Context, Poll, ready};

use crate::deadline::Timer;
use crate::wire::Frontend;

/// See the module.
#[derive(Default)]
pub struct Pace {
    /// Milliseconds; 0: as slow as it likes.
    period: u64,
    /// Bytes a period; 0: only idle time counts.
    least: u64,
    counting: bool,
    /// When the period began, and how many bytes had moved by then.
    began: (u64, u64),
    /// When bytes moved last, and how many had by then.
    last: (u64, u64),
}

impl Pace {
    /// Begins with a message, and with what a frontend asks of its clients.
    pub fn begin(&mut self, frontend: &Frontend) {
        let (period, rate) = (frontend.timeouts.client, frontend.limits.min_rate);
        (self.period, self.least, self.counting) = (period, period.saturating_mul(rate) / 1000, false);
    }

    /// The client is waited for, and so many bytes have moved so far: ready when it is too slow.
    pub fn poll(&mut self, cx: &mut Context<'_>, timer: &Timer, bytes: u64) -> Poll<()> {
        let now = timer.now_ms();
        if !self.counting {
            self.counting = true;
            (self.began, self.last) = ((now, bytes), (now, bytes));
            timer.set(self.period);
        } else if bytes != self.last.1 {
            self.last = (now, bytes);
        }
        loop {
            ready!(timer.poll(cx));
            let Some(left) = self.judge(now, bytes) else { return Poll::Ready(()) };
            timer.set(left);
        }
    }

    /// Something else is waited for; the next period begins when it is the client's turn again.
    pub fn rest(&mut self, timer: &Timer) {
        if self.counting {
            self.counting = false;
            timer.clear();
        }
    }

    /// Milliseconds until the next look; None: too slow.
    fn judge(&mut self, now: u64, bytes: u64) -> Option<u64> {
        if now.saturating_sub(self.began.0) >= self.period {
            if bytes.saturating_sub(self.began.1) < self.least {
                return None;
            }
            self.began = (now, bytes);
        }
        let due = self.last.0.min(self.began.0) + self.period;
        let idle = now.saturating_sub(self.last.0) >= self.period;
        (!idle).then(|| due.saturating_sub(now).max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace(rate: u64) -> Pace {
        let least = 1000 * rate / 1000;
        Pace { period: 1000, least, counting: true, began: (0, 0), last: (0, 0) }
    }

    #[test]
    fn bytes_now_and_then_are_too_slow() {
        let mut slow = pace(100);
        slow.last = (900, 99);
        assert_eq!(slow.judge(1000, 99), None);
        let mut enough = pace(100);
        enough.last = (900, 100);
        assert_eq!(enough.judge(1000, 100), Some(900), "until it has been idle for a period");
        assert_eq!(enough.judge(1900, 100), None);
    }

    #[test]
    fn every_period_counts_by_itself() {
        let mut pace = pace(100);
        pace.last = (999, 100_000);
        assert!(pace.judge(1000, 100_000).is_some());
        pace.last = (1990, 100_001);
        assert_eq!(pace.judge(2000, 100_001), None, "a fast beginning does not pay for a slow end");
    }

    #[test]
    fn without_a_rate_only_idle_time_counts() {
        let mut pace = pace(0);
        pace.last = (999, 1);
        assert_eq!(pace.judge(1000, 1), Some(999));
        pace.last = (1998, 2);
        assert_eq!(pace.judge(1999, 2), Some(1));
        assert_eq!(pace.judge(2998, 2), None);
    }
}
