//! In which order certificates of a file are sent: the own one first, each certified by the next.

use rustls::pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::ParsedExtension;
use x509_parser::oid_registry::OID_PKIX_ACCESS_DESCRIPTOR_CA_ISSUERS;

use super::problem::Problem;
use super::x509::{key_identifiers, line};

/// An order, and what was found while looking for it.
pub struct Order {
    /// Places in the file, in the order in which they are sent.
    pub sent: Vec<usize>,
    /// Places of those that certify nothing.
    pub idle: Vec<usize>,
    /// It is not the order of the file.
    pub changed: bool,
}

/// The order for a chain that begins with the certificate in this place.
pub fn order(certificates: &[X509Certificate<'_>], own: usize) -> Order {
    let straight = own == 0
        && certificates
            .windows(2)
            .all(|pair| matches!(pair, [subject, issuer] if certifies(issuer, subject)));
    if straight {
        return Order { sent: (0..certificates.len()).collect(), idle: Vec::new(), changed: false };
    }
    let mut sent = vec![own];
    let mut last = certificates.get(own);
    while let Some(subject) = last {
        let next = certificates
            .iter()
            .enumerate()
            .find(|(at, issuer)| !sent.contains(at) && certifies(issuer, subject));
        last = next.map(|(_, issuer)| issuer);
        sent.extend(next.map(|(at, _)| at));
    }
    let idle: Vec<usize> = (0..certificates.len()).filter(|at| !sent.contains(at)).collect();
    let changed = !sent.is_sorted();
    Order { sent, idle, changed }
}

impl Order {
    /// What somebody should know.
    pub fn warnings(
        &self,
        file: &str,
        found: &[(usize, CertificateDer<'_>)],
        parsed: &[X509Certificate<'_>],
    ) -> Vec<Problem> {
        let at = |place: usize| found.get(place).map_or(0, |(line, _)| *line);
        let mut warnings = Vec::new();
        if self.changed {
            let text = "the certificates are in the wrong order, and are sent in the right one: the own one first, \
                        each certified by the next";
            warnings.push(Problem::warning(file, at(0), text));
        }
        for place in &self.idle {
            let subject = parsed.get(*place).map(|one| line(one.subject())).unwrap_or_default();
            let text =
                format!("the certificate of {subject:?} does not belong to the chain, and is not sent");
            warnings.push(Problem::warning(file, at(*place), text));
        }
        if let ([own], Some(alone)) =
            (self.sent.as_slice(), self.sent.first().and_then(|own| parsed.get(*own)))
            && names_its_issuer(alone)
        {
            let text = "the certificate of the authority in between is missing: clients that do not know it will refuse \
                        this one (certbot calls the file with both fullchain.pem)";
            warnings.push(Problem::warning(file, at(*own), text));
        }
        warnings
    }
}

/// By name, and by the identifiers of keys where both say them: after a new key an authority keeps its name.
fn certifies(issuer: &X509Certificate<'_>, subject: &X509Certificate<'_>) -> bool {
    let named = subject.issuer().as_raw() == issuer.subject().as_raw();
    match (key_identifiers(subject).1, key_identifiers(issuer).0) {
        (Some(wanted), Some(own)) => named && wanted == own,
        _ => named,
    }
}

/// It says where its issuer's certificate is to be had: the issuer is no root, then.
fn names_its_issuer(certificate: &X509Certificate<'_>) -> bool {
    certificate.extensions().iter().any(|extension| match extension.parsed_extension() {
        ParsedExtension::AuthorityInfoAccess(access) => {
            access.iter().any(|one| one.access_method == OID_PKIX_ACCESS_DESCRIPTOR_CA_ISSUERS)
        }
        _ => false,
    })
}
