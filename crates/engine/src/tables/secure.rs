//! TLS of a snapshot: configurations of listeners and towards servers, with the ones before where nothing has changed.

use std::sync::Arc;

use super::build::Context;
use super::{Backend, Tables};
use crate::tls::{Alpn, Authorities, ClientConfig, ListenerConfig, Problem};
use crate::wire;

/// TLS towards one server, and whether it and the protocol are what they were.
pub type Secured = (Option<ClientConfig>, bool);

/// TLS towards a server, built anew only when something of it has changed.
pub fn server(
    (backend, server): (&wire::Backend, &wire::Server),
    before: Option<&Arc<Backend>>,
    context: &Context<'_>,
    authorities: &mut Authorities,
) -> Result<Secured, Problem> {
    let known = before.and_then(|before| {
        let place = before.server_named(&server.name)?;
        Some((before.servers.get(place)?, before.spec.servers.get(place)?, before.spec.protocol))
    });
    if let Some((built, spec, protocol)) = known
        && spec.tls == server.tls
        && protocol == backend.protocol
    {
        return Ok((built.tls.clone(), true));
    }
    match &server.tls {
        Some(spec) if context.tickets.is_some() => {
            Ok((Some(ClientConfig::build(spec, backend.protocol, authorities)?), false))
        }
        _ => Ok((None, false)),
    }
}

/// TLS of a listener, built anew only when something of it has changed.
pub fn listener(
    spec: &wire::Listener,
    is_http: bool,
    old: Option<&Tables>,
    context: &Context<'_>,
) -> Result<Option<ListenerConfig>, Problem> {
    let (Some(tls), Some(tickets)) = (&spec.tls, context.tickets) else { return Ok(None) };
    let alpn = match (is_http, spec.http2) {
        (false, _) => Alpn::None,
        (true, false) => Alpn::Http1,
        (true, true) => Alpn::Http2,
    };
    let before = old.and_then(|old| old.listener(&spec.address)?.tls.as_ref());
    ListenerConfig::build(tls, alpn, tickets, before).map(Some)
}
