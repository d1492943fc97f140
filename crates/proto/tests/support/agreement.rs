//! Where `tenbin-proto` and the second reader must agree: whatever Tenbin accepts, the second reader accepts, too, and
//! reads from what Tenbin *sends* the message that it read from what came, but for what Tenbin changes on purpose.
//!
//! Owns: those changes, said once more and apart from the code that carries them out, and the known differences. Does not
//! own: either reader.

use tenbin_proto::{Asked, Limits};

use crate::exchange::{requests, responses};
use crate::second::{self, Framing, Message, Refusal};

/// Names and values.
type Lines = Vec<(Vec<u8>, Vec<u8>)>;

/// Fields that never travel on.
const CONNECTION: &[&[u8]] = &[
    b"connection",
    b"keep-alive",
    b"proxy-connection",
    b"te",
    b"transfer-encoding",
    b"content-length",
    b"upgrade",
    b"http2-settings",
];

/// Holds every whole request in `raw` against the second reader.
pub fn on_requests(raw: &[u8]) {
    let outcome = requests(raw, usize::MAX, &Limits::default());
    let mut at = 0;
    for sent in outcome.sent.iter().take(outcome.whole) {
        let came = match second::request(&raw[at..]) {
            Ok(came) => came,
            Err(refusal) if is_known(&raw[at..], refusal) => return,
            Err(refusal) => panic!("only we accept ({refusal:?}): {}", raw[at..].escape_ascii()),
        };
        at += came.length;
        let left = second::request(sent);
        let Ok(left) = left else { panic!("{left:?} of what is sent: {}", sent.escape_ascii()) };
        assert_eq!(left.length, sent.len(), "something follows: {}", sent.escape_ascii());
        same_request(&came, &left);
    }
}

/// Holds an answer in `raw`, after those that are interim, against the second reader.
pub fn on_answers(raw: &[u8]) {
    for head in [false, true] {
        let outcome = responses(raw, usize::MAX, Asked { head, ..Asked::default() }, true);
        let mut at = 0;
        let read = if outcome.whole > 0 { outcome.sent.len() } else { outcome.sent.len().saturating_sub(1) };
        for sent in outcome.sent.iter().take(read) {
            let came = match second::answer(&raw[at..], head) {
                Ok(came) => came,
                Err(refusal) if is_known(&raw[at..], refusal) => return,
                Err(refusal) => panic!("only we accept ({refusal:?}): {}", raw[at..].escape_ascii()),
            };
            at += came.length;
            let left = second::answer(sent, head);
            let Ok(left) = left else { panic!("{left:?} of what is sent: {}", sent.escape_ascii()) };
            assert_eq!(left.length, sent.len(), "something follows: {}", sent.escape_ascii());
            same_answer(&came, &left);
        }
    }
}

/// Messages that we take and the second reader refuses, each with its reason.
fn is_known(raw: &[u8], refusal: Refusal) -> bool {
    match refusal {
        // A recipient of HTTP/1.2 to 1.9 processes it as 1.1 (RFC 9110, 2.5); httparse knows 1.0 and 1.1 only.
        Refusal::Tokens(httparse::Error::Version) => {
            let newer = |text: &[u8]| text.starts_with(b"HTTP/1.") && (b'2'..=b'9').contains(&text[7]);
            raw.windows(8).any(newer)
        }
        _ => false,
    }
}

/// Holds trailers as we keep them against those that the second reader found.
pub fn on_trailers(kept: &[u8], found: &Lines) {
    let mut found = found.iter();
    let lines = kept.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
    for line in lines {
        let line = line.strip_suffix(b"\r").unwrap_or_else(|| panic!("{}", kept.escape_ascii()));
        let colon = line.iter().position(|&byte| byte == b':').unwrap_or_default();
        let own = (line[..colon].to_ascii_lowercase(), line[colon + 1..].trim_ascii().to_vec());
        assert!(found.any(|line| *line == own), "{} came from nowhere", line.escape_ascii());
    }
}

