//! Every value of a snapshot at its limits and beyond, one at a time: what blind changes to JSON seldom reach.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test")]

use std::panic::catch_unwind;

use serde_json::{Value, json};
use tenbin_fuzz::Target;

/// Values to put where a value of that kind stands.
fn others(value: &Value) -> Vec<Value> {
    match value {
        Value::Number(_) => {
            let limits = [0, 256, 65_535, u64::from(u32::MAX), u64::MAX];
            limits.into_iter().map(Value::from).chain([json!(-1)]).collect()
        }
        Value::String(_) => {
            let long = "a".repeat(70_000);
            ["", "a\r\nb: c", "\0", " ", ";", "é", "[::1]:0", "(((((", &long].map(Value::from).to_vec()
        }
        Value::Bool(value) => vec![json!(!value)],
        Value::Array(list) => vec![json!([]), json!([list.clone(), list.clone()].concat())],
        Value::Null | Value::Object(_) => vec![json!({}), json!([]), json!(0), json!("a")],
    }
}

/// The pointers of all values in `value` (RFC 6901).
fn pointers(value: &Value, path: &str, found: &mut Vec<String>) {
    found.push(path.to_owned());
    match value {
        Value::Array(list) => {
            list.iter()
                .enumerate()
                .for_each(|(index, item)| pointers(item, &format!("{path}/{index}"), found));
        }
        Value::Object(map) => {
            map.iter().for_each(|(key, item)| pointers(item, &format!("{path}/{key}"), found));
        }
        _ => {}
    }
}

#[test]
fn no_value_of_a_snapshot_is_too_much() {
    let target = Target::named("snapshot").unwrap();
    let mut failed = Vec::new();
    let seed = (target.seeds)().into_iter().max_by_key(Vec::len).unwrap();
    let whole: Value = serde_json::from_slice(&seed).unwrap();
    let mut paths = Vec::new();
    pointers(&whole, "", &mut paths);
    assert!(paths.len() > 50);
    for path in &paths {
        for other in others(whole.pointer(path).unwrap()) {
            let mut changed = whole.clone();
            *changed.pointer_mut(path).unwrap() = other.clone();
            let text = changed.to_string().into_bytes();
            if catch_unwind(|| (target.property)(&text)).is_err() {
                failed.push(format!("{path}: {:.60}", other.to_string()));
            }
        }
    }
    assert!(failed.is_empty(), "{} values:\n{}", failed.len(), failed.join("\n"));
}
