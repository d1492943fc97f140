//! The PROXY protocol: who a connection came from, said before its first byte (HAProxy, doc/proxy-protocol.txt).
//!
//! Owns: reading and writing of versions 1 and 2, their TLVs and checksum. Does not own: who may say it, and what its
//! absence means; both are settings of whoever reads.

mod crc32c;
mod read;
mod tlv;
mod write;

pub use read::{Header, LONGEST, ProxyError, read};
pub use tlv::{Secured, Tlv, Tlvs, kind};
pub use write::{Extras, Tls, write_v1, write_v2};

use std::net::SocketAddr;

/// What version 2 starts with; no other protocol does.
const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";

/// The two ends of the connection that is described.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ends {
    /// Who opened it.
    pub source: SocketAddr,
    /// Whom it was opened to.
    pub destination: SocketAddr,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ends() -> impl Strategy<Value = Ends> {
        let v4 = any::<([u8; 4], u16, [u8; 4], u16)>().prop_map(|(from, source, to, port)| Ends {
            source: (from, source).into(),
            destination: (to, port).into(),
        });
        let v6 = any::<([u8; 16], u16, [u8; 16], u16)>().prop_map(|(from, source, to, port)| Ends {
            source: (from, source).into(),
            destination: (to, port).into(),
        });
        prop_oneof![v4, v6]
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(ends in ends(), id in proptest::collection::vec(any::<u8>(), 0..128), version in 1..3) {
            let mut bytes = Vec::new();
            if version == 1 {
                write_v1(&mut bytes, Some(ends));
            } else {
                let extras = Extras { unique_id: &id, checksum: true, ..Extras::default() };
                write_v2(&mut bytes, Some(ends), &extras);
            }
            for end in 0..bytes.len() {
                prop_assert_eq!(read(bytes.get(..end).unwrap()), Ok(None));
            }
            let whole = bytes.len();
            bytes.extend_from_slice(b"GET / HTTP/1.1\r\n");
            let header = read(&bytes).unwrap().unwrap();
            prop_assert_eq!((header.length, header.ends), (whole, Some(ends)));
            let found = header.tlvs(&bytes).find(|tlv| tlv.kind == kind::UNIQUE_ID).map(|tlv| tlv.value.to_vec());
            prop_assert_eq!(found, (version == 2 && !id.is_empty()).then_some(id));
        }

        #[test]
        fn nothing_makes_it_panic_or_read_beyond_the_longest(bytes in proptest::collection::vec(any::<u8>(), 0..200), kept in 0..17_usize) {
            let mut input: Vec<u8> = SIGNATURE.iter().copied().take(kept).collect();
            input.extend(bytes);
            if let Ok(Some(header)) = read(&input) {
                prop_assert!(header.length <= input.len() && header.length <= LONGEST);
                prop_assert!(header.tlvs(&input).count() <= input.len());
            }
        }

        #[test]
        fn one_wrong_bit_is_found_by_the_checksum(ends in ends(), place in 16..80_usize, bit in 0..8_u8) {
            let mut bytes = Vec::new();
            write_v2(&mut bytes, Some(ends), &Extras { checksum: true, ..Extras::default() });
            let place = 16 + (place - 16) % (bytes.len() - 16);
            if let Some(byte) = bytes.get_mut(place) {
                *byte ^= 1_u8 << bit;
            }
            // A bit that turns the checksum's own kind into another one leaves nothing to check.
            let kind_at = bytes.len() - 7;
            prop_assume!(place != kind_at);
            prop_assert!(!matches!(read(&bytes), Ok(Some(_))));
        }
    }
}
