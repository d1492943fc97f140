//! Request heads and what follows them on a connection.

use tenbin_proto::{Limits, Progress, Reject, Request, RequestEdits, write_request};

use crate::meaning::{is_clean, meaning};
use crate::{agreement, cuts, exchange};

/// Bytes that a head may grow by when it is written anew: Host, forwarding fields, Connection.
const GROWTH: usize = 512;

/// One verdict however it is cut, each byte looked at once, written heads that are clean, mean the same and stay the
/// same when they are written again, and a second reader who agrees.
pub fn property(data: &[u8]) {
    let strict = Limits::default();
    let lenient = Limits { lenient: true, ..strict };
    let small = Limits { head_bytes: 64, fields: 3, target_bytes: 12, ..strict };
    for limits in [strict, lenient, small] {
        let whole = verdict(data, [data.len()], &limits);
        assert_eq!(verdict(data, 1..=data.len(), &limits), whole, "byte by byte");
        for cut in cuts::in_two(data) {
            assert_eq!(verdict(data, [cut, data.len()], &limits), whole, "cut at {cut}");
        }
        let outcome = exchange::requests(data, usize::MAX, &limits);
        assert_eq!(exchange::requests(data, 1, &limits), outcome, "the connection byte by byte");
        for (read, sent) in outcome.read_heads.iter().zip(&outcome.sent_heads) {
            assert!(sent.len() <= read.len() + GROWTH, "{} bytes became {}", read.len(), sent.len());
            assert!(is_clean(sent), "{}", sent.escape_ascii());
            rewrite(read, &limits);
        }
    }
    agreement::on_requests(data);
}

/// What is found in the head at the start of `data`, of which so much is there time after time.
fn verdict(
    data: &[u8],
    ends: impl IntoIterator<Item = usize>,
    limits: &Limits,
) -> Result<Option<String>, Reject> {
    let (mut head, mut scanned) = (Request::default(), 0);
    for end in ends {
        let before = scanned;
        if head.parse(&data[..end], &mut scanned, limits)? == Progress::Complete {
            assert!(head.length <= limits.head_bytes && head.fields.len() <= limits.fields);
            let parts = (head.path, head.query, head.host, head.upgrade, head.keep_alive, head.length);
            return Ok(Some(format!("{:?} {parts:?}", meaning(&head, data))));
        }
        assert!(before <= scanned && scanned == end, "{end} bytes were not looked at once");
    }
    Ok(None)
}

/// parse(write(parse(x))) is parse(x), and writing again changes nothing.
fn rewrite(read: &[u8], limits: &Limits) {
    let before = parse(read, limits);
    let to = RequestEdits { host_fallback: b"fallback.test", ..RequestEdits::default() };
    let (mut sent, mut again) = (Vec::new(), Vec::new());
    write_request(&mut sent, &before, read, &to);
    let after = parse(&sent, &Limits::default());
    let mut expected = meaning(&before, read);
    if expected.authority.is_empty() {
        expected.authority = b"fallback.test".to_vec();
    }
    assert_eq!(meaning(&after, &sent), expected);
    write_request(&mut again, &after, &sent, &to);
    assert_eq!(again.escape_ascii().to_string(), sent.escape_ascii().to_string());
}

fn parse(bytes: &[u8], limits: &Limits) -> Request {
    let mut head = Request::default();
    let progress = head.parse(bytes, &mut 0, limits);
    assert_eq!(progress, Ok(Progress::Complete), "{}", bytes.escape_ascii());
    assert_eq!(head.length, bytes.len());
    head
}
