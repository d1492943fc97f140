//! Fewest requests held and queued for its share as HAProxy counts them: idle servers are all alike, whatever their
//! share, and among equals the one that changed longest ago is next.

use super::{Policy, Query};
use crate::heap::IndexedHeap;

/// See the module.
pub(crate) struct Least {
    seats: Vec<Seat>,
    line: IndexedHeap<(u64, u64)>,
    /// Breaks ties.
    changes: u64,
    aside: Vec<usize>,
}

#[derive(Clone, Copy, Default)]
struct Seat {
    share: u32,
    load: u32,
    key: (u64, u64),
}

impl Least {
    pub fn new(size: usize) -> Self {
        let line = IndexedHeap::new(size);
        Self { seats: vec![Seat::default(); size], line, changes: 0, aside: Vec::new() }
    }

    fn enter(&mut self, id: usize) {
        let Some(seat) = self.seats.get_mut(id) else { return };
        if seat.share == 0 {
            return self.line.remove(id);
        }
        self.changes += 1;
        let ratio =
            if seat.load == 0 { 0 } else { ((u64::from(seat.load) + 1) << 32) / u64::from(seat.share) };
        seat.key = (ratio, self.changes);
        self.line.set(id, seat.key);
    }
}

impl Policy for Least {
    fn place(&mut self, id: usize, share: u32) {
        if let Some(seat) = self.seats.get_mut(id)
            && seat.share != share
        {
            seat.share = share;
            self.enter(id);
        }
    }

    fn load_changed(&mut self, id: usize, load: u32) {
        if let Some(seat) = self.seats.get_mut(id)
            && seat.load != load
        {
            seat.load = load;
            self.enter(id);
        }
    }

    fn pick(&mut self, query: &Query<'_>) -> Option<usize> {
        let mut found = self.line.peek();
        while let Some(id) = found
            && (query.barred)(id)
        {
            self.aside.push(id);
            self.line.remove(id);
            found = self.line.peek();
        }
        // Those that were passed over keep their places.
        while let Some(id) = self.aside.pop() {
            if let Some(seat) = self.seats.get(id) {
                self.line.set(id, seat.key);
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{count, picks_barring, picks_loading};
    use super::*;

    fn placed(weights: &[u32]) -> Least {
        let mut policy = Least::new(weights.len());
        for (id, &weight) in weights.iter().enumerate() {
            policy.place(id, weight * 16);
        }
        policy
    }

    #[test]
    fn idle_servers_take_turns_whatever_their_weight() {
        assert_eq!(picks_loading(&mut placed(&[5, 3, 1]), 6, false), [0, 1, 2, 0, 1, 2]);
    }

    #[test]
    fn requests_held_are_in_proportion_to_the_weights() {
        let held = count(&picks_loading(&mut placed(&[5, 3, 2]), 1000, true), 3);
        assert!(held[0].abs_diff(500) < 5 && held[2].abs_diff(200) < 5, "{held:?}");
    }

    #[test]
    fn one_that_is_passed_over_keeps_its_place() {
        let mut policy = placed(&[1, 1, 1]);
        assert_eq!(picks_barring(&mut policy, 1, &[0, 1]), [2]);
        assert_eq!(picks_loading(&mut policy, 3, false), [0, 1, 2]);
    }
}
