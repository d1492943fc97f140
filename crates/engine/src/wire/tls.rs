//! TLS and the PROXY protocol in a snapshot: files by path, and what is in them only where it was given at run time.

use serde::Deserialize;
use tenbin_rules::wire::Expr;

use super::Secret;

/// A certificate with its key, as files.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Certificate {
    /// PEM with the chain, the own certificate first.
    pub certificate: String,
    /// PEM with the private key; may be the same file.
    pub key: String,
    /// DER of an OCSP answer to staple; empty: none.
    #[serde(default)]
    pub ocsp: String,
    /// Changes whenever one of the files does; says nothing else.
    #[serde(default)]
    pub stamp: String,
    /// PEM with the chain in place of what its file holds, perhaps with the key; none: the file is read.
    #[serde(default)]
    pub chain_text: Option<Secret>,
    /// PEM with the key in place of what its file holds; none: the file is read.
    #[serde(default)]
    pub key_text: Option<Secret>,
    /// The answer to staple in hex, in place of the file's; empty: that is read.
    #[serde(default)]
    pub staple: String,
    /// Hosts that get it, in lower case, `*.name` for all below one, `!name` for none; empty: those that it is for.
    #[serde(default)]
    pub names: Vec<String>,
    /// What holds for clients that get it; none: what the listener says.
    #[serde(default)]
    pub options: Option<CertificateOptions>,
    /// `file:line:column` in the configuration.
    #[serde(default)]
    pub position: String,
}

/// What holds for clients that get a certificate, in place of all that the listener says of the same.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertificateOptions {
    /// What is offered.
    #[serde(default)]
    pub suite: TlsSuite,
    /// Whether and how clients show certificates.
    #[serde(default)]
    pub client: Option<ClientCertificates>,
    /// `h2` is offered; it is never in TCP mode.
    #[serde(default)]
    pub http2: bool,
}

/// Which versions and suites are offered and accepted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsSuite {
    /// `1.2`, `1.3`; empty: both.
    #[serde(default)]
    pub versions: Vec<String>,
    /// Names of the IANA registry, the preferred first; empty: the default ones.
    #[serde(default)]
    pub ciphers: Vec<String>,
    /// Groups for the exchange of keys by their IANA names, the preferred first; empty: the default ones.
    #[serde(default)]
    pub groups: Vec<String>,
}

/// Certificates that clients show.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientCertificates {
    /// A client without a good one is refused; otherwise one without any is served.
    pub required: bool,
    /// PEM with the authorities that sign them.
    pub ca: String,
    /// PEM with revocation lists; empty: none.
    #[serde(default)]
    pub crl: String,
    /// Changes whenever one of the files does.
    #[serde(default)]
    pub stamp: String,
    /// They are told the names of these authorities.
    #[serde(default = "super::snapshot::yes")]
    pub names: bool,
}

/// TLS on a listener.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListenerTls {
    /// At least one.
    pub certificates: Vec<Certificate>,
    /// Place of the one for clients that name no host or an unknown one.
    #[serde(default)]
    pub default: usize,
    /// Such clients are refused instead (alert 112).
    #[serde(default)]
    pub strict_sni: bool,
    /// What is offered.
    #[serde(default)]
    pub suite: TlsSuite,
    /// Whether and how clients show certificates.
    #[serde(default)]
    pub client: Option<ClientCertificates>,
    /// Sessions may be resumed.
    #[serde(default = "super::snapshot::yes")]
    pub resumption: bool,
    /// By tickets, which clients keep; otherwise by what is kept here.
    #[serde(default = "super::snapshot::yes")]
    pub tickets: bool,
    /// Milliseconds for a handshake.
    pub handshake: u64,
    /// Handshakes at once; further connections wait before theirs. 0: no limit.
    #[serde(default)]
    pub handshakes: u32,
    /// Value of Strict-Transport-Security; empty: not sent.
    #[serde(default)]
    pub hsts: String,
}

/// TLS towards a server.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerTls {
    /// Whether its certificate must be good.
    #[serde(default = "super::snapshot::yes")]
    pub verify: bool,
    /// PEM with authorities; empty: those of the system.
    #[serde(default)]
    pub ca: String,
    /// PEM with revocation lists; empty: none.
    #[serde(default)]
    pub crl: String,
    /// The name that is sent and that the certificate must hold; empty: none is sent.
    #[serde(default)]
    pub sni: String,
    /// A text that is this name in its place, for each request or connection; where it is empty, none is sent.
    #[serde(default)]
    pub chosen: Option<Expr>,
    /// What the certificate must hold where no name is sent; empty: the address; `*`: any name will do.
    #[serde(default)]
    pub host: String,
    /// Shown to servers that ask.
    #[serde(default)]
    pub certificate: Option<Certificate>,
    /// What is offered.
    #[serde(default)]
    pub suite: TlsSuite,
    /// Changes whenever one of the files does.
    #[serde(default)]
    pub stamp: String,
}

/// The PROXY protocol on a listener.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProxyIn {
    /// Networks whose connections begin with it; empty: all do. Others are what they seem.
    #[serde(default)]
    pub networks: Vec<String>,
}

/// The PROXY protocol towards a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProxyOut {
    /// 1 or 2.
    pub version: u8,
    /// Tell of the client's TLS (only version 2).
    #[serde(default)]
    pub tls: bool,
}

/// What is spoken to a backend's servers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// HTTP/1.1.
    #[default]
    Http1,
    /// HTTP/2, by ALPN or, without TLS, by prior knowledge.
    Http2,
    /// What the server chooses by ALPN; HTTP/1.1 without TLS.
    Auto,
}
