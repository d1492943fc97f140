//! TLS in HAProxy's words, worked out of what [`TlsFact`] tells: `ssl_fc_protocol`, `ssl_c_s_dn("CN")`.

use std::borrow::Cow;

use super::made::unhex;
use super::{Args, Row, Sample};
use crate::args::{Parameter, optional_int, optional_text};
use crate::phase::Phase::{Answer, Content, Session};
use crate::value::Yields::{Bin, Bool, Str};
use crate::{Error, Fact, TlsFact, Value, View};

const ENTRY: &[Parameter] =
    &[optional_text("an entry"), optional_int("an occurrence"), optional_text("a format")];

pub(super) static ROWS: &[Row] = &[
    Row::new("ssl_fc_protocol", &[], (Str, Session), |_| Ok(Sample::Secure(Secure::Protocol))),
    Row::new("ssl_fc_cipher", &[], (Str, Session), |_| Ok(Sample::Secure(Secure::Cipher))),
    Row::new("ssl_fc_has_sni", &[], (Bool, Session), |_| Ok(Sample::Secure(Secure::HasName))),
    Row::new("req.ssl_alpn", &[], (Str, Content), |_| Ok(Sample::Secure(Secure::Offered))).many(),
    Row::new("ssl_c_s_dn", ENTRY, (Str, Session), |a| name(a, Whose::Client(TlsFact::ClientSubject))),
    Row::new("ssl_c_i_dn", ENTRY, (Str, Session), |a| name(a, Whose::Client(TlsFact::ClientIssuer))),
    Row::new("ssl_f_s_dn", ENTRY, (Str, Session), |a| name(a, Whose::Other(Fact::SslFSDn))),
    Row::new("ssl_f_i_dn", ENTRY, (Str, Session), |a| name(a, Whose::Other(Fact::SslFIDn))),
    Row::new("ssl_s_s_dn", ENTRY, (Str, Answer), |a| name(a, Whose::Other(Fact::SslSSDn))),
    Row::new("ssl_s_i_dn", ENTRY, (Str, Answer), |a| name(a, Whose::Other(Fact::SslSIDn))),
    Row::new("ssl_c_serial", &[], (Bin, Session), |_| Ok(Sample::Secure(Secure::Serial))),
];

/// Which name it is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Whose {
    Client(TlsFact),
    Other(Fact),
}

/// A sample of the client's TLS.
#[derive(Debug, Clone)]
pub(super) enum Secure {
    /// `TLSv1.3`.
    Protocol,
    /// As OpenSSL calls it.
    Cipher,
    /// Whether the client named a host.
    HasName,
    /// The protocols that a client offers whose TLS is not ended here; the first of them where one is wanted.
    Offered,
    /// Without an entry: all of them, each behind a slash, or as RFC 2253 writes it.
    Name { whose: Whose, entry: Box<str>, occurrence: i64, rfc2253: bool },
    /// The bytes of the certificate's serial number.
    Serial,
}

impl Secure {
    pub fn value<'v, V: View + ?Sized>(&'v self, view: &'v V) -> Value<'v> {
        match self {
            Self::Protocol => match view.tls(TlsFact::Version).as_bytes() {
                Some(b"1.0") => Value::text(b"TLSv1"),
                Some(b"1.1") => Value::text(b"TLSv1.1"),
                Some(b"1.2") => Value::text(b"TLSv1.2"),
                Some(b"1.3") => Value::text(b"TLSv1.3"),
                _ => Value::Absent,
            },
            Self::Cipher => match view.tls(TlsFact::Cipher) {
                Value::Str(name) => Value::Str(openssl(name)),
                other => other,
            },
            Self::HasName => Value::Bool(view.tls(TlsFact::Sni) != Value::Absent),
            Self::Offered => match view.tls(TlsFact::AskedProtocols) {
                Value::Str(Cow::Borrowed(list)) => Value::maybe(list.split(|byte| *byte == b',').next()),
                other => other,
            },
            Self::Name { whose, entry, occurrence, rfc2253 } => match whose.name(view) {
                Value::Str(text) if *rfc2253 => Value::Str(text),
                Value::Str(text) => named(&text, entry, *occurrence)
                    .map_or(Value::Absent, |found| Value::Str(Cow::Owned(found.into_bytes()))),
                other => other,
            },
            Self::Serial => match view.tls(TlsFact::ClientSerial) {
                Value::Str(digits) => {
                    let bytes = std::str::from_utf8(&digits).ok().and_then(unhex);
                    bytes.map_or(Value::Absent, |bytes| Value::Str(Cow::Owned(bytes)))
                }
                other => other,
            },
        }
    }
}

