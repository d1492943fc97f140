//! Means over about the last 1024 samples of each phase, and the longest one, as HAProxy's statistics tell them.

use super::Counter;
use crate::wire;

const SAMPLES: u64 = 1024;

/// The four phases; written by one worker.
#[derive(Default)]
pub struct Averages {
    phases: [Average; 4],
}

/// The first 1024 samples are summed; from then on each one takes the place of a mean one. Microseconds.
#[derive(Default)]
struct Average {
    count: Counter,
    sum: Counter,
    most: Counter,
}

impl Averages {
    /// Counts a finished request.
    #[inline]
    pub fn record(&self, phases: [Option<u64>; 4]) {
        for (average, sample) in self.phases.iter().zip(phases) {
            if let Some(micros) = sample {
                average.record(micros);
            }
        }
    }

    /// Forgets the longest ones, and with `everything` all.
    pub fn clear(&self, everything: bool) {
        for average in &self.phases {
            average.most.set(0);
            if everything {
                average.count.set(0);
                average.sum.set(0);
            }
        }
    }
}

impl Average {
    #[inline]
    fn record(&self, micros: u64) {
        let (count, sum) = (self.count.get(), self.sum.get());
        if count < SAMPLES {
            self.count.set(count + 1);
            self.sum.set(sum.saturating_add(micros));
        } else {
            self.sum.set((sum - sum / SAMPLES).saturating_add(micros));
        }
        self.most.raise(micros);
    }
}

/// Of all workers, in milliseconds.
pub fn merged<'a>(workers: impl Iterator<Item = &'a Averages>) -> wire::Averages {
    let mut all = [(0_u64, 0_u64, 0_u64); 4];
    for averages in workers {
        for ((count, sum, most), average) in all.iter_mut().zip(&averages.phases) {
            *count += average.count.get();
            *sum = sum.saturating_add(average.sum.get());
            *most = (*most).max(average.most.get());
        }
    }
    let [queue, connect, first_byte, total] =
        all.map(|(count, sum, most)| (sum.checked_div(count).unwrap_or(0) / 1000, most / 1000));
    wire::Averages {
        queue: queue.0,
        connect: connect.0,
        first_byte: first_byte.0,
        total: total.0,
        queue_max: queue.1,
        connect_max: connect.1,
        first_byte_max: first_byte.1,
        total_max: total.1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_samples_give_their_mean_and_many_follow_the_last_ones() {
        let averages = Averages::default();
        for micros in [10_000, 20_000, 60_000] {
            averages.record([None, None, None, Some(micros)]);
        }
        let found = merged(std::iter::once(&averages));
        assert_eq!((found.total, found.total_max, found.queue), (30, 60, 0));
        for _ in 0..10_000 {
            averages.record([None, None, None, Some(5_000)]);
        }
        let found = merged(std::iter::once(&averages));
        assert!(found.total <= 6 && found.total_max == 60, "{found:?}");
    }

    #[test]
    fn workers_count_by_their_samples() {
        let (busy, idle) = (Averages::default(), Averages::default());
        for _ in 0..3 {
            busy.record([Some(1_000), None, None, Some(1_000)]);
        }
        idle.record([Some(9_000), None, None, Some(9_000)]);
        assert_eq!(merged([&busy, &idle].into_iter()).queue, 3);
        busy.clear(false);
        assert_eq!(merged(std::iter::once(&busy)).total_max, 0);
    }
}
