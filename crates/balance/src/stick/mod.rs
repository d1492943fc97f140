//! Stick tables: what is counted and remembered of clients by key, shared by all threads and exact.
//!
//! Owns keys, counters, expiry and room, as HAProxy understands them (its manual, 11.1). Which events count, and
//! when, is up to whoever calls; so is the clock. What changes is one short lock of one shard away.
//!
//! An entry is forgotten when it was not used for the table's `expire`, or when room is wanted and it is the least
//! recently used; never while it is [`Tracked`].

mod data;
mod key;
mod layout;
mod show;
mod tracked;

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use parking_lot::RwLock;

pub use data::{Data, Form};
pub use key::{KeyForm, KeyValue, StickKey};
use layout::{Cells, Layout};
pub use layout::{StickCounter, Stored};
pub use show::{Filter, Operator, Page, Row, Shown};
pub use tracked::Tracked;

use crate::sync::AtomicU64;
use crate::table::{Gone, Table, Times, Value};

/// What a table is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StickSpec {
    /// What its keys are.
    pub key: KeyForm,
    /// Bytes of keys that are texts or binary.
    pub length: usize,
    /// Entries at most.
    pub size: usize,
    /// Milliseconds without use after which an entry is forgotten; 0: never.
    pub expire_ms: u64,
    /// A full table takes no new entries.
    pub keep: bool,
    /// What is stored.
    pub stored: Vec<Stored>,
}

/// What came of forgetting one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cleared {
    /// It is gone.
    Gone,
    /// It is tracked, and stays.
    Used,
    /// There was none.
    Absent,
}

/// What is known of an entry besides its counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outlook {
    /// How many track it.
    pub uses: u32,
    /// Milliseconds until it is forgotten; 0: not by itself.
    pub expires_ms: u64,
    /// Milliseconds since it was used.
    pub idle_ms: u64,
}

/// A stick table.
pub struct StickTable {
    key: KeyForm,
    length: usize,
    /// 0: never.
    expire_ms: AtomicU64,
    layout: Layout,
    /// Texts that entries name by number, from 1.
    names: RwLock<Vec<Arc<str>>>,
    entries: Table<StickKey, Counted>,
}

/// What is remembered of one key.
#[derive(Default)]
struct Counted {
    cells: Cells,
    uses: u32,
}

impl Value for Counted {
    fn is_held(&self) -> bool {
        self.uses > 0
    }
}

impl StickTable {
    /// An empty table.
    pub fn new(spec: &StickSpec) -> Self {
        let table = Self {
            key: spec.key,
            length: spec.length,
            expire_ms: AtomicU64::new(0),
            layout: Layout::new(&spec.stored),
            names: RwLock::default(),
            entries: Table::new(spec.size),
        };
        table.configure(spec);
        table
    }

    /// Takes over what may change while entries stay: size, expiry, and whether a full table forgets.
    pub fn configure(&self, spec: &StickSpec) {
        self.expire_ms.store(spec.expire_ms, Relaxed);
        self.entries.set_capacity(spec.size);
        self.entries.set_forgets(!spec.keep);
    }

    /// Whether entries may stay when this becomes what the table is.
    pub fn fits(&self, spec: &StickSpec) -> bool {
        let layout = Layout::new(&spec.stored);
        let stored = |layout: &Layout| layout.rows.iter().map(|row| row.stored).collect::<Vec<_>>();
        self.key == spec.key && self.length == spec.length && stored(&layout) == stored(&self.layout)
    }

    /// The key that a value becomes; `None` if it can be none.
    pub fn key(&self, value: KeyValue<'_>) -> Option<StickKey> {
        self.key.key(self.length, value)
    }

    /// The key that an operator writes; `None` if it can be none.
    pub fn parse(&self, text: &str) -> Option<StickKey> {
        self.key.parse(self.length, text)
    }

