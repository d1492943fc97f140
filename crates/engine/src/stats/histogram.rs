//! Log-linear histograms of microseconds: eight buckets an octave, so a percentile is right to about 6 %.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use super::averages::Averages;

const EXACT: usize = 16;
const PER_OCTAVE: usize = 8;
const OCTAVES: usize = 32;

/// Buckets of a histogram; the last one takes everything above about 19 hours.
pub const BUCKETS: usize = EXACT + OCTAVES * PER_OCTAVE;

/// Counts a bucket, written by one worker. They wrap around: only differences within a minute are ever used.
pub struct Histogram {
    buckets: [AtomicU32; BUCKETS],
}

impl Default for Histogram {
    fn default() -> Self {
        Self { buckets: std::array::from_fn(|_| AtomicU32::new(0)) }
    }
}

impl Histogram {
    /// Counts one duration.
    #[inline]
    pub fn record(&self, micros: u64) {
        if let Some(bucket) = self.buckets.get(bucket_of(micros)) {
            bucket.store(bucket.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
        }
    }

    /// Adds all counts to `sums`, wrapping.
    pub fn add_to(&self, sums: &mut [u32]) {
        for (sum, bucket) in sums.iter_mut().zip(&self.buckets) {
            *sum = sum.wrapping_add(bucket.load(Ordering::Relaxed));
        }
    }
}

/// The four phases of requests; allocated with the first sample, since most of 10 000 servers may be idle.
#[derive(Default)]
pub struct Phases {
    inner: OnceLock<Box<Samples>>,
}

struct Samples {
    histograms: [Histogram; 4],
    averages: Averages,
}

impl Phases {
    /// Counts a finished request: waiting, connecting, until the first byte, in all; microseconds, `None` where the
    /// phase did not take place.
    #[inline]
    pub fn record(&self, phases: [Option<u64>; 4]) {
        let samples = self.inner.get_or_init(|| {
            let histograms = std::array::from_fn(|_| Histogram::default());
            Box::new(Samples { histograms, averages: Averages::default() })
        });
        for (histogram, sample) in samples.histograms.iter().zip(phases) {
            if let Some(micros) = sample {
                histogram.record(micros);
            }
        }
        samples.averages.record(phases);
    }

    /// The four histograms, if anything was counted.
    pub fn get(&self) -> Option<&[Histogram; 4]> {
        self.inner.get().map(|samples| &samples.histograms)
    }

    /// Means and maxima since the beginning, if anything was counted.
    pub fn averages(&self) -> Option<&Averages> {
        self.inner.get().map(|samples| &samples.averages)
    }
}

/// The bucket that counts a duration.
#[inline]
fn bucket_of(micros: u64) -> usize {
    if micros < EXACT as u64 {
        return micros as usize;
    }
    let octave = 63 - micros.leading_zeros() as usize;
    let within = (micros >> (octave - 3)) as usize & (PER_OCTAVE - 1);
    (EXACT + (octave - 4) * PER_OCTAVE + within).min(BUCKETS - 1)
}

/// The middle of a bucket, microseconds.
pub fn middle(bucket: usize) -> u64 {
    if bucket < EXACT {
        return bucket as u64;
    }
    let octave = (bucket - EXACT) / PER_OCTAVE + 4;
    let within = ((bucket - EXACT) % PER_OCTAVE) as u64;
    let width = 1_u64 << (octave - 3);
    (1 << octave) + within * width + width / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_a_bucket_is_within_seven_percent() {
        for micros in [0, 1, 15, 16, 17, 100, 999, 12_345, 1_000_000, 3_600_000_000] {
            let found = middle(bucket_of(micros));
            assert!(found.abs_diff(micros) as f64 <= micros as f64 * 0.07 + 0.5, "{micros} became {found}");
        }
    }

    #[test]
    fn buckets_grow_with_the_duration_and_never_overflow() {
        let mut last = 0;
        for power in 0..64 {
            let bucket = bucket_of(1 << power);
            assert!(bucket >= last && bucket < BUCKETS);
            last = bucket;
        }
        assert_eq!(bucket_of(u64::MAX), BUCKETS - 1);
    }
}
