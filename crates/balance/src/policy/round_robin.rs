//! Smooth weighted round robin: the server whose turn is due first.

use super::turns::{Due, Turns};
use super::{Policy, Query};
use crate::heap::IndexedHeap;

pub(crate) struct RoundRobin {
    turns: Turns,
    line: IndexedHeap<Due>,
    /// Servers set aside during a pick; kept for its memory.
    aside: Vec<usize>,
}

impl RoundRobin {
    pub fn new(size: usize) -> Self {
        Self { turns: Turns::new(size), line: IndexedHeap::new(size), aside: Vec::new() }
    }
}

impl Policy for RoundRobin {
    fn place(&mut self, id: usize, share: u32) {
        if share == 0 {
            self.line.remove(id);
        } else {
            self.line.set(id, self.turns.seat(id, share));
        }
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
        for id in self.aside.drain(..) {
            self.line.set(id, self.turns.due(id));
        }
        let id = found?;
        self.line.set(id, self.turns.take(id));
        Some(id)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{count, picks, picks_barring};
    use super::*;
    use proptest::prelude::*;

    fn placed(shares: &[u32]) -> RoundRobin {
        let mut policy = RoundRobin::new(shares.len());
        for (id, &share) in shares.iter().enumerate() {
            policy.place(id, share * 16);
        }
        policy
    }

    #[test]
    fn weights_5_3_2_are_5_3_2_in_every_window_of_10() {
        let order = picks(&mut placed(&[5, 3, 2]), 100_000);
        for window in order.windows(10) {
            assert_eq!(count(window, 3), [5, 3, 2]);
        }
    }

    #[test]
    fn a_server_barred_for_one_request_keeps_its_turn() {
        let mut policy = placed(&[1, 1, 1]);
        assert_eq!(picks(&mut policy, 3), [0, 1, 2]);
        assert_eq!(picks_barring(&mut policy, 1, &[0, 1]), [2]);
        assert_eq!(count(&picks(&mut policy, 5), 3), [2, 2, 1]);
        assert!(picks_barring(&mut policy, 1, &[0, 1, 2]).is_empty());
    }

    proptest! {
        #[test]
        fn shares_are_exact_in_every_period(weights in prop::collection::vec(1_u32..=256, 1..12), skip in 0_usize..500) {
            let mut policy = placed(&weights);
            let period: u32 = weights.iter().sum();
            picks(&mut policy, skip);
            let counted = count(&picks(&mut policy, period as usize), weights.len());
            prop_assert_eq!(counted, weights.iter().map(|&weight| weight as usize).collect::<Vec<_>>());
        }

        #[test]
        fn after_a_change_the_new_shares_are_exact(
            before in prop::collection::vec(1_u32..=50, 2..8), at in 0_usize..8, weight in 1_u32..=50, skip in 0_usize..300,
        ) {
            let mut policy = placed(&before);
            picks(&mut policy, skip);
            let mut after = before;
            let at = at % after.len();
            after[at] = weight;
            policy.place(at, weight * 16);
            let period: u32 = after.iter().sum();
            // No jump: what is under way when the weight changes is off by less than one turn a server.
            for (id, counted) in count(&picks(&mut policy, period as usize), after.len()).into_iter().enumerate() {
                prop_assert!(counted.abs_diff(after[id] as usize) <= 1);
            }
            let counted = count(&picks(&mut policy, period as usize), after.len());
            prop_assert_eq!(counted, after.iter().map(|&weight| weight as usize).collect::<Vec<_>>());
        }
    }
}
