//! The first line of a request (RFC 9112, 3), read byte for byte as it comes.
//!
//! Owns: empty lines before it, method, target, version, and where reading goes on when more bytes come. Does not own:
//! fields.
//!
//! Unlike field lines it is judged before it is whole: what cannot become a request is refused at its first wrong byte,
//! so another protocol on this port gets its answer at once.

use crate::authority::{self, Authority};
use crate::line::{End, line_end};
use crate::reject::Fault;
use crate::scan::{self, HEX, TOKEN};
use crate::{Limits, Method, Reject, Request, Span, Version};

/// Most empty lines skipped before a request (RFC 9112, 2.2 asks for one).
const EMPTY_LINES: usize = 4;
/// Longest method, in bytes.
const METHOD_BYTES: usize = 32;

/// Where reading goes on.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Stage {
    /// At the start: empty lines and method are short, they are read again.
    #[default]
    Start,
    /// Inside the target, at this offset.
    Target(usize),
    /// At the version, which is short.
    Version(usize),
    /// At the start of this field line.
    Fields(usize),
}

/// What the target looked like, as far as writing it depends on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Form {
    /// A path, or `*`: written as it stands.
    #[default]
    Origin,
    /// An http URI with a path: its path and query are written.
    Absolute,
    /// An http URI without path and query: `/`, or `*` for OPTIONS.
    AbsoluteBare,
    /// An http URI without path but with a query: `/` is put before the query.
    AbsoluteQuery,
    /// `host:port`: written as it stands.
    Authority,
}

/// What the first line leaves for the rest of the head.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct FirstLine {
    pub form: Form,
    /// The authority of an absolute-form target and the default port of its scheme.
    pub authority: Option<(Authority, u16)>,
    /// The line stands exactly as it would be written.
    pub plain: bool,
    question: Option<usize>,
}

impl Request {
    /// Reads on from `stage`; the offset after the line once it is whole.
    #[inline]
    pub(crate) fn read_first_line(&mut self, bytes: &[u8], limits: &Limits) -> Result<Option<usize>, Reject> {
        let mut at = match self.stage {
            Stage::Start => match self.read_method(bytes, limits)? {
                Some(at) => at,
                None => return Ok(None),
            },
            Stage::Target(at) | Stage::Version(at) | Stage::Fields(at) => at,
        };
        if !matches!(self.stage, Stage::Version(_)) {
            at = match self.read_target(bytes, at, limits.target_bytes)? {
                Some(at) => at,
                None => return Ok(None),
            };
        }
        self.read_version(bytes, at, limits.lenient)
    }

    /// The method and its space.
    #[inline]
    fn read_method(&mut self, bytes: &[u8], limits: &Limits) -> Result<Option<usize>, Reject> {
        let start = match bytes.first() {
            Some(b'\r' | b'\n') => match skip_empty_lines(bytes, limits.lenient)? {
                Some(start) => start,
                None => return Ok(None),
            },
            _ => 0,
        };
        let (method, end) = match scan::word_at(bytes, start).and_then(common_method) {
            Some((method, length)) => (method, start + length),
            None => match other_method(bytes, start, limits)? {
                Some(found) => found,
                None => return Ok(None),
            },
        };
        self.method = method;
        self.method_text = Span::new(start, end);
        self.target = Span::new(end + 1, end + 1);
        Ok(Some(end + 1))
    }

    /// The target and its space; goes on at `at`, before which everything is fine.
    #[inline]
    fn read_target(&mut self, bytes: &[u8], at: usize, limit: usize) -> Result<Option<usize>, Reject> {
        let start = self.target.start as usize;
        let mut at = at;
        let is_start = matches!(bytes.get(at), Some(b'/' | b'h' | b'H' | b'*') | None);
        if at == start && !is_start && self.method != Method::Connect {
            return Err(wrong_target_start(bytes, at));
        }
        loop {
            at = scan::target_end(bytes, at);
            if at - start > limit {
                return Err(Fault::TargetTooLong.at(start + limit));
            }
            match bytes.get(at) {
                Some(b' ') if at > start => break,
                Some(b'?') => {
                    self.first.question.get_or_insert(at);
                    at += 1;
                }
                Some(b'%') => match bytes.get(at + 1..at + 3) {
                    Some(digits) if digits.iter().all(|&byte| scan::is(byte, HEX)) => at += 3,
                    Some(_) => return Err(Fault::TargetEscape.at(at)),
                    None => return Ok(self.wait_in(Stage::Target(at))),
                },
                Some(b'\r' | b'\n') => return Err(Fault::VersionMissing.at(at)),
                Some(_) => return Err(Fault::TargetByte.at(at)),
                None => return Ok(self.wait_in(Stage::Target(at))),
            }
        }
        self.place_target(bytes, start, at)?;
        Ok(Some(at + 1))
    }

