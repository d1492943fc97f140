//! What is remembered by key, shared by all threads: a bounded table whose cost does not grow with its entries.
//!
//! Keys are spread over shards by a hash with a random seed, so that nobody who picks his key can make others slow. A
//! shard is one short lock, an array of entries, chains through it from the hash, and a list of those that may go in
//! order of use. An entry that is held (see [`Value`]) never goes; of the others, what is no longer worth keeping goes
//! when room is wanted, and, when all room is taken, the one unused for longest. Nothing is ever searched for or swept.
//! Owns no clock, and not what an entry means.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hash};

use crate::sync::Mutex;

const NONE: u32 = u32::MAX;
/// In place of a neighbour, for entries that are in no list: held or free ones.
const APART: u32 = u32::MAX - 1;
const MOST_SHARDS: usize = 64;
/// A shard for so many entries, so that a small table forgets in strict order of use.
const SHARD_ENTRIES: usize = 1024;
/// Worthless entries that make room before a new one takes its place.
const CLEARED_AT_ONCE: usize = 2;

/// What a table remembers of a key.
pub(crate) trait Value: Default {
    /// Whether somebody counts on the entry, who will come back to its [`Place`].
    fn is_held(&self) -> bool;
}

/// Where an entry is, for as long as it is held.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    shard: u32,
    entry: u32,
}

/// Bounded, shared, forgetful. Every method locks one shard for a few steps.
pub(crate) struct Table<K, V> {
    hasher: RandomState,
    shards: Box<[Guarded<K, V>]>,
}

/// Apart from its neighbours, so that threads on different shards do not slow each other down.
#[repr(align(64))]
struct Guarded<K, V>(Mutex<Shard<K, V>>);

struct Shard<K, V> {
    entries: Vec<Entry<K, V>>,
    /// First entry of the chain for the low bits of a hash; a power of two of them.
    heads: Vec<u32>,
    capacity: usize,
    live: usize,
    newest: u32,
    oldest: u32,
    /// Head of the list of free entries, linked by `next`.
    free: u32,
}

struct Entry<K, V> {
    key: K,
    hash: u32,
    next: u32,
    newer: u32,
    older: u32,
    used_ms: u64,
    value: V,
}

/// A key with its hash, when it was used, and for how long an entry is worth keeping after that.
struct Use<K> {
    key: K,
    hash: u32,
    now_ms: u64,
    keep_ms: u64,
}

impl<K: Copy + Eq + Hash, V: Value> Table<K, V> {
    /// Room for about `capacity` entries (exactly so many up to 1024); memory is taken as it is needed.
    pub fn new(capacity: usize) -> Self {
        let shards = capacity.div_ceil(SHARD_ENTRIES).next_power_of_two().min(MOST_SHARDS);
        let table = Self {
            hasher: RandomState::new(),
            shards: (0..shards).map(|_| Guarded(Mutex::new(Shard::new()))).collect(),
        };
        table.set_capacity(capacity);
        table
    }

    /// Room for so many from now on, in as many shards as before. Entries beyond it stay until others come.
    pub fn set_capacity(&self, capacity: usize) {
        let each = capacity.div_ceil(self.shards.len()).clamp(1, APART as usize);
        for shard in &self.shards {
            shard.0.lock().capacity = each;
        }
    }

    /// Changes what is remembered of a key, which counts as use. An entry that is new is worth keeping for `keep_ms`
    /// after its last use. `None` when there is no room, because every entry is held.
    pub fn update<R>(
        &self,
        key: K,
        (now_ms, keep_ms): (u64, u64),
        change: impl FnOnce(&mut V) -> R,
    ) -> Option<(Place, R)> {
        let hash = self.hasher.hash_one(key);
        // High bits choose the shard, low bits the chain.
        let index = (hash >> 32) as usize & (self.shards.len() - 1);
        let mut shard = self.shards.get(index)?.0.lock();
        let entry = shard.find_or_make(&Use { key, hash: hash as u32, now_ms, keep_ms })?;
        let result = shard.change(entry, Some(now_ms), change)?;
        Some((Place { shard: index as u32, entry }, result))
    }

    /// The same for an entry that is held: no hash, no search. Without a time it is no use of it.
    pub fn update_held<R>(
        &self,
        place: Place,
        now_ms: Option<u64>,
        change: impl FnOnce(&mut V) -> R,
    ) -> Option<R> {
        self.shards.get(place.shard as usize)?.0.lock().change(place.entry, now_ms, change)
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.0.lock().live).sum()
    }
}

