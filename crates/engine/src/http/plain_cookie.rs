//! Persistence by a cookie that anybody can read: a server's value, perhaps with dates behind it, as HAProxy writes it.
//!
//! Whose cookie it is is the mode's: inserted here, the server's own with our value in it or before it, or only read. A
//! value is `server|LAST|FIRST`: quarters of seconds since 1970 in five digits of base64. Signed tokens are `sticky`'s.

use tenbin_balance::{Admin, Health};
use tenbin_proto::Method;

use super::exchange::Exchange;
use super::sticky::Visit;
use crate::ending::{CookieIn, CookieOut};
use crate::rules::message::growing;
use crate::tables::{Backend, Server};
use crate::wire::{CookieMode, Sticky};

/// Between a server's value and a date.
const DATE: u8 = b'|';
/// Between a server's value and the server's own.
const PREFIX: u8 = b'~';
/// A date may lie so far ahead: clocks differ.
const DAY: u32 = 86_400;

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// What a client's cookie says: which server, and how that is told in lines of logs.
pub fn read(backend: &Backend, value: &[u8], (now, forced): (u32, bool)) -> (CookieIn, Option<Visit>) {
    let Some(Sticky::Cookie { mode, max_idle, max_life, .. }) = &backend.spec.sticky else {
        return (CookieIn::None, None);
    };
    if *mode == CookieMode::Prefix {
        let end = value.iter().position(|byte| *byte == PREFIX).unwrap_or(value.len());
        return find(backend, value.get(..end).unwrap_or_default(), (0, 0, forced));
    }
    let mut parts = value.split(|byte| *byte == DATE);
    let name = parts.next().unwrap_or_default();
    let (last, first) = (parts.next().map_or(0, date), parts.next().map_or(0, date));
    let is_beyond = |date: u32, limit_ms: u64| {
        let age = i64::from(now) - i64::from(date);
        date > 0 && limit_ms > 0 && (age > limit_ms.div_ceil(1000) as i64 || age < -i64::from(DAY))
    };
    if is_beyond(first, *max_life) {
        return (CookieIn::Old, None);
    }
    if is_beyond(last, *max_idle) {
        return (CookieIn::Expired, None);
    }
    find(backend, name, (first, last, forced))
}

/// The first server of this value that runs; one that does not where persistence is forced.
fn find(
    backend: &Backend,
    name: &[u8],
    (first, last, forced): (u32, u32, bool),
) -> (CookieIn, Option<Visit>) {
    if name.is_empty() {
        return (CookieIn::Invalid, None);
    }
    let visit = |index| Some(Visit { index, first, last });
    let is_up = |index: usize| backend.servers.get(index).is_some_and(|server| runs(server));
    let Some(&known) = backend.by_cookie.get(name) else { return (CookieIn::Invalid, None) };
    if is_up(known) {
        return (CookieIn::Valid, visit(known));
    }
    let mut same = backend.servers.iter().enumerate().filter(|(_, server)| server.cookie == name);
    match same.find(|(_, server)| runs(server)) {
        Some((index, _)) if !forced => (CookieIn::Valid, visit(index)),
        _ => (CookieIn::Down, visit(known).filter(|_| forced)),
    }
}

/// Whether it takes those who belong to it: it may be drained.
pub fn runs(server: &Server) -> bool {
    server.state.health() != Health::Down && server.state.admin() != Admin::Maint
}

/// Whether the server is not to see the cookie.
pub fn is_hidden(backend: &Backend) -> bool {
    match &backend.spec.sticky {
        Some(Sticky::Cookie { plain: true, mode, indirect, .. }) => *mode == CookieMode::Insert && *indirect,
        _ => true,
    }
}

/// Gives the server its own part of a cookie that has the server's name before it.
pub fn unprefix(x: &mut Exchange, backend: &Backend) {
    let Some(Sticky::Cookie { plain: true, mode: CookieMode::Prefix, name, .. }) = &backend.spec.sticky
    else {
        return;
    };
    let bytes = growing(&mut x.state.request_text, x.input.head());
    for index in 0..x.request.fields.len() {
        let Some(field) = x.request.fields.iter().nth(index) else { return };
        if !field.name.of(bytes).eq_ignore_ascii_case(b"cookie") {
            continue;
        }
        let pieces = field.value.of(bytes).split(|byte| *byte == b';');
        let bared = pieces.map(|piece| bare(piece, name.as_bytes()).unwrap_or_else(|| piece.to_vec()));
        let value = bared.collect::<Vec<_>>().join(&b";"[..]);
        x.request.fields.replace(bytes, index, &value);
    }
}

