//! What is remembered by key, shared by all threads: a bounded table whose cost does not grow with its entries.
//!
//! Keys are spread over shards by a hash with a random seed, so that nobody who picks his key can make others slow. A
//! shard is one short lock, an array of entries, chains through it from the hash, and a list of those that may go in
//! order of use. An entry that is held (see [`Value`]) never goes and never grows old; of the others, what is no longer
//! worth keeping is as good as gone, and, when all room is taken, the one of its shard unused for longest makes room.
//! Nothing is ever searched for; sweeping only gives memory back. Owns no clock, and not what an entry means.

mod shard;

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hash};
use std::sync::atomic::Ordering::Relaxed;

use crate::sync::{AtomicBool, AtomicU64, Mutex};
use shard::{FREE, Shard};

const MOST_SHARDS: usize = 64;
/// A shard for so many entries, so that a small table forgets in strict order of use.
const SHARD_ENTRIES: usize = 1024;
/// Worthless entries that make room before a new one takes its place.
const CLEARED_AT_ONCE: usize = 2;
/// Steps under one lock of what goes over many entries.
const STRIDE: usize = 256;

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

/// Now, and for how long after its last use an entry is worth keeping (`u64::MAX`: for ever), both in milliseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    pub now_ms: u64,
    pub keep_ms: u64,
}

/// What came of removing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gone {
    Yes,
    Held,
    Absent,
}

/// Bounded, shared, forgetful. Every method locks one shard for a few steps.
pub(crate) struct Table<K, V> {
    hasher: RandomState,
    capacity: AtomicU64,
    live: AtomicU64,
    /// Whether a full table forgets for those that come.
    forgets: AtomicBool,
    shards: Box<[Guarded<K, V>]>,
}

/// Apart from its neighbours, so that threads on different shards do not slow each other down.
#[repr(align(64))]
struct Guarded<K, V>(Mutex<Shard<K, V>>);

impl Times {
    fn are_over(self, used_ms: u64) -> bool {
        used_ms.saturating_add(self.keep_ms) <= self.now_ms
    }
}

impl<K: Clone + Default + Eq + Hash, V: Value> Table<K, V> {
    /// Room for `capacity` entries; memory is taken as it is needed.
    pub fn new(capacity: usize) -> Self {
        let shards = capacity.div_ceil(SHARD_ENTRIES).next_power_of_two().min(MOST_SHARDS);
        let table = Self {
            hasher: RandomState::new(),
            capacity: AtomicU64::new(0),
            live: AtomicU64::new(0),
            forgets: AtomicBool::new(true),
            shards: (0..shards).map(|_| Guarded(Mutex::new(Shard::new()))).collect(),
        };
        table.set_capacity(capacity);
        table
    }

    /// Room for so many from now on, in as many shards as before. Entries beyond it stay until others come.
    pub fn set_capacity(&self, capacity: usize) {
        self.capacity.store((capacity as u64).clamp(1, u64::from(FREE) - 1), Relaxed);
    }

    /// Whether a full table forgets for those that come, as it does unless told, or has no room for them.
    pub fn set_forgets(&self, forgets: bool) {
        self.forgets.store(forgets, Relaxed);
    }

    /// Room that there is.
    pub fn capacity(&self) -> usize {
        self.capacity.load(Relaxed) as usize
    }

    /// How many entries there are, old ones included that nobody has met yet.
    pub fn len(&self) -> usize {
        self.live.load(Relaxed) as usize
    }

    /// Changes what is remembered of a key, which counts as use, making it if need be. `None` when there is no room,
    /// because every entry is held or the table does not forget.
    pub fn update<R>(
        &self,
        key: &K,
        times: Times,
        make: impl Fn() -> V,
        change: impl FnOnce(&mut V) -> R,
    ) -> Option<(Place, R)> {
        let (index, hash) = self.spot(key);
        for _ in 0..=self.shards.len() {
            let mut shard = self.shards.get(index)?.0.lock();
            let found = shard.find(hash, key);
            if let Some(at) = found {
                shard.renew(at, times, &make);
            }
            let entry = match found {
                Some(at) => Some(at),
                None if self.has_room(&mut shard, times) => Some(shard.insert((key, hash), make(), times)),
                None => None,
            };
            if let Some(entry) = entry {
                let result = shard.change(entry, Some(times.now_ms), change)?;
                return Some((Place { shard: index as u32, entry }, result));
            }
            drop(shard);
            // All that is in this shard is held: another one has to give.
            if !self.forgets.load(Relaxed) || !self.take_elsewhere(index) {
                return None;
            }
        }
        None
    }

