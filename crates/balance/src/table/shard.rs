//! One shard of a table: entries in an array, chains through it from the hash, and the list of those that may go.
//!
//! Owns the structure; what of it is shared, how much there may be and what goes when is up to the table.

use super::{Times, Value};

const NONE: u32 = u32::MAX;
/// In place of a newer neighbour, for entries that are in no list, because they are held.
const APART: u32 = u32::MAX - 1;
/// The same for places of entries that are gone.
pub(super) const FREE: u32 = u32::MAX - 2;

pub(super) struct Shard<K, V> {
    pub(super) entries: Vec<Entry<K, V>>,
    /// First entry of the chain for the low bits of a hash; a power of two of them.
    pub(super) heads: Vec<u32>,
    pub(super) live: usize,
    pub(super) newest: u32,
    pub(super) oldest: u32,
    /// Head of the list of free entries, linked by `next`.
    pub(super) free: u32,
}

pub(super) struct Entry<K, V> {
    pub(super) key: K,
    pub(super) hash: u32,
    pub(super) next: u32,
    pub(super) newer: u32,
    pub(super) older: u32,
    pub(super) used_ms: u64,
    pub(super) value: V,
}

impl<K: Clone + Default + Eq, V: Value> Shard<K, V> {
    pub(super) fn new() -> Self {
        Self { entries: Vec::new(), heads: vec![NONE], live: 0, newest: NONE, oldest: NONE, free: NONE }
    }

    pub(super) fn find(&self, hash: u32, key: &K) -> Option<u32> {
        let mut at = self.heads.get(self.chain(hash)).copied().unwrap_or(NONE);
        while let Some(entry) = self.entries.get(at as usize) {
            if entry.hash == hash && entry.key == *key {
                return Some(at);
            }
            at = entry.next;
        }
        None
    }

    pub(super) fn is_held(&self, at: u32) -> bool {
        self.entries.get(at as usize).is_some_and(|entry| entry.value.is_held())
    }

    pub(super) fn is_over(&self, at: u32, times: Times) -> bool {
        !self.is_held(at) && self.entries.get(at as usize).is_some_and(|entry| times.are_over(entry.used_ms))
    }

    /// What has grown old begins anew.
    pub(super) fn renew(&mut self, at: u32, times: Times, make: &impl Fn() -> V) {
        if self.is_over(at, times)
            && let Some(entry) = self.entries.get_mut(at as usize)
        {
            entry.value = make();
        }
    }

    /// Changes an entry and moves it to where it belongs then.
    pub(super) fn change<R>(
        &mut self,
        at: u32,
        now_ms: Option<u64>,
        change: impl FnOnce(&mut V) -> R,
    ) -> Option<R> {
        let entry = self.entries.get_mut(at as usize)?;
        let was_held = entry.value.is_held();
        let result = change(&mut entry.value);
        let held = entry.value.is_held();
        entry.used_ms = now_ms.unwrap_or(entry.used_ms);
        if held != was_held || (!held && now_ms.is_some() && self.newest != at) {
            self.unlink(at);
            if !held {
                self.link(at);
            }
        }
        Some(result)
    }

    pub(super) fn insert(&mut self, (key, hash): (&K, u32), value: V, times: Times) -> u32 {
        // Twice as many chains as entries: most chains are one entry, and every entry looked at may be a cache miss.
        if self.live * 2 >= self.heads.len() {
            self.grow();
        }
        let chain = self.chain(hash);
        let next = self.heads.get(chain).copied().unwrap_or(NONE);
        let entry =
            Entry { key: key.clone(), hash, next, newer: APART, older: APART, used_ms: times.now_ms, value };
        let at = if let Some(place) = self.entries.get_mut(self.free as usize) {
            let at = self.free;
            self.free = place.next;
            *place = entry;
            at
        } else {
            self.entries.push(entry);
            (self.entries.len() - 1) as u32
        };
        if let Some(head) = self.heads.get_mut(chain) {
            *head = at;
        }
        self.live += 1;
        at
    }

    /// False when there is no such entry.
    pub(super) fn remove(&mut self, at: u32) -> bool {
        self.unlink(at);
        let Some((hash, next)) = self.entries.get(at as usize).map(|entry| (entry.hash, entry.next)) else {
            return false;
        };
        let chain = self.chain(hash);
        let mut before = self.heads.get(chain).copied().unwrap_or(NONE);
        if before == at {
            if let Some(head) = self.heads.get_mut(chain) {
                *head = next;
            }
        } else {
            while let Some(entry) = self.entries.get_mut(before as usize) {
                if entry.next == at {
                    entry.next = next;
                    break;
                }
                before = entry.next;
            }
        }
        if let Some(entry) = self.entries.get_mut(at as usize) {
            (entry.key, entry.value) = (K::default(), V::default());
            entry.newer = FREE;
            entry.next = self.free;
            self.free = at;
            self.live -= 1;
        }
        true
    }

    /// Twice as many chains, from which free entries stay out: their `next` is that of another list.
    fn grow(&mut self) {
        let count = self.heads.len() * 2;
        self.heads.clear();
        self.heads.resize(count, NONE);
        for (index, entry) in self.entries.iter_mut().enumerate() {
            let head = self.heads.get_mut(entry.hash as usize & (count - 1));
            if let Some(head) = head.filter(|_| entry.newer != FREE) {
                entry.next = *head;
                *head = index as u32;
            }
        }
    }

    fn chain(&self, hash: u32) -> usize {
        hash as usize & (self.heads.len() - 1)
    }

    fn link(&mut self, at: u32) {
        let newest = std::mem::replace(&mut self.newest, at);
        if let Some(entry) = self.entries.get_mut(at as usize) {
            (entry.newer, entry.older) = (NONE, newest);
        }
        match self.entries.get_mut(newest as usize) {
            Some(entry) => entry.newer = at,
            None => self.oldest = at,
        }
    }

    fn unlink(&mut self, at: u32) {
        let Some(entry) = self.entries.get_mut(at as usize) else { return };
        let (newer, older) = (entry.newer, entry.older);
        if newer == APART || newer == FREE {
            return;
        }
        (entry.newer, entry.older) = (APART, APART);
        match self.entries.get_mut(newer as usize) {
            Some(entry) => entry.older = older,
            None => self.newest = older,
        }
        match self.entries.get_mut(older as usize) {
            Some(entry) => entry.newer = newer,
            None => self.oldest = newer,
        }
    }
}
