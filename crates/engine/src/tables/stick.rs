//! Stick tables by name, and the rules of backends that remember servers in them.
//!
//! A name stands for one table over all snapshots: what was compiled against it keeps working when the table behind it
//! becomes another one, which happens only when its keys or what it stores change. `balance::stick` owns the entries.

use std::any::Any;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};
use tenbin_balance::stick::{Data, Form, KeyForm, StickSpec, StickTable, Stored};
use tenbin_rules::{Around, Change, Counter, Counters, Expr, Value};

use super::Refusal;
use super::draft::{expression, refuse};
use crate::track::{Sight, int, key_value, stick_counter};
use crate::wire::{self, KeyType, Snapshot};

/// A name, and the table that it stands for now.
pub struct NamedTable {
    name: String,
    table: ArcSwap<StickTable>,
}

/// Tables by name.
pub type StickTables = HashMap<String, Arc<NamedTable>>;

/// Remembers servers by keys.
#[allow(clippy::struct_excessive_bools, reason = "options that are given one by one")]
pub struct StickRule {
    /// The key is looked up before a server is chosen.
    pub matches: bool,
    /// The server is remembered under it.
    pub store: bool,
    /// The key is of the answer.
    pub answer: bool,
    /// The key.
    pub key: Expr,
    /// None: always.
    pub when: Option<Expr>,
    /// Where.
    pub table: Arc<NamedTable>,
    /// The server is remembered by its address instead of its name.
    pub by_address: bool,
}

/// Tables that a snapshot names, and what each becomes when nothing can fail any more.
pub struct StickDrafts {
    /// Old ones and new ones.
    pub tables: StickTables,
    specs: Vec<(Arc<NamedTable>, StickSpec)>,
    /// Those that know servers by their addresses.
    by_address: HashSet<String>,
}

impl NamedTable {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The table as it is now.
    pub fn get(&self) -> Guard<Arc<StickTable>> {
        self.table.load()
    }

    /// The one behind what an expression sees of it.
    pub fn behind(seen: Arc<dyn Counters>) -> Option<Arc<Self>> {
        seen.itself().downcast().ok()
    }
}

impl std::fmt::Debug for NamedTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name)
    }
}

