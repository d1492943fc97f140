//! Cookies, and the token in one of them that names a server.

use std::sync::OnceLock;

use tenbin_engine::offline::Compiled;
use tenbin_proto::{Limits, Progress, Request, RequestEdits, cookie, write_request};

use crate::seeds;

/// Seconds since 1970, when all of this happens.
const NOW: u32 = 1_800_000_000;

/// Lookup agrees with iteration; a cookie that is hidden is gone and leaves all others; no bytes are taken for a token
/// but those that were given out.
pub fn property(data: &[u8]) {
    let names: Vec<&[u8]> = cookie::pairs(data).map(|(name, _)| name).collect();
    for name in &names {
        let first = cookie::pairs(data).find(|(other, _)| other == name).map(|(_, value)| value);
        assert_eq!(cookie::find(data, name), first, "{}", name.escape_ascii());
    }
    let raw = [b"GET / HTTP/1.1\r\nHost: a\r\nCookie: ", data, b"\r\n\r\n"].concat();
    if let Some(head) = parse(&raw) {
        for name in names.iter().take(4) {
            hide(&raw, &head, name);
        }
    }
    // Other bytes would end the field, and what stands behind it is no token.
    if !data.iter().any(u8::is_ascii_control) {
        forge(data);
    }
}

fn hide(raw: &[u8], head: &Request, name: &[u8]) {
    let pairs = |bytes: &[u8], head: &Request| -> Vec<(Vec<u8>, Vec<u8>)> {
        let values = head.fields.find_all(bytes, b"cookie").map(|field| field.value.of(bytes));
        values.flat_map(cookie::pairs).map(|(name, value)| (name.to_vec(), value.to_vec())).collect()
    };
    let mut sent = Vec::new();
    let to = RequestEdits { drop_cookie: Some(name), ..RequestEdits::default() };
    write_request(&mut sent, head, raw, &to);
    let after = parse(&sent).expect("what is sent is a request");
    let mut expected = pairs(raw, head);
    expected.retain(|(other, _)| other != name);
    assert_eq!(pairs(&sent, &after), expected, "{}", sent.escape_ascii());
}

fn parse(raw: &[u8]) -> Option<Request> {
    let mut head = Request::default();
    let progress = head.parse(raw, &mut 0, &Limits::default());
    (progress == Ok(Progress::Complete) && head.length == raw.len()).then_some(head)
}

/// Takes `data` as a token, as something to change a genuine one by, and as something behind it.
fn forge(data: &[u8]) {
    let tokens = [token(0), token(1)];
    let changed = tokens[0].iter().zip(data.iter().cycle()).map(|(own, other)| own ^ (other % 128));
    let spliced = |cut: usize| [&tokens[0][..cut], data].concat();
    let some = data.len() % tokens[0].len();
    for forged in [data.to_vec(), changed.collect(), spliced(some), spliced(tokens[0].len())] {
        let cookie = [b"S=", &forged[..]].concat();
        let value = cookie::find(&cookie, b"S").unwrap_or_default();
        let head = [b"GET / HTTP/1.1\r\nHost: a\r\nCookie: ", &cookie[..], b"\r\n\r\n"].concat();
        let expected = tokens.iter().position(|token| token == value);
        let is_field = !forged.iter().any(|&byte| byte.is_ascii_control() && byte != b'\t');
        let server = compiled().server_of_cookie(0, &head, NOW);
        assert_eq!(server, expected.filter(|_| is_field), "{}", forged.escape_ascii());
    }
}

/// The token of a server, out of the line that sets it.
pub fn token(server: usize) -> Vec<u8> {
    let line = compiled().set_cookie(0, server, NOW);
    let value = line.strip_prefix(b"set-cookie: S=").expect("the line of a cookie");
    value.split(|&byte| byte == b';').next().unwrap_or_default().to_vec()
}

fn compiled() -> &'static Compiled {
    static COMPILED: OnceLock<Compiled> = OnceLock::new();
    COMPILED.get_or_init(|| {
        let mut snapshot = seeds::contract("snapshot-small.json");
        snapshot["backends"][0]["sticky"] = serde_json::json!({
            "kind": "cookie", "name": "S", "plain": false, "attributes": "; Path=/", "max_idle": 0, "max_life": 0,
        });
        let compiled = Compiled::new(snapshot.to_string().as_bytes());
        compiled.unwrap_or_else(|error| panic!("{}: {}", error.path, error.reason))
    })
}
