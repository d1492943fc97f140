//! What is asked for as one text or number: `base`, `base32`, `pathq`, `url32`, the version of a message.

use std::borrow::Cow;
use std::net::IpAddr;

use super::{Row, Sample};
use crate::fetch::asked_path;
use crate::phase::Phase::{Content, Session};
use crate::value::Yields::{Bin, Int, Str};
use crate::{Message, Value, View};

pub(super) static ROWS: &[Row] = &[
    Row::new("base", &[], (Str, Content), |_| Ok(Sample::Target(Target::Base { query: false }))),
    Row::new("baseq", &[], (Str, Content), |_| Ok(Sample::Target(Target::Base { query: true }))),
    Row::new("base32", &[], (Int, Content), |_| Ok(hashed(false, false))),
    Row::new("base32+src", &[], (Bin, Content), |_| Ok(hashed(false, true))),
    Row::new("url32", &[], (Int, Content), |_| Ok(hashed(true, false))),
    Row::new("url32+src", &[], (Bin, Content), |_| Ok(hashed(true, true))),
    Row::new("pathq", &[], (Str, Content), |_| Ok(Sample::Target(Target::PathQuery))),
    Row::new("req.ver", &[], (Str, Content), |_| Ok(Sample::Target(Target::Version))),
    Row::new("req.proto_http", &[], (crate::value::Yields::Bool, Session), |_| {
        Ok(Sample::Target(Target::IsHttp))
    }),
];

/// A sample of the request line.
#[derive(Debug, Clone)]
pub(super) enum Target {
    /// The host field and the path.
    Base {
        query: bool,
    },
    /// Their hash, with the client's address after it or without.
    Hash {
        query: bool,
        source: bool,
    },
    PathQuery,
    /// `1.1`, `2.0`.
    Version,
    /// A request was read, or the first bytes look like one.
    IsHttp,
}

impl Target {
    pub fn value<'v, V: View + ?Sized>(&'v self, view: &'v V) -> Value<'v> {
        match self {
            Self::Base { query } => {
                let mut text = view.header(b"host").unwrap_or_default().to_vec();
                text.extend_from_slice(asked_path(view));
                if *query && !view.query().is_empty() {
                    text.push(b'?');
                    text.extend_from_slice(view.query());
                }
                if text.is_empty() { Value::Absent } else { Value::Str(Cow::Owned(text)) }
            }
            Self::Hash { query, source: false } => Value::Int(hash(view, *query).into()),
            Self::Hash { query, source: true } => {
                let mut bytes = hash(view, *query).to_be_bytes().to_vec();
                match view.source() {
                    IpAddr::V4(address) => bytes.extend_from_slice(&address.octets()),
                    IpAddr::V6(address) => bytes.extend_from_slice(&address.octets()),
                }
                Value::Str(Cow::Owned(bytes))
            }
            Self::PathQuery if view.path() == b"*" => Value::Absent,
            Self::PathQuery => Value::Str(path_query(view)),
            Self::Version => match view.http_version() {
                "2" => Value::text(b"2.0"),
                version => Value::text(version.as_bytes()),
            },
            Self::IsHttp => {
                Value::Bool(!view.method().is_empty() || looks_like_http(view.body(Message::Request)))
            }
        }
    }
}

impl Target {
    /// Whether more of the first bytes may change it.
    pub fn may_change<V: View + ?Sized>(&self, view: &V) -> bool {
        let begins = |method: &[u8]| method.starts_with(view.body(Message::Request));
        matches!(self, Self::IsHttp) && view.method().is_empty() && METHODS.into_iter().any(begins)
    }
}

/// The target as it was asked for.
pub(super) fn path_query<V: View + ?Sized>(view: &V) -> Cow<'_, [u8]> {
    match view.target() {
        Some(target) => Cow::Borrowed(target),
        None if view.query().is_empty() => Cow::Borrowed(view.path()),
        None => Cow::Owned([view.path(), b"?", view.query()].concat()),
    }
}

fn hashed(query: bool, source: bool) -> Sample {
    Sample::Target(Target::Hash { query, source })
}

/// SDBM over host field and path, and an avalanche after it, as HAProxy does it.
fn hash<V: View + ?Sized>(view: &V, query: bool) -> u32 {
    let add = |hash: u32, text: &[u8]| {
        text.iter().fold(hash, |hash, byte| {
            // Its characters have a sign.
            let byte = i32::from(byte.cast_signed()).cast_unsigned();
            byte.wrapping_add(hash << 6).wrapping_add(hash << 16).wrapping_sub(hash)
        })
    };
    let mut hash = add(0, view.header(b"host").unwrap_or_default());
    if view.path().starts_with(b"/") {
        hash = add(hash, view.path());
        if query && !view.query().is_empty() {
            hash = add(add(hash, b"?"), view.query());
        }
    }
    avalanche(hash)
}

/// Bob Jenkins' full avalanche, spread by a large prime.
fn avalanche(hash: u32) -> u32 {
    let mut a = hash;
    a = a.wrapping_add(0x7ed5_5d16).wrapping_add(a << 12);
    a = (a ^ 0xc761_c23c) ^ (a >> 19);
    a = a.wrapping_add(0x1656_67b1).wrapping_add(a << 5);
    a = a.wrapping_add(0xd3a2_646c) ^ (a << 9);
    a = a.wrapping_add(0xfd70_46c5).wrapping_add(a << 3);
    a = (a ^ 0xb55a_4f09) ^ (a >> 16);
    a.wrapping_mul(3_221_225_473)
}

/// What requests begin with; the last is the preface of HTTP/2.
const METHODS: [&[u8]; 10] = [
    b"GET ",
    b"HEAD ",
    b"POST ",
    b"PUT ",
    b"DELETE ",
    b"OPTIONS ",
    b"PATCH ",
    b"CONNECT ",
    b"TRACE ",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
];

/// Whether a method and a blank stand at the start, or that preface.
fn looks_like_http(bytes: &[u8]) -> bool {
    METHODS.iter().any(|method| bytes.starts_with(method))
}
