//! What a certificate says: names, dates, key, and who it is, in one line of text each.

use std::fmt::Write;
use std::net::IpAddr;

use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use rustls::pki_types::DnsName;
use serde::Serialize;
use sha2::{Digest, Sha256};
use x509_parser::asn1_rs::Tag;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::oid_registry as oid;
use x509_parser::public_key::PublicKey;
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

/// A certificate in words.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Described {
    /// Hosts and addresses that it is for, in lower case.
    pub names: Vec<String>,
    /// As in RFC 4514.
    pub subject: String,
    /// As in RFC 4514.
    pub issuer: String,
    /// Hexadecimal, lower case.
    pub serial: String,
    /// Seconds since 1970.
    pub not_before: i64,
    /// Seconds since 1970.
    pub not_after: i64,
    /// Such as `ecdsa P-256`, `rsa 2048`, `ed25519`.
    pub key: String,
    /// SHA-256, hexadecimal, lower case.
    pub fingerprint: String,
    /// SHA-1, which HAProxy calls a certificate by.
    pub sha1: String,
}

impl Described {
    /// Of a certificate and its bytes.
    pub fn of(certificate: &X509Certificate<'_>, der: &[u8]) -> Self {
        Self {
            names: names(certificate),
            subject: line(certificate.subject()),
            issuer: line(certificate.issuer()),
            serial: serial(certificate),
            not_before: certificate.validity().not_before.timestamp(),
            not_after: certificate.validity().not_after.timestamp(),
            key: key(certificate),
            fingerprint: fingerprint(der),
            sha1: hex(digest(&SHA1_FOR_LEGACY_USE_ONLY, der).as_ref()),
        }
    }
}

/// Hosts and addresses that a certificate is for: alternative names, or the common name where there are none.
pub fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let mut names = Vec::new();
    if let Ok(Some(extension)) = certificate.subject_alternative_name() {
        for name in &extension.value.general_names {
            match name {
                GeneralName::DNSName(name) => names.extend(host(name)),
                GeneralName::IPAddress(bytes) => names.extend(address(bytes)),
                _ => {}
            }
        }
    }
    if names.is_empty() {
        names.extend(common_name(certificate.subject()).and_then(|name| host(&name)));
    }
    names
}

/// The first common name.
pub fn common_name(name: &X509Name<'_>) -> Option<String> {
    // What goes into heads and logs must not be able to end a line there.
    text(name.iter_common_name().next()?).filter(|text| !text.chars().any(char::is_control))
}

/// A distinguished name as in RFC 4514, the most specific part first; whatever is not printable ASCII is escaped.
pub fn line(name: &X509Name<'_>) -> String {
    let mut out = String::new();
    let parts: Vec<_> = name.iter_rdn().collect();
    for (place, part) in parts.iter().rev().enumerate() {
        for (inner, attribute) in part.iter().enumerate() {
            out.push_str(match (place, inner) {
                (0, 0) => "",
                (_, 0) => ",",
                _ => "+",
            });
            append(&mut out, attribute);
        }
    }
    out
}

/// The serial number.
pub fn serial(certificate: &X509Certificate<'_>) -> String {
    hex(serial_bytes(certificate))
}

/// The bytes of the serial number.
pub fn serial_bytes<'c>(certificate: &'c X509Certificate<'_>) -> &'c [u8] {
    match certificate.tbs_certificate.raw_serial() {
        // A zero that only says that the number is not negative.
        [0, rest @ ..] if !rest.is_empty() => rest,
        bytes => bytes,
    }
}

/// The digest that names a certificate.
pub fn fingerprint(der: &[u8]) -> String {
    hex(&Sha256::digest(der))
}

/// Two lower-case digits a byte.
pub fn hex(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(out, "{byte:02x}");
    }
    out
}

/// The key identifiers of a certificate: its own, and its issuer's.
pub fn key_identifiers<'a>(certificate: &'a X509Certificate<'_>) -> (Option<&'a [u8]>, Option<&'a [u8]>) {
    let (mut own, mut issuer) = (None, None);
    for extension in certificate.extensions() {
        match extension.parsed_extension() {
            ParsedExtension::SubjectKeyIdentifier(key) => own = Some(key.0),
            ParsedExtension::AuthorityKeyIdentifier(of) => {
                issuer = of.key_identifier.as_ref().map(|key| key.0);
            }
            _ => {}
        }
    }
    (own, issuer)
}

fn key(certificate: &X509Certificate<'_>) -> String {
    let info = certificate.public_key();
    let curve = info.algorithm.parameters.as_ref().and_then(|curve| curve.as_oid().ok());
    match info.parsed() {
        Ok(PublicKey::RSA(key)) => format!("rsa {}", key.key_size()),
        Ok(PublicKey::EC(_)) => match curve {
            Some(curve) if curve == oid::OID_EC_P256 => "ecdsa P-256".into(),
            Some(curve) if curve == oid::OID_NIST_EC_P384 => "ecdsa P-384".into(),
            Some(curve) if curve == oid::OID_NIST_EC_P521 => "ecdsa P-521".into(),
            _ => "ecdsa".into(),
        },
        _ if info.algorithm.algorithm == oid::OID_SIG_ED25519 => "ed25519".into(),
        _ => format!("{}", info.algorithm.algorithm),
    }
}

/// A host name that a client may name, in lower case; one leading label may be `*`.
fn host(name: &str) -> Option<String> {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    let rest = name.strip_prefix("*.").unwrap_or(&name);
    DnsName::try_from(rest).is_ok().then_some(name)
}

fn address(bytes: &[u8]) -> Option<String> {
    let four = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    let address = four.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).ok()?;
    Some(address.to_string())
}

