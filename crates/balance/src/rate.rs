//! How often something happens: two counts make a window that slides, as HAProxy's do.
//!
//! Time is cut into windows, the first of which begins with the first event. What happened in the last window's length
//! is taken to be all of the present window and, as if it had come evenly, what still overlaps of the one before. So a
//! steady stream is counted exactly, and no single window holds more than the limit; only who saves up for the end of a
//! window and goes on in the next can have up to twice the limit within one length. In return a counter is 16 bytes,
//! whatever the limit. Owns no clock and no key.

/// At most `count` (1 or more) within `window_ms` (1 or more).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// So many.
    pub count: u32,
    /// In so many milliseconds.
    pub window_ms: u64,
}

/// How often something happened lately. Every call names the same window; one that changes keeps the counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rate {
    /// When the present window began.
    begun_ms: u64,
    present: u32,
    before: u32,
}

impl Rate {
    /// Counts one if the limit leaves room for it. Otherwise nothing is counted, and the error says in how many
    /// milliseconds there will be room if nothing is counted meanwhile.
    pub fn take(&mut self, limit: RateLimit, now_ms: u64) -> Result<(), u64> {
        let RateLimit { count, window_ms } = limit;
        let left_ms = self.turn(window_ms, now_ms);
        let room = count.saturating_sub(self.present);
        if room > 0 && u64::from(self.before) * left_ms <= u64::from(room) * window_ms {
            self.present += 1;
            return Ok(());
        }
        Err(self.wait(limit, left_ms))
    }

    /// Counts so many, whatever the limit.
    pub fn add(&mut self, window_ms: u64, now_ms: u64, count: u32) {
        self.turn(window_ms, now_ms);
        self.present = self.present.wrapping_add(count);
    }

    /// How many there were within the last window's length, as HAProxy tells it. A single one of the window before
    /// counts as one until that is over, so that what is rare does not flicker.
    pub fn read(&self, window_ms: u64, now_ms: u64) -> u64 {
        let age = now_ms.saturating_sub(self.begun_ms);
        let (before, present, left_ms) = if age <= window_ms {
            (self.before, self.present, window_ms - age)
        } else if age <= 2 * window_ms {
            (self.present, 0, 2 * window_ms - age)
        } else {
            return 0;
        };
        if present == 0 && before <= 1 {
            return u64::from(before);
        }
        u64::from(present) + u64::from(before) * left_ms / window_ms.max(1)
    }

    /// Its two counts and when the window of the first began: all that there is to it.
    pub(crate) fn parts(self) -> (u64, u32, u32) {
        (self.begun_ms, self.present, self.before)
    }

    /// The one with these parts.
    pub(crate) fn of_parts((begun_ms, present, before): (u64, u32, u32)) -> Self {
        Self { begun_ms, present, before }
    }

    /// Moves on to the window that holds `now_ms`; returns how many milliseconds of it are left, from 1 to its length.
    fn turn(&mut self, window_ms: u64, now_ms: u64) -> u64 {
        // Threads read the clock before they take the lock: time may seem to step back a little.
        let mut age = now_ms.saturating_sub(self.begun_ms);
        if age >= window_ms {
            age -= window_ms;
            self.begun_ms += window_ms;
            (self.before, self.present) = (self.present, 0);
        }
        if age >= window_ms || (self.before == 0 && self.present == 0) {
            *self = Self { begun_ms: now_ms, present: 0, before: 0 };
            age = 0;
        }
        window_ms - age
    }

