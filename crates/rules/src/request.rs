//! A request written down by hand: what offline tools (`explain`), tests and benches evaluate against.
//!
//! The engine never uses it; its own view borrows from the parsed head.

use std::net::{IpAddr, Ipv4Addr};

use serde::Deserialize;

use crate::View;

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
    /// The client's address; `127.0.0.1` unless told.
    pub source: IpAddr,
    /// The client's port.
    pub source_port: u16,
    /// The listener's port; 80 unless told.
    pub port: u16,
    /// `1.0` or, for anything else, `1.1`.
    pub version: String,
    /// `https` or, for anything else, `http`.
    pub scheme: String,
    /// The chosen server, of an answer.
    pub server: Option<String>,
    /// The status of an answer.
    pub status: Option<u16>,
}

impl Default for Request {
    fn default() -> Self {
        Self {
            method: "GET".into(),
            path: "/".into(),
            query: String::new(),
            host: String::new(),
            headers: Vec::new(),
            source: IpAddr::V4(Ipv4Addr::LOCALHOST),
            source_port: 0,
            port: 80,
            version: "1.1".into(),
            scheme: "http".into(),
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
        if self.version == "1.0" { "1.0" } else { "1.1" }
    }

    fn scheme(&self) -> &'static str {
        if self.scheme == "https" { "https" } else { "http" }
    }

    fn server(&self) -> Option<&str> {
        self.server.as_deref()
    }

    fn status(&self) -> Option<u16> {
        self.status
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