    /// The same for an entry that is there; `None` when there is none. Counts as use if it shall.
    pub fn update_known<R>(
        &self,
        key: &K,
        times: Times,
        is_use: bool,
        change: impl FnOnce(&mut V) -> R,
    ) -> Option<(Place, R)> {
        let (index, hash) = self.spot(key);
        let mut shard = self.shards.get(index)?.0.lock();
        let entry = shard.find(hash, key)?;
        if shard.is_over(entry, times) {
            self.drop_entry(&mut shard, entry);
            return None;
        }
        let result = shard.change(entry, is_use.then_some(times.now_ms), change)?;
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

    /// The last change before it is let go: what has grown old meanwhile goes at once.
    pub fn release(&self, place: Place, times: Times, is_use: bool, change: impl FnOnce(&mut V)) {
        let Some(shard) = self.shards.get(place.shard as usize) else { return };
        let mut shard = shard.0.lock();
        shard.change(place.entry, is_use.then_some(times.now_ms), change);
        if shard.is_over(place.entry, times) {
            self.drop_entry(&mut shard, place.entry);
        }
    }

    /// Forgets a key, unless it is held.
    pub fn remove(&self, key: &K, times: Times) -> Gone {
        let (index, hash) = self.spot(key);
        let Some(shard) = self.shards.get(index) else { return Gone::Absent };
        let mut shard = shard.0.lock();
        let Some(at) = shard.find(hash, key) else { return Gone::Absent };
        if shard.is_held(at) {
            return Gone::Held;
        }
        let gone = if shard.is_over(at, times) { Gone::Absent } else { Gone::Yes };
        self.drop_entry(&mut shard, at);
        gone
    }

    /// Forgets what is no longer worth keeping and gives back the memory of shards that are empty then. Every lock is
    /// held for some hundred steps at most.
    pub fn sweep(&self, times: Times) {
        for shard in &self.shards {
            loop {
                let mut shard = shard.0.lock();
                let cleared = self.clear(&mut shard, times, STRIDE);
                if shard.live == 0 && shard.entries.capacity() > 0 {
                    *shard = Shard::new();
                }
                if cleared < STRIDE {
                    break;
                }
            }
        }
    }

    /// Shows every entry that is worth keeping, with the time of its last use, in no order. Entries that come or go
    /// meanwhile may be missed; every lock is held for some hundred steps at most.
    pub fn each(&self, times: Times, mut see: impl FnMut(&K, &V, u64)) {
        for shard in &self.shards {
            let mut from = 0;
            loop {
                let shard = shard.0.lock();
                let Some(entries) = shard.entries.get(from..) else { break };
                for entry in entries.iter().take(STRIDE) {
                    let is_kept = entry.value.is_held() || !times.are_over(entry.used_ms);
                    if entry.newer != FREE && is_kept {
                        see(&entry.key, &entry.value, entry.used_ms);
                    }
                }
                from += STRIDE;
            }
        }
    }

    /// Shows one entry, with the time of its last use. No use of it.
    pub fn look(&self, key: &K, times: Times, see: impl FnOnce(&V, u64)) {
        let (index, hash) = self.spot(key);
        let Some(shard) = self.shards.get(index) else { return };
        let shard = shard.0.lock();
        let found = shard.find(hash, key).filter(|at| !shard.is_over(*at, times));
        if let Some(entry) = found.and_then(|at| shard.entries.get(at as usize)) {
            see(&entry.value, entry.used_ms);
        }
    }

    /// High bits choose the shard, low bits the chain.
    fn spot(&self, key: &K) -> (usize, u32) {
        let hash = self.hasher.hash_one(key);
        ((hash >> 32) as usize & (self.shards.len() - 1), hash as u32)
    }

    /// Takes room for one more; what is old goes first, then, unless it shall stay, the least recently used.
    fn has_room(&self, shard: &mut Shard<K, V>, times: Times) -> bool {
        self.clear(shard, times, CLEARED_AT_ONCE);
        let capacity = self.capacity.load(Relaxed);
        let take = |live: u64| (live < capacity).then_some(live + 1);
        loop {
            if self.live.fetch_update(Relaxed, Relaxed, take).is_ok() {
                return true;
            }
            let oldest = shard.oldest;
            let may_go = self.forgets.load(Relaxed) || shard.is_over(oldest, times);
            if !may_go || !self.drop_entry(shard, oldest) {
                return false;
            }
        }
    }

    fn clear(&self, shard: &mut Shard<K, V>, times: Times, most: usize) -> usize {
        (0..most)
            .take_while(|_| {
                let oldest = shard.oldest;
                shard.is_over(oldest, times) && self.drop_entry(shard, oldest)
            })
            .count()
    }

    fn take_elsewhere(&self, index: usize) -> bool {
        let others = self.shards.iter().cycle().skip(index + 1).take(self.shards.len() - 1);
        for other in others {
            let mut shard = other.0.lock();
            let oldest = shard.oldest;
            if self.drop_entry(&mut shard, oldest) {
                return true;
            }
        }
        false
    }

    fn drop_entry(&self, shard: &mut Shard<K, V>, at: u32) -> bool {
        let gone = shard.remove(at);
        if gone {
            self.live.fetch_sub(1, Relaxed);
        }
        gone
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
        let seen = table.update(&key, Times { now_ms, keep_ms: 1000 }, Count::default, |count| {
            count.seen += 1;
            count.seen
        });
        seen.map(|(_, seen)| seen)
    }

    fn hold(table: &Table<u64, Count>, key: u64, now_ms: u64) -> Option<Place> {
        table
            .update(&key, Times { now_ms, keep_ms: 1000 }, Count::default, |count| count.held += 1)
            .map(|(place, ())| place)
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
        assert_eq!(size_of::<shard::Entry<[u8; 16], crate::sources::Usage>>(), 64);
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
                    let held = table.update(&key, Times { now_ms: now, keep_ms: u64::MAX }, Count::default, |count| count.held += 1);
                    places.insert(key, held.unwrap().0);
                } else {
                    entry.2 += 1;
                    let seen = table.update(&key, Times { now_ms: now, keep_ms: u64::MAX }, Count::default, |count| {
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
