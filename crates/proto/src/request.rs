//! Request heads (RFC 9112, 3), read strictly into spans.
//!
//! Owns: what a request means: method, target, host, framing, persistence. Does not own: the grammar of its first line
//! (`target`) and of field lines (`line`).

use crate::authority::{self, Authority};
use crate::framing::Declared;
use crate::hop::{self, Options};
use crate::known::with_dashes;
use crate::line::{self, Dialect, Line};
use crate::path;
use crate::reject::Fault;
use crate::request_line::{FirstLine, Stage};
use crate::{
    AmbiguousPaths, Body, Field, Fields, Known, Limits, Progress, Reject, Span, Underscores, Version,
};

/// The request method; text of `Other` is in `Request::method_text`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "each variant is the method of that name")]
pub enum Method {
    #[default]
    Get,
    Head,
    Post,
    Put,
    Delete,
    Options,
    Patch,
    Connect,
    Trace,
    Other,
}

impl Method {
    /// The method of that name; CONNECT and TRACE are never made by a change.
    pub(crate) fn named(text: &[u8]) -> Self {
        match text {
            b"GET" => Self::Get,
            b"HEAD" => Self::Head,
            b"POST" => Self::Post,
            b"PUT" => Self::Put,
            b"DELETE" => Self::Delete,
            b"OPTIONS" => Self::Options,
            b"PATCH" => Self::Patch,
            _ => Self::Other,
        }
    }

    /// Whether sending the request twice does what sending it once does (RFC 9110, 9.2.2).
    pub fn is_idempotent(self) -> bool {
        matches!(self, Self::Get | Self::Head | Self::Put | Self::Delete | Self::Options | Self::Trace)
    }
}

/// A request head. Spans refer to the bytes given to `parse`. One value serves one request after another.
#[derive(Debug, Default)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The method as it was written.
    pub method_text: Span,
    /// Path and query as they will be forwarded, `*`, or the `host:port` of CONNECT. One corner: for an absolute-form target without a path but
    /// with a query it begins with `?`, and the writer puts `/` before it.
    pub target: Span,
    /// The path; `/` for an absolute-form target without one, empty for CONNECT.
    pub path: Span,
    /// The query without its `?`.
    pub query: Span,
    /// The host without port (IPv6 in its brackets), from an absolute-form target or from Host.
    pub host: Span,
    /// `host[:port]` to forward as Host; empty only in HTTP/1.0 without Host.
    pub authority: Span,
    /// The version it is processed as.
    pub version: Version,
    /// How its body is framed.
    pub body: Body,
    /// Whether the client wants the connection to live on.
    pub keep_alive: bool,
    /// The protocol asked for with `Connection: upgrade`; empty for protocols that would replace HTTP/1 itself
    /// (h2c, TLS, HTTP) and in HTTP/1.0.
    pub upgrade: Span,
    /// The client waits for 100 before it sends the body.
    pub expect_continue: bool,
    /// The client accepts trailers (`TE: trailers`).
    pub te_trailers: bool,
    /// Field lines, those left out that `Limits::underscores` leaves out.
    pub fields: Fields,
    /// Bytes of the head, from leading empty lines to the empty line at its end.
    pub length: usize,
    pub(crate) stage: Stage,
    pub(crate) first: FirstLine,
    seen: Seen,
}

/// What the fields have said so far.
#[derive(Debug, Default)]
struct Seen {
    host: Option<Authority>,
    declared: Declared,
    options: Options,
    upgrade: Upgrade,
    expect: bool,
    trailers: bool,
}

/// The Upgrade fields of a head: one can be honoured, two cannot.
#[derive(Debug, Default)]
enum Upgrade {
    #[default]
    None,
    One(Span),
    Many,
}

impl Request {
    /// Reads the head at the start of `bytes`.
    ///
    /// `scanned` is 0 for a new head; after `Partial` pass it back unchanged with the same bytes and more behind them
    /// (they may have moved), so that a slow sender costs linear time. Faults are found as soon as their line is whole,
    /// in the first line as soon as their byte is there.
    pub fn parse(&mut self, bytes: &[u8], scanned: &mut usize, limits: &Limits) -> Result<Progress, Reject> {
        if *scanned == 0 {
            self.begin();
        }
        let window = bytes.get(..limits.head_bytes).unwrap_or(bytes);
        let progress = self.advance(window, *scanned, limits)?;
        if progress == Progress::Partial {
            *scanned = window.len();
            if window.len() == limits.head_bytes {
                return Err(Fault::HeadTooBig.at(limits.head_bytes));
            }
        }
        Ok(progress)
    }

