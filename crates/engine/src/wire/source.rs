//! Limits of each source, as the snapshot tells them.

use serde::Deserialize;

/// What one address, or one IPv6 network, may do at a frontend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PerSource {
    /// Connections at once; 0: no limit.
    pub connections: u32,
    /// Requests within `window`; 0: no limit.
    pub requests: u32,
    /// Milliseconds.
    pub window: u64,
    /// IPv6 addresses that have so many bits in common are one source, 1-128.
    pub ipv6_prefix: u8,
    /// Sources remembered at most.
    pub entries: usize,
}
