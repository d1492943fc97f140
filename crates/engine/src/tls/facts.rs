//! What conditions and logs need to know of a connection whose handshake is over, on either side.

use std::sync::OnceLock;

use rustls::pki_types::CertificateDer;
use rustls::{ClientConnection, CommonState, HandshakeKind, NamedGroup, ServerConnection};
use sha1::{Digest, Sha1};
use x509_parser::oid_registry::Oid;
use x509_parser::parse_x509_certificate;
use x509_parser::time::ASN1Time;

use super::suites;
use super::x509::{common_name, fingerprint, line, serial, serial_bytes};

/// What is known of a connection; small, and made once for each.
pub struct Facts {
    /// `1.2` or `1.3`.
    pub version: &'static str,
    /// By its name in the IANA registry.
    pub cipher: &'static str,
    /// The group of the key exchange, by its name in the IANA registry.
    pub curve: &'static str,
    /// The host that the client named, in lower case.
    pub sni: Option<Box<str>>,
    /// What was agreed on: `h2` or `http/1.1`.
    pub alpn: Option<&'static str>,
    /// A session was resumed.
    pub resumed: bool,
    shown: Option<Box<Certificate>>,
    own: Option<Box<Certificate>>,
}

/// A certificate, read when it is first asked.
pub struct Certificate {
    der: CertificateDer<'static>,
    read: OnceLock<Option<CertificateFacts>>,
}

/// What a certificate says.
pub struct CertificateFacts {
    /// As in RFC 4514.
    pub subject: String,
    /// As in RFC 4514.
    pub issuer: String,
    /// The common name of the subject.
    pub name: Option<String>,
    /// Hexadecimal, lower case.
    pub serial: String,
    /// The same as bytes.
    pub serial_bytes: Vec<u8>,
    /// SHA-256 of the certificate, hexadecimal, lower case.
    pub fingerprint: String,
    /// SHA-1 of the certificate.
    pub sha1: [u8; 20],
    /// Of X.509: 1 to 3.
    pub version: i64,
    /// From when and until when it is valid, as HAProxy writes it: `YYMMDDhhmmssZ`, and nothing of other centuries.
    pub validity: [Option<String>; 2],
    /// As OpenSSL calls it; empty for what is rare.
    pub key_algorithm: &'static str,
    /// The same of its signature.
    pub signature_algorithm: &'static str,
}

impl Facts {
    /// Of a client's connection whose handshake is over; `own` is what it was shown, where that is known.
    pub fn of(connection: &ServerConnection, own: Option<&CertificateDer<'static>>) -> Self {
        let sni = connection.server_name().map(Into::into);
        Self { sni, own: own.map(Certificate::boxed), ..Self::common(connection) }
    }

    /// Of a connection to a server whose handshake is over.
    pub fn of_server(connection: &ClientConnection) -> Self {
        Self::common(connection)
    }

    fn common(connection: &CommonState) -> Self {
        let suite = connection.negotiated_cipher_suite();
        let group = connection.negotiated_key_exchange_group();
        Self {
            version: connection.protocol_version().map_or("", suites::version),
            cipher: suite.map_or("", |suite| suites::iana(suite.suite())),
            curve: group.map_or("", |group| curve(group.name())),
            sni: None,
            alpn: match connection.alpn_protocol() {
                Some(b"h2") => Some("h2"),
                Some(b"http/1.1") => Some("http/1.1"),
                _ => None,
            },
            resumed: connection.handshake_kind() == Some(HandshakeKind::Resumed),
            shown: connection.peer_certificates().and_then(<[_]>::first).map(Certificate::boxed),
            own: None,
        }
    }

    /// The client showed a certificate, and it is good: handshakes with others fail.
    pub fn verified(&self) -> bool {
        self.shown.is_some()
    }

    /// The certificate that the other side showed.
    pub fn shown(&self) -> Option<&Certificate> {
        self.shown.as_deref()
    }

    /// The certificate that we showed, where somebody asks for it.
    pub fn own(&self) -> Option<&Certificate> {
        self.own.as_deref()
    }

    /// What the other side's certificate says.
    pub fn certificate(&self) -> Option<&CertificateFacts> {
        self.shown()?.facts()
    }
}

impl Certificate {
    fn boxed(der: &CertificateDer<'static>) -> Box<Self> {
        Box::new(Self { der: der.clone(), read: OnceLock::new() })
    }

    /// As it came.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// What it says.
    pub fn facts(&self) -> Option<&CertificateFacts> {
        self.read.get_or_init(|| CertificateFacts::read(&self.der)).as_ref()
    }
}

impl CertificateFacts {
    fn read(der: &CertificateDer<'_>) -> Option<Self> {
        let (_, certificate) = parse_x509_certificate(der).ok()?;
        Some(Self {
            subject: line(certificate.subject()),
            issuer: line(certificate.issuer()),
            name: common_name(certificate.subject()),
            serial: serial(&certificate),
            serial_bytes: serial_bytes(&certificate).to_vec(),
            fingerprint: fingerprint(der),
            sha1: Sha1::digest(der).into(),
            version: i64::from(certificate.version().0) + 1,
            validity: [certificate.validity().not_before, certificate.validity().not_after].map(moment),
            key_algorithm: openssl(&certificate.public_key().algorithm.algorithm),
            signature_algorithm: openssl(&certificate.signature_algorithm.algorithm),
        })
    }
}

/// Short names of OpenSSL.
fn openssl(algorithm: &Oid<'_>) -> &'static str {
    match algorithm.to_id_string().as_str() {
        "1.2.840.113549.1.1.1" => "rsaEncryption",
        "1.2.840.113549.1.1.5" => "RSA-SHA1",
        "1.2.840.113549.1.1.10" => "RSASSA-PSS",
        "1.2.840.113549.1.1.11" => "RSA-SHA256",
        "1.2.840.113549.1.1.12" => "RSA-SHA384",
        "1.2.840.113549.1.1.13" => "RSA-SHA512",
        "1.2.840.10045.2.1" => "id-ecPublicKey",
        "1.2.840.10045.4.3.2" => "ecdsa-with-SHA256",
        "1.2.840.10045.4.3.3" => "ecdsa-with-SHA384",
        "1.2.840.10045.4.3.4" => "ecdsa-with-SHA512",
        "1.3.101.112" => "ED25519",
        "1.3.101.113" => "ED448",
        _ => "",
    }
}

fn curve(group: NamedGroup) -> &'static str {
    match group {
        NamedGroup::X25519 => "x25519",
        NamedGroup::secp256r1 => "secp256r1",
        NamedGroup::secp384r1 => "secp384r1",
        NamedGroup::secp521r1 => "secp521r1",
        NamedGroup::X25519MLKEM768 => "X25519MLKEM768",
        _ => "",
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
