//! Request targets: as clients send them, and as routes rewrite them.

use tenbin_proto::{Limits, Progress, Request, RequestEdits, query, write_request};

/// What is accepted holds visible ASCII without `#` and whole escapes, falls apart into path and query without a rest,
/// and is sent on as it came; what a route makes of any bytes is such a target, and stays as it is from then on.
pub fn property(data: &[u8]) {
    for version in ["HTTP/1.1\r\nHost: a.test", "HTTP/1.0"] {
        let raw = [b"GET ", data, b" ", version.as_bytes(), b"\r\n\r\n"].concat();
        if let Some(head) = parse(&raw) {
            assert!(is_target(data), "{}", data.escape_ascii());
            let target = target(&raw, &head, None);
            assert!(data.ends_with(&target) || data.ends_with(&target[1..]), "{}", target.escape_ascii());
            let (path, query) = (head.path.of(&raw), head.query.of(&raw));
            let mut parts = path.to_vec();
            if !query.is_empty() || target.ends_with(b"?") {
                parts.extend([b"?", query].concat());
            }
            assert_eq!(parts.escape_ascii().to_string(), target.escape_ascii().to_string());
            let _ = query::param(query, b"a");
        }
    }
    let raw = b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n";
    let head = parse(raw).expect("a plain request");
    let once = target(raw, &head, Some(data));
    assert!(once.starts_with(b"/") && is_target(&once), "{}", once.escape_ascii());
    let twice = target(raw, &head, Some(&once));
    assert_eq!(twice.escape_ascii().to_string(), once.escape_ascii().to_string());
}

fn parse(raw: &[u8]) -> Option<Request> {
    let mut head = Request::default();
    let whole = head.parse(raw, &mut 0, &Limits::default()) == Ok(Progress::Complete);
    // Bytes that end the head early are the business of another target.
    (whole && head.length == raw.len() && head.method_text.of(raw) == b"GET").then_some(head)
}

/// The target that is sent, read back by splitting the line at its spaces.
fn target(raw: &[u8], head: &Request, to: Option<&[u8]>) -> Vec<u8> {
    let mut sent = Vec::new();
    write_request(&mut sent, head, raw, &RequestEdits { target: to, ..RequestEdits::default() });
    let line = sent.split(|&byte| byte == b'\r').next().unwrap_or_default();
    let words: Vec<&[u8]> = line.split(|&byte| byte == b' ').collect();
    let [b"GET", target, b"HTTP/1.1"] = words[..] else { panic!("{}", line.escape_ascii()) };
    target.to_vec()
}

fn is_target(text: &[u8]) -> bool {
    let escapes = text.iter().enumerate().filter(|&(_, &byte)| byte == b'%');
    text.iter().all(|&byte| byte.is_ascii_graphic() && byte != b'#')
        && escapes
            .map(|(at, _)| text.get(at + 1..at + 3))
            .all(|digits| digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)))
}
