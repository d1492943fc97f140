//! Reading a header of either version.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::tlv::{Secured, Tlvs, kind};
use super::{Ends, SIGNATURE, crc32c};

/// The longest header that is read, in bytes. Version 2 could say 65 551; nobody needs it, and it is memory before
/// anything is known of the sender.
pub const LONGEST: usize = 4096;

/// The longest line of version 1, with its CR LF.
const LONGEST_LINE: usize = 107;

/// What stands before the addresses in version 2.
const FIXED: usize = 16;

/// The longest unique id (section 2.2.5).
const LONGEST_ID: usize = 128;

/// A header that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// None: the sender speaks for itself (LOCAL), or the protocol is not one of IP (UNKNOWN, UNSPEC, unix sockets).
    pub ends: Option<Ends>,
    /// Bytes of the whole header; what follows is the connection's own.
    pub length: usize,
    tlvs_from: usize,
}

impl Header {
    /// The TLVs of a version 2 header, from the bytes that it was read from.
    pub fn tlvs<'a>(&self, bytes: &'a [u8]) -> Tlvs<'a> {
        Tlvs::new(bytes.get(self.tlvs_from..self.length).unwrap_or_default())
    }
}

/// Why what a connection starts with is no PROXY protocol header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProxyError {
    /// Neither version's first bytes.
    #[error("the connection does not start with a PROXY protocol header")]
    Absent,
    /// A line of version 1 that does not end in time.
    #[error("a line of more than 107 bytes")]
    LineTooLong,
    /// Version 1: a line that is not in its form.
    #[error("a line that is not `PROXY TCP4|TCP6|UNKNOWN` with two addresses and two ports")]
    Line,
    /// Version 2: not version 2, or neither LOCAL nor PROXY.
    #[error("a version or command that is not known")]
    Command,
    /// Version 2: a length that does not hold the addresses of its family.
    #[error("too short for the addresses of its family")]
    Addresses,
    /// Version 2: above the limit.
    #[error("a header of more than 4096 bytes")]
    TooLong,
    /// Version 2: a TLV that ends behind the header, or whose value cannot be.
    #[error("a TLV that is not whole")]
    Tlv,
    /// Version 2: the checksum is another one.
    #[error("a checksum that is not that of the header")]
    Checksum,
}

/// Reads the header that `bytes` start with; `None` until it is whole.
pub fn read(bytes: &[u8]) -> Result<Option<Header>, ProxyError> {
    match bytes.first() {
        None => Ok(None),
        Some(b'P') => read_line(bytes),
        Some(_) => read_binary(bytes),
    }
}

fn read_line(bytes: &[u8]) -> Result<Option<Header>, ProxyError> {
    let start = bytes.get(..6).unwrap_or(bytes);
    if !b"PROXY ".starts_with(start) {
        return Err(ProxyError::Absent);
    }
    let within = bytes.get(..LONGEST_LINE).unwrap_or(bytes);
    let Some(end) = memchr::memchr(b'\n', within) else {
        return if bytes.len() < LONGEST_LINE { Ok(None) } else { Err(ProxyError::LineTooLong) };
    };
    let line = within.get(6..end).and_then(|line| line.strip_suffix(b"\r")).ok_or(ProxyError::Line)?;
    let is_unknown = line == b"UNKNOWN" || line.starts_with(b"UNKNOWN ");
    let ends = if is_unknown { None } else { Some(line_ends(line).ok_or(ProxyError::Line)?) };
    Ok(Some(Header { ends, length: end + 1, tlvs_from: end + 1 }))
}

fn line_ends(line: &[u8]) -> Option<Ends> {
    let mut words = std::str::from_utf8(line).ok()?.split(' ');
    let family = words.next()?;
    let [source, destination, from, to] = [words.next()?, words.next()?, words.next()?, words.next()?];
    if words.next().is_some() {
        return None;
    }
    let address = |word: &str| -> Option<IpAddr> {
        match family {
            "TCP4" => Some(word.parse::<Ipv4Addr>().ok()?.into()),
            "TCP6" => Some(word.parse::<Ipv6Addr>().ok()?.into()),
            _ => None,
        }
    };
    let source = SocketAddr::new(address(source)?, port(from)?);
    Some(Ends { source, destination: SocketAddr::new(address(destination)?, port(to)?) })
}

/// A port in decimal, without a sign and without leading zeros.
fn port(word: &str) -> Option<u16> {
    let is_plain = word.bytes().all(|byte| byte.is_ascii_digit()) && (word == "0" || !word.starts_with('0'));
    if is_plain { word.parse().ok() } else { None }
}

