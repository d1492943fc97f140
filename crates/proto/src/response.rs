//! Response heads (RFC 9112, 4), read as strictly as requests.
//!
//! Owns: what an answer means: status, framing, persistence. Does not own: the grammar of field lines (`line`).

use crate::framing::Declared;
use crate::hop::{self, Options};
use crate::line::{self, Dialect, End, Line, line_end};
use crate::reject::Fault;
use crate::scan;
use crate::{Body, Field, Fields, Known, Limits, Progress, Reject, Span, Version};

/// Bytes of a status line up to the end of its status: judged at once, the reason phrase only when the line is whole.
const STATUS_END: usize = 12;

/// What the request asked for, as far as it changes how the answer is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// The method was HEAD: the answer has no body.
    pub head: bool,
    /// An upgrade was forwarded: 101 is a valid answer.
    pub upgrade: bool,
    /// The method was CONNECT: a 2xx answer opens a tunnel.
    pub connect: bool,
}

/// A response head. Spans refer to the bytes given to `parse`. One value serves one response after another.
#[derive(Debug, Default)]
pub struct Response {
    /// 100 to 999.
    pub status: u16,
    /// The reason phrase, often empty.
    pub reason: Span,
    /// The version it is processed as.
    pub version: Version,
    /// How its body is framed; `None` after HEAD, for 1xx, 204 and 304, and when it opens a tunnel.
    pub body: Body,
    /// What Content-Length says, also where there is no body (HEAD, 304).
    pub content_length: Option<u64>,
    /// Whether the server lets the connection live on once this message has ended.
    pub keep_alive: bool,
    /// The protocol that a 101 switches to.
    pub upgrade: Span,
    /// Field lines.
    pub fields: Fields,
    /// Bytes of the head with the empty line at its end.
    pub length: usize,
    pub(crate) plain_line: bool,
    resume: usize,
    seen: Seen,
}

/// What the fields have said so far.
#[derive(Debug, Default)]
struct Seen {
    declared: Declared,
    options: Options,
    upgrade: Option<Span>,
}

impl Response {
    /// Reads the head at the start of `bytes`; `scanned` as in `Request::parse`. Every refusal has the status 502.
    pub fn parse(
        &mut self,
        bytes: &[u8],
        scanned: &mut usize,
        limits: &Limits,
        asked: Asked,
    ) -> Result<Progress, Reject> {
        if *scanned == 0 {
            self.fields.clear();
            self.resume = 0;
            self.seen = Seen::default();
        }
        let window = bytes.get(..limits.head_bytes).unwrap_or(bytes);
        let progress = self.advance(window, *scanned, limits, asked).map_err(Reject::of_server)?;
        if progress == Progress::Partial {
            *scanned = window.len();
            if window.len() == limits.head_bytes {
                return Err(Fault::HeadTooBig.at(limits.head_bytes).of_server());
            }
        }
        Ok(progress)
    }

    /// Refuses a 101 that switches to another protocol than those in `asked`, the request's Upgrade (RFC 9110, 7.8).
    pub fn check_switch(&self, bytes: &[u8], asked: &[u8]) -> Result<(), Reject> {
        if self.upgrade.is_empty() || hop::was_asked(self.upgrade.of(bytes), asked) {
            return Ok(());
        }
        Err(Fault::SwitchOther.at(self.upgrade.start as usize))
    }

    #[inline]
    fn advance(
        &mut self,
        bytes: &[u8],
        scanned: usize,
        limits: &Limits,
        asked: Asked,
    ) -> Result<Progress, Reject> {
        let mut at = self.resume;
        // A line that was cut before is worth reading again only once its end has come.
        if scanned > STATUS_END && memchr::memchr(b'\n', bytes.get(scanned..).unwrap_or_default()).is_none() {
            return Ok(Progress::Partial);
        }
        if at == 0 {
            match self.read_status_line(bytes, limits.lenient)? {
                Some(next) => at = next,
                None => return Ok(Progress::Partial),
            }
        }
        let dialect = Dialect { lenient: limits.lenient, trim_names: true };
        loop {
            let (field, next) = match line::read_plain(bytes, at) {
                Some(found) => found,
                None => match line::read(bytes, at, dialect)? {
                    // No server reads an answer as CGI variables: underscores may pass.
                    Line::Field(field, next) | Line::Underscore(field, next) => (field, next),
                    Line::End(next) => {
                        self.finish(bytes, asked).map_err(|fault| fault.at(at))?;
                        self.length = next;
                        return Ok(Progress::Complete);
                    }
                    Line::Partial => {
                        self.resume = at;
                        return Ok(Progress::Partial);
                    }
                },
            };
            self.add(bytes, field, limits)?;
            at = next;
        }
    }