impl Secure {
    /// Whether `test` holds for any of the values; what is absent is none.
    pub fn any<V: View + ?Sized>(&self, view: &V, test: &mut dyn FnMut(Value<'_>) -> bool) -> bool {
        match (self, view.tls(TlsFact::AskedProtocols)) {
            (Self::Offered, Value::Str(list)) => {
                list.split(|byte| *byte == b',').any(|one| test(Value::text(one)))
            }
            _ => match self.value(view) {
                Value::Absent => false,
                value => test(value),
            },
        }
    }

    /// What it asks for of TLS that is not ended here.
    pub fn asks(&self) -> Option<TlsFact> {
        matches!(self, Self::Offered).then_some(TlsFact::AskedProtocols)
    }
}

impl Whose {
    fn name<V: View + ?Sized>(self, view: &V) -> Value<'_> {
        match self {
            Self::Client(fact) => view.tls(fact),
            Self::Other(fact) => view.fact(fact),
        }
    }
}

/// OpenSSL's name of a cipher suite, whose name in the IANA registry this is.
pub fn openssl(name: Cow<'_, [u8]>) -> Cow<'_, [u8]> {
    if name.starts_with(b"TLS13_") {
        return Cow::Owned([b"TLS_", name.get(6..).unwrap_or_default()].concat());
    }
    let Some((exchange, cipher)) = std::str::from_utf8(&name)
        .ok()
        .and_then(|text| text.strip_prefix("TLS_"))
        .and_then(|text| text.split_once("_WITH_"))
    else {
        return name;
    };
    let cipher = match cipher {
        "CHACHA20_POLY1305_SHA256" => "CHACHA20-POLY1305".to_owned(),
        other => other.replace("AES_128", "AES128").replace("AES_256", "AES256").replace('_', "-"),
    };
    Cow::Owned(format!("{}-{cipher}", exchange.replace('_', "-")).into_bytes())
}

/// Of a name as RFC 4514 writes it, last entry first: the wanted entry, or all as `/C=FR/CN=anna`.
fn named(text: &[u8], entry: &str, occurrence: i64) -> Option<String> {
    let text = String::from_utf8_lossy(text);
    let mut entries: Vec<(String, String)> = entries(&text);
    entries.reverse();
    if entry.is_empty() {
        let mut all = String::new();
        for (kind, value) in &entries {
            all.extend(["/", kind, "=", value]);
        }
        return Some(all);
    }
    let mut of_kind =
        entries.into_iter().filter(|(kind, _)| kind.eq_ignore_ascii_case(entry)).map(|(_, value)| value);
    match usize::try_from(occurrence.unsigned_abs()).ok()?.saturating_sub(1) {
        back if occurrence < 0 => of_kind.collect::<Vec<String>>().into_iter().rev().nth(back),
        place => of_kind.nth(place),
    }
}

/// Types and values, with escapes undone.
fn entries(text: &str) -> Vec<(String, String)> {
    let (mut entries, mut current, mut bytes) = (Vec::new(), Vec::new(), text.bytes().peekable());
    let mut close = |current: &mut Vec<u8>| {
        let whole = String::from_utf8_lossy(current).into_owned();
        current.clear();
        if let Some((kind, value)) = whole.split_once('=') {
            entries.push((kind.trim().to_owned(), value.to_owned()));
        }
    };
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => {
                let Some(next) = bytes.next() else { break };
                let digits = [next, bytes.peek().copied().unwrap_or(0)];
                let escaped = std::str::from_utf8(&digits).ok().and_then(|d| u8::from_str_radix(d, 16).ok());
                match escaped.filter(|_| digits.iter().all(u8::is_ascii_hexdigit)) {
                    Some(byte) => {
                        bytes.next();
                        current.push(byte);
                    }
                    None => current.push(next),
                }
            }
            b',' | b'+' => close(&mut current),
            other => current.push(other),
        }
    }
    close(&mut current);
    entries
}

fn name(args: &Args<'_>, whose: Whose) -> Result<Sample, Error> {
    let rfc2253 = match args.text(2).unwrap_or_default() {
        "" => false,
        "rfc2253" => true,
        other => return Err(Error::at("args[2]", format!("found {other:?}, expected \"rfc2253\""))),
    };
    let entry: Box<str> = args.text(0).unwrap_or_default().into();
    let rfc2253 = rfc2253 && entry.is_empty();
    Ok(Sample::Secure(Secure::Name { whose, entry, occurrence: args.int(1).unwrap_or(1), rfc2253 }))
}
