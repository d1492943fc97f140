//! What a listener shows and agrees to.

use std::io::{Read, Write};
use std::net::Ipv4Addr;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use rcgen::{KeyPair, PKCS_ED25519};
use rustls::pki_types::ServerName;
use rustls::{AlertDescription, ClientConnection, Error};

use super::support::{Authority, Directory, Issued, Pair, Refused, listener, rsa, server};
use crate::tls::ocsp::tests::answer;
use crate::tls::{Alpn, Authorities, ClientConfig, Facts, ListenerConfig, Tickets, Wants};
use crate::wire::{Certificate, ListenerTls, Protocol, TlsSuite};

struct World {
    directory: Directory,
    authority: Authority,
    ca: String,
    tickets: Arc<Tickets>,
}

impl World {
    fn new() -> Self {
        let (directory, authority) = (Directory::new(), Authority::new("Root"));
        let ca = directory.write("ca.pem", authority.pem().as_bytes());
        Self { directory, authority, ca, tickets: Tickets::new().unwrap() }
    }

    fn hold(&self, name: &str, names: &[&str]) -> Certificate {
        self.directory.hold(name, &self.authority.certify(names), &[])
    }

    fn listen(&self, spec: &ListenerTls, alpn: Alpn) -> ListenerConfig {
        ListenerConfig::build(spec, alpn, &self.tickets, None).unwrap()
    }

    fn client(&self, suite: TlsSuite, protocol: Protocol) -> Arc<rustls::ClientConfig> {
        let spec = crate::wire::ServerTls { suite, ..server(&self.ca, "a.example") };
        let built = ClientConfig::build(&spec, protocol, &mut Authorities::default()).unwrap();
        built.towards(None, Ipv4Addr::LOCALHOST.into(), false).0
    }
}

/// Which kind of key a client of this host and these suites is shown, and by which certificate.
fn shown(listener: &ListenerConfig, host: &str, suite: &TlsSuite) -> (String, String) {
    let spec = crate::wire::ServerTls { verify: false, suite: suite.clone(), ..server("", host) };
    let client = ClientConfig::build(&spec, Protocol::Http1, &mut Authorities::default()).unwrap();
    let pair = Pair::new(&client, listener).unwrap();
    let der = &pair.chain()[0];
    let parsed = x509_parser::parse_x509_certificate(der).unwrap().1;
    let told = crate::tls::x509::Described::of(&parsed, der);
    (told.key, told.names.first().cloned().unwrap_or_default())
}

fn suite(versions: &[&str], ciphers: &[&str]) -> TlsSuite {
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    TlsSuite { versions: owned(versions), ciphers: owned(ciphers), groups: vec![] }
}

#[test]
fn the_host_chooses_the_certificate() {
    let world = World::new();
    let held = [
        world.hold("one", &["a.example", "A2.example"]),
        world.hold("wild", &["*.b.example"]),
        world.hold("deep", &["x.b.example"]),
    ];
    let told = |spec: &ListenerTls, host: &str| {
        shown(&world.listen(spec, Alpn::Http1), host, &TlsSuite::default()).1
    };
    let mut spec = listener(held.to_vec());
    for (host, name) in [
        ("a.example", "a.example"),
        ("a2.EXAMPLE", "a.example"),
        ("y.b.example", "*.b.example"),
        ("x.b.example", "x.b.example"),
        // One label and no more; unknown ones get the default.
        ("z.y.b.example", "a.example"),
        ("b.example", "a.example"),
        ("unknown.example", "a.example"),
        // Sends no name.
        ("127.0.0.1", "a.example"),
    ] {
        assert_eq!(told(&spec, host), name, "{host}");
    }
    spec.default = 2;
    assert_eq!(told(&spec, "unknown.example"), "x.b.example");
    spec.default = 3;
    assert!(ListenerConfig::build(&spec, Alpn::Http1, &world.tickets, None).is_err());
}

#[test]
fn the_kind_of_key_is_chosen_by_what_the_client_understands() {
    let world = World::new();
    let rsa = world.authority.certify_with(&["a.example"], &rsa(), |_| {});
    let ed25519 = KeyPair::generate_for(&PKCS_ED25519).unwrap();
    let held = [
        world.directory.hold("rsa", &rsa, &[]),
        world.hold("ecdsa", &["a.example"]),
        world.directory.hold("ed", &world.authority.certify_with(&["ed.example"], &ed25519, |_| {}), &[]),
    ];
    let listener = world.listen(&listener(held.to_vec()), Alpn::Http1);
    let only = |cipher| suite(&["1.2"], &[cipher]);
    let (for_rsa, for_ecdsa) =
        (only("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"), only("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"));
    for host in ["a.example", "unknown.example", "127.0.0.1"] {
        assert_eq!(shown(&listener, host, &TlsSuite::default()).0, "ecdsa P-256", "{host}");
        assert_eq!(shown(&listener, host, &for_ecdsa).0, "ecdsa P-256", "{host}");
        assert_eq!(shown(&listener, host, &for_rsa).0, "rsa 2048", "{host}");
    }
    assert_eq!(shown(&listener, "ed.example", &TlsSuite::default()).0, "ed25519");
}

