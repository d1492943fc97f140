//! What operators see of stick tables and change in them.
//!
//! Owns the way from frames to `balance::stick` and back. Nothing here holds up a worker for longer than some hundred
//! entries take to look at.

use std::fmt::Write as _;
use std::sync::Arc;

use tenbin_balance::stick::{
    Cleared, Data, Filter, Form, KeyForm, Operator, Row, Shown, StickCounter, StickKey, StickTable,
};

use crate::tables::NamedTable;
use crate::tables::Tables;
use crate::wire::{
    Reply, TableAction, TableAnswered, TableAsked, TableOperator, TableOutcome, TableRow, TableSummary,
    TableValue,
};
use crate::worker::Shared;

/// Entries of one answer at most, so that no frame grows too large.
const MOST_ROWS: usize = 20_000;

/// Carries out a request.
pub fn table(asked: &TableAsked, shared: &Shared) -> Reply {
    let tables = shared.tables.latest();
    Reply::Table(Box::new(answer(asked, tables.as_deref(), shared.clock.millis())))
}

fn answer(asked: &TableAsked, tables: Option<&Tables>, now_ms: u64) -> TableAnswered {
    let mut answer = TableAnswered {
        id: asked.id,
        ok: true,
        outcome: TableOutcome::Done,
        at: 0,
        tables: Vec::new(),
        rows: Vec::new(),
        next: None,
    };
    let known = tables.map(|tables| &tables.stick);
    if asked.name.is_empty() && asked.action == TableAction::Show {
        answer.tables = known.into_iter().flat_map(|known| known.values()).map(summary).collect();
        answer.tables.sort_by(|a, b| a.name.cmp(&b.name));
        return answer;
    }
    let Some(named) = known.and_then(|known| known.get(&asked.name)) else {
        answer.outcome = TableOutcome::NoTable;
        return answer;
    };
    if let Err((outcome, at)) = carry_out(asked, &named.get(), &mut answer, now_ms) {
        (answer.outcome, answer.at) = (outcome, at);
    }
    answer.tables.push(summary(named));
    answer
}

type Fault = (TableOutcome, usize);

fn carry_out(
    asked: &TableAsked,
    table: &StickTable,
    answer: &mut TableAnswered,
    now_ms: u64,
) -> Result<(), Fault> {
    let key = asked.key.as_deref().map(|text| table.parse(text).ok_or((TableOutcome::BadKey, 0)));
    let key = key.transpose()?;
    let filters: Vec<Filter> = asked
        .filters
        .iter()
        .enumerate()
        .map(|(at, filter)| {
            let counter = counter(table, &filter.counter, at)?;
            Ok(Filter { counter, operator: operator(filter.operator), value: filter.value })
        })
        .collect::<Result<_, Fault>>()?;
    match (asked.action, key) {
        (TableAction::Show, Some(key)) => {
            answer.rows.extend(table.row(&key, now_ms).map(|row| shown(&row, table.key_form())));
        }
        (TableAction::Show, None) => {
            let after = asked.after.as_deref().and_then(unhex);
            let page = table.show(&filters, after.as_ref(), asked.limit.clamp(1, MOST_ROWS), now_ms);
            answer.next = page.rows.last().filter(|_| page.more).map(|row| hex(&row.key));
            answer.rows = page.rows.iter().map(|row| shown(row, table.key_form())).collect();
        }
        (TableAction::Set, Some(key)) => {
            let values = asked.data.iter().enumerate();
            let values = values.map(|(at, (name, value))| Ok((counter(table, name, at)?, *value)));
            let values = values.collect::<Result<Vec<_>, Fault>>()?;
            if !table.set(&key, &values, now_ms) {
                return Err((TableOutcome::Full, 0));
            }
        }
        (TableAction::Set, None) => return Err((TableOutcome::BadKey, 0)),
        (TableAction::Clear, Some(key)) => {
            if table.clear(&key, now_ms) == Cleared::Used {
                return Err((TableOutcome::InUse, 0));
            }
        }
        (TableAction::Clear, None) => _ = table.clear_all(&filters, now_ms),
    }
    Ok(())
}

/// `gpc0`, `gpc(3)`.
fn counter(table: &StickTable, text: &str, at: usize) -> Result<StickCounter, Fault> {
    let (name, index) = match text.strip_suffix(')').and_then(|text| text.split_once('(')) {
        Some((name, index)) => (name, index.parse().map_err(|_| (TableOutcome::UnknownCounter, at))?),
        None => (text, 0),
    };
    let data = Data::named(name).ok_or((TableOutcome::UnknownCounter, at))?;
    let counter = StickCounter { data, index };
    if table.stores(counter) { Ok(counter) } else { Err((TableOutcome::NotStored, at)) }
}

fn operator(operator: TableOperator) -> Operator {
    match operator {
        TableOperator::Eq => Operator::Eq,
        TableOperator::Ne => Operator::Ne,
        TableOperator::Le => Operator::Le,
        TableOperator::Ge => Operator::Ge,
        TableOperator::Lt => Operator::Lt,
        TableOperator::Gt => Operator::Gt,
    }
}

fn summary(named: &Arc<NamedTable>) -> TableSummary {
    let table = named.get();
    let key = match table.key_form() {
        KeyForm::Ipv4 => "ip",
        KeyForm::Ipv6 => "ipv6",
        KeyForm::Integer => "integer",
        KeyForm::Text => "string",
        KeyForm::Binary => "binary",
    };
    TableSummary { name: named.name().to_owned(), key, size: table.size(), used: table.len() }
}

fn shown(row: &Row, form: KeyForm) -> TableRow {
    let mut key = String::new();
    form.write(&row.key, &mut key);
    let data = row.data.iter().map(|shown| (name(shown), shown.period_ms, value(shown)));
    TableRow { key, uses: row.uses, exp_ms: row.expires_ms, shard: 0, data: data.collect() }
}

/// Arrays are shown with the place within the name: `gpc3`, `gpc3_rate`.
fn name(shown: &Shown) -> String {
    let index = shown.counter.index;
    match shown.counter.data {
        Data::GpcRate => format!("gpc{index}_rate"),
        data if data.is_array() => format!("{}{index}", data.name()),
        data => data.name().to_owned(),
    }
}

fn value(shown: &Shown) -> TableValue {
    match shown.counter.data.form() {
        Form::Name => TableValue::Name(shown.name.as_ref().map(|name| (**name).to_owned())),
        _ => TableValue::Number(shown.value),
    }
}

fn hex(key: &StickKey) -> String {
    key.bytes().iter().fold(String::new(), |mut text, byte| {
        // Writing into a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(text: &str) -> Option<StickKey> {
    let pairs = text.as_bytes().chunks(2);
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    pairs.map(byte).collect::<Option<Vec<u8>>>().map(|bytes| StickKey::from_bytes(&bytes))
}