fn read_binary(bytes: &[u8]) -> Result<Option<Header>, ProxyError> {
    let Some((fixed, _)) = bytes.split_first_chunk::<FIXED>() else {
        let start = bytes.get(..SIGNATURE.len()).unwrap_or(bytes);
        return if SIGNATURE.starts_with(start) { Ok(None) } else { Err(ProxyError::Absent) };
    };
    let [signature @ .., command, family, high, low] = fixed;
    if *signature != SIGNATURE {
        return Err(ProxyError::Absent);
    }
    let length = FIXED + usize::from(u16::from_be_bytes([*high, *low]));
    if length > LONGEST {
        return Err(ProxyError::TooLong);
    }
    let is_local = match command {
        0x20 => true,
        0x21 => false,
        _ => return Err(ProxyError::Command),
    };
    let Some(body) = bytes.get(FIXED..length) else { return Ok(None) };
    if is_local {
        return Ok(Some(Header { ends: None, length, tlvs_from: length }));
    }
    let (ends, size) = addresses(*family, body)?;
    check_tlvs(bytes.get(..length).unwrap_or_default(), FIXED + size)?;
    Ok(Some(Header { ends, length, tlvs_from: FIXED + size }))
}

/// The two ends and how many bytes they take.
fn addresses(family: u8, body: &[u8]) -> Result<(Option<Ends>, usize), ProxyError> {
    const TOO_SHORT: ProxyError = ProxyError::Addresses;
    let ends = |from: IpAddr, to: IpAddr, ports: &[u8]| match *ports {
        [a, b, c, d] => Some(Ends {
            source: SocketAddr::new(from, u16::from_be_bytes([a, b])),
            destination: SocketAddr::new(to, u16::from_be_bytes([c, d])),
        }),
        _ => None,
    };
    match family >> 4 {
        0x1 => {
            let (from, rest) = body.split_first_chunk::<4>().ok_or(TOO_SHORT)?;
            let (to, rest) = rest.split_first_chunk::<4>().ok_or(TOO_SHORT)?;
            let ports = rest.get(..4).ok_or(TOO_SHORT)?;
            Ok((ends((*from).into(), (*to).into(), ports), 12))
        }
        0x2 => {
            let (from, rest) = body.split_first_chunk::<16>().ok_or(TOO_SHORT)?;
            let (to, rest) = rest.split_first_chunk::<16>().ok_or(TOO_SHORT)?;
            let ports = rest.get(..4).ok_or(TOO_SHORT)?;
            Ok((ends((*from).into(), (*to).into(), ports), 36))
        }
        // A path of 108 bytes for each end.
        0x3 if body.len() >= 216 => Ok((None, 216)),
        0x3 => Err(TOO_SHORT),
        // What stands there is of no known form, so nothing behind it can be read either.
        _ => Ok((None, body.len())),
    }
}

