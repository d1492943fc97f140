//! Certificates of clients.

use std::sync::Arc;

use rcgen::{DnType, KeyPair, date_time_ymd};
use rustls::{CertificateError, Error};

use super::support::{Authority, Directory, Issued, Pair, Refused, listener, server};
use crate::tls::{Alpn, Authorities, ClientConfig, Facts, ListenerConfig, Problem, Tickets};
use crate::wire::{ClientCertificates, Protocol, ServerTls, TlsSuite};

pub struct World {
    pub directory: Directory,
    pub authority: Authority,
    pub ca: String,
    pub tickets: Arc<Tickets>,
}

impl World {
    pub fn new() -> Self {
        let (directory, authority) = (Directory::new(), Authority::new("Root"));
        let ca = directory.write("ca.pem", authority.pem().as_bytes());
        Self { directory, authority, ca, tickets: Tickets::new().unwrap() }
    }

    /// A listener that asks for certificates of these authorities.
    pub fn listen(&self, required: bool, ca: &str, crl: &str) -> Result<ListenerConfig, Problem> {
        let own = self.directory.hold("own", &self.authority.certify(&["a.example"]), &[]);
        let (ca, crl) = (ca.to_owned(), crl.to_owned());
        let client = Some(ClientCertificates { required, ca, crl, stamp: String::new(), names: true });
        let spec = crate::wire::ListenerTls { client, ..listener(vec![own]) };
        ListenerConfig::build(&spec, Alpn::Http1, &self.tickets, None)
    }

    /// A client that shows this certificate, if any.
    pub fn client(&self, shown: Option<&Issued>, version: &str) -> ClientConfig {
        let certificate = shown.map(|one| self.directory.hold("client", one, &[]));
        let suite = TlsSuite { versions: vec![version.to_owned()], ciphers: vec![], groups: vec![] };
        let spec = ServerTls { certificate, suite, ..server(&self.ca, "a.example") };
        ClientConfig::build(&spec, Protocol::Http1, &mut Authorities::default()).unwrap()
    }
}

fn refused(pair: Result<Pair, Refused>) -> Error {
    match pair.err().unwrap() {
        Refused::ByServer(error) => error,
        Refused::ByClient(error) => panic!("{error}"),
    }
}

#[test]
fn a_required_certificate_must_be_there_and_be_good() {
    let world = World::new();
    let listener = world.listen(true, &world.ca, "").unwrap();
    let (good, stranger) = (world.authority.certify(&[]), Authority::new("Other").certify(&[]));
    let old = world.authority.certify_with(&[], &KeyPair::generate().unwrap(), |params| {
        params.not_after = date_time_ymd(2021, 1, 1);
    });
    for version in ["1.2", "1.3"] {
        let told = |shown| Pair::new(&world.client(shown, version), &listener);
        assert!(Facts::of(&told(Some(&good)).unwrap().server, None).verified());
        assert_eq!(refused(told(None)), Error::NoCertificatesPresented);
        assert_eq!(refused(told(Some(&stranger))), CertificateError::UnknownIssuer.into());
        let expired = refused(told(Some(&old)));
        let expected = matches!(expired, Error::InvalidCertificate(CertificateError::ExpiredContext { .. }));
        assert!(expected, "{expired}");
    }
}

#[test]
fn an_optional_certificate_may_be_missing_and_must_not_be_bad() {
    let world = World::new();
    let listener = world.listen(false, &world.ca, "").unwrap();
    let (good, stranger) = (world.authority.certify(&[]), Authority::new("Other").certify(&[]));
    for version in ["1.2", "1.3"] {
        let told = |shown| Pair::new(&world.client(shown, version), &listener);
        assert!(Facts::of(&told(Some(&good)).unwrap().server, None).verified());
        assert!(!Facts::of(&told(None).unwrap().server, None).verified());
        assert_eq!(refused(told(Some(&stranger))), CertificateError::UnknownIssuer.into());
    }
}

#[test]
fn a_revoked_certificate_is_refused() {
    let world = World::new();
    let (good, bad) = (world.authority.certify(&[]), world.authority.certify(&[]));
    let crl = world.directory.write("crl.pem", world.authority.revoke(&[&bad]).as_bytes());
    let listener = world.listen(true, &world.ca, &crl).unwrap();
    let told = |shown, listener: &ListenerConfig| Pair::new(&world.client(Some(shown), "1.3"), listener);
    assert!(told(&good, &listener).is_ok());
    assert_eq!(refused(told(&bad, &listener)), CertificateError::Revoked.into());
    // A list that is too old says nothing any more.
    world.directory.write("crl.pem", world.authority.revoke_until(&[&bad], 2025).as_bytes());
    let listener = world.listen(true, &world.ca, &crl).unwrap();
    let expected = refused(told(&good, &listener));
    assert!(matches!(
        expected,
        Error::InvalidCertificate(CertificateError::ExpiredRevocationListContext { .. })
    ));
}

#[test]
fn facts_tell_who_the_client_is() {
    let world = World::new();
    let listener = world.listen(true, &world.ca, "").unwrap();
    let one = world.authority.certify_with(&[], &KeyPair::generate().unwrap(), |params| {
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::OrganizationName, "Scales, Ltd");
        params.distinguished_name.push(DnType::CommonName, "Zoë");
        params.serial_number = Some(0x01ff_u64.into());
    });
    let pair = Pair::new(&world.client(Some(&one), "1.3"), &listener).unwrap();
    let facts = Facts::of(&pair.server, None);
    let told = facts.certificate().unwrap();
    assert_eq!(told.subject, r"CN=Zo\C3\AB,O=Scales\, Ltd");
    assert_eq!((told.issuer.as_str(), told.name.as_deref()), ("CN=Root", Some("Zoë")));
    assert_eq!((told.serial.as_str(), told.fingerprint.len()), ("01ff", 64));
    assert_eq!(told.fingerprint, crate::tls::x509::fingerprint(&pair.server.peer_certificates().unwrap()[0]));
    assert!(facts.verified() && !facts.resumed);
}

#[test]
fn authorities_that_cannot_be_read_refuse_the_listener() {
    let world = World::new();
    let key = world.directory.write("key.pem", world.authority.certify(&[]).key.as_bytes());
    let told = |ca: &str, crl: &str| world.listen(true, ca, crl).err().unwrap();
    assert_eq!(told("/nowhere/ca.pem", "").text, "cannot be read: there is no such file");
    assert_eq!(told(&key, "").text, "holds no CERTIFICATE, only PRIVATE KEY");
    assert_eq!(told(&world.ca, &world.ca).text, "holds no X509 CRL, only CERTIFICATE");
    let damaged = world.authority.pem() + "\n" + &super::support::pem("CERTIFICATE", b"hello");
    let file = world.directory.write("damaged.pem", damaged.as_bytes());
    let problem = told(&file, "");
    let line = world.authority.pem().lines().count() + 2;
    assert_eq!((problem.file, problem.line), (file, line));
}
