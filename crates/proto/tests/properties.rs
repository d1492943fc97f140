//! Laws that hold for any bytes: no panic, the same verdict however a message is cut, and what is written means what
//! was read.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used
)]

#[path = "support/exchange.rs"]
mod exchange;
#[path = "support/meaning.rs"]
mod meaning;

use std::net::IpAddr;

use exchange::{requests, responses};
use meaning::{is_clean, meaning};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use tenbin_proto::{
    Asked, Body, CHUNK_ROOM, ChunkDecoder, Edits, ForwardSet, Forwarding, Framing, Known, Limits, Progress,
    Reject, Request, RequestEdits, Response, ResponseEdits, write_chunk_header, write_request,
    write_response,
};

/// Names that routes like to edit, and some that they must not.
const EDITED: &[&[u8]] = &[
    b"Host",
    b"X-A",
    b"X-Forwarded-For",
    b"Forwarded",
    b"Cookie",
    b"Content-Length",
    b"transfer-encoding",
    b"Connection",
    b"Upgrade",
    b"TE",
    b"a_b",
    b"",
];

/// Pieces that meet where parsers go wrong.
const PIECES: &[&[u8]] = &[
    b"GET ",
    b"POST ",
    b"OPTIONS ",
    b"get ",
    b"/",
    b"/a?b=c",
    b"*",
    b"http://a.test/x",
    b"http://a.test",
    b"HTTP://A?q",
    b"%41",
    b"%4",
    b"#",
    b" ",
    b"\t",
    b" HTTP/1.1",
    b" HTTP/1.0",
    b" HTTP/1.9",
    b" HTTP/2.0",
    b"\r\n",
    b"\r\n",
    b"\r\n",
    b"\n",
    b"\r",
    b"\0",
    b"\x7f",
    b"\xe9",
    b"Host: a.test",
    b"Host: a.test:80",
    b"host:[::1]:8080 ",
    b"Host: a b",
    b"Content-Length: 5",
    b"Content-Length:5 , 5",
    b"Transfer-Encoding: chunked",
    b"Transfer-Encoding: gzip",
    b"Connection: close",
    b"Connection: keep-alive, X-A",
    b"Connection: upgrade",
    b"Upgrade: websocket",
    b"Upgrade: h2c",
    b"Expect: 100-continue",
    b"TE: trailers",
    b"X-A: b",
    b"X_A: b",
    b"X-A : b",
    b": b",
    b"X-1: \tc\t ",
    b"Cookie: a=b; c=d",
    b"5\r\nhello\r\n",
    b"5;x=y\r\nhello\r\n",
    b"0\r\n\r\n",
    b"0\r\nX-T: u\r\n\r\n",
    b"hello",
    b"\r\n\r\n",
    b"HTTP/1.1 200 OK",
    b"HTTP/1.1 204",
    b"HTTP/1.0 304 ",
    b"HTTP/1.1 100 Continue",
    b"HTTP/1.1 099 X",
];

fn one_of(choices: &'static [&'static [u8]]) -> impl Strategy<Value = &'static [u8]> {
    select(choices)
}

/// Pieces in any order, or after a good first line and mostly as lines of their own.
fn near_messages() -> impl Strategy<Value = Vec<u8>> {
    let heap = vec(select(PIECES), 0..24).prop_map(|pieces| pieces.concat());
    let start = one_of(&[
        b"GET / HTTP/1.1\r\n",
        b"POST /a HTTP/1.0\r\n",
        b"HTTP/1.1 200 OK\r\n",
        b"\r\nPUT /%2f HTTP/1.1\r\n",
    ]);
    let ends = one_of(&[b"\r\n", b"\r\n", b"\r\n", b"\r\n", b"\n", b""]);
    let lines = (start, vec((select(PIECES), ends), 0..8), heap.clone()).prop_map(|(start, lines, rest)| {
        let lines = lines.into_iter().flat_map(|(piece, end)| [piece, end]).collect::<Vec<_>>().concat();
        [start, b"Host: a.test\r\n", &lines, b"\r\n", &rest].concat()
    });
    prop_oneof![heap, lines]
}