fn bare(piece: &[u8], name: &[u8]) -> Option<Vec<u8>> {
    let blanks = piece.len() - piece.trim_ascii_start().len();
    let value = piece.get(blanks..)?.strip_prefix(name)?.strip_prefix(b"=")?;
    let end = value.iter().position(|byte| *byte == PREFIX)?;
    Some([piece.get(..blanks)?, name, b"=", value.get(end + 1..)?].concat())
}

/// What an answer does to the cookie: the server's own changed or removed, ours in `out`.
pub struct Due<'a> {
    /// Whose answer it is.
    pub server: &'a Server,
    /// The server that the client was to have; another one has to be told to it.
    pub wanted: bool,
    /// What its cookie said.
    pub visit: Option<Visit>,
    /// Seconds since 1970.
    pub now: u32,
}

/// Does it.
pub fn answer(x: &mut Exchange, backend: &Backend, due: &Due<'_>, out: &mut Vec<u8>) -> CookieOut {
    let Some(Sticky::Cookie { name, mode, indirect, no_cache, post_only, preserve, .. }) =
        &backend.spec.sticky
    else {
        return CookieOut::None;
    };
    let mut done = own(x, (name.as_bytes(), *mode, *indirect, *preserve), due);
    let inserts = *mode == CookieMode::Insert
        && !(done == CookieOut::Passed && *preserve)
        && (!due.wanted || is_old(backend, due))
        && (!*post_only || x.request.method == Method::Post);
    if inserts {
        insert(backend, due, out);
        let stays = due.wanted && !due.server.cookie.is_empty();
        done = if stays { CookieOut::Updated } else { CookieOut::Inserted };
        if *no_cache && may_be_kept(x) {
            out.extend_from_slice(b"cache-control: private\r\n");
        }
    }
    done
}

/// Whether a cache might keep the answer: what says neither when it was made nor how long it is good is asked for anew.
fn may_be_kept(x: &Exchange) -> bool {
    let bytes = x.state.answer_bytes(x.output.head());
    let has = |name: &[u8]| x.response.fields.find(bytes, name).is_some();
    let control = x.response.fields.find(bytes, b"cache-control").map(|field| field.value.of(bytes));
    let says = |word: &[u8]| {
        control.is_some_and(|value| value.windows(word.len()).any(|part| part.eq_ignore_ascii_case(word)))
    };
    let is_kept =
        matches!(x.response.status, 200 | 203 | 204 | 206 | 300 | 301 | 404 | 405 | 410 | 414 | 501);
    let is_dated =
        has(b"etag") || has(b"last-modified") || has(b"expires") || says(b"max-age") || says(b"s-maxage");
    let is_refused = says(b"private") || says(b"no-cache") || says(b"no-store") || says(b"max-age=0");
    x.request.method != Method::Post && is_kept && is_dated && !is_refused
}

/// Whether the dates of a cookie that leads to the right server are to be written anew.
fn is_old(backend: &Backend, due: &Due<'_>) -> bool {
    let Some(Sticky::Cookie { max_idle, max_life, .. }) = &backend.spec.sticky else { return false };
    let (first, last) = due.visit.map_or((0, 0), |visit| (visit.first, visit.last));
    (*max_idle > 0 || last > 0) && (last == 0 || last < due.now) || (*max_life > 0) != (first > 0)
}