impl<K: Copy + Eq, V: Value> Shard<K, V> {
    fn new() -> Self {
        Self {
            entries: Vec::new(),
            heads: vec![NONE],
            capacity: 1,
            live: 0,
            newest: NONE,
            oldest: NONE,
            free: NONE,
        }
    }

    fn find_or_make(&mut self, wanted: &Use<K>) -> Option<u32> {
        let mut at = self.heads.get(self.chain(wanted.hash)).copied().unwrap_or(NONE);
        while let Some(entry) = self.entries.get(at as usize) {
            if entry.hash == wanted.hash && entry.key == wanted.key {
                return Some(at);
            }
            at = entry.next;
        }
        self.make_room(wanted)?;
        Some(self.insert(wanted))
    }

    /// Changes an entry and moves it to where it belongs then.
    fn change<R>(&mut self, at: u32, now_ms: Option<u64>, change: impl FnOnce(&mut V) -> R) -> Option<R> {
        let entry = self.entries.get_mut(at as usize)?;
        let result = change(&mut entry.value);
        entry.used_ms = now_ms.unwrap_or(entry.used_ms);
        let held = entry.value.is_held();
        if held || self.newest != at {
            self.unlink(at);
            if !held {
                self.link(at);
            }
        }
        Some(result)
    }

    /// What is worthless goes, and when all room is taken whatever is not held, the least recently used first.
    fn make_room(&mut self, wanted: &Use<K>) -> Option<()> {
        for _ in 0..CLEARED_AT_ONCE {
            match self.entries.get(self.oldest as usize) {
                Some(entry) if entry.used_ms.saturating_add(wanted.keep_ms) <= wanted.now_ms => {
                    self.remove(self.oldest);
                }
                _ => break,
            }
        }
        while self.live >= self.capacity {
            self.entries.get(self.oldest as usize)?;
            self.remove(self.oldest);
        }
        Some(())
    }