fn same_request(came: &Message, left: &Message) {
    let (method, target) = &came.start;
    let (path, authority) = origin(method, target);
    assert_eq!((&left.start.0, left.start.1.clone(), left.minor), (method, path, 1));
    let host = value(&came.fields, b"host").or(authority.as_deref()).unwrap_or(b"fallback.test");
    let host = authority.as_deref().unwrap_or(host);
    let host = host.strip_suffix(b":").unwrap_or(host);
    assert_eq!(left.fields.first(), Some(&(b"host".to_vec(), host.to_vec())));
    let waits = came.minor > 0 && !matches!(came.framing, Framing::None | Framing::Length(0));
    let own = |name: &[u8]| {
        name == b"host"
            || name.contains(&b'_')
            || name.starts_with(b"x-forwarded-")
            || [&b"forwarded"[..], b"x-real-ip"].contains(&name)
            || name == b"expect" && !waits
    };
    let mut expected = end_to_end(&came.fields);
    expected.retain(|(name, _)| !own(name));
    let mut got = end_to_end(&left.fields);
    got.retain(|(name, _)| !own(name));
    assert_eq!(got, expected);
    let forwarded = [(&b"x-forwarded-for"[..], &b"10.0.0.1"[..]), (b"x-forwarded-proto", b"http")];
    for (name, text) in forwarded {
        let values: Vec<&[u8]> = values(&left.fields, name).collect();
        assert_eq!(values, [text]);
    }
    same_body(came, left);
}

fn same_answer(came: &Message, left: &Message) {
    assert_eq!((&left.start.0, left.minor), (&came.start.0, 1));
    assert_eq!(end_to_end(&left.fields), end_to_end(&came.fields));
    same_body(came, left);
}

fn same_body(came: &Message, left: &Message) {
    assert_eq!((left.framing, &left.body), (came.framing, &came.body));
    let mut found = came.trailers.iter();
    assert!(left.trailers.iter().all(|line| found.any(|other| other == line)), "{:?}", left.trailers);
    // What is said about the connection names nothing but what is said anew.
    for option in values(&left.fields, b"connection").flat_map(|value| value.split(|&byte| byte == b',')) {
        assert!(
            [&b"close"[..], b"TE", b"Upgrade"].contains(&option.trim_ascii()),
            "{}",
            option.escape_ascii()
        );
    }
    let lengths = values(&left.fields, b"content-length").count();
    assert!(lengths + values(&left.fields, b"transfer-encoding").count() <= 1);
}

/// The target in origin-form, and the authority if it was in absolute-form.
fn origin(method: &[u8], target: &[u8]) -> (Vec<u8>, Option<Vec<u8>>) {
    if target.starts_with(b"/") || target == b"*" {
        return (target.to_vec(), None);
    }
    let scheme = target.windows(3).position(|three| three == b"://").unwrap_or_default();
    let rest = &target[scheme + 3..];
    let end = rest.iter().position(|byte| b"/?".contains(byte)).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let path = match path.first() {
        Some(b'/') => path.to_vec(),
        Some(_) => [b"/", path].concat(),
        None if method == b"OPTIONS" => b"*".to_vec(),
        None => b"/".to_vec(),
    };
    (path, Some(authority.to_vec()))
}

/// The fields that are meant for the other end: neither those of the connection nor those that Connection names.
fn end_to_end(fields: &Lines) -> Lines {
    let named: Vec<Vec<u8>> = values(fields, b"connection")
        .flat_map(|value| value.split(|&byte| byte == b','))
        .map(|option| option.trim_ascii().to_ascii_lowercase())
        .collect();
    let mut fields = fields.clone();
    fields.retain(|(name, _)| !CONNECTION.contains(&name.as_slice()) && !named.contains(name));
    fields
}

fn value<'a>(fields: &'a Lines, name: &[u8]) -> Option<&'a [u8]> {
    fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_slice())
}

fn values<'a>(fields: &'a Lines, name: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    fields.iter().filter(move |(field, _)| field == name).map(|(_, value)| value.as_slice())
}