/// A request that is fine but written carelessly.
fn careless_requests() -> impl Strategy<Value = Vec<u8>> {
    let line = (
        one_of(&[b"GET", b"POST", b"PATCH", b"frob"]),
        one_of(&[b"/", b"/a/b?c=d", b"/%20", b"http://a.test:81/z?y", b"http://a.test:81"]),
        one_of(&[b"HTTP/1.1", b"HTTP/1.7"]),
    );
    let blank = || one_of(&[b"", b" ", b"\t", b"  \t "]);
    let names =
        one_of(&[b"X-A", b"Accept", b"te", b"x_y", b"Cookie", b"Keep-Alive", b"X.1~", b"Upgrade", b"Expect"]);
    let values = one_of(&[b"", b"v", b"a b", b"\xe9 x", b"a\tb", b"100-continue", b"trailers"]);
    let framing = one_of(&[
        b"",
        b"Content-Length: 07\r\n",
        b"transfer-encoding:  Chunked \r\n",
        b"Connection:x-a ,te\r\n",
    ]);
    let fields = vec((names, blank(), values, blank()), 0..8);
    (line, blank(), fields, framing).prop_map(|((method, target, version), pad, fields, framing)| {
        let mut raw = [method, b" ", target, b" ", version, b"\r\n"].concat();
        for (name, before, value, after) in fields {
            let expect = name == b"Expect" && value != b"100-continue";
            raw.extend([if expect { b"X-B" } else { name }, b":", before, value, after, b"\r\n"].concat());
        }
        raw.extend([framing, b"hOST:", pad, b"a.test:81\r\n\r\n"].concat());
        raw
    })
}

fn parse(bytes: &[u8]) -> Request {
    let mut head = Request::default();
    assert_eq!(
        head.parse(bytes, &mut 0, &Limits::default()),
        Ok(Progress::Complete),
        "{}",
        bytes.escape_ascii()
    );
    head
}

/// The same, but a Host that an edit spoilt counts as one.
fn parse_lines(bytes: &[u8]) -> Request {
    let text = bytes.split(|&byte| byte == b'\n').map(|line| {
        let is_host = line.get(..5).is_some_and(|name| name.eq_ignore_ascii_case(b"host:"));
        if is_host { b"Host: a.test\r" } else { line }
    });
    parse(&text.collect::<Vec<_>>().join(&b'\n'))
}

/// The verdict on `bytes` when they come cut at `cuts`, with how much had come by then.
fn verdict(bytes: &[u8], cuts: &[usize], limits: &Limits) -> Result<Option<String>, Reject> {
    let mut head = Request::default();
    let mut scanned = 0;
    for &cut in cuts {
        if head.parse(&bytes[..cut], &mut scanned, limits)? == Progress::Complete {
            let Request { path, query, host, upgrade, version, keep_alive, length, ref fields, .. } = head;
            let rest = (path, query, host, upgrade, version, keep_alive, length, fields);
            return Ok(Some(format!("{:?} {rest:?}", meaning(&head, bytes))));
        }
    }
    Ok(None)
}

