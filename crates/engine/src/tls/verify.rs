//! Who is trusted: verifiers of what clients and servers show.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, ServerName, UnixTime};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use sha2::{Digest, Sha256};
use x509_parser::parse_x509_certificate;

use super::authorities::{lists, roots};
use super::certificates::certificates;
use super::problem::Problem;
use super::tickets::Scope;
use crate::wire::ClientCertificates;

/// What clients must show.
pub struct Clients {
    /// For handshakes.
    pub verifier: Arc<dyn ClientCertVerifier>,
    /// Where sessions of clients that showed it count. A new authority or a new revocation changes it, so that they show
    /// their certificates again.
    pub scope: Scope,
}

impl Clients {
    /// Nothing is asked for.
    pub fn unasked() -> Self {
        Self { verifier: WebPkiClientVerifier::no_client_auth(), scope: Scope::default() }
    }

    /// A certificate that is not good is refused, also where none is required.
    pub fn new(spec: &ClientCertificates, provider: &Arc<CryptoProvider>) -> Result<Self, Problem> {
        let authorities = certificates(&spec.ca)?;
        let lists = revoked(&spec.crl)?;
        let mut hash = Sha256::new_with_prefix(if spec.required { b"required" } else { b"optional" });
        if !spec.names {
            hash.update(b"unnamed");
        }
        let all = authorities.iter().map(|(_, der)| der.as_ref()).chain(lists.iter().map(AsRef::as_ref));
        all.for_each(|der: &[u8]| hash.update(Sha256::digest(der)));
        let roots = Arc::new(roots(&spec.ca, &authorities)?);
        let mut builder = WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(provider));
        builder = builder.with_crls(lists).enforce_revocation_expiration();
        if !spec.required {
            builder = builder.allow_unauthenticated();
        }
        if !spec.names {
            builder = builder.clear_root_hint_subjects();
        }
        let verifier = builder.build().map_err(|error| Problem::error(&spec.crl, 0, error.to_string()))?;
        Ok(Self { verifier, scope: hash.finalize().into() })
    }
}

/// Whom servers must be certified by: the authorities in a file, or those of the system; and the revocation lists.
pub fn servers(
    ca: &str,
    crl: &str,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, Problem> {
    let (roots, pinned) = match ca {
        "" => (system()?, Vec::new()),
        file => {
            let authorities = certificates(file)?;
            (roots(file, &authorities)?, authorities.into_iter().map(|(_, der)| der).collect())
        }
    };
    let builder = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
    let builder = builder.with_crls(revoked(crl)?).enforce_revocation_expiration();
    let inner = builder.build().map_err(|error| Problem::error(crl, 0, error.to_string()))?;
    Ok(Arc::new(Servers { inner, pinned }))
}

/// The same, whatever name the certificate is for.
pub fn of_any_host(verifier: Arc<dyn ServerCertVerifier>) -> Arc<dyn ServerCertVerifier> {
    Arc::new(AnyHost(verifier))
}

/// Trusts whoever answers. Its own module, so that no other use of it goes unseen.
pub mod dangerous {
    use super::{
        Arc, CertificateDer, CryptoProvider, DigitallySignedStruct, Error, HandshakeSignatureValid,
        ServerCertVerified, ServerCertVerifier, ServerName, SignatureScheme, UnixTime,
    };

    /// For `verify: false`: encryption against who only listens, nothing against who stands in between.
    #[derive(Debug)]
    pub struct Anybody(pub Arc<CryptoProvider>);

    impl ServerCertVerifier for Anybody {
        fn verify_server_cert(
            &self,
            _: &CertificateDer<'_>,
            _: &[CertificateDer<'_>],
            _: &ServerName<'_>,
            _: &[u8],
            _: UnixTime,
        ) -> Result<ServerCertVerified, Error> {
            Ok(ServerCertVerified::assertion())
        }

        // A signature says nothing where anybody's key will do, and old certificates cannot even be read for it.
        fn verify_tls12_signature(
            &self,
            _: &[u8],
            _: &CertificateDer<'_>,
            _: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            Ok(HandshakeSignatureValid::assertion())
        }

        fn verify_tls13_signature(
            &self,
            _: &[u8],
            _: &CertificateDer<'_>,
            _: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            Ok(HandshakeSignatureValid::assertion())
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            self.0.signature_verification_algorithms.supported_schemes()
        }
    }
}

/// The rules of the web, and one more: a certificate that stands in the file itself is trusted, also if it says that it
/// is an authority, as `openssl req -x509` makes them.
#[derive(Debug)]
struct Servers {
    inner: Arc<WebPkiServerVerifier>,
    pinned: Vec<CertificateDer<'static>>,
}

impl ServerCertVerifier for Servers {
    fn verify_server_cert(
        &self,
        own: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        staple: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match self.inner.verify_server_cert(own, between, name, staple, now) {
            Err(Error::InvalidCertificate(CertificateError::Other(_))) if self.pinned.contains(own) => {
                pinned(own, name, now)
            }
            judged => judged,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        own: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, own, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        own: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, own, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

/// Judges everything but the name, which the verifier within looks at last.
#[derive(Debug)]
struct AnyHost(Arc<dyn ServerCertVerifier>);

impl ServerCertVerifier for AnyHost {
    fn verify_server_cert(
        &self,
        own: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        staple: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match self.0.verify_server_cert(own, between, name, staple, now) {
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            judged => judged,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        own: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls12_signature(message, own, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        own: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls13_signature(message, own, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

/// Name and dates of a certificate that is trusted as it is; that the server has its key the handshake shows.
fn pinned(
    own: &CertificateDer<'_>,
    name: &ServerName<'_>,
    now: UnixTime,
) -> Result<ServerCertVerified, Error> {
    let (_, parsed) = parse_x509_certificate(own).map_err(|_| CertificateError::BadEncoding)?;
    let (from, to) = (parsed.validity().not_before.timestamp(), parsed.validity().not_after.timestamp());
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    if now < from {
        return Err(CertificateError::NotValidYet.into());
    }
    if now > to {
        return Err(CertificateError::Expired.into());
    }
    verify_server_name(&ParsedCertificate::try_from(own)?, name)?;
    Ok(ServerCertVerified::assertion())
}

/// What is in a file of revocation lists; nothing without a file.
fn revoked(crl: &str) -> Result<Vec<CertificateRevocationListDer<'static>>, Problem> {
    if crl.is_empty() {
        return Ok(Vec::new());
    }
    Ok(lists(crl)?.into_iter().map(|(_, list)| list).collect())
}

/// The authorities that the system trusts; some of them may be too odd to be read.
fn system() -> Result<RootCertStore, Problem> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        let text = "the system has no certificate authorities: install them (ca-certificates), or name a file with `ca`";
        return Err(Problem::setting(text));
    }
    Ok(roots)
}
