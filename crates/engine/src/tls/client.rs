//! TLS towards a server: one configuration of rustls, shared by all threads.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::ServerName;
use rustls::sign::SingleCertAndKey;

use super::certificates::Judged;
use super::problem::Problem;
use super::seconds;
use super::suites::Offer;
use super::verify::{self, dangerous};
use crate::wire::{Protocol, ServerTls};

/// Names whose sessions are kept. There is one to a server, or two while its address changes; each has up to 8 tickets.
const SESSIONS: usize = 4;

/// Authorities that were read, so that servers which trust the same share them. Lives as long as one snapshot is built:
/// the next one finds files that changed.
#[derive(Default)]
pub struct Authorities {
    known: HashMap<(String, String), Arc<dyn ServerCertVerifier>>,
}

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
        let client = Arc::new(configure(spec, protocol, authorities)?);
        let name = match spec.sni.as_str() {
            "" => None,
            name => Some(ServerName::try_from(name.to_owned()).map_err(|_| {
                Problem::setting(format!("{name:?} is not a name that a certificate could be for"))
            })?),
        };
        Ok(Self { client, name })
    }

    /// For handshakes.
    pub fn client(&self) -> &Arc<rustls::ClientConfig> {
        &self.client
    }

    /// For a handshake that offers nothing but HTTP/1.1, which is rare.
    pub fn http1(&self) -> Arc<rustls::ClientConfig> {
        let mut client = rustls::ClientConfig::clone(&self.client);
        client.alpn_protocols = vec![b"http/1.1".to_vec()];
        Arc::new(client)
    }

    /// Whom the certificate must be for: the name that was set, or else this address, which is not sent.
    pub fn name(&self, address: IpAddr) -> ServerName<'static> {
        self.name.clone().unwrap_or_else(|| ServerName::from(address))
    }
}

impl Authorities {
    fn verifier(
        &mut self,
        spec: &ServerTls,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Arc<dyn ServerCertVerifier>, Problem> {
        if !spec.verify {
            return Ok(Arc::new(dangerous::Anybody(Arc::clone(provider))));
        }
        let files = (spec.ca.clone(), spec.crl.clone());
        if let Some(known) = self.known.get(&files) {
            return Ok(Arc::clone(known));
        }
        let made = verify::servers(&spec.ca, &spec.crl, provider)?;
        self.known.insert(files, Arc::clone(&made));
        Ok(made)
    }
}

fn configure(
    spec: &ServerTls,
    protocol: Protocol,
    authorities: &mut Authorities,
) -> Result<rustls::ClientConfig, Problem> {
    let Offer { provider, versions } = Offer::new(&spec.suite)?;
    let verifier = authorities.verifier(spec, &provider)?;
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&versions)
        .map_err(|error| Problem::setting(error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let mut client = match &spec.certificate {
        None => builder.with_no_client_auth(),
        Some(certificate) => {
            let own = Judged::new(certificate, seconds()).usable()?;
            builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(own.certified)))
        }
    };
    let offered: &[&[u8]] = match protocol {
        Protocol::Http1 => &[b"http/1.1"],
        Protocol::Http2 => &[b"h2"],
        Protocol::Auto => &[b"h2", b"http/1.1"],
    };
    client.alpn_protocols = offered.iter().map(|name| name.to_vec()).collect();
    client.resumption = Resumption::in_memory_sessions(SESSIONS);
    Ok(client)
}
