//! The first bytes of a connection, and bodies: `req.len`, `req.payload(0, 4)`, `req.ssl_hello_type`, `req.body`.

use super::{Args, Row, Sample};
use crate::args::{Parameter, int, optional_text};
use crate::phase::Phase::{Answer, Content as First};
use crate::value::Yields::{Bin, Bool, Int, Str};
use crate::{Error, Message, Value, View};

const RANGE: &[Parameter] = &[int("an offset"), int("a length")];
/// The last one is text, because `+2` and `2` are not the same.
const PREFIXED: &[Parameter] = &[int("an offset"), int("bytes of the length"), optional_text("an offset")];
const MAYBE: &[Parameter] = &[optional_text("a name")];

pub(super) static ROWS: &[Row] = &[
    Row::new("req.len", &[], (Int, First), |_| plain(Message::Request, What::Length)),
    Row::new("req.payload", RANGE, (Bin, First), |a| payload(a, Message::Request)),
    Row::new("req.payload_lv", PREFIXED, (Bin, First), |a| prefixed(a, Message::Request)),
    Row::new("req.ssl_hello_type", &[], (Int, First), |_| plain(Message::Request, What::HelloType)),
    Row::new("req.ssl_ver", &[], (Int, First), |_| plain(Message::Request, What::HelloVersion)),
    Row::new("req.ssl_ec_ext", &[], (Bool, First), |_| plain(Message::Request, What::Extension(10))),
    Row::new("req.ssl_st_ext", &[], (Int, First), |_| plain(Message::Request, What::Ticket)),
    Row::new("req.rdp_cookie", MAYBE, (Str, First), |a| rdp(a, false)),
    Row::new("req.rdp_cookie_cnt", MAYBE, (Int, First), |a| rdp(a, true)),
    Row::new("req.body", &[], (Bin, First), |_| plain(Message::Request, What::Body)),
    Row::new("req.body_len", &[], (Int, First), |_| plain(Message::Request, What::Length)),
    Row::new("res.len", &[], (Int, Answer), |_| plain(Message::Answer, What::Length)),
    Row::new("res.payload", RANGE, (Bin, Answer), |a| payload(a, Message::Answer)),
    Row::new("res.payload_lv", PREFIXED, (Bin, Answer), |a| prefixed(a, Message::Answer)),
    Row::new("res.ssl_hello_type", &[], (Int, Answer), |_| plain(Message::Answer, What::HelloType)),
    Row::new("res.body", &[], (Bin, Answer), |_| plain(Message::Answer, What::Body)),
    Row::new("res.body_len", &[], (Int, Answer), |_| plain(Message::Answer, What::Length)),
];

/// A sample of bytes without meaning of their own.
#[derive(Debug, Clone)]
pub(super) struct Content {
    message: Message,
    what: What,
}

#[derive(Debug, Clone)]
enum What {
    Length,
    Body,
    /// Nothing while it is not all there. A length of 0: all that there is.
    Payload {
        offset: usize,
        length: usize,
    },
    /// Bytes whose number stands before them.
    Prefixed {
        offset: usize,
        width: usize,
        then: Then,
    },
    /// The type of a TLS handshake's first message: 1 of a client, 2 of a server.
    HelloType,
    /// The highest version that it offers, as `major << 16 | minor`.
    HelloVersion,
    /// Whether it has this extension.
    Extension(u16),
    /// 0 without a session ticket, 1 with an empty one, 2 with one.
    Ticket,
    /// A field of the cookie that an RDP client begins with.
    Rdp {
        name: Box<[u8]>,
        count: bool,
    },
}

/// Where the bytes begin that a length counts.
#[derive(Debug, Clone, Copy)]
enum Then {
    /// So many bytes after the length.
    After(i64),
    /// At this offset.
    At(usize),
}

impl Content {
    pub fn value<'v, V: View + ?Sized>(&'v self, view: &'v V) -> Value<'v> {
        let bytes = view.body(self.message);
        match &self.what {
            What::Length => Value::Int(i64::try_from(bytes.len()).unwrap_or(i64::MAX)),
            What::Body => Value::text(bytes),
            What::Payload { offset, length } => {
                let end = if *length == 0 { Some(bytes.len()) } else { offset.checked_add(*length) };
                Value::maybe(end.and_then(|end| bytes.get(*offset..end)).filter(|found| !found.is_empty()))
            }
            What::Prefixed { offset, width, then } => Value::maybe(counted(bytes, *offset, *width, *then)),
            What::HelloType => match bytes {
                [22, 3, _, _, _, kind, ..] => Value::Int((*kind).into()),
                _ => Value::Absent,
            },
            What::HelloVersion => version(bytes).map_or(Value::Absent, |(major, minor)| {
                Value::Int(i64::from(major) << 16 | i64::from(minor))
            }),
            What::Extension(wanted) => extensions(bytes)
                .map_or(Value::Absent, |mut all| Value::Bool(all.any(|(kind, _)| kind == *wanted))),
            What::Ticket => extensions(bytes).map_or(Value::Absent, |mut all| {
                let ticket = all.find(|(kind, _)| *kind == 35).map(|(_, body)| body.is_empty());
                Value::Int(ticket.map_or(0, |empty| if empty { 1 } else { 2 }))
            }),
            What::Rdp { name, count } => {
                let found = rdp_cookie(bytes, name);
                match (count, found) {
                    (true, found) => Value::Int(found.is_some().into()),
                    (false, found) => Value::maybe(found),
                }
            }
        }
    }
}

