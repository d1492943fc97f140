//! What a PROXY protocol header told besides the client's address.

use std::net::SocketAddr;

use tenbin_proto::proxy::{Header, Secured, Tlv, Tlvs, kind};
use tenbin_rules::{TlsFact, Value};

/// It speaks for a connection whose own bytes say nothing of all this.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// Whom the client connected to.
    pub destination: Option<SocketAddr>,
    /// Who has told it, where that is somebody else.
    pub from: Option<SocketAddr>,
    /// All that came behind the addresses.
    fields: Box<[u8]>,
    authority: Option<Box<[u8]>>,
    alpn: Option<Box<[u8]>>,
    tls: Option<Box<Tls>>,
}

/// The client's TLS connection, which the sender has terminated.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tls {
    /// Without the `TLSv` that stands before it.
    version: Option<Box<[u8]>>,
    cipher: Option<Box<[u8]>>,
    common_name: Option<Box<[u8]>>,
    verified: bool,
}

/// Bits of `Secured::client`.
const OVER_TLS: u8 = 0b001;
const SHOWED_CERTIFICATE: u8 = 0b110;

impl Told {
    /// From a header and the bytes that it was read from.
    pub fn new(header: &Header, bytes: &[u8]) -> Self {
        let fields = header.tlvs(bytes).rest().into();
        let mut told =
            Self { destination: header.ends.map(|ends| ends.destination), fields, ..Self::default() };
        for Tlv { kind, value } in header.tlvs(bytes) {
            match kind {
                kind::AUTHORITY => told.authority = Some(value.to_ascii_lowercase().into()),
                kind::ALPN => told.alpn = Some(value.into()),
                kind::SSL => told.tls = Secured::read(value).and_then(Tls::new).map(Box::new),
                _ => {}
            }
        }
        told
    }

    /// The host that the client has named, in lower case.
    pub fn authority(&self) -> Option<&[u8]> {
        self.authority.as_deref()
    }

    /// A field by its type; of several the first.
    pub fn field(&self, kind: u8) -> Option<&[u8]> {
        Tlvs::new(&self.fields).find(|one| one.kind == kind).map(|one| one.value)
    }

    /// What conditions see.
    pub fn tell(&self, fact: TlsFact) -> Value<'_> {
        match (fact, &self.tls) {
            (TlsFact::AskedName, _) | (TlsFact::Sni, Some(_)) => Value::maybe(self.authority.as_deref()),
            (TlsFact::AskedProtocols, _) | (TlsFact::Alpn, Some(_)) => Value::maybe(self.alpn.as_deref()),
            (TlsFact::Used, tls) => Value::Bool(tls.is_some()),
            (TlsFact::Version, Some(tls)) => Value::maybe(tls.version.as_deref()),
            (TlsFact::Cipher, Some(tls)) => Value::maybe(tls.cipher.as_deref()),
            (TlsFact::ClientName, Some(tls)) => Value::maybe(tls.common_name.as_deref()),
            (TlsFact::ClientVerified, Some(tls)) => Value::Bool(tls.verified),
            _ => Value::Absent,
        }
    }
}

impl Tls {
    fn new(secured: Secured<'_>) -> Option<Self> {
        if secured.client & OVER_TLS == 0 {
            return None;
        }
        let verified = secured.client & SHOWED_CERTIFICATE != 0 && secured.verify == 0;
        let mut tls = Self { verified, ..Self::default() };
        for Tlv { kind, value } in secured.tlvs() {
            match kind {
                kind::SSL_VERSION => tls.version = Some(value.strip_prefix(b"TLSv").unwrap_or(value).into()),
                kind::SSL_CIPHER => tls.cipher = Some(value.into()),
                kind::SSL_CN => tls.common_name = Some(value.into()),
                _ => {}
            }
        }
        Some(tls)
    }
}

#[cfg(test)]
mod tests {
    use tenbin_proto::proxy::{Ends, Extras, Tls as Written, read, write_v2};

    use super::*;

    fn told(tls: Option<Written<'_>>) -> Told {
        let ends =
            Ends { source: "10.0.0.1:1".parse().unwrap(), destination: "10.0.0.2:443".parse().unwrap() };
        let extras = Extras { alpn: b"h2", authority: b"A.Test", tls, ..Extras::default() };
        let mut bytes = Vec::new();
        write_v2(&mut bytes, Some(ends), &extras);
        Told::new(&read(&bytes).unwrap().unwrap(), &bytes)
    }

    #[test]
    fn tls_that_the_sender_has_terminated_is_the_clients() {
        let tls = Written {
            version: b"TLSv1.3",
            cipher: b"TLS_AES_128_GCM_SHA256",
            common_name: b"anna",
            certificate: true,
            verified: true,
        };
        let told = told(Some(tls));
        assert_eq!(told.destination, Some("10.0.0.2:443".parse().unwrap()));
        for (fact, expected) in [
            (TlsFact::Version, &b"1.3"[..]),
            (TlsFact::Cipher, b"TLS_AES_128_GCM_SHA256"),
            (TlsFact::Sni, b"a.test"),
            (TlsFact::Alpn, b"h2"),
            (TlsFact::ClientName, b"anna"),
            (TlsFact::AskedName, b"a.test"),
        ] {
            assert_eq!(told.tell(fact), Value::text(expected), "{fact:?}");
        }
        assert!([TlsFact::Used, TlsFact::ClientVerified].iter().all(|fact| told.tell(*fact).truth()));
        assert_eq!(told.tell(TlsFact::ClientSubject), Value::Absent);
    }

    #[test]
    fn a_certificate_that_is_not_good_or_not_there_verifies_nobody() {
        for (certificate, verified) in [(true, false), (false, true), (false, false)] {
            let told = told(Some(Written { certificate, verified, ..Written::default() }));
            assert!(told.tell(TlsFact::Used).truth() && !told.tell(TlsFact::ClientVerified).truth());
        }
        let plain = told(None);
        assert!(!plain.tell(TlsFact::Used).truth());
        assert_eq!(plain.tell(TlsFact::Sni), Value::Absent, "a name alone is no TLS");
    }
}
