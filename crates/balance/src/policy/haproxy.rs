//! The same server for the same key as HAProxy: its hashes, its map of servers by weight, and its tree of points.
//!
//! What a key consists of is the caller's business. Requests without a key go round the same map or tree. Shares are
//! weights times 16 here and there, so that a tree has as many points.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::haproxy_turns::has_room;
use super::{Policy, Query};
use crate::hash::bob_jenkins;
use crate::server::{SHARE_PER_WEIGHT, Server};
use crate::spec::{HaproxyFunction, HaproxyHash, HaproxyKey};

/// Numbers that a server's points may have: its number times this begins them.
const POINTS_PER_SERVER: u32 = 4096;

/// Looked at before a request gets nobody: every point of a small group, and no lock held long for a large one.
const MOST_STEPS: usize = 4096;

/// The weighted list of all servers: a hash modulo its length is a place in it.
pub(crate) struct Map {
    hash: HaproxyHash,
    weights: Vec<u32>,
    /// All weights, those of unusable servers too, are multiples of it.
    common: u32,
    /// None: to be made anew.
    list: Option<Vec<u32>>,
    next: usize,
}

/// Points on a circle of 32 bits: a key belongs to the nearest one.
pub(crate) struct Tree {
    hash: HaproxyHash,
    /// Percentage of its fair share that a server may hold.
    bound: Option<u32>,
    points: BTreeSet<(u32, u32)>,
    shares: Vec<u32>,
    numbers: Vec<u32>,
    last: Option<(u32, u32)>,
}

impl HaproxyHash {
    /// The number of a key.
    fn number(self, key: &[u8]) -> u32 {
        let hash = match self.key {
            HaproxyKey::Address => fold(key),
            HaproxyKey::Bytes => self.function.hash(key),
        };
        if self.avalanche { bob_jenkins(hash) } else { hash }
    }
}

/// An address is its own hash: its 32-bit words, one over the other.
fn fold(address: &[u8]) -> u32 {
    address.as_chunks().0.iter().fold(0, |hash, word| hash ^ u32::from_be_bytes(*word))
}

impl Map {
    pub fn new(hash: HaproxyHash, servers: &[Arc<Server>]) -> Self {
        let common = servers.iter().fold(0, |common, server| gcd(common, u32::from(server.base_weight())));
        Self { hash, weights: vec![0; servers.len()], common: common.max(1), list: None, next: 0 }
    }

    /// Without keys.
    pub fn turns(servers: &[Arc<Server>]) -> Self {
        let hash = HaproxyHash { function: HaproxyFunction::Sdbm, avalanche: false, key: HaproxyKey::Bytes };
        Self::new(hash, servers)
    }
}

const fn gcd(mut one: u32, mut other: u32) -> u32 {
    while other > 0 {
        (one, other) = (other, one % other);
    }
    one
}

/// Each place goes to whoever is furthest behind its share, in whole rounds; among equals to the first.
fn spread(weights: &[u32]) -> Vec<u32> {
    let total: u32 = weights.iter().sum();
    let mut scores = vec![0_i64; weights.len()];
    let mut list = Vec::with_capacity(total as usize);
    for _ in 0..total {
        let mut best: Option<(i64, usize)> = None;
        for (id, (score, &weight)) in scores.iter_mut().zip(weights).enumerate() {
            if weight == 0 {
                continue;
            }
            *score += i64::from(weight);
            let rounds = (*score + i64::from(total)) / i64::from(total);
            if best.is_none_or(|(most, _)| rounds > most) {
                best = Some((rounds, id));
            }
        }
        let Some((_, id)) = best else { break };
        if let Some(score) = scores.get_mut(id) {
            *score -= i64::from(total);
        }
        list.push(id as u32);
    }
    list
}

impl Policy for Map {
    fn place(&mut self, id: usize, share: u32) {
        let weight = share.div_ceil(SHARE_PER_WEIGHT).div_ceil(self.common);
        if let Some(known) = self.weights.get_mut(id)
            && *known != weight
        {
            *known = weight;
            self.list = None;
        }
    }

    fn pick(&mut self, query: &Query<'_>) -> Option<usize> {
        let list = self.list.get_or_insert_with(|| spread(&self.weights));
        if list.is_empty() {
            return None;
        }
        let from = match query.hash {
            Some(key) => self.hash.number(key) as usize % list.len(),
            None => self.next % list.len(),
        };
        let places = (from..list.len()).chain(0..from).take(MOST_STEPS);
        let mut found = places.filter_map(|place| Some((place, *list.get(place)? as usize)));
        let is_free = |id: usize| query.hash.is_some() || has_room(query.servers, id);
        let (place, id) = found.find(|(_, id)| !(query.barred)(*id) && is_free(*id))?;
        if query.hash.is_none() {
            self.next = place + 1;
        }
        Some(id)
    }
}

impl Tree {
    pub fn new(hash: HaproxyHash, bound: Option<u32>, servers: &[Arc<Server>]) -> Self {
        let numbers = servers.iter().map(|server| server.number()).collect();
        Self { hash, bound, points: BTreeSet::new(), shares: vec![0; servers.len()], numbers, last: None }
    }

    fn point(&self, id: usize, nth: u32) -> (u32, u32) {
        let number = self.numbers.get(id).copied().unwrap_or_default();
        (bob_jenkins(number.wrapping_mul(POINTS_PER_SERVER).wrapping_add(nth)), id as u32)
    }

