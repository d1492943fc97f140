//! What a table holds, in the order of its keys and in pages, so that nobody waits for a million entries.

use std::collections::BinaryHeap;
use std::sync::Arc;

use super::layout::Spot;
use super::{Cleared, Form, Outlook, StickCounter, StickKey, StickTable};

/// How a value is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Operator {
    Eq,
    Ne,
    Le,
    Ge,
    Lt,
    Gt,
}

/// Shows only entries whose counter compares so.
#[derive(Debug, Clone, Copy)]
pub struct Filter {
    /// Which.
    pub counter: StickCounter,
    /// How.
    pub operator: Operator,
    /// With what.
    pub value: u64,
}

/// One counter of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Which.
    pub counter: StickCounter,
    /// Of a rate, in milliseconds; 0: none.
    pub period_ms: u64,
    /// Its value.
    pub value: u64,
    /// The text that it stands for.
    pub name: Option<Arc<str>>,
}

/// One entry.
#[derive(Debug, Clone)]
pub struct Row {
    /// Its key.
    pub key: StickKey,
    /// How many hold it.
    pub uses: u32,
    /// Milliseconds until it is forgotten; 0: not by itself.
    pub expires_ms: u64,
    /// In the order of [`super::Data`].
    pub data: Vec<Shown>,
}

/// Some entries in order, and whether there are more.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// The entries.
    pub rows: Vec<Row>,
    /// There are more after the last one.
    pub more: bool,
}

impl StickTable {
    /// The first entries after a key for which all filters hold. Looks at every entry, a few hundred under one lock.
    pub fn show(&self, filters: &[Filter], after: Option<&StickKey>, limit: usize, now_ms: u64) -> Page {
        let (keys, more) = self.keys(filters, after, limit, now_ms);
        let rows = keys.iter().filter_map(|key| self.row(key, now_ms)).collect();
        Page { rows, more }
    }

    /// One entry. No use of it.
    pub fn row(&self, key: &StickKey, now_ms: u64) -> Option<Row> {
        let mut found = None;
        let times = self.times(now_ms);
        self.entries.look(key, times, |counted, used_ms| {
            let Outlook { uses, expires_ms, .. } = Outlook::new(counted, used_ms, times);
            let data = self.layout.rows.iter().flat_map(|row| {
                let spot =
                    move |index| Some((StickCounter { data: row.stored.data, index }, row.spot(index)?));
                (0..row.stored.count).filter_map(spot).map(|(counter, spot): (_, Spot)| Shown {
                    counter,
                    period_ms: if counter.data.form() == Form::Rate { row.stored.period_ms } else { 0 },
                    value: counted.cells.read(spot, now_ms),
                    name: None,
                })
            });
            found = Some(Row { key: key.clone(), uses, expires_ms, data: data.collect() });
        });
        let mut row = found?;
        for shown in row.data.iter_mut().filter(|shown| shown.counter.data.form() == Form::Name) {
            shown.name = self.name(shown.value);
        }
        Some(row)
    }

    /// Forgets every entry for which all filters hold, unless it is tracked; how many went.
    pub fn clear_all(&self, filters: &[Filter], now_ms: u64) -> usize {
        const AT_ONCE: usize = 4096;
        let (mut gone, mut after) = (0, None);
        loop {
            let (keys, more) = self.keys(filters, after.as_ref(), AT_ONCE, now_ms);
            gone += keys.iter().filter(|key| self.clear(key, now_ms) == Cleared::Gone).count();
            if !more {
                return gone;
            }
            after = keys.last().cloned();
        }
    }

    fn keys(
        &self,
        filters: &[Filter],
        after: Option<&StickKey>,
        limit: usize,
        now_ms: u64,
    ) -> (Vec<StickKey>, bool) {
        let spots = filters.iter().map(|filter| Some((self.layout.find(filter.counter)?, *filter)));
        // What is not stored compares with nothing.
        let Some(spots) = spots.collect::<Option<Vec<_>>>() else { return (Vec::new(), false) };
        let (mut first, mut more) = (BinaryHeap::new(), false);
        self.entries.each(self.times(now_ms), |key, counted, _| {
            let holds = |(spot, filter): &(Spot, Filter)| filter.holds(counted.cells.read(*spot, now_ms));
            if after.is_some_and(|after| key <= after) || !spots.iter().all(holds) {
                return;
            }
            if first.len() < limit {
                first.push(key.clone());
            } else {
                more = true;
                if first.peek().is_some_and(|last| key < last) {
                    first.pop();
                    first.push(key.clone());
                }
            }
        });
        (first.into_sorted_vec(), more)
    }
}

impl Filter {
    fn holds(&self, found: u64) -> bool {
        match self.operator {
            Operator::Eq => found == self.value,
            Operator::Ne => found != self.value,
            Operator::Le => found <= self.value,
            Operator::Ge => found >= self.value,
            Operator::Lt => found < self.value,
            Operator::Gt => found > self.value,
        }
    }
}
