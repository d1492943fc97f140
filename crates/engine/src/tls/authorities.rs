//! Files with authorities and revocation lists.

use rustls::RootCertStore;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer};
use x509_parser::parse_x509_crl;

use super::certificates::parse;
use super::files::{LARGE, labels, read, sections};
use super::problem::Problem;

/// Authorities that are trusted; one that cannot be understood is an error.
pub fn roots(file: &str, authorities: &[(usize, CertificateDer<'static>)]) -> Result<RootCertStore, Problem> {
    let mut roots = RootCertStore::empty();
    for (line, der) in authorities {
        parse(file, *line, der)?;
        roots.add(der.clone()).map_err(|error| {
            Problem::error(file, *line, format!("this CERTIFICATE cannot be trusted: {error}"))
        })?;
    }
    Ok(roots)
}

/// Revocation lists with their lines, at least one.
pub fn lists(file: &str) -> Result<Vec<(usize, CertificateRevocationListDer<'static>)>, Problem> {
    let bytes = read(file, LARGE)?;
    let sections = sections(file, &bytes)?;
    let mut lists = Vec::new();
    for section in sections.iter().filter(|section| section.label == "X509 CRL") {
        let list: CertificateRevocationListDer<'static> = section.decode(file)?;
        if !matches!(parse_x509_crl(&list), Ok(([], _))) {
            return Err(Problem::error(file, section.line, "this X509 CRL is damaged"));
        }
        lists.push((section.line, list));
    }
    if lists.is_empty() {
        return Err(Problem::error(file, 0, format!("holds no X509 CRL, only {}", labels(&sections))));
    }
    Ok(lists)
}

/// What a list is outdated by: the day on which the next one was to come, if that is past.
pub fn outdated(list: &CertificateRevocationListDer<'_>, now: i64) -> Option<String> {
    let (_, list) = parse_x509_crl(list).ok()?;
    let next = list.next_update().filter(|next| next.timestamp() < now)?;
    Some(next.to_datetime().date().to_string())
}
