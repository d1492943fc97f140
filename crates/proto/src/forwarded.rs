//! Telling a server who the client is: X-Forwarded-*, X-Real-IP, Forwarded (RFC 7239).
//!
//! Owns: the text of these fields, and which of a client's own are believed. Does not own: who is trusted.

use std::net::IpAddr;

/// Which forwarding fields are written; a set of bits joined with `|`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ForwardSet(pub u8);

impl ForwardSet {
    /// X-Forwarded-For.
    pub const FOR: Self = Self(1);
    /// X-Forwarded-Proto.
    pub const PROTO: Self = Self(2);
    /// X-Forwarded-Host.
    pub const HOST: Self = Self(4);
    /// X-Forwarded-Port.
    pub const PORT: Self = Self(8);
    /// X-Real-IP.
    pub const REAL_IP: Self = Self(16);
    /// Forwarded.
    pub const FORWARDED: Self = Self(32);
    /// All of them.
    pub const ALL: Self = Self(63);

    /// Whether every field of `other` is in this set.
    #[inline]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl std::ops::BitOr for ForwardSet {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// What is told about the client of a request.
///
/// An untrusted peer's own forwarding fields are all dropped and those in `write` are set. A trusted peer's
/// X-Forwarded-For and Forwarded are appended to; its other fields are kept, and set where they are missing.
#[derive(Clone, Copy, Debug)]
pub struct Forwarding<'a> {
    /// The peer's address.
    pub client: IpAddr,
    /// Whether the peer's own forwarding fields are believed.
    pub trusted: bool,
    /// `http` or `https`.
    pub proto: &'a str,
    /// The Host value that the client sent.
    pub host: &'a [u8],
    /// The port that the client connected to.
    pub port: u16,
    /// Our own address, for the `by` of Forwarded; left out when `None`.
    pub by: Option<IpAddr>,
    /// Which fields to write.
    pub write: ForwardSet,
}
