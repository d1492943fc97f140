//! What a TLS client says first: the host it wants and the protocols it speaks (RFC 8446, 4.1.2; RFC 6066, 3; RFC 7301).
//!
//! Owns: reading a `ClientHello` from its records, so that a connection can be routed without being terminated. Does
//! not own: TLS.

use crate::scan;

/// The longest hello that is read, in bytes with its record headers. Keys of new kinds make hellos of 2 KiB; the rest
/// is room.
pub const LONGEST: usize = 16 * 1024;

/// A record carries no more than so many bytes (RFC 8446, 5.1).
const LONGEST_RECORD: usize = 16 * 1024;

const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
const SERVER_NAME: u16 = 0;
const PROTOCOLS: u16 = 16;

/// What was said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hello {
    /// The host by SNI in lower case; empty when none was named.
    pub server_name: String,
    /// Protocols by ALPN, the preferred one first.
    pub protocols: Vec<Vec<u8>>,
}

/// Why the first bytes are no `ClientHello`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HelloError {
    /// Some other protocol.
    #[error("the connection does not start with TLS")]
    Absent,
    /// Above the limit.
    #[error("a ClientHello of more than 16 KiB")]
    TooLong,
    /// A length that does not fit, or a host that cannot be one.
    #[error("a ClientHello that is not in its form")]
    Malformed,
}

/// Reads the hello that `bytes` start with; `None` until it is whole.
pub fn read(bytes: &[u8]) -> Result<Option<Hello>, HelloError> {
    let Some(message) = message(bytes)? else { return Ok(None) };
    let hello = Reader(&message).hello().ok_or(HelloError::Malformed)?;
    Ok(Some(hello))
}

/// The handshake message without its header, from as many records as it takes.
fn message(bytes: &[u8]) -> Result<Option<Vec<u8>>, HelloError> {
    let mut message = Vec::new();
    let mut rest = bytes;
    loop {
        for (byte, valid) in rest.iter().zip([&[HANDSHAKE][..], &[3], &[0, 1, 2, 3, 4]]) {
            if !valid.contains(byte) {
                return Err(HelloError::Absent);
            }
        }
        let Some((&[_, _, _, high, low], after)) = rest.split_first_chunk::<5>() else {
            return incomplete(bytes);
        };
        let length = usize::from(u16::from_be_bytes([high, low]));
        if length == 0 || length > LONGEST_RECORD {
            return Err(HelloError::Malformed);
        }
        let piece = after.get(..length.min(after.len())).unwrap_or_default();
        message.extend_from_slice(piece);
        if message.first().is_some_and(|kind| *kind != CLIENT_HELLO) {
            return Err(HelloError::Absent);
        }
        if let Some((&[_, a, b, c], body)) = message.split_first_chunk::<4>() {
            let wanted = u32::from_be_bytes([0, a, b, c]) as usize;
            if wanted > LONGEST {
                return Err(HelloError::TooLong);
            }
            if let Some(body) = body.get(..wanted) {
                return Ok(Some(body.to_vec()));
            }
        }
        match after.get(length..) {
            Some(next) => rest = next,
            None => return incomplete(bytes),
        }
    }
}

fn incomplete<T>(bytes: &[u8]) -> Result<Option<T>, HelloError> {
    if bytes.len() < LONGEST { Ok(None) } else { Err(HelloError::TooLong) }
}

