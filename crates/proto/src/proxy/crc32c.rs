//! CRC-32C (Castagnoli; RFC 3720, appendix B.4), which guards a version 2 header.

const TABLE: [u32; 256] = table();

const fn table() -> [u32; 256] {
    let mut table = [0_u32; 256];
    let mut index = 0;
    while index < 256 {
        let mut value = index as u32;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 1 == 1 { (value >> 1) ^ 0x82f6_3b78 } else { value >> 1 };
            bit += 1;
        }
        #[allow(clippy::indexing_slicing, reason = "evaluated when it is compiled, below 256")]
        {
            table[index] = value;
        }
        index += 1;
    }
    table
}

/// The checksum of pieces that follow each other.
pub fn of(pieces: &[&[u8]]) -> u32 {
    let sum = pieces.iter().copied().flatten().fold(u32::MAX, |sum, byte| {
        let index = (sum ^ u32::from(*byte)) & 0xff;
        (sum >> 8) ^ TABLE.get(index as usize).copied().unwrap_or_default()
    });
    !sum
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_examples_of_the_rfc() {
        assert_eq!(super::of(&[&[0; 32]]), 0x8a91_36aa);
        assert_eq!(super::of(&[&[0xff; 16], &[0xff; 16]]), 0x62a8_ab43);
        assert_eq!(super::of(&[b"123456789"]), 0xe306_9283);
    }
}
