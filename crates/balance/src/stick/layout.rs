//! Where each counter of a table's entries is, and the cells that hold them.
//!
//! Owns places and arithmetic of one entry; the table owns keys and locks. A counter is found with two look-ups in
//! small arrays: no name is compared once a configuration is read.

use super::data::{Data, Form};
use crate::rate::Rate;

/// A data type that a table stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stored {
    /// Which.
    pub data: Data,
    /// Of a rate, in milliseconds; 1 or more.
    pub period_ms: u64,
    /// Of an array; others have one.
    pub count: usize,
}

/// A counter: a data type, and which of an array.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct StickCounter {
    /// What it counts.
    pub data: Data,
    /// Which of an array; 0 otherwise.
    pub index: usize,
}

impl From<Data> for StickCounter {
    fn from(data: Data) -> Self {
        Self { data, index: 0 }
    }
}

/// Cells of an entry that need no memory of their own.
const FEW: usize = 7;

/// What is counted of one key.
#[derive(Debug, Clone)]
pub(super) enum Cells {
    Few([u32; FEW]),
    Many(Box<[u32]>),
}

/// Where everything is.
#[derive(Debug)]
pub(super) struct Layout {
    /// In the order of [`Data`].
    pub rows: Vec<Row>,
    by_data: [u8; Data::ALL.len()],
    cells: usize,
}

/// All counters of one data type.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    pub stored: Stored,
    first: usize,
}

/// One counter of an entry.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spot {
    form: Form,
    period_ms: u64,
    at: usize,
}

const NOWHERE: u8 = u8::MAX;

impl Form {
    const fn cells(self) -> usize {
        match self {
            Self::Number | Self::Name => 1,
            Self::Sum => 2,
            Self::Rate => 4,
        }
    }
}

impl Layout {
    pub fn new(stored: &[Stored]) -> Self {
        let mut sorted = stored.to_vec();
        sorted.sort_by_key(|stored| stored.data);
        sorted.dedup_by_key(|stored| stored.data);
        let (mut by_data, mut cells, mut rows) = ([NOWHERE; Data::ALL.len()], 0, Vec::new());
        for stored in sorted {
            let count = if stored.data.is_array() { stored.count } else { 1 };
            if let Some(place) = by_data.get_mut(stored.data as usize) {
                *place = rows.len() as u8;
            }
            rows.push(Row {
                stored: Stored { count, period_ms: stored.period_ms.max(1), ..stored },
                first: cells,
            });
            cells += count * stored.data.form().cells();
        }
        Self { rows, by_data, cells }
    }

    /// An entry that has counted nothing.
    pub fn empty(&self) -> Cells {
        if self.cells <= FEW { Cells::default() } else { Cells::Many(vec![0; self.cells].into()) }
    }

    /// Where a counter is; `None` if the table has none of it.
    pub fn find(&self, counter: StickCounter) -> Option<Spot> {
        if let Some(row) = self.row(counter.data) {
            return row.spot(counter.index);
        }
        let (data, index) = counter.data.in_array()?;
        self.row(data)?.spot(index)
    }

    fn row(&self, data: Data) -> Option<&Row> {
        self.rows.get(usize::from(*self.by_data.get(data as usize)?))
    }
}

impl Row {
    /// The counter at this place of an array.
    pub fn spot(&self, index: usize) -> Option<Spot> {
        let form = self.stored.data.form();
        let at = self.first + index * form.cells();
        (index < self.stored.count).then_some(Spot { form, period_ms: self.stored.period_ms, at })
    }
}

impl Default for Cells {
    fn default() -> Self {
        Self::Few([0; FEW])
    }
}

impl Cells {
    /// The value as it is now: a number, or how often something happened within the last period.
    pub fn read(&self, spot: Spot, now_ms: u64) -> u64 {
        match spot.form {
            Form::Number | Form::Name => u64::from(self.at(spot.at)),
            Form::Sum => self.wide(spot.at),
            Form::Rate => self.rate(spot.at).read(spot.period_ms, now_ms),
        }
    }

    /// Counts so many.
    pub fn add(&mut self, spot: Spot, count: u64, now_ms: u64) {
        match spot.form {
            Form::Number | Form::Name => self.set_at(spot.at, self.at(spot.at).wrapping_add(count as u32)),
            Form::Sum => self.set_wide(spot.at, self.wide(spot.at).wrapping_add(count)),
            Form::Rate => {
                let mut rate = self.rate(spot.at);
                rate.add(spot.period_ms, now_ms, u32::try_from(count).unwrap_or(u32::MAX));
                self.set_rate(spot.at, rate);
            }
        }
    }

    /// One less, if there is one.
    pub fn take_one(&mut self, spot: Spot) {
        self.set_at(spot.at, self.at(spot.at).saturating_sub(1));
    }

    /// Replaces the value; of a rate, what it was in the period before.
    pub fn set(&mut self, spot: Spot, value: u64, now_ms: u64) {
        match spot.form {
            Form::Number | Form::Name => self.set_at(spot.at, value as u32),
            Form::Sum => self.set_wide(spot.at, value),
            Form::Rate => self.set_rate(spot.at, Rate::of_parts((now_ms, 0, value as u32))),
        }
    }

    fn cells(&self) -> &[u32] {
        match self {
            Self::Few(cells) => cells,
            Self::Many(cells) => cells,
        }
    }

    fn at(&self, at: usize) -> u32 {
        self.cells().get(at).copied().unwrap_or(0)
    }

    fn set_at(&mut self, at: usize, value: u32) {
        let cells = match self {
            Self::Few(cells) => cells.as_mut_slice(),
            Self::Many(cells) => cells,
        };
        if let Some(cell) = cells.get_mut(at) {
            *cell = value;
        }
    }

    fn wide(&self, at: usize) -> u64 {
        u64::from(self.at(at)) | u64::from(self.at(at + 1)) << 32
    }

    fn set_wide(&mut self, at: usize, value: u64) {
        self.set_at(at, value as u32);
        self.set_at(at + 1, (value >> 32) as u32);
    }

    fn rate(&self, at: usize) -> Rate {
        Rate::of_parts((self.wide(at), self.at(at + 2), self.at(at + 3)))
    }

    fn set_rate(&mut self, at: usize, rate: Rate) {
        let (begun_ms, present, before) = rate.parts();
        self.set_wide(at, begun_ms);
        self.set_at(at + 2, present);
        self.set_at(at + 3, before);
    }
}
