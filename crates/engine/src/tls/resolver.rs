//! Which certificate a client gets: by the host it names and by the signatures it understands.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{SignatureAlgorithm, SignatureScheme};

use super::certificates::Usable;
use super::seconds;

/// Certificates of a listener by name.
pub struct Resolver {
    /// By host.
    exact: HashMap<String, Choice>,
    /// By what follows the first label.
    wildcard: HashMap<String, Choice>,
    /// For clients that name no host or an unknown one; empty: they are refused.
    default: Choice,
}

/// Certificates for one name, the preferred first.
type Choice = Vec<Shown>;

/// A certificate as a client gets it.
#[derive(Clone)]
struct Shown {
    /// Which terms hold for who gets it.
    terms: usize,
    /// Hosts that are below its names and do not get it.
    without: Arc<[String]>,
    certified: Arc<CertifiedKey>,
    /// What it gets instead, from this second since 1970 on: a staple that is too old is worse than none.
    unstapled: Option<(i64, Arc<CertifiedKey>)>,
}

impl Resolver {
    /// The certificates in the order of the configuration, and which of them is the default; `strict`: none is.
    pub fn new(certificates: &[Usable], default: usize, strict: bool, now: i64) -> Self {
        let mut order: Vec<&Usable> = certificates.iter().collect();
        // What is still valid goes first, then what costs less; otherwise the order of the configuration stays.
        order.sort_by_key(|one| {
            (one.described.not_after < now, one.certified.key.algorithm() == SignatureAlgorithm::RSA)
        });
        let mut resolver = Self { exact: HashMap::new(), wildcard: HashMap::new(), default: Vec::new() };
        for one in &order {
            for name in &one.names {
                let (names, name) = match name.strip_prefix("*.") {
                    Some(rest) => (&mut resolver.wildcard, rest),
                    None => (&mut resolver.exact, name.as_str()),
                };
                names.entry(name.to_owned()).or_default().push(Shown::new(one));
            }
        }
        if let Some(chosen) = certificates.get(default).filter(|_| !strict) {
            // Those of another kind for the same host serve clients that do not understand the one that was chosen.
            let akin = |one: &&&Usable| {
                one.names.iter().any(|name| chosen.names.contains(name))
                    && one.certified.key.algorithm() != chosen.certified.key.algorithm()
            };
            resolver.default.push(Shown::new(chosen));
            resolver.default.extend(order.iter().filter(akin).map(|one| Shown::new(one)));
            resolver.default.sort_by_key(|one| one.certified.key.algorithm() == SignatureAlgorithm::RSA);
        }
        resolver
    }

    /// Only the certificates for which these terms hold.
    pub fn only(&self, terms: usize) -> Self {
        let of =
            |choice: &Choice| choice.iter().filter(|one| one.terms == terms).cloned().collect::<Choice>();
        let among = |names: &HashMap<String, Choice>| {
            let kept = names.iter().map(|(name, choice)| (name.clone(), of(choice)));
            kept.filter(|(_, choice)| !choice.is_empty()).collect()
        };
        Self { exact: among(&self.exact), wildcard: among(&self.wildcard), default: of(&self.default) }
    }

    /// The terms that hold for a client that says all this, as its certificate has them.
    pub fn terms_of(&self, hello: &ClientHello<'_>) -> Option<usize> {
        self.choose(hello.server_name(), hello.signature_schemes()).map(|shown| shown.terms)
    }

    /// Whether a client that names this host, in lower case, gets any certificate.
    pub fn knows(&self, name: Option<&str>) -> bool {
        !self.default.is_empty() || self.choices(name).next().is_some()
    }

    /// The same for a client that says all this.
    pub fn shown_to(&self, hello: &ClientHello<'_>) -> Option<CertificateDer<'static>> {
        let shown = self.choose(hello.server_name(), hello.signature_schemes())?;
        shown.certified.cert.first().cloned()
    }

    /// The certificate for a client that names this host, in lower case, and understands these signatures.
    fn choose(&self, name: Option<&str>, schemes: &[SignatureScheme]) -> Option<&Shown> {
        let named: Vec<&Shown> = self.choices(name).collect();
        let choices = if named.is_empty() { self.default.iter().collect() } else { named };
        let mut all = choices.into_iter();
        // Where none fits, any one makes the handshake fail for the right reason.
        let first = all.clone().next();
        all.find(|one| one.certified.key.choose_scheme(schemes).is_some()).or(first)
    }

    fn choices(&self, name: Option<&str>) -> impl Iterator<Item = &Shown> {
        let name = name.map(|name| name.trim_end_matches('.'));
        let exact = name.and_then(|name| self.exact.get(name));
        let wildcard = name.and_then(|name| self.wildcard.get(name.split_once('.')?.1));
        let is_in =
            move |one: &&Shown| name.is_none_or(|name| one.without.iter().all(|without| without != name));
        exact.into_iter().flatten().chain(wildcard.into_iter().flatten().filter(is_in))
    }
}

impl Shown {
    fn new(one: &Usable) -> Self {
        let certified = Arc::clone(&one.certified);
        let unstapled = certified.ocsp.is_some().then(|| {
            let unstapled = CertifiedKey { ocsp: None, ..CertifiedKey::clone(&certified) };
            (one.stapled_until, Arc::new(unstapled))
        });
        Self { terms: one.terms, without: Arc::clone(&one.without), certified, unstapled }
    }

    fn now(&self) -> Arc<CertifiedKey> {
        let late = self.unstapled.as_ref().filter(|(until, _)| seconds() > *until);
        Arc::clone(late.map_or(&self.certified, |(_, unstapled)| unstapled))
    }
}

impl ResolvesServerCert for Resolver {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.choose(hello.server_name(), hello.signature_schemes()).map(Shown::now)
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "certificates for {} names", self.exact.len() + self.wildcard.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::certificates::Judged;
    use crate::tls::ocsp::tests::answer;
    use crate::tls::tests::support::{Authority, Directory};

    #[test]
    fn a_staple_goes_when_its_time_is_over() {
        let (directory, one) = (Directory::new(), Authority::new("Root").certify(&["a.example"]));
        let mut spec = directory.hold("one", &one, &[]);
        spec.ocsp = directory.write("one.ocsp", &answer(&one.serial.to_bytes(), 0x80, "20990101000000Z"));
        let mut usable = Judged::new(&spec, seconds()).usable(&[]).unwrap();
        let stapled = |usable: &Usable| Shown::new(usable).now().ocsp.is_some();
        assert!(stapled(&usable));
        usable.stapled_until = seconds() - 1;
        assert!(!stapled(&usable));
    }
}
