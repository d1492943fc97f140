//! Credentials of the request: `http_auth("users")`, the groups of who has shown them, user, password, bearer token.
//!
//! A list of users is a live list from names to `plain:PASSWORD` or `crypt:HASH`; groups follow behind a line feed,
//! parted by commas.

use std::borrow::Cow;
use std::sync::Arc;

use super::{Args, Row, Sample};
use crate::args::{Parameter, optional_text, text};
use crate::phase::Phase::Content;
use crate::value::Yields::{Bool, Str};
use crate::{Error, List, Value, View};

const USERS: &[Parameter] = &[text("a list of users")];

pub(super) static ROWS: &[Row] = &[
    Row::new("http_auth", USERS, (Bool, Content), |a| Ok(Sample::Auth(Auth::Good(users(a)?)))),
    Row::new("http_auth_group", USERS, (Str, Content), |a| Ok(Sample::Auth(Auth::Groups(users(a)?)))).many(),
    Row::new("http_auth_type", &[], (Str, Content), |_| Ok(Sample::Auth(Auth::Type))),
    Row::new("http_auth_user", &[], (Str, Content), |_| Ok(Sample::Auth(Auth::User))),
    Row::new("http_auth_pass", &[], (Str, Content), |_| Ok(Sample::Auth(Auth::Password))),
    Row::new("http_auth_bearer", &[optional_text("a header")], (Str, Content), bearer),
];

/// A sample of credentials.
#[derive(Debug, Clone)]
pub(super) enum Auth {
    /// Whether they are those of a user of the list.
    Good(Arc<List>),
    /// The groups of that user, which conditions compare; as a value, the name of the user, as in HAProxy.
    Groups(Arc<List>),
    /// `Basic`, `Bearer`.
    Type,
    User,
    Password,
    /// What follows `Bearer` in that header.
    Bearer(Box<[u8]>),
}

impl Auth {
    pub fn value<'v, V: View + ?Sized>(&'v self, view: &'v V) -> Value<'v> {
        match self {
            Self::Good(list) => Value::Bool(proven(view, list).is_some()),
            Self::Groups(list) => {
                let user = proven(view, list).and_then(|_| basic(view));
                user.map_or(Value::Absent, |(user, _)| Value::Str(Cow::Owned(user)))
            }
            Self::Type => {
                Value::maybe(view.header(b"authorization").and_then(scheme).map(|(scheme, _)| scheme))
            }
            Self::User => basic(view).map_or(Value::Absent, |(user, _)| Value::Str(Cow::Owned(user))),
            Self::Password => {
                basic(view).map_or(Value::Absent, |(_, password)| Value::Str(Cow::Owned(password)))
            }
            Self::Bearer(header) => {
                let found = view.header(header).and_then(scheme);
                Value::maybe(
                    found.filter(|(scheme, _)| scheme.eq_ignore_ascii_case(b"bearer")).map(|(_, text)| text),
                )
            }
        }
    }

    pub fn any<V: View + ?Sized>(&self, view: &V, test: &mut dyn FnMut(Value<'_>) -> bool) -> bool {
        match self {
            Self::Groups(list) => proven(view, list).is_some_and(|stored| {
                let groups = stored.split_once('\n').map_or("", |(_, groups)| groups);
                groups
                    .split(',')
                    .filter(|group| !group.is_empty())
                    .any(|group| test(Value::text(group.as_bytes())))
            }),
            _ => match self.value(view) {
                Value::Absent => false,
                value => test(value),
            },
        }
    }
}

/// What is stored of the user whose name and password the request shows.
fn proven<V: View + ?Sized>(view: &V, list: &List) -> Option<Arc<str>> {
    let (user, password) = basic(view)?;
    let stored = list.exactly(&user)?;
    let secret = stored.split_once('\n').map_or(&*stored, |(secret, _)| secret);
    let good = match secret.split_once(':')? {
        ("plain", wanted) => equal(wanted.as_bytes(), &password),
        ("crypt", hash) => crate::crypt::verify(hash, &password),
        _ => false,
    };
    good.then_some(stored)
}

/// Compares in a time that does not tell where the first difference is.
fn equal(wanted: &[u8], given: &[u8]) -> bool {
    wanted.len() == given.len() && wanted.iter().zip(given).fold(0, |sum, (a, b)| sum | (a ^ b)) == 0
}

fn scheme(value: &[u8]) -> Option<(&[u8], &[u8])> {
    let (scheme, rest) = value.split_at_checked(memchr::memchr(b' ', value)?)?;
    Some((scheme, rest.trim_ascii()))
}

/// User and password of RFC 7617.
fn basic<V: View + ?Sized>(view: &V) -> Option<(Vec<u8>, Vec<u8>)> {
    let (scheme, text) = view.header(b"authorization").and_then(scheme)?;
    let decoded = scheme.eq_ignore_ascii_case(b"basic").then(|| base64(text))??;
    let colon = memchr::memchr(b':', &decoded)?;
    let (user, password) = decoded.split_at_checked(colon)?;
    Some((user.to_vec(), password.get(1..)?.to_vec()))
}

/// RFC 4648 section 4, with or without padding.
fn base64(text: &[u8]) -> Option<Vec<u8>> {
    let text = text.trim_ascii_end();
    let digits = text.iter().position(|byte| *byte == b'=').and_then(|end| text.get(..end)).unwrap_or(text);
    let mut bytes = Vec::with_capacity(digits.len() / 4 * 3 + 2);
    for group in digits.chunks(4) {
        let mut bits = 0_u32;
        for byte in group {
            let digit = match byte {
                b'A'..=b'Z' => byte - b'A',
                b'a'..=b'z' => byte - b'a' + 26,
                b'0'..=b'9' => byte - b'0' + 52,
                b'+' => 62,
                b'/' => 63,
                _ => return None,
            };
            bits = bits << 6 | u32::from(digit);
        }
        bits <<= 6 * (4 - group.len());
        let [_, all @ ..] = bits.to_be_bytes();
        bytes.extend_from_slice(all.get(..group.len() * 6 / 8)?);
    }
    Some(bytes)
}

fn users(args: &Args<'_>) -> Result<Arc<List>, Error> {
    let name = args.text(0).unwrap_or_default();
    let unknown = || Error::at("args[0]", format!("there is no list {name:?}"));
    (args.around.list)(name).ok_or_else(unknown)
}

fn bearer(args: &Args<'_>) -> Result<Sample, Error> {
    let header = args.text(0).filter(|name| !name.is_empty()).unwrap_or("authorization");
    Ok(Sample::Auth(Auth::Bearer(header.to_ascii_lowercase().into_bytes().into())))
}
