//! A certificate, its chain and its key, read from files and judged: whatever is wrong with them is found here.
//!
//! The same judgement serves a listener, which takes the first error, and the offline command, which tells all.

use std::borrow::Cow;
use std::sync::Arc;

use rustls::SignatureAlgorithm;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SigningKey};
use x509_parser::certificate::X509Certificate;
use x509_parser::parse_x509_certificate;
use x509_parser::time::ASN1Time;

use super::chain;
use super::files::{LARGE, ORDINARY, Section, labels, read, sections};
use super::ocsp::{self, Unfit};
use super::problem::{Level, Problem};
use super::x509::{Described, line as line_of};
use crate::wire::{Certificate, Secret};

/// What there is to say of a certificate, and the certificate itself if it can be used.
#[derive(Default)]
pub struct Judged {
    /// In words; empty if it cannot be read.
    pub described: Described,
    /// How many certificates a client gets.
    pub chain: usize,
    /// Subject and issuer of those that follow its own.
    pub others: Vec<(String, String)>,
    /// For handshakes: there if nothing is wrong and there is a key.
    pub certified: Option<Arc<CertifiedKey>>,
    /// Until when its staple may be sent, in seconds since 1970.
    pub stapled_until: i64,
    /// Errors and warnings, in the order in which they were found.
    pub problems: Vec<Problem>,
}

/// A certificate that can be used.
pub struct Usable {
    /// In words.
    pub described: Described,
    /// Hosts that get it.
    pub names: Vec<String>,
    /// Hosts below one of these that do not.
    pub without: Arc<[String]>,
    /// Which of its listener's terms hold for who gets it.
    pub terms: usize,
    /// For handshakes.
    pub certified: Arc<CertifiedKey>,
    /// Until when its staple may be sent, in seconds since 1970.
    pub stapled_until: i64,
}

impl Judged {
    /// Reads the files and looks at everything, at a time in seconds since 1970. Without a key file only the certificate
    /// is looked at.
    pub fn new(spec: &Certificate, now: i64) -> Self {
        let mut judged = Self::default();
        match judged.look(spec, now) {
            Ok(certified) => judged.certified = certified.map(Arc::new),
            Err(problem) => judged.problems.push(problem),
        }
        judged.problems = judged.problems.into_iter().map(|problem| problem.at(&spec.position)).collect();
        judged
    }

    /// The certificate for these hosts, or the first error. Of warnings the offline command tells.
    pub fn usable(self, names: &[String]) -> Result<Usable, Problem> {
        let error = self.problems.into_iter().find(|problem| problem.level == Level::Error);
        match (error, self.certified) {
            (None, Some(certified)) => {
                let (described, stapled_until) = (self.described, self.stapled_until);
                let (without, wanted): (Vec<_>, Vec<_>) =
                    names.iter().partition(|name| name.starts_with('!'));
                let without = without.iter().map(|name| name.trim_start_matches('!').to_owned()).collect();
                let names = if names.is_empty() {
                    described.names.clone()
                } else {
                    wanted.into_iter().cloned().collect()
                };
                Ok(Usable { described, names, without, terms: 0, certified, stapled_until })
            }
            (None, None) => Err(Problem::setting("a certificate has no key")),
            (Some(error), _) => Err(error),
        }
    }

    fn look(&mut self, spec: &Certificate, now: i64) -> Result<Option<CertifiedKey>, Problem> {
        let file = spec.certificate.as_str();
        let found = certificates_in(file, &held(file, spec.chain_text.as_ref(), LARGE)?)?;
        let parsed =
            found.iter().map(|(line, der)| parse(file, *line, der)).collect::<Result<Vec<_>, _>>()?;
        // A key that cannot be used is no reason not to tell of the certificate.
        let key = (!spec.key.is_empty())
            .then(|| key(&spec.key, &held(&spec.key, spec.key_text.as_ref(), ORDINARY)?))
            .transpose();
        let (key, failed) = key.map_or_else(|problem| (None, Some(problem)), |key| (key, None));
        let place = key.as_ref().and_then(|(_, key)| belongs(key, &parsed));
        let order = chain::order(&parsed, place.unwrap_or(0));
        let Some((line, (own, der))) = order
            .sent
            .first()
            .and_then(|first| Some((found.get(*first)?.0, (parsed.get(*first)?, &found.get(*first)?.1))))
        else {
            return Err(Problem::error(file, 0, "holds no certificate"));
        };
        (self.described, self.chain) = (Described::of(own, der), order.sent.len());
        let names =
            |place: &usize| parsed.get(*place).map(|one| (line_of(one.subject()), line_of(one.issuer())));
        self.others = order.sent.iter().skip(1).filter_map(names).collect();
        self.problems.extend(order.warnings(file, &found, &parsed));
        self.problems.extend(dates(file, line, own, now));
        if let Some(problem) = failed {
            return Err(problem);
        }
        let staple = self.staple(spec, own, now)?;
        let Some((line, key)) = key else { return Ok(None) };
        if place.is_none() {
            return Err(self.mismatch(spec, line, &*key));
        }
        let chain = order.sent.iter().filter_map(|place| Some(found.get(*place)?.1.clone())).collect();
        Ok(Some(CertifiedKey { ocsp: staple, ..CertifiedKey::new(chain, key) }))
    }

