//! Writing a header of either version.

use std::io::Write as _;
use std::net::IpAddr;

use super::{Ends, SIGNATURE, crc32c, kind};

/// What a version 2 header carries besides the addresses; what is empty is left out.
#[derive(Clone, Copy, Debug, Default)]
pub struct Extras<'a> {
    /// What ALPN chose.
    pub alpn: &'a [u8],
    /// The host that the client named.
    pub authority: &'a [u8],
    /// An opaque name of the connection, 128 bytes at most.
    pub unique_id: &'a [u8],
    /// What is known of TLS.
    pub tls: Option<Tls<'a>>,
    /// Whether a checksum guards the header.
    pub checksum: bool,
}

/// What is known of the client's TLS connection.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tls<'a> {
    /// The version in words, such as `TLSv1.3`.
    pub version: &'a [u8],
    /// The cipher suite in words.
    pub cipher: &'a [u8],
    /// The common name of the client's certificate, when it showed one.
    pub common_name: &'a [u8],
    /// Whether it showed one.
    pub certificate: bool,
    /// Whether that was verified.
    pub verified: bool,
}

/// Appends a line of version 1. Ends of two families, and none, are UNKNOWN.
pub fn write_v1(out: &mut Vec<u8>, ends: Option<Ends>) {
    let Some((Ends { source, destination }, family)) = ends.and_then(|ends| Some((ends, family(ends)?)))
    else {
        out.extend_from_slice(b"PROXY UNKNOWN\r\n");
        return;
    };
    let name = if family == 0x11 { "TCP4" } else { "TCP6" };
    let (from, to) = (source.ip(), destination.ip());
    // Writing into memory does not fail.
    let _ = write!(out, "PROXY {name} {from} {to} {} {}\r\n", source.port(), destination.port());
}

/// Appends a header of version 2. Without ends of one family it says that the sender speaks for itself.
pub fn write_v2(out: &mut Vec<u8>, ends: Option<Ends>, extras: &Extras<'_>) {
    let start = out.len();
    out.extend_from_slice(&SIGNATURE);
    let Some((Ends { source, destination }, family)) = ends.and_then(|ends| Some((ends, family(ends)?)))
    else {
        out.extend_from_slice(&[0x20, 0, 0, 0]);
        return;
    };
    out.extend_from_slice(&[0x21, family, 0, 0]);
    let body = out.len();
    for address in [source.ip(), destination.ip()] {
        match address {
            IpAddr::V4(address) => out.extend_from_slice(&address.octets()),
            IpAddr::V6(address) => out.extend_from_slice(&address.octets()),
        }
    }
    for port in [source.port(), destination.port()] {
        out.extend_from_slice(&port.to_be_bytes());
    }
    for (kind, value) in [
        (kind::ALPN, extras.alpn),
        (kind::AUTHORITY, extras.authority),
        (kind::UNIQUE_ID, extras.unique_id.get(..128).unwrap_or(extras.unique_id)),
    ] {
        put(out, kind, value);
    }
    if let Some(tls) = extras.tls {
        put_tls(out, tls);
    }
    if extras.checksum {
        put(out, kind::CRC32C, &[0; 4]);
    }
    let length = (out.len() - body) as u16;
    set(out, body - 2, &length.to_be_bytes());
    if extras.checksum {
        let sum = crc32c::of(&[out.get(start..).unwrap_or_default()]);
        let place = out.len() - 4;
        set(out, place, &sum.to_be_bytes());
    }
}

/// The family and protocol byte of ends that have one family.
fn family(ends: Ends) -> Option<u8> {
    match (ends.source.ip(), ends.destination.ip()) {
        (IpAddr::V4(_), IpAddr::V4(_)) => Some(0x11),
        (IpAddr::V6(_), IpAddr::V6(_)) => Some(0x21),
        _ => None,
    }
}

/// Names of hosts, protocols and ciphers are short; what is longer than a length can say is cut.
fn put(out: &mut Vec<u8>, kind: u8, value: &[u8]) {
    if !value.is_empty() {
        let value = value.get(..1024).unwrap_or(value);
        out.push(kind);
        out.extend_from_slice(&(value.len() as u16).to_be_bytes());
        out.extend_from_slice(value);
    }
}

fn put_tls(out: &mut Vec<u8>, tls: Tls<'_>) {
    let start = out.len();
    out.extend_from_slice(&[kind::SSL, 0, 0]);
    let client = if tls.certificate { 0b111 } else { 0b001 };
    out.push(client);
    out.extend_from_slice(&u32::from(tls.certificate && !tls.verified).to_be_bytes());
    put(out, kind::SSL_VERSION, tls.version);
    put(out, kind::SSL_CN, tls.common_name);
    put(out, kind::SSL_CIPHER, tls.cipher);
    let length = (out.len() - start - 3) as u16;
    set(out, start + 1, &length.to_be_bytes());
}

fn set(out: &mut [u8], at: usize, value: &[u8]) {
    if let Some(place) = out.get_mut(at..at + value.len()) {
        place.copy_from_slice(value);
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Secured, read};
    use super::*;

    #[test]
    fn tls_is_told() {
        let ends = Ends { source: "10.0.0.1:1".parse().unwrap(), destination: "10.0.0.2:2".parse().unwrap() };
        let tls = Tls { version: b"TLSv1.3", cipher: b"TLS_AES_128_GCM_SHA256", ..Tls::default() };
        let extras =
            Extras { alpn: b"h2", authority: b"a.test", tls: Some(tls), checksum: true, ..Extras::default() };
        let mut bytes = b"before".to_vec();
        write_v2(&mut bytes, Some(ends), &extras);
        let bytes = bytes.get(6..).unwrap();
        let header = read(bytes).unwrap().unwrap();
        let found: Vec<_> = header.tlvs(bytes).map(|tlv| (tlv.kind, tlv.value)).collect();
        assert_eq!(found[..2], [(kind::ALPN, b"h2".as_slice()), (kind::AUTHORITY, b"a.test")]);
        let secured = Secured::read(found[2].1).unwrap();
        assert_eq!((secured.client, secured.verify), (1, 0));
        assert_eq!(secured.tlvs().next().unwrap().value, b"TLSv1.3");
    }

    #[test]
    fn ends_of_two_families_are_not_made_up() {
        let ends = Ends { source: "10.0.0.1:1".parse().unwrap(), destination: "[::1]:2".parse().unwrap() };
        let (mut line, mut binary) = (Vec::new(), Vec::new());
        write_v1(&mut line, Some(ends));
        write_v2(&mut binary, Some(ends), &Extras::default());
        assert_eq!(line, b"PROXY UNKNOWN\r\n");
        assert_eq!(read(&binary).unwrap().unwrap().ends, None);
        assert_eq!(binary.len(), 16);
    }
}