impl Counters for NamedTable {
    fn look(&self, key: &Value<'_>, counter: &Counter, now_ms: u64) -> Value<'static> {
        let table = self.get();
        let (Some(key), Some(sight)) =
            (key_value(key).and_then(|value| table.key(value)), Sight::of(counter))
        else {
            return Value::Absent;
        };
        match sight {
            Sight::Counter(counter) | Sight::Kilo(counter) if !table.stores(counter) => Value::Absent,
            Sight::Counter(counter) => int(table.read(&key, counter, now_ms).unwrap_or(0)),
            Sight::Kilo(counter) => int(table.read(&key, counter, now_ms).unwrap_or(0) >> 10),
            Sight::Uses => int(table.outlook(&key, now_ms).map_or(0, |outlook| sight.of_entry(outlook))),
            sight => {
                table.outlook(&key, now_ms).map_or(Value::Absent, |outlook| int(sight.of_entry(outlook)))
            }
        }
    }

    fn change(&self, key: &Value<'_>, counter: &Counter, change: Change, now_ms: u64) -> Value<'static> {
        let table = self.get();
        let key = key_value(key).and_then(|value| table.key(value));
        let (Some(key), Some(counter)) = (key, stick_counter(counter)) else { return Value::Absent };
        let value = match change {
            Change::Increment => table.increment(&key, counter, now_ms),
            Change::Clear if table.stores(counter) => Some(table.reset(&key, counter, now_ms).unwrap_or(0)),
            Change::Clear => None,
        };
        value.map_or(Value::Absent, int)
    }

    fn contains(&self, key: &Value<'_>, now_ms: u64) -> bool {
        let table = self.get();
        let key = key_value(key).and_then(|value| table.key(value));
        key.is_some_and(|key| table.contains(&key, now_ms))
    }

    fn fill(&self) -> (usize, usize) {
        let table = self.get();
        (table.len(), table.size())
    }

    fn itself(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }
}

impl StickDrafts {
    /// Checks what a snapshot says of tables; those that are known by name are the same as before.
    pub fn new(snapshot: &Snapshot, old: Option<&StickTables>) -> Result<Self, Refusal> {
        let mut drafts = Self { tables: HashMap::new(), specs: Vec::new(), by_address: HashSet::new() };
        for (index, table) in snapshot.tables.iter().enumerate() {
            let path = format!("tables[{index}]");
            let remembers = |rule: &wire::StickRule| rule.table == table.name;
            let remembers = snapshot.backends.iter().flat_map(|backend| &backend.stick).any(remembers);
            let spec = draft_table(&path, table, remembers)?;
            let known = old.and_then(|old| old.get(&table.name)).cloned();
            let named = known.unwrap_or_else(|| {
                let empty = ArcSwap::from_pointee(StickTable::new(&spec));
                Arc::new(NamedTable { name: table.name.clone(), table: empty })
            });
            if drafts.tables.insert(table.name.clone(), Arc::clone(&named)).is_some() {
                return refuse(format!("{path}.name"), format!("there is another table {:?}", table.name));
            }
            drafts.specs.push((named, spec));
            if table.by_address {
                drafts.by_address.insert(table.name.clone());
            }
        }
        Ok(drafts)
    }

    /// What an expression gets for a name.
    pub fn seen(&self, name: &str) -> Option<Arc<dyn Counters>> {
        self.tables.get(name).map(|table| Arc::clone(table) as Arc<dyn Counters>)
    }

    /// Compiles the rules of a backend.
    pub fn rules(
        &self,
        path: &str,
        rules: &[wire::StickRule],
        around: &Around<'_>,
    ) -> Result<Vec<StickRule>, Refusal> {
        let compile = |(index, rule): (usize, &wire::StickRule)| {
            let path = format!("{path}.stick[{index}]");
            let Some(table) = self.tables.get(&rule.table) else {
                return refuse(format!("{path}.table"), format!("no stick table is called {:?}", rule.table));
            };
            let when = rule.when.as_ref().map(|when| expression(&format!("{path}.when"), when, around));
            Ok(StickRule {
                matches: rule.matches,
                store: rule.store,
                answer: rule.answer,
                key: expression(&format!("{path}.key"), &rule.key, around)?,
                when: when.transpose()?,
                table: Arc::clone(table),
                by_address: self.by_address.contains(&rule.table),
            })
        };
        rules.iter().enumerate().map(compile).collect()
    }

    /// Puts the tables in force: entries stay wherever they still fit.
    pub fn settle(self) -> StickTables {
        for (named, spec) in self.specs {
            if named.get().fits(&spec) {
                named.get().configure(&spec);
            } else {
                named.table.store(Arc::new(StickTable::new(&spec)));
            }
        }
        self.tables
    }
}

/// `remembers`: servers, whether it says so or not.
fn draft_table(path: &str, table: &wire::Table, remembers: bool) -> Result<StickSpec, Refusal> {
    if table.size == 0 {
        return refuse(format!("{path}.size"), "found 0, expected 1 or more");
    }
    let key = match table.key {
        KeyType::Ip => KeyForm::Ipv4,
        KeyType::Ipv6 => KeyForm::Ipv6,
        KeyType::Integer => KeyForm::Integer,
        KeyType::String => KeyForm::Text,
        KeyType::Binary => KeyForm::Binary,
    };
    if matches!(key, KeyForm::Text | KeyForm::Binary) && table.length == 0 {
        return refuse(format!("{path}.length"), "found 0, expected 1 or more");
    }
    let mut stored = Vec::with_capacity(table.stored.len() + 2);
    for (index, found) in table.stored.iter().enumerate() {
        stored.push(draft_stored(&format!("{path}.stored[{index}]"), found)?);
    }
    if remembers {
        let plain = |data| Stored { data, period_ms: 0, count: 1 };
        stored.extend([Data::ServerId, Data::ServerKey].map(plain));
    }
    Ok(StickSpec {
        key,
        length: table.length,
        size: table.size,
        expire_ms: table.expire,
        keep: table.keep,
        stored,
    })
}

fn draft_stored(path: &str, stored: &wire::Stored) -> Result<Stored, Refusal> {
    const MOST: u32 = 100;
    let Some(data) = Data::named(&stored.name) else {
        return refuse(format!("{path}.name"), format!("nothing that is stored is called {:?}", stored.name));
    };
    if data.form() == Form::Rate && stored.period == 0 {
        return refuse(format!("{path}.period"), "missing: a rate needs it");
    }
    if data.is_array() && !(1..=MOST).contains(&stored.count) {
        return refuse(format!("{path}.count"), format!("found {}, expected 1 to {MOST}", stored.count));
    }
    Ok(Stored { data, period_ms: stored.period, count: stored.count as usize })
}
