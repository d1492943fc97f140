//! From the JSON form to the compiled tree: names resolved, kinds checked, constants folded.
//!
//! Also rewrites what would allocate on a request into what does not: `header("x").lower() == "a"` becomes a match
//! that ignores case, and so does everything about `host`.

use crate::convert::{self, Case};
use crate::each::{Each, Written, host_by};
use crate::fetch::{self, Fetch};
use crate::keys::HostBy;
use crate::method::{self, Meaning, Patterns};
use crate::node::Node;
use crate::wire::{Comparison, Const, Expr};
use crate::{Around, Error, Kind, Request, Value};

/// How deep expressions may nest; keeps evaluation's stack bounded.
const DEPTH: usize = 100;

/// A node and the kind of its values.
#[derive(Debug)]
pub(crate) struct Typed {
    pub node: Node,
    pub kind: Kind,
}

/// Compiles the whole of `expr`; `around` says what names of lists and tables stand for.
pub(crate) fn compile(expr: &Expr, around: &Around<'_>) -> Result<Typed, Error> {
    node(expr, around, 1)
}

fn node(expr: &Expr, around: &Around<'_>, depth: usize) -> Result<Typed, Error> {
    if depth > DEPTH {
        return Err(Error::at("", format!("expressions may nest {DEPTH} deep, not deeper")));
    }
    let below = |field: &str, expr: &Expr| node(expr, around, depth + 1).map_err(|error| error.under(field));
    let each = |of: &[Expr]| -> Result<Vec<Typed>, Error> {
        of.iter().enumerate().map(|(i, expr)| below(&format!("of[{i}]"), expr)).collect()
    };
    let typed = match expr {
        Expr::Const { value } => Typed { node: Node::Const(literal(value)), kind: value.kind() },
        Expr::Fetch { name, args } => {
            let (fetch, kind) = fetch::build(name, args, around)?;
            let node = fetch.constant().map_or_else(|| Node::Fetch(fetch), Node::Const);
            Typed { node, kind }
        }
        Expr::Convert { name, input, args } => {
            let input = below("input", input)?;
            let converter = convert::build(name, args, input.kind, around)?;
            let kind = converter.kind(input.kind);
            Typed { node: Node::Convert { converter, input: Box::new(input.node) }, kind }
        }
        Expr::Match { method, input, patterns, ignore_case, lists, each } if *each || !lists.is_empty() => {
            let typed = below("input", input)?;
            let written = Written { method, patterns, lists, kind: typed.kind };
            each_matched(&written, typed.node, *ignore_case, (host_by(input), around))?
        }
        Expr::Match { method, input, patterns, ignore_case, .. } => {
            let texts = patterns.iter().map(String::as_str).collect();
            matched(method, below("input", input)?, texts, *ignore_case)?
        }
        Expr::Compare { cmp, left, right } => compared(*cmp, below("left", left)?, below("right", right)?)?,
        Expr::All { of } => joined(each(of)?, false),
        Expr::Any { of } => joined(each(of)?, true),
        Expr::Not { input } => truth(Node::Not(Box::new(below("input", input)?.node))),
        Expr::Concat { of } => {
            let of = each(of)?.into_iter().map(|typed| typed.node).collect();
            Typed { node: Node::Concat(of), kind: Kind::Str }
        }
    };
    Ok(Typed { node: folded(typed.node), ..typed })
}

fn truth(node: Node) -> Typed {
    Typed { node, kind: Kind::Bool }
}

fn literal(value: &Const) -> Value<'static> {
    match value {
        Const::Null => Value::Absent,
        Const::Bool(flag) => Value::Bool(*flag),
        Const::Int(number) => Value::Int(*number),
        Const::Str(text) => Value::Str(text.as_bytes().to_vec().into()),
    }
}

/// `and` and `or`: constants are dropped, and one that decides is all that is left.
fn joined(of: Vec<Typed>, decides: bool) -> Typed {
    let constant = |typed: &Typed| match &typed.node {
        Node::Const(value) => Some(value.truth()),
        _ => None,
    };
    if of.iter().any(|typed| constant(typed) == Some(decides)) {
        return truth(Node::Const(Value::Bool(decides)));
    }
    let mut open: Vec<Typed> = of.into_iter().filter(|typed| constant(typed).is_none()).collect();
    match open.pop() {
        None => truth(Node::Const(Value::Bool(!decides))),
        Some(only) if open.is_empty() && only.kind == Kind::Bool => only,
        Some(last) => {
            let nodes = open.into_iter().chain([last]).map(|typed| typed.node).collect();
            truth(if decides { Node::Any(nodes) } else { Node::All(nodes) })
        }
    }
}