#[test]
fn of_two_for_one_name_the_one_that_is_valid_is_shown() {
    let world = World::new();
    let key = KeyPair::generate().unwrap();
    let old = world.authority.certify_with(&["a.example", "old.example"], &key, |params| {
        params.not_after = rcgen::date_time_ymd(2021, 1, 1);
    });
    let new = world.authority.certify(&["new.example", "a.example"]);
    let held = [("old", &old), ("new", &new)].map(|(name, one)| world.directory.hold(name, one, &[]));
    let listener = world.listen(&listener(held.to_vec()), Alpn::Http1);
    assert_eq!(shown(&listener, "a.example", &TlsSuite::default()).1, "new.example");
}

#[test]
fn strict_listeners_say_unrecognized_name() {
    let world = World::new();
    let mut spec = listener(vec![world.hold("one", &["a.example"])]);
    spec.strict_sni = true;
    let listener = world.listen(&spec, Alpn::Http1);
    let client = world.client(TlsSuite::default(), Protocol::Http1);
    assert!(listener.admits(Some("a.example")));
    assert_eq!(accepted(&listener, &client, "a.example"), Ok(()));
    for (host, name) in [("b.example", Some("b.example")), ("127.0.0.1", None)] {
        assert!(!listener.admits(name));
        let refused = Err(Error::AlertReceived(AlertDescription::UnrecognisedName));
        assert_eq!(accepted(&listener, &client, host), refused, "{host}");
        // What rustls does of itself, should anybody not ask first.
        let name = ServerName::try_from(host).unwrap();
        let left = Pair::between(&client, name, &listener).err();
        assert!(matches!(left, Some(Refused::ByServer(Error::General(_)))), "{left:?}");
    }
}

/// A handshake over a socket, with `ListenerConfig::accept` on the other end; what the client thinks of it.
fn accepted(listener: &ListenerConfig, client: &Arc<rustls::ClientConfig>, host: &str) -> Result<(), Error> {
    let (mut near, far) = UnixStream::pair().unwrap();
    let listener = listener.clone();
    let server = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
        runtime.block_on(async {
            far.set_nonblocking(true).unwrap();
            listener
                .accept(tokio::net::UnixStream::from_std(far).unwrap(), Wants::default())
                .await
                .map(|_| ())
        })
    });
    let name = ServerName::try_from(host.to_owned()).unwrap();
    let mut client = ClientConnection::new(Arc::clone(client), name).unwrap();
    let mut told = Ok(());
    while client.is_handshaking() && told.is_ok() {
        let mut bytes = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut bytes).unwrap();
        }
        near.write_all(&bytes).unwrap();
        let mut read = [0; 4096];
        let length = near.read(&mut read).unwrap();
        client.read_tls(&mut &read[..length]).unwrap();
        told = client.process_new_packets().map(|_| ());
    }
    let mut last = Vec::new();
    while client.wants_write() {
        client.write_tls(&mut last).unwrap();
    }
    let _ = near.write_all(&last);
    assert_eq!(server.join().unwrap().is_ok(), told.is_ok());
    told
}

#[test]
fn versions_and_suites_are_those_that_were_set() {
    let world = World::new();
    let held = vec![world.hold("one", &["a.example"])];
    let facts = |ours: &TlsSuite, theirs: TlsSuite| {
        let spec = ListenerTls { suite: ours.clone(), ..listener(held.clone()) };
        let client = world.client(theirs, Protocol::Http1);
        let name = ServerName::try_from("a.example").unwrap();
        let pair = Pair::between(&client, name, &world.listen(&spec, Alpn::Http1))?;
        let facts = Facts::of(&pair.server, None);
        Ok::<_, Refused>((facts.version, facts.cipher))
    };
    let any = TlsSuite::default();
    assert_eq!(facts(&suite(&["1.2"], &[]), any.clone()).unwrap().0, "1.2");
    assert_eq!(facts(&suite(&["1.3"], &[]), any.clone()).unwrap().0, "1.3");
    assert!(matches!(facts(&suite(&["1.3"], &[]), suite(&["1.2"], &[])), Err(Refused::ByServer(_))));
    // Our order counts where there is one.
    let ours = suite(&[], &["TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_GCM_SHA256"]);
    assert_eq!(facts(&ours, any.clone()).unwrap(), ("1.3", "TLS_CHACHA20_POLY1305_SHA256"));
    let name = "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256";
    assert_eq!(facts(&suite(&["1.2"], &[name]), any).unwrap(), ("1.2", name));
    let spec = ListenerTls { suite: suite(&[], &["RC4"]), ..listener(held.clone()) };
    let refused = ListenerConfig::build(&spec, Alpn::Http1, &world.tickets, None).err().unwrap();
    assert!(refused.text.contains("\"RC4\"") && refused.text.contains("TLS_AES_128_GCM_SHA256"), "{refused}");
}

