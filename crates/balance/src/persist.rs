//! Stickiness without a cookie: a bounded map from a client's key to the server it belongs to.
//!
//! Stores numbers, not indexes: use [`Server::id`](crate::Server::id) as the value, which outlives snapshots,
//! and `Group::index_of_id` to come back. Keys are kept as 128 bits of a keyed hash, never as text.
//!
//! Entries live for the same time after their last use, so the order of use is the order of expiry: the one
//! that must go, expired or not, is always the one unused for longest.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

use crate::sync::Mutex;

const SHARDS: usize = 16;
const NONE: u32 = u32::MAX;

/// A bounded map that forgets. All methods are O(1) and lock one of 16 shards.
pub struct StickyMap {
    /// Two independent keyed hashes make up the 128 bits.
    hashers: [RandomState; 2],
    shards: Vec<Mutex<Shard>>,
    expire_ms: u64,
}

#[derive(Default)]
struct Shard {
    spots: HashMap<u128, u32>,
    entries: Vec<Entry>,
    capacity: usize,
    /// Ends of the list in order of use.
    newest: u32,
    oldest: u32,
    /// Head of the list of free entries, linked by `older`.
    free: u32,
}

struct Entry {
    key: u128,
    server: usize,
    expires: u64,
    newer: u32,
    older: u32,
}

impl StickyMap {
    /// Room for `capacity` clients (rounded up to a multiple of 16), each kept for `expire_ms` after its last use.
    pub fn new(capacity: usize, expire_ms: u64) -> Self {
        let capacity = capacity.div_ceil(SHARDS).clamp(1, NONE as usize - 1);
        let shard =
            |_| Mutex::new(Shard { capacity, newest: NONE, oldest: NONE, free: NONE, ..Shard::default() });
        let hashers = [RandomState::new(), RandomState::new()];
        Self { hashers, shards: (0..SHARDS).map(shard).collect(), expire_ms }
    }

    /// The server of this client, if known. Counts as use.
    pub fn get(&self, key: &[u8], now_ms: u64) -> Option<usize> {
        let hash = self.hash(key);
        let mut shard = self.shard(hash)?.lock();
        let spot = *shard.spots.get(&hash)?;
        let entry = shard.entries.get_mut(spot as usize)?;
        if entry.expires <= now_ms {
            shard.remove(spot);
            return None;
        }
        entry.expires = now_ms.saturating_add(self.expire_ms);
        let server = entry.server;
        shard.unlink(spot);
        shard.link(spot);
        Some(server)
    }

    /// This client belongs to `server` from now on.
    pub fn put(&self, key: &[u8], server: usize, now_ms: u64) {
        let hash = self.hash(key);
        let Some(shard) = self.shard(hash) else { return };
        let expires = now_ms.saturating_add(self.expire_ms);
        shard.lock().put(Entry { key: hash, server, expires, newer: NONE, older: NONE }, now_ms);
    }

    /// Entries held, expired ones that nobody met yet included.
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().spots.len()).sum()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forget all clients of `server`. Looks at every entry: for rare use.
    pub fn forget(&self, server: usize) {
        for shard in &self.shards {
            let mut shard = shard.lock();
            let spots: Vec<u32> = shard.spots.values().copied().collect();
            for spot in spots {
                if shard.entries.get(spot as usize).is_some_and(|entry| entry.server == server) {
                    shard.remove(spot);
                }
            }
        }
    }

    fn hash(&self, key: &[u8]) -> u128 {
        let [one, two] = self.hashers.each_ref().map(|hasher| u128::from(hasher.hash_one(key)));
        (one << 64) | two
    }

    fn shard(&self, hash: u128) -> Option<&Mutex<Shard>> {
        self.shards.get((hash >> 124) as usize)
    }
}

impl std::fmt::Debug for StickyMap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StickyMap").field("len", &self.len()).finish_non_exhaustive()
    }
}