    /// The status line (RFC 9112, 4); the offset after it once it is whole.
    #[inline]
    fn read_status_line(&mut self, bytes: &[u8], lenient: bool) -> Result<Option<usize>, Reject> {
        const HTTP11: u64 = u64::from_le_bytes(*b"HTTP/1.1");
        self.version = Version::Http11;
        self.plain_line = scan::word_at(bytes, 0) == Some(HTTP11);
        if !self.plain_line {
            match other_version(bytes)? {
                Some(version) => self.version = version,
                None => return Ok(None),
            }
        }
        let Some(status) = status(bytes)? else { return Ok(None) };
        let start = match bytes.get(STATUS_END) {
            Some(b' ') => STATUS_END + 1,
            Some(b'\r' | b'\n') => STATUS_END,
            Some(_) => return Err(Fault::StatusCode.at(STATUS_END)),
            None => return Ok(None),
        };
        let end = scan::text_end(bytes, start);
        match line_end(bytes, end, lenient) {
            End::Next(next) => {
                self.status = status;
                self.reason = Span::new(start, end);
                self.plain_line &= start > STATUS_END && next == end + 2;
                Ok(Some(next))
            }
            End::Partial => Ok(None),
            End::Fault(_) if memchr::memchr(b'\n', bytes).is_none() => Ok(None),
            End::Fault(Fault::FieldValue) => Err(Fault::StatusReason.at(end)),
            End::Fault(fault) => Err(fault.at(end)),
        }
    }

    #[inline]
    fn add(&mut self, bytes: &[u8], field: Field, limits: &Limits) -> Result<(), Reject> {
        if self.fields.len() >= limits.fields {
            return Err(Fault::FieldsTooMany.at(field.name.start as usize));
        }
        let value = field.value.of(bytes);
        let noted = match field.known {
            Known::ContentLength => self.seen.declared.add_equal_length(value),
            Known::TransferEncoding => self.seen.declared.add_coding(value),
            Known::Connection => self.seen.options.add(value),
            Known::Upgrade => {
                self.seen.upgrade.get_or_insert(field.value);
                Ok(())
            }
            _ => Ok(()),
        };
        self.fields.push(field);
        noted.map_err(|fault| fault.at(field.value.start as usize))
    }

    /// Draws the conclusions once every field is known (RFC 9112, 6.3).
    fn finish(&mut self, bytes: &[u8], asked: Asked) -> Result<(), Fault> {
        let Seen { declared, options, upgrade } = self.seen;
        declared.check(self.version == Version::Http10)?;
        let switches = self.status == 101;
        if switches && !asked.upgrade {
            return Err(Fault::SwitchUnasked);
        }
        self.upgrade = upgrade.filter(|value| switches && !value.is_empty()).unwrap_or_default();
        if switches && self.upgrade.is_empty() {
            return Err(Fault::SwitchBlind);
        }
        if switches && !hop::may_tunnel(self.upgrade.of(bytes)) {
            return Err(Fault::SwitchOther);
        }
        let opens_tunnel = switches || asked.connect && matches!(self.status, 200..=299);
        let never_has_body = opens_tunnel || matches!(self.status, 100..=199 | 204);
        self.content_length = declared.length.filter(|_| !never_has_body);
        self.body = match declared {
            _ if never_has_body || asked.head || self.status == 304 => Body::None,
            Declared { chunked: true, .. } => Body::Chunked,
            Declared { length: Some(length), .. } => Body::Length(length),
            Declared { .. } => Body::UntilClose,
        };
        // A body announced where there is none may still come: the connection is not to be trusted afterwards.
        let doubtful = never_has_body && (declared.chunked || declared.length.unwrap_or(0) > 0);
        self.keep_alive =
            options.keeps_alive(self.version) && self.body != Body::UntilClose && !opens_tunnel && !doubtful;
        options.mark(&mut self.fields, bytes);
        Ok(())
    }
}

/// Any version but HTTP/1.1, `None` when it is not whole yet. Wrong bytes are found at once, so that another protocol
/// is not waited for.
#[cold]
fn other_version(bytes: &[u8]) -> Result<Option<Version>, Reject> {
    for (at, expected) in b"HTTP/1.".iter().enumerate() {
        match bytes.get(at) {
            None => return Ok(None),
            Some(byte) if byte == expected => {}
            Some(_) => return Err(Fault::StatusLine.at(at)),
        }
    }
    match bytes.get(7) {
        None => Ok(None),
        Some(b'0') => Ok(Some(Version::Http10)),
        Some(byte) if byte.is_ascii_digit() => Ok(Some(Version::Http11)),
        Some(_) => Err(Fault::StatusLine.at(7)),
    }
}