    fn insert(&mut self, wanted: &Use<K>) -> u32 {
        let Use { key, hash, now_ms, .. } = *wanted;
        if self.live >= self.heads.len() {
            self.grow();
        }
        let chain = self.chain(hash);
        let next = self.heads.get(chain).copied().unwrap_or(NONE);
        let entry =
            Entry { key, hash, next, newer: APART, older: APART, used_ms: now_ms, value: V::default() };
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

    fn remove(&mut self, at: u32) {
        self.unlink(at);
        let Some((hash, next)) = self.entries.get(at as usize).map(|entry| (entry.hash, entry.next)) else {
            return;
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
            entry.next = self.free;
            self.free = at;
            self.live -= 1;
        }
    }

    /// Twice as many chains, from which free entries stay out: their `next` is that of another list.
    fn grow(&mut self) {
        let mut free = vec![false; self.entries.len()];
        let mut at = self.free;
        while let (Some(entry), Some(mark)) = (self.entries.get(at as usize), free.get_mut(at as usize)) {
            *mark = true;
            at = entry.next;
        }
        let count = self.heads.len() * 2;
        self.heads.clear();
        self.heads.resize(count, NONE);
        for (index, (entry, free)) in self.entries.iter_mut().zip(free).enumerate() {
            if let Some(head) = self.heads.get_mut(entry.hash as usize & (count - 1)).filter(|_| !free) {
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
        if newer == APART {
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Default)]
    struct Count {
        held: u32,
        seen: u32,
    }

    impl Value for Count {
        fn is_held(&self) -> bool {
            self.held > 0
        }
    }

    fn see(table: &Table<u64, Count>, key: u64, now_ms: u64) -> Option<u32> {
        let seen = table.update(key, (now_ms, 1000), |count| {
            count.seen += 1;
            count.seen
        });
        seen.map(|(_, seen)| seen)
    }

    fn hold(table: &Table<u64, Count>, key: u64, now_ms: u64) -> Option<Place> {
        table.update(key, (now_ms, 1000), |count| count.held += 1).map(|(place, ())| place)
    }

    #[test]
    fn a_full_table_forgets_the_least_recently_used_that_nobody_holds() {
        let table = Table::<u64, Count>::new(3);
        let place = hold(&table, 1, 10).unwrap();
        assert_eq!([see(&table, 2, 20), see(&table, 3, 30), see(&table, 2, 40)], [Some(1), Some(1), Some(2)]);
        assert_eq!(see(&table, 4, 50), Some(1), "3 went");
        assert_eq!([see(&table, 2, 60), see(&table, 3, 70)], [Some(3), Some(1)], "4 went");
        assert_eq!(table.update_held(place, None, |count| std::mem::take(&mut count.held)), Some(1));
        assert_eq!(table.len(), 3);
    }

    #[test]
    fn when_all_are_held_a_new_one_finds_no_room_and_those_who_let_go_make_some() {
        let table = Table::<u64, Count>::new(2);
        let places = [hold(&table, 1, 0).unwrap(), hold(&table, 2, 0).unwrap()];
        assert_eq!(see(&table, 3, 0), None);
        assert_eq!(see(&table, 1, 0), Some(1));
        table.update_held(places[1], None, |count| count.held -= 1);
        assert_eq!(see(&table, 3, 0), Some(1));
        assert_eq!(table.len(), 2);
    }

    #[test]
    fn what_is_worthless_makes_room_before_more_memory_is_taken() {
        let table = Table::<u64, Count>::new(1000);
        for key in 0..100 {
            see(&table, key, 5_000);
        }
        for key in 100..200 {
            see(&table, key, 6_000);
        }
        assert_eq!(table.len(), 100);
        assert!(table.shards[0].0.lock().entries.len() <= 101);
    }

    #[test]
    fn a_smaller_table_lets_the_oldest_go_as_others_come() {
        let table = Table::<u64, Count>::new(100);
        for key in 0..100 {
            see(&table, key, key);
        }
        table.set_capacity(10);
        see(&table, 1000, 200);
        assert_eq!(table.len(), 10);
        assert_eq!(see(&table, 99, 200), Some(2));
    }

    #[test]
    fn a_search_is_as_short_among_many_as_among_few() {
        let table = Table::<u64, Count>::new(100_000);
        for key in 0..200_000 {
            see(&table, key, 0);
        }
        let shard = table.shards[0].0.lock();
        assert!(shard.live > 1_000 && shard.heads.len() >= shard.live);
        let longest = shard.heads.iter().map(|head| {
            std::iter::successors(shard.entries.get(*head as usize), |entry| {
                shard.entries.get(entry.next as usize)
            })
        });
        let longest = longest.map(Iterator::count).max().unwrap();
        assert!(longest <= 12, "{longest} entries share a chain");
    }

    #[test]
    fn a_source_of_requests_takes_one_cache_line() {
        assert_eq!(size_of::<Entry<[u8; 16], crate::sources::Usage>>(), 64);
    }

    proptest! {
        /// Against a list in order of use.
        #[test]
        fn it_remembers_like_a_list(
            capacity in 1_usize..12,
            steps in proptest::collection::vec((0_u64..20, 0_u8..4, 0_u64..300), 1..400),
        ) {
            let table = Table::<u64, Count>::new(capacity);
            let mut model: Vec<(u64, u32, u32)> = Vec::new();
            let mut places = std::collections::HashMap::new();
            let mut now = 0;
            for (key, verb, step) in steps {
                now += step.saturating_sub(250);
                let at = model.iter().position(|entry| entry.0 == key);
                if verb == 0 {
                    if let Some(at) = at.filter(|at| model[*at].1 > 0) {
                        table.update_held(places[&key], Some(now), |count| count.held -= 1);
                        let mut entry = model.remove(at);
                        entry.1 -= 1;
                        model.push(entry);
                    }
                    continue;
                }
                let room = model.len() < capacity;
                let oldest = model.iter().position(|entry| entry.1 == 0);
                let mut entry = match (at, oldest) {
                    (Some(at), _) => model.remove(at),
                    (None, _) if room => (key, 0, 0),
                    (None, Some(oldest)) => {
                        model.remove(oldest);
                        (key, 0, 0)
                    }
                    (None, None) => {
                        prop_assert!(see(&table, key, now).is_none());
                        continue;
                    }
                };
                if verb == 1 {
                    entry.1 += 1;
                    places.insert(key, table.update(key, (now, u64::MAX), |count| count.held += 1).unwrap().0);
                } else {
                    entry.2 += 1;
                    let seen = table.update(key, (now, u64::MAX), |count| {
                        count.seen += 1;
                        count.seen
                    });
                    prop_assert_eq!(seen.unwrap().1, entry.2);
                }
                model.push(entry);
                prop_assert_eq!(table.len(), model.len());
            }
        }
    }
}
