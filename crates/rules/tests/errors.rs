//! Every way in which an expression is refused, with the place in its JSON and the reason.
#![allow(clippy::expect_used)]

use tenbin_rules::{Around, Expr, wire};

fn refusal(json: &str) -> String {
    let wire: wire::Expr = serde_json::from_str(json).expect(json);
    Expr::compile(&wire, &Around::NOTHING).expect_err(json).to_string()
}

/// `<P>`, `<H>`, `<S>`, `<N>` and `<Y>` stand for path, header("x"), source, port and true.
fn full(short: &str) -> String {
    short
        .replace("<P>", r#"{"op":"fetch","name":"path"}"#)
        .replace("<H>", r#"{"op":"fetch","name":"header","args":["x"]}"#)
        .replace("<S>", r#"{"op":"fetch","name":"source"}"#)
        .replace("<N>", r#"{"op":"fetch","name":"port"}"#)
        .replace("<Y>", r#"{"op":"const","value":true}"#)
}

#[test]
fn names_and_arguments() {
    for (json, expected) in [
        (
            r#"{"op":"fetch","name":"pth"}"#,
            r#"name: unknown fetch "pth"; known: method, path, query, url, param"#,
        ),
        (r#"{"op":"fetch","name":"path","args":["x"]}"#, "args: path takes at most 0 arguments, not 1"),
        (r#"{"op":"fetch","name":"header"}"#, "args: header needs a name (str)"),
        (r#"{"op":"fetch","name":"header","args":[1]}"#, "args[0]: a name of header must be str, not int"),
        (
            r#"{"op":"fetch","name":"header","args":["a b"]}"#,
            r#"args[0]: "a b" cannot be the name of a header"#,
        ),
        (r#"{"op":"fetch","name":"cookie","args":[""]}"#, r#"args[0]: "" cannot be the name of a cookie"#),
        (
            r#"{"op":"convert","name":"lwr","input":<P>}"#,
            r#"name: unknown converter "lwr"; known: lower, upper, strip, length"#,
        ),
        (r#"{"op":"convert","name":"lower","input":<S>}"#, "input: lower takes str, not ip"),
        (
            r#"{"op":"convert","name":"strip","input":<P>,"args":[null]}"#,
            "args[0]: characters of strip must be text",
        ),
        (
            r#"{"op":"match","method":"like","input":<P>,"patterns":["a"]}"#,
            r#"method: unknown match method "like"; known: eq, in, beg, end, sub, reg, ip, found"#,
        ),
    ] {
        let message = refusal(&full(json));
        assert!(message.starts_with(expected), "{json}\n  {message}");
    }
}

#[test]
fn kinds() {
    for (json, expected) in [
        (r#"{"op":"match","method":"beg","input":<S>,"patterns":["10."]}"#, "input: beg takes str, not ip"),
        (r#"{"op":"match","method":"reg","input":<Y>,"patterns":["a"]}"#, "input: reg takes str, not bool"),
        (
            r#"{"op":"compare","cmp":"eq","left":<P>,"right":{"op":"const","value":1}}"#,
            "str cannot be compared with int",
        ),
        (r#"{"op":"compare","cmp":"ne","left":<S>,"right":<H>}"#, "ip cannot be compared with str"),
        (
            r#"{"op":"compare","cmp":"lt","left":<S>,"right":<S>}"#,
            "ip has no order; only eq and ne compare it",
        ),
        (
            r#"{"op":"compare","cmp":"ge","left":<Y>,"right":<Y>}"#,
            "bool has no order; only eq and ne compare it",
        ),
        (
            r#"{"op":"compare","cmp":"eq","left":<S>,"right":{"op":"const","value":"ten"}}"#,
            r#"right: "ten" is neither an address nor a network"#,
        ),
        (
            r#"{"op":"compare","cmp":"ne","left":{"op":"const","value":"10.0.0.0/8"},"right":<S>}"#,
            r#"left: "10.0.0.0/8" is a network; an address can be in it, not equal to it"#,
        ),
    ] {
        let message = refusal(&full(json));
        assert!(message.starts_with(expected), "{json}\n  {message}");
    }
}

#[test]
fn places_of_nested_errors() {
    for (json, expected) in [
        (
            r#"{"op":"any","of":[<P>,{"op":"match","method":"reg","input":<P>,"patterns":["(?<=a)b"]}]}"#,
            "of[1].patterns[0]: look-around would cost more than linear time and cannot be used",
        ),
        (
            r#"{"op":"all","of":[{"op":"not","input":{"op":"match","method":"in","input":<S>,"patterns":["10.0.0.0/8","x"]}}]}"#,
            r#"of[0].input.patterns[1]: "x" is neither an address nor a network such as 10.0.0.0/8"#,
        ),
        (
            r#"{"op":"compare","cmp":"lt","left":{"op":"convert","name":"length","input":<N>},"right":<N>}"#,
            "left.input: length takes str, not int",
        ),
        (
            r#"{"op":"concat","of":[<P>,{"op":"convert","name":"lower","input":{"op":"fetch","name":"x"}}]}"#,
            r#"of[1].input.name: unknown fetch "x""#,
        ),
    ] {
        let message = refusal(&full(json));
        assert!(message.starts_with(expected), "{json}\n  {message}");
    }
}

#[test]
fn depth() {
    let mut wire = wire::Expr::Const { value: wire::Const::Bool(true) };
    for _ in 0..99 {
        wire = wire::Expr::Not { input: Box::new(wire) };
    }
    assert!(Expr::compile(&wire, &Around::NOTHING).is_ok());
    let error = Expr::compile(&wire::Expr::Not { input: Box::new(wire) }, &Around::NOTHING)
        .expect_err("a hundred and one levels");
    assert_eq!(error.reason, "expressions may nest 100 deep, not deeper");
    assert!(error.path.starts_with("input.input."));
}
