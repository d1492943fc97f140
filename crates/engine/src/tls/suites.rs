//! Versions, cipher suites and groups by the names that people write, on the one provider of cryptography.

use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};
use rustls::version::{TLS12, TLS13};
use rustls::{CipherSuite, NamedGroup, ProtocolVersion, SupportedProtocolVersion};

use super::problem::Problem;
use crate::wire::TlsSuite;

/// A provider that knows only these suites and groups, and the versions that they are for.
pub struct Offer {
    /// For builders of configurations.
    pub provider: Arc<CryptoProvider>,
    /// Newest first.
    pub versions: Vec<&'static SupportedProtocolVersion>,
}

impl Offer {
    /// What a snapshot asks for.
    pub fn new(spec: &TlsSuite) -> Result<Self, Problem> {
        let mut provider = ring::default_provider();
        if !spec.ciphers.is_empty() {
            let known = std::mem::take(&mut provider.cipher_suites);
            for name in &spec.ciphers {
                let suite = known.iter().find(|suite| iana(suite.suite()) == name).ok_or_else(|| {
                    let names: Vec<_> = known.iter().map(|suite| iana(suite.suite())).collect();
                    Problem::setting(format!(
                        "there is no cipher suite {name:?}, expected some of {}",
                        names.join(", ")
                    ))
                })?;
                if !provider.cipher_suites.contains(suite) {
                    provider.cipher_suites.push(*suite);
                }
            }
        }
        if !spec.groups.is_empty() {
            let known = std::mem::take(&mut provider.kx_groups);
            for wanted in &spec.groups {
                let group = known.iter().find(|one| group(one.name()) == wanted).ok_or_else(|| {
                    let names: Vec<_> = known.iter().map(|one| group(one.name())).collect();
                    let names = names.join(", ");
                    Problem::setting(format!("there is no group {wanted:?}, expected some of {names}"))
                })?;
                provider.kx_groups.push(*group);
            }
        }
        let versions = versions(&spec.versions)?;
        if !provider.cipher_suites.iter().any(|suite| versions.contains(&suite.version())) {
            return Err(Problem::setting(format!(
                "none of the cipher suites is for TLS {}",
                spec.versions.join(" or ")
            )));
        }
        Ok(Self { provider: Arc::new(provider), versions })
    }
}

/// The name of a suite in the IANA registry.
pub fn iana(suite: CipherSuite) -> &'static str {
    match suite {
        CipherSuite::TLS13_AES_128_GCM_SHA256 => "TLS_AES_128_GCM_SHA256",
        CipherSuite::TLS13_AES_256_GCM_SHA384 => "TLS_AES_256_GCM_SHA384",
        CipherSuite::TLS13_CHACHA20_POLY1305_SHA256 => "TLS_CHACHA20_POLY1305_SHA256",
        other => other.as_str().unwrap_or_default(),
    }
}

/// The name of a group for the exchange of keys in the IANA registry.
pub fn group(group: NamedGroup) -> &'static str {
    match group {
        NamedGroup::X25519 => "x25519",
        NamedGroup::secp256r1 => "secp256r1",
        NamedGroup::secp384r1 => "secp384r1",
        NamedGroup::secp521r1 => "secp521r1",
        NamedGroup::X25519MLKEM768 => "X25519MLKEM768",
        _ => "",
    }
}

/// `1.2` or `1.3`.
pub fn version(version: ProtocolVersion) -> &'static str {
    match version {
        ProtocolVersion::TLSv1_2 => "1.2",
        ProtocolVersion::TLSv1_3 => "1.3",
        _ => "",
    }
}

fn versions(names: &[String]) -> Result<Vec<&'static SupportedProtocolVersion>, Problem> {
    if let Some(name) = names.iter().find(|name| !["1.2", "1.3"].contains(&name.as_str())) {
        return Err(Problem::setting(format!("there is no TLS {name:?} here, expected \"1.2\" or \"1.3\"")));
    }
    let all = [("1.3", &TLS13), ("1.2", &TLS12)];
    let wanted = |name: &str| names.is_empty() || names.iter().any(|wanted| wanted == name);
    Ok(all.into_iter().filter(|(name, _)| wanted(name)).map(|(_, version)| version).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(versions: &[&str], ciphers: &[&str]) -> Result<Vec<&'static str>, String> {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let spec = TlsSuite { versions: owned(versions), ciphers: owned(ciphers), groups: Vec::new() };
        let offer = Offer::new(&spec).map_err(|problem| problem.text)?;
        let mut told: Vec<_> = offer.versions.iter().map(|one| version(one.version)).collect();
        told.extend(offer.provider.cipher_suites.iter().map(|suite| iana(suite.suite())));
        Ok(told)
    }

    #[test]
    fn the_default_is_both_versions_and_every_suite() {
        let told = offer(&[], &[]).unwrap();
        assert_eq!((told.len(), &told[..2]), (11, ["1.3", "1.2"].as_slice()));
        assert!(told[2..].iter().all(|name| name.starts_with("TLS_")), "{told:?}");
    }

    #[test]
    fn suites_are_taken_by_name_and_in_order() {
        let names =
            ["TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_GCM_SHA256", "TLS_CHACHA20_POLY1305_SHA256"];
        assert_eq!(offer(&["1.3"], &names).unwrap(), [&["1.3"], &names[..2]].concat());
    }

    #[test]
    fn groups_are_taken_by_name_and_in_order() {
        let offered = |groups: &[&str]| {
            let groups = groups.iter().map(|name| (*name).to_owned()).collect();
            let offer = Offer::new(&TlsSuite { groups, ..TlsSuite::default() });
            offer
                .map(|offer| offer.provider.kx_groups.iter().map(|one| group(one.name())).collect::<Vec<_>>())
        };
        assert_eq!(offered(&["secp384r1", "x25519"]).unwrap(), ["secp384r1", "x25519"]);
        assert!(offered(&["secp521r1"]).unwrap_err().text.contains("x25519, secp256r1"));
    }

    #[test]
    fn what_does_not_exist_is_refused_with_what_does() {
        let told = offer(&[], &["ECDHE-RSA-AES128-GCM-SHA256"]).unwrap_err();
        assert!(told.contains("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"), "{told}");
        assert!(offer(&["1.1"], &[]).unwrap_err().contains("1.1"));
        assert!(offer(&["1.2"], &["TLS_AES_128_GCM_SHA256"]).unwrap_err().contains("none of"));
    }
}