#[test]
fn alpn_follows_the_listener() {
    let world = World::new();
    let spec = listener(vec![world.hold("one", &["a.example"])]);
    let agreed = |alpn, protocol| {
        let client = world.client(TlsSuite::default(), protocol);
        let name = ServerName::try_from("a.example").unwrap();
        Pair::between(&client, name, &world.listen(&spec, alpn))
            .map(|pair| Facts::of(&pair.server, None).alpn)
    };
    assert_eq!(agreed(Alpn::Http2, Protocol::Auto), Ok(Some("h2")));
    assert_eq!(agreed(Alpn::Http2, Protocol::Http1), Ok(Some("http/1.1")));
    assert_eq!(agreed(Alpn::Http1, Protocol::Auto), Ok(Some("http/1.1")));
    assert_eq!(agreed(Alpn::None, Protocol::Auto), Ok(None));
    assert_eq!(agreed(Alpn::Http1, Protocol::Http2), Err(Refused::ByServer(Error::NoApplicationProtocol)));
}

#[test]
fn a_staple_is_sent_to_clients_that_ask() {
    let world = World::new();
    let one = world.authority.certify(&["a.example"]);
    let mut held = world.directory.hold("one", &one, &[]);
    let staple = answer(&one.serial.to_bytes(), 0x80, "20990101000000Z");
    held.ocsp = world.directory.write("one.ocsp", &staple);
    let listener = world.listen(&listener(vec![held]), Alpn::Http1);
    let seen = super::support::Staple::default();
    let client = seen.client(&["1.3", "1.2"]);
    for client in client {
        Pair::between(&client, ServerName::try_from("a.example").unwrap(), &listener).unwrap();
        assert_eq!(seen.take(), staple);
    }
}

#[test]
fn a_configuration_is_taken_over_until_something_is_different() {
    let world = World::new();
    let mut spec = listener(vec![world.hold("one", &["a.example"])]);
    let first = world.listen(&spec, Alpn::Http1);
    let again = |spec: &ListenerTls, alpn, tickets: &Arc<Tickets>| {
        let next = ListenerConfig::build(spec, alpn, tickets, Some(&first)).unwrap();
        Arc::ptr_eq(next.server(), first.server())
    };
    assert!(again(&spec, Alpn::Http1, &world.tickets));
    assert!(!again(&spec, Alpn::Http2, &world.tickets));
    assert!(!again(&spec, Alpn::Http1, &Tickets::new().unwrap()));
    spec.certificates[0].stamp = "another".into();
    assert!(!again(&spec, Alpn::Http1, &world.tickets));
}

#[test]
fn facts_tell_the_host_that_was_named() {
    let world = World::new();
    let listener = world.listen(&listener(vec![world.hold("one", &["a.example", "127.0.0.1"])]), Alpn::Http2);
    let client = world.client(TlsSuite::default(), Protocol::Auto);
    let facts = |host: &str| {
        let name = ServerName::try_from(host.to_owned()).unwrap();
        Facts::of(&Pair::between(&client, name, &listener).unwrap().server, None)
    };
    let (named, unnamed) = (facts("A.Example"), facts("127.0.0.1"));
    assert_eq!((named.sni.as_deref(), unnamed.sni.as_deref()), (Some("a.example"), None));
    assert!(!named.resumed && !named.verified() && named.certificate().is_none());
}

#[test]
fn a_certificate_without_names_serves_as_the_default() {
    let world = World::new();
    let held = world.directory.hold("one", &Issued { ..world.authority.certify(&[]) }, &[]);
    let listener = world.listen(&listener(vec![held]), Alpn::Http1);
    let told = shown(&listener, "a.example", &TlsSuite::default());
    assert_eq!(told, ("ecdsa P-256".into(), "somebody".into()));
}

#[test]
fn one_that_is_closed_refuses_all_and_is_never_taken_over() {
    let world = World::new();
    let spec = ListenerTls { strict_sni: true, ..listener(vec![world.hold("one", &["a.example"])]) };
    let closed = ListenerConfig::closed(&spec, Alpn::Http1, &world.tickets).unwrap();
    let client = world.client(TlsSuite::default(), Protocol::Http1);
    assert!(matches!(accepted(&closed, &client, "a.example"), Err(Error::AlertReceived(_))));
    let next = ListenerConfig::build(&spec, Alpn::Http1, &world.tickets, Some(&closed)).unwrap();
    assert!(!next.is_closed() && accepted(&next, &client, "a.example").is_ok());
}