    fn begin(&mut self) {
        self.fields.clear();
        self.stage = Stage::Start;
        self.first = FirstLine::default();
        self.seen = Seen::default();
    }

    #[inline]
    fn advance(&mut self, bytes: &[u8], scanned: usize, limits: &Limits) -> Result<Progress, Reject> {
        let mut at = match self.stage {
            // The line was cut before: reading it again pays only once its end has come.
            Stage::Fields(at) => match memchr::memchr(b'\n', bytes.get(scanned..).unwrap_or_default()) {
                Some(_) => at,
                None => return Ok(Progress::Partial),
            },
            _ => match self.read_first_line(bytes, limits)? {
                Some(at) => at,
                None => return Ok(Progress::Partial),
            },
        };
        let dialect = Dialect { lenient: limits.lenient, trim_names: false };
        loop {
            let (field, next) = match line::read_plain(bytes, at) {
                Some(found) => found,
                None => match line::read(bytes, at, dialect)? {
                    Line::Field(field, next) => (field, next),
                    Line::Underscore(field, next) => {
                        self.check_count(field, limits)?;
                        if passes(bytes, field, limits.underscores)? {
                            self.fields.push(field);
                        } else {
                            self.fields.drop_one();
                        }
                        at = next;
                        continue;
                    }
                    Line::End(next) => {
                        self.finish(bytes, at).map_err(|fault| fault.at(at))?;
                        if limits.ambiguous_paths == AmbiguousPaths::Refuse {
                            path::check(bytes, self.path)?;
                        }
                        self.length = next;
                        return Ok(Progress::Complete);
                    }
                    Line::Partial => {
                        self.stage = Stage::Fields(at);
                        return Ok(Progress::Partial);
                    }
                },
            };
            self.add(bytes, field, limits)?;
            at = next;
        }
    }

    #[inline]
    fn add(&mut self, bytes: &[u8], field: Field, limits: &Limits) -> Result<(), Reject> {
        self.check_count(field, limits)?;
        if field.known != Known::Other {
            self.note(bytes, field)?;
        }
        self.fields.push(field);
        Ok(())
    }

    #[inline]
    fn check_count(&self, field: Field, limits: &Limits) -> Result<(), Reject> {
        if self.fields.lines() >= limits.fields {
            return Err(Fault::FieldsTooMany.at(field.name.start as usize));
        }
        Ok(())
    }

    /// Takes in what a known field says.
    fn note(&mut self, bytes: &[u8], field: Field) -> Result<(), Reject> {
        let value = field.value.of(bytes);
        let seen = &mut self.seen;
        let noted = match field.known {
            Known::Host if seen.host.is_some() => Err(Fault::HostRepeated),
            Known::Host => authority::read(bytes, field.value).map(|host| seen.host = Some(host)),
            Known::ContentLength => seen.declared.add_length(value),
            Known::TransferEncoding => seen.declared.add_coding(value),
            Known::Connection => seen.options.add(value),
            Known::Te => {
                seen.trailers |= hop::accepts_trailers(value);
                Ok(())
            }
            Known::Expect => {
                seen.expect = true;
                if value.eq_ignore_ascii_case(b"100-continue") { Ok(()) } else { Err(Fault::ExpectUnknown) }
            }
            Known::Upgrade => {
                seen.upgrade = match seen.upgrade {
                    Upgrade::None => Upgrade::One(field.value),
                    Upgrade::One(_) | Upgrade::Many => Upgrade::Many,
                };
                Ok(())
            }
            _ => Ok(()),
        };
        let offset = if field.value.is_empty() { field.name.start } else { field.value.start };
        noted.map_err(|fault| fault.at(offset as usize))
    }

    /// Draws the conclusions once every field is known.
    fn finish(&mut self, bytes: &[u8], end: usize) -> Result<(), Fault> {
        let http10 = self.version == Version::Http10;
        self.place_host(bytes, end)?;
        self.seen.declared.check(http10)?;
        self.body = match self.seen.declared {
            Declared { chunked: true, .. } => Body::Chunked,
            Declared { length: Some(length), .. } => Body::Length(length),
            Declared { .. } => Body::None,
        };
        let refuses_content = matches!(self.method, Method::Connect | Method::Trace);
        if refuses_content && self.body != Body::None {
            return Err(Fault::ContentRefused);
        }
        // What follows CONNECT is for the tunnel, even when none is opened.
        let may_tunnel = self.method != Method::Connect;
        self.keep_alive = self.seen.options.keeps_alive(self.version) && may_tunnel;
        self.upgrade = match self.seen.upgrade {
            Upgrade::One(value)
                if self.seen.options.upgrade()
                    && may_tunnel
                    && !http10
                    && hop::may_tunnel(value.of(bytes)) =>
            {
                value
            }
            _ => Span::default(),
        };
        self.te_trailers = self.seen.trailers;
        self.expect_continue =
            self.seen.expect && !http10 && !matches!(self.body, Body::None | Body::Length(0));
        if self.seen.expect && !self.expect_continue {
            // Nobody waits, and a 100 that the server would send has no one to go to (RFC 9110, 10.1.1).
            self.fields.mark_hop_known(Known::Expect);
        }
        self.seen.options.mark(&mut self.fields, bytes);
        Ok(())
    }