/// Vectors with their lengths before them; `None` when one is not whole.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn short(&mut self) -> Option<&'a [u8]> {
        let &[length] = self.take(1)? else { return None };
        self.take(length.into())
    }

    fn number(&mut self) -> Option<u16> {
        let &[high, low] = self.take(2)? else { return None };
        Some(u16::from_be_bytes([high, low]))
    }

    fn long(&mut self) -> Option<&'a [u8]> {
        let length = self.number()?;
        self.take(length.into())
    }

    fn hello(mut self) -> Option<Hello> {
        // The version of old, 32 random bytes, the session, the cipher suites, the compressions.
        self.take(2 + 32)?;
        self.short()?;
        self.long()?;
        self.short()?;
        let mut hello = Hello::default();
        if self.0.is_empty() {
            return Some(hello);
        }
        let mut extensions = Reader(self.long()?);
        let mut seen = [false; 2];
        while !extensions.0.is_empty() {
            let (kind, value) = (extensions.number()?, Reader(extensions.long()?));
            match kind {
                SERVER_NAME if !seen[0] => (seen[0], hello.server_name) = (true, value.server_name()?),
                PROTOCOLS if !seen[1] => (seen[1], hello.protocols) = (true, value.protocols()?),
                // Said twice, it could mean one thing here and another one at the server.
                SERVER_NAME | PROTOCOLS => return None,
                _ => {}
            }
        }
        self.0.is_empty().then_some(hello)
    }

    fn server_name(mut self) -> Option<String> {
        let mut names = Reader(self.long()?);
        let kind = names.take(1)?;
        let name = names.long()?;
        if kind != [0] || !names.0.is_empty() || !self.0.is_empty() {
            return None;
        }
        let name = name.strip_suffix(b".").unwrap_or(name);
        // Behind the host stands a byte that no host has.
        let text = [name, b"/"].concat();
        let (length, has_empty_label) = scan::host_name(&text);
        if length != name.len() || length == 0 || length > 255 || has_empty_label {
            return None;
        }
        Some(String::from_utf8_lossy(name).to_ascii_lowercase())
    }

    fn protocols(mut self) -> Option<Vec<Vec<u8>>> {
        let mut list = Reader(self.long()?);
        let mut protocols = Vec::new();
        while !list.0.is_empty() {
            let protocol = list.short()?;
            if protocol.is_empty() {
                return None;
            }
            protocols.push(protocol.to_vec());
        }
        (self.0.is_empty() && !protocols.is_empty()).then_some(protocols)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn vector(size: usize, bytes: &[u8]) -> Vec<u8> {
        let length = (bytes.len() as u32).to_be_bytes();
        [length.get(4 - size..).unwrap(), bytes].concat()
    }

    fn extension(kind: u16, value: &[u8]) -> Vec<u8> {
        [&kind.to_be_bytes()[..], &vector(2, value)].concat()
    }

    fn sni(name: &[u8]) -> Vec<u8> {
        extension(0, &vector(2, &[&[0][..], &vector(2, name)].concat()))
    }

    fn alpn(names: &[&[u8]]) -> Vec<u8> {
        let list: Vec<u8> = names.iter().flat_map(|name| vector(1, name)).collect();
        extension(16, &vector(2, &list))
    }

    fn handshake(extensions: &[Vec<u8>]) -> Vec<u8> {
        let fixed =
            [&[3, 3][..], &[7; 32], &vector(1, &[9; 32]), &vector(2, &[0x13, 1]), &vector(1, &[0])].concat();
        let body = [fixed, vector(2, &extensions.concat())].concat();
        [&[1][..], &vector(3, &body)].concat()
    }

    fn records(message: &[u8], size: usize) -> Vec<u8> {
        message.chunks(size).flat_map(|piece| [&[22, 3, 1][..], &vector(2, piece)].concat()).collect()
    }

    #[test]
    fn host_and_protocols_are_found_across_records_and_splits() {
        let message =
            handshake(&[extension(43, &[2, 3, 4]), sni(b"DB.Example."), alpn(&[b"h2", b"http/1.1"])]);
        for size in [1, 7, 1000] {
            let bytes = records(&message, size);
            for end in 0..bytes.len() {
                assert_eq!(read(bytes.get(..end).unwrap()), Ok(None), "{end} of {}", bytes.len());
            }
            let hello = read(&[&bytes[..], b"more"].concat()).unwrap().unwrap();
            assert_eq!(hello.server_name, "db.example");
            assert_eq!(hello.protocols, [b"h2".to_vec(), b"http/1.1".to_vec()]);
        }
        assert_eq!(read(&records(&handshake(&[]), 100)).unwrap().unwrap(), Hello::default());
    }

    #[test]
    fn what_is_not_in_its_form_is_refused() {
        for wrong in [
            vec![sni(b"")],
            vec![sni(b"a b")],
            vec![sni(b"a..b")],
            vec![sni(b"a"), sni(b"b")],
            vec![alpn(&[])],
            vec![alpn(&[b""])],
            vec![extension(0, b"\0")],
            vec![vec![0]],
        ] {
            assert_eq!(read(&records(&handshake(&wrong), 500)), Err(HelloError::Malformed), "{wrong:?}");
        }
        for other in
            [&b"GET / HTTP/1.1\r\n"[..], b"\x16\x02", b"\x16\x03\x01\0\x05\x02", b"\x15\x03\x01\0\x02"]
        {
            assert_eq!(read(other), Err(HelloError::Absent));
        }
        assert_eq!(read(b"\x16\x03\x01\0\0"), Err(HelloError::Malformed));
        assert_eq!(read(b"\x16\x03\x01\x40\0\x01\x01\0\0"), Err(HelloError::TooLong));
        assert_eq!(read(&records(&[1, 0, 0x3f, 0xff].repeat(4096), 1)), Err(HelloError::TooLong));
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), at in 0..200_usize, byte: u8) {
            let _ = read(&bytes);
            let _ = read(&[&b"\x16\x03\x01\x01\0\x01\0\0\xf0"[..], &bytes].concat());
            let mut message = records(&handshake(&[sni(b"a.test"), alpn(&[b"h2"])]), 60);
            if let Some(place) = message.get_mut(at) {
                *place = byte;
            }
            let _ = read(&message);
        }
    }
}
