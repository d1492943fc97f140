//! Counters of stick tables: of what a connection or request is tracked under (`sc_http_req_rate(0)`), of the client's
//! address (`src_http_req_rate("table")`), and how full a table is.
//!
//! Owns no counter: a [`View`] knows what is tracked, [`Counters`] are a table's. Some samples change what they ask for.

use std::fmt;
use std::sync::Arc;

use super::{Args, Row, Sample};
use crate::args::{Parameter, int, optional_text, text};
use crate::phase::Phase::Connection;
use crate::value::Yields::{Bool, Int};
use crate::{Change, Counter, Counters, Error, Value, View};

const SLOT: &[Parameter] = &[int("a slot"), optional_text("a table")];
const INDEX_SLOT: &[Parameter] = &[int("an index"), int("a slot"), optional_text("a table")];
const TABLE: &[Parameter] = &[text("a table")];
const INDEX_TABLE: &[Parameter] = &[int("an index"), text("a table")];

/// How many slots there are to track with.
const SLOTS: i64 = 12;
/// How long an array of counters may be.
const ARRAY: i64 = 99;

/// Rows for what is tracked and for the client's address, with the counter's name and what is done with it.
macro_rules! rows {
    (single: $($slot:literal $source:literal $counter:literal $deed:expr;)+
     array: $($slots:literal $sources:literal $counters:literal $deeds:expr;)+) => {
        &[
            $(
                Row::new($slot, SLOT, (Int, Connection), |a| tracked(a, 0, ($counter, 0, $deed))),
                Row::new($source, TABLE, (Int, Connection), |a| source(a, 0, ($counter, 0, $deed))),
            )+
            $(
                Row::new($slots, INDEX_SLOT, (Int, Connection), |a| tracked(a, 1, ($counters, index(a)?, $deeds))),
                Row::new($sources, INDEX_TABLE, (Int, Connection), |a| source(a, 1, ($counters, index(a)?, $deeds))),
            )+
            Row::new("sc_trackers", SLOT, (Int, Connection), |a| tracked(a, 0, ("trackers", 0, Deed::Read))),
            Row::new("sc_tracked", SLOT, (Bool, Connection), there),
            Row::new("src_updt_conn_cnt", TABLE, (Int, Connection), |a| source(a, 0, ("conn_cnt", 0, INCREMENT))),
            Row::new("table_cnt", TABLE, (Int, Connection), |a| fill(a, false)),
            Row::new("table_avl", TABLE, (Int, Connection), |a| fill(a, true)),
        ]
    };
}

const INCREMENT: Deed = Deed::Change(Change::Increment);
const CLEAR: Deed = Deed::Change(Change::Clear);

pub(super) static ROWS: &[Row] = rows! {
    single:
    "sc_conn_cnt" "src_conn_cnt" "conn_cnt" Deed::Read;
    "sc_conn_cur" "src_conn_cur" "conn_cur" Deed::Read;
    "sc_conn_rate" "src_conn_rate" "conn_rate" Deed::Read;
    "sc_sess_cnt" "src_sess_cnt" "sess_cnt" Deed::Read;
    "sc_sess_rate" "src_sess_rate" "sess_rate" Deed::Read;
    "sc_http_req_cnt" "src_http_req_cnt" "http_req_cnt" Deed::Read;
    "sc_http_req_rate" "src_http_req_rate" "http_req_rate" Deed::Read;
    "sc_http_err_cnt" "src_http_err_cnt" "http_err_cnt" Deed::Read;
    "sc_http_err_rate" "src_http_err_rate" "http_err_rate" Deed::Read;
    "sc_http_fail_cnt" "src_http_fail_cnt" "http_fail_cnt" Deed::Read;
    "sc_http_fail_rate" "src_http_fail_rate" "http_fail_rate" Deed::Read;
    "sc_bytes_in_rate" "src_bytes_in_rate" "bytes_in_rate" Deed::Read;
    "sc_bytes_out_rate" "src_bytes_out_rate" "bytes_out_rate" Deed::Read;
    "sc_gpc0_rate" "src_gpc0_rate" "gpc0_rate" Deed::Read;
    "sc_gpc1_rate" "src_gpc1_rate" "gpc1_rate" Deed::Read;
    "sc_glitch_cnt" "src_glitch_cnt" "glitch_cnt" Deed::Read;
    "sc_glitch_rate" "src_glitch_rate" "glitch_rate" Deed::Read;
    "sc_kbytes_in" "src_kbytes_in" "bytes_in_cnt" Deed::Kilo;
    "sc_kbytes_out" "src_kbytes_out" "bytes_out_cnt" Deed::Kilo;
    "sc_get_gpc0" "src_get_gpc0" "gpc0" Deed::Read;
    "sc_get_gpc1" "src_get_gpc1" "gpc1" Deed::Read;
    "sc_get_gpt0" "src_get_gpt0" "gpt0" Deed::Read;
    "sc_inc_gpc0" "src_inc_gpc0" "gpc0" INCREMENT;
    "sc_inc_gpc1" "src_inc_gpc1" "gpc1" INCREMENT;
    "sc_clr_gpc0" "src_clr_gpc0" "gpc0" CLEAR;
    "sc_clr_gpc1" "src_clr_gpc1" "gpc1" CLEAR;
    array:
    "sc_get_gpc" "src_get_gpc" "gpc" Deed::Read;
    "sc_get_gpt" "src_get_gpt" "gpt" Deed::Read;
    "sc_gpc_rate" "src_gpc_rate" "gpc_rate" Deed::Read;
    "sc_inc_gpc" "src_inc_gpc" "gpc" INCREMENT;
    "sc_clr_gpc" "src_clr_gpc" "gpc" CLEAR;
};

