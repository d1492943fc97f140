//! TLS towards servers: whom it trusts and what it says of itself.

use std::net::Ipv4Addr;

use rcgen::{BasicConstraints, IsCa, KeyPair};
use rustls::pki_types::ServerName;
use rustls::{CertificateError, Error};

use super::support::{Authority, Directory, Pair, Refused, listener, server};
use crate::tls::{Alpn, Authorities, ClientConfig, Facts, ListenerConfig, Problem, Tickets};
use crate::wire::{Certificate, ListenerTls, Protocol, ServerTls, TlsSuite};

fn client(spec: &ServerTls) -> Result<ClientConfig, Problem> {
    ClientConfig::build(spec, Protocol::Http1, &mut Authorities::default())
}

fn listen(own: Certificate) -> ListenerConfig {
    ListenerConfig::build(&listener(vec![own]), Alpn::Http2, &Tickets::new().unwrap(), None).unwrap()
}

fn refused(spec: &ServerTls, listener: &ListenerConfig) -> CertificateError {
    match Pair::new(&client(spec).unwrap(), listener).err() {
        Some(Refused::ByClient(Error::InvalidCertificate(error))) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_server_must_be_certified_for_the_name_that_was_set() {
    let (directory, authority) = (Directory::new(), Authority::new("Root"));
    let ca = directory.write("ca.pem", authority.pem().as_bytes());
    let other = directory.write("other.pem", Authority::new("Other").pem().as_bytes());
    let listener = listen(directory.hold("own", &authority.certify(&["a.example", "127.0.0.1"]), &[]));
    let facts = |sni: &str| {
        Facts::of(&Pair::new(&client(&server(&ca, sni)).unwrap(), &listener).unwrap().server, None)
    };
    assert_eq!(facts("a.example").sni.as_deref(), Some("a.example"));
    // Without a name the address must be certified, and is not sent; also where it was set.
    assert_eq!((facts("").sni, facts("127.0.0.1").sni), (None, None));
    let wrong = refused(&server(&ca, "b.example"), &listener);
    assert!(matches!(wrong, CertificateError::NotValidForNameContext { .. }), "{wrong:?}");
    assert_eq!(refused(&server(&other, "a.example"), &listener), CertificateError::UnknownIssuer);
    // Nobody that the system trusts signed it.
    if let Ok(system) = client(&server("", "a.example")) {
        assert!(Pair::new(&system, &listener).is_err());
    }
}

#[test]
fn an_address_must_be_in_the_certificate() {
    let (directory, authority) = (Directory::new(), Authority::new("Root"));
    let ca = directory.write("ca.pem", authority.pem().as_bytes());
    let listener = listen(directory.hold("own", &authority.certify(&["a.example"]), &[]));
    let wrong = refused(&server(&ca, ""), &listener);
    assert!(matches!(wrong, CertificateError::NotValidForNameContext { .. }), "{wrong:?}");
    let built = client(&server(&ca, "")).unwrap();
    let (_, name) = built.towards(None, Ipv4Addr::LOCALHOST.into(), false);
    assert_eq!(name, ServerName::from(std::net::IpAddr::from(Ipv4Addr::LOCALHOST)));
}

#[test]
fn without_verification_anybody_will_do() {
    let (directory, authority) = (Directory::new(), Authority::new("Root"));
    let old = authority.certify_with(&["b.example"], &KeyPair::generate().unwrap(), |params| {
        params.not_after = rcgen::date_time_ymd(2021, 1, 1);
    });
    let listener = listen(directory.hold("own", &old, &[]));
    for version in ["1.2", "1.3"] {
        let suite = TlsSuite { versions: vec![version.into()], ciphers: vec![], groups: vec![] };
        let spec = ServerTls { verify: false, suite, ..server("", "a.example") };
        let pair = Pair::new(&client(&spec).unwrap(), &listener).unwrap();
        assert_eq!(Facts::of(&pair.server, None).sni.as_deref(), Some("a.example"));
    }
}

#[test]
fn a_certificate_may_stand_for_itself() {
    let directory = Directory::new();
    let (name, key) = (vec!["a.example".to_owned()], KeyPair::generate().unwrap());
    for ca in [IsCa::ExplicitNoCa, IsCa::Ca(BasicConstraints::Unconstrained)] {
        let mut params = rcgen::CertificateParams::new(name.clone()).unwrap();
        params.is_ca = ca;
        let pem = params.self_signed(&key).unwrap().pem();
        let file = directory.write("own.pem", (pem + &key.serialize_pem()).as_bytes());
        let own = Certificate {
            chain_text: None,
            key_text: None,
            staple: String::new(),
            names: Vec::new(),
            options: None,
            certificate: file.clone(),
            key: file.clone(),
            ocsp: String::new(),
            stamp: String::new(),
            position: String::new(),
        };
        let listener = listen(own);
        assert!(Pair::new(&client(&server(&file, "a.example")).unwrap(), &listener).is_ok());
        let wrong = refused(&server(&file, "b.example"), &listener);
        assert!(matches!(wrong, CertificateError::NotValidForNameContext { .. }), "{wrong:?}");
    }
}

#[test]
fn revoked_servers_are_refused() {
    let (directory, authority) = (Directory::new(), Authority::new("Root"));
    let ca = directory.write("ca.pem", authority.pem().as_bytes());
    let one = authority.certify(&["a.example"]);
    let crl = directory.write("crl.pem", authority.revoke(&[&one]).as_bytes());
    let listener = listen(directory.hold("own", &one, &[]));
    let spec = ServerTls { crl, ..server(&ca, "a.example") };
    assert_eq!(refused(&spec, &listener), CertificateError::Revoked);
}

#[test]
fn what_is_spoken_is_offered() {
    let (directory, authority) = (Directory::new(), Authority::new("Root"));
    let ca = directory.write("ca.pem", authority.pem().as_bytes());
    let listener = listen(directory.hold("own", &authority.certify(&["a.example"]), &[]));
    let agreed = |protocol| {
        let spec = server(&ca, "a.example");
        let client = ClientConfig::build(&spec, protocol, &mut Authorities::default()).unwrap();
        Facts::of(&Pair::new(&client, &listener).unwrap().server, None).alpn.unwrap()
    };
    let protocols = [Protocol::Http1, Protocol::Http2, Protocol::Auto];
    assert_eq!(protocols.map(agreed), ["http/1.1", "h2", "h2"]);
}

#[test]
fn settings_that_mean_nothing_are_refused() {
    let (directory, authority) = (Directory::new(), Authority::new("Root"));
    let ca = directory.write("ca.pem", authority.pem().as_bytes());
    let told = |spec: &ServerTls| client(spec).err().unwrap();
    assert!(told(&server(&ca, "not a name")).text.contains("\"not a name\""));
    assert!(told(&server("/nowhere", "a.example")).file.contains("/nowhere"));
    let suite = TlsSuite { versions: vec!["1.1".into()], ciphers: vec![], groups: vec![] };
    assert!(told(&ServerTls { suite, ..server(&ca, "a.example") }).text.contains("1.1"));
    let certificate =
        Some(Certificate { key: ca.clone(), ..directory.hold("own", &authority.certify(&[]), &[]) });
    let problem = told(&ServerTls { certificate, ..server(&ca, "a.example") });
    assert_eq!((problem.file, problem.position.as_str()), (ca, "tenbin.yaml:1:3"));
}

#[test]
fn authorities_are_read_once_for_all_servers() {
    let (directory, authority) = (Directory::new(), Authority::new("Root"));
    let ca = directory.write("ca.pem", authority.pem().as_bytes());
    let (mut shared, spec) = (Authorities::default(), server(&ca, "a.example"));
    assert!(ClientConfig::build(&spec, Protocol::Http1, &mut shared).is_ok());
    // The file is not read again while a snapshot is built.
    directory.write("ca.pem", b"");
    let other = ServerTls { sni: "b.example".into(), ..spec };
    assert!(ClientConfig::build(&other, Protocol::Http1, &mut shared).is_ok());
}

#[test]
fn sessions_with_servers_are_resumed() {
    let (directory, authority) = (Directory::new(), Authority::new("Root"));
    let ca = directory.write("ca.pem", authority.pem().as_bytes());
    let own = directory.hold("own", &authority.certify(&["a.example"]), &[]);
    let spec = ListenerTls { suite: TlsSuite::default(), ..listener(vec![own]) };
    let listener = ListenerConfig::build(&spec, Alpn::Http1, &Tickets::new().unwrap(), None).unwrap();
    let client = client(&server(&ca, "a.example")).unwrap();
    let threads: Vec<_> = (0..2)
        .map(|_| {
            let (client, listener) = (client.clone(), listener.clone());
            // One after the other, so that the second finds what the first left.
            std::thread::spawn(move || Pair::new(&client, &listener).unwrap().resumed()).join().unwrap()
        })
        .collect();
    assert_eq!(threads, [false, true]);
}

#[test]
fn a_name_that_is_not_sent_may_be_verified_or_any() {
    let (directory, authority) = (Directory::new(), Authority::new("Root"));
    let ca = directory.write("ca.pem", authority.pem().as_bytes());
    let other = directory.write("other.pem", Authority::new("Other").pem().as_bytes());
    let listener = listen(directory.hold("own", &authority.certify(&["a.example"]), &[]));
    let with = |ca: &str, host: &str| ServerTls { host: host.into(), ..server(ca, "") };
    for host in ["a.example", "*"] {
        let pair = Pair::new(&client(&with(&ca, host)).unwrap(), &listener).unwrap();
        assert_eq!(Facts::of(&pair.server, None).sni, None);
    }
    let wrong = refused(&with(&ca, "b.example"), &listener);
    assert!(matches!(wrong, CertificateError::NotValidForNameContext { .. }), "{wrong:?}");
    // Any name, but not of any authority.
    assert_eq!(refused(&with(&other, "*"), &listener), CertificateError::UnknownIssuer);
}

#[test]
fn a_chosen_name_is_sent_and_verified() {
    let (directory, authority) = (Directory::new(), Authority::new("Root"));
    let ca = directory.write("ca.pem", authority.pem().as_bytes());
    let own = directory.hold("own", &authority.certify(&["a.example", "b.example"]), &[]);
    let listener = listen(own);
    let chosen = serde_json::from_str(r#"{"op":"fetch","name":"host"}"#).unwrap();
    let spec = ServerTls { chosen: Some(chosen), host: "*".into(), ..server(&ca, "") };
    let client = client(&spec).unwrap();
    let sent = |text: &str| {
        let chosen = client.choose(text.as_bytes()).unwrap();
        Pair::chosen(&client, chosen.as_ref(), &listener)
            .map(|pair| (Facts::of(&pair.server, None).sni, pair.resumed()))
    };
    let name = |name: &str| Some(Box::<str>::from(name));
    assert_eq!(sent("a.example:8443").unwrap(), (name("a.example"), false));
    // Sessions are those of one name, and of none.
    assert_eq!(sent("b.example").unwrap(), (name("b.example"), false));
    assert_eq!(sent("").unwrap(), (None, false));
    assert_eq!(sent("A.example").unwrap(), (name("a.example"), true));
    assert!(sent("c.example").is_err());
    assert!(sent("[::1]:443").is_err());
    assert!(client.choose(b"not a name").is_none());
}

#[test]
fn what_cannot_be_a_name_is_not_sent_where_nothing_is_verified() {
    let client = client(&ServerTls { verify: false, ..server("", "") }).unwrap();
    assert_eq!(client.choose(b"not a name"), Some(None));
    assert_eq!(client.choose(b"a.example:99999999"), Some(None));
}