    fn mismatch(&self, spec: &Certificate, line: usize, key: &dyn SigningKey) -> Problem {
        let kind = match key.algorithm() {
            SignatureAlgorithm::RSA => "an RSA key",
            SignatureAlgorithm::ECDSA => "an ECDSA key",
            _ => "a key",
        };
        let (of, whose) = (&self.described.key, &self.described.subject);
        let text = format!(
            "{kind} that does not belong to the certificate in {}, which is for {whose:?} with a key of kind {of}",
            spec.certificate
        );
        Problem::error(&spec.key, line, text)
    }

    fn staple(
        &mut self,
        spec: &Certificate,
        own: &X509Certificate<'_>,
        now: i64,
    ) -> Result<Option<Vec<u8>>, Problem> {
        let file = spec.ocsp.as_str();
        let answer = match (from_hex(&spec.staple), file) {
            (Some(given), _) => given,
            (None, "") => return Ok(None),
            (None, file) => read(file, ORDINARY)?,
        };
        let text = match ocsp::judge(&answer, own.tbs_certificate.raw_serial(), now) {
            Ok(until) => {
                self.stapled_until = until;
                return Ok(Some(answer));
            }
            Err(Unfit::NoAnswer) => {
                return Err(Problem::error(file, 0, "is not an OCSP answer that says anything, in DER"));
            }
            // The certificate was renewed before the answer was.
            Err(Unfit::Another) => "is an OCSP answer for another certificate, and is not sent",
            Err(Unfit::NotGood) => "says that the certificate is not good, and is not sent",
            Err(Unfit::Expired) => "is an OCSP answer that is too old, and is not sent",
        };
        self.problems.push(Problem::warning(file, 0, text));
        Ok(None)
    }
}

/// The certificates of a PEM file, each with its line; at least one.
pub fn certificates(file: &str) -> Result<Vec<(usize, CertificateDer<'static>)>, Problem> {
    certificates_in(file, &read(file, LARGE)?)
}

fn certificates_in(file: &str, bytes: &[u8]) -> Result<Vec<(usize, CertificateDer<'static>)>, Problem> {
    let sections = sections(file, bytes)?;
    let found = sections.iter().filter(|section| section.label == "CERTIFICATE");
    let found = found
        .map(|section| Ok((section.line, section.decode(file)?)))
        .collect::<Result<Vec<_>, Problem>>()?;
    if found.is_empty() {
        let text = format!("holds no CERTIFICATE, only {}", labels(&sections));
        return Err(Problem::error(file, 0, text));
    }
    Ok(found)
}

/// What a certificate says.
pub fn parse<'a>(
    file: &str,
    line: usize,
    der: &'a CertificateDer<'_>,
) -> Result<X509Certificate<'a>, Problem> {
    match parse_x509_certificate(der) {
        Ok(([], certificate)) => Ok(certificate),
        _ => Err(Problem::error(file, line, "this CERTIFICATE is damaged: it is not X.509")),
    }
}

/// What stands for a file: the text that was given instead, or what it holds.
fn held<'a>(file: &str, text: Option<&'a Secret>, most: u64) -> Result<Cow<'a, [u8]>, Problem> {
    match text {
        Some(text) => Ok(Cow::Borrowed(text.0.as_bytes())),
        None => read(file, most).map(Cow::Owned),
    }
}

/// Bytes that are written in hex; none where there are none.
fn from_hex(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2);
    let bytes = pairs.map(|pair| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok());
    bytes.collect::<Option<Vec<u8>>>().filter(|bytes| !bytes.is_empty())
}

/// The key in a file, with its line.
fn key(file: &str, bytes: &[u8]) -> Result<(usize, Arc<dyn SigningKey>), Problem> {
    let sections = sections(file, bytes)?;
    let Some(section) = sections.iter().find(|section| section.is_key()) else {
        let text = format!("holds no private key, only {}", labels(&sections));
        return Err(Problem::error(file, 0, text));
    };
    if section.is_encrypted() {
        let text = "this key needs a passphrase: \"openssl pkey -in FILE -out FILE.open\" takes it off";
        return Err(Problem::error(file, section.line, text));
    }
    let unusable = || Problem::error(file, section.line, unusable(section));
    // Of a key that is not understood nothing is told: the reason could quote it.
    let der: PrivateKeyDer<'static> = section.decode(file).map_err(|_| unusable())?;
    let key = rustls::crypto::ring::default_provider().key_provider.load_private_key(der);
    key.map(|key| (section.line, key)).map_err(|_| unusable())
}

fn unusable(section: &Section<'_>) -> String {
    format!(
        "this {} cannot be used: it is damaged, or none of RSA with 2048 to 8192 bits, ECDSA P-256 or P-384, Ed25519",
        section.label
    )
}

/// Which of the certificates is the key's.
fn belongs(key: &Arc<dyn SigningKey>, certificates: &[X509Certificate<'_>]) -> Option<usize> {
    let public = key.public_key()?;
    certificates.iter().position(|one| one.public_key().raw == public.as_ref())
}

fn dates(file: &str, line: usize, own: &X509Certificate<'_>, now: i64) -> Option<Problem> {
    let validity = own.validity();
    let day = |time: &ASN1Time| time.to_datetime().date();
    if validity.not_after.timestamp() < now {
        let text = format!("the certificate expired on {}", day(&validity.not_after));
        return Some(Problem::warning(file, line, text));
    }
    (validity.not_before.timestamp() > now).then(|| {
        Problem::warning(
            file,
            line,
            format!("the certificate is not valid before {}", day(&validity.not_before)),
        )
    })
}