/// The space and the three digits after the version, `None` when they are not whole yet.
#[inline]
fn status(bytes: &[u8]) -> Result<Option<u16>, Reject> {
    match bytes.get(8..STATUS_END) {
        Some(&[b' ', a @ b'1'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9']) => {
            let digit = |byte: u8| u16::from(byte - b'0');
            Ok(Some(digit(a) * 100 + digit(b) * 10 + digit(c)))
        }
        _ => wrong_status(bytes),
    }
}

#[cold]
fn wrong_status(bytes: &[u8]) -> Result<Option<u16>, Reject> {
    for at in 8..STATUS_END {
        match (at, bytes.get(at)) {
            (_, None) => return Ok(None),
            (8, Some(b' ')) | (9, Some(b'1'..=b'9')) | (10.., Some(b'0'..=b'9')) => {}
            (8, Some(_)) => return Err(Fault::StatusLine.at(at)),
            (_, Some(_)) => return Err(Fault::StatusCode.at(at)),
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::{Asked, Response};
    use crate::{Body, Limits, Progress};

    fn read(raw: &str, asked: Asked) -> Result<Response, &'static str> {
        let mut head = Response::default();
        match head.parse(raw.as_bytes(), &mut 0, &Limits::default(), asked) {
            Ok(Progress::Complete) => Ok(head),
            Ok(Progress::Partial) => Err("partial"),
            Err(reject) => {
                assert_eq!(reject.status, 502);
                Err(reject.reason)
            }
        }
    }

    fn body(raw: &str, asked: Asked) -> (Body, bool) {
        let head = read(raw, asked).unwrap();
        (head.body, head.keep_alive)
    }

    const GET: Asked = Asked { head: false, upgrade: false, connect: false };

    #[test]
    fn the_end_of_the_body_follows_from_status_and_fields() {
        let head = Asked { head: true, ..GET };
        for (raw, asked, expected) in [
            ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", GET, (Body::Length(5), true)),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", GET, (Body::Chunked, true)),
            ("HTTP/1.1 200 OK\r\n\r\n", GET, (Body::UntilClose, false)),
            ("HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n", GET, (Body::Length(5), false)),
            (
                "HTTP/1.0 200\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\n",
                GET,
                (Body::Length(5), true),
            ),
            (
                "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\n",
                GET,
                (Body::Length(5), false),
            ),
            ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", head, (Body::None, true)),
            ("HTTP/1.1 304 \r\nContent-Length: 5\r\n\r\n", GET, (Body::None, true)),
            ("HTTP/1.1 204 \r\nContent-Length: 5\r\n\r\n", GET, (Body::None, false)),
            ("HTTP/1.1 204 \r\n\r\n", GET, (Body::None, true)),
            ("HTTP/1.1 103 \r\n\r\n", GET, (Body::None, true)),
        ] {
            assert_eq!(body(raw, asked), expected, "{raw}");
        }
    }

    #[test]
    fn a_switch_must_be_asked_for_and_say_where_to() {
        let asked = Asked { upgrade: true, ..GET };
        let raw = "HTTP/1.1 101 \r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
        let head = read(raw, asked).unwrap();
        assert_eq!((head.upgrade.of(raw.as_bytes()), head.keep_alive), (&b"websocket"[..], false));
        assert_eq!(read(raw, GET).unwrap_err(), "switch-unasked");
        assert_eq!(read("HTTP/1.1 101 \r\n\r\n", asked).unwrap_err(), "switch-without-upgrade");
        assert_eq!(head.check_switch(raw.as_bytes(), b"foo, WebSocket"), Ok(()));
        assert_eq!(head.check_switch(raw.as_bytes(), b"foo").unwrap_err().reason, "switch-to-another");
        assert_eq!(read("HTTP/1.1 101 \r\nUpgrade: h2c\r\n\r\n", asked).unwrap_err(), "switch-to-another");
    }

    #[test]
    fn doubtful_answers_are_refused() {
        for (raw, reason) in [
            ("h", "status-line"),
            ("HTTP/2.0 200 OK\r\n\r\n", "status-line"),
            ("\r\nHTTP/1.1 200 OK\r\n\r\n", "status-line"),
            ("HTTP/1.1 99 X", "status-code"),
            ("HTTP/1.1 099 X", "status-code"),
            ("HTTP/1.1 1000 X", "status-code"),
            ("HTTP/1.1 200 O\rK\r\n", "bare-cr"),
            ("HTTP/1.1 200 O\0K\r\n", "status-reason"),
            ("HTTP/1.1 200 OK\n\n", "bare-lf"),
            ("HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\n", "field-name-space"),
            ("HTTP/1.1 200 OK\r\nContent-Length: 5, 6\r\n\r\n", "content-length-repeated"),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
                "content-length-and-transfer-encoding",
            ),
            ("HTTP/1.1 200 OK\r\nConnection: content-length\r\n\r\n", "connection-nominates"),
            ("HTTP/1.1 200 O\0K", "partial"),
            ("HTTP/1.1 20", "partial"),
        ] {
            assert_eq!(read(raw, GET).unwrap_err(), reason, "{raw}");
        }
    }
}
