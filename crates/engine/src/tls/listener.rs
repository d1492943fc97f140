//! TLS of a listener: one configuration of rustls, shared by all threads; further ones where certificates have options.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::CertificateDer;
use rustls::server::{ClientHello, NoServerSessionStorage};

use super::certificates::{Judged, Usable};
use super::problem::Problem;
use super::resolver::Resolver;
use super::seconds;
use super::suites::Offer;
use super::terms::{Alpn, Return, Terms};
use super::tickets::Tickets;
use crate::wire::{ListenerTls, TlsSuite};

/// A whole TLS record: the fatal alert `unrecognized_name` (112), for clients that strict listeners do not know.
pub const UNRECOGNIZED_NAME: [u8; 7] = [0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x70];

/// TLS of a listener. A clone is the same.
#[derive(Clone)]
pub struct ListenerConfig {
    inner: Arc<Inner>,
}

struct Inner {
    /// That of the first terms, mostly the only ones.
    server: Arc<ServerConfig>,
    /// Those of further terms, each with the certificates for which they hold alone: whatever a client says later, it
    /// gets no certificate of other terms.
    others: Vec<Arc<ServerConfig>>,
    /// All certificates.
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
        Ok(Self {
            inner: Arc::new(Inner {
                server,
                others: Vec::new(),
                resolver,
                spec,
                alpn,
                tickets,
                is_closed: true,
            }),
        })
    }

    /// Whether nobody gets in.
    pub fn is_closed(&self) -> bool {
        self.inner.is_closed
    }

    /// For handshakes where nothing `varies`.
    pub fn server(&self) -> &Arc<ServerConfig> {
        &self.inner.server
    }

    /// Whether it depends on what a client says which configuration its handshake needs.
    pub fn varies(&self) -> bool {
        !self.inner.others.is_empty()
    }

    /// For the handshake of a client.
    pub fn server_for(&self, hello: &ClientHello<'_>) -> &Arc<ServerConfig> {
        let terms = if self.varies() { self.inner.resolver.terms_of(hello) } else { None };
        let other = terms.and_then(|terms| self.inner.others.get(terms.checked_sub(1)?));
        other.unwrap_or(&self.inner.server)
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
        let (now, own) = (seconds(), Terms::of(spec, alpn));
        let (all, usable) = judged(spec, alpn, now)?;
        if usable.get(spec.default).is_none() {
            return Err(Problem::setting("the default certificate is none of those that are there"));
        }
        let resolver = Arc::new(Resolver::new(&usable, spec.default, spec.strict_sni, now));
        let server = |(place, terms): (usize, &Terms<'_>)| {
            let among = if all.len() == 1 { Arc::clone(&resolver) } else { Arc::new(resolver.only(place)) };
            terms.server(among, |clients| {
                let scope = if *terms == own { clients } else { terms.scope(clients) };
                Return::of(spec, || tickets.scoped(scope))
            })
        };
        let mut servers = all.iter().enumerate().map(server).collect::<Result<Vec<_>, _>>()?;
        let others = servers.split_off(1.min(servers.len()));
        let Some(server) = servers.pop() else { return Err(Problem::setting("there is no certificate")) };
        let (spec, tickets) = (spec.clone(), Arc::clone(tickets));
        Ok(Self { server, others, resolver, spec, alpn, tickets, is_closed: false })
    }
}

/// The certificates of a listener, and all terms that hold for some of them.
fn judged(spec: &ListenerTls, alpn: Alpn, now: i64) -> Result<(Vec<Terms<'_>>, Vec<Usable>), Problem> {
    let (own, mut all) = (Terms::of(spec, alpn), Vec::new());
    let mut usable = Vec::with_capacity(spec.certificates.len());
    for certificate in &spec.certificates {
        let options = certificate.options.as_ref();
        let terms = options.map_or(own, |options| Terms::among(options, alpn));
        let known = all.iter().position(|known| *known == terms);
        let place = known.unwrap_or(all.len());
        if known.is_none() {
            all.push(terms);
        }
        let one = Judged::new(certificate, now).usable(&certificate.names)?;
        usable.push(Usable { terms: place, ..one });
    }
    Ok((all, usable))
}
