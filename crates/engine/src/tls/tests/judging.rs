//! Files with certificates and keys: what is taken, what is refused, and what is said about it.

use rcgen::{KeyPair, PKCS_ECDSA_P384_SHA384, PKCS_ED25519, date_time_ymd};

use super::support::{Authority, Directory, Issued, listener, pem, rsa, unwrapped};
use crate::tls::certificates::Judged;
use crate::tls::ocsp::tests::answer;
use crate::tls::problem::Level;
use crate::tls::seconds;
use crate::tls::{Alpn, ListenerConfig, Problem, Tickets};
use crate::wire::Certificate;

fn judge(spec: &Certificate) -> Judged {
    Judged::new(spec, seconds())
}

/// The only problem, which is of this level.
fn only(spec: &Certificate, level: Level) -> Problem {
    let mut judged = judge(spec);
    assert_eq!(judged.problems.len(), 1, "{:?}", judged.problems);
    assert_eq!((judged.problems[0].level, judged.certified.is_some()), (level, level == Level::Warning));
    judged.problems.remove(0)
}

#[test]
fn keys_of_every_kind_and_form_are_taken() {
    let (directory, authority) = (Directory::new(), Authority::new("Root"));
    let p384 = KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap();
    let ed25519 = KeyPair::generate_for(&PKCS_ED25519).unwrap();
    let kinds = [
        (KeyPair::generate().unwrap(), "ecdsa P-256", Some("EC PRIVATE KEY")),
        (p384, "ecdsa P-384", Some("EC PRIVATE KEY")),
        (ed25519, "ed25519", None),
        (rsa(), "rsa 2048", Some("RSA PRIVATE KEY")),
    ];
    for (key, kind, old) in kinds {
        let new = authority.certify_with(&["a.example"], &key, |_| {});
        let old = old.map(|label| unwrapped(&new.key, label));
        for text in [Some(new.key.clone()), old].into_iter().flatten() {
            let spec = directory.hold("one", &Issued { key: text, ..authority.certify(&[]) }, &[]);
            directory.write("one.pem", new.pem.as_bytes());
            let judged = judge(&spec);
            assert_eq!((judged.problems, judged.described.key.as_str()), (vec![], kind));
            assert!(judged.certified.is_some());
        }
    }
}

#[test]
fn a_key_of_another_certificate_is_refused_with_file_and_line() {
    let (directory, authority) = (Directory::new(), Authority::new("Root"));
    let (one, other) = (authority.certify(&["a.example"]), authority.certify(&["b.example"]));
    let mixed = Issued { key: format!("# mine\n\n{}", other.key), ..one };
    let spec = directory.hold("one", &mixed, &[]);
    let problem = only(&spec, Level::Error);
    assert_eq!((problem.file.as_str(), problem.line), (spec.key.as_str(), 3));
    let told = problem.to_string();
    assert!(
        told.starts_with(&format!("tenbin.yaml:1:3: {}:3: an ECDSA key that does not belong", spec.key)),
        "{told}"
    );
    assert!(told.contains("CN=somebody") && told.contains("ecdsa P-256"), "{told}");
    let tickets = Tickets::new().unwrap();
    let built = ListenerConfig::build(&listener(vec![spec]), Alpn::Http1, &tickets, None);
    assert_eq!(built.err(), Some(problem));
}

#[test]
fn keys_that_cannot_be_used_are_refused_without_a_word_of_them() {
    let (directory, authority) = (Directory::new(), Authority::new("Root"));
    let one = authority.certify(&["a.example"]);
    let body = one.key.lines().nth(1).unwrap().to_owned();
    let cases = [
        (one.key.replace(" PRIVATE", " ENCRYPTED PRIVATE"), 1, "passphrase"),
        (
            format!(
                "\n-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\n{body}\n-----END RSA PRIVATE KEY-----\n"
            ),
            2,
            "passphrase",
        ),
        (pem("PRIVATE KEY", b"nothing"), 1, "cannot be used"),
        (one.key.replace(&body[..8], "!!!!!!!!"), 1, "cannot be used"),
        (one.pem.clone(), 0, "holds no private key, only CERTIFICATE"),
        (String::new(), 0, "is empty"),
    ];
    for (key, line, text) in cases {
        let spec =
            directory.hold("one", &Issued { key, pem: one.pem.clone(), ..authority.certify(&[]) }, &[]);
        let problem = only(&spec, Level::Error);
        assert_eq!((problem.file.as_str(), problem.line), (spec.key.as_str(), line), "{problem}");
        assert!(problem.text.contains(text) && !problem.text.contains(&body[8..]), "{problem}");
        assert_eq!(judge(&spec).described.names, ["a.example"]);
    }
}