fn matched(method: &str, input: Typed, texts: Vec<&str>, ignore_case: bool) -> Result<Typed, Error> {
    let mut patterns = Patterns { texts, ignore_case, kind: input.kind };
    // First as written: errors are about what the operator wrote.
    let mut matcher = method::build(method, &patterns)?;
    let mut node = input.node;
    while let Some(inner) = without_case(&node, method::meaning(method), &patterns) {
        node = inner;
        patterns.ignore_case = true;
        matcher = method::build(method, &patterns)?;
    }
    Ok(truth(match node {
        Node::Fetch(fetch) => Node::Test { fetch, matcher },
        other => Node::Match { input: Box::new(other), matcher },
    }))
}

/// A match on each value. A change of case before it becomes a match that ignores case, where that says the same.
fn each_matched(
    written: &Written<'_>,
    mut node: Node,
    mut ignore_case: bool,
    (host, around): (Option<HostBy>, &Around<'_>),
) -> Result<Typed, Error> {
    let mut each = Each::new(written, ignore_case, around)?;
    let meaning = match method::meaning(written.method) {
        Meaning::Other if matches!(written.method, "str" | "dir" | "dom") => Meaning::Literal,
        meaning if written.lists.is_empty() => meaning,
        _ => Meaning::Other,
    };
    loop {
        let texts = written.patterns.iter().map(String::as_str).collect();
        let Some(inner) = without_case(&node, meaning, &Patterns { texts, ignore_case, kind: written.kind })
        else {
            break;
        };
        (node, ignore_case) = (inner, true);
        each = Each::new(written, ignore_case, around)?;
    }
    each.host = host;
    Ok(truth(Node::Each { input: Box::new(node), each: Box::new(each) }))
}

/// The input below a change of case that is superfluous once the match ignores case.
fn without_case(node: &Node, meaning: Meaning, patterns: &Patterns<'_>) -> Option<Node> {
    let can_match = |case: Case, text: &str| match case {
        Case::Lower => !text.bytes().any(|byte| byte.is_ascii_uppercase()),
        Case::Upper => !text.bytes().any(|byte| byte.is_ascii_lowercase()),
    };
    match node {
        _ if meaning == Meaning::Other => None,
        Node::Fetch(Fetch::Host) => Some(Node::Fetch(Fetch::RawHost)),
        Node::Convert { converter, input } => {
            let case = converter.row.case?;
            let literal =
                meaning == Meaning::Literal && patterns.texts.iter().all(|text| can_match(case, text));
            (patterns.ignore_case || literal).then(|| (**input).clone())
        }
        _ => None,
    }
}

/// Comparing with a constant becomes a match; with null, the question whether there is a value at all.
fn compared(cmp: Comparison, left: Typed, right: Typed) -> Result<Typed, Error> {
    let equality = matches!(cmp, Comparison::Eq | Comparison::Ne);
    let (field, constant, other) = match (&left.node, &right.node) {
        (Node::Const(value), _) => ("left", Some(value.clone()), &right),
        (_, Node::Const(value)) => ("right", Some(value.clone()), &left),
        _ => ("", None, &left),
    };
    if let (true, Some(Value::Absent)) = (equality, &constant) {
        let found = if field == "left" { right } else { left };
        let found = matched("found", found, Vec::new(), false)?;
        return Ok(if cmp == Comparison::Eq { truth(Node::Not(Box::new(found.node))) } else { found });
    }
    if let (true, Some(text)) = (equality, constant.as_ref().and_then(|value| pattern(value, other.kind))) {
        let found = if field == "left" { right } else { left };
        let test =
            matched("eq", found, vec![&text], false).map_err(|error| Error::at(field, error.reason))?;
        return Ok(if cmp == Comparison::Ne { truth(Node::Not(Box::new(test.node))) } else { test });
    }
    let known = |kind| kind != Kind::Absent;
    if left.kind != right.kind && known(left.kind) && known(right.kind) {
        return Err(Error::at("", format!("{} cannot be compared with {}", left.kind, right.kind)));
    }
    let kind = if known(left.kind) { left.kind } else { right.kind };
    if !equality && matches!(kind, Kind::Bool | Kind::Ip) {
        return Err(Error::at("", format!("{kind} has no order; only eq and ne compare it")));
    }
    let host = |typed: &Typed| matches!(typed.node, Node::Fetch(Fetch::Host));
    let ignore_case = equality && (host(&left) || host(&right));
    Ok(truth(Node::Compare { cmp, ignore_case, sides: Box::new((left.node, right.node)) }))
}

/// The constant as the pattern of an `eq` match on a value of `kind`, if it can be one.
fn pattern(constant: &Value<'static>, kind: Kind) -> Option<String> {
    match (constant, kind) {
        (Value::Str(text), Kind::Str | Kind::Ip) => String::from_utf8(text.to_vec()).ok(),
        (Value::Int(number), Kind::Int) => Some(number.to_string()),
        _ => None,
    }
}

/// The node's value instead of the node, where no request can change it.
fn folded(node: Node) -> Node {
    let constant = |node: &Node| matches!(node, Node::Const(_));
    let fixed = match &node {
        Node::Const(_) | Node::Fetch(_) | Node::Test { .. } => false,
        Node::Convert { converter, input } => converter.fixed() && constant(input),
        Node::Each { input, each } => each.is_fixed() && constant(input),
        Node::Match { input, .. } | Node::Not(input) => constant(input),
        Node::Compare { sides, .. } => constant(&sides.0) && constant(&sides.1),
        Node::All(of) | Node::Any(of) | Node::Concat(of) => of.iter().all(constant),
    };
    // Every leaf is a constant, so that whatever request is asked gives the same answer.
    if fixed { Node::Const(node.eval(&Request::default()).into_owned()) } else { node }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compiled(json: &str) -> Node {
        let json = json
            .replace(
                "<U>",
                r#"{"op":"convert","name":"lower","input":{"op":"fetch","name":"header","args":["u"]}}"#,
            )
            .replace("<H>", r#"{"op":"fetch","name":"host"}"#)
            .replace("<P>", r#"{"op":"fetch","name":"path"}"#);
        compile(&serde_json::from_str(&json).unwrap(), &Around::NOTHING).unwrap().node
    }

    #[test]
    fn changes_of_case_become_matches_that_ignore_it() {
        for (json, expected) in [
            (r#"{"op":"match","method":"eq","input":<U>,"patterns":["websocket"]}"#, r#"header("u")"#),
            (r#"{"op":"match","method":"sub","input":<U>,"patterns":["a","b"]}"#, r#"header("u")"#),
            (
                r#"{"op":"compare","cmp":"eq","left":<U>,"right":{"op":"const","value":"x"}}"#,
                r#"header("u")"#,
            ),
            (
                r#"{"op":"match","method":"reg","input":<U>,"patterns":["x"],"ignore_case":true}"#,
                r#"header("u")"#,
            ),
            (r#"{"op":"match","method":"reg","input":<H>,"patterns":["^A"]}"#, "host"),
        ] {
            let node = compiled(json);
            assert!(matches!(&node, Node::Test { fetch, .. } if fetch.to_string() == expected), "{node:?}");
            assert!(!matches!(&node, Node::Test { fetch: Fetch::Host, .. }), "{node:?}");
        }
        for json in [
            r#"{"op":"match","method":"eq","input":<U>,"patterns":["WebSocket"]}"#,
            r#"{"op":"match","method":"reg","input":<U>,"patterns":["[a-z]"]}"#,
            r#"{"op":"match","method":"found","input":<U>}"#,
        ] {
            assert!(matches!(compiled(json), Node::Match { .. }), "{json}");
        }
    }

    #[test]
    fn what_no_request_can_change_is_a_constant() {
        for (json, expected) in [
            (r#"{"op":"all","of":[]}"#, Value::Bool(true)),
            (r#"{"op":"any","of":[<P>,{"op":"const","value":1}]}"#, Value::Bool(true)),
            (
                r#"{"op":"all","of":[<P>,{"op":"not","input":{"op":"const","value":"x"}}]}"#,
                Value::Bool(false),
            ),
            (
                r#"{"op":"concat","of":[{"op":"const","value":"a"},{"op":"convert","name":"upper","input":{"op":"const","value":"b"}}]}"#,
                Value::text(b"aB"),
            ),
            (
                r#"{"op":"compare","cmp":"lt","left":{"op":"const","value":1},"right":{"op":"const","value":2}}"#,
                Value::Bool(true),
            ),
            (
                r#"{"op":"match","method":"sub","input":{"op":"const","value":"abc"},"patterns":["b"]}"#,
                Value::Bool(true),
            ),
        ] {
            let node = compiled(json);
            assert!(matches!(&node, Node::Const(value) if *value == expected), "{json}: {node:?}");
        }
    }

    #[test]
    fn a_single_operand_is_unwrapped_only_when_it_is_a_truth_value() {
        let only = r#"{"op":"all","of":[{"op":"match","method":"beg","input":<P>,"patterns":["/"]},{"op":"const","value":true}]}"#;
        assert!(matches!(compiled(only), Node::Test { .. }));
        assert!(matches!(compiled(r#"{"op":"any","of":[<P>]}"#), Node::Any(_)));
    }
}
