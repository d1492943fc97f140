//! What a version 2 header may carry behind the addresses.

/// Kinds of TLVs.
pub mod kind {
    /// What ALPN chose.
    pub const ALPN: u8 = 0x01;
    /// The host that the client named by SNI.
    pub const AUTHORITY: u8 = 0x02;
    /// A checksum over the whole header.
    pub const CRC32C: u8 = 0x03;
    /// Nothing: padding.
    pub const NOOP: u8 = 0x04;
    /// An opaque name of the connection, 128 bytes at most.
    pub const UNIQUE_ID: u8 = 0x05;
    /// What is known of TLS; see [`Secured`](super::Secured).
    pub const SSL: u8 = 0x20;
    /// Within `SSL`: the version in words.
    pub const SSL_VERSION: u8 = 0x21;
    /// Within `SSL`: the common name of the client's certificate.
    pub const SSL_CN: u8 = 0x22;
    /// Within `SSL`: the cipher suite in words.
    pub const SSL_CIPHER: u8 = 0x23;
    /// A network namespace.
    pub const NETNS: u8 = 0x30;
}

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tlv<'a> {
    /// See [`kind`].
    pub kind: u8,
    /// Its value.
    pub value: &'a [u8],
}

/// Those that follow each other; ends at the first that is not whole.
#[derive(Clone, Debug)]
pub struct Tlvs<'a> {
    rest: &'a [u8],
}

impl<'a> Tlvs<'a> {
    /// Over bytes that hold nothing else.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// What has not been read; not empty at the end: it was not whole.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }
}

impl<'a> Iterator for Tlvs<'a> {
    type Item = Tlv<'a>;

    fn next(&mut self) -> Option<Tlv<'a>> {
        let (&[kind, high, low], rest) = self.rest.split_first_chunk::<3>()?;
        let (value, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes([high, low])))?;
        self.rest = rest;
        Some(Tlv { kind, value })
    }
}

/// What the sender says of the client's TLS connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Secured<'a> {
    /// Bit 0: over TLS; bit 1: a certificate on this connection; bit 2: a certificate in this session.
    pub client: u8,
    /// 0: the client's certificate was verified.
    pub verify: u32,
    inner: &'a [u8],
}

impl<'a> Secured<'a> {
    /// From the value of an `SSL` TLV; `None` when it is too short or its own TLVs are not whole.
    pub fn read(value: &'a [u8]) -> Option<Self> {
        let (&[client, a, b, c, d], inner) = value.split_first_chunk::<5>()?;
        let secured = Self { client, verify: u32::from_be_bytes([a, b, c, d]), inner };
        let mut tlvs = secured.tlvs();
        tlvs.by_ref().for_each(drop);
        tlvs.rest().is_empty().then_some(secured)
    }

    /// Version, cipher, common name.
    pub fn tlvs(&self) -> Tlvs<'a> {
        Tlvs::new(self.inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tls_of_the_client_is_read() {
        let value = b"\x01\0\0\0\0\x21\0\x07TLSv1.3\x22\0\x01a";
        let secured = Secured::read(value).unwrap();
        assert_eq!((secured.client, secured.verify), (1, 0));
        assert_eq!(secured.tlvs().map(|tlv| tlv.value).collect::<Vec<_>>(), [b"TLSv1.3".as_slice(), b"a"]);
        assert_eq!(Secured::read(value.get(..value.len() - 1).unwrap()), None);
        assert_eq!(Secured::read(b"\x01\0\0\0"), None);
    }
}