/// Changes the server's own cookie of that name.
fn own(
    x: &mut Exchange,
    (name, mode, indirect, preserve): (&[u8], CookieMode, bool, bool),
    due: &Due<'_>,
) -> CookieOut {
    let head = x.state.answer_bytes(x.output.head());
    let is_ours = |field: &tenbin_proto::Field, bytes: &[u8]| {
        field.name.of(bytes).eq_ignore_ascii_case(b"set-cookie")
            && value_of(field.value.of(bytes), name).is_some()
    };
    if !x.response.fields.iter().any(|field| is_ours(field, head)) {
        return CookieOut::None;
    }
    let removes = mode == CookieMode::Insert || due.wanted && indirect;
    if preserve || !removes && (due.server.cookie.is_empty() || mode == CookieMode::Read) {
        return CookieOut::Passed;
    }
    let bytes = growing(&mut x.state.answer_text, x.output.head());
    if removes {
        let others = x.response.fields.iter().filter(|field| !is_ours(field, bytes));
        let others = others.filter(|field| field.name.of(bytes).eq_ignore_ascii_case(b"set-cookie"));
        let kept: Vec<Vec<u8>> = others.map(|field| field.value.of(bytes).to_vec()).collect();
        x.response.fields.remove(bytes, |other| other.eq_ignore_ascii_case(b"set-cookie"));
        for value in kept {
            x.response.fields.add(bytes, b"Set-Cookie", &value);
        }
        return CookieOut::Deleted;
    }
    for index in 0..x.response.fields.len() {
        let Some(field) = x.response.fields.iter().nth(index).copied().filter(|field| is_ours(field, bytes))
        else {
            continue;
        };
        let line = field.value.of(bytes);
        let Some((start, end)) = value_of(line, name) else { continue };
        let at = |from: usize, to: usize| line.get(from..to).unwrap_or_default();
        let (before, own, after) = (at(0, start), at(start, end), at(end, line.len()));
        let new = match mode {
            CookieMode::Rewrite => [before, &due.server.cookie, after].concat(),
            _ => [before, &due.server.cookie, &[PREFIX], own, after].concat(),
        };
        x.response.fields.replace(bytes, index, &new);
    }
    CookieOut::Rewritten
}

/// Where the value of a line that sets this cookie stands.
fn value_of(line: &[u8], name: &[u8]) -> Option<(usize, usize)> {
    let start = line.strip_prefix(name)?.strip_prefix(b"=").map(|rest| line.len() - rest.len())?;
    let length = line.get(start..)?.iter().position(|byte| *byte == b';');
    Some((start, length.map_or(line.len(), |length| start + length)))
}

/// The line of ours; a server without a value has the client forget the one it has.
fn insert(backend: &Backend, due: &Due<'_>, out: &mut Vec<u8>) {
    let Some(Sticky::Cookie { name, attributes, max_idle, max_life, .. }) = &backend.spec.sticky else {
        return;
    };
    out.extend_from_slice(b"set-cookie: ");
    out.extend_from_slice(name.as_bytes());
    out.push(b'=');
    if due.server.cookie.is_empty() {
        out.extend_from_slice(b"; Expires=Thu, 01-Jan-1970 00:00:01 GMT");
    } else {
        out.extend_from_slice(&due.server.cookie);
        if *max_idle > 0 || *max_life > 0 {
            let now = due.now.saturating_add(3);
            write_date(out, now);
            if *max_life > 0 {
                write_date(out, due.visit.map(|visit| visit.first).filter(|first| *first > 0).unwrap_or(now));
            }
        }
    }
    out.extend_from_slice(attributes.as_bytes());
    out.extend_from_slice(b"\r\n");
}

fn write_date(out: &mut Vec<u8>, seconds: u32) {
    out.push(DATE);
    let quarters = seconds >> 2;
    out.extend(
        [24, 18, 12, 6, 0].into_iter().filter_map(|shift| DIGITS.get((quarters >> shift & 63) as usize)),
    );
}

/// Seconds; 0 when it is none.
fn date(text: &[u8]) -> u32 {
    let digit = |byte: &u8| DIGITS.iter().position(|digit| digit == byte).map(|value| value as u32);
    let whole = text
        .first_chunk::<5>()
        .and_then(|digits| digits.iter().try_fold(0, |number, byte| Some(number << 6 | digit(byte)?)));
    whole.map_or(0, |quarters| quarters << 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_quarters_of_seconds_in_five_digits() {
        let mut out = Vec::new();
        write_date(&mut out, 1_700_000_003);
        assert_eq!(out.len(), 6);
        assert_eq!(date(out.get(1..).unwrap()), 1_700_000_000);
        assert_eq!(date(b"abc"), 0);
        assert_eq!(date(b"ab!de"), 0);
    }

    #[test]
    fn a_prefix_is_taken_from_its_own_cookie_only() {
        assert_eq!(bare(b" SID=s1~abc", b"SID").as_deref(), Some(&b" SID=abc"[..]));
        assert_eq!(bare(b"SID=abc", b"SID"), None);
        assert_eq!(bare(b"OTHER=s1~abc", b"SID"), None);
    }

    #[test]
    fn the_value_ends_at_the_first_attribute() {
        assert_eq!(value_of(b"SID=abc; path=/", b"SID"), Some((4, 7)));
        assert_eq!(value_of(b"SID=", b"SID"), Some((4, 4)));
        assert_eq!(value_of(b"SIDE=abc", b"SID"), None);
    }
}
