//! The retry budget: retries of the last ten seconds stay below a percentage of the requests of that time (or
//! of those held now, if more). So a backend in trouble is not drowned in retries, while the failures of a
//! backend with little traffic are always retried: ten a second are free.

/// Seconds that count.
const WINDOW: u64 = 10;
/// Retries in the window that need no requests behind them: ten a second.
const FLOOR: u64 = 100;

pub(crate) struct Budget {
    percent: u32,
    /// The second of the newest bucket.
    second: u64,
    buckets: [Bucket; WINDOW as usize],
    sum: Bucket,
}

#[derive(Clone, Copy, Default)]
struct Bucket {
    requests: u64,
    retries: u64,
}

impl Budget {
    /// 0 percent: no retries at all.
    pub fn new(percent: u32) -> Self {
        let buckets = [Bucket::default(); WINDOW as usize];
        Self { percent, second: 0, buckets, sum: Bucket::default() }
    }

    /// A request came.
    pub fn note_request(&mut self, now_ms: u64) {
        self.add(now_ms, Bucket { requests: 1, retries: 0 });
    }

    /// May one be retried? If so, it counts.
    pub fn allow(&mut self, now_ms: u64, held: u64) -> bool {
        self.add(now_ms, Bucket::default());
        let share = self.sum.requests.max(held).saturating_mul(u64::from(self.percent)) / 100;
        let allowed = self.percent > 0 && self.sum.retries < share.max(FLOOR);
        if allowed {
            self.add(now_ms, Bucket { requests: 0, retries: 1 });
        }
        allowed
    }

    fn add(&mut self, now_ms: u64, more: Bucket) {
        let second = now_ms / 1000;
        // Threads read the clock before they take the lock: time may seem to step back a little.
        let passed = second.saturating_sub(self.second).min(WINDOW);
        for step in 0..passed {
            let oldest = self.buckets.get_mut(((second - step) % WINDOW) as usize);
            let old = oldest.map(std::mem::take).unwrap_or_default();
            self.sum.requests -= old.requests;
            self.sum.retries -= old.retries;
        }
        self.second = self.second.max(second);
        if let Some(bucket) = self.buckets.get_mut((self.second % WINDOW) as usize) {
            bucket.requests += more.requests;
            bucket.retries += more.retries;
            self.sum.requests += more.requests;
            self.sum.retries += more.retries;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(budget: &mut Budget, now_ms: u64, held: u64) -> u32 {
        (0..1000).map(|_| u32::from(budget.allow(now_ms, held))).sum()
    }

    #[test]
    fn a_few_are_free_then_a_fifth_of_the_requests() {
        let mut budget = Budget::new(20);
        assert_eq!(allowed(&mut budget, 5_000, 0), 100);
        for _ in 0..1000 {
            budget.note_request(5_500);
        }
        assert_eq!(allowed(&mut budget, 6_000, 0), 100);
        assert_eq!(allowed(&mut budget, 6_000, 2_000), 200);
    }

    #[test]
    fn what_is_older_than_ten_seconds_is_forgotten() {
        let mut budget = Budget::new(20);
        for _ in 0..1000 {
            budget.note_request(1_000);
        }
        assert_eq!(allowed(&mut budget, 10_900, 0), 200);
        assert_eq!(allowed(&mut budget, 11_000, 0), 0);
        assert_eq!(allowed(&mut budget, 10_000, 0), 0);
        assert_eq!(allowed(&mut budget, 1_000_000, 0), 100);
    }

    #[test]
    fn zero_percent_never_retries() {
        assert_eq!(allowed(&mut Budget::new(0), 0, 100), 0);
    }
}
