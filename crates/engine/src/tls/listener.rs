//! TLS of a listener: one configuration of rustls, shared by all threads.

use std::sync::Arc;

use rustls::ServerConfig;

use super::problem::Problem;
use super::tickets::Tickets;
use crate::wire::ListenerTls;

/// A whole TLS record: the fatal alert `unrecognized_name` (112), for clients that strict listeners do not know.
pub const UNRECOGNIZED_NAME: [u8; 7] = [0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x70];

/// Which protocols are offered by ALPN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alpn {
    /// None: what is carried is not known (TCP mode).
    None,
    /// `http/1.1`.
    Http1,
    /// `h2` before `http/1.1`.
    Http2,
}

/// TLS of a listener. A clone is the same.
#[derive(Clone)]
pub struct ListenerConfig {
    inner: Arc<Inner>,
}

struct Inner {
    server: Arc<ServerConfig>,
    spec: ListenerTls,
    alpn: Alpn,
    warnings: Vec<Problem>,
}

impl ListenerConfig {
    /// Reads the files and builds; the previous one is taken where nothing is different, stamps of files included.
    pub fn build(
        spec: &ListenerTls,
        alpn: Alpn,
        tickets: &Arc<Tickets>,
        previous: Option<&Self>,
    ) -> Result<Self, Problem> {
        let _ = tickets;
        if let Some(previous) = previous.filter(|old| old.inner.spec == *spec && old.inner.alpn == alpn) {
            return Ok(previous.clone());
        }
        Err(Problem::setting("TLS is not there yet"))
    }

    /// For handshakes.
    pub fn server(&self) -> &Arc<ServerConfig> {
        &self.inner.server
    }

    /// What it was built from.
    pub fn spec(&self) -> &ListenerTls {
        &self.inner.spec
    }

    /// What somebody should know about the files.
    pub fn warnings(&self) -> &[Problem] {
        &self.inner.warnings
    }

    /// Whether a client that names this host (lower case, as rustls tells it) gets past its hello. Only where
    /// `spec().strict_sni` is it ever false, and `UNRECOGNIZED_NAME` is then the answer: left to rustls it would be
    /// `access_denied` (49).
    pub fn admits(&self, name: Option<&str>) -> bool {
        name.is_some() || !self.inner.spec.strict_sni
    }
}
