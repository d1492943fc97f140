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

/// Sessions that are kept where requests choose names: 8 for each of 64 names. Those of others begin anew.
const CHOSEN_SESSIONS: usize = 512;

/// What a server's certificate is for, where that does not matter.
const ANY_HOST: &str = "*";

/// The name that was chosen for a connection; None: none, as for most servers.
pub type Chosen = Option<ServerName<'static>>;

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
    /// In its place where no name is sent, if that makes a difference.
    silent: Option<Arc<rustls::ClientConfig>>,
    /// That is sent where none is chosen.
    name: Option<ServerName<'static>>,
    /// What the certificate must hold where none is sent.
    host: Option<ServerName<'static>>,
    verifies: bool,
}

impl ClientConfig {
    /// Reads the files and builds.
    pub fn build(
        spec: &ServerTls,
        protocol: Protocol,
        authorities: &mut Authorities,
    ) -> Result<Self, Problem> {
        let client = Arc::new(configure(spec, protocol, authorities, true)?);
        let any = spec.host == ANY_HOST;
        let (name, host) = (parsed(&spec.sni)?, parsed(if any { "" } else { &spec.host })?);
        let is_silent = name.is_none() && (host.is_some() || any);
        let silent = is_silent.then(|| configure(spec, protocol, authorities, false)).transpose()?;
        let silent = silent.map(Arc::new);
        Ok(Self { client, silent, name, host, verifies: spec.verify })
    }

    /// What a text that was chosen asks for, a port in it left out; an empty one asks for nothing. None: it cannot be
    /// anybody's name, and the certificate is verified.
    pub fn choose(&self, text: &[u8]) -> Option<Chosen> {
        if text.is_empty() {
            return Some(None);
        }
        let named = std::str::from_utf8(text).ok().and_then(|text| {
            let port = |port: &str| port.len() <= 5 && port.bytes().all(|digit| digit.is_ascii_digit());
            let alone = text.rsplit_once(':').filter(|(_, end)| port(end)).map_or(text, |(host, _)| host);
            let bare = alone.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(alone);
            [text, bare].into_iter().find_map(|one| ServerName::try_from(one.to_owned()).ok())
        });
        if named.is_none() && self.verifies { None } else { Some(named) }
    }

    /// For a handshake: with the name that was chosen, or the one that is set, or else none; then whom the certificate must
    /// be for, which is this address where nothing else is set. `http1`: nothing but HTTP/1.1 is offered, which is rare.
    pub fn towards(
        &self,
        chosen: Option<&ServerName<'static>>,
        address: IpAddr,
        http1: bool,
    ) -> (Arc<rustls::ClientConfig>, ServerName<'static>) {
        let sent = chosen.or(self.name.as_ref());
        let client = self.silent.as_ref().filter(|_| sent.is_none()).unwrap_or(&self.client);
        let name = sent.or(self.host.as_ref()).cloned().unwrap_or_else(|| ServerName::from(address));
        if !http1 {
            return (Arc::clone(client), name);
        }
        let mut client = rustls::ClientConfig::clone(client);
        client.alpn_protocols = vec![b"http/1.1".to_vec()];
        (Arc::new(client), name)
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

fn parsed(name: &str) -> Result<Chosen, Problem> {
    if name.is_empty() {
        return Ok(None);
    }
    let parsed = ServerName::try_from(name.to_owned());
    parsed
        .map(Some)
        .map_err(|_| Problem::setting(format!("{name:?} is not a name that a certificate could be for")))
}

/// Where no name is sent, sessions are others, too: who is asked for nobody may be somebody else.
fn configure(
    spec: &ServerTls,
    protocol: Protocol,
    authorities: &mut Authorities,
    sends_name: bool,
) -> Result<rustls::ClientConfig, Problem> {
    let Offer { provider, versions } = Offer::new(&spec.suite)?;
    let mut verifier = authorities.verifier(spec, &provider)?;
    if !sends_name && spec.host == ANY_HOST {
        verifier = verify::of_any_host(verifier);
    }
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&versions)
        .map_err(|error| Problem::setting(error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let mut client = match &spec.certificate {
        None => builder.with_no_client_auth(),
        Some(certificate) => {
            let own = Judged::new(certificate, seconds()).usable(&[])?;
            builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(own.certified)))
        }
    };
    let offered: &[&[u8]] = match protocol {
        Protocol::Http1 => &[b"http/1.1"],
        Protocol::Http2 => &[b"h2"],
        Protocol::Auto => &[b"h2", b"http/1.1"],
    };
    client.alpn_protocols = offered.iter().map(|name| name.to_vec()).collect();
    client.enable_sni = sends_name;
    let sessions = if spec.chosen.is_some() { CHOSEN_SESSIONS } else { SESSIONS };
    client.resumption = Resumption::in_memory_sessions(sessions);
    Ok(client)
}