impl Shard {
    fn put(&mut self, entry: Entry, now_ms: u64) {
        if let Some(&spot) = self.spots.get(&entry.key) {
            self.unlink(spot);
            self.fill(spot, entry);
            return;
        }
        // Two expired ones go for each that comes, so that expired ones do not pile up.
        for _ in 0..2 {
            let oldest = self.entries.get(self.oldest as usize);
            if oldest.is_some_and(|oldest| oldest.expires <= now_ms || self.spots.len() >= self.capacity) {
                self.remove(self.oldest);
            }
        }
        let spot = self.free;
        if let Some(free) = self.entries.get(spot as usize) {
            self.free = free.older;
            self.fill(spot, entry);
        } else {
            let spot = self.entries.len() as u32;
            self.spots.insert(entry.key, spot);
            self.entries.push(entry);
            self.link(spot);
        }
    }

    fn fill(&mut self, spot: u32, entry: Entry) {
        self.spots.insert(entry.key, spot);
        if let Some(place) = self.entries.get_mut(spot as usize) {
            *place = entry;
        }
        self.link(spot);
    }

    fn remove(&mut self, spot: u32) {
        self.unlink(spot);
        if let Some(entry) = self.entries.get_mut(spot as usize) {
            self.spots.remove(&entry.key);
            entry.older = self.free;
            self.free = spot;
        }
    }

    fn unlink(&mut self, spot: u32) {
        let Some(entry) = self.entries.get(spot as usize) else { return };
        let (newer, older) = (entry.newer, entry.older);
        match self.entries.get_mut(newer as usize) {
            Some(entry) => entry.older = older,
            None => self.newest = older,
        }
        match self.entries.get_mut(older as usize) {
            Some(entry) => entry.newer = newer,
            None => self.oldest = newer,
        }
    }

    /// Put an unlinked entry in front.
    fn link(&mut self, spot: u32) {
        let second = std::mem::replace(&mut self.newest, spot);
        match self.entries.get_mut(second as usize) {
            Some(entry) => entry.newer = spot,
            None => self.oldest = spot,
        }
        if let Some(entry) = self.entries.get_mut(spot as usize) {
            entry.newer = NONE;
            entry.older = second;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn clients_stay_until_unused_for_the_given_time() {
        let map = StickyMap::new(100, 1_000);
        map.put(b"ann", 1, 0);
        map.put(b"bob", 2, 0);
        assert_eq!(map.get(b"ann", 900), Some(1));
        assert_eq!(map.get(b"bob", 1_000), None);
        assert_eq!(map.get(b"ann", 1_800), Some(1));
        map.put(b"ann", 3, 1_800);
        assert_eq!(map.get(b"ann", 1_900), Some(3));
        map.forget(3);
        assert_eq!(map.get(b"ann", 1_900), None);
        assert!(map.is_empty());
    }

    #[test]
    fn when_full_the_one_unused_for_longest_goes() {
        let map = StickyMap::new(16_000, 1_000_000);
        let key = |client: u64| client.to_le_bytes();
        for client in 0..40_000 {
            map.put(&key(client), client as usize, client);
            assert_eq!(map.get(&key(0), client), Some(0));
        }
        assert!(map.len() <= 16_000);
        assert!((39_000..40_000).all(|client| map.get(&key(client), 40_000) == Some(client as usize)));
        assert!((1..10_000).all(|client| map.get(&key(client), 40_000).is_none()));
    }

    #[test]
    fn an_entry_is_small() {
        // The entry, and its key and spot in the table, which is at least 7/16 full.
        let entry = size_of::<Entry>() + (size_of::<(u128, u32)>() + 1) * 16 / 7;
        assert!(entry <= 200, "{entry} bytes");
    }

    proptest! {
        #[test]
        fn it_agrees_with_a_plain_map(steps in prop::collection::vec((0_u8..30, prop::option::of(0_usize..9), 0_u64..40), 1..300)) {
            let map = StickyMap::new(16 * 30, 100);
            let mut model = HashMap::new();
            let mut now = 0;
            for (key, server, passed) in steps {
                now += passed;
                if let Some(server) = server {
                    map.put(&[key], server, now);
                    model.insert(key, (server, now));
                } else {
                    let known = model.get_mut(&key).filter(|known| known.1 + 100 > now);
                    let expected = known.map(|known| {
                        known.1 = now;
                        known.0
                    });
                    prop_assert_eq!(map.get(&[key], now), expected);
                }
            }
        }
    }
}