    /// The host to route on: the target's before the Host field's, which may not differ (RFC 9112, 3.2).
    #[inline]
    fn place_host(&mut self, bytes: &[u8], end: usize) -> Result<(), Fault> {
        let found = match (self.first.authority, self.seen.host) {
            (None, Some(host)) => host,
            (Some((target, port)), Some(host)) if target.equals(&host, bytes, port) => target,
            (Some(_), Some(_)) => return Err(Fault::HostDiffers),
            (Some((target, _)), None) if self.version == Version::Http10 => target,
            (None, None) if self.version == Version::Http10 => {
                let nowhere = Span::new(end, end);
                Authority { host: nowhere, whole: nowhere, port: None }
            }
            (_, None) => return Err(Fault::HostMissing),
        };
        self.host = found.host;
        self.authority = found.whole;
        Ok(())
    }
}

/// Whether a field with an underscore in its name travels on.
#[cold]
fn passes(bytes: &[u8], field: Field, rule: Underscores) -> Result<bool, Reject> {
    match rule {
        Underscores::Drop => Ok(false),
        Underscores::Pass => Ok(with_dashes(field.name.of(bytes)) == Known::Other),
        Underscores::Refuse => Err(Fault::FieldUnderscore.at(field.name.start as usize)),
    }
}

#[cfg(test)]
mod tests {
    use super::{Method, Request};
    use crate::{Body, Limits, Progress, Span, Underscores, Version};

    fn head(lines: &str) -> Request {
        let mut head = Request::default();
        let done = head.parse(lines.as_bytes(), &mut 0, &Limits::default());
        assert_eq!(done, Ok(Progress::Complete), "{lines}");
        head
    }

    fn get(lines: &str) -> Request {
        head(&format!("GET / HTTP/1.1\r\nHost: a.test\r\n{lines}\r\n"))
    }

