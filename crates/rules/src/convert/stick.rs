//! What a stick table holds under a key.

use super::argument::{Arg, Parameter, Take, may, need};
use super::{Ask, Given, Row, row};
use crate::{Change, Counters, Kind, Value};

const TABLE: &[Parameter] = &[need("a table", Take::Table)];
const INDEXED: &[Parameter] = &[need("an index", Take::Within(0, 99)), need("a table", Take::Table)];
const TIME: &[Parameter] = &[need("a table", Take::Table), may("a default", Take::Int)];

/// The row of one counter; without an entry it is 0.
const fn counter(name: &'static str, counter: &'static str) -> Row {
    Row { counter, ..row(name, TABLE, Kind::Int, |value, given, ask| look(&value, given, ask, Some(0))) }
}

/// The row of one counter of an array.
const fn array(name: &'static str, counter: &'static str) -> Row {
    Row { counter, ..row(name, INDEXED, Kind::Int, |value, given, ask| look(&value, given, ask, Some(0))) }
}

/// The row of a time, which an entry that is not there does not have.
const fn time(name: &'static str, counter: &'static str) -> Row {
    let given: for<'v> fn(Value<'v>, &'v Given, &dyn Ask<'v>) -> Value<'v> =
        |value, given, ask| look(&value, given, ask, given.int(1, ask));
    Row { counter, ..row(name, TIME, Kind::Int, given) }
}

/// The row of a change of one counter, which is not a thing of the input alone.
const fn change(
    name: &'static str,
    counter: &'static str,
    call: for<'v> fn(Value<'v>, &'v Given, &dyn Ask<'v>) -> Value<'v>,
) -> Row {
    Row { counter, pure: false, ..row(name, TABLE, Kind::Int, call) }
}

/// The row of a change of one counter of an array.
const fn array_change(
    name: &'static str,
    call: for<'v> fn(Value<'v>, &'v Given, &dyn Ask<'v>) -> Value<'v>,
) -> Row {
    Row { counter: "gpc", pure: false, ..row(name, INDEXED, Kind::Int, call) }
}

pub(super) static ROWS: &[Row] = &[
    row("in_table", TABLE, Kind::Bool, |value, given, ask| match given.get(0) {
        Arg::Table(table) if value != Value::Absent => Value::Bool(table.contains(&value, ask.now_ms())),
        _ => Value::Absent,
    }),
    counter("table_bytes_in_rate", "bytes_in_rate"),
    counter("table_bytes_out_rate", "bytes_out_rate"),
    array_change("table_clr_gpc", |value, given, ask| changed(&value, given, ask, Change::Clear)),
    change("table_clr_gpc0", "gpc0", |value, given, ask| changed(&value, given, ask, Change::Clear)),
    change("table_clr_gpc1", "gpc1", |value, given, ask| changed(&value, given, ask, Change::Clear)),
    counter("table_conn_cnt", "conn_cnt"),
    counter("table_conn_cur", "conn_cur"),
    counter("table_conn_rate", "conn_rate"),
    time("table_expire", "expire"),
    counter("table_glitch_cnt", "glitch_cnt"),
    counter("table_glitch_rate", "glitch_rate"),
    array("table_gpc", "gpc"),
    counter("table_gpc0", "gpc0"),
    counter("table_gpc0_rate", "gpc0_rate"),
    counter("table_gpc1", "gpc1"),
    counter("table_gpc1_rate", "gpc1_rate"),
    array("table_gpc_rate", "gpc_rate"),
    array("table_gpt", "gpt"),
    counter("table_gpt0", "gpt0"),
    counter("table_http_err_cnt", "http_err_cnt"),
    counter("table_http_err_rate", "http_err_rate"),
    counter("table_http_fail_cnt", "http_fail_cnt"),
    counter("table_http_fail_rate", "http_fail_rate"),
    counter("table_http_req_cnt", "http_req_cnt"),
    counter("table_http_req_rate", "http_req_rate"),
    time("table_idle", "idle"),
    array_change("table_inc_gpc", |value, given, ask| changed(&value, given, ask, Change::Increment)),
    change("table_inc_gpc0", "gpc0", |value, given, ask| changed(&value, given, ask, Change::Increment)),
    change("table_inc_gpc1", "gpc1", |value, given, ask| changed(&value, given, ask, Change::Increment)),
    counter("table_kbytes_in", "kbytes_in"),
    counter("table_kbytes_out", "kbytes_out"),
    counter("table_server_id", "server_id"),
    counter("table_sess_cnt", "sess_cnt"),
    counter("table_sess_rate", "sess_rate"),
    counter("table_trackers", "trackers"),
];

fn look<'v>(value: &Value<'v>, given: &Given, ask: &dyn Ask<'v>, otherwise: Option<i64>) -> Value<'v> {
    let (Some(table), Some(counter), false) = (table(given), &given.counter, *value == Value::Absent) else {
        return Value::Absent;
    };
    let now_ms = ask.now_ms();
    if table.contains(value, now_ms) {
        return table.look(value, counter, now_ms);
    }
    otherwise.map_or(Value::Absent, Value::Int)
}

fn changed<'v>(value: &Value<'v>, given: &Given, ask: &dyn Ask<'v>, change: Change) -> Value<'v> {
    match (table(given), &given.counter) {
        (Some(table), Some(counter)) if *value != Value::Absent => {
            table.change(value, counter, change, ask.now_ms())
        }
        _ => Value::Absent,
    }
}

fn table(given: &Given) -> Option<&dyn Counters> {
    (0..2).find_map(|index| match given.get(index) {
        Arg::Table(table) => Some(&**table),
        _ => None,
    })
}
