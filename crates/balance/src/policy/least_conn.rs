//! The fewest requests held and queued for its share; among equals whose turn in the rotation is first.

use super::turns::{Due, Turns};
use super::{Policy, Query};
use crate::heap::IndexedHeap;

pub(crate) struct LeastConn {
    seats: Vec<Seat>,
    turns: Turns,
    line: IndexedHeap<(u64, Due)>,
    /// Servers set aside during a pick; kept for its memory.
    aside: Vec<usize>,
}

#[derive(Clone, Copy, Default)]
struct Seat {
    share: u32,
    load: u32,
}

impl LeastConn {
    pub fn new(size: usize) -> Self {
        let line = IndexedHeap::new(size);
        Self { seats: vec![Seat::default(); size], turns: Turns::new(size), line, aside: Vec::new() }
    }

    fn enter(&mut self, id: usize) {
        let seat = self.seats.get(id).copied().unwrap_or_default();
        if seat.share > 0 {
            // Ratios of loads over shares up to 4096 differ by 2^-24 or more: 32 bits keep their order.
            let ratio = (u64::from(seat.load) << 32) / u64::from(seat.share);
            self.line.set(id, (ratio, self.turns.due(id)));
        }
    }
}

impl Policy for LeastConn {
    fn place(&mut self, id: usize, share: u32) {
        if let Some(seat) = self.seats.get_mut(id) {
            seat.share = share;
        }
        if share == 0 {
            self.line.remove(id);
        } else {
            self.turns.seat(id, share);
            self.enter(id);
        }
    }

    fn load_changed(&mut self, id: usize, load: u32) {
        if let Some(seat) = self.seats.get_mut(id) {
            seat.load = load;
        }
        self.enter(id);
    }

    fn pick(&mut self, query: &Query<'_>) -> Option<usize> {
        let mut found = self.line.peek();
        while let Some(id) = found
            && (query.barred)(id)
        {
            self.line.remove(id);
            self.aside.push(id);
            found = self.line.peek();
        }
        while let Some(id) = self.aside.pop() {
            self.enter(id);
        }
        // `load_changed` follows and enters it anew, so its place in the line may be old until then.
        self.turns.take(found?);
        found
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{count, picks_loading};
    use super::*;

    fn placed(weights: &[u32]) -> LeastConn {
        let mut policy = LeastConn::new(weights.len());
        for (id, &weight) in weights.iter().enumerate() {
            policy.place(id, weight * 16);
        }
        policy
    }

    #[test]
    fn requests_held_are_in_proportion_to_the_weights() {
        let held = picks_loading(&mut placed(&[5, 3, 2]), 1000, true);
        assert_eq!(count(&held, 3), [500, 300, 200]);
    }

    #[test]
    fn idle_servers_take_turns() {
        let order = picks_loading(&mut placed(&[1, 1, 1]), 9, false);
        assert_eq!(order, [0, 1, 2, 0, 1, 2, 0, 1, 2]);
    }

    #[test]
    fn a_busy_server_is_passed_over_and_does_not_catch_up_later() {
        let mut policy = placed(&[1, 1]);
        policy.load_changed(0, 5);
        assert_eq!(count(&picks_loading(&mut policy, 100, false), 2), [0, 100]);
        policy.load_changed(0, 0);
        let after = count(&picks_loading(&mut policy, 10, false), 2);
        assert!(after[0].abs_diff(5) <= 1, "{after:?}");
    }
}
