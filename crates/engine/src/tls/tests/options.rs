//! Certificates with options of their own.

use rustls::{Error, NamedGroup};

use super::mutual::World;
use super::support::{Pair, Refused, listener, server};
use crate::tls::{Alpn, Authorities, ClientConfig, Facts, ListenerConfig};
use crate::wire::{
    Certificate, CertificateOptions, ClientCertificates, ListenerTls, Protocol, ServerTls, TlsSuite,
};

const OPEN: &str = "open.example";
const CLOSED: &str = "closed.example";

fn options() -> CertificateOptions {
    CertificateOptions { suite: TlsSuite::default(), client: None, http2: false }
}

fn required(world: &World) -> CertificateOptions {
    let (ca, crl, stamp) = (world.ca.clone(), String::new(), String::new());
    let client = Some(ClientCertificates { required: true, ca, crl, stamp, names: true });
    CertificateOptions { client, ..options() }
}

fn hold(world: &World, name: &str, options: Option<CertificateOptions>) -> Certificate {
    Certificate { options, ..world.directory.hold(name, &world.authority.certify(&[name]), &[]) }
}

fn build(world: &World, spec: &ListenerTls, alpn: Alpn) -> ListenerConfig {
    ListenerConfig::build(spec, alpn, &world.tickets, None).unwrap()
}

fn client(world: &World, name: &str, versions: &[&str]) -> ClientConfig {
    let versions = versions.iter().map(|version| (*version).to_owned()).collect();
    let suite = TlsSuite { versions, ..TlsSuite::default() };
    let spec = ServerTls { suite, ..server(&world.ca, name) };
    ClientConfig::build(&spec, Protocol::Auto, &mut Authorities::default()).unwrap()
}

#[test]
fn clients_show_certificates_only_for_the_host_that_asks_for_them() {
    let world = World::new();
    let certificates = vec![hold(&world, OPEN, None), hold(&world, CLOSED, Some(required(&world)))];
    let listener = build(&world, &listener(certificates), Alpn::Http1);
    for version in ["1.2", "1.3"] {
        let open = Pair::new(&client(&world, OPEN, &[version]), &listener).unwrap();
        assert!(!Facts::of(&open.server, None).verified());
        let closed = Pair::new(&client(&world, CLOSED, &[version]), &listener).err();
        assert_eq!(closed, Some(Refused::ByServer(Error::NoCertificatesPresented)));
    }
}

#[test]
fn versions_groups_and_protocols_are_those_of_the_certificate() {
    let world = World::new();
    let suite = TlsSuite { groups: vec!["secp384r1".into()], ..TlsSuite::default() };
    let closed =
        CertificateOptions { suite: TlsSuite { versions: vec!["1.3".into()], ..suite }, ..options() };
    let certificates = vec![hold(&world, OPEN, None), hold(&world, CLOSED, Some(closed))];
    let listener = build(&world, &listener(certificates), Alpn::Http2);
    let both = ["1.2", "1.3"];
    let told = |name| {
        let pair = Pair::new(&client(&world, name, &both), &listener).unwrap();
        let group = pair.server.negotiated_key_exchange_group().unwrap().name();
        (pair.server.alpn_protocol().unwrap().to_vec(), group)
    };
    assert_eq!(told(OPEN), (b"h2".to_vec(), NamedGroup::X25519));
    assert_eq!(told(CLOSED), (b"http/1.1".to_vec(), NamedGroup::secp384r1));
    assert!(Pair::new(&client(&world, OPEN, &["1.2"]), &listener).is_ok());
    assert!(Pair::new(&client(&world, CLOSED, &["1.2"]), &listener).is_err());
}

#[test]
fn the_default_certificate_brings_its_options_for_hosts_that_are_unknown() {
    let world = World::new();
    let certificates = vec![hold(&world, CLOSED, Some(required(&world))), hold(&world, OPEN, None)];
    let listener = build(&world, &listener(certificates), Alpn::Http1);
    let spec = ServerTls { verify: false, ..server("", "other.example") };
    let stranger = ClientConfig::build(&spec, Protocol::Auto, &mut Authorities::default()).unwrap();
    let refused = Pair::new(&stranger, &listener).err();
    assert_eq!(refused, Some(Refused::ByServer(Error::NoCertificatesPresented)));
    assert!(Pair::new(&client(&world, OPEN, &["1.3"]), &listener).is_ok());
}

#[test]
fn sessions_count_only_on_the_terms_on_which_they_began() {
    let world = World::new();
    let suite = TlsSuite { groups: vec!["secp384r1".into()], ..TlsSuite::default() };
    let other = CertificateOptions { suite, ..options() };
    let of = |options| {
        let certificates = vec![hold(&world, OPEN, None), hold(&world, CLOSED, options)];
        build(&world, &listener(certificates), Alpn::Http1)
    };
    // The first three say the same.
    let (open, same, again) = (of(None), of(Some(options())), of(None));
    let (other, closed) = (of(Some(other)), of(Some(required(&world))));
    for version in ["1.2", "1.3"] {
        let client = client(&world, CLOSED, &[version]);
        let resumed = [&open, &same, &again, &other, &other, &open, &same]
            .map(|listener| Pair::new(&client, listener).unwrap().resumed());
        assert_eq!(resumed, [false, true, true, false, true, false, true], "{version}");
        assert_eq!(
            Pair::new(&client, &closed).err(),
            Some(Refused::ByServer(Error::NoCertificatesPresented)),
            "{version}"
        );
    }
}

#[test]
fn options_that_say_what_the_listener_says_cost_nothing() {
    let world = World::new();
    let with = |one, other| {
        let certificates = vec![hold(&world, OPEN, one), hold(&world, CLOSED, other)];
        build(&world, &listener(certificates), Alpn::Http1)
    };
    assert!(!with(None, None).varies());
    assert!(!with(Some(options()), None).varies());
    assert!(!with(Some(required(&world)), Some(required(&world))).varies());
    assert!(with(None, Some(required(&world))).varies());
}