    /// When there is room again, for a counter that has none with `left_ms` of its window to go.
    fn wait(&self, limit: RateLimit, left_ms: u64) -> u64 {
        let RateLimit { count, window_ms } = limit;
        // So much of a window may be left as makes `counted` before it weigh no more than `room`.
        let may_be_left = |counted: u32, room: u32| u64::from(room) * window_ms / u64::from(counted.max(1));
        match count.saturating_sub(self.present) {
            0 => left_ms + window_ms - may_be_left(self.present, count).min(window_ms),
            room => left_ms - may_be_left(self.before, room).min(left_ms),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn passed(limit: RateLimit, times: impl IntoIterator<Item = u64>) -> Vec<u64> {
        let mut rate = Rate::default();
        times.into_iter().filter(|now| rate.take(limit, *now).is_ok()).collect()
    }

    #[test]
    fn a_burst_gets_exactly_the_limit() {
        let limit = RateLimit { count: 10, window_ms: 1000 };
        assert_eq!(passed(limit, [123_456; 100]).len(), 10);
    }

    #[test]
    fn fifteen_a_second_against_ten_pass_ten_each_second_whenever_they_begin() {
        let limit = RateLimit { count: 10, window_ms: 1000 };
        for start in [1, 999, 1_000, 123_456] {
            let times: Vec<u64> = (0..150).map(|number| start + number * 1000 / 15).collect();
            let passed = passed(limit, times);
            for second in 0..10 {
                let range = start + second * 1000..start + (second + 1) * 1000;
                let count = passed.iter().filter(|time| range.contains(time)).count();
                assert!((9..=10).contains(&count), "{count} in second {second} from {start}");
            }
        }
    }

    #[test]
    fn a_stream_at_the_limit_passes_whole() {
        let limit = RateLimit { count: 10, window_ms: 1000 };
        assert_eq!(passed(limit, (0..1000).map(|number| 5_000 + number * 100)).len(), 1000);
    }

    #[test]
    fn what_was_refused_does_not_count() {
        let (mut rate, limit) = (Rate::default(), RateLimit { count: 2, window_ms: 100 });
        assert!((0..1000).filter(|_| rate.take(limit, 50).is_ok()).count() == 2);
        assert_eq!(rate.read(100, 50), 2);
        assert_eq!(rate.take(limit, 200), Ok(()));
    }

    #[test]
    fn a_limit_that_changes_keeps_what_was_counted() {
        let mut rate = Rate::default();
        let (high, low) = (RateLimit { count: 10, window_ms: 1000 }, RateLimit { count: 4, window_ms: 1000 });
        assert!((0..8).all(|_| rate.take(high, 100).is_ok()));
        let wait = rate.take(low, 100).unwrap_err();
        assert_eq!(rate.take(low, 100 + wait - 1), Err(1));
        assert_eq!(rate.take(low, 100 + wait), Ok(()));
    }

    proptest! {
        /// Against a log of everything that passed.
        #[test]
        fn it_keeps_the_promises_that_it_makes(
            count in 1_u32..20,
            window_ms in 1_u64..2000,
            steps in proptest::collection::vec((0_u64..400, 1_usize..6), 1..400),
        ) {
            let limit = RateLimit { count, window_ms };
            let (mut rate, mut now, mut log) = (Rate::default(), 5_000, Vec::new());
            for (step, calls) in steps {
                now += step;
                for _ in 0..calls {
                    let ever = log.iter().filter(|time: &&u64| **time + 2 * window_ms > now).count();
                    match rate.take(limit, now) {
                        Ok(()) => log.push(now),
                        Err(_) => prop_assert!(ever as u64 >= u64::from(count), "refused without a reason"),
                    }
                    let lately = log.iter().filter(|time| **time + window_ms > now).count();
                    prop_assert!(lately <= 2 * count as usize, "more than twice the limit in one length");
                }
            }
            // Over a long time no more than the limit passes, however it comes.
            let span = log.last().unwrap() - log[0];
            prop_assert!(log.len() as u64 <= u64::from(count) * (span / window_ms + 1));
        }

        #[test]
        fn the_wait_is_right_to_the_millisecond(
            count in 1_u32..20,
            window_ms in 1_u64..2000,
            steps in proptest::collection::vec(0_u64..300, 1..100),
        ) {
            let limit = RateLimit { count, window_ms };
            let (mut rate, mut now) = (Rate::default(), 7_000);
            for step in steps {
                now += step;
                while rate.take(limit, now).is_ok() {}
                let wait = rate.take(limit, now).unwrap_err();
                prop_assert!(wait >= 1 && wait <= 2 * window_ms);
                let (mut early, mut due) = (rate, rate);
                prop_assert!(wait == 1 || early.take(limit, now + wait - 1) == Err(1));
                prop_assert_eq!(due.take(limit, now + wait), Ok(()));
            }
        }
    }
}