    /// The nearer of the points around a hash; when both are as near, the one before.
    fn nearest(&self, hash: u32) -> Option<(u32, u32)> {
        let after = self.points.range((hash, 0)..).next().or_else(|| self.points.first())?;
        // Of points at the same place, the first is met from there and the last from behind.
        let before = self.points.range(..*after).next_back().or_else(|| self.points.last())?;
        let (behind, ahead) = (hash.wrapping_sub(before.0), after.0.wrapping_sub(hash));
        Some(if behind <= ahead { *before } else { *after })
    }

    /// Slots of its own are free: whole ones for its share, and what of the rest falls to its place among all.
    fn is_within(&self, id: usize, query: &Query<'_>) -> bool {
        let Some(percent) = self.bound else { return true };
        let total: u64 = self.shares.iter().map(|share| u64::from(*share)).sum();
        let (Some(server), Some(own)) = (query.servers.get(id), self.shares.get(id)) else { return false };
        let below: u64 = self.shares.iter().take(id).map(|share| u64::from(*share)).sum();
        let slots = ((query.held + 1) * u64::from(percent)).div_ceil(100);
        let (whole, rest) = (slots / total.max(1), slots % total.max(1));
        let own = u64::from(*own);
        let part = (below + own) * rest / total.max(1) - below * rest / total.max(1);
        u64::from(server.active()) < (own * whole + part).max(1)
    }

    fn after(&self, point: (u32, u32)) -> impl Iterator<Item = (u32, u32)> {
        use std::ops::Bound::{Excluded, Included, Unbounded};
        let ahead = self.points.range((Excluded(point), Unbounded));
        ahead.chain(self.points.range((Unbounded, Included(point)))).copied().take(MOST_STEPS)
    }
}

impl Policy for Tree {
    fn place(&mut self, id: usize, share: u32) {
        let Some(before) = self.shares.get(id).copied() else { return };
        for nth in share..before {
            let point = self.point(id, nth);
            self.points.remove(&point);
        }
        for nth in before..share {
            let point = self.point(id, nth);
            self.points.insert(point);
        }
        if let Some(known) = self.shares.get_mut(id) {
            *known = share;
        }
    }

    fn pick(&mut self, query: &Query<'_>) -> Option<usize> {
        let is_free = |(_, id): &(u32, u32)| !(query.barred)(*id as usize);
        let Some(key) = query.hash else {
            let mut ahead = self.after(self.last.unwrap_or((u32::MAX, u32::MAX)));
            let point = ahead.find(|point| is_free(point) && has_room(query.servers, point.1 as usize))?;
            drop(ahead);
            self.last = Some(point);
            return Some(point.1 as usize);
        };
        let first = self.nearest(self.hash.number(key))?;
        let fits = |point: &(u32, u32)| is_free(point) && self.is_within(point.1 as usize, query);
        let found = Some(first).filter(fits).or_else(|| self.after(first).find(fits));
        // Bounds that nobody keeps bind nobody.
        let found = found.or_else(|| Some(first).filter(is_free).or_else(|| self.after(first).find(is_free)));
        found.map(|(_, id)| id as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{picks, servers};
    use super::*;

    fn hash(function: HaproxyFunction, avalanche: bool) -> HaproxyHash {
        HaproxyHash { function, avalanche, key: HaproxyKey::Bytes }
    }

    #[test]
    fn hashes_are_those_of_the_known_functions() {
        let of = |function, key: &str| hash(function, false).number(key.as_bytes());
        assert_eq!(of(HaproxyFunction::Crc32, "123456789"), 0xcbf4_3926);
        assert_eq!(of(HaproxyFunction::Djb2, ""), 5381);
        assert_eq!(of(HaproxyFunction::Djb2, "a"), 5381 * 33 + 97);
        assert_eq!(of(HaproxyFunction::Sdbm, "ab"), 97 * 65599 + 98);
        assert_eq!(of(HaproxyFunction::None, "1234x"), 1234);
    }

    #[test]
    fn addresses_are_folded() {
        let source =
            HaproxyHash { function: HaproxyFunction::Sdbm, avalanche: false, key: HaproxyKey::Address };
        assert_eq!(source.number(&[10, 0, 0, 1]), 0x0a00_0001);
        assert_eq!(source.number(&[0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 4, 0, 0, 0, 8]), 15);
    }

    #[test]
    fn the_map_begins_with_the_first_server_and_holds_every_weight() {
        assert_eq!(spread(&[1, 1, 1]), [0, 1, 2]);
        let list = spread(&[5, 3, 2]);
        assert_eq!(list.len(), 10);
        assert_eq!(list.iter().filter(|id| **id == 0).count(), 5);
    }

    #[test]
    fn without_a_key_the_map_is_gone_through() {
        let mut map = Map::new(hash(HaproxyFunction::Sdbm, false), &servers(&[20, 10]));
        map.place(0, 20 * 16);
        map.place(1, 10 * 16);
        assert_eq!(map.list, None);
        let order = picks(&mut map, 6);
        assert_eq!(map.list.as_ref().map(Vec::len), Some(3));
        assert_eq!(order.get(..3), order.get(3..));
    }

    #[test]
    fn a_point_that_goes_leaves_the_others_where_they_are() {
        let all = servers(&[1, 1, 1]);
        let mut tree = Tree::new(hash(HaproxyFunction::Sdbm, true), None, &all);
        for id in 0..3 {
            tree.place(id, 16);
        }
        let full = tree.points.clone();
        tree.place(1, 0);
        assert!(tree.points.iter().all(|point| full.contains(point) && point.1 != 1));
        tree.place(1, 16);
        assert_eq!(tree.points, full);
    }
}