fn append(out: &mut String, attribute: &AttributeTypeAndValue<'_>) {
    let kind = attribute.attr_type().to_id_string();
    let short = KINDS.iter().find(|(id, _)| *id == kind);
    out.push_str(short.map_or(kind.as_str(), |(_, short)| short));
    out.push('=');
    match text(attribute) {
        Some(text) if short.is_some() => escape(out, &text),
        // Of a kind that has no name there, the bytes as they are (section 2.4).
        _ => {
            let (tag, bytes) = (attribute.attr_value().tag().0 as u8, attribute.as_slice());
            let length = match bytes.len() {
                short @ ..128 => hex(&[short as u8]),
                medium @ 128..256 => hex(&[0x81, medium as u8]),
                long => hex(&[0x82, (long >> 8) as u8, long as u8]),
            };
            let _ = write!(out, "#{tag:02x}{length}{}", hex(bytes));
        }
    }
}

/// Short names of what distinguished names are made of: those of RFC 4514 and those that OpenSSL writes.
const KINDS: [(&str, &str); 15] = [
    ("2.5.4.3", "CN"),
    ("2.5.4.4", "SN"),
    ("2.5.4.5", "serialNumber"),
    ("2.5.4.6", "C"),
    ("2.5.4.7", "L"),
    ("2.5.4.8", "ST"),
    ("2.5.4.9", "street"),
    ("2.5.4.10", "O"),
    ("2.5.4.11", "OU"),
    ("2.5.4.12", "title"),
    ("2.5.4.42", "GN"),
    ("2.5.4.97", "organizationIdentifier"),
    ("0.9.2342.19200300.100.1.1", "UID"),
    ("0.9.2342.19200300.100.1.25", "DC"),
    ("1.2.840.113549.1.9.1", "emailAddress"),
];

fn text(attribute: &AttributeTypeAndValue<'_>) -> Option<String> {
    let bytes = attribute.as_slice();
    match attribute.attr_value().tag() {
        Tag::Utf8String | Tag::PrintableString | Tag::Ia5String | Tag::NumericString => {
            String::from_utf8(bytes.to_vec()).ok()
        }
        Tag::T61String => Some(bytes.iter().map(|byte| char::from(*byte)).collect()),
        Tag::BmpString => {
            let units = bytes.chunks_exact(2).map(|pair| match pair {
                [high, low] => u16::from_be_bytes([*high, *low]),
                _ => 0,
            });
            String::from_utf16(&units.collect::<Vec<_>>()).ok()
        }
        _ => None,
    }
}

fn escape(out: &mut String, text: &str) {
    let last = text.len().saturating_sub(1);
    for (place, byte) in text.bytes().enumerate() {
        match byte {
            b'"' | b'+' | b',' | b';' | b'<' | b'>' | b'\\' => {
                out.push('\\');
                out.push(char::from(byte));
            }
            b' ' if place == 0 || place == last => out.push_str("\\ "),
            b'#' if place == 0 => out.push_str("\\#"),
            0x20..=0x7e => out.push(char::from(byte)),
            _ => {
                let _ = write!(out, "\\{byte:02X}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, DnValue, KeyPair, SerialNumber};
    use x509_parser::parse_x509_certificate;

    use super::*;

    fn described(change: impl FnOnce(&mut CertificateParams)) -> Described {
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        change(&mut params);
        let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        Described::of(&parse_x509_certificate(certificate.der()).unwrap().1, certificate.der())
    }

    #[test]
    fn names_come_from_alternative_names_and_only_then_from_the_common_one() {
        let with = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            described(|params| {
                params.subject_alt_names = CertificateParams::new(names).unwrap().subject_alt_names;
                params.distinguished_name.push(DnType::CommonName, "Common.Example");
            })
            .names
        };
        assert_eq!(
            with(&["WWW.Example", "*.example", "::1", "192.0.2.1"]),
            ["www.example", "*.example", "::1", "192.0.2.1"]
        );
        assert_eq!(with(&[]), ["common.example"]);
        let spaced = described(|params| params.distinguished_name.push(DnType::CommonName, "My Server"));
        assert_eq!(spaced.names, [""; 0]);
    }

    #[test]
    fn distinguished_names_are_written_as_in_rfc_4514() {
        let told = described(|params| {
            let name = &mut params.distinguished_name;
            name.push(DnType::CountryName, "JP");
            name.push(DnType::OrganizationName, " #Sue, \"Grabbit\" + Runn ");
            name.push(DnType::CustomDnType(vec![1, 2, 3, 4]), "x");
            name.push(DnType::LocalityName, DnValue::BmpString("Å".try_into().unwrap()));
            name.push(DnType::CommonName, "天\r\nx: y");
        });
        let o = r#"O=\ #Sue\, \"Grabbit\" \+ Runn\ "#;
        assert_eq!(told.subject, format!(r"CN=\E5\A4\A9\0D\0Ax: y,L=\C3\85,1.2.3.4=#0c0178,{o},C=JP"));
        assert_eq!(told.issuer, told.subject);
    }

    #[test]
    fn serials_and_fingerprints_are_digits() {
        let told = described(|params| params.serial_number = Some(SerialNumber::from_slice(&[0xab, 1])));
        assert_eq!(
            (told.serial.as_str(), told.fingerprint.len(), told.key.as_str()),
            ("ab01", 64, "ecdsa P-256")
        );
    }

    #[test]
    fn a_common_name_cannot_end_a_line() {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "a\r\nb: c");
        let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        let (_, parsed) = parse_x509_certificate(certificate.der()).unwrap();
        assert_eq!(common_name(parsed.subject()), None);
    }
}