    /// Splits the target, which covers `start..end`.
    #[inline]
    fn place_target(&mut self, bytes: &[u8], start: usize, end: usize) -> Result<(), Reject> {
        self.target = Span::new(start, end);
        let question = self.first.question.unwrap_or(end);
        self.path = Span::new(start, question);
        self.query = Span::new((question + 1).min(end), end);
        match bytes.get(start) {
            _ if self.method == Method::Connect => self.place_authority(bytes, start, end),
            Some(b'/') => Ok(()),
            Some(b'*') if end == start + 1 && self.method == Method::Options => Ok(()),
            Some(b'*') => Err(Fault::TargetForm.at(start)),
            _ => self.place_absolute(bytes, start, end),
        }
    }

    /// `host:port`, which only CONNECT has (RFC 9112, 3.2.3).
    #[cold]
    fn place_authority(&mut self, bytes: &[u8], start: usize, end: usize) -> Result<(), Reject> {
        if bytes.get(start) == Some(&b'/') {
            return Err(Fault::TargetForm.at(start));
        }
        let authority = authority::read(bytes, self.target).map_err(|fault| fault.at(start))?;
        let Some(port) = authority.port else { return Err(Fault::TargetForm.at(start)) };
        self.first.authority = Some((authority, port));
        self.first.form = Form::Authority;
        (self.path, self.query) = (Span::new(end, end), Span::new(end, end));
        Ok(())
    }

    /// An http URI: authority apart, path and query stay as the target (RFC 9112, 3.2.2).
    #[cold]
    fn place_absolute(&mut self, bytes: &[u8], start: usize, end: usize) -> Result<(), Reject> {
        let uri = Span::new(start, end).of(bytes);
        let starts = |scheme: &[u8]| {
            uri.get(..scheme.len())
                .is_some_and(|text| text.eq_ignore_ascii_case(scheme))
                .then_some(scheme.len())
        };
        let (length, default_port) = match (starts(b"http://"), starts(b"https://")) {
            (Some(length), _) => (length, 80),
            (None, Some(length)) => (length, 443),
            (None, None) => return Err(Fault::TargetForm.at(start)),
        };
        let from = start + length;
        let rest = Span::new(from, end).of(bytes);
        let to = from + memchr::memchr2(b'/', b'?', rest).unwrap_or(rest.len());
        if let Some(at) = memchr::memchr(b'@', Span::new(from, to).of(bytes)) {
            return Err(Fault::UserInfo.at(from + at));
        }
        let authority = authority::read(bytes, Span::new(from, to)).map_err(|fault| fault.at(from))?;
        self.first.authority = Some((authority, default_port));
        // The slash before the authority lends its byte to targets that have none of their own.
        let slash = Span::new(from - 1, from);
        self.first.form = match bytes.get(to) {
            Some(b'/') => Form::Absolute,
            Some(b'?') => Form::AbsoluteQuery,
            _ => Form::AbsoluteBare,
        };
        self.target = if self.first.form == Form::AbsoluteBare { slash } else { Span::new(to, end) };
        let question = self.first.question.unwrap_or(end);
        self.path = if self.first.form == Form::Absolute { Span::new(to, question) } else { slash };
        Ok(())
    }

