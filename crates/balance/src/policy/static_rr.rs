//! Weighted round robin by the configured weights: the same order every period, whatever is set at run time.
//!
//! The group places servers with their configured share here. The order is the one that a table computed in
//! advance would hold; the heap gives it without rebuilding a table when a server goes or comes back.

use super::round_robin::RoundRobin;
use super::{Policy, Query};

pub(crate) struct StaticRr(RoundRobin);

impl StaticRr {
    pub fn new(size: usize) -> Self {
        Self(RoundRobin::new(size))
    }
}

impl Policy for StaticRr {
    fn place(&mut self, id: usize, share: u32) {
        self.0.place(id, share);
    }

    fn pick(&mut self, query: &Query<'_>) -> Option<usize> {
        self.0.pick(query)
    }
}
