//! The index answers exactly what trying every route in order would answer.
#![allow(clippy::expect_used)]

use proptest::prelude::*;
use tenbin_rules::wire::{Comparison, Const, Expr as Wire};
use tenbin_rules::{Around, Expr, Request, Router};

fn fetch(name: &str) -> Wire {
    Wire::Fetch { name: name.into(), args: vec![] }
}

fn matched(method: &str, input: Wire, patterns: &[&str]) -> Wire {
    let patterns = patterns.iter().map(|&pattern| pattern.into()).collect();
    Wire::Match {
        method: method.into(),
        input: Box::new(input),
        patterns,
        ignore_case: false,
        lists: vec![],
        each: false,
    }
}

fn compiled(wire: &Wire) -> Expr {
    Expr::compile(wire, &Around::NOTHING).expect("only sound expressions are made here")
}

fn router(conditions: &[Option<Wire>]) -> Router {
    Router::new(conditions.iter().map(|condition| condition.as_ref().map(compiled)).collect())
}

/// The first route by trying one after another.
fn scan(conditions: &[Option<Wire>], request: &Request, from: usize) -> Option<usize> {
    let holds = |condition: &Option<Wire>| condition.as_ref().is_none_or(|wire| compiled(wire).test(request));
    conditions.iter().enumerate().skip(from).find(|(_, condition)| holds(condition)).map(|(route, _)| route)
}

fn request(host: &str, path: &str) -> Request {
    Request { host: host.into(), path: path.into(), ..Request::default() }
}

#[test]
fn the_earlier_route_wins_whatever_its_key() {
    let routes = router(&[
        Some(matched("beg", fetch("path"), &["/api/v2"])),
        Some(matched("eq", fetch("host"), &["Admin.Localhost"])),
        Some(matched("end", fetch("host"), &[".example.org"])),
        Some(matched("reg", fetch("path"), &["^/[0-9]+$"])),
        Some(matched("beg", fetch("path"), &["/api/"])),
        Some(matched("end", fetch("path"), &[".png"])),
        None,
        Some(matched("beg", fetch("path"), &["/"])),
    ]);
    for (host, path, from, expected) in [
        ("admin.localhost", "/api/v2/x", 0, Some(0)),
        ("ADMIN.localhost", "/api/v1", 0, Some(1)),
        ("admin.localhost", "/api/v1", 2, Some(4)),
        ("a.Example.org", "/12", 0, Some(2)),
        ("example.org", "/12", 0, Some(3)),
        ("", "/x/y.png", 0, Some(5)),
        ("", "/", 0, Some(6)),
        ("", "/", 7, Some(7)),
        ("", "*", 7, None),
        ("", "/", 8, None),
        ("", "/", usize::MAX, None),
    ] {
        assert_eq!(routes.find(&request(host, path), from), expected, "{host} {path} {from}");
    }
    assert_eq!(routes.len(), 8);
    assert_eq!(Router::new(vec![]).find(&request("", "/"), 0), None);
}

