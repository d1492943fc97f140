//! The lower expected latency of two random draws.
//!
//! Expected latency is a moving average that rises at once with a slow answer and fades with time, times the
//! requests that would be held, over the share. Fading also while no answer comes lets a server that was slow
//! be tried again.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::{Policy, Query};
use crate::fenwick::Fenwick;
use crate::lease::{Outcome, OutcomeKind};
use crate::rng::Rng;
use crate::server::Server;

/// Up to this many servers all are compared.
const COMPARE_ALL: u64 = 4;
/// Draws repeated because they hit a server that is barred or drawn already.
const REDRAWS: u32 = 4;

pub(crate) struct PeakEwma {
    placed: Fenwick,
    shares: Vec<u32>,
    decay_ms: f64,
    penalty_us: u64,
    rng: Rng,
}

impl PeakEwma {
    pub fn new(size: usize, decay_ms: u64, error_penalty_ms: u64, seed: u64) -> Self {
        Self {
            placed: Fenwick::new(size),
            shares: vec![0; size],
            decay_ms: decay_ms.max(1) as f64,
            penalty_us: error_penalty_ms.saturating_mul(1000),
            rng: Rng::new(seed),
        }
    }

    fn cost(&self, id: usize, servers: &[Arc<Server>], now_ms: u64) -> f64 {
        let Some(server) = servers.get(id) else { return f64::INFINITY };
        let active = f64::from(server.active());
        let share = f64::from(self.shares.get(id).copied().unwrap_or_default().max(1));
        let latency = match self.average(server, now_ms) {
            // Nothing known: take it for as slow as a failure until its first answer, but let one ask.
            average if average <= 0.0 && active > 0.0 => self.penalty_us as f64,
            average => average,
        };
        latency * (active + 1.0) / share
    }

    fn average(&self, server: &Server, now_ms: u64) -> f64 {
        let average = f64::from_bits(server.latency.micros.load(Ordering::Relaxed));
        average * self.fading(server, now_ms)
    }

    /// What is left of an average after the time since it was true.
    fn fading(&self, server: &Server, now_ms: u64) -> f64 {
        let age = now_ms.saturating_sub(server.latency.at_ms.load(Ordering::Relaxed));
        (-(age as f64) / self.decay_ms).exp()
    }

    /// A server drawn evenly, around the end of the list past those refused.
    fn draw(&mut self, refused: impl Fn(usize) -> bool) -> Option<usize> {
        let mut drawn = self.placed.find(self.rng.below(self.placed.total()))?;
        for _ in 0..REDRAWS {
            if !refused(drawn) {
                return Some(drawn);
            }
            drawn = self.placed.find(self.rng.below(self.placed.total()))?;
        }
        self.placed.next_from(drawn, refused)
    }

    fn cheapest(&self, ids: impl Iterator<Item = usize>, query: &Query<'_>) -> Option<usize> {
        let cost = |id| (self.cost(id, query.servers, query.now_ms), id);
        ids.map(cost).min_by(|one, two| one.0.total_cmp(&two.0)).map(|found| found.1)
    }
}

impl Policy for PeakEwma {
    fn place(&mut self, id: usize, share: u32) {
        if let Some(known) = self.shares.get_mut(id) {
            *known = share;
        }
        self.placed.set(id, share.min(1));
    }

    fn pick(&mut self, query: &Query<'_>) -> Option<usize> {
        let first = self.draw(|id| (query.barred)(id))?;
        if self.placed.total() <= COMPARE_ALL {
            let all = (0..self.placed.total()).filter_map(|nth| self.placed.find(nth));
            // The drawn one first, so that equals take turns by chance.
            let others = all.filter(|&id| id != first && !(query.barred)(id));
            return self.cheapest(std::iter::once(first).chain(others), query);
        }
        let second = self.draw(|id| id == first || (query.barred)(id));
        self.cheapest(std::iter::once(first).chain(second), query)
    }

    fn observe(&mut self, server: &Server, outcome: Outcome, now_ms: u64) {
        let penalty = match outcome.kind {
            OutcomeKind::Success => 0,
            OutcomeKind::Failure => self.penalty_us,
            OutcomeKind::Aborted => return,
        };
        let seen = outcome.latency_us.saturating_add(penalty) as f64;
        let average = f64::from_bits(server.latency.micros.load(Ordering::Relaxed));
        let fading = self.fading(server, now_ms);
        let next = if seen > average { seen } else { average * fading + seen * (1.0 - fading) };
        server.latency.micros.store(next.to_bits(), Ordering::Relaxed);
        server.latency.at_ms.store(now_ms, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{count, pick_at, servers};
    use super::*;

    fn success(latency_us: u64) -> Outcome {
        Outcome { kind: OutcomeKind::Success, latency_us }
    }

    fn placed(size: usize) -> PeakEwma {
        let mut policy = PeakEwma::new(size, 10_000, 1_000, 3);
        (0..size).for_each(|id| policy.place(id, 16));
        policy
    }

    #[test]
    fn one_slow_answer_sends_work_elsewhere_until_it_fades() {
        let servers = servers(&[1; 3]);
        let mut policy = placed(3);
        for server in &servers {
            policy.observe(server, success(1_000), 0);
        }
        policy.observe(&servers[1], success(500_000), 1);
        let picked: Vec<_> = (0..100).map(|_| pick_at(&mut policy, &servers, 10).unwrap()).collect();
        assert_eq!(count(&picked, 3)[1], 0);
        // 100 s later the fast ones were asked lately, the slow one was not.
        policy.observe(&servers[0], success(1_000), 100_000);
        policy.observe(&servers[2], success(1_000), 100_000);
        assert_eq!(pick_at(&mut policy, &servers, 100_000), Some(1));
    }

    #[test]
    fn failing_fast_does_not_look_fast() {
        let servers = servers(&[1; 2]);
        let mut policy = placed(2);
        policy.observe(&servers[0], success(20_000), 0);
        policy.observe(&servers[1], Outcome { kind: OutcomeKind::Failure, latency_us: 100 }, 0);
        assert!((0..50).all(|_| pick_at(&mut policy, &servers, 1) == Some(0)));
    }

    #[test]
    fn equals_share_the_work() {
        let servers = servers(&[1; 8]);
        let mut policy = placed(8);
        let picked: Vec<_> = (0..8_000).map(|_| pick_at(&mut policy, &servers, 0).unwrap()).collect();
        assert!(count(&picked, 8).iter().all(|&count| count > 800));
    }
}
