//! A sliding minute of percentiles and the last second's rates, kept outside of the workers.

use std::collections::VecDeque;

use super::histogram::{BUCKETS, Histogram, middle};
use crate::wire::{Phases, Times};

/// Seconds of one slice; [`SLICES`] of them make the window.
pub const SLICE_SECONDS: u64 = 10;
const SLICES: usize = 6;

/// Counts by bucket of the four phases, without the empty buckets.
type Sparse = Vec<(u16, u32)>;

/// What is remembered of one object.
#[derive(Default)]
pub struct Window {
    past: VecDeque<Sparse>,
    rates: Vec<Rate>,
}

/// One counter's pace.
#[derive(Default, Clone, Copy)]
pub struct Rate {
    last: Option<u64>,
    /// Over the last second.
    pub now: u64,
    /// The largest seen.
    pub most: u64,
}

impl Window {
    /// Once a second: the pace of each of `totals`.
    pub fn second(&mut self, totals: &[u64]) {
        self.rates.resize(totals.len(), Rate::default());
        for (rate, total) in self.rates.iter_mut().zip(totals) {
            if let Some(last) = rate.last {
                rate.now = total.saturating_sub(last);
                rate.most = rate.most.max(rate.now);
            }
            rate.last = Some(*total);
        }
    }

    /// Totals have jumped: the pace is measured from the next sample on.
    pub fn rebase(&mut self) {
        for rate in &mut self.rates {
            rate.last = None;
        }
    }

    /// Counting begins anew: as `rebase`, and the fastest pace is forgotten.
    pub fn forget(&mut self) {
        self.rebase();
        for rate in &mut self.rates {
            rate.most = rate.now;
        }
    }

    /// Once a slice: remembers the counts so far and forgets those of a minute ago.
    pub fn slice<'a>(&mut self, histograms: impl Iterator<Item = &'a [Histogram; 4]>) {
        let mut histograms = histograms.peekable();
        if histograms.peek().is_none() {
            return;
        }
        let sums = sum(histograms);
        let sparse = |(index, count): (usize, &u32)| (*count > 0).then_some((index as u16, *count));
        self.past.push_back(sums.iter().enumerate().filter_map(sparse).collect());
        if self.past.len() > SLICES {
            self.past.pop_front();
        }
    }

    /// The n-th of the totals given to `second`.
    pub fn rate(&self, index: usize) -> Rate {
        self.rates.get(index).copied().unwrap_or_default()
    }

    /// Percentiles of what was counted within the window.
    pub fn phases<'a>(&self, histograms: impl Iterator<Item = &'a [Histogram; 4]>) -> Phases {
        let mut histograms = histograms.peekable();
        if histograms.peek().is_none() {
            return Phases::default();
        }
        let mut sums = sum(histograms);
        if self.past.len() == SLICES
            && let Some(oldest) = self.past.front()
        {
            for (index, count) in oldest {
                if let Some(sum) = sums.get_mut(usize::from(*index)) {
                    *sum = sum.wrapping_sub(*count);
                }
            }
        }
        let mut parts = sums.chunks(BUCKETS).map(times);
        let mut next = || parts.next().unwrap_or_default();
        Phases { queue: next(), connect: next(), first_byte: next(), total: next() }
    }
}

fn sum<'a>(histograms: impl Iterator<Item = &'a [Histogram; 4]>) -> Vec<u32> {
    let mut sums = vec![0; 4 * BUCKETS];
    for phases in histograms {
        for (histogram, part) in phases.iter().zip(sums.chunks_mut(BUCKETS)) {
            histogram.add_to(part);
        }
    }
    sums
}

fn times(buckets: &[u32]) -> Times {
    let count: u64 = buckets.iter().map(|count| u64::from(*count)).sum();
    let at = |part: f64| {
        let wanted = ((count as f64 * part).ceil() as u64).max(1);
        let mut seen = 0;
        let reached = |bucket: &u32| {
            seen += u64::from(*bucket);
            seen >= wanted
        };
        buckets.iter().position(reached).map_or(0, middle)
    };
    if count == 0 {
        return Times::default();
    }
    let sum: u128 =
        buckets.iter().enumerate().map(|(bucket, n)| u128::from(middle(bucket)) * u128::from(*n)).sum();
    let mean = u64::try_from(sum / u128::from(count)).unwrap_or(u64::MAX);
    Times { count, mean, p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_the_last_minute() {
        let histograms: [Histogram; 4] = std::array::from_fn(|_| Histogram::default());
        let mut window = Window::default();
        for _ in 0..100 {
            histograms[3].record(1_000_000);
        }
        window.slice(std::iter::once(&histograms));
        for micros in 1..=100 {
            histograms[3].record(micros * 100);
        }
        assert_eq!(window.phases(std::iter::once(&histograms)).total.count, 200);
        for _ in 1..SLICES {
            window.slice(std::iter::once(&histograms));
        }
        let total = window.phases(std::iter::once(&histograms)).total;
        assert_eq!(total.count, 100);
        assert!(total.p50.abs_diff(5_000) < 400 && total.max.abs_diff(10_000) < 800, "{total:?}");
    }

    #[test]
    fn a_mean_is_that_of_all_samples_and_not_of_the_buckets() {
        let histograms: [Histogram; 4] = std::array::from_fn(|_| Histogram::default());
        let window = Window::default();
        for (micros, times) in [(0, 10), (2_000, 100), (500_000, 50)] {
            for _ in 0..times {
                histograms[3].record(micros);
            }
        }
        let phases = window.phases(std::iter::once(&histograms));
        let exact = (100 * 2_000 + 50 * 500_000) / 160;
        assert!(phases.total.mean.abs_diff(exact) < exact * 7 / 100, "{:?}", phases.total);
        assert_eq!((phases.queue.count, phases.queue.mean), (0, 0));
    }

    #[test]
    fn a_mean_of_the_longest_times_does_not_overflow() {
        let mut buckets = vec![0; BUCKETS];
        buckets[BUCKETS - 1] = u32::MAX;
        assert_eq!(times(&buckets).mean, middle(BUCKETS - 1));
    }

    #[test]
    fn a_rate_needs_two_samples_and_keeps_its_peak() {
        let mut window = Window::default();
        for total in [1000, 1050, 1060] {
            window.second(&[total]);
        }
        assert_eq!((window.rate(0).now, window.rate(0).most), (10, 50));
    }
}
