//! What finding a route costs with 1, 100 and 10 000 of them: `cargo run --release --example route_cost`.
//!
//! "same" asks for one request again and again, so everything stays in the cache; "each" asks for every route in
//! turn, in a scattered order, so that 10 000 routes also pay for the memory that they occupy.
#![allow(clippy::print_stdout, clippy::disallowed_methods, clippy::expect_used, clippy::indexing_slicing)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use tenbin_rules::wire::{Const, Expr as Wire};
use tenbin_rules::{Around, Expr, Request, Router};

const FINDS: usize = 2_000_000;
const ROUNDS: usize = 7;

fn main() {
    println!("{:<24} {:>7} {:>9} {:>9} {:>10}", "condition", "routes", "same ns", "each ns", "build ms");
    for (name, make) in KINDS {
        for count in [1, 100, 10_000] {
            report(name, *make, count);
        }
    }
}

type Make = fn(usize) -> (Option<Wire>, Request);

const KINDS: &[(&str, Make)] = &[
    ("path prefix", |i| (Some(on("beg", "path", &format!("/service-{i}/"))), asking(String::new(), i))),
    ("path", |i| (Some(on("eq", "path", &format!("/service-{i}/items"))), asking(String::new(), i))),
    ("host", |i| (Some(on("eq", "host", &host(i))), asking(host(i), i))),
    ("host suffix", |i| {
        (Some(on("end", "host", &format!(".{}", host(i)))), asking(format!("www.{}", host(i)), i))
    }),
    ("one host, path prefix", |i| {
        let of = vec![on("eq", "host", &host(0)), on("beg", "path", &format!("/service-{i}/"))];
        (Some(Wire::All { of }), asking(host(0), i))
    }),
    ("hdr(host)", |i| (Some(each("str", field(), &host(i))), fielded(host(i), i))),
    ("hdr(host),host_only", |i| {
        let bare = Wire::Convert { name: "host_only".into(), input: Box::new(field()), args: vec![] };
        (Some(each("str", bare, &host(i))), fielded(host(i), i))
    }),
    ("hdr(host) and path_beg", |i| {
        let of = vec![
            each("str", field(), &host(i / 100)),
            each("beg", fetch("path"), &format!("/service-{}/", i % 100)),
        ];
        (Some(Wire::All { of }), fielded(host(i / 100), i % 100))
    }),
    ("one hdr(host), path_beg", |i| {
        let of = vec![each("str", field(), &host(0)), each("beg", fetch("path"), &format!("/service-{i}/"))];
        (Some(Wire::All { of }), fielded(host(0), i))
    }),
    ("host and path prefix", |i| {
        let of = vec![on("eq", "host", &host(i / 100)), on("beg", "path", &format!("/service-{}/", i % 100))];
        (Some(Wire::All { of }), asking(host(i / 100), i % 100))
    }),
];

fn host(i: usize) -> String {
    format!("tenant-{i}.example.org")
}

fn on(method: &str, fetch: &str, pattern: &str) -> Wire {
    let pattern = pattern.to_owned();
    let input = Box::new(Wire::Fetch { name: fetch.into(), args: vec![] });
    Wire::Match {
        method: method.into(),
        input,
        patterns: vec![pattern],
        ignore_case: false,
        lists: vec![],
        each: false,
    }
}

fn fetch(name: &str) -> Wire {
    Wire::Fetch { name: name.into(), args: vec![] }
}

/// `hdr(host)` of HAProxy.
fn field() -> Wire {
    Wire::Fetch { name: "req.hdr".into(), args: vec![Const::Str("host".into())] }
}

/// A condition of HAProxy.
fn each(method: &str, input: Wire, pattern: &str) -> Wire {
    Wire::Match {
        method: method.into(),
        input: Box::new(input),
        patterns: vec![pattern.to_owned()],
        ignore_case: true,
        lists: vec![],
        each: true,
    }
}

/// A request with the fields that a browser sends.
fn fielded(host: String, i: usize) -> Request {
    let fields = ["User-Agent", "Accept", "Accept-Language", "Accept-Encoding", "Cookie", "Referer"];
    let mut headers = vec![("Host".to_owned(), host.clone())];
    headers.extend(fields.map(|name| (name.to_owned(), "some value of it".to_owned())));
    Request { headers, ..asking(host, i) }
}

fn asking(host: String, i: usize) -> Request {
    Request { host, path: format!("/service-{i}/items"), ..Request::default() }
}

fn report(name: &str, make: Make, count: usize) {
    let (conditions, requests): (Vec<_>, Vec<_>) = (0..count).map(make).unzip();
    let start = Instant::now();
    let compiled = conditions
        .into_iter()
        .map(|wire| wire.map(|wire| Expr::compile(&wire, &Around::NOTHING).expect("it compiles")))
        .collect();
    let router = Router::new(compiled);
    let build = start.elapsed().as_secs_f64() * 1e3;
    // 7919 is prime to every count. The requests lie in memory in the order in which they are asked, as a request
    // that was just read would be in the cache; what is scattered is the router's memory.
    let order: Vec<usize> = (0..count).map(|i| i * 7919 % count).collect();
    let scattered: Vec<Request> = order.iter().map(|&i| requests[i].clone()).collect();
    let same = best(&router, &requests[count / 2..=count / 2], &[count / 2]);
    let each = best(&router, &scattered, &order);
    println!("{name:<24} {count:>7} {same:>9.1} {each:>9.1} {build:>10.2}");
}

/// The best of some rounds over all requests, in nanoseconds a find.
fn best(router: &Router, requests: &[Request], wanted: &[usize]) -> f64 {
    let laps = FINDS / requests.len();
    let round = |_| {
        let start = Instant::now();
        for _ in 0..laps {
            for (request, wanted) in requests.iter().zip(wanted) {
                assert_eq!(router.find(black_box(request), 0), Some(*wanted));
            }
        }
        start.elapsed()
    };
    let least = (0..ROUNDS).map(round).min().unwrap_or(Duration::ZERO);
    least.as_secs_f64() * 1e9 / (laps * requests.len()) as f64
}