fn small_limits() -> impl Strategy<Value = Limits> {
    (20_usize..300, 0_usize..6, 1_usize..20, any::<bool>()).prop_map(
        |(head_bytes, fields, target_bytes, lenient)| Limits {
            head_bytes,
            fields,
            target_bytes,
            lenient,
            ..Limits::default()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_survived(raw in vec(any::<u8>(), 0..400), piece in 1_usize..50, limits in small_limits()) {
        requests(&raw, piece, &limits);
        responses(&raw, piece, Asked::default(), true);
        let _ = ChunkDecoder::default().decode(&mut raw.clone());
    }

    #[test]
    fn a_request_gets_one_verdict_however_it_is_cut(raw in near_messages(), at in any::<prop::sample::Index>(), limits in small_limits()) {
        let every: Vec<usize> = (1..=raw.len()).collect();
        let twice = [at.index(raw.len() + 1), raw.len()];
        let whole = verdict(&raw, &[raw.len()], &limits);
        prop_assert_eq!(verdict(&raw, &every, &limits), whole.clone(), "byte by byte: {}", raw.escape_ascii());
        prop_assert_eq!(verdict(&raw, &twice, &limits), whole, "cut at {}: {}", twice[0], raw.escape_ascii());
    }

    #[test]
    fn exchanges_end_the_same_however_they_are_cut(raw in near_messages(), piece in 1_usize..9, head in any::<bool>()) {
        let limits = Limits::default();
        prop_assert_eq!(requests(&raw, piece, &limits), requests(&raw, usize::MAX, &limits));
        let asked = Asked { head, upgrade: true, connect: false };
        prop_assert_eq!(responses(&raw, piece, asked, true), responses(&raw, usize::MAX, asked, true));
    }

    #[test]
    fn what_is_written_means_what_was_read(raw in careless_requests()) {
        let before = parse(&raw);
        let mut sent = Vec::new();
        write_request(&mut sent, &before, &raw, &RequestEdits::default());
        prop_assert!(is_clean(&sent), "{}", sent.escape_ascii());
        let after = parse(&sent);
        prop_assert_eq!(meaning(&after, &sent), meaning(&before, &raw));
        let mut again = Vec::new();
        write_request(&mut again, &after, &sent, &RequestEdits::default());
        prop_assert_eq!(again.escape_ascii().to_string(), sent.escape_ascii().to_string());
    }

    #[test]
    fn no_edit_can_break_a_request(
        raw in careless_requests(),
        target in proptest::option::of(vec(any::<u8>(), 0..20)),
        (name, value) in (prop_oneof![vec(any::<u8>(), 0..8), one_of(EDITED).prop_map(<[u8]>::to_vec)], vec(any::<u8>(), 0..20)),
        (trusted, upgrade, keep_alive) in any::<(bool, bool, bool)>(),
    ) {
        let head = parse(&raw);
        let edits = Edits { remove: &[&name], set: &[(&name, &value)], add: &[(b"X-Added", &value)] };
        let client = IpAddr::from([10, 0, 0, 1]);
        let write = ForwardSet::ALL;
        let forwarding = Forwarding { client, original: client, trusted, proto: "http", host: &value, port: 80, by: None, write };
        let mut sent = Vec::new();
        let to = RequestEdits {
            target: target.as_deref(),
            forwarding: Some(&forwarding),
            edits: &edits,
            upgrade,
            drop_cookie: Some(b"a"),
            keep_alive,
            ..RequestEdits::default()
        };
        write_request(&mut sent, &head, &raw, &to);
        prop_assert!(is_clean(&sent), "{}", sent.escape_ascii());
        let after = parse_lines(&sent);
        prop_assert_eq!((after.body, after.method), (head.body, head.method));
        prop_assert_eq!(after.keep_alive, keep_alive || upgrade && !head.upgrade.is_empty());
    }

    #[test]
    fn answers_written_mean_what_was_read(raw in near_messages(), head in any::<bool>()) {
        let asked = Asked { head, upgrade: true, connect: false };
        let read = |bytes: &[u8], limits| {
            let mut head = Response::default();
            (head.parse(bytes, &mut 0, &limits, asked) == Ok(Progress::Complete)).then_some(head)
        };
        let raw = [b"HTTP/1.1 200 OK\r\n".as_slice(), &raw].concat();
        let lenient = Limits { lenient: true, ..Limits::default() };
        if let Some(before) = read(&raw, lenient) {
            let framing = match before.body {
                Body::None => Framing::None,
                Body::Length(length) => Framing::Length(length),
                Body::Chunked => Framing::Chunked,
                Body::UntilClose => Framing::Close,
            };
            let mut sent = Vec::new();
            write_response(&mut sent, &before, &raw, &ResponseEdits { framing, ..ResponseEdits::default() });
            prop_assert!(is_clean(&sent), "{}", sent.escape_ascii());
            let after = read(&sent, Limits::default()).expect("what was written is read again");
            prop_assert_eq!((after.status, after.body, after.content_length), (before.status, before.body, before.content_length));
            let fields = |head: &Response, bytes: &[u8]| -> Vec<(String, String)> {
                let own = [Known::ContentLength, Known::TransferEncoding];
                let sent = head.fields.iter().filter(|field| !field.hop && !own.contains(&field.known));
                sent.map(|field| (field.name, field.value)).map(|(name, value)| (name.of(bytes).escape_ascii().to_string(), value.of(bytes).escape_ascii().to_string())).collect()
            };
            prop_assert_eq!(fields(&after, &sent), fields(&before, &raw));
        }
    }

    #[test]
    fn runs_are_copied_as_single_lines_would_be(raw in careless_requests()) {
        let head = parse(&raw);
        let mut sent = Vec::new();
        write_request(&mut sent, &head, &raw, &RequestEdits::default());
        let text = meaning(&head, &raw);
        let mut expected = [&text.method[..], b" ", &text.target, b" HTTP/1.1\r\nHost: ", &text.authority, b"\r\n"].concat();
        for (name, value) in &text.fields {
            expected.extend([&name[..], b": ", value, b"\r\n"].concat());
        }
        // The name of a Host field that is copied keeps its case.
        let start = &sent[..sent.len().min(expected.len())];
        prop_assert!(start.eq_ignore_ascii_case(&expected), "{}\n{}", sent.escape_ascii(), expected.escape_ascii());
    }

    #[test]
    fn chunks_decode_to_what_was_encoded(data in vec(vec(any::<u8>(), 1..80), 0..12), piece in 1_usize..100) {
        let mut raw = Vec::new();
        for part in &data {
            let mut room = [0; CHUNK_ROOM];
            let start = write_chunk_header(&mut room, u32::try_from(part.len()).unwrap());
            raw.extend([&room[start..], part, b"\r\n"].concat());
        }
        raw.extend_from_slice(b"0\r\nX: y\r\n\r\nnext");
        let (mut decoder, mut got, mut at, mut done) = (ChunkDecoder::default(), Vec::new(), 0, false);
        while !done {
            let mut buf = raw[at..raw.len().min(at + piece)].to_vec();
            let step = decoder.decode(&mut buf).unwrap();
            got.extend_from_slice(&buf[..step.produced]);
            at += step.consumed;
            done = step.done;
        }
        prop_assert_eq!(got, data.concat());
        prop_assert_eq!((&raw[at..], decoder.trailers()), (&b"next"[..], &b"X: y\r\n"[..]));
    }
}