    /// What its keys are.
    pub fn key_form(&self) -> KeyForm {
        self.key
    }

    /// Whether it stores such a counter.
    pub fn stores(&self, counter: StickCounter) -> bool {
        self.layout.find(counter).is_some()
    }

    /// Entries that there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Entries at most.
    pub fn size(&self) -> usize {
        self.entries.capacity()
    }

    /// Whether there is an entry. No use of it.
    pub fn contains(&self, key: &StickKey, now_ms: u64) -> bool {
        self.entries.update_known(key, self.times(now_ms), false, |_| ()).is_some()
    }

    /// The value of a counter; `None` without an entry, or where the table has no such counter. No use of the entry.
    pub fn read(&self, key: &StickKey, counter: StickCounter, now_ms: u64) -> Option<u64> {
        let spot = self.layout.find(counter)?;
        let read = |counted: &mut Counted| counted.cells.read(spot, now_ms);
        self.entries.update_known(key, self.times(now_ms), false, read).map(|(_, value)| value)
    }

    /// Counts, each so many, making the entry if need be. False when there is no room. Counters that the table has none
    /// of are left out.
    pub fn add(&self, key: &StickKey, counts: &[(StickCounter, u64)], now_ms: u64) -> bool {
        let change = |counted: &mut Counted| self.add_all(counted, counts, now_ms);
        self.entries.update(key, self.times(now_ms), || self.empty(), change).is_some()
    }

    /// Replaces values, making the entry if need be. False when there is no room.
    pub fn set(&self, key: &StickKey, values: &[(StickCounter, u64)], now_ms: u64) -> bool {
        let change = |counted: &mut Counted| self.set_all(counted, values, now_ms);
        self.entries.update(key, self.times(now_ms), || self.empty(), change).is_some()
    }

    /// One more of a general purpose counter and its rate, making the entry if need be; yields the new count, 0 where the
    /// table stores only the rate.
    pub fn increment(&self, key: &StickKey, counter: StickCounter, now_ms: u64) -> Option<u64> {
        let change = |counted: &mut Counted| self.increment_one(counted, counter, now_ms);
        self.entries.update(key, self.times(now_ms), || self.empty(), change).map(|(_, count)| count)
    }

    /// Back to zero; yields what it was, `None` without an entry or where the table has no such counter.
    pub fn reset(&self, key: &StickKey, counter: StickCounter, now_ms: u64) -> Option<u64> {
        let change = |counted: &mut Counted| self.reset_one(counted, counter, now_ms);
        self.entries.update_known(key, self.times(now_ms), true, change)?.1
    }

    /// What is known of an entry besides its counters. No use of it.
    pub fn outlook(&self, key: &StickKey, now_ms: u64) -> Option<Outlook> {
        let times = self.times(now_ms);
        let mut found = None;
        self.entries.look(key, times, |counted, used_ms| found = Some(Outlook::new(counted, used_ms, times)));
        found
    }

    /// Remembers which server a key belongs to: its number and a text that names it, where the table stores them.
    pub fn remember(&self, key: &StickKey, (number, name): (u32, &str), now_ms: u64) -> bool {
        let name = if self.stores(Data::ServerKey.into()) { self.number_of(name) } else { 0 };
        let values = [(Data::ServerId.into(), u64::from(number)), (Data::ServerKey.into(), u64::from(name))];
        self.set(key, &values, now_ms)
    }

    /// The server that a key belongs to, as it was remembered, which counts as use; number 0 and no name where the table
    /// stores none.
    pub fn recall(&self, key: &StickKey, now_ms: u64) -> Option<(u32, Option<Arc<str>>)> {
        let [number, name] =
            [Data::ServerId, Data::ServerKey].map(|data| self.layout.find(StickCounter::from(data)));
        let read = |counted: &mut Counted| {
            [number, name].map(|spot| spot.map_or(0, |spot| counted.cells.read(spot, now_ms)))
        };
        let (_, [number, name]) = self.entries.update_known(key, self.times(now_ms), true, read)?;
        Some((number as u32, self.name(name)))
    }

