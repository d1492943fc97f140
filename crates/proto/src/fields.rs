//! Field lines of one head: where name and value stand, which field it is, whether it may travel on.
//!
//! Owns: the list, recognition of names, lookups. Does not own: parsing of lines (`line`) and what fields mean
//! (`request`, `response`).

use crate::Span;

/// The fields that Tenbin itself reads, writes or removes; every other one is `Other`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[allow(missing_docs, reason = "each variant is the field of that name")]
pub enum Known {
    Host,
    ContentLength,
    TransferEncoding,
    Connection,
    KeepAlive,
    ProxyConnection,
    Te,
    Trailer,
    Upgrade,
    Expect,
    Cookie,
    SetCookie,
    XForwardedFor,
    XForwardedProto,
    XForwardedHost,
    XForwardedPort,
    /// Any other name that begins with `X-Forwarded-`.
    XForwardedOther,
    XRealIp,
    Forwarded,
    Date,
    Server,
    Location,
    Http2Settings,
    Other,
}

impl Known {
    /// The field called `name`, whatever its case. `name` must be a token (RFC 9110, 5.6.2).
    pub fn of(name: &[u8]) -> Self {
        classify(name)
    }

    /// This field's bit in a set of fields.
    #[inline]
    pub(crate) const fn bit(self) -> u32 {
        1 << self as u32
    }
}

/// Fields that concern one connection only and never travel on (RFC 9110, 7.6.1).
const HOP: u32 = Known::Connection.bit()
    | Known::KeepAlive.bit()
    | Known::ProxyConnection.bit()
    | Known::Te.bit()
    | Known::TransferEncoding.bit()
    | Known::Upgrade.bit()
    | Known::Http2Settings.bit();

/// One field line.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// The name as it was written.
    pub name: Span,
    /// The value without white space around it.
    pub value: Span,
    /// Which field it is.
    pub known: Known,
    /// Hop-by-hop by itself or nominated by Connection: never forwarded.
    pub hop: bool,
    /// The line stands in the head exactly as it would be written: `name: value CR LF`.
    pub plain: bool,
}

impl Field {
    /// A field found by a parser; hop-by-hop ones know it from their name.
    #[inline]
    pub(crate) fn new(name: Span, value: Span, known: Known, plain: bool) -> Self {
        Self { name, value, known, hop: known.bit() & HOP != 0, plain }
    }
}

/// The field lines of one head in their order; keeps its memory from message to message.
#[derive(Clone, Debug, Default)]
pub struct Fields {
    list: Vec<Field>,
    dropped: u32,
}

impl Fields {
    /// Every field in order.
    #[inline]
    pub fn iter(&self) -> std::slice::Iter<'_, Field> {
        self.list.iter()
    }

    /// The first field called `name`, whatever its case.
    #[inline]
    pub fn find(&self, bytes: &[u8], name: &[u8]) -> Option<&Field> {
        self.list.iter().find(|field| is_named(field, bytes, name))
    }

    /// Every field called `name`, whatever its case.
    pub fn find_all<'a>(&'a self, bytes: &'a [u8], name: &'a [u8]) -> impl Iterator<Item = &'a Field> {
        self.list.iter().filter(move |field| is_named(field, bytes, name))
    }

    /// The first field of that kind; for `Known::Other` use `find`.
    #[inline]
    pub fn find_known(&self, known: Known) -> Option<&Field> {
        self.list.iter().find(|field| field.known == known)
    }

    /// Every field of that kind.
    pub fn find_all_known(&self, known: Known) -> impl Iterator<Item = &Field> {
        self.list.iter().filter(move |field| field.known == known)
    }

    /// How many fields there are, dropped ones not counted.
    #[inline]
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there are none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// How many lines were left out because their name holds an underscore, which some servers read as a dash.
    pub fn dropped(&self) -> usize {
        self.dropped as usize
    }

    /// Forgets everything but the memory.
    #[inline]
    pub fn clear(&mut self) {
        self.list.clear();
        self.dropped = 0;
    }

    #[inline]
    pub(crate) fn push(&mut self, field: Field) {
        self.list.push(field);
    }

    pub(crate) fn drop_one(&mut self) {
        self.dropped = self.dropped.saturating_add(1);
    }

    /// Lines seen, dropped ones too: what the limit counts.
    #[inline]
    pub(crate) fn lines(&self) -> usize {
        self.list.len() + self.dropped as usize
    }

    pub(crate) fn iter_mut(&mut self) -> std::slice::IterMut<'_, Field> {
        self.list.iter_mut()
    }
}