#[test]
fn explain_tells_what_was_asked_and_answered() {
    let routes = router(&[
        Some(Wire::All {
            of: vec![
                matched("eq", fetch("host"), &["a"]),
                matched(
                    "found",
                    Wire::Fetch { name: "cookie".into(), args: vec![Const::Str("s".into())] },
                    &[],
                ),
            ],
        }),
        Some(matched("beg", fetch("path"), &["/x"])),
        None,
    ]);
    let steps = routes.explain(&request("A", "/x/y"));
    assert_eq!(steps.len(), 2);
    assert!(!steps[0].holds && steps[1].holds);
    assert_eq!(steps[0].condition.as_deref(), Some(r#"(host == "a") and (cookie("s") is not None)"#));
    assert_eq!(steps[0].seen, [("host".into(), Some("a".into())), (r#"cookie("s")"#.into(), None)]);
    assert_eq!(steps[1].seen, [("path".into(), Some("/x/y".into()))]);
}

const HOSTS: &[&str] = &["a", "b", "A", "a.b", "x.a.b", ".b", ""];
const PATHS: &[&str] = &["/", "/a", "/A", "/a/", "/a/b", "/ab", "/b.c", "/c/c/c/c/c/c", "", "*"];

/// Values of the field `host`.
const FIELDS: &[&str] = &["a", "A:80", "a.b", "x.a.b:8080", "a, b", ".b", "", "[::1]:80", "::1", "a:b:c"];

fn text(of: &'static [&'static str]) -> impl Strategy<Value = String> {
    proptest::sample::select(of).prop_map(str::to_owned)
}

/// A match on host or path, sometimes through a change of case, sometimes written as a comparison.
fn leaf() -> impl Strategy<Value = Wire> {
    let dimension = prop_oneof![
        (Just("host"), proptest::collection::vec(text(HOSTS), 1..4)),
        (Just("path"), proptest::collection::vec(text(PATHS), 1..12)),
    ];
    let method = proptest::sample::select(&["eq", "in", "beg", "end", "sub"][..]);
    let case = proptest::sample::select(&[None, Some("lower"), Some("upper")][..]);
    let matches =
        (dimension, method, case, any::<bool>()).prop_map(|((name, patterns), method, case, ignore_case)| {
            let input = match case {
                Some(case) => Wire::Convert { name: case.into(), input: Box::new(fetch(name)), args: vec![] },
                None => fetch(name),
            };
            Wire::Match {
                method: method.into(),
                input: Box::new(input),
                patterns,
                ignore_case,
                lists: vec![],
                each: false,
            }
        });
    let dimension = prop_oneof![
        (
            proptest::sample::select(&["host", "host_only", "field", "lower"][..]),
            proptest::collection::vec(text(HOSTS), 1..4)
        ),
        (Just("path"), proptest::collection::vec(text(PATHS), 1..4)),
    ];
    let method = proptest::sample::select(&["str", "beg", "end", "sub", "dom"][..]);
    let eaches = (dimension, method, any::<bool>()).prop_map(|((what, patterns), method, ignore_case)| {
        let field = || Wire::Fetch { name: "req.hdr".into(), args: vec![Const::Str("Host".into())] };
        let convert = |args| Wire::Convert { name: what.into(), input: Box::new(field()), args };
        let input = match what {
            "path" => fetch("path"),
            "host" => field(),
            "field" => convert(vec![Const::Int(1), Const::Str(":".into())]),
            _ => convert(vec![]),
        };
        let (method, lists, each) = (method.into(), vec![], true);
        Wire::Match { method, input: Box::new(input), patterns, ignore_case, lists, each }
    });
    let compares = (any::<bool>(), text(PATHS)).prop_map(|(equal, text)| Wire::Compare {
        cmp: if equal { Comparison::Eq } else { Comparison::Ne },
        left: Box::new(Wire::Const { value: Const::Str(text) }),
        right: Box::new(fetch("path")),
    });
    let constants = any::<bool>().prop_map(|flag| Wire::Const { value: Const::Bool(flag) });
    prop_oneof![8 => matches, 8 => eaches, 2 => compares, 1 => constants]
}

fn condition() -> impl Strategy<Value = Wire> {
    leaf().prop_recursive(3, 12, 3, |inner| {
        let some = proptest::collection::vec(inner.clone(), 0..3);
        prop_oneof![
            some.clone().prop_map(|of| Wire::All { of }),
            some.prop_map(|of| Wire::Any { of }),
            inner.prop_map(|input| Wire::Not { input: Box::new(input) }),
        ]
    })
}

proptest! {
    #[test]
    fn finds_what_a_scan_finds(
        conditions in proptest::collection::vec(proptest::option::weighted(0.97, condition()), 0..40),
        requests in proptest::collection::vec(
            (text(HOSTS), text(PATHS), proptest::collection::vec(text(FIELDS), 0..3), 0_usize..45),
            8,
        ),
    ) {
        let router = router(&conditions);
        for (host, path, fields, from) in requests {
            let mut request = request(&host, &path);
            request.headers = fields.into_iter().map(|field| ("Host".to_owned(), field)).collect();
            prop_assert_eq!(router.find(&request, from), scan(&conditions, &request, from), "{:?}", request);
        }
    }

    /// Many routes that share hosts and share paths, so that pairs of both become keys.
    #[test]
    fn finds_what_a_scan_finds_in_crowds(
        pairs in proptest::collection::vec((text(HOSTS), text(PATHS), any::<bool>()), 30..120),
        requests in proptest::collection::vec((text(HOSTS), text(PATHS), 0_usize..100), 8),
    ) {
        let crowd = |(host, path, whole): &(String, String, bool)| Some(Wire::All { of: vec![
            matched("eq", fetch("host"), &[host]),
            matched(if *whole { "eq" } else { "beg" }, fetch("path"), &[path]),
        ]});
        let conditions: Vec<_> = pairs.iter().map(crowd).collect();
        let router = router(&conditions);
        for (host, path, from) in requests {
            let request = request(&host, &path);
            prop_assert_eq!(router.find(&request, from), scan(&conditions, &request, from), "{:?}", request);
        }
    }
}
