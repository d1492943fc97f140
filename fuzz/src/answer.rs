//! Answer heads and what follows them on a connection.

use tenbin_proto::{Asked, Limits, Progress, Reject, Response};

use crate::meaning::is_clean;
use crate::{agreement, cuts, exchange};

/// Bytes that a head may grow by when it is written anew.
const GROWTH: usize = 128;

/// One verdict however it is cut, each byte looked at once, written heads that are clean and no larger than they must
/// be, refusals that blame the server, and a second reader who agrees.
pub fn property(data: &[u8]) {
    let plain = Asked::default();
    for asked in [
        plain,
        Asked { head: true, ..plain },
        Asked { upgrade: true, ..plain },
        Asked { connect: true, ..plain },
    ] {
        for lenient in [false, true] {
            let limits = Limits { lenient, ..Limits::default() };
            let whole = verdict(data, [data.len()], &limits, asked);
            assert_eq!(verdict(data, 1..=data.len(), &limits, asked), whole, "byte by byte");
            for cut in cuts::in_two(data) {
                assert_eq!(verdict(data, [cut, data.len()], &limits, asked), whole, "cut at {cut}");
            }
            assert!(whole.is_ok() || whole.is_err_and(|reject| reject.status == 502));
        }
        let outcome = exchange::responses(data, usize::MAX, asked, true);
        assert_eq!(exchange::responses(data, 1, asked, true), outcome, "the connection byte by byte");
        for sent in &outcome.sent_heads {
            assert!(sent.len() <= data.len() + GROWTH);
            assert!(is_clean(sent), "{}", sent.escape_ascii());
        }
    }
    agreement::on_answers(data);
}

fn verdict(
    data: &[u8],
    ends: impl IntoIterator<Item = usize>,
    limits: &Limits,
    asked: Asked,
) -> Result<Option<String>, Reject> {
    let (mut head, mut scanned) = (Response::default(), 0);
    for end in ends {
        let before = scanned;
        if head.parse(&data[..end], &mut scanned, limits, asked)? == Progress::Complete {
            let Response {
                status, reason, version, body, content_length, keep_alive, upgrade, length, ..
            } = head;
            let parts = (status, reason, version, body, content_length, keep_alive, upgrade, length);
            return Ok(Some(format!("{parts:?} {:?}", head.fields)));
        }
        assert!(before <= scanned && scanned == end, "{end} bytes were not looked at once");
    }
    Ok(None)
}
