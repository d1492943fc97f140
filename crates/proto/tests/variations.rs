//! Rules of RFC 9110, 9112 and 3986, each held against messages that are good but for one thing, which may stand anywhere
//! and be written in any way.

#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

#[path = "support/drafts.rs"]
mod drafts;
#[path = "support/exchange.rs"]
mod exchange;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use tenbin_proto::{Asked, Limits};

use drafts::{Draft, blanks, cased, is_called, requests, tokens};
use exchange::Outcome;

/// What a message came to: the status and the reason of the refusal.
type Verdict = Option<(u16, &'static str)>;

/// Plays a request whole and byte by byte; nothing of a refused one may have left.
fn verdict(raw: &[u8]) -> Verdict {
    let limits = Limits::default();
    let whole = exchange::requests(raw, usize::MAX, &limits);
    for piece in [1, 2, 13] {
        assert_eq!(
            exchange::requests(raw, piece, &limits),
            whole,
            "{piece} at a time: {}",
            raw.escape_ascii()
        );
    }
    whole.sent_heads.iter().for_each(|head| assert_safe(head));
    judge(&whole, raw)
}

fn judge(outcome: &Outcome, raw: &[u8]) -> Verdict {
    assert!(outcome.refused.is_some() || !outcome.unfinished, "unfinished: {}", raw.escape_ascii());
    assert!(outcome.refused.is_none() || outcome.whole == 0, "{}", raw.escape_ascii());
    outcome.refused.map(|reject| (reject.status, reject.reason))
}

/// No bare CR, no bare LF, no NUL, no fold, no nominated field, no two ways to frame.
fn assert_safe(head: &[u8]) {
    let text = head.strip_suffix(b"\r\n\r\n").unwrap_or_else(|| panic!("no end: {}", head.escape_ascii()));
    let (mut lines, mut rest) = (Vec::new(), text);
    while let Some(at) = rest.windows(2).position(|two| two == b"\r\n") {
        lines.push(&rest[..at]);
        rest = &rest[at + 2..];
    }
    lines.push(rest);
    let named: Vec<Vec<u8>> = lines
        .iter()
        .filter(|line| is_called(line, b"connection"))
        .flat_map(|line| line[11..].split(|&byte| byte == b','))
        .map(|option| option.trim_ascii().to_ascii_lowercase())
        .collect();
    let told_anew = |name: &Vec<u8>| [&b"te"[..], b"upgrade"].contains(&name.as_slice());
    for line in &lines[1..] {
        let clean = line.iter().all(|&byte| byte == b'\t' || byte >= b' ' && byte != 0x7f);
        assert!(clean && !line.starts_with(b" ") && !line.starts_with(b"\t"), "{}", head.escape_ascii());
        assert!(
            !named.iter().any(|name| !told_anew(name) && is_called(line, name)),
            "{}",
            head.escape_ascii()
        );
    }
    let count = |name: &[u8]| lines.iter().filter(|line| is_called(line, name)).count();
    assert!(count(b"content-length") + count(b"transfer-encoding") <= 1, "{}", head.escape_ascii());
}

/// Bytes of a class.
fn bytes_where(wanted: fn(u8) -> bool) -> impl Strategy<Value = u8> {
    select((0..=255).filter(|&byte| wanted(byte)).collect::<Vec<u8>>())
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Puts a byte into a line.
fn put(line: &[u8], at: usize, byte: u8) -> Vec<u8> {
    [&line[..at], &[byte], &line[at..]].concat()
}

fn places() -> impl Strategy<Value = Vec<Index>> {
    vec(any::<Index>(), 4)
}

macro_rules! refused {
    ($draft:expr, $($status:literal $reason:literal)|+) => {{
        let raw = $draft.bytes();
        let verdict = verdict(&raw);
        let expected = [$(Some(($status, $reason))),+];
        prop_assert!(expected.contains(&verdict), "{verdict:?}, not {expected:?}: {}", raw.escape_ascii());
    }};
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    // RFC 9112, 2.2 and 5: lines

    #[test]
    fn good_requests_pass(draft in requests()) {
        prop_assert_eq!(verdict(&draft.bytes()), None);
    }

    #[test]
    fn a_line_ends_with_cr_lf(draft in requests(), at in any::<Index>(), end in select(vec![&b"\n"[..], b"\r", b"\r\r\n", b"\n\r", b"\0\r\n"])) {
        let spoilt = at.index(draft.lines.len() + 2);
        let mut raw = draft.bytes_with(|index| if index == spoilt { end } else { b"\r\n" });
        // A CR at the very end may still be half a line end.
        raw.extend_from_slice(b"GET / HTTP/1.1\r\n");
        let (status, reason) = verdict(&raw).unwrap_or_else(|| panic!("passed: {}", raw.escape_ascii()));
        prop_assert_eq!(status, 400, "{}: {}", reason, raw.escape_ascii());
    }

    #[test]
    fn no_value_holds_a_control_byte(mut draft in requests(), name in tokens(), place in any::<Index>(), at in any::<Index>(), byte in bytes_where(|byte| byte.is_ascii_control() && byte != b'\t')) {
        let value = b"some text, and more";
        draft.insert(place, &[name.as_bytes(), b":", &put(value, at.index(value.len() + 1), byte)].concat());
        refused!(draft, 400 "field-value" | 400 "bare-cr" | 400 "bare-lf");
    }

    #[test]
    fn no_name_holds_anything_but_token_bytes(mut draft in requests(), name in tokens(), place in any::<Index>(), at in any::<Index>(), byte in bytes_where(|byte| !is_token(byte) && byte != b':')) {
        let line = [&put(name.as_bytes(), at.index(name.len()), byte)[..], b": a"].concat();
        draft.insert(place, &line);
        refused!(draft, 400 "field-name" | 400 "field-fold" | 400 "field-name-space" | 400 "field-colon" | 400 "bare-cr" | 400 "bare-lf" | 400 "version-text");
    }

    #[test]
    fn nothing_stands_between_name_and_colon(mut draft in requests(), name in prop_oneof![tokens(), cased("content-length"), cased("host"), cased("transfer-encoding")], blank in "[ \t]{1,3}", place in any::<Index>()) {
        draft.insert(place, format!("{name}{blank}: 1").as_bytes());
        refused!(draft, 400 "field-name-space");
    }

    #[test]
    fn no_line_is_folded(mut draft in requests(), blank in "[ \t]{1,3}", rest in "[ -~]{0,9}", place in any::<Index>()) {
        draft.insert(place, format!("{blank}{rest}").as_bytes());
        refused!(draft, 400 "field-fold");
    }

    #[test]
    fn a_name_has_at_least_one_byte_and_a_colon(mut draft in requests(), name in tokens(), place in any::<Index>()) {
        let without = Draft { lines: draft.lines.clone(), ..draft.clone() };
        draft.insert(place, b": a");
        refused!(draft, 400 "field-name-empty");
        let mut draft = without;
        draft.insert(place, name.as_bytes());
        refused!(draft, 400 "field-colon");
    }

    // RFC 9112, 3: the request line

    #[test]
    fn one_space_between_words(mut draft in requests(), which in 0_usize..2, blank in select(vec![&b"  "[..], b"\t", b" \t", b"\x0b", b"\x0c", b"\0", b"\r", b"", b"\xa0", b" \r\n "])) {
        let words: Vec<Vec<u8>> = draft.start.split(|&byte| byte == b' ').map(<[u8]>::to_vec).collect();
        let gap = |index| if index == which { blank } else { b" " };
        draft.start = [&words[0], gap(0), &words[1], gap(1), &words[2]].concat();
        let raw = draft.bytes();
        let (status, _) = verdict(&raw).unwrap_or_else(|| panic!("passed: {}", raw.escape_ascii()));
        prop_assert!([400, 501, 405].contains(&status));
    }

    #[test]
    fn a_method_is_a_token(mut draft in requests(), at in any::<Index>(), byte in bytes_where(|byte| !is_token(byte) && byte != b' ')) {
        let end = draft.start.iter().position(|&byte| byte == b' ').unwrap();
        // Before the method empty lines may stand.
        let at = at.index(end.min(31)) + usize::from(byte == b'\n' || byte == b'\r');
        draft.start.insert(at, byte);
        refused!(draft, 400 "method-byte" | 501 "method-too-long");
    }

    #[test]
    fn a_target_is_visible_ascii_without_a_fragment(mut draft in requests(), at in any::<Index>(), byte in bytes_where(|byte| !byte.is_ascii_graphic() && byte != b' ' || byte == b'#')) {
        let start = draft.start.iter().position(|&byte| byte == b' ').unwrap() + 1;
        let end = draft.start.iter().rposition(|&byte| byte == b' ').unwrap();
        draft.start.insert(start + at.index(end - start + 1), byte);
        let raw = draft.bytes();
        let (status, reason) = verdict(&raw).unwrap_or_else(|| panic!("passed: {}", raw.escape_ascii()));
        prop_assert!(status == 400, "{}: {}", reason, raw.escape_ascii());
    }

    #[test]
    fn a_percent_sign_begins_an_escape(mut draft in requests(), bad in "%([g-zG-Z/?.&][0-9a-f]|[0-9a-f][g-z/?.&%]|%41|u0041|)") {
        let end = draft.start.iter().rposition(|&byte| byte == b' ').unwrap();
        // At the end of a path or query, not of a bare authority.
        draft.start = [b"GET /a", bad.as_bytes(), &draft.start[end..]].concat();
        refused!(draft, 400 "target-escape");
    }

    #[test]
    fn a_version_is_http_1(mut draft in requests(), version in select(vec!["http/1.1", "HTTP/1.1 ", "HTTP/1.10", "HTTP/1", "HTTP/1.", "HTTP/11", "HTTP1.1", "HTTP/+1.1", "HTTP/01.1", "HTTPS/1.1", "HTTP /1.1", "", "ICY", "HTTP/1,1", "HTTP/1.x"])) {
        let end = draft.start.iter().rposition(|&byte| byte == b' ').unwrap();
        draft.start.truncate(end + 1);
        draft.start.extend_from_slice(version.as_bytes());
        let expected = if version == "HTTP/01.1" { (505, "version-unknown") } else { (400, "version-text") };
        prop_assert_eq!(verdict(&draft.bytes()), Some(expected));
        draft.start.truncate(end + 1);
        draft.start.extend_from_slice(b"HTTP/2.0");
        refused!(draft, 505 "version-unknown");
    }

    // RFC 9110, 7.2; RFC 9112, 3.2: Host

    #[test]
    fn there_is_one_host(mut draft in requests(), name in cased("host"), places in places(), same in any::<bool>()) {
        let mut none = draft.clone();
        none.remove(b"host");
        refused!(none, 400 "host-missing");
        draft.insert(places[0], format!("{name}: {}", if same { "a.test" } else { "b.test" }).as_bytes());
        refused!(draft, 400 "host-repeated");
    }

    #[test]
    fn a_host_is_a_name_or_an_address(mut draft in requests(), name in cased("host"), place in any::<Index>(), at in any::<Index>(), byte in bytes_where(|byte| !byte.is_ascii_alphanumeric() && !b"-_.:".contains(&byte))) {
        draft.remove(b"host");
        // White space at its ends is none of it.
        let host = put(b"a.test", 1 + at.index(5), byte);
        draft.insert(place, &[name.as_bytes(), b":", &host].concat());
        refused!(draft, 400 "host-invalid" | 400 "field-value" | 400 "bare-cr" | 400 "bare-lf");
    }

    #[test]
    fn a_host_that_differs_from_the_target_is_refused(mut draft in requests(), host in select(vec!["b.test", "a.test.", "a.test:81", "xa.test", "[::1]"]), scheme in select(vec!["http", "HTTP"]), place in any::<Index>()) {
        draft.remove(b"host");
        draft.start = format!("GET {scheme}://a.test/x HTTP/1.1").into_bytes();
        draft.insert(place, format!("Host: {host}").as_bytes());
        refused!(draft, 400 "host-differs");
    }

    // RFC 9112, 6: framing

    #[test]
    fn a_body_is_framed_in_one_way(mut draft in requests(), names in (cased("content-length"), cased("transfer-encoding")), number in "[0-9]{1,3}", coding in cased("chunked"), places in places()) {
        let (length, chunked) = (format!("{}: {number}", names.0), format!("{}:{coding}", names.1));
        draft.frame(&[length.as_bytes(), chunked.as_bytes()], &places);
        refused!(draft, 400 "content-length-and-transfer-encoding");
    }

    #[test]
    fn a_length_is_said_once(mut draft in requests(), names in (cased("content-length"), cased("content-length")), numbers in (0_u32..20, 0_u32..20), places in places()) {
        let lines = [format!("{}: {}", names.0, numbers.0), format!("{}: {}", names.1, numbers.1)];
        draft.frame(&[lines[0].as_bytes(), lines[1].as_bytes()], &places);
        refused!(draft, 400 "content-length-repeated");
    }

    #[test]
    fn a_length_is_digits(mut draft in requests(), name in cased("content-length"), at in any::<Index>(), byte in bytes_where(|byte| !byte.is_ascii_digit()), places in places()) {
        let number = put(b"12", at.index(3), byte);
        prop_assume!(number.trim_ascii() == number);
        draft.frame(&[&[name.as_bytes(), b": ", &number].concat()], &places);
        refused!(draft, 400 "content-length-invalid" | 400 "field-value" | 400 "bare-cr" | 400 "bare-lf");
    }

    #[test]
    fn a_length_fits_into_63_bits(mut draft in requests(), number in prop_oneof!["9223372036854775808", "1[0-9]{19,40}", "[3-9][0-9]{19}"], places in places()) {
        draft.frame(&[format!("Content-Length: {number}").as_bytes()], &places);
        refused!(draft, 400 "content-length-too-big");
    }

    #[test]
    fn the_one_coding_is_chunked(mut draft in requests(), names in (cased("transfer-encoding"), cased("transfer-encoding")), before in blanks(), codings in (select(vec!["gzip", "identity", "xchunked", "chunked;q=1", "\"chunked\"", "chunke", "gzip, chunked"]), select(vec!["", ",", "chunked,", "chunked, chunked", "chunked ,gzip", ",chunked"])), places in places()) {
        let mut unknown = draft.clone();
        unknown.frame(&[format!("{}:{before}{}", names.0, codings.0).as_bytes()], &places);
        refused!(unknown, 501 "transfer-encoding-unknown");
        draft.frame(&[format!("{}:{before}{}", names.0, codings.1).as_bytes()], &places);
        refused!(draft, 400 "transfer-encoding-invalid");
        let lines = [format!("{}: chunked", names.0), format!("{}:{before}chunked", names.1)];
        draft.frame(&[lines[0].as_bytes(), lines[1].as_bytes()], &places);
        refused!(draft, 400 "transfer-encoding-repeated");
    }

    #[test]
    fn old_clients_know_no_coding(mut draft in requests(), name in cased("transfer-encoding"), coding in cased("chunked"), places in places()) {
        draft.start = b"POST / HTTP/1.0".to_vec();
        draft.frame(&[format!("{name}: {coding}").as_bytes()], &places);
        refused!(draft, 400 "transfer-encoding-in-http-1.0");
    }

    #[test]
    fn chunks_are_framed_by_the_letter(mut draft in requests(), (body, reason) in select(vec![
        (&b"5\nhello\r\n0\r\n\r\n"[..], "chunk-size"), (b"5\r\nhello\n0\r\n\r\n", "chunk-end"), (b"5\r\nhello!0\r\n\r\n", "chunk-end"),
        (b"5 \r\nhello\r\n0\r\n\r\n", "chunk-size"), (b"0x5\r\nhello\r\n0\r\n\r\n", "chunk-size"), (b" 5\r\nhello\r\n0\r\n\r\n", "chunk-size"),
        (b"5;a=\nb\r\nhello\r\n0\r\n\r\n", "chunk-extension"), (b"5;a\0\r\nhello\r\n0\r\n\r\n", "chunk-extension"), (b"5\rhello", "bare-cr"),
        (b"0\r\n\n", "bare-lf"), (b"0\r\nA: b\n\r\n", "bare-lf"), (b"0\r\nA: b\r\n c\r\n\r\n", "field-fold"), (b"0\r\nA : b\r\n\r\n", "field-name-space"),
        (b"fffffffffffffffff\r\n", "chunk-too-big"), (b"8000000000000000\r\n", "chunk-too-big"), (b"\r\n\r\n", "chunk-size"), (b";a\r\n", "chunk-size"),
        (b"5\r\nhello\r\r\n0\r\n\r\n", "chunk-end"), (b"5\r\nhello\r\n-0\r\n\r\n", "chunk-size"), (b"5\r\nhello\r\n0\r\n\r\r\n", "bare-cr"),
    ]), places in places()) {
        draft.frame(&[b"Transfer-Encoding: chunked"], &places);
        draft.body = body.to_vec();
        let raw = draft.bytes();
        prop_assert_eq!(verdict(&raw).map(|(_, reason)| reason), Some(reason), "{}", raw.escape_ascii());
    }

    // RFC 9110, 7.6.1: Connection

    #[test]
    fn connection_may_not_name_what_is_needed(mut draft in requests(), name in cased("connection"), option in prop_oneof![cased("host"), cased("content-length"), cased("transfer-encoding"), cased("x-forwarded-for"), cased("x-forwarded-proto"), cased("forwarded"), cased("x-real-ip"), cased("expect")], around in (select(vec!["", "close,", ", ,", "x-a \t,"]), blanks(), select(vec!["", ",close", " ,", "\t, x-b"])), place in any::<Index>()) {
        draft.insert(place, format!("{name}:{}{}{option}{}", around.0, around.1, around.2).as_bytes());
        refused!(draft, 400 "connection-nominates");
    }

    #[test]
    fn what_connection_names_goes_no_further(mut draft in requests(), names in (cased("connection"), tokens(), tokens()), around in (blanks(), select(vec!["", "close,", ", ,", "x-a \t,"]), blanks()), places in places()) {
        let secret = names.1.to_ascii_uppercase();
        draft.insert(places[0], format!("{secret}: 4711").as_bytes());
        draft.insert(places[1], format!("{}:{}{}{}{}", names.0, around.0, around.1, names.1.to_ascii_lowercase(), around.2).as_bytes());
        draft.insert(places[2], format!("{secret}:4711").as_bytes());
        let raw = draft.bytes();
        prop_assert_eq!(verdict(&raw), None);
        let outcome = exchange::requests(&raw, usize::MAX, &Limits::default());
        let head = &outcome.sent_heads[0];
        prop_assert!(!head.split(|&byte| byte == b'\n').any(|line| is_called(line, secret.as_bytes())), "{}", head.escape_ascii());
    }

    // Limits

    #[test]
    fn too_much_is_too_much(mut draft in requests(), place in any::<Index>()) {
        let mut fields = draft.clone();
        fields.lines.splice(0..0, vec![b"x-f: 1".to_vec(); 101]);
        refused!(fields, 431 "too-many-fields");
        let mut head = draft.clone();
        head.insert(place, &[b"x-f: ", &vec![b'a'; 40_000][..]].concat());
        refused!(head, 431 "head-too-big");
        draft.start = [b"GET /", &vec![b'a'; 9_000][..], b" HTTP/1.1"].concat();
        refused!(draft, 414 "target-too-long");
    }
}

/// Rules that an answer can break, with a way to break each anywhere.
fn spoilt_lines() -> impl Strategy<Value = Vec<u8>> {
    let control = bytes_where(|byte| byte.is_ascii_control() && byte != b'\t');
    let other = bytes_where(|byte| !is_token(byte) && !b": \t\r\n".contains(&byte));
    prop_oneof![
        control.prop_map(|byte| [b"X-A: b", &[byte][..], b"c"].concat()),
        other.prop_map(|byte| [b"X", &[byte][..], b"A: b"].concat()),
        select(vec![&b" X-A: b"[..], b"\tb", b": b", b"nothing", b"X-A b: c"]).prop_map(<[u8]>::to_vec),
        (
            cased("content-length"),
            select(vec!["5, 6", "-1", "+1", "0x1", "", "1 1", "9223372036854775808", "1,", "1;"])
        )
            .prop_map(|(name, value)| format!("{name}: {value}").into_bytes()),
        (cased("content-length"), blanks()).prop_filter_map("a blank", |(name, blank)| {
            (!blank.is_empty()).then(|| format!("{name}{blank}: 0").into_bytes())
        }),
        (
            cased("transfer-encoding"),
            select(vec!["gzip", "gzip, chunked", "chunked, chunked", "", "identity"])
        )
            .prop_map(|(name, value)| format!("{name}: {value}").into_bytes()),
        (cased("connection"), cased("content-length"))
            .prop_map(|(name, option)| format!("{name}: x, {option}").into_bytes()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_spoilt_answer_is_the_servers_fault(mut draft in drafts::answers(), line in spoilt_lines(), at in any::<Index>()) {
        draft.insert(at, &line);
        let raw = draft.bytes();
        for piece in [1, 2, 13, usize::MAX] {
            let outcome = exchange::responses(&raw, piece, Asked::default(), true);
            let status = outcome.refused.map(|reject| reject.status);
            prop_assert_eq!((status, outcome.heads), (Some(502), 0), "{}", raw.escape_ascii());
        }
    }

    #[test]
    fn a_status_line_is_read_by_the_letter(mut draft in drafts::answers(), start in select(vec!["HTTP/1.1 099 X", "HTTP/1.1 99", "HTTP/1.1 1000 X", "HTTP/1.1 000", "HTTP/1.1  200", "HTTP/1.1\t200", "HTTP/1.1 200\tOK", "HTTP/1.1 20x", "HTTP/1.1 -20", "HTTP/2.0 200", "HTTP/2 200", "http/1.1 200", "HTTP/1.1200 OK", " HTTP/1.1 200", "ICY 200 OK", "HTTP/1.1 200 O\0K", "HTTP/1.1 200 O\rK", "HTTP/1.1 200 O\x7fK", "", "\r\nHTTP/1.1 200 OK"])) {
        draft.start = start.as_bytes().to_vec();
        let raw = draft.bytes();
        for piece in [1, usize::MAX] {
            let outcome = exchange::responses(&raw, piece, Asked::default(), true);
            prop_assert_eq!((outcome.refused.map(|reject| reject.status), outcome.heads), (Some(502), 0), "{}", raw.escape_ascii());
        }
    }

    #[test]
    fn good_answers_leave_safely(draft in drafts::answers(), head in any::<bool>()) {
        let raw = draft.bytes();
        let asked = Asked { head, ..Asked::default() };
        let whole = exchange::responses(&raw, usize::MAX, asked, true);
        prop_assert_eq!(exchange::responses(&raw, 1, asked, true), exchange::responses(&raw, usize::MAX, asked, true));
        prop_assert_eq!((whole.refused, whole.whole), (None, 1), "{}", raw.escape_ascii());
        whole.sent_heads.iter().for_each(|head| assert_safe(head));
    }
}