    /// Forgets one key.
    pub fn clear(&self, key: &StickKey, now_ms: u64) -> Cleared {
        match self.entries.remove(key, self.times(now_ms)) {
            Gone::Yes => Cleared::Gone,
            Gone::Held => Cleared::Used,
            Gone::Absent => Cleared::Absent,
        }
    }

    /// Gives back the room of what is forgotten already; for once a second or so.
    pub fn sweep(&self, now_ms: u64) {
        self.entries.sweep(self.times(now_ms));
    }

    /// Holds an entry, making it if need be; `None` when there is no room.
    pub fn track(self: &Arc<Self>, key: &StickKey, now_ms: u64) -> Option<Tracked> {
        let hold = |counted: &mut Counted| counted.uses += 1;
        let (place, ()) = self.entries.update(key, self.times(now_ms), || self.empty(), hold)?;
        Some(Tracked::new(Arc::clone(self), place, key.clone()))
    }

    fn times(&self, now_ms: u64) -> Times {
        let expire_ms = self.expire_ms.load(Relaxed);
        Times { now_ms, keep_ms: if expire_ms == 0 { u64::MAX } else { expire_ms } }
    }

    fn empty(&self) -> Counted {
        Counted { cells: self.layout.empty(), uses: 0 }
    }

    fn add_all(&self, counted: &mut Counted, counts: &[(StickCounter, u64)], now_ms: u64) {
        for (counter, count) in counts {
            if let Some(spot) = self.layout.find(*counter) {
                counted.cells.add(spot, *count, now_ms);
            }
        }
    }

    fn increment_one(&self, entry: &mut Counted, counter: StickCounter, now_ms: u64) -> u64 {
        let rate = counter.data.rate().map(|data| StickCounter { data, ..counter });
        if let Some(rate) = rate.and_then(|rate| self.layout.find(rate)) {
            entry.cells.add(rate, 1, now_ms);
        }
        self.layout.find(counter).map_or(0, |spot| {
            entry.cells.add(spot, 1, now_ms);
            entry.cells.read(spot, now_ms)
        })
    }

    fn reset_one(&self, entry: &mut Counted, counter: StickCounter, now_ms: u64) -> Option<u64> {
        let spot = self.layout.find(counter)?;
        let before = entry.cells.read(spot, now_ms);
        entry.cells.set(spot, 0, now_ms);
        Some(before)
    }

    fn set_all(&self, counted: &mut Counted, values: &[(StickCounter, u64)], now_ms: u64) {
        for (counter, value) in values {
            if let Some(spot) = self.layout.find(*counter) {
                counted.cells.set(spot, *value, now_ms);
            }
        }
    }

    fn name(&self, number: u64) -> Option<Arc<str>> {
        self.names.read().get((number as usize).checked_sub(1)?).cloned()
    }

    fn number_of(&self, name: &str) -> u32 {
        let place = |names: &[Arc<str>]| names.iter().position(|known| **known == *name);
        if let Some(at) = place(&self.names.read()) {
            return at as u32 + 1;
        }
        let mut names = self.names.write();
        let at = place(&names).unwrap_or_else(|| {
            names.push(name.into());
            names.len() - 1
        });
        at as u32 + 1
    }
}

impl Outlook {
    fn new(counted: &Counted, used_ms: u64, times: Times) -> Self {
        let idle_ms = times.now_ms.saturating_sub(used_ms);
        let expires_ms = match times.keep_ms {
            u64::MAX => 0,
            keep_ms => keep_ms.saturating_sub(idle_ms),
        };
        Self { uses: counted.uses, expires_ms, idle_ms }
    }
}

impl std::fmt::Debug for StickTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StickTable").field("len", &self.len()).finish_non_exhaustive()
    }
}
