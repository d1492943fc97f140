//! The least loaded of some weighted random draws. Two draws already keep the fullest server close to the
//! average without any order that many balancers could fall into together.

use std::sync::Arc;

use super::{Policy, Query};
use crate::fenwick::Fenwick;
use crate::rng::Rng;
use crate::server::Server;

/// Draws repeated because they hit a server that is barred or drawn already.
const REDRAWS: u32 = 4;

pub(crate) struct Random {
    shares: Fenwick,
    draws: u32,
    rng: Rng,
}

impl Random {
    pub fn new(size: usize, draws: u32, seed: u64) -> Self {
        Self { shares: Fenwick::new(size), draws: draws.max(1), rng: Rng::new(seed) }
    }

    fn draw(&mut self, refused: impl Fn(usize) -> bool) -> Option<usize> {
        let mut drawn = self.shares.find(self.rng.below(self.shares.total()))?;
        for _ in 0..REDRAWS {
            if !refused(drawn) {
                return Some(drawn);
            }
            drawn = self.shares.find(self.rng.below(self.shares.total()))?;
        }
        self.shares.next_from(drawn, refused)
    }

    /// Load for its share, comparable without division.
    fn is_less_loaded(&self, one: usize, two: usize, servers: &[Arc<Server>]) -> bool {
        let load = |id: usize| servers.get(id).map_or(0, |server| u64::from(server.load()));
        let share = |id: usize| u64::from(self.shares.get(id));
        load(one) * share(two) < load(two) * share(one)
    }
}

impl Policy for Random {
    fn place(&mut self, id: usize, share: u32) {
        self.shares.set(id, share);
    }

    fn pick(&mut self, query: &Query<'_>) -> Option<usize> {
        let mut best = self.draw(|id| (query.barred)(id))?;
        for _ in 1..self.draws {
            let Some(other) = self.draw(|id| id == best || (query.barred)(id)) else { break };
            if self.is_less_loaded(other, best, query.servers) {
                best = other;
            }
        }
        Some(best)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{count, picks, picks_barring};
    use super::*;

    #[test]
    fn draws_follow_the_weights() {
        let mut policy = Random::new(3, 1, 1);
        for (id, weight) in [5, 3, 2].into_iter().enumerate() {
            policy.place(id, weight * 16);
        }
        let counted = count(&picks(&mut policy, 10_000), 3);
        assert!(counted[0].abs_diff(5000) < 200 && counted[1].abs_diff(3000) < 200, "{counted:?}");
    }

    #[test]
    fn a_barred_server_is_not_drawn_even_when_nearly_alone() {
        let mut policy = Random::new(2, 2, 1);
        policy.place(0, 4096);
        policy.place(1, 1);
        assert_eq!(picks_barring(&mut policy, 50, &[0]), [1; 50]);
        assert!(picks_barring(&mut policy, 1, &[0, 1]).is_empty());
    }
}
