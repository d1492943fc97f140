//! On which terms a handshake is done: what is offered, what clients must show, which of their sessions count.
//!
//! Those of a listener hold for all of its certificates, but for those that have options of their own. Which certificates
//! there are, and which one a client gets, is known elsewhere.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::server::{NoServerSessionStorage, ProducesTickets, ServerSessionMemoryCache};
use sha2::{Digest, Sha256};

use super::problem::Problem;
use super::resolver::Resolver;
use super::suites::Offer;
use super::tickets::Scope;
use super::verify::Clients;
use crate::wire::{CertificateOptions, ClientCertificates, ListenerTls, TlsSuite};

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

/// How clients that come back are known.
pub enum Return {
    /// They are not.
    Stranger,
    /// By what they bring, sealed.
    ByTicket(Arc<dyn ProducesTickets>),
    /// By what is kept here, which lives and dies with the configuration.
    BySession,
}

impl Return {
    /// As a listener has it.
    pub fn of(spec: &ListenerTls, tickets: impl FnOnce() -> Arc<dyn ProducesTickets>) -> Self {
        match (spec.resumption, spec.tickets) {
            (false, _) => Self::Stranger,
            (true, true) => Self::ByTicket(tickets()),
            (true, false) => Self::BySession,
        }
    }
}

/// Sessions that are kept at most; HAProxy keeps 20 000 by default (its manual, `tune.ssl.cachesize`).
const SESSIONS: usize = 20_000;

/// What holds for some certificates of a listener.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Terms<'a> {
    suite: &'a TlsSuite,
    client: Option<&'a ClientCertificates>,
    alpn: Alpn,
}

impl<'a> Terms<'a> {
    /// Those of a listener.
    pub fn of(spec: &'a ListenerTls, alpn: Alpn) -> Self {
        Self { suite: &spec.suite, client: spec.client.as_ref(), alpn }
    }

    /// Those of a certificate; its listener's ALPN tells whether requests are spoken at all.
    pub fn among(options: &'a CertificateOptions, alpn: Alpn) -> Self {
        let alpn = match alpn {
            Alpn::None => Alpn::None,
            Alpn::Http1 | Alpn::Http2 if options.http2 => Alpn::Http2,
            Alpn::Http1 | Alpn::Http2 => Alpn::Http1,
        };
        Self { suite: &options.suite, client: options.client.as_ref(), alpn }
    }

    /// Where sessions count, if they are not to count on any other terms; `clients` is what clients must show.
    pub fn scope(&self, clients: Scope) -> Scope {
        let mut hash = Sha256::new_with_prefix(b"options");
        hash.update(clients);
        for words in [&self.suite.versions, &self.suite.ciphers, &self.suite.groups] {
            hash.update(words.join(" "));
            hash.update(b";");
        }
        hash.update([u8::from(self.alpn == Alpn::Http2)]);
        hash.finalize().into()
    }

    /// The configuration of rustls; `returning`: how clients are known again that showed what must be shown.
    pub fn server(
        &self,
        resolver: Arc<Resolver>,
        returning: impl FnOnce(Scope) -> Return,
    ) -> Result<Arc<ServerConfig>, Problem> {
        let Offer { provider, versions } = Offer::new(self.suite)?;
        let clients = match self.client {
            None => Clients::unasked(),
            Some(client) => Clients::new(client, &provider)?,
        };
        let mut server = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&versions)
            .map_err(|error| Problem::setting(error.to_string()))?
            .with_client_cert_verifier(clients.verifier)
            .with_cert_resolver(resolver);
        server.alpn_protocols = self.alpn.offered();
        server.ignore_client_order = !self.suite.ciphers.is_empty();
        server.session_storage = Arc::new(NoServerSessionStorage {});
        match returning(clients.scope) {
            Return::Stranger => server.send_tls13_tickets = 0,
            // Tickets hold whole sessions: nothing of them is kept here.
            Return::ByTicket(tickets) => server.ticketer = tickets,
            Return::BySession => server.session_storage = ServerSessionMemoryCache::new(SESSIONS),
        }
        Ok(Arc::new(server))
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
