//! A request written down by hand: what offline tools (`explain`), tests and benches evaluate against.
//!
//! The engine never uses it; its own view borrows from the parsed head.

use std::net::{IpAddr, Ipv4Addr};

use serde::Deserialize;

use crate::{Message, TlsFact, Value, View};

/// An owned [`View`]. In JSON every field may be left out.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Request {
    /// `GET` unless told.
    pub method: String,
    /// `/` unless told.
    pub path: String,
    /// Without the `?`.
    pub query: String,
    /// Without the port.
    pub host: String,
    /// Names and values, in order; names in any case.
    pub headers: Vec<(String, String)>,
    /// Without its framing; in TCP mode, the first bytes.
    pub body: String,
    /// Names and values of the answer's fields.
    pub answer: Vec<(String, String)>,
    /// The client's address; `127.0.0.1` unless told.
    pub source: IpAddr,
    /// The client's port.
    pub source_port: u16,
    /// The listener's port; 80 unless told.
    pub port: u16,
    /// `1.0`, `2` or, for anything else, `1.1`.
    pub version: String,
    /// `https` or, for anything else, `http`.
    pub scheme: String,
    /// What is known of the client's TLS; none: it does not speak it.
    pub tls: Option<Secured>,
    /// The host that a connection names which is not terminated.
    pub sni: Option<String>,
    /// What such a connection offers by ALPN, joined with commas.
    pub alpn: Option<String>,
    /// The chosen server, of an answer.
    pub server: Option<String>,
    /// The status of an answer.
    pub status: Option<u16>,
}

/// TLS of a client, written down by hand. Every field may be left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Secured {
    /// `1.2`, `1.3`.
    pub version: Option<String>,
    /// The host that was named.
    pub sni: Option<String>,
    /// The cipher suite.
    pub cipher: Option<String>,
    /// What was agreed on.
    pub alpn: Option<String>,
    /// The session was resumed.
    pub resumed: bool,
    /// A certificate that was shown.
    pub client: Option<Certificate>,
}

/// A client's certificate, written down by hand. Every field may be left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Certificate {
    /// It is good.
    pub verified: bool,
    /// Whose it is.
    pub subject: Option<String>,
    /// Who signed it.
    pub issuer: Option<String>,
    /// The subject's common name.
    pub name: Option<String>,
    /// In hexadecimal.
    pub serial: Option<String>,
    /// SHA-256 in hexadecimal.
    pub fingerprint: Option<String>,
}

impl Default for Request {
    fn default() -> Self {
        Self {
            method: "GET".into(),
            path: "/".into(),
            query: String::new(),
            host: String::new(),
            headers: Vec::new(),
            body: String::new(),
            answer: Vec::new(),
            source: IpAddr::V4(Ipv4Addr::LOCALHOST),
            source_port: 0,
            port: 80,
            version: "1.1".into(),
            scheme: "http".into(),
            tls: None,
            sni: None,
            alpn: None,
            server: None,
            status: None,
        }
    }
}

impl View for Request {
    fn method(&self) -> &[u8] {
        self.method.as_bytes()
    }

    fn path(&self) -> &[u8] {
        self.path.as_bytes()
    }

    fn query(&self) -> &[u8] {
        self.query.as_bytes()
    }

    fn host(&self) -> &[u8] {
        self.host.as_bytes()
    }

    fn header<'a>(&'a self, name: &[u8]) -> Option<&'a [u8]> {
        self.headers.iter().find(|(n, _)| n.as_bytes().eq_ignore_ascii_case(name)).map(|(_, v)| v.as_bytes())
    }

    fn cookie<'a>(&'a self, name: &[u8]) -> Option<&'a [u8]> {
        self.headers
            .iter()
            .filter(|(n, _)| n.eq_ignore_ascii_case("cookie"))
            .flat_map(|(_, v)| v.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .find(|(n, _)| n.as_bytes() == name)
            .map(|(_, v)| v.as_bytes())
    }

    fn source(&self) -> IpAddr {
        self.source
    }

    fn source_port(&self) -> u16 {
        self.source_port
    }

    fn port(&self) -> u16 {
        self.port
    }

    fn http_version(&self) -> &'static str {
        match self.version.as_str() {
            "1.0" => "1.0",
            "2" => "2",
            _ => "1.1",
        }
    }

    fn scheme(&self) -> &'static str {
        if self.scheme == "https" { "https" } else { "http" }
    }

    fn fields<'a>(&'a self, message: Message, each: &mut dyn FnMut(&'a [u8], &'a [u8]) -> bool) {
        let fields = match message {
            Message::Request => &self.headers,
            Message::Answer => &self.answer,
        };
        let mut left = fields.iter();
        while left.next().is_some_and(|(name, value)| each(name.as_bytes(), value.as_bytes())) {}
    }

    fn body(&self, message: Message) -> &[u8] {
        match message {
            Message::Request => self.body.as_bytes(),
            Message::Answer => b"",
        }
    }

    fn tls(&self, fact: TlsFact) -> Value<'_> {
        match fact {
            TlsFact::AskedName => Value::maybe(self.sni.as_ref().map(String::as_bytes)),
            TlsFact::AskedProtocols => Value::maybe(self.alpn.as_ref().map(String::as_bytes)),
            fact => self.tls.as_ref().map_or(Value::Absent, |tls| tls.tell(fact)),
        }
    }

    fn server(&self) -> Option<&str> {
        self.server.as_deref()
    }

    fn status(&self) -> Option<u16> {
        self.status
    }
}

impl Secured {
    fn tell(&self, fact: TlsFact) -> Value<'_> {
        fn text(text: Option<&String>) -> Value<'_> {
            Value::maybe(text.map(String::as_bytes))
        }
        let client = self.client.as_ref();
        match fact {
            TlsFact::Used => Value::Bool(true),
            TlsFact::Version => text(self.version.as_ref()),
            TlsFact::Sni => text(self.sni.as_ref()),
            TlsFact::Cipher => text(self.cipher.as_ref()),
            TlsFact::Alpn => text(self.alpn.as_ref()),
            TlsFact::Resumed => Value::Bool(self.resumed),
            TlsFact::ClientVerified => Value::Bool(client.is_some_and(|client| client.verified)),
            TlsFact::ClientSubject => text(client.and_then(|client| client.subject.as_ref())),
            TlsFact::ClientIssuer => text(client.and_then(|client| client.issuer.as_ref())),
            TlsFact::ClientName => text(client.and_then(|client| client.name.as_ref())),
            TlsFact::ClientSerial => text(client.and_then(|client| client.serial.as_ref())),
            TlsFact::ClientFingerprint => text(client.and_then(|client| client.fingerprint.as_ref())),
            TlsFact::AskedName | TlsFact::AskedProtocols => Value::Absent,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_ignore_case_and_cookies_do_not() {
        let request = Request {
            headers: vec![
                ("X-One".into(), "1".into()),
                ("x-one".into(), "2".into()),
                ("Cookie".into(), "a=1; b=x=y".into()),
                ("cookie".into(), "c=3".into()),
            ],
            ..Request::default()
        };
        assert_eq!(request.header(b"x-one"), Some(&b"1"[..]));
        assert_eq!(request.cookie(b"b"), Some(&b"x=y"[..]));
        assert_eq!(request.cookie(b"c"), Some(&b"3"[..]));
        assert_eq!(request.cookie(b"A"), None);
    }
}
