//! What tests of TLS share: files that end with the test, an authority of their own, handshakes in memory.

use std::fs;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicU32, Ordering};

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, IsCa, Issuer, KeyIdMethod,
    KeyPair, KeyUsagePurpose, RevokedCertParams, SerialNumber, date_time_ymd,
};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::server::Acceptor;
use rustls::{
    ClientConnection, DigitallySignedStruct, Error, HandshakeKind, ServerConnection, SignatureScheme,
};

use crate::tls::ocsp::take;
use crate::tls::suites::Offer;
use crate::tls::verify::dangerous;
use crate::tls::{ClientConfig, ListenerConfig};
use crate::wire::{Certificate, ListenerTls, ServerTls, TlsSuite};

/// A directory that goes with the test.
pub struct Directory(PathBuf);

impl Directory {
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("tenbin-tls-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// Writes a file; says its path.
    pub fn write(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.0.join(name);
        fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// Writes a certificate with its key and what else a client is to get; says how a snapshot names them.
    pub fn hold(&self, name: &str, issued: &Issued, others: &[String]) -> Certificate {
        let certificate =
            self.write(&format!("{name}.pem"), (issued.pem.clone() + &others.concat()).as_bytes());
        let key = self.write(&format!("{name}.key"), issued.key.as_bytes());
        let position = format!("tenbin.yaml:1:{}", name.len());
        Certificate {
            certificate,
            key,
            ocsp: String::new(),
            stamp: String::new(),
            chain_text: None,
            key_text: None,
            staple: String::new(),
            names: Vec::new(),
            options: None,
            position,
        }
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Who signs.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// What was signed.
pub struct Issued {
    pub pem: String,
    pub key: String,
    pub serial: SerialNumber,
}

impl Issued {
    /// All in one file.
    pub fn whole(&self, others: &[&str]) -> String {
        self.pem.clone() + &others.concat() + &self.key
    }
}

impl Authority {
    pub fn new(name: &str) -> Self {
        let (params, key) = (authority(name), KeyPair::generate().unwrap());
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// One between this one and certificates.
    pub fn intermediate(&self, name: &str) -> Self {
        let (params, key) = (authority(name), KeyPair::generate().unwrap());
        let pem = params.signed_by(&key, &self.issuer).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    pub fn pem(&self) -> String {
        self.pem.clone()
    }

    /// A certificate for names, with a key of this kind.
    pub fn certify(&self, names: &[&str]) -> Issued {
        self.certify_with(names, &KeyPair::generate().unwrap(), |_| {})
    }

    pub fn certify_with(
        &self,
        names: &[&str],
        key: &KeyPair,
        change: impl FnOnce(&mut CertificateParams),
    ) -> Issued {
        static NEXT: AtomicU16 = AtomicU16::new(0x7700);
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let serial = SerialNumber::from_slice(&NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes());
        let mut params = CertificateParams::new(names).unwrap();
        params.serial_number = Some(serial.clone());
        params.use_authority_key_identifier_extension = true;
        params.distinguished_name.push(DnType::CommonName, "somebody");
        change(&mut params);
        let pem = params.signed_by(key, &self.issuer).unwrap().pem();
        Issued { pem, key: key.serialize_pem(), serial }
    }

    /// A revocation list with these on it.
    pub fn revoke(&self, issued: &[&Issued]) -> String {
        self.revoke_until(issued, 2099)
    }

    pub fn revoke_until(&self, issued: &[&Issued], year: i32) -> String {
        let revoked = issued.iter().map(|one| RevokedCertParams {
            serial_number: one.serial.clone(),
            revocation_time: date_time_ymd(2025, 1, 1),
            reason_code: None,
            invalidity_date: None,
        });
        let params = CertificateRevocationListParams {
            this_update: date_time_ymd(2025, 1, 1),
            next_update: date_time_ymd(year, 6, 1),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        params.signed_by(&self.issuer).unwrap().pem().unwrap()
    }
}

fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.use_authority_key_identifier_extension = true;
    params
}

/// An RSA key that is nobody's.
pub fn rsa() -> KeyPair {
    KeyPair::from_pem(include_str!("rsa.pem")).unwrap()
}

/// The old form of a key: what PKCS#8 wraps.
pub fn unwrapped(pkcs8: &str, label: &str) -> String {
    let key = PrivatePkcs8KeyDer::from_pem_slice(pkcs8.as_bytes()).unwrap();
    let mut outer = key.secret_pkcs8_der();
    let mut inner = take(&mut outer).unwrap().1;
    let octets = std::iter::from_fn(|| take(&mut inner)).find(|(tag, _)| *tag == 0x04).unwrap().1;
    pem(label, octets)
}

/// A section of a PEM file.
pub fn pem(label: &str, der: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for bytes in der.chunks(3) {
        let number =
            bytes.iter().chain(&[0, 0]).take(3).fold(0, |number, byte| number << 8 | u32::from(*byte));
        let digits = (0..4).map(|place| DIGITS[(number >> (18 - 6 * place)) as usize & 63]);
        text.extend(digits.take(bytes.len() + 1).map(char::from));
        text.extend(std::iter::repeat_n('=', 3 - bytes.len()));
    }
    format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n")
}

/// A listener with these certificates and nothing else.
pub fn listener(certificates: Vec<Certificate>) -> ListenerTls {
    ListenerTls {
        certificates,
        default: 0,
        strict_sni: false,
        suite: TlsSuite::default(),
        client: None,
        resumption: true,
        tickets: true,
        handshake: 5000,
        handshakes: 0,
        hsts: String::new(),
    }
}

/// A server whose certificate these authorities sign.
pub fn server(ca: &str, sni: &str) -> ServerTls {
    let (ca, sni) = (ca.to_owned(), sni.to_owned());
    let (suite, crl, stamp) = (TlsSuite::default(), String::new(), String::new());
    let (chosen, host) = (None, String::new());
    ServerTls { verify: true, ca, crl, sni, chosen, host, certificate: None, suite, stamp }
}

/// Both ends of a connection whose handshake is over, and what the server sent after it was read.
pub struct Pair {
    pub client: ClientConnection,
    pub server: ServerConnection,
}

impl Pair {
    /// Does a handshake in memory, or says which end gave up.
    pub fn new(client: &ClientConfig, server: &ListenerConfig) -> Result<Self, Refused> {
        Self::chosen(client, None, server)
    }

    /// The same with a name that was chosen.
    pub fn chosen(
        client: &ClientConfig,
        chosen: Option<&ServerName<'static>>,
        server: &ListenerConfig,
    ) -> Result<Self, Refused> {
        let (client, name) = client.towards(chosen, Ipv4Addr::LOCALHOST.into(), false);
        Self::between(&client, name, server)
    }

    pub fn between(
        client: &Arc<rustls::ClientConfig>,
        name: ServerName<'static>,
        server: &ListenerConfig,
    ) -> Result<Self, Refused> {
        let mut client = ClientConnection::new(Arc::clone(client), name).unwrap();
        let mut pair = Self { server: accepted(&mut client, server)?, client };
        // The last turns carry tickets, or the alert that answers a bad certificate.
        for _ in 0..6 {
            let mut wire = Vec::new();
            while pair.client.wants_write() {
                pair.client.write_tls(&mut wire).unwrap();
            }
            pair.server.read_tls(&mut wire.as_slice()).unwrap();
            let failed = pair.server.process_new_packets().err();
            wire.clear();
            while pair.server.wants_write() {
                pair.server.write_tls(&mut wire).unwrap();
            }
            if let Some(error) = failed {
                return Err(Refused::ByServer(error));
            }
            pair.client.read_tls(&mut wire.as_slice()).unwrap();
            pair.client.process_new_packets().map_err(Refused::ByClient)?;
        }
        Ok(pair)
    }

    /// The certificate that the client got, and those behind it.
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        self.client.peer_certificates().unwrap()
    }

    /// Whether both say that a session was resumed.
    pub fn resumed(&self) -> bool {
        let kind = self.client.handshake_kind();
        assert_eq!(kind, self.server.handshake_kind());
        kind == Some(HandshakeKind::Resumed)
    }
}

/// The other end, once it has the hello: the configuration may depend on it.
fn accepted(client: &mut ClientConnection, server: &ListenerConfig) -> Result<ServerConnection, Refused> {
    let (mut acceptor, mut wire) = (Acceptor::default(), Vec::new());
    client.write_tls(&mut wire).unwrap();
    acceptor.read_tls(&mut wire.as_slice()).unwrap();
    let accepted = acceptor.accept().map_err(|(error, _)| Refused::ByServer(error))?.unwrap();
    let config = Arc::clone(server.server_for(&accepted.client_hello()));
    accepted.into_connection(config).map_err(|(error, _)| Refused::ByServer(error))
}

/// Who gave a handshake up, and why.
#[derive(Debug, PartialEq)]
pub enum Refused {
    ByClient(Error),
    ByServer(Error),
}

/// What servers stapled to their certificates, as a client sees it that trusts anybody.
#[derive(Debug, Clone, Default)]
pub struct Staple(Arc<parking_lot::Mutex<Vec<u8>>>);

impl Staple {
    /// A client for each version.
    pub fn client(&self, versions: &[&str]) -> Vec<Arc<rustls::ClientConfig>> {
        let configure = |version: &&str| {
            let suite = TlsSuite { versions: vec![(*version).to_owned()], ciphers: vec![], groups: vec![] };
            let offer = Offer::new(&suite).unwrap();
            let inner = dangerous::Anybody(Arc::clone(&offer.provider));
            let builder = rustls::ClientConfig::builder_with_provider(offer.provider);
            let builder = builder.with_protocol_versions(&offer.versions).unwrap().dangerous();
            let verifier = Arc::new(Watching { inner, seen: self.clone() });
            Arc::new(builder.with_custom_certificate_verifier(verifier).with_no_client_auth())
        };
        versions.iter().map(configure).collect()
    }

    /// The last one.
    pub fn take(&self) -> Vec<u8> {
        std::mem::take(&mut self.0.lock())
    }
}

#[derive(Debug)]
struct Watching {
    inner: dangerous::Anybody,
    seen: Staple,
}

impl ServerCertVerifier for Watching {
    fn verify_server_cert(
        &self,
        own: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        staple: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        *self.seen.0.lock() = staple.to_vec();
        self.inner.verify_server_cert(own, between, name, staple, now)
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