#[test]
fn a_chain_in_the_wrong_order_is_put_right() {
    let (directory, root) = (Directory::new(), Authority::new("Root"));
    let (high, low) = (root.intermediate("High"), Authority::new("Elsewhere"));
    let low_in = high.intermediate("Low");
    let one = low_in.certify(&["a.example"]);
    let sent = |spec: &Certificate| judge(spec).certified.map(|one| one.cert.len());

    let right = directory.hold("right", &one, &[low_in.pem(), high.pem()]);
    assert_eq!((judge(&right).problems, sent(&right)), (vec![], Some(3)));

    let turned = Issued { pem: [high.pem(), low_in.pem(), one.pem.clone()].concat(), ..authority_of(&one) };
    let spec = directory.hold("turned", &turned, &[]);
    assert!(only(&spec, Level::Warning).text.contains("wrong order"));
    let (right, turned) = (judge(&right).certified.unwrap(), judge(&spec).certified.unwrap());
    assert_eq!(right.cert, turned.cert);

    let strange = directory.hold("strange", &one, &[low_in.pem(), low.pem(), high.pem()]);
    let problem = only(&strange, Level::Warning);
    assert!(problem.text.contains("CN=Elsewhere") && problem.line > 1, "{problem}");
    assert_eq!(sent(&strange), Some(3));
}

fn authority_of(one: &Issued) -> Issued {
    Issued { pem: one.pem.clone(), key: one.key.clone(), serial: one.serial.clone() }
}

#[test]
fn dates_are_warned_of_and_serve_all_the_same() {
    let (directory, authority) = (Directory::new(), Authority::new("Root"));
    let key = KeyPair::generate().unwrap();
    let from_to = |from: i32, to: i32| {
        authority.certify_with(&["a.example"], &key, |params| {
            (params.not_before, params.not_after) = (date_time_ymd(from, 1, 2), date_time_ymd(to, 3, 4));
        })
    };
    let (old, early) = (
        directory.hold("old", &from_to(2020, 2021), &[]),
        directory.hold("early", &from_to(2090, 2091), &[]),
    );
    assert!(only(&old, Level::Warning).text.ends_with("expired on 2021-03-04"));
    assert!(only(&early, Level::Warning).text.ends_with("not valid before 2090-01-02"));
    let tickets = Tickets::new().unwrap();
    assert!(ListenerConfig::build(&listener(vec![old]), Alpn::Http1, &tickets, None).is_ok());
}

#[test]
fn an_answer_of_ocsp_must_be_for_the_certificate() {
    let (directory, authority) = (Directory::new(), Authority::new("Root"));
    let one = authority.certify(&["a.example"]);
    let mut spec = directory.hold("one", &one, &[]);
    let serial = one.serial.to_bytes();
    spec.ocsp = directory.write("one.ocsp", &answer(&serial, 0x80, "20990101000000Z"));
    let judged = judge(&spec);
    assert_eq!(judged.problems, []);
    assert!(judged.certified.unwrap().ocsp.is_some());
    directory.write("one.ocsp", &answer(&[9], 0x80, "20990101000000Z"));
    assert!(only(&spec, Level::Warning).text.contains("another certificate"));
    directory.write("one.ocsp", b"hello");
    assert!(only(&spec, Level::Error).text.contains("DER"));
    for (status, until, text) in [(0x80, "20250202000000Z", "too old"), (0xa1, "20990101000000Z", "not good")]
    {
        directory.write("one.ocsp", &answer(&serial, status, until));
        assert!(only(&spec, Level::Warning).text.contains(text));
        assert_eq!(judge(&spec).certified.unwrap().ocsp, None);
    }
}
