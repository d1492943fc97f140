//! What may be asked about a client's TLS, and how each is named in conditions.
//!
//! Owns the names. Does not own where an answer comes from: a handshake of our own, a proxy that tells of it, or a
//! `ClientHello` that only passes by.

use crate::Kind;

/// One thing to ask. A view answers with text, [`TlsFact::is_truth`] ones with a truth value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsFact {
    /// Whether the client speaks TLS.
    Used,
    /// `1.2`, `1.3`.
    Version,
    /// The host that it named in its handshake, in lower case.
    Sni,
    /// The cipher suite's name in the IANA registry.
    Cipher,
    /// What was agreed on by ALPN.
    Alpn,
    /// Whether the session was resumed.
    Resumed,
    /// Whether it showed a certificate that is good.
    ClientVerified,
    /// The certificate's subject (RFC 4514).
    ClientSubject,
    /// The certificate's issuer (RFC 4514).
    ClientIssuer,
    /// The common name of the certificate's subject.
    ClientName,
    /// The certificate's serial number in hexadecimal.
    ClientSerial,
    /// SHA-256 over the certificate in hexadecimal.
    ClientFingerprint,
    /// The host that a connection names which is not terminated, in lower case.
    AskedName,
    /// The protocols that such a connection offers by ALPN, joined with commas.
    AskedProtocols,
}

impl TlsFact {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::Used,
        Self::Version,
        Self::Sni,
        Self::Cipher,
        Self::Alpn,
        Self::Resumed,
        Self::ClientVerified,
        Self::ClientSubject,
        Self::ClientIssuer,
        Self::ClientName,
        Self::ClientSerial,
        Self::ClientFingerprint,
        Self::AskedName,
        Self::AskedProtocols,
    ];

    /// Its name as a fetch.
    pub fn name(self) -> &'static str {
        match self {
            Self::Used => "tls",
            Self::Version => "tls.version",
            Self::Sni => "tls.sni",
            Self::Cipher => "tls.cipher",
            Self::Alpn => "tls.alpn",
            Self::Resumed => "tls.resumed",
            Self::ClientVerified => "tls.client.verified",
            Self::ClientSubject => "tls.client.subject",
            Self::ClientIssuer => "tls.client.issuer",
            Self::ClientName => "tls.client.name",
            Self::ClientSerial => "tls.client.serial",
            Self::ClientFingerprint => "tls.client.fingerprint",
            Self::AskedName => "sni",
            Self::AskedProtocols => "alpn",
        }
    }

    /// Whether it is true or false, and never absent.
    pub fn is_truth(self) -> bool {
        matches!(self, Self::Used | Self::Resumed | Self::ClientVerified)
    }

    /// Whether it is read from the first bytes of a connection that is not terminated.
    pub fn is_asked(self) -> bool {
        matches!(self, Self::AskedName | Self::AskedProtocols)
    }

    pub(crate) fn kind(self) -> Kind {
        if self.is_truth() { Kind::Bool } else { Kind::Str }
    }
}
