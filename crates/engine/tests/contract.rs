//! The files that both sides of the seam are tested against.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::path::PathBuf;

use serde_json::Value;
use tenbin_engine::wire::{Apply, Request, Snapshot};

fn file(name: &str) -> Value {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/contract").join(name);
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn every_snapshot_is_understood() {
    for name in ["snapshot-small.json", "snapshot-everything.json", "snapshot-overlaid.json"] {
        let snapshot: Snapshot =
            serde_json::from_value(file(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(!snapshot.listeners.is_empty() && snapshot.generation > 0, "{name}");
    }
}

#[test]
fn a_key_that_is_not_in_the_contract_is_refused() {
    let mut snapshot = file("snapshot-small.json");
    snapshot["backends"][0]["servers"][0]["wieght"] = Value::from(1);
    let error = serde_json::from_value::<Snapshot>(snapshot).unwrap_err().to_string();
    assert!(error.contains("wieght"), "{error}");
}

#[test]
fn every_request_is_understood() {
    let requests = [
        "Hello",
        "SetSockets",
        "GetSockets",
        "Apply",
        "Patch",
        "TableAsked",
        "ClearCounters",
        "AskSessions",
        "AskList",
        "GetStats",
        "Restore",
        "Drain",
        "Stop",
    ];
    for entry in file("frames.json").as_array().unwrap() {
        let model = entry["model"].as_str().unwrap();
        let text = entry["frame"].to_string();
        if model == "Apply" {
            serde_json::from_str::<Apply<'_>>(&text).unwrap_or_else(|error| panic!("{model}: {error}"));
        } else if requests.contains(&model) {
            serde_json::from_str::<Request>(&text).unwrap_or_else(|error| panic!("{model}: {error}"));
        }
    }
}
