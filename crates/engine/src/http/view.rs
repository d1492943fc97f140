//! What conditions and texts see of an exchange.

use std::net::{IpAddr, SocketAddr};

use tenbin_proto::{Known, Request, Version, cookie};
use tenbin_rules::{TlsFact, Value, View};

use crate::secured::Secured;

/// A request with, once there is one, its answer.
pub struct RequestView<'a> {
    /// The parsed head.
    pub request: &'a Request,
    /// Its bytes.
    pub bytes: &'a [u8],
    /// The client's address.
    pub peer: SocketAddr,
    /// What is known of its TLS.
    pub tls: Secured<'a>,
    /// The request came by HTTP/2.
    pub http2: bool,
    /// The listener's port.
    pub port: u16,
    /// The chosen server's name.
    pub server: Option<&'a str>,
    /// The answer's status.
    pub status: Option<u16>,
}

impl View for RequestView<'_> {
    fn method(&self) -> &[u8] {
        self.request.method_text.of(self.bytes)
    }

    fn path(&self) -> &[u8] {
        path_of(self.request, self.bytes)
    }

    fn query(&self) -> &[u8] {
        self.request.query.of(self.bytes)
    }

    fn host(&self) -> &[u8] {
        self.request.host.of(self.bytes)
    }

    fn header<'a>(&'a self, name: &[u8]) -> Option<&'a [u8]> {
        self.request.fields.find(self.bytes, name).map(|field| field.value.of(self.bytes))
    }

    fn cookie<'a>(&'a self, name: &[u8]) -> Option<&'a [u8]> {
        let mut fields = self.request.fields.find_all_known(Known::Cookie);
        fields.find_map(|field| cookie::find(field.value.of(self.bytes), name))
    }

    fn source(&self) -> IpAddr {
        self.peer.ip().to_canonical()
    }

    fn source_port(&self) -> u16 {
        self.peer.port()
    }

    fn port(&self) -> u16 {
        self.port
    }

    fn http_version(&self) -> &'static str {
        match self.request.version {
            _ if self.http2 => "2",
            Version::Http10 => "1.0",
            Version::Http11 => "1.1",
        }
    }

    fn scheme(&self) -> &'static str {
        if self.tls.is_used() { "https" } else { "http" }
    }

    fn tls(&self, fact: TlsFact) -> Value<'_> {
        self.tls.tell(fact)
    }

    fn server(&self) -> Option<&str> {
        self.server
    }

    fn status(&self) -> Option<u16> {
        self.status
    }
}

/// The path; `/` where an absolute-form target has none.
pub fn path_of<'a>(request: &Request, bytes: &'a [u8]) -> &'a [u8] {
    match request.path.of(bytes) {
        b"" => b"/",
        path => path,
    }
}
