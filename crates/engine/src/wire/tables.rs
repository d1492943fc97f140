//! Frames about what stick tables hold: shown in pages, set and cleared.
//!
//! Names of counters are those of configurations; one of an array is `gpc(3)`. Keys are written as HAProxy writes them.

use serde::{Deserialize, Serialize};

/// What is asked of a table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableAsked {
    /// Names the answer.
    pub id: u64,
    /// The table's name; empty, with `show`: what tables there are.
    #[serde(default)]
    pub name: String,
    /// What is done.
    pub action: TableAction,
    /// Of one entry; None: of all for which the filters hold.
    #[serde(default)]
    pub key: Option<String>,
    /// Only entries behind that of the answer before, which is its `next`.
    #[serde(default)]
    pub after: Option<String>,
    /// Entries of an answer at most.
    #[serde(default = "thousand")]
    pub limit: usize,
    /// All have to hold.
    #[serde(default)]
    pub filters: Vec<TableFilter>,
    /// Values to set, by counter.
    #[serde(default)]
    pub data: Vec<(String, u64)>,
}

const fn thousand() -> usize {
    1000
}

/// What is done with a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the names say it")]
pub enum TableAction {
    Show,
    Set,
    Clear,
}

/// A counter compared with a number.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableFilter {
    /// The counter.
    pub counter: String,
    /// How.
    pub operator: TableOperator,
    /// With what.
    pub value: u64,
}

/// How a counter is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the names say it")]
pub enum TableOperator {
    Eq,
    Ne,
    Le,
    Ge,
    Lt,
    Gt,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TableOutcome {
    /// It is done, also where there was nothing to do.
    Done,
    /// There is no such table.
    NoTable,
    /// The text is no key of the table.
    BadKey,
    /// The filter or value at `at` names nothing that tables store.
    UnknownCounter,
    /// The filter or value at `at` names nothing that this table stores.
    NotStored,
    /// The entry is tracked, and stays.
    InUse,
    /// There is no room for the entry.
    Full,
}

/// A table as a whole.
#[derive(Debug, Serialize)]
pub struct TableSummary {
    /// Its name.
    pub name: String,
    /// `ip`, `ipv6`, `integer`, `string`, `binary`.
    pub key: &'static str,
    /// Entries at most.
    pub size: usize,
    /// Entries that there are.
    pub used: usize,
}

/// An entry.
#[derive(Debug, Serialize)]
pub struct TableRow {
    /// Its key.
    pub key: String,
    /// How many track it.
    #[serde(rename = "use")]
    pub uses: u32,
    /// Milliseconds until it is forgotten; 0: not by itself.
    pub exp_ms: u64,
    /// Always 0.
    pub shard: u32,
    /// Name, period of a rate in milliseconds (0: no rate) and value of each counter.
    pub data: Vec<(String, u64, TableValue)>,
}

/// A counter's value: a number, or the text that it stands for.
#[derive(Debug, Serialize)]
#[serde(untagged)]
#[allow(missing_docs, reason = "the names say it")]
pub enum TableValue {
    Number(u64),
    Name(Option<String>),
}

/// The answer.
#[derive(Debug, Serialize)]
pub struct TableAnswered {
    /// Of the request.
    pub id: u64,
    /// True: even what could not be done was understood.
    pub ok: bool,
    /// What came of it.
    pub outcome: TableOutcome,
    /// Which filter or value is meant.
    pub at: usize,
    /// The table, or all of them.
    pub tables: Vec<TableSummary>,
    /// Entries in the order of their keys.
    pub rows: Vec<TableRow>,
    /// There are more: to be asked for with this as `after`.
    pub next: Option<String>,
}