    fn reason(lines: &str) -> &'static str {
        Request::default().parse(lines.as_bytes(), &mut 0, &Limits::default()).unwrap_err().reason
    }

    #[test]
    fn spans_name_the_parts() {
        let raw = "\r\nPOST /a/b?c=d?e HTTP/1.1\r\nHost: a.test:81\r\nContent-Length: 3\r\n\r\nabc";
        let head = head(raw);
        let text = |span: Span| std::str::from_utf8(span.of(raw.as_bytes())).unwrap();
        assert_eq!(
            (head.method, text(head.method_text), head.version),
            (Method::Post, "POST", Version::Http11)
        );
        assert_eq!((text(head.target), text(head.path), text(head.query)), ("/a/b?c=d?e", "/a/b", "c=d?e"));
        assert_eq!((text(head.host), text(head.authority)), ("a.test", "a.test:81"));
        assert_eq!((head.body, head.length, head.keep_alive), (Body::Length(3), raw.len() - 3, true));
    }

    #[test]
    fn an_absolute_target_gives_host_and_path() {
        let raw = "GET HTTP://A.test:80?x=1 HTTP/1.1\r\nHost: a.TEST\r\n\r\n";
        let head = head(raw);
        let text = |span: Span| std::str::from_utf8(span.of(raw.as_bytes())).unwrap();
        assert_eq!((text(head.host), text(head.authority)), ("A.test", "A.test:80"));
        assert_eq!((text(head.target), text(head.path), text(head.query)), ("?x=1", "/", "x=1"));
        assert_eq!(reason("GET http://a.test/ HTTP/1.1\r\nHost: b.test\r\n\r\n"), "host-differs");
        assert_eq!(reason("GET http://a.test/ HTTP/1.1\r\n\r\n"), "host-missing");
    }

    #[test]
    fn upgrades_count_when_they_are_wished_and_harmless() {
        let upgrade = |lines: &str| !get(lines).upgrade.is_empty();
        assert!(upgrade("Connection: Upgrade\r\nUpgrade: websocket\r\n"));
        assert!(!upgrade("Upgrade: websocket\r\n"));
        assert!(!upgrade("Connection: upgrade\r\nUpgrade: h2c\r\n"));
        assert!(!upgrade("Connection: upgrade\r\nUpgrade: websocket\r\nUpgrade: websocket\r\n"));
        let old = head("GET / HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n");
        assert!(old.upgrade.is_empty() && !old.keep_alive);
    }

    #[test]
    fn nobody_waits_for_100_without_a_body() {
        let expects = |lines: &str| {
            let head = get(lines);
            (head.expect_continue, head.fields.iter().filter(|field| !field.hop).count() == head.fields.len())
        };
        assert_eq!(expects("Expect: 100-Continue\r\nContent-Length: 1\r\n"), (true, true));
        assert_eq!(expects("Expect: 100-continue\r\nContent-Length: 0\r\n"), (false, false));
        assert_eq!(expects("Expect: 100-continue\r\n"), (false, false));
    }

    #[test]
    fn connect_and_trace_pass_where_they_are_allowed_and_carry_nothing() {
        let limits = Limits { connect: true, trace: true, ..Limits::default() };
        let read = |raw: &str| {
            let mut head = Request::default();
            head.parse(raw.as_bytes(), &mut 0, &limits).map(|_| head).map_err(|reject| reject.reason)
        };
        let raw = "CONNECT b.test:443 HTTP/1.1\r\nHost: b.test\r\n\r\n";
        let head = read(raw).unwrap();
        assert_eq!(
            (head.authority.of(raw.as_bytes()), head.host.of(raw.as_bytes())),
            (&b"b.test:443"[..], &b"b.test"[..])
        );
        assert!(head.method == Method::Connect && head.path.is_empty() && !head.keep_alive);
        assert_eq!(head.target.of(raw.as_bytes()), b"b.test:443");
        for (target, host, reason) in [
            ("b.test", "b.test", "target-form"),
            ("b.test:", "b.test", "target-form"),
            ("/", "b.test", "target-form"),
            ("http://b.test:80/", "b.test", "host-port"),
            ("u@b.test:80", "b.test", "host-invalid"),
            ("b.test:80?x", "b.test", "host-port"),
            ("b.test:65536", "b.test", "host-port"),
            ("b.test:80", "b.test:81", "host-differs"),
        ] {
            let raw = format!("CONNECT {target} HTTP/1.1\r\nHost: {host}\r\n\r\n");
            assert_eq!(read(&raw).err(), Some(reason), "{target}");
        }
        let rest = "HTTP/1.1\r\nHost: b.test:1\r\nContent-Length: 0\r\n\r\n";
        assert_eq!(read(&format!("CONNECT b.test:1 {rest}")).err(), Some("content-refused"));
        assert_eq!(read(&format!("TRACE / {rest}")).err(), Some("content-refused"));
        assert!(
            read("TRACE / HTTP/1.1\r\nHost: b.test\r\n\r\n").is_ok_and(|head| head.method == Method::Trace)
        );
    }

    #[test]
    fn names_with_underscores_are_dropped_and_counted() {
        let lines = "X_A: 1\r\nX-A: 2\r\nContent_Length: 3\r\n";
        let head = get(lines);
        assert_eq!((head.fields.len(), head.fields.dropped(), head.body), (2, 2, Body::None));
        let with = |underscores| {
            let raw = format!("GET / HTTP/1.1\r\nHost: a.test\r\n{lines}\r\n");
            let (mut head, limits) = (Request::default(), Limits { underscores, ..Limits::default() });
            let done = head.parse(raw.as_bytes(), &mut 0, &limits);
            done.map(|_| (head.fields.len(), head.fields.dropped())).map_err(|reject| reject.reason)
        };
        assert_eq!(with(Underscores::Pass), Ok((3, 1)));
        assert_eq!(with(Underscores::Refuse), Err("field-name-underscore"));
    }

    #[test]
    fn one_request_serves_the_next_head() {
        let mut head = get("Connection: close\r\nContent-Length: 5\r\nTE: trailers\r\n");
        assert!(head.te_trailers && !head.keep_alive);
        head.parse(b"GET /x HTTP/1.0\r\n\r\n", &mut 0, &Limits::default()).unwrap();
        assert_eq!((head.body, head.te_trailers, head.fields.len()), (Body::None, false, 0));
        assert!(head.host.is_empty() && head.authority.is_empty());
    }
}