    /// The version and the end of the line.
    #[inline]
    fn read_version(&mut self, bytes: &[u8], at: usize, lenient: bool) -> Result<Option<usize>, Reject> {
        const HTTP11: u64 = u64::from_le_bytes(*b"HTTP/1.1");
        self.first.plain = true;
        self.version = Version::Http11;
        if scan::word_at(bytes, at) != Some(HTTP11) {
            match other_version(bytes, at)? {
                Some(version) => self.version = version,
                None => return Ok(self.wait_in(Stage::Version(at))),
            }
            self.first.plain = false;
        }
        match line_end(bytes, at + 8, lenient) {
            End::Next(next) => {
                self.first.plain &= next == at + 10;
                Ok(Some(next))
            }
            End::Partial => Ok(self.wait_in(Stage::Version(at))),
            End::Fault(Fault::FieldValue) => Err(Fault::VersionText.at(at + 8)),
            End::Fault(fault) => Err(fault.at(at + 8)),
        }
    }

    fn wait_in(&mut self, stage: Stage) -> Option<usize> {
        self.stage = stage;
        None
    }
}

/// The methods that nearly every request has, with their length.
#[inline]
fn common_method(word: u64) -> Option<(Method, usize)> {
    const fn text(method: [u8; 8]) -> u64 {
        u64::from_le_bytes(method)
    }
    const FOUR: u64 = text(*b"\xff\xff\xff\xff\0\0\0\0");
    const FIVE: u64 = text(*b"\xff\xff\xff\xff\xff\0\0\0");
    if word & FOUR == text(*b"GET \0\0\0\0") {
        return Some((Method::Get, 3));
    }
    if word & FIVE == text(*b"POST \0\0\0") {
        return Some((Method::Post, 4));
    }
    if word & FIVE == text(*b"HEAD \0\0\0") {
        return Some((Method::Head, 4));
    }
    if word & FOUR == text(*b"PUT \0\0\0\0") {
        return Some((Method::Put, 3));
    }
    None
}

/// Any other method with the offset of its end, `None` when it is not whole yet.
#[cold]
fn other_method(bytes: &[u8], start: usize, limits: &Limits) -> Result<Option<(Method, usize)>, Reject> {
    let end = scan::class_end(bytes, start, TOKEN);
    if end - start > METHOD_BYTES {
        return Err(Fault::MethodTooLong.at(start + METHOD_BYTES));
    }
    match bytes.get(end) {
        None => return Ok(None),
        Some(b' ') if end > start => {}
        Some(_) => return Err(Fault::MethodByte.at(end)),
    }
    let method = match Span::new(start, end).of(bytes) {
        b"GET" => Method::Get,
        b"HEAD" => Method::Head,
        b"POST" => Method::Post,
        b"PUT" => Method::Put,
        b"DELETE" => Method::Delete,
        b"OPTIONS" => Method::Options,
        b"PATCH" => Method::Patch,
        b"CONNECT" if limits.connect => Method::Connect,
        b"TRACE" if limits.trace => Method::Trace,
        b"CONNECT" => return Err(Fault::MethodConnect.at(start)),
        b"TRACE" => return Err(Fault::MethodTrace.at(start)),
        _ => Method::Other,
    };
    Ok(Some((method, end)))
}

/// Where the request starts behind a few empty lines, `None` when that is not known yet.
#[cold]
fn skip_empty_lines(bytes: &[u8], lenient: bool) -> Result<Option<usize>, Reject> {
    let mut at = 0;
    for _ in 0..EMPTY_LINES {
        match bytes.get(at) {
            None => return Ok(None),
            Some(b'\r' | b'\n') => {}
            Some(_) => return Ok(Some(at)),
        }
        match line_end(bytes, at, lenient) {
            End::Next(next) => at = next,
            End::Partial => return Ok(None),
            End::Fault(fault) => return Err(fault.at(at)),
        }
    }
    match bytes.get(at) {
        None => Ok(None),
        Some(b'\r' | b'\n') => Err(Fault::EmptyLines.at(at)),
        Some(_) => Ok(Some(at)),
    }
}

/// Why a target cannot begin with the byte at `at`.
#[cold]
fn wrong_target_start(bytes: &[u8], at: usize) -> Reject {
    match bytes.get(at) {
        Some(b'\r' | b'\n') => Fault::VersionMissing.at(at),
        Some(byte) if byte.is_ascii_graphic() => Fault::TargetForm.at(at),
        _ => Fault::TargetByte.at(at),
    }
}

