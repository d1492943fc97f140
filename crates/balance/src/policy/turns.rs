//! The order of turns in a weighted rotation, in exact arithmetic.
//!
//! Time runs in rounds. In each round a server of share `w` has `w` turns, at the fractions `(2k + 1) / 2w`:
//! the middles of `w` equal parts. Serving turns in order of time gives each server exactly its share in every
//! period, spread as evenly as can be, and the order repeats for ever: nothing accumulates, so nothing drifts.
//!
//! A share that changes moves the server to the turn of its new grid nearest to where the rest of its wait,
//! stretched or shrunk, ends. A server that comes back begins with its first turn not yet past: it neither
//! waits a whole round nor catches up on what it missed.

/// When a turn is due. The fraction has 32 bits; fractions over shares up to 4096 differ by 2^-25 or more, so
/// rounding down keeps their order and keeps equal ones equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Due {
    round: u64,
    fraction: u32,
}

#[derive(Clone, Copy, Default)]
struct Seat {
    /// 0: never seated.
    share: u32,
    step: u32,
    round: u64,
}

/// The seats of all servers and the time of the rotation.
pub(crate) struct Turns {
    seats: Vec<Seat>,
    now: Due,
}

impl Turns {
    pub fn new(size: usize) -> Self {
        Self { seats: vec![Seat::default(); size], now: Due::default() }
    }

    /// Server `id` takes part (again) with `share`, 1 to 4096. When is its turn?
    pub fn seat(&mut self, id: usize, share: u32) -> Due {
        let now = self.now;
        let Some(seat) = self.seats.get_mut(id) else { return now };
        let due = seat.due();
        *seat = if seat.share == 0 || due < now {
            Seat::at_or_after(now, share)
        } else if seat.share == share {
            *seat
        } else {
            let wait = due.units() - now.units();
            let wait = wait * u128::from(seat.share) / u128::from(share.max(1));
            let moved = Seat::nearest(now.units() + wait, share);
            if moved.due() < now { Seat::at_or_after(now, share) } else { moved }
        };
        seat.due()
    }

    /// Server `id` had its turn. When is its next one?
    pub fn take(&mut self, id: usize) -> Due {
        let Some(seat) = self.seats.get_mut(id) else { return self.now };
        // One that was passed over may be one turn late, but does not get back all that it lost.
        let mut next = *seat;
        next.advance();
        if next.due() < self.now {
            *seat = Seat::at_or_after(self.now, seat.share);
        }
        self.now = self.now.max(seat.due());
        seat.advance();
        seat.due()
    }

    /// When is the turn of `id`, wherever time stands.
    pub fn due(&self, id: usize) -> Due {
        self.seats.get(id).map(Seat::due).unwrap_or_default()
    }
}

impl Due {
    fn units(self) -> u128 {
        (u128::from(self.round) << 32) | u128::from(self.fraction)
    }
}

impl Seat {
    fn due(&self) -> Due {
        let middle = (2 * u64::from(self.step) + 1) << 32;
        Due { round: self.round, fraction: (middle / (2 * u64::from(self.share.max(1)))) as u32 }
    }

    fn advance(&mut self) {
        self.step += 1;
        if self.step >= self.share {
            self.step = 0;
            self.round += 1;
        }
    }

    /// The turn nearest to `units`: the middle of the part in which it lies.
    fn nearest(units: u128, share: u32) -> Self {
        let fraction = units as u32;
        let step = ((u64::from(fraction) * u64::from(share)) >> 32) as u32;
        Self { share, step, round: (units >> 32) as u64 }
    }

    fn at_or_after(now: Due, share: u32) -> Self {
        let mut seat = Self::nearest(now.units(), share);
        if seat.due() < now {
            seat.advance();
        }
        seat
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Serve `picks` turns to the seated servers, the earliest first.
    fn serve(turns: &mut Turns, seated: &[usize], picks: usize) -> Vec<usize> {
        let mut order = Vec::new();
        for _ in 0..picks {
            let id = *seated.iter().min_by_key(|&&id| (turns.due(id), id)).unwrap();
            turns.take(id);
            order.push(id);
        }
        order
    }

    fn count(order: &[usize], id: usize) -> usize {
        order.iter().filter(|&&picked| picked == id).count()
    }

    #[test]
    fn turns_are_spread_not_bunched() {
        let mut turns = Turns::new(3);
        for (id, share) in [(0, 5), (1, 1), (2, 1)] {
            turns.seat(id, share);
        }
        assert_eq!(serve(&mut turns, &[0, 1, 2], 14), [0, 0, 0, 1, 2, 0, 0, 0, 0, 0, 1, 2, 0, 0]);
    }

    #[test]
    fn one_that_returns_neither_waits_a_round_nor_catches_up() {
        let mut turns = Turns::new(2);
        turns.seat(0, 4);
        turns.seat(1, 4);
        serve(&mut turns, &[0, 1], 6);
        serve(&mut turns, &[0], 1000);
        turns.seat(1, 4);
        let after = serve(&mut turns, &[0, 1], 8);
        assert_eq!((count(&after, 0), count(&after, 1)), (4, 4));
    }

    #[test]
    fn a_changed_share_counts_at_once_and_exactly() {
        let mut turns = Turns::new(2);
        turns.seat(0, 48);
        turns.seat(1, 16);
        serve(&mut turns, &[0, 1], 7);
        turns.seat(0, 16);
        let after = serve(&mut turns, &[0, 1], 200);
        for window in after.windows(10) {
            assert!((4..=6).contains(&count(window, 0)), "{window:?}");
        }
        for window in after[4..].windows(2) {
            assert_eq!(count(window, 0), 1, "{after:?}");
        }
    }

    #[test]
    fn shares_that_change_all_the_time_still_get_their_turns() {
        let mut turns = Turns::new(2);
        turns.seat(0, 1600);
        turns.seat(1, 1);
        let mut picked = 0;
        for share in (1..=1600).flat_map(|share| [share; 3]) {
            turns.seat(1, share);
            picked += count(&serve(&mut turns, &[0, 1], 1), 1);
        }
        // Its part grows from nothing to one half: 4800 * (1 - ln 2) = 1473 turns are its due.
        assert!((1_325..1_620).contains(&picked), "{picked} of 4800");
    }

    #[test]
    fn far_in_the_future_it_is_as_exact_as_at_the_start() {
        let mut turns = Turns::new(3);
        turns.now = Due { round: u64::MAX >> 20, fraction: 0 };
        for (id, share) in [(0, 5), (1, 3), (2, 2)] {
            turns.seat(id, share);
        }
        let order = serve(&mut turns, &[0, 1, 2], 1000);
        for window in order.windows(10) {
            assert_eq!([count(window, 0), count(window, 1), count(window, 2)], [5, 3, 2]);
        }
    }
}
