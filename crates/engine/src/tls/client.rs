//! TLS towards a server: one configuration of rustls, shared by all threads.

use std::net::IpAddr;
use std::sync::Arc;

use rustls::pki_types::ServerName;

use super::problem::Problem;
use crate::wire::{Protocol, ServerTls};

/// Authorities that were read, so that servers which trust the same share them. Lives as long as one snapshot is built.
#[derive(Default)]
pub struct Authorities {}

/// TLS towards a server. A clone is the same, with the same sessions.
#[derive(Clone)]
pub struct ClientConfig {
    client: Arc<rustls::ClientConfig>,
    name: Option<ServerName<'static>>,
}

impl ClientConfig {
    /// Reads the files and builds.
    pub fn build(
        spec: &ServerTls,
        protocol: Protocol,
        authorities: &mut Authorities,
    ) -> Result<Self, Problem> {
        let _ = (spec, protocol, authorities);
        Err(Problem::setting("TLS is not there yet"))
    }

    /// For handshakes.
    pub fn client(&self) -> &Arc<rustls::ClientConfig> {
        &self.client
    }

    /// Whom the certificate must be for: the name that was set, or else this address, which is not sent.
    pub fn name(&self, address: IpAddr) -> ServerName<'static> {
        self.name.clone().unwrap_or_else(|| ServerName::from(address))
    }
}
