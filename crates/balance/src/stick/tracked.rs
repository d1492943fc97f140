//! An entry that somebody holds: it is not forgotten, and changing it needs no search.

use std::sync::Arc;

use super::{Data, Outlook, StickCounter, StickKey, StickTable};
use crate::table::Place;

/// A use of an entry, from `track` until this is released or dropped.
pub struct Tracked {
    table: Arc<StickTable>,
    place: Place,
    key: StickKey,
    /// It is counted among the present connections of the entry.
    is_current: bool,
    is_held: bool,
}

impl Tracked {
    pub(super) fn new(table: Arc<StickTable>, place: Place, key: StickKey) -> Self {
        Self { table, place, key, is_current: false, is_held: true }
    }

    /// Its table.
    pub fn table(&self) -> &Arc<StickTable> {
        &self.table
    }

    /// Its key.
    pub fn key(&self) -> &StickKey {
        &self.key
    }

    /// Counts, each so many; what the table has none of is left out. A use of the entry.
    pub fn add(&self, counts: &[(StickCounter, u64)], now_ms: u64) {
        if counts.iter().any(|(counter, _)| self.table.stores(*counter)) {
            let add = |counted: &mut _| self.table.add_all(counted, counts, now_ms);
            self.table.entries.update_held(self.place, Some(now_ms), add);
        }
    }

    /// Counts a connection, also among those that there are until this is released.
    pub fn connect(&mut self, now_ms: u64) {
        let counts = [Data::ConnCnt, Data::ConnRate, Data::ConnCur].map(|data| (data.into(), 1));
        self.is_current = self.table.stores(Data::ConnCur.into());
        self.add(&counts, now_ms);
    }

    /// One more of a general purpose counter and its rate; yields the new count.
    pub fn increment(&self, counter: StickCounter, now_ms: u64) -> u64 {
        let change = |counted: &mut super::Counted| self.table.increment_one(counted, counter, now_ms);
        self.table.entries.update_held(self.place, Some(now_ms), change).unwrap_or(0)
    }

    /// Back to zero; yields what it was, `None` where the table has no such counter.
    pub fn reset(&self, counter: StickCounter, now_ms: u64) -> Option<u64> {
        let change = |counted: &mut super::Counted| self.table.reset_one(counted, counter, now_ms);
        self.table.entries.update_held(self.place, Some(now_ms), change)?
    }

    /// Replaces a value.
    pub fn set(&self, counter: StickCounter, value: u64, now_ms: u64) {
        let set = |counted: &mut _| self.table.set_all(counted, &[(counter, value)], now_ms);
        self.table.entries.update_held(self.place, Some(now_ms), set);
    }

    /// The value of a counter; `None` where the table has no such counter. No use of the entry.
    pub fn read(&self, counter: StickCounter, now_ms: u64) -> Option<u64> {
        let spot = self.table.layout.find(counter)?;
        let read = |counted: &mut super::Counted| counted.cells.read(spot, now_ms);
        self.table.entries.update_held(self.place, None, read)
    }

    /// What is known of the entry besides its counters.
    pub fn outlook(&self, now_ms: u64) -> Option<Outlook> {
        self.table.outlook(&self.key, now_ms)
    }

    /// Lets go. A connection that was counted among those that there are is no longer, which is a use of the entry.
    pub fn release(mut self, now_ms: u64) {
        self.let_go(Some(now_ms));
    }

    fn let_go(&mut self, now_ms: Option<u64>) {
        if !std::mem::take(&mut self.is_held) {
            return;
        }
        let current = self.table.layout.find(Data::ConnCur.into()).filter(|_| self.is_current);
        let end = |counted: &mut super::Counted| {
            counted.uses -= 1;
            if let Some(spot) = current {
                counted.cells.take_one(spot);
            }
        };
        let times = self.table.times(now_ms.unwrap_or(0));
        self.table.entries.release(self.place, times, now_ms.is_some() && current.is_some(), end);
    }
}

impl Drop for Tracked {
    fn drop(&mut self) {
        self.let_go(None);
    }
}

impl std::fmt::Debug for Tracked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tracked").field("key", &self.key).finish_non_exhaustive()
    }
}