impl<'a> IntoIterator for &'a Fields {
    type Item = &'a Field;
    type IntoIter = std::slice::Iter<'a, Field>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

fn is_named(field: &Field, bytes: &[u8], name: &[u8]) -> bool {
    field.name.len() == name.len() && field.name.of(bytes).eq_ignore_ascii_case(name)
}

/// Recognises a token by its length and its first and last eight bytes. Setting bit 0x20 lowers letters and maps no
/// other token byte onto a letter or a dash, so the comparison is exact for the bytes it covers.
#[inline]
pub(crate) fn classify(name: &[u8]) -> Known {
    let (head, tail) = (word(name), last_word(name));
    match name.len() {
        2 if head == TE => Known::Te,
        4 => pick(head, [(HOST, Known::Host), (DATE, Known::Date)]),
        6 => pick(head, [(COOKIE, Known::Cookie), (SERVER, Known::Server), (EXPECT, Known::Expect)]),
        7 => pick(head, [(UPGRADE, Known::Upgrade), (TRAILER, Known::Trailer)]),
        8 if head == LOCATION => Known::Location,
        9 if (head, tail) == FORWARDED => Known::Forwarded,
        9 if (head, tail) == X_REAL_IP => Known::XRealIp,
        10 => pick(
            (head, tail),
            [(CONNECTION, Known::Connection), (KEEP_ALIVE, Known::KeepAlive), (SET_COOKIE, Known::SetCookie)],
        ),
        14 if (head, tail) == CONTENT_LENGTH => Known::ContentLength,
        14 if (head, tail) == HTTP2_SETTINGS => Known::Http2Settings,
        16 if (head, tail) == PROXY_CONNECTION => Known::ProxyConnection,
        17 if (head, tail) == TRANSFER_ENCODING && is_word(name, 8, b'-') => Known::TransferEncoding,
        13.. if head == X_FORWARDED.0 => forwarded_kind(name),
        _ => Known::Other,
    }
}

/// Names that begin with `X-Forwar`.
#[cold]
fn forwarded_kind(name: &[u8]) -> Known {
    let rest = match name.split_at_checked(12) {
        Some((start, rest)) if start.eq_ignore_ascii_case(b"x-forwarded-") => rest,
        _ => return Known::Other,
    };
    let kinds: [(&[u8], Known); 4] = [
        (b"for", Known::XForwardedFor),
        (b"proto", Known::XForwardedProto),
        (b"host", Known::XForwardedHost),
        (b"port", Known::XForwardedPort),
    ];
    let found = kinds.iter().find(|(text, _)| rest.eq_ignore_ascii_case(text));
    found.map_or(Known::XForwardedOther, |&(_, known)| known)
}

#[inline]
fn pick<K: PartialEq + Copy, const N: usize>(key: K, table: [(K, Known); N]) -> Known {
    table.into_iter().find(|&(word, _)| word == key).map_or(Known::Other, |(_, known)| known)
}

#[inline]
fn is_word(name: &[u8], at: usize, expected: u8) -> bool {
    name.get(at) == Some(&expected)
}

const LOWER: u64 = 0x2020_2020_2020_2020;

/// The first eight bytes in lower case, or all of a shorter name, filled with the bytes 0x20.
#[inline]
const fn word(name: &[u8]) -> u64 {
    if let Some(eight) = name.first_chunk::<8>() {
        return u64::from_le_bytes(*eight) | LOWER;
    }
    let mut packed = 0;
    let mut rest = name;
    while let Some((&last, before)) = rest.split_last() {
        packed = packed << 8 | last as u64;
        rest = before;
    }
    packed | LOWER
}

/// The last eight bytes in lower case; shorter names have none.
#[inline]
const fn last_word(name: &[u8]) -> u64 {
    match name.last_chunk::<8>() {
        Some(eight) => u64::from_le_bytes(*eight) | LOWER,
        None => LOWER,
    }
}

const fn ends(name: &[u8]) -> (u64, u64) {
    (word(name), last_word(name))
}

const TE: u64 = word(b"te");
const HOST: u64 = word(b"host");
const DATE: u64 = word(b"date");
const COOKIE: u64 = word(b"cookie");
const SERVER: u64 = word(b"server");
const EXPECT: u64 = word(b"expect");
const UPGRADE: u64 = word(b"upgrade");
const TRAILER: u64 = word(b"trailer");
const LOCATION: u64 = word(b"location");
const FORWARDED: (u64, u64) = ends(b"forwarded");
const X_REAL_IP: (u64, u64) = ends(b"x-real-ip");
const CONNECTION: (u64, u64) = ends(b"connection");
const KEEP_ALIVE: (u64, u64) = ends(b"keep-alive");
const SET_COOKIE: (u64, u64) = ends(b"set-cookie");
const CONTENT_LENGTH: (u64, u64) = ends(b"content-length");
const HTTP2_SETTINGS: (u64, u64) = ends(b"http2-settings");
const PROXY_CONNECTION: (u64, u64) = ends(b"proxy-connection");
const TRANSFER_ENCODING: (u64, u64) = ends(b"transfer-encoding");
const X_FORWARDED: (u64, u64) = ends(b"x-forwarded-");

#[cfg(test)]
mod tests {
    use super::{Field, Fields, Known};
    use crate::Span;

