//! What all policies that hash a key share: the walk past servers that will not do, bounded load, and round
//! robin for requests without a key.

use super::round_robin::RoundRobin;
use super::{Policy, Query, Recipe};
use crate::hash::{fnv1a_32, xxh64};

/// Candidates looked at before the least loaded of them is taken. With load bounded at 125 % of the fair share
/// about five are needed on average; this is for bounds near 100 %.
const MAX_WALK: u32 = 256;

/// How a hash maps to servers.
pub(crate) trait Table: Send {
    fn place(&mut self, id: usize, share: u32);

    /// Show candidates for `hash`, the best first, until `accept` takes one or they run out.
    fn walk(&self, hash: u64, accept: &mut dyn FnMut(usize) -> Step);

    fn stale(&self) -> Option<Recipe> {
        None
    }

    fn adopt(&mut self, version: u64, table: Vec<u32>) {
        let _ = (version, table);
    }
}

/// Whether a walk goes on.
#[derive(PartialEq, Eq)]
pub(crate) enum Step {
    Next,
    Stop,
}

/// What is hashed.
#[derive(Clone, Copy)]
pub(crate) enum Key {
    /// The key of the request, by XXH64.
    Asked,
    /// The client's address as text, by FNV-1a.
    Source,
}

pub(crate) struct Hashed<T> {
    table: T,
    key: Key,
    /// Percentage of its fair share that a server may hold.
    bound: Option<u32>,
    shares: Vec<u32>,
    total: u64,
    keyless: RoundRobin,
}

impl<T: Table> Hashed<T> {
    pub fn new(table: T, key: Key, bound: Option<u32>, size: usize) -> Self {
        let bound = bound.map(|percent| percent.max(100));
        Self { table, key, bound, shares: vec![0; size], total: 0, keyless: RoundRobin::new(size) }
    }

    /// How far `id` is below (negative) or above its bound, as a comparable number.
    fn excess(&self, id: usize, share: u32, query: &Query<'_>) -> i64 {
        let Some(percent) = self.bound else { return -1 };
        let load = query.servers.get(id).map_or(0, |server| server.load());
        let fair = u128::from(query.held + 1) * u128::from(share) * u128::from(percent);
        let limit = fair.div_ceil(u128::from(self.total.max(1)) * 100) as i64;
        i64::from(load) - limit
    }
}

impl<T: Table> Policy for Hashed<T> {
    fn place(&mut self, id: usize, share: u32) {
        let Some(known) = self.shares.get_mut(id) else { return };
        self.total = self.total + u64::from(share) - u64::from(*known);
        *known = share;
        self.table.place(id, share);
        self.keyless.place(id, share);
    }

    fn pick(&mut self, query: &Query<'_>) -> Option<usize> {
        let hash = match self.key {
            Key::Asked => query.hash.map(|key| xxh64(key, 0)),
            Key::Source => Some(hash_of_address(query)),
        };
        let Some(hash) = hash else { return self.keyless.pick(query) };
        let (mut best, mut looked) = (None, 0);
        self.table.walk(hash, &mut |id| {
            looked += 1;
            let share = self.shares.get(id).copied().unwrap_or_default();
            if share > 0 && !(query.barred)(id) {
                let excess = self.excess(id, share, query);
                if best.is_none_or(|(least, _)| excess < least) {
                    best = Some((excess, id));
                }
                if excess < 0 {
                    return Step::Stop;
                }
            }
            if looked < MAX_WALK { Step::Next } else { Step::Stop }
        });
        match best {
            Some((_, id)) => Some(id),
            None => self.keyless.pick(query),
        }
    }

    fn stale(&self) -> Option<Recipe> {
        self.table.stale()
    }

    fn adopt(&mut self, version: u64, table: Vec<u32>) {
        self.table.adopt(version, table);
    }
}

fn hash_of_address(query: &Query<'_>) -> u64 {
    use std::io::Write;
    let mut text = [0_u8; 48];
    let mut rest = text.as_mut_slice();
    // The longest address has 45 characters, so this cannot fail.
    let _ = write!(rest, "{}", query.source.to_canonical());
    let unused = rest.len();
    let written = text.len() - unused;
    u64::from(fnv1a_32(text.get(..written).unwrap_or_default()))
}
