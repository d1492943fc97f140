//! Sessions that are resumed, and those that must not be.

use rustls::Error;

use super::mutual::World;
use super::support::{Authority, Pair, Refused, listener};
use crate::tls::{Alpn, Facts, ListenerConfig, Tickets};
use crate::wire::ListenerTls;

#[test]
fn sessions_are_resumed_on_every_listener_and_after_a_reload() {
    let world = World::new();
    let own = world.directory.hold("own", &world.authority.certify(&["a.example"]), &[]);
    let spec = listener(vec![own]);
    let build = |spec: &ListenerTls| ListenerConfig::build(spec, Alpn::Http1, &world.tickets, None).unwrap();
    let (one, other) = (build(&spec), build(&ListenerTls { handshake: 1, ..spec.clone() }));
    for version in ["1.2", "1.3"] {
        let client = world.client(None, version);
        let resumed: Vec<_> =
            [&one, &one, &other].map(|listener| Pair::new(&client, listener).unwrap().resumed()).to_vec();
        assert_eq!(resumed, [false, true, true], "{version}");
        let facts = Facts::of(&Pair::new(&client, &one).unwrap().server, None);
        assert_eq!((facts.resumed, facts.version), (true, version));
        // Another process has other keys.
        let strange = ListenerConfig::build(&spec, Alpn::Http1, &Tickets::new().unwrap(), None).unwrap();
        assert!(!Pair::new(&client, &strange).unwrap().resumed());
    }
}

#[test]
fn resumption_can_be_turned_off() {
    let world = World::new();
    let own = world.directory.hold("own", &world.authority.certify(&["a.example"]), &[]);
    let spec = ListenerTls { resumption: false, ..listener(vec![own]) };
    let listener = ListenerConfig::build(&spec, Alpn::Http1, &world.tickets, None).unwrap();
    for version in ["1.2", "1.3"] {
        let client = world.client(None, version);
        let resumed = [0; 3].map(|_| Pair::new(&client, &listener).unwrap().resumed());
        assert_eq!(resumed, [false; 3], "{version}");
    }
}

#[test]
fn clients_may_be_known_without_tickets() {
    let world = World::new();
    let own = world.directory.hold("own", &world.authority.certify(&["a.example"]), &[]);
    let spec = ListenerTls { tickets: false, ..listener(vec![own]) };
    let [one, other] =
        [0; 2].map(|_| ListenerConfig::build(&spec, Alpn::Http1, &world.tickets, None).unwrap());
    for version in ["1.2", "1.3"] {
        let client = world.client(None, version);
        let resumed = [&one, &one, &other].map(|listener| Pair::new(&client, listener).unwrap().resumed());
        assert_eq!(resumed, [false, true, false], "what is kept is kept there alone: {version}");
    }
}

#[test]
fn who_the_client_is_survives_resumption() {
    let world = World::new();
    let listener = world.listen(true, &world.ca, "").unwrap();
    let shown = world.authority.certify(&[]);
    for version in ["1.2", "1.3"] {
        let client = world.client(Some(&shown), version);
        let facts = [0; 2].map(|_| Facts::of(&Pair::new(&client, &listener).unwrap().server, None));
        assert_eq!(facts.each_ref().map(|facts| facts.resumed), [false, true]);
        let [first, second] = facts.each_ref().map(|facts| facts.certificate().unwrap().fingerprint.as_str());
        assert_eq!(first, second);
    }
}

#[test]
fn a_session_counts_only_where_the_same_is_asked_of_clients() {
    let world = World::new();
    let shown = world.authority.certify(&[]);
    let both = world.authority.pem() + &Authority::new("Other").pem();
    let wider = world.directory.write("wider.pem", both.as_bytes());
    let crl = world.directory.write("crl.pem", world.authority.revoke(&[]).as_bytes());
    let strict = world.listen(true, &world.ca, "").unwrap();
    let others = [
        world.listen(false, &world.ca, "").unwrap(),
        world.listen(true, &wider, "").unwrap(),
        world.listen(true, &world.ca, &crl).unwrap(),
    ];
    for version in ["1.2", "1.3"] {
        for other in &others {
            let client = world.client(Some(&shown), version);
            assert!(!Pair::new(&client, other).unwrap().resumed());
            assert!(!Pair::new(&client, &strict).unwrap().resumed());
        }
        // Whoever came without a certificate where none was needed does not get in where one is.
        let client = world.client(None, version);
        assert!(Pair::new(&client, &others[0]).is_ok());
        assert!(Pair::new(&client, &others[0]).unwrap().resumed());
        let refused = Pair::new(&client, &strict).err();
        assert_eq!(refused, Some(Refused::ByServer(Error::NoCertificatesPresented)));
    }
}

#[test]
fn a_revocation_that_comes_later_ends_sessions() {
    let world = World::new();
    let shown = world.authority.certify(&[]);
    let crl = world.directory.write("crl.pem", world.authority.revoke(&[]).as_bytes());
    let client = world.client(Some(&shown), "1.3");
    let before = world.listen(true, &world.ca, &crl).unwrap();
    assert_eq!([0; 2].map(|_| Pair::new(&client, &before).unwrap().resumed()), [false, true]);
    world.directory.write("crl.pem", world.authority.revoke(&[&shown]).as_bytes());
    let after = world.listen(true, &world.ca, &crl).unwrap();
    assert!(Pair::new(&client, &after).is_err());
}