/// A sample of a stick table.
#[derive(Clone)]
pub(super) enum Tracked {
    /// Of what the slot follows: in the table where it does, or under the same key in another.
    Slot { slot: u8, counter: Counter, deed: Deed, elsewhere: Option<Arc<dyn Counters>> },
    /// Whether the slot follows anything.
    There { slot: u8, elsewhere: Option<Arc<dyn Counters>> },
    /// Under the client's address.
    Source { table: Arc<dyn Counters>, counter: Counter, deed: Deed },
    /// How many entries there are, or could be added.
    Fill { table: Arc<dyn Counters>, free: bool },
}

/// What is done with a counter.
#[derive(Debug, Clone, Copy)]
pub(super) enum Deed {
    Read,
    /// In units of 1024.
    Kilo,
    Change(Change),
}

impl Tracked {
    pub fn value<'v, V: View + ?Sized>(&'v self, view: &'v V) -> Value<'v> {
        let now = view.now_ms();
        match self {
            Self::Slot { slot, counter, deed, elsewhere: None } => match deed {
                Deed::Change(change) => view.change(*slot, counter, *change),
                read => read.scaled(view.tracked(*slot, counter)),
            },
            Self::Slot { slot, counter, deed, elsewhere: Some(table) } => match view.tracked_key(*slot) {
                Value::Absent => Value::Absent,
                key => deed.done(&**table, &key, counter, now),
            },
            Self::There { slot, elsewhere } => {
                let key = view.tracked_key(*slot);
                let there = elsewhere.as_ref().is_none_or(|table| table.contains(&key, now));
                Value::Bool(key != Value::Absent && there)
            }
            Self::Source { table, counter, deed } => {
                deed.done(&**table, &Value::Ip(view.source().to_canonical()), counter, now)
            }
            Self::Fill { table, free } => {
                let (used, most) = table.fill();
                let number = if *free { most.saturating_sub(used) } else { used };
                Value::Int(i64::try_from(number).unwrap_or(i64::MAX))
            }
        }
    }
}

impl Deed {
    fn done(self, table: &dyn Counters, key: &Value<'_>, counter: &Counter, now: u64) -> Value<'static> {
        match self {
            Self::Change(change) => table.change(key, counter, change, now),
            read => read.scaled(table.look(key, counter, now)),
        }
    }

    fn scaled(self, value: Value<'_>) -> Value<'_> {
        match (self, value) {
            (Self::Kilo, Value::Int(number)) => Value::Int(number >> 10),
            (_, value) => value,
        }
    }
}

impl fmt::Debug for Tracked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Slot { slot, counter, deed, .. } => write!(f, "Slot({slot}, {counter:?}, {deed:?})"),
            Self::There { slot, .. } => write!(f, "There({slot})"),
            Self::Source { counter, deed, .. } => write!(f, "Source({counter:?}, {deed:?})"),
            Self::Fill { free, .. } => write!(f, "Fill({free})"),
        }
    }
}

/// A counter by name and place, and what is done with it.
type Which = (&'static str, u32, Deed);

fn counter((name, index, deed): Which) -> (Counter, Deed) {
    (Counter { name: name.into(), index }, deed)
}

fn index(args: &Args<'_>) -> Result<u32, Error> {
    args.up_to(0, ARRAY).map(|number| u32::try_from(number).unwrap_or(0))
}

fn slot_at(args: &Args<'_>, at: usize) -> Result<u8, Error> {
    args.up_to(at, SLOTS - 1).map(|number| u8::try_from(number).unwrap_or(0))
}

fn table_at(args: &Args<'_>, at: usize) -> Result<Option<Arc<dyn Counters>>, Error> {
    let Some(name) = args.text(at) else { return Ok(None) };
    let unknown = || Error::at(format!("args[{at}]"), format!("there is no stick table {name:?}"));
    (args.around.table)(name).ok_or_else(unknown).map(Some)
}

fn table_needed(args: &Args<'_>, at: usize) -> Result<Arc<dyn Counters>, Error> {
    table_at(args, at)?.ok_or_else(|| Error::at("args", "a stick table is needed"))
}

fn tracked(args: &Args<'_>, at: usize, which: Which) -> Result<Sample, Error> {
    let (counter, deed) = counter(which);
    let (slot, elsewhere) = (slot_at(args, at)?, table_at(args, at + 1)?);
    Ok(Sample::Tracked(Tracked::Slot { slot, counter, deed, elsewhere }))
}

fn source(args: &Args<'_>, at: usize, which: Which) -> Result<Sample, Error> {
    let (counter, deed) = counter(which);
    Ok(Sample::Tracked(Tracked::Source { table: table_needed(args, at)?, counter, deed }))
}

fn there(args: &Args<'_>) -> Result<Sample, Error> {
    Ok(Sample::Tracked(Tracked::There { slot: slot_at(args, 0)?, elsewhere: table_at(args, 1)? }))
}

fn fill(args: &Args<'_>, free: bool) -> Result<Sample, Error> {
    Ok(Sample::Tracked(Tracked::Fill { table: table_needed(args, 0)?, free }))
}
