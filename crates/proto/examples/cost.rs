//! Instructions of the work that every proxied request costs, one kind a run, for callgrind:
//!
//! `cargo build --release -p tenbin-proto --example cost`, then
//! `valgrind --tool=callgrind --callgrind-out-file=/dev/null target/release/examples/cost KIND ROUNDS`
//! with two numbers of rounds; the difference of the totals divided by the difference of the rounds is the cost.
#![allow(clippy::print_stdout)]

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};

use tenbin_proto::{
    Asked, ChunkDecoder, ForwardSet, Forwarding, Framing, Limits, Request, RequestEdits, Response,
    ResponseEdits, write_request, write_response,
};

const REQUEST: &[u8] = b"GET /api/items?page=2 HTTP/1.1\r\nHost: app.example.test:8080\r\nUser-Agent: wrk/4.2.0\r\n\
    Accept: */*\r\nAccept-Encoding: gzip, deflate\r\nAccept-Language: en-US,en;q=0.9\r\nX-Request-Id: 5f3a9c11\r\n\r\n";
const BROWSER: &[u8] = b"GET /dashboard/assets/app.js?v=20 HTTP/1.1\r\nHost: www.example.test\r\nConnection: keep-alive\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36\r\n\
    Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n\
    Referer: https://www.example.test/dashboard\r\nAccept-Encoding: gzip, deflate, br, zstd\r\n\
    Accept-Language: en-US,en;q=0.9\r\nCookie: theme=dark; session=0123456789abcdef0123456789abcdef\r\n\r\n";
const RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\nServer: nginx\r\nDate: Sat, 21 Nov 2026 10:00:00 GMT\r\n\
    Content-Type: application/json\r\nContent-Length: 128\r\nConnection: keep-alive\r\n\r\n";

fn main() {
    let mut arguments = std::env::args().skip(1);
    let kind = arguments.next().unwrap_or_default();
    let rounds = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(1000);
    let work: fn(u32) = match kind.as_str() {
        "parse-request" => |rounds| requests(rounds, REQUEST, Written::Not),
        "request" => |rounds| requests(rounds, REQUEST, Written::Plainly),
        "request-forwarded" => |rounds| requests(rounds, REQUEST, Written::Forwarded),
        "parse-browser" => |rounds| requests(rounds, BROWSER, Written::Not),
        "browser" => |rounds| requests(rounds, BROWSER, Written::Plainly),
        "parse-response" => |rounds| responses(rounds, false),
        "response" => |rounds| responses(rounds, true),
        "chunks" => chunks,
        _ => {
            println!(
                "parse-request request request-forwarded parse-browser browser parse-response response chunks"
            );
            return;
        }
    };
    work(rounds);
}

const FORWARDING: Forwarding<'static> = Forwarding {
    client: IpAddr::V4(Ipv4Addr::new(192, 168, 10, 20)),
    original: IpAddr::V4(Ipv4Addr::new(192, 168, 10, 20)),
    trusted: false,
    proto: "http",
    host: b"app.example.test:8080",
    port: 8080,
    by: None,
    write: ForwardSet(ForwardSet::FOR.0 | ForwardSet::PROTO.0 | ForwardSet::HOST.0),
};

/// Whether a parsed request is written, and how.
#[derive(Clone, Copy, PartialEq)]
enum Written {
    Not,
    Plainly,
    Forwarded,
}

fn requests(rounds: u32, raw: &[u8], written: Written) {
    let (mut head, mut out, limits) = (Request::default(), Vec::new(), Limits::default());
    let forwarding = (written == Written::Forwarded).then_some(&FORWARDING);
    for _ in 0..rounds {
        let bytes = black_box(raw);
        let parsed = head.parse(bytes, &mut 0, &limits);
        assert!(parsed.is_ok());
        if written != Written::Not {
            out.clear();
            let to = RequestEdits { forwarding, ..RequestEdits::default() };
            write_request(&mut out, &head, bytes, &to);
            black_box(&out);
        }
    }
}

fn responses(rounds: u32, write: bool) {
    let (mut head, mut out, limits) = (Response::default(), Vec::new(), Limits::default());
    for _ in 0..rounds {
        let bytes = black_box(RESPONSE);
        let parsed = head.parse(bytes, &mut 0, &limits, Asked::default());
        assert!(parsed.is_ok());
        if write {
            out.clear();
            let to = ResponseEdits { framing: Framing::Length(128), ..ResponseEdits::default() };
            write_response(&mut out, &head, bytes, &to);
            black_box(&out);
        }
    }
}

/// A body of four chunks of 1 KiB.
fn chunks(rounds: u32) {
    let chunk = [&b"400\r\n"[..], &[b'x'; 1024], b"\r\n"].concat();
    let raw = [&chunk.repeat(4)[..], b"0\r\n\r\n"].concat();
    let (mut decoder, mut buf) = (ChunkDecoder::default(), raw.clone());
    for _ in 0..rounds {
        buf.copy_from_slice(&raw);
        decoder.reset();
        let done = decoder.decode(black_box(&mut buf));
        assert!(done.is_ok());
    }
}
