//! What conditions and logs need to know of a connection whose handshake is over.

use std::sync::OnceLock;

use rustls::pki_types::CertificateDer;
use rustls::{HandshakeKind, ServerConnection};
use sha1::{Digest, Sha1};
use x509_parser::parse_x509_certificate;
use x509_parser::time::ASN1Time;

use super::suites;
use super::x509::{common_name, fingerprint, line, serial};

/// What is known of a connection; small, and made once for each.
pub struct Facts {
    /// `1.2` or `1.3`.
    pub version: &'static str,
    /// By its name in the IANA registry.
    pub cipher: &'static str,
    /// The host that the client named, in lower case.
    pub sni: Option<Box<str>>,
    /// What was agreed on: `h2` or `http/1.1`.
    pub alpn: Option<&'static str>,
    /// A session was resumed.
    pub resumed: bool,
    shown: Option<Box<Shown>>,
}

/// A certificate that a client showed and that was found good.
pub struct ClientCertificate {
    /// As in RFC 4514.
    pub subject: String,
    /// As in RFC 4514.
    pub issuer: String,
    /// The common name of the subject.
    pub name: Option<String>,
    /// Hexadecimal, lower case.
    pub serial: String,
    /// SHA-256 of the certificate, hexadecimal, lower case.
    pub fingerprint: String,
    /// SHA-1 of the certificate.
    pub sha1: [u8; 20],
    /// Of X.509: 1 to 3.
    pub version: i64,
    /// From when and until when it is valid, as HAProxy writes it: `YYMMDDhhmmssZ`, and nothing of other centuries.
    pub validity: [Option<String>; 2],
}

struct Shown {
    der: CertificateDer<'static>,
    read: OnceLock<Option<ClientCertificate>>,
}

impl Facts {
    /// Of a connection whose handshake is over.
    pub fn of(connection: &ServerConnection) -> Self {
        let suite = connection.negotiated_cipher_suite();
        let shown = connection.peer_certificates().and_then(<[_]>::first);
        Self {
            version: connection.protocol_version().map_or("", suites::version),
            cipher: suite.map_or("", |suite| suites::iana(suite.suite())),
            sni: connection.server_name().map(Into::into),
            alpn: match connection.alpn_protocol() {
                Some(b"h2") => Some("h2"),
                Some(b"http/1.1") => Some("http/1.1"),
                _ => None,
            },
            resumed: connection.handshake_kind() == Some(HandshakeKind::Resumed),
            shown: shown.map(|der| Box::new(Shown { der: der.clone(), read: OnceLock::new() })),
        }
    }

    /// The client showed a certificate, and it is good: handshakes with others fail.
    pub fn verified(&self) -> bool {
        self.shown.is_some()
    }

    /// The client's certificate as it came.
    pub fn der(&self) -> Option<&[u8]> {
        self.shown.as_ref().map(|shown| &*shown.der)
    }

    /// The client's certificate, read when it is first asked for.
    pub fn certificate(&self) -> Option<&ClientCertificate> {
        let shown = self.shown.as_ref()?;
        shown.read.get_or_init(|| ClientCertificate::read(&shown.der)).as_ref()
    }
}

impl ClientCertificate {
    fn read(der: &CertificateDer<'_>) -> Option<Self> {
        let (_, certificate) = parse_x509_certificate(der).ok()?;
        Some(Self {
            subject: line(certificate.subject()),
            issuer: line(certificate.issuer()),
            name: common_name(certificate.subject()),
            serial: serial(&certificate),
            fingerprint: fingerprint(der),
            sha1: Sha1::digest(der).into(),
            version: i64::from(certificate.version().0) + 1,
            validity: [certificate.validity().not_before, certificate.validity().not_after].map(moment),
        })
    }
}

fn moment(time: ASN1Time) -> Option<String> {
    let at = time.to_datetime();
    if !(1950..2100).contains(&at.year()) {
        return None;
    }
    let [year, month, day] =
        [at.year().rem_euclid(100), i32::from(u8::from(at.month())), i32::from(at.day())];
    Some(format!("{year:02}{month:02}{day:02}{:02}{:02}{:02}Z", at.hour(), at.minute(), at.second()))
}
