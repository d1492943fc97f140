//! Arithmetic and bits of whole numbers. Nothing wraps: results stay at the ends of the range.

use super::argument::{Parameter, Take, need};
use super::{Ask, Given, Row, cast, row};
use crate::{Kind, Value};

const OPERAND: &[Parameter] = &[need("a number", Take::Number)];

pub(super) static ROWS: &[Row] = &[
    row("add", OPERAND, Kind::Int, |value, given, ask| with(&value, given, ask, i64::saturating_add)),
    row("sub", OPERAND, Kind::Int, |value, given, ask| with(&value, given, ask, i64::saturating_sub)),
    row("mul", OPERAND, Kind::Int, |value, given, ask| with(&value, given, ask, i64::saturating_mul)),
    row("div", OPERAND, Kind::Int, |value, given, ask| with(&value, given, ask, div)),
    row("mod", OPERAND, Kind::Int, |value, given, ask| with(&value, given, ask, remainder)),
    row("and", OPERAND, Kind::Int, |value, given, ask| with(&value, given, ask, |left, right| left & right)),
    row("or", OPERAND, Kind::Int, |value, given, ask| with(&value, given, ask, |left, right| left | right)),
    row("xor", OPERAND, Kind::Int, |value, given, ask| with(&value, given, ask, |left, right| left ^ right)),
    row("neg", &[], Kind::Int, |value, _, _| number(&value, i64::saturating_neg)),
    row("cpl", &[], Kind::Int, |value, _, _| number(&value, |number| !number)),
    row("int", &[], Kind::Int, |value, _, _| number(&value, |number| number)),
    row("bool", &[], Kind::Bool, |value, _, _| truth(&value, |number| number != 0)),
    row("not", &[], Kind::Bool, |value, _, _| truth(&value, |number| number == 0)),
    row("odd", &[], Kind::Bool, |value, _, _| truth(&value, |number| number & 1 == 1)),
    row("even", &[], Kind::Bool, |value, _, _| truth(&value, |number| number & 1 == 0)),
];

fn with<'v>(value: &Value<'v>, given: &Given, ask: &dyn Ask<'v>, apply: fn(i64, i64) -> i64) -> Value<'v> {
    match (cast::int(value), given.int(0, ask)) {
        (Some(left), Some(right)) => Value::Int(apply(left, right)),
        _ => Value::Absent,
    }
}

fn number<'v>(value: &Value<'v>, apply: fn(i64) -> i64) -> Value<'v> {
    cast::int(value).map_or(Value::Absent, |number| Value::Int(apply(number)))
}

fn truth<'v>(value: &Value<'v>, apply: fn(i64) -> bool) -> Value<'v> {
    cast::int(value).map_or(Value::Absent, |number| Value::Bool(apply(number)))
}

/// By nothing, the largest number there is.
fn div(left: i64, right: i64) -> i64 {
    if right == 0 { i64::MAX } else { left.checked_div(right).unwrap_or(i64::MAX) }
}

/// By nothing, 0.
fn remainder(left: i64, right: i64) -> i64 {
    left.checked_rem(right).unwrap_or(0)
}
