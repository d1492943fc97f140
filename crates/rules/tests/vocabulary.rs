//! The committed vocabulary, which the readers of configurations use, is what this crate knows.
#![allow(clippy::expect_used)]

use serde_json::Value;

#[test]
fn the_control_plane_reads_what_the_data_plane_knows() {
    let committed = include_str!("../../../src/tenbin/configfile/expression/vocabulary.json");
    let committed: Value = serde_json::from_str(committed).expect("the committed file is JSON");
    let known = serde_json::to_value(tenbin_rules::vocabulary()).expect("a vocabulary is JSON");
    for part in ["fetches", "converters", "methods"] {
        assert_eq!(committed[part], known[part], "{part} differ: run `make vocabulary` and commit the file");
    }
}
