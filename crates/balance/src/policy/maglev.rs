//! Maglev hashing: a table in which servers claim entries in turn, each in an order of its own, so that shares
//! are even and a change moves few keys.
//!
//! Filling the table is too long for the lock of the group: it is done outside (see [`Recipe`]), at the next
//! tick. Until then keys of a server that went walk on from their entry, and one that came gets none.

use std::sync::Arc;

use super::hashed::{Step, Table};
use crate::hash::xxh64;
use crate::server::Server;

/// A prime; with many more entries than servers shares are even within a percent.
const ENTRIES: usize = 65_537;
const EMPTY: u32 = u32::MAX;

pub(crate) struct Maglev {
    table: Vec<u32>,
    orders: Arc<[Order]>,
    shares: Vec<u32>,
    /// Grows with every change of a share; the table was made for `made_for`.
    version: u64,
    made_for: u64,
}

/// The order in which a server claims entries: `offset`, `offset + skip`, ...
struct Order {
    offset: u32,
    skip: u32,
}

/// All that is needed to fill a table, detached from the group.
pub(crate) struct Recipe {
    pub version: u64,
    orders: Arc<[Order]>,
    shares: Vec<u32>,
}

impl Maglev {
    pub fn new(servers: &[Arc<Server>]) -> Self {
        let order = |server: &Arc<Server>| Order {
            offset: (xxh64(server.name.as_bytes(), 1) % ENTRIES as u64) as u32,
            skip: (xxh64(server.name.as_bytes(), 2) % (ENTRIES as u64 - 1)) as u32 + 1,
        };
        let orders = servers.iter().map(order).collect();
        Self { table: Vec::new(), orders, shares: vec![0; servers.len()], version: 0, made_for: 0 }
    }
}

impl Table for Maglev {
    fn place(&mut self, id: usize, share: u32) {
        if let Some(known) = self.shares.get_mut(id) {
            *known = share;
            self.version += 1;
        }
    }

    fn walk(&self, hash: u64, accept: &mut dyn FnMut(usize) -> Step) {
        let start = (hash % ENTRIES as u64) as usize;
        let (before, after) = self.table.split_at(start.min(self.table.len()));
        let mut last = EMPTY;
        for &id in after.iter().chain(before) {
            if std::mem::replace(&mut last, id) != id && accept(id as usize) == Step::Stop {
                break;
            }
        }
    }

    fn stale(&self) -> Option<Recipe> {
        let (orders, shares) = (Arc::clone(&self.orders), &self.shares);
        (self.version != self.made_for).then(|| Recipe {
            version: self.version,
            orders,
            shares: shares.clone(),
        })
    }

    fn adopt(&mut self, version: u64, table: Vec<u32>) {
        self.table = table;
        self.made_for = version;
    }
}

impl Recipe {
    /// Fill a table: servers claim in turn, one entry for every full `most` of saved-up shares.
    pub fn fill(&self) -> Vec<u32> {
        let most = self.shares.iter().copied().max().unwrap_or_default();
        if most == 0 {
            return Vec::new();
        }
        let mut table = vec![EMPTY; ENTRIES];
        let mut claimants: Vec<Claimant<'_>> = self
            .orders
            .iter()
            .zip(&self.shares)
            .zip(0..)
            .filter(|((_, share), _)| **share > 0)
            .map(|((order, &share), id)| Claimant { id, order, share, saved: 0, at: order.offset as usize })
            .collect();
        let mut left = ENTRIES;
        loop {
            for claimant in &mut claimants {
                claimant.saved += claimant.share;
                if claimant.saved >= most {
                    claimant.saved -= most;
                    claimant.claim(&mut table);
                    left -= 1;
                    if left == 0 {
                        return table;
                    }
                }
            }
        }
    }
}

struct Claimant<'a> {
    id: u32,
    order: &'a Order,
    share: u32,
    saved: u32,
    at: usize,
}

impl Claimant<'_> {
    /// Claim the next free entry of this order. There is one: the caller counts.
    fn claim(&mut self, table: &mut [u32]) {
        loop {
            let at = self.at;
            self.at = (at + self.order.skip as usize) % ENTRIES;
            match table.get_mut(at) {
                Some(entry) if *entry == EMPTY => {
                    *entry = self.id;
                    return;
                }
                Some(_) => {}
                None => return,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Policy;
    use super::super::hashed::{Hashed, Key};
    use super::super::testing::{count, keyed, servers};
    use super::*;

    fn placed(weights: &[u16]) -> Hashed<Maglev> {
        let servers = servers(weights);
        let mut policy = Hashed::new(Maglev::new(&servers), Key::Asked, None, servers.len());
        for (id, &weight) in weights.iter().enumerate() {
            policy.place(id, u32::from(weight) * 16);
        }
        refill(&mut policy);
        policy
    }

    fn refill(policy: &mut Hashed<Maglev>) {
        let recipe = policy.stale().unwrap();
        policy.adopt(recipe.version, recipe.fill());
        assert!(policy.stale().is_none());
    }

    #[test]
    fn shares_are_even_and_by_weight() {
        let counted = count(&keyed(&mut placed(&[1; 10]), 100_000), 10);
        assert!(counted.iter().all(|count| count.abs_diff(10_000) < 500), "{counted:?}");
        let counted = count(&keyed(&mut placed(&[5, 3, 2]), 100_000), 3);
        assert!(counted[0].abs_diff(50_000) < 1_500 && counted[2].abs_diff(20_000) < 1_500, "{counted:?}");
    }

    #[test]
    fn few_keys_move_when_a_server_goes_and_none_finds_it_before_the_refill() {
        let mut policy = placed(&[1; 10]);
        let before = keyed(&mut policy, 10_000);
        policy.place(4, 0);
        assert!(!keyed(&mut policy, 10_000).contains(&4));
        refill(&mut policy);
        let after = keyed(&mut policy, 10_000);
        let moved = before.iter().zip(&after).filter(|pair| pair.0 != pair.1).count();
        assert!(!after.contains(&4) && moved < 2_000, "{moved} moved");
    }
}
