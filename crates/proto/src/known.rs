//! Recognition of field names that mean something to Tenbin.
//!
//! Owns: the set of known names and the comparison. Does not own: what the fields mean.

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
pub(crate) const CONNECTION_FIELDS: u32 = Known::Connection.bit()
    | Known::KeepAlive.bit()
    | Known::ProxyConnection.bit()
    | Known::Te.bit()
    | Known::TransferEncoding.bit()
    | Known::Upgrade.bit()
    | Known::Http2Settings.bit();

/// Recognises a token.
#[inline]
pub(crate) fn classify(name: &[u8]) -> Known {
    recognise(name, word(name))
}

/// What a name with underscores is to a server that reads them as dashes.
#[cold]
pub(crate) fn with_dashes(name: &[u8]) -> Known {
    let mut dashed = [0; LONGEST];
    match dashed.get_mut(..name.len()) {
        Some(room) => {
            for (to, &from) in room.iter_mut().zip(name) {
                *to = if from == b'_' { b'-' } else { from };
            }
            classify(room)
        }
        // Longer than any known name, but for those that only begin like one.
        None if name
            .iter()
            .zip(b"x-forwarded-")
            .all(|(&a, &b)| a.eq_ignore_ascii_case(&b) || a == b'_' && b == b'-') =>
        {
            Known::XForwardedOther
        }
        None => Known::Other,
    }
}

/// Recognises a token by its length and its first and last eight bytes; `head` is what `word` makes of it. Setting bit
/// 0x20 lowers letters and maps no other token byte onto a letter or a dash, so the comparison is exact for the bytes it
/// covers.
#[inline]
pub(crate) fn recognise(name: &[u8], head: u64) -> Known {
    let whole = |known, ends: (u64, u64)| {
        if head == ends.0 && last_word(name) == ends.1 { known } else { Known::Other }
    };
    match name.len() {
        2 if head == TE => Known::Te,
        4 if head == HOST => Known::Host,
        4 if head == DATE => Known::Date,
        6 if head == COOKIE => Known::Cookie,
        6 if head == SERVER => Known::Server,
        6 if head == EXPECT => Known::Expect,
        7 if head == UPGRADE => Known::Upgrade,
        7 if head == TRAILER => Known::Trailer,
        8 if head == LOCATION => Known::Location,
        9 if head == FORWARDED.0 => whole(Known::Forwarded, FORWARDED),
        9 if head == X_REAL_IP.0 => whole(Known::XRealIp, X_REAL_IP),
        10 if head == CONNECTION.0 => whole(Known::Connection, CONNECTION),
        10 if head == KEEP_ALIVE.0 => whole(Known::KeepAlive, KEEP_ALIVE),
        10 if head == SET_COOKIE.0 => whole(Known::SetCookie, SET_COOKIE),
        14 if head == CONTENT_LENGTH.0 => whole(Known::ContentLength, CONTENT_LENGTH),
        14 if head == HTTP2_SETTINGS.0 => whole(Known::Http2Settings, HTTP2_SETTINGS),
        16 if head == PROXY_CONNECTION.0 => whole(Known::ProxyConnection, PROXY_CONNECTION),
        17 if head == TRANSFER_ENCODING.0 && name.get(8) == Some(&b'-') => {
            whole(Known::TransferEncoding, TRANSFER_ENCODING)
        }
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

/// Bytes of the longest known name, rounded up.
const LONGEST: usize = 32;
const LOWER: u64 = 0x2020_2020_2020_2020;

/// The first eight bytes of a name in lower case, filled with zeros if it has fewer.
#[inline]
const fn word(name: &[u8]) -> u64 {
    if let Some(eight) = name.first_chunk::<8>() {
        return head_word(u64::from_le_bytes(*eight), 8);
    }
    let mut packed = 0;
    let mut rest = name;
    while let Some((&last, before)) = rest.split_last() {
        packed = packed << 8 | last as u64;
        rest = before;
    }
    head_word(packed, name.len())
}

/// The same from the eight bytes that stand where a name of `length` bytes, at least one, begins.
#[inline]
pub(crate) const fn head_word(bytes: u64, length: usize) -> u64 {
    let used = if length < 8 { length as u32 } else { 8 };
    // Shifts count modulo 64: eight bytes shift by nothing.
    (bytes | LOWER) & u64::MAX.wrapping_shr((8 * used).wrapping_neg())
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
    use super::{Known, with_dashes};

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
    fn underscores_stand_for_dashes() {
        for &(name, known) in NAMES {
            assert_eq!(with_dashes(name.replace('-', "_").as_bytes()), known, "{name}");
        }
        let long = format!("X_Forwarded-{}", "a".repeat(40));
        assert_eq!(with_dashes(long.as_bytes()), Known::XForwardedOther);
        assert_eq!(with_dashes(format!("{long}_").replace("_F", "F").as_bytes()), Known::Other);
        assert_eq!(with_dashes(b"X_Own"), Known::Other);
    }

    #[test]
    fn one_changed_byte_makes_it_another_field() {
        for &(name, known) in NAMES {
            for at in 0..name.len() {
                for byte in (0x21..0x7f).filter(|byte| byte | 0x20 != name.as_bytes()[at] | 0x20) {
                    let mut other = name.as_bytes().to_vec();
                    other[at] = byte;
                    let open_ended = known == Known::XForwardedOther && at >= 12;
                    assert!(open_ended || Known::of(&other) != known, "{}", other.escape_ascii());
                }
            }
            assert_ne!(Known::of(&name.as_bytes()[1..]), known);
        }
        assert_eq!(Known::of(b""), Known::Other);
        assert_eq!(Known::of(b"X-Forwarded"), Known::Other);
    }
}