impl Content {
    /// Whether more bytes may change it.
    pub fn may_change<V: View + ?Sized>(&self, view: &V) -> bool {
        let bytes = view.body(self.message);
        match &self.what {
            What::Length | What::Body | What::Payload { length: 0, .. } => true,
            What::Payload { offset, length } => bytes.len() < offset.saturating_add(*length),
            What::Prefixed { offset, width, then } => counted(bytes, *offset, *width, *then).is_none(),
            What::HelloType => bytes.len() < 6 && may_be_hello(bytes),
            What::HelloVersion | What::Extension(_) | What::Ticket => is_cut_hello(view),
            What::Rdp { .. } => {
                let start = bytes.get(11..).unwrap_or_default();
                let is_cookie =
                    start.iter().zip(b"cookie: ").all(|(byte, wanted)| byte.eq_ignore_ascii_case(wanted));
                is_cookie && memchr::memmem::find(start, b"\r\n").is_none()
            }
        }
    }
}

/// Whether the client may be saying something in TLS that is not all there.
pub(crate) fn is_cut_hello<V: View + ?Sized>(view: &V) -> bool {
    let bytes = view.body(Message::Request);
    let length = bytes.get(6..9).map(|width| width.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)));
    may_be_hello(bytes) && length.is_none_or(|length| bytes.len() < 9 + length)
}

fn may_be_hello(bytes: &[u8]) -> bool {
    bytes.iter().zip([22, 3]).all(|(byte, wanted)| *byte == wanted)
}

fn counted(bytes: &[u8], offset: usize, width: usize, then: Then) -> Option<&[u8]> {
    let after = offset.checked_add(width)?;
    let length = bytes.get(offset..after)?.iter().fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte));
    let start = match then {
        Then::At(start) => start,
        Then::After(more) => after.checked_add_signed(isize::try_from(more).ok()?)?,
    };
    bytes.get(start..start.checked_add(length)?).filter(|found| !found.is_empty())
}

/// The fields of a `ClientHello` after its random: session, ciphers, compressions, extensions.
fn hello(bytes: &[u8]) -> Option<(u8, u8, &[u8])> {
    let [22, 3, _, _, _, 1, _, _, _, major, minor, rest @ ..] = bytes else { return None };
    Some((*major, *minor, rest.get(32..)?))
}

/// The type and body of every extension that is there in full.
fn extensions(bytes: &[u8]) -> Option<impl Iterator<Item = (u16, &[u8])>> {
    let (_, _, mut rest) = hello(bytes)?;
    for width in [1, 2, 1] {
        rest = vector(rest, width)?.1;
    }
    let (mut rest, _) = vector(rest, 2).unwrap_or((rest.get(2..).unwrap_or_default(), b""));
    Some(std::iter::from_fn(move || {
        let [high, low, after @ ..] = rest else { return None };
        let (body, after) = vector(after, 2)?;
        rest = after;
        Some((u16::from_be_bytes([*high, *low]), body))
    }))
}

/// A vector whose length stands in so many bytes before it, and what follows.
fn vector(bytes: &[u8], width: usize) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_at_checked(width)?;
    rest.split_at_checked(length.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)))
}

/// What it says itself; versions that an extension offers do not count, as in HAProxy.
fn version(bytes: &[u8]) -> Option<(u8, u8)> {
    hello(bytes).map(|(major, minor, _)| (major, minor))
}

/// `Cookie: NAME=VALUE\r\n` in a connection request of X.224; without a name, whichever it is.
fn rdp_cookie<'b>(bytes: &'b [u8], name: &[u8]) -> Option<&'b [u8]> {
    let text = bytes.get(11..)?;
    let (start, text) = text.split_at_checked(8)?;
    if !start.eq_ignore_ascii_case(b"Cookie: ") {
        return None;
    }
    let line = text.get(..memchr::memmem::find(text, b"\r\n")?)?;
    let (found, value) = line.split_at_checked(memchr::memchr(b'=', line)?)?;
    (name.is_empty() || found.eq_ignore_ascii_case(name)).then(|| value.get(1..).unwrap_or_default())
}

fn plain(message: Message, what: What) -> Result<Sample, Error> {
    Ok(Sample::Content(Content { message, what }))
}

/// How far into a buffer one may look.
const FAR: i64 = 1 << 24;

fn size(args: &Args<'_>, index: usize, most: i64) -> Result<usize, Error> {
    args.up_to(index, most).map(|number| usize::try_from(number).unwrap_or(0))
}

fn payload(args: &Args<'_>, message: Message) -> Result<Sample, Error> {
    plain(message, What::Payload { offset: size(args, 0, FAR)?, length: size(args, 1, FAR)? })
}

fn prefixed(args: &Args<'_>, message: Message) -> Result<Sample, Error> {
    let (offset, width) = (size(args, 0, FAR)?, size(args, 1, 4)?);
    let bad = |text: &str| Error::at("args[2]", format!("{text:?} is no offset"));
    let then = match args.text(2).unwrap_or_default() {
        "" => Then::After(0),
        text if text.starts_with(['+', '-']) => Then::After(text.parse().map_err(|_| bad(text))?),
        text => Then::At(text.parse().map_err(|_| bad(text))?),
    };
    plain(message, What::Prefixed { offset, width, then })
}

fn rdp(args: &Args<'_>, count: bool) -> Result<Sample, Error> {
    plain(Message::Request, What::Rdp { name: args.bytes(0).unwrap_or_default(), count })
}
