//! Rules of RFC 9110, 9112 and 3986, each held against messages that are good but for one thing, which may stand anywhere
//! and be written in any way.

#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

#[path = "support/drafts.rs"]
mod drafts;
#[path = "support/exchange.rs"]
mod exchange;
#[path = "support/wrong.rs"]
mod wrong;

use proptest::prelude::*;
use proptest::sample::{Index, select};
use tenbin_proto::{Asked, Limits};

use drafts::{
    blanks, bytes_where, cased, is_called, is_control, is_token, one_of, places, put, requests, tokens,
};
use exchange::Outcome;
use wrong::{
    CHUNKS, CODINGS, ENDS, LENGTHS, NEEDED, OPTIONS_AFTER, OPTIONS_BEFORE, SPACES, STATUS_LINES,
    UNKNOWN_CODINGS, VERSIONS,
};

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

macro_rules! refused {
    ($draft:expr, $($status:literal $reason:literal)|+) => {{
        let raw = $draft.bytes();
        let verdict = verdict(&raw);
        let expected = [$(Some(($status, $reason))),+];
        prop_assert!(expected.contains(&verdict), "{verdict:?}, not {expected:?}: {}", raw.escape_ascii());
    }};
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    // RFC 9112, 2.2 and 5: lines

    #[test]
    fn good_requests_pass(draft in requests()) {
        prop_assert_eq!(verdict(&draft.bytes()), None);
    }

    #[test]
    fn a_line_ends_with_cr_lf(
        draft in requests(),
        at in any::<Index>(),
        end in one_of(ENDS),
    ) {
        // A body may begin with what makes a whole line end of half a one.
        prop_assume!(end != b"\r" || draft.body.first() != Some(&b'\n'));
        let spoilt = at.index(draft.lines.len() + 2);
        let mut raw = draft.bytes_with(|index| if index == spoilt { end } else { b"\r\n" });
        // A CR at the very end may still be half a line end.
        raw.extend_from_slice(b"GET / HTTP/1.1\r\n");
        let (status, reason) = verdict(&raw).unwrap_or_else(|| panic!("passed: {}", raw.escape_ascii()));
        prop_assert_eq!(status, 400, "{}: {}", reason, raw.escape_ascii());
    }

    #[test]
    fn no_value_holds_a_control_byte(
        mut draft in requests(),
        name in tokens(),
        (place, at) in any::<(Index, Index)>(),
        byte in bytes_where(is_control),
    ) {
        let value = b"some text, and more";
        draft.insert(place, &[name.as_bytes(), b":", &put(value, at.index(value.len() + 1), byte)].concat());
        refused!(draft, 400 "field-value" | 400 "bare-cr" | 400 "bare-lf");
    }

    #[test]
    fn no_name_holds_anything_but_token_bytes(
        mut draft in requests(),
        name in tokens(),
        (place, at) in any::<(Index, Index)>(),
        byte in bytes_where(|byte| !is_token(byte) && byte != b':'),
    ) {
        let line = [&put(name.as_bytes(), at.index(name.len()), byte)[..], b": a"].concat();
        draft.insert(place, &line);
        let reasons = ["field-name", "field-fold", "field-name-space", "field-colon", "bare-cr", "bare-lf"];
        let raw = draft.bytes();
        let verdict = verdict(&raw);
        let fits = verdict.is_some_and(|(status, reason)| status == 400 && reasons.contains(&reason));
        prop_assert!(fits, "{verdict:?}: {}", raw.escape_ascii());
    }

    #[test]
    fn nothing_stands_between_name_and_colon(
        mut draft in requests(),
        name in prop_oneof![tokens(), cased("content-length"), cased("host"), cased("transfer-encoding")],
        blank in "[ \t]{1,3}",
        place in any::<Index>(),
    ) {
        draft.insert(place, format!("{name}{blank}: 1").as_bytes());
        refused!(draft, 400 "field-name-space");
    }

    #[test]
    fn no_line_is_folded(
        mut draft in requests(),
        (blank, rest) in ("[ \t]{1,3}", "[ -~]{0,9}"),
        place in any::<Index>(),
    ) {
        draft.insert(place, format!("{blank}{rest}").as_bytes());
        refused!(draft, 400 "field-fold");
    }

    #[test]
    fn a_name_has_at_least_one_byte_and_a_colon(
        mut draft in requests(),
        name in tokens(),
        place in any::<Index>(),
    ) {
        let mut empty = draft.clone();
        empty.insert(place, b": a");
        refused!(empty, 400 "field-name-empty");
        draft.insert(place, name.as_bytes());
        refused!(draft, 400 "field-colon");
    }

    // RFC 9112, 3: the request line

    #[test]
    fn one_space_between_words(
        mut draft in requests(),
        which in 0_usize..2,
        blank in one_of(SPACES),
    ) {
        let words: Vec<Vec<u8>> = draft.start.split(|&byte| byte == b' ').map(<[u8]>::to_vec).collect();
        let gap = |index| if index == which { blank } else { b" " };
        draft.start = [&words[0], gap(0), &words[1], gap(1), &words[2]].concat();
        let raw = draft.bytes();
        let (status, _) = verdict(&raw).unwrap_or_else(|| panic!("passed: {}", raw.escape_ascii()));
        prop_assert!([400, 501, 405].contains(&status));
    }

    #[test]
    fn a_method_is_a_token(
        mut draft in requests(),
        at in any::<Index>(),
        byte in bytes_where(|byte| !is_token(byte) && byte != b' '),
    ) {
        let end = draft.start.iter().position(|&byte| byte == b' ').unwrap();
        // Before the method empty lines may stand.
        let at = at.index(end.min(31)) + usize::from(byte == b'\n' || byte == b'\r');
        draft.start.insert(at, byte);
        refused!(draft, 400 "method-byte" | 501 "method-too-long");
    }

    #[test]
    fn a_target_is_visible_ascii_without_a_fragment(
        mut draft in requests(),
        at in any::<Index>(),
        byte in bytes_where(|byte| !byte.is_ascii_graphic() && byte != b' ' || byte == b'#'),
    ) {
        let start = draft.start.iter().position(|&byte| byte == b' ').unwrap() + 1;
        let end = draft.start.iter().rposition(|&byte| byte == b' ').unwrap();
        draft.start.insert(start + at.index(end - start + 1), byte);
        let raw = draft.bytes();
        let (status, reason) = verdict(&raw).unwrap_or_else(|| panic!("passed: {}", raw.escape_ascii()));
        prop_assert!(status == 400, "{}: {}", reason, raw.escape_ascii());
    }

    #[test]
    fn a_percent_sign_begins_an_escape(
        mut draft in requests(),
        bad in "%([g-zG-Z/?.&][0-9a-f]|[0-9a-f][g-z/?.&%]|%41|u0041|)",
    ) {
        let end = draft.start.iter().rposition(|&byte| byte == b' ').unwrap();
        // At the end of a path or query, not of a bare authority.
        draft.start = [b"GET /a", bad.as_bytes(), &draft.start[end..]].concat();
        refused!(draft, 400 "target-escape");
    }

    #[test]
    fn a_version_is_http_1(
        mut draft in requests(),
        version in select(VERSIONS),
    ) {
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
    fn there_is_one_host(
        mut draft in requests(),
        name in cased("host"),
        place in any::<Index>(),
        second in select(&["a.test", "b.test"]),
    ) {
        let mut none = draft.clone();
        none.remove(b"host");
        refused!(none, 400 "host-missing");
        draft.insert(place, format!("{name}: {second}").as_bytes());
        refused!(draft, 400 "host-repeated");
    }

    #[test]
    fn a_host_is_a_name_or_an_address(
        mut draft in requests(),
        name in cased("host"),
        (place, at) in any::<(Index, Index)>(),
        byte in bytes_where(|byte| !byte.is_ascii_alphanumeric() && !b"-_.:".contains(&byte)),
    ) {
        draft.remove(b"host");
        // White space at its ends is none of it.
        let host = put(b"a.test", 1 + at.index(5), byte);
        draft.insert(place, &[name.as_bytes(), b":", &host].concat());
        refused!(draft, 400 "host-invalid" | 400 "field-value" | 400 "bare-cr" | 400 "bare-lf");
    }

    #[test]
    fn a_host_that_differs_from_the_target_is_refused(
        mut draft in requests(),
        host in select(&["b.test", "a.test.", "a.test:81", "xa.test", "[::1]"]),
        scheme in cased("http"),
        place in any::<Index>(),
    ) {
        draft.remove(b"host");
        draft.start = format!("GET {scheme}://a.test/x HTTP/1.1").into_bytes();
        draft.insert(place, format!("Host: {host}").as_bytes());
        refused!(draft, 400 "host-differs");
    }

    // RFC 9112, 6: framing

    #[test]
    fn a_body_is_framed_in_one_way(
        mut draft in requests(),
        (length, number) in (cased("content-length"), "[0-9]{1,3}"),
        (encoding, coding) in (cased("transfer-encoding"), cased("chunked")),
        places in places(),
    ) {
        let lines = [format!("{length}: {number}"), format!("{encoding}:{coding}")];
        draft.frame(&[lines[0].as_bytes(), lines[1].as_bytes()], &places);
        refused!(draft, 400 "content-length-and-transfer-encoding");
    }

    #[test]
    fn a_length_is_said_once(
        mut draft in requests(),
        names in (cased("content-length"), cased("content-length")),
        numbers in (0_u32..20, 0_u32..20),
        places in places(),
    ) {
        let lines = [format!("{}: {}", names.0, numbers.0), format!("{}: {}", names.1, numbers.1)];
        draft.frame(&[lines[0].as_bytes(), lines[1].as_bytes()], &places);
        refused!(draft, 400 "content-length-repeated");
    }

    #[test]
    fn a_length_is_digits(
        mut draft in requests(),
        name in cased("content-length"),
        at in any::<Index>(),
        byte in bytes_where(|byte| !byte.is_ascii_digit()),
        places in places(),
    ) {
        let number = put(b"12", at.index(3), byte);
        prop_assume!(number.trim_ascii() == number);
        draft.frame(&[&[name.as_bytes(), b": ", &number].concat()], &places);
        refused!(draft, 400 "content-length-invalid" | 400 "field-value" | 400 "bare-cr" | 400 "bare-lf");
    }

    #[test]
    fn a_length_fits_into_63_bits(
        mut draft in requests(),
        number in prop_oneof!["9223372036854775808", "1[0-9]{19,40}", "[3-9][0-9]{19}"],
        places in places(),
    ) {
        draft.frame(&[format!("Content-Length: {number}").as_bytes()], &places);
        refused!(draft, 400 "content-length-too-big");
    }

    #[test]
    fn the_one_coding_is_chunked(
        mut draft in requests(),
        (first, second) in (cased("transfer-encoding"), cased("transfer-encoding")),
        before in blanks(),
        (unknown, wrong) in (select(UNKNOWN_CODINGS), select(CODINGS)),
        places in places(),
    ) {
        draft.frame(&[format!("{first}:{before}{unknown}").as_bytes()], &places);
        refused!(draft, 501 "transfer-encoding-unknown");
        draft.frame(&[format!("{first}:{before}{wrong}").as_bytes()], &places);
        refused!(draft, 400 "transfer-encoding-invalid");
        let lines = [format!("{first}: chunked"), format!("{second}:{before}chunked")];
        draft.frame(&[lines[0].as_bytes(), lines[1].as_bytes()], &places);
        refused!(draft, 400 "transfer-encoding-repeated");
    }

    #[test]
    fn old_clients_know_no_coding(
        mut draft in requests(),
        (name, coding) in (cased("transfer-encoding"), cased("chunked")),
        places in places(),
    ) {
        draft.start = b"POST / HTTP/1.0".to_vec();
        draft.frame(&[format!("{name}: {coding}").as_bytes()], &places);
        refused!(draft, 400 "transfer-encoding-in-http-1.0");
    }

    #[test]
    fn chunks_are_framed_by_the_letter(
        mut draft in requests(),
        (body, reason) in select(CHUNKS),
        places in places(),
    ) {
        draft.frame(&[b"Transfer-Encoding: chunked"], &places);
        draft.body = body.to_vec();
        let raw = draft.bytes();
        prop_assert_eq!(verdict(&raw).map(|(_, reason)| reason), Some(reason), "{}", raw.escape_ascii());
    }

    // RFC 9110, 7.6.1: Connection

    #[test]
    fn connection_may_not_name_what_is_needed(
        mut draft in requests(),
        name in cased("connection"),
        option in select(NEEDED).prop_flat_map(cased),
        (before, blank, after) in (select(OPTIONS_BEFORE), blanks(), select(OPTIONS_AFTER)),
        place in any::<Index>(),
    ) {
        draft.insert(place, format!("{name}:{before}{blank}{option}{after}").as_bytes());
        refused!(draft, 400 "connection-nominates");
    }

    #[test]
    fn what_connection_names_goes_no_further(
        mut draft in requests(),
        (name, option) in (cased("connection"), tokens()),
        (blank, before, after) in (blanks(), select(OPTIONS_BEFORE), select(OPTIONS_AFTER)),
        places in places(),
    ) {
        let (secret, option) = (option.to_ascii_uppercase(), option.to_ascii_lowercase());
        draft.insert(places[0], format!("{secret}: 4711").as_bytes());
        draft.insert(places[1], format!("{name}:{blank}{before}{option}{after}").as_bytes());
        draft.insert(places[2], format!("{secret}:4711").as_bytes());
        let raw = draft.bytes();
        prop_assert_eq!(verdict(&raw), None);
        let outcome = exchange::requests(&raw, usize::MAX, &Limits::default());
        let head = &outcome.sent_heads[0];
        let mut lines = head.split(|&byte| byte == b'\n');
        prop_assert!(!lines.any(|line| is_called(line, secret.as_bytes())), "{}", head.escape_ascii());
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
    let control = bytes_where(is_control);
    let other = bytes_where(|byte| !is_token(byte) && !b": \t\r\n".contains(&byte));
    prop_oneof![
        control.prop_map(|byte| [b"X-A: b", &[byte][..], b"c"].concat()),
        other.prop_map(|byte| [b"X", &[byte][..], b"A: b"].concat()),
        select(vec![&b" X-A: b"[..], b"\tb", b": b", b"nothing", b"X-A b: c"]).prop_map(<[u8]>::to_vec),
        (cased("content-length"), select(LENGTHS))
            .prop_map(|(name, value)| format!("{name}: {value}").into_bytes()),
        (cased("content-length"), blanks()).prop_filter_map("a blank", |(name, blank)| {
            (!blank.is_empty()).then(|| format!("{name}{blank}: 0").into_bytes())
        }),
        (cased("transfer-encoding"), prop_oneof![select(UNKNOWN_CODINGS), select(CODINGS)])
            .prop_map(|(name, value)| format!("{name}: {value}").into_bytes()),
        (cased("connection"), cased("content-length"))
            .prop_map(|(name, option)| format!("{name}: x, {option}").into_bytes()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_spoilt_answer_is_the_servers_fault(
        mut draft in drafts::answers(),
        line in spoilt_lines(),
        at in any::<Index>(),
    ) {
        draft.insert(at, &line);
        let raw = draft.bytes();
        for piece in [1, 2, 13, usize::MAX] {
            let outcome = exchange::responses(&raw, piece, Asked::default(), true);
            let status = outcome.refused.map(|reject| reject.status);
            prop_assert_eq!((status, outcome.heads), (Some(502), 0), "{}", raw.escape_ascii());
        }
    }

    #[test]
    fn a_status_line_is_read_by_the_letter(
        mut draft in drafts::answers(),
        start in select(STATUS_LINES),
    ) {
        draft.start = start.as_bytes().to_vec();
        let raw = draft.bytes();
        for piece in [1, usize::MAX] {
            let outcome = exchange::responses(&raw, piece, Asked::default(), true);
            let status = outcome.refused.map(|reject| reject.status);
            prop_assert_eq!((status, outcome.heads), (Some(502), 0), "{}", raw.escape_ascii());
        }
    }

    #[test]
    fn good_answers_leave_safely(draft in drafts::answers(), head in any::<bool>()) {
        let raw = draft.bytes();
        let asked = Asked { head, ..Asked::default() };
        let whole = exchange::responses(&raw, usize::MAX, asked, true);
        prop_assert_eq!((whole.refused, whole.whole), (None, 1), "{}", raw.escape_ascii());
        prop_assert_eq!(&exchange::responses(&raw, 1, asked, true), &whole);
        whole.sent_heads.iter().for_each(|head| assert_safe(head));
    }
}