    const NAMES: &[(&str, Known)] = &[
        ("Host", Known::Host),
        ("Content-Length", Known::ContentLength),
        ("Transfer-Encoding", Known::TransferEncoding),
        ("Connection", Known::Connection),
        ("Keep-Alive", Known::KeepAlive),
        ("Proxy-Connection", Known::ProxyConnection),
        ("TE", Known::Te),
        ("Trailer", Known::Trailer),
        ("Upgrade", Known::Upgrade),
        ("Expect", Known::Expect),
        ("Cookie", Known::Cookie),
        ("Set-Cookie", Known::SetCookie),
        ("X-Forwarded-For", Known::XForwardedFor),
        ("X-Forwarded-Proto", Known::XForwardedProto),
        ("X-Forwarded-Host", Known::XForwardedHost),
        ("X-Forwarded-Port", Known::XForwardedPort),
        ("X-Forwarded-Prefix", Known::XForwardedOther),
        ("X-Real-IP", Known::XRealIp),
        ("Forwarded", Known::Forwarded),
        ("Date", Known::Date),
        ("Server", Known::Server),
        ("Location", Known::Location),
        ("HTTP2-Settings", Known::Http2Settings),
    ];

    #[test]
    fn recognises_every_known_name_in_any_case() {
        for &(name, known) in NAMES {
            assert_eq!(Known::of(name.as_bytes()), known, "{name}");
            assert_eq!(Known::of(name.to_ascii_uppercase().as_bytes()), known, "{name}");
            assert_eq!(Known::of(name.to_ascii_lowercase().as_bytes()), known, "{name}");
        }
    }

    #[test]
    fn one_changed_byte_makes_it_another_field() {
        for &(name, known) in NAMES {
            for at in 0..name.len() {
                for byte in (0x21..0x7f).filter(|byte| byte | 0x20 != name.as_bytes()[at] | 0x20) {
                    let mut other = name.as_bytes().to_vec();
                    other[at] = byte;
                    assert_ne!((Known::of(&other), at < 12), (known, true), "{}", other.escape_ascii());
                }
            }
            assert_ne!(Known::of(&name.as_bytes()[1..]), known);
        }
        assert_eq!(Known::of(b""), Known::Other);
        assert_eq!(Known::of(b"X-Forwarded"), Known::Other);
    }

    #[test]
    fn looks_up_by_name_and_kind() {
        let bytes = b"Abcd";
        let mut fields = Fields::default();
        fields.push(Field::new(Span::new(0, 2), Span::new(2, 4), Known::Other, true));
        assert_eq!(fields.find(bytes, b"aB").unwrap().value.of(bytes), b"cd");
        assert!(fields.find(bytes, b"a").is_none());
        assert!(fields.find_known(Known::Te).is_none());
        assert_eq!((fields.len(), fields.find_all(bytes, b"AB").count()), (1, 1));
        fields.clear();
        assert!(fields.is_empty());
    }
}
