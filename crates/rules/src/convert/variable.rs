//! Converters that set variables on their way, and those that hand on what they are given.

use super::argument::{Parameter, Take, may, need};
use super::{Ask, Given, Row, row};
use crate::{Kind, Value};

const CONDITION: Take =
    Take::Word(&["ifexists", "ifnotexists", "ifempty", "ifnotempty", "ifset", "ifnotset", "ifgt", "iflt"]);
const SET: &[Parameter] = &[
    need("a variable", Take::Variable),
    may("a condition", CONDITION),
    may("a condition", CONDITION),
    may("a condition", CONDITION),
    may("a condition", CONDITION),
];
const DEBUG: &[Parameter] = &[may("a prefix", Take::Text), may("a destination", Take::Text)];

pub(super) static ROWS: &[Row] = &[
    Row { pure: false, same: true, ..row("set-var", SET, Kind::Str, set) },
    Row {
        pure: false,
        same: true,
        ..row("unset-var", &[need("a variable", Take::Variable)], Kind::Str, unset)
    },
    Row { same: true, ..row("debug", DEBUG, Kind::Str, |value, _, _| value) },
];

/// Absent, and nothing set, unless every condition holds.
fn set<'v>(value: Value<'v>, given: &'v Given, ask: &dyn Ask<'v>) -> Value<'v> {
    let which = given.variable(0);
    let (Some(which), false) = (which, value == Value::Absent) else { return Value::Absent };
    let before = ask.variable(which);
    let empty = matches!(&value, Value::Str(text) if text.is_empty());
    let holds = |condition: &[u8]| match condition {
        b"ifexists" | b"ifset" => before != Value::Absent,
        b"ifnotexists" | b"ifnotset" => before == Value::Absent,
        b"ifempty" => empty,
        b"ifnotempty" => !empty,
        b"ifgt" | b"iflt" => match (&before, &value) {
            (Value::Int(before), Value::Int(now)) if condition == b"ifgt" => before > now,
            (Value::Int(before), Value::Int(now)) => before < now,
            _ => true,
        },
        _ => true,
    };
    if !(1..5).all(|index| holds(given.text(index))) {
        return Value::Absent;
    }
    ask.assign(which, &value);
    value
}

fn unset<'v>(value: Value<'v>, given: &'v Given, ask: &dyn Ask<'v>) -> Value<'v> {
    if let (Some(which), true) = (given.variable(0), value != Value::Absent) {
        ask.assign(which, &Value::Absent);
    }
    value
}
