//! TLS of a listener: one configuration of rustls, shared by all threads.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::CertificateDer;
use rustls::server::{ClientHello, NoServerSessionStorage};

use super::certificates::Judged;
use super::problem::Problem;
use super::resolver::Resolver;
use super::seconds;
use super::suites::Offer;
use super::tickets::Tickets;
use super::verify::Clients;
use crate::wire::{ListenerTls, TlsSuite};

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
    resolver: Arc<Resolver>,
    spec: ListenerTls,
    alpn: Alpn,
    tickets: Arc<Tickets>,
    is_closed: bool,
}

impl ListenerConfig {
    /// Reads the files and builds; the previous one is taken where nothing is different, stamps of files included.
    pub fn build(
        spec: &ListenerTls,
        alpn: Alpn,
        tickets: &Arc<Tickets>,
        previous: Option<&Self>,
    ) -> Result<Self, Problem> {
        let is_same = |old: &&Self| old.inner.is(spec, alpn, tickets) && !old.is_closed();
        if let Some(previous) = previous.filter(is_same) {
            return Ok(previous.clone());
        }
        Inner::build(spec, alpn, tickets).map(|inner| Self { inner: Arc::new(inner) })
    }

    /// One that refuses every handshake, for files that do not fit. It reads none, and none of its settings can fail.
    pub fn closed(spec: &ListenerTls, alpn: Alpn, tickets: &Arc<Tickets>) -> Result<Self, Problem> {
        let Offer { provider, versions } = Offer::new(&TlsSuite::default())?;
        let resolver = Arc::new(Resolver::new(&[], 0, false, 0));
        let mut server = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&versions)
            .map_err(|error| Problem::setting(error.to_string()))?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&resolver) as Arc<_>);
        server.session_storage = Arc::new(NoServerSessionStorage {});
        let (server, spec, tickets) = (Arc::new(server), spec.clone(), Arc::clone(tickets));
        Ok(Self { inner: Arc::new(Inner { server, resolver, spec, alpn, tickets, is_closed: true }) })
    }

    /// Whether nobody gets in.
    pub fn is_closed(&self) -> bool {
        self.inner.is_closed
    }

    /// For handshakes.
    pub fn server(&self) -> &Arc<ServerConfig> {
        &self.inner.server
    }

    /// What it was built from.
    pub fn spec(&self) -> &ListenerTls {
        &self.inner.spec
    }

    /// The certificate for a client.
    pub fn shown_to(&self, hello: &ClientHello<'_>) -> Option<CertificateDer<'static>> {
        self.inner.resolver.shown_to(hello)
    }

    /// Whether a client that names this host (lower case, as rustls tells it) gets past its hello. It is only ever false
    /// where `spec().strict_sni` is set; the answer is then `UNRECOGNIZED_NAME`, which rustls does not say: a resolver
    /// that has no certificate makes it say `access_denied` (49).
    pub fn admits(&self, name: Option<&str>) -> bool {
        self.inner.resolver.knows(name)
    }
}

impl Inner {
    fn is(&self, spec: &ListenerTls, alpn: Alpn, tickets: &Arc<Tickets>) -> bool {
        self.spec == *spec && self.alpn == alpn && Arc::ptr_eq(&self.tickets, tickets)
    }

    fn build(spec: &ListenerTls, alpn: Alpn, tickets: &Arc<Tickets>) -> Result<Self, Problem> {
        let now = seconds();
        let Offer { provider, versions } = Offer::new(&spec.suite)?;
        let judged = spec
            .certificates
            .iter()
            .map(|certificate| Judged::new(certificate, now).usable(&certificate.names));
        let usable = judged.collect::<Result<Vec<_>, _>>()?;
        if usable.get(spec.default).is_none() {
            return Err(Problem::setting("the default certificate is none of those that are there"));
        }
        let resolver = Arc::new(Resolver::new(&usable, spec.default, spec.strict_sni, now));
        let clients = match &spec.client {
            None => Clients::unasked(),
            Some(client) => Clients::new(client, &provider)?,
        };
        let mut server = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&versions)
            .map_err(|error| Problem::setting(error.to_string()))?
            .with_client_cert_verifier(clients.verifier)
            .with_cert_resolver(Arc::clone(&resolver) as Arc<_>);
        server.alpn_protocols = alpn.offered();
        server.ignore_client_order = !spec.suite.ciphers.is_empty();
        // Tickets hold whole sessions: nothing of them is kept here.
        server.session_storage = Arc::new(NoServerSessionStorage {});
        if spec.resumption {
            server.ticketer = tickets.scoped(clients.scope);
        } else {
            server.send_tls13_tickets = 0;
        }
        let (spec, tickets) = (spec.clone(), Arc::clone(tickets));
        Ok(Self { server: Arc::new(server), resolver, spec, alpn, tickets, is_closed: false })
    }
}

impl Alpn {
    fn offered(self) -> Vec<Vec<u8>> {
        let offered: &[&str] = match self {
            Self::None => &[],
            Self::Http1 => &["http/1.1"],
            Self::Http2 => &["h2", "http/1.1"],
        };
        offered.iter().map(|name| name.as_bytes().to_vec()).collect()
    }
}
