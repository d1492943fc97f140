//! A certificate that nobody vouches for, for trying things out.

use std::io;
use std::net::IpAddr;
use std::time::Duration;

use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use rustls::pki_types::DnsName;

use crate::clock::wall_micros;

const DAY: u64 = 24 * 60 * 60;

/// Longer ones are refused by browsers.
const DAYS: u64 = 397;

/// A certificate for host names and addresses, the first of which is its own name, and its ECDSA key, in PEM.
pub fn self_signed_command(names: &[String]) -> io::Result<String> {
    if let Some(wrong) = names.iter().find(|name| !fits(name)) {
        return Err(io::Error::other(format!("{wrong:?} is neither a host name nor an address")));
    }
    let Some(first) = names.first() else {
        return Err(io::Error::other("expected the names that the certificate is for"));
    };
    let failed = |error: rcgen::Error| io::Error::other(format!("no certificate could be made: {error}"));
    let mut params = CertificateParams::new(names).map_err(failed)?;
    params.distinguished_name = DistinguishedName::new();
    // A common name has at most 64 characters (RFC 5280, appendix A.1).
    params.distinguished_name.push(DnType::CommonName, first.get(..64).unwrap_or(first));
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    // Clocks differ: it begins an hour ago.
    let begin = (wall_micros() / 1_000_000).saturating_sub(3600);
    params.not_before = date_time_ymd(1970, 1, 1) + Duration::from_secs(begin);
    params.not_after = params.not_before + Duration::from_secs(DAYS * DAY);
    let key = KeyPair::generate().map_err(failed)?;
    let certificate = params.self_signed(&key).map_err(failed)?;
    Ok(certificate.pem() + &key.serialize_pem())
}

fn fits(name: &str) -> bool {
    let host = name.strip_prefix("*.").unwrap_or(name);
    name.parse::<IpAddr>().is_ok() || DnsName::try_from(host).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::certificates::Judged;
    use crate::tls::seconds;
    use crate::tls::tests::support::Directory;
    use crate::wire::Certificate;

    #[test]
    fn it_is_what_a_listener_can_use() {
        let names = ["a.example", "*.a.example", "127.0.0.1", "::1"].map(String::from);
        let file = Directory::new();
        let file = file.write("own.pem", self_signed_command(&names).unwrap().as_bytes());
        let spec = Certificate {
            chain_text: None,
            key_text: None,
            staple: String::new(),
            names: Vec::new(),
            options: None,
            certificate: file.clone(),
            key: file,
            ocsp: String::new(),
            stamp: String::new(),
            position: String::new(),
        };
        let now = seconds();
        let Judged { described, certified, problems, .. } = Judged::new(&spec, now);
        assert_eq!((described.names.as_slice(), problems), (names.as_slice(), vec![]));
        assert_eq!((described.subject.as_str(), described.key.as_str()), ("CN=a.example", "ecdsa P-256"));
        assert_eq!(described.not_after - described.not_before, (DAYS * DAY) as i64);
        assert!(described.not_before < now && certified.is_some());
    }

    #[test]
    fn names_are_names() {
        for wrong in ["", "a b", "münchen.example", "*.", "https://a.example", "a.*.example"] {
            let told = self_signed_command(&[wrong.to_owned()]).unwrap_err();
            assert!(told.to_string().contains(wrong), "{told}");
        }
        assert!(self_signed_command(&[]).is_err());
        let long = format!("{}.example", ["a"; 40].join("."));
        assert!(self_signed_command(&[long]).is_ok());
    }
}
