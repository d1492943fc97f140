//! TLS of a snapshot: configurations of listeners and towards servers, with the ones before where nothing has changed.
//!
//! A data plane that takes the place of one that died has no configurations from before, and files may not fit by then.
//! What they are for is left out until they do: a listener that lets nobody in, a server without an address.

use std::sync::Arc;

use super::build::Context;
use super::{Backend, Tables};
use crate::tls::{Alpn, Authorities, ClientConfig, ListenerConfig, Problem};
use crate::wire::{self, NoticeLevel};

/// What is spoken to one server.
pub struct Secured {
    /// None: plain, or nothing at all.
    pub tls: Option<ClientConfig>,
    /// It and the protocol are what they were.
    pub is_same: bool,
    /// There is TLS for it, or it needs none.
    pub is_fit: bool,
}

/// TLS towards a server, built anew only when something of it has changed or was left out.
pub fn server(
    (backend, server): (&wire::Backend, &wire::Server),
    before: Option<&Arc<Backend>>,
    context: &Context<'_>,
    authorities: &mut Authorities,
) -> Result<Secured, Problem> {
    let known = before.and_then(|before| {
        let place = before.server_named(&server.name)?;
        let (built, spec) = (before.servers.get(place)?, before.spec.servers.get(place)?);
        let is_same = spec.tls == server.tls && before.spec.protocol == backend.protocol;
        is_same.then(|| built.tls.clone())
    });
    let is_same = known.is_some();
    let (Some(spec), Some(_)) = (&server.tls, context.tickets) else {
        return Ok(Secured { tls: None, is_same, is_fit: true });
    };
    if let Some(Some(tls)) = known {
        return Ok(Secured { tls: Some(tls), is_same, is_fit: true });
    }
    match ClientConfig::build(spec, backend.protocol, authorities) {
        Ok(tls) => Ok(Secured { tls: Some(tls), is_same: false, is_fit: true }),
        Err(problem) => {
            let whom = || format!("server {}/{} counts as down", backend.name, server.name);
            leave_out(problem, is_same, context, whom)?;
            Ok(Secured { tls: None, is_same, is_fit: false })
        }
    }
}

/// TLS of a listener, built anew only when something of it has changed or was left out.
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
    let problem = match ListenerConfig::build(tls, alpn, tickets, before) {
        Ok(config) => return Ok(Some(config)),
        Err(problem) => problem,
    };
    let was_closed = before.is_some_and(|before| before.is_closed() && before.spec() == tls);
    leave_out(problem, was_closed, context, || format!("nobody gets in at {}", spec.address))?;
    ListenerConfig::closed(tls, alpn, tickets).map(Some)
}

/// Whether one can do without: in an emergency, and until what was left out then has changed.
fn leave_out(
    problem: Problem,
    is_known: bool,
    context: &Context<'_>,
    what: impl FnOnce() -> String,
) -> Result<(), Problem> {
    match context.salvage {
        Some(notices) => {
            let text = format!("{} until its TLS can be had: {problem}", what());
            notices.say(NoticeLevel::Error, text);
            Ok(())
        }
        None if is_known => Ok(()),
        None => Err(problem),
    }
}