/// Any version but HTTP/1.1, `None` when it is not whole yet.
#[cold]
fn other_version(bytes: &[u8], at: usize) -> Result<Option<Version>, Reject> {
    for (offset, expected) in b"HTTP/".iter().enumerate() {
        match bytes.get(at + offset) {
            None => return Ok(None),
            Some(byte) if byte == expected => {}
            Some(_) => return Err(Fault::VersionText.at(at + offset)),
        }
    }
    match bytes.get(at + 5) {
        None => return Ok(None),
        Some(b'1') => {}
        Some(byte) if byte.is_ascii_digit() => return Err(Fault::VersionUnknown.at(at + 5)),
        Some(_) => return Err(Fault::VersionText.at(at + 5)),
    }
    match (bytes.get(at + 6), bytes.get(at + 7)) {
        (None, _) | (Some(b'.'), None) => Ok(None),
        (Some(b'.'), Some(b'0')) => Ok(Some(Version::Http10)),
        (Some(b'.'), Some(byte)) if byte.is_ascii_digit() => Ok(Some(Version::Http11)),
        (Some(b'.'), Some(_)) => Err(Fault::VersionText.at(at + 7)),
        (Some(_), _) => Err(Fault::VersionText.at(at + 6)),
    }
}

#[cfg(test)]
mod tests {
    use crate::{Limits, Progress, Request};

    /// How many bytes had come when the refusal came, one by one, and why.
    fn refusal(raw: &[u8], limits: &Limits) -> (usize, &'static str) {
        let (mut head, mut scanned) = (Request::default(), 0);
        for end in 0..=raw.len() {
            match head.parse(&raw[..end], &mut scanned, limits) {
                Ok(progress) => assert_eq!(progress, Progress::Partial),
                Err(reject) => return (end, reject.reason),
            }
        }
        panic!("{} was not refused", raw.escape_ascii());
    }

    #[test]
    fn other_protocols_are_refused_at_their_first_wrong_byte() {
        for (raw, at, reason) in [
            (&b"\x16\x03\x01\x02\0\x01"[..], 1, "method-byte"),
            (b"\xff\xff\xff", 1, "method-byte"),
            (b"SSH-2.0-OpenSSH_9.2\r\n", 20, "method-byte"),
            (b"EHLO x\r\n", 6, "target-form"),
            (b"PROXY TCP4 6.6.6.6", 7, "target-form"),
            (b"PRI * HTTP/2.0\r\n", 6, "target-form"),
            (b" GET / HTTP/1.1\r\n", 1, "method-byte"),
            (b"GET  / HTTP/1.1\r\n", 5, "target-byte"),
            (b"GET /\r\n", 6, "version-missing"),
            (b"GET /a b\r\n", 8, "version-text"),
            (b"GET / HTTP/2.0\r\n", 12, "version-unknown"),
            (b"GET / HTTP/1.10\r\n", 15, "version-text"),
            (b"GET /%4x", 8, "target-escape"),
            (b"GET * HTTP/1.1\r\n", 6, "target-form"),
            (b"CONNECT a:1", 8, "connect-refused"),
            (b"TRACE /", 6, "trace-refused"),
            (b"\r\n\r\n\r\n\r\n\r\n", 9, "empty-lines"),
            (b"\nGET", 1, "bare-lf"),
        ] {
            assert_eq!(refusal(raw, &Limits::default()), (at, reason), "{}", raw.escape_ascii());
        }
        assert_eq!(refusal(&[b'A'; 99], &Limits::default()), (33, "method-too-long"));
    }

    #[test]
    fn limits_are_felt_before_the_head_is_whole() {
        let limits = Limits { head_bytes: 100, fields: 2, target_bytes: 10, ..Limits::default() };
        let long = |start: &[u8]| [start, &[b'a'; 200]].concat();
        assert_eq!(refusal(&long(b"GET /"), &limits), (15, "target-too-long"));
        assert_eq!(refusal(&long(b"GET / HTTP/1.1\r\nA: "), &limits), (100, "head-too-big"));
        assert_eq!(refusal(b"GET / HTTP/1.1\r\nA:1\r\nB:2\r\nC:3\r\n", &limits).1, "too-many-fields");
        let whole = [&b"GET / HTTP/1.1\r\nHost: a\r\nB: "[..], &[b'b'; 69], b"\r\n\r\n"].concat();
        assert_eq!(refusal(&whole, &limits), (100, "head-too-big"));
    }
}