/// Every TLV must be whole, and a checksum right, before anything in the header is believed.
fn check_tlvs(header: &[u8], from: usize) -> Result<(), ProxyError> {
    let mut tlvs = Tlvs::new(header.get(from..).unwrap_or_default());
    loop {
        let at = header.len() - tlvs.rest().len();
        let Some(tlv) = tlvs.next() else { break };
        match (tlv.kind, tlv.value) {
            (kind::CRC32C, &[a, b, c, d]) => {
                let (before, after) = (header.get(..at + 3), header.get(at + 7..));
                let sum = crc32c::of(&[before.unwrap_or_default(), &[0; 4], after.unwrap_or_default()]);
                if sum != u32::from_be_bytes([a, b, c, d]) {
                    return Err(ProxyError::Checksum);
                }
            }
            (kind::CRC32C, _) => return Err(ProxyError::Checksum),
            (kind::UNIQUE_ID, value) if value.len() > LONGEST_ID => return Err(ProxyError::Tlv),
            (kind::SSL, value) if Secured::read(value).is_none() => return Err(ProxyError::Tlv),
            _ => {}
        }
    }
    if tlvs.rest().is_empty() { Ok(()) } else { Err(ProxyError::Tlv) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Result<Option<Header>, ProxyError> {
        read(text.as_bytes())
    }

    #[test]
    fn lines_are_read_strictly() {
        let ends = Ends {
            source: "192.0.2.1:56324".parse().unwrap(),
            destination: "198.51.100.7:443".parse().unwrap(),
        };
        let good = "PROXY TCP4 192.0.2.1 198.51.100.7 56324 443\r\n";
        assert_eq!(line(good).unwrap().unwrap().ends, Some(ends));
        assert_eq!(line("PROXY TCP6 ::1 2001:db8::2 1 65535\r\n").unwrap().unwrap().length, 36);
        for unknown in ["PROXY UNKNOWN\r\n", "PROXY UNKNOWN ffff:: ffff:: 65535 65535\r\n"] {
            let header = line(unknown).unwrap().unwrap();
            assert_eq!((header.ends, header.length), (None, unknown.len()));
        }
        for wrong in [
            "PROXY TCP4 192.0.2.1 198.51.100.7 56324 443\n",
            "PROXY TCP4 192.0.2.1 198.51.100.7 56324 65536\r\n",
            "PROXY TCP4 192.0.2.1 198.51.100.7 56324 0443\r\n",
            "PROXY TCP4 192.0.2.1 198.51.100.7 +5632 443\r\n",
            "PROXY TCP4 192.0.2.1 198.51.100.7 56324 443 \r\n",
            "PROXY TCP4  192.0.2.1 198.51.100.7 56324 443\r\n",
            "PROXY TCP4 ::1 ::2 1 2\r\n",
            "PROXY TCP6 192.0.2.1 198.51.100.7 1 2\r\n",
            "PROXY UDP4 192.0.2.1 198.51.100.7 1 2\r\n",
            "PROXY TCP4 192.0.2.1 198.51.100.7 1\r\n",
            "PROXY UNKNOWNS\r\n",
        ] {
            assert_eq!(line(wrong), Err(ProxyError::Line), "{wrong:?}");
        }
    }

    #[test]
    fn what_is_no_header_is_known_at_once() {
        for wrong in ["GET / HTTP/1.1\r\n", "POST", "PRO\r\n", "\r\n\r\nX", "\u{16}\u{3}\u{1}"] {
            assert_eq!(line(wrong), Err(ProxyError::Absent), "{wrong:?}");
        }
        assert_eq!(line(&format!("PROXY TCP4 {}", "1".repeat(100))), Err(ProxyError::LineTooLong));
        assert_eq!(line("PROX"), Ok(None));
        assert_eq!(line("\r\n\r\n\0\r\nQUIT\n\u{21}"), Ok(None));
    }

    fn binary(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
        let mut bytes = SIGNATURE.to_vec();
        bytes.extend([command, family]);
        bytes.extend((body.len() as u16).to_be_bytes());
        bytes.extend(body);
        bytes
    }

    #[test]
    fn binary_headers_are_read_strictly() {
        let body = [10, 0, 0, 1, 10, 0, 0, 2, 0x12, 0x34, 0, 80];
        let header = read(&binary(0x21, 0x11, &body)).unwrap().unwrap();
        assert_eq!(header.ends.unwrap().source, "10.0.0.1:4660".parse().unwrap());
        // A sender that speaks for itself says nothing more, whatever stands there.
        assert_eq!(read(&binary(0x20, 0x11, b"rubbish")).unwrap().unwrap().ends, None);
        assert_eq!(read(&binary(0x21, 0x00, b"rubbish")).unwrap().unwrap().length, 23);
        assert_eq!(read(&binary(0x22, 0x11, &body)), Err(ProxyError::Command));
        assert_eq!(read(&binary(0x11, 0x11, &body)), Err(ProxyError::Command));
        assert_eq!(read(&binary(0x21, 0x11, &body[..11])), Err(ProxyError::Addresses));
        assert_eq!(read(&binary(0x21, 0x21, &body)), Err(ProxyError::Addresses));
        assert_eq!(read(&binary(0x21, 0x31, &[0; 215])), Err(ProxyError::Addresses));
        assert_eq!(read(&binary(0x21, 0x11, &[0; LONGEST])), Err(ProxyError::TooLong));
        let with = |tlvs: &[u8]| read(&binary(0x21, 0x11, &[&body[..], tlvs].concat()));
        assert!(with(b"\x04\0\x02ab\xee\0\0").is_ok());
        assert_eq!(with(b"\x04\0\x03ab"), Err(ProxyError::Tlv));
        assert_eq!(with(b"\x04\0"), Err(ProxyError::Tlv));
        assert_eq!(with(b"\x20\0\x04\x01\0\0\0"), Err(ProxyError::Tlv));
        assert_eq!(with(b"\x03\0\x04\0\0\0\0"), Err(ProxyError::Checksum));
        assert_eq!(with(b"\x03\0\x02\0\0"), Err(ProxyError::Checksum));
    }
}
