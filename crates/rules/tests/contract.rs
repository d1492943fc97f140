//! Replays `tests/contract/expressions.json`, the vectors that the control plane's tests read too.
//!
//! A vector's `value` is JSON: null for what is absent, and an address is its text.
#![allow(clippy::expect_used)]

use serde::Deserialize;
use tenbin_rules::{Around, Expr, Request, Value, wire};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vector {
    name: String,
    expr: wire::Expr,
    request: Request,
    value: wire::Const,
}

fn as_json(value: &Value<'_>) -> wire::Const {
    match value {
        Value::Absent => wire::Const::Null,
        Value::Bool(flag) => wire::Const::Bool(*flag),
        Value::Int(number) => wire::Const::Int(*number),
        Value::Str(text) => wire::Const::Str(String::from_utf8_lossy(text).into_owned()),
        Value::Ip(address) => wire::Const::Str(address.to_string()),
    }
}

/// What HAProxy has made of samples and conditions; written by `tests/conformance/haproxy_samples.py`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Samples {
    requests: Vec<Request>,
    vectors: Vec<Sample>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sample {
    name: String,
    expr: wire::Expr,
    request: usize,
    value: wire::Const,
}

#[test]
fn samples_are_those_of_haproxy() {
    let text = include_str!("../../../tests/contract/samples.json");
    let samples: Samples = serde_json::from_str(text).expect("the file has the shape of Samples");
    assert!(samples.vectors.len() > 300);
    let mut wrong = Vec::new();
    for Sample { name, expr, request, value } in samples.vectors {
        let expr = Expr::compile(&expr, &Around::NOTHING).expect(&name);
        let found = expr.eval(&samples.requests[request]);
        let text = match (&value, as_json(&found)) {
            (wire::Const::Str(_), wire::Const::Int(number)) => wire::Const::Str(number.to_string()),
            (_, other) => other,
        };
        if text != value {
            wrong.push(format!("{name}, request {request}: HAProxy {value}, Tenbin {text}"));
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_vector_holds() {
    let text = include_str!("../../../tests/contract/expressions.json");
    let vectors: Vec<Vector> = serde_json::from_str(text).expect("the file has the shape of Vector");
    assert!(vectors.len() > 100);
    for vector in vectors {
        let expr = Expr::compile(&vector.expr, &Around::NOTHING).expect(&vector.name);
        let value = expr.eval(&vector.request);
        assert_eq!(as_json(&value), vector.value, "{}", vector.name);
        assert_eq!(expr.test(&vector.request), value.truth(), "{}: test and eval agree", vector.name);
        let (mut written, mut text) = (Vec::new(), Vec::new());
        expr.write(&vector.request, &mut written);
        value.write(&mut text);
        assert_eq!(written, text, "{}: write and eval agree", vector.name);
        if let Some(constant) = expr.constant() {
            assert_eq!(constant, value, "{}: constant and eval agree", vector.name);
        }
    }
}
