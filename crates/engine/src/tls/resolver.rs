//! Which certificate a client gets: by the host it names and by the signatures it understands.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{SignatureAlgorithm, SignatureScheme};

use super::certificates::Usable;

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
type Choice = Vec<Arc<CertifiedKey>>;

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
            for name in &one.described.names {
                let (names, name) = match name.strip_prefix("*.") {
                    Some(rest) => (&mut resolver.wildcard, rest),
                    None => (&mut resolver.exact, name.as_str()),
                };
                names.entry(name.to_owned()).or_default().push(Arc::clone(&one.certified));
            }
        }
        if let Some(chosen) = certificates.get(default).filter(|_| !strict) {
            // Those of another kind for the same host serve clients that do not understand the one that was chosen.
            let akin = |one: &&&Usable| {
                one.described.names.iter().any(|name| chosen.described.names.contains(name))
                    && one.certified.key.algorithm() != chosen.certified.key.algorithm()
            };
            resolver.default.push(Arc::clone(&chosen.certified));
            resolver.default.extend(order.iter().filter(akin).map(|one| Arc::clone(&one.certified)));
            resolver.default.sort_by_key(|one| one.key.algorithm() == SignatureAlgorithm::RSA);
        }
        resolver
    }

    /// Whether a client that names this host, in lower case, gets any certificate.
    pub fn knows(&self, name: Option<&str>) -> bool {
        !self.default.is_empty() || self.choices(name).next().is_some()
    }

    /// The certificate for a client that names this host, in lower case, and understands these signatures.
    fn choose(&self, name: Option<&str>, schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        let named: Vec<&Choice> = self.choices(name).collect();
        let choices = if named.is_empty() { vec![&self.default] } else { named };
        let mut all = choices.into_iter().flatten();
        // Where none fits, any one makes the handshake fail for the right reason.
        let first = all.clone().next();
        all.find(|one| one.key.choose_scheme(schemes).is_some()).or(first).cloned()
    }

    fn choices(&self, name: Option<&str>) -> impl Iterator<Item = &Choice> {
        let name = name.map(|name| name.trim_end_matches('.'));
        let exact = name.and_then(|name| self.exact.get(name));
        let wildcard = name.and_then(|name| self.wildcard.get(name.split_once('.')?.1));
        exact.into_iter().chain(wildcard)
    }
}

impl ResolvesServerCert for Resolver {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.choose(hello.server_name(), hello.signature_schemes())
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "certificates for {} names", self.exact.len() + self.wildcard.len())
    }
}
