//! No expression panics, whatever it asks for, is given and finds.
#![allow(clippy::expect_used, clippy::indexing_slicing)]

use std::sync::{Arc, LazyLock};

use proptest::prelude::*;
use serde_json::Value as Json;
use tenbin_rules::wire::{Const, Expr as Wire};
use tenbin_rules::{Around, Counter, Counters, Expr, List, Request, Value};

/// A stick table in which everything is 7.
struct Sevens;

impl Counters for Sevens {
    fn look(&self, _: &Value<'_>, _: &Counter, _: u64) -> Value<'static> {
        Value::Int(7)
    }
    fn contains(&self, _: &Value<'_>, _: u64) -> bool {
        true
    }
    fn fill(&self) -> (usize, usize) {
        (7, 100)
    }
    fn itself(self: Arc<Self>) -> Arc<dyn std::any::Any + Send + Sync> {
        self
    }
}

/// Names and the kinds of their arguments.
type Rows = Vec<(String, Vec<String>)>;

/// Every fetch and converter with arguments of the right kinds, as many as fit.
fn rows(part: &str) -> Rows {
    let known = serde_json::to_value(tenbin_rules::vocabulary()).expect("a vocabulary is JSON");
    let text = |value: &Json| value.as_str().unwrap_or_default().to_owned();
    let row = |row: &Json| {
        let args = row["args"].as_array().into_iter().flatten().map(|arg| text(&arg["kind"])).collect();
        (text(&row["name"]), args)
    };
    known[part].as_array().into_iter().flatten().map(row).collect()
}

fn argument(kind: &str, text: &str, number: i64) -> Const {
    match kind {
        "int" | "number" => Const::Int(number),
        "bool" => Const::Bool(number > 0),
        _ => Const::Str(text.to_owned()),
    }
}

fn tree(
    (fetch, converter, method): (usize, usize, usize),
    (text, number, given): (&str, i64, usize),
) -> Wire {
    static ROWS: LazyLock<[Rows; 2]> = LazyLock::new(|| [rows("fetches"), rows("converters")]);
    let [fetches, converters] = &*ROWS;
    let (name, kinds) = &fetches[fetch % fetches.len()];
    let args = |kinds: &[String]| kinds.iter().take(given).map(|kind| argument(kind, text, number)).collect();
    let asked = Wire::Fetch { name: name.clone(), args: args(kinds) };
    let (name, kinds) = &converters[converter % converters.len()];
    let input = Box::new(Wire::Convert { name: name.clone(), args: args(kinds), input: Box::new(asked) });
    let methods =
        ["found", "bool", "int", "ip", "bin", "len", "str", "beg", "sub", "end", "dir", "dom", "reg"];
    let method = methods[method % methods.len()].to_owned();
    let patterns = if matches!(method.as_str(), "found" | "bool") { vec![] } else { vec![text.to_owned()] };
    Wire::Match { method, input, patterns, ignore_case: number % 2 == 0, lists: vec![], each: true }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]
    #[test]
    fn evaluation_never_panics(
        what in (any::<usize>(), any::<usize>(), any::<usize>()),
        text in prop_oneof![Just("txn.a".to_owned()), Just("1".to_owned()), Just("ms".to_owned()), "\\PC{0,6}"],
        number in prop_oneof![-12_i64..100, any::<i64>()],
        given in 0_usize..5,
        value in "[ -~]{0,20}",
    ) {
        let list = |_: &str| Some(Arc::new(List::new(vec![("1".into(), "plain:x\ng".into())])));
        let table = |_: &str| Some(Arc::new(Sevens) as Arc<dyn Counters>);
        let around = Around { list: &list, table: &table, asks: None };
        let request = Request {
            path: format!("/{value}"),
            query: format!("a={value}&{text}={value}"),
            host: value.clone(),
            headers: vec![
                ("Host".into(), value.clone()),
                (text.clone(), value.clone()),
                ("Cookie".into(), format!("{text}={value}")),
                ("Authorization".into(), format!("Basic {value}")),
            ],
            body: format!("\u{16}\u{3}\u{1}\0\u{7}\u{1}\0\0\u{3}\u{3}\u{3}{value}{value}{value}"),
            ..Request::default()
        };
        let Wire::Match { input, .. } = &tree(what, (&text, number, given)) else { return Ok(()) };
        for wire in [&**input, &tree(what, (&text, number, given))] {
            if let Ok(expr) = Expr::compile(wire, &around) {
                let value = expr.eval(&request);
                prop_assert_eq!(expr.test(&request), value.truth());
                let (mut written, mut text) = (Vec::new(), Vec::new());
                expr.write(&request, &mut written);
                value.write(&mut text);
                let random = wire.to_string();
                if !random.contains("rand") && !random.contains("uuid") {
                    prop_assert_eq!(written, text);
                }
            }
        }
    }
}
