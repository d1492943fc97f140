//! What is known of a client's TLS: by a handshake of our own, or else by what a proxy before us has told.
//!
//! Owns which of the two counts, and how conditions see it. Does not own either.

use tenbin_rules::{TlsFact, Value};

use crate::proxy::Told;
use crate::tls::Facts;

/// Both, borrowed from the connection.
#[derive(Clone, Copy, Default)]
pub struct Secured<'a> {
    /// What our own handshake agreed on.
    pub own: Option<&'a Facts>,
    /// What a proxy has told of its connection with the client.
    pub told: Option<&'a Told>,
}

impl<'a> Secured<'a> {
    /// Whether the client speaks TLS, to us or to a proxy that we believe.
    pub fn is_used(self) -> bool {
        self.tell(TlsFact::Used).truth()
    }

    /// What conditions see.
    pub fn tell(self, fact: TlsFact) -> Value<'a> {
        match (self.own, self.told) {
            (Some(own), _) => of_own(own, fact),
            (None, Some(told)) => told.tell(fact),
            (None, None) => Value::Absent,
        }
    }
}

fn of_own(own: &Facts, fact: TlsFact) -> Value<'_> {
    let of_certificate = || own.certificate();
    match fact {
        TlsFact::Used => Value::Bool(true),
        TlsFact::Version => maybe(Some(own.version)),
        TlsFact::Cipher => maybe(Some(own.cipher)),
        TlsFact::Sni | TlsFact::AskedName => maybe(own.sni.as_deref()),
        TlsFact::Alpn | TlsFact::AskedProtocols => maybe(own.alpn),
        TlsFact::Resumed => Value::Bool(own.resumed),
        TlsFact::ClientVerified => Value::Bool(own.verified()),
        TlsFact::ClientSubject => maybe(of_certificate().map(|shown| shown.subject.as_str())),
        TlsFact::ClientIssuer => maybe(of_certificate().map(|shown| shown.issuer.as_str())),
        TlsFact::ClientName => maybe(of_certificate().and_then(|shown| shown.name.as_deref())),
        TlsFact::ClientSerial => maybe(of_certificate().map(|shown| shown.serial.as_str())),
        TlsFact::ClientFingerprint => maybe(of_certificate().map(|shown| shown.fingerprint.as_str())),
    }
}

fn maybe(text: Option<&str>) -> Value<'_> {
    Value::maybe(text.map(str::as_bytes))
}
