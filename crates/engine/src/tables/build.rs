//! From a snapshot to tables: first everything is checked and compiled, then - nothing can fail any more - assembled.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use tenbin_balance::{
    Admin, Eject, Group, GroupSpec, HashMethod, Health, IpHashForm, OnDrain, Passive, PolicySpec, ServerSpec,
    StickyMap,
};
use tenbin_rules::{Expr, Router};

use super::frontend::{Action, Edit, Fixed};
use super::{Backend, Frontend, Listener, Route, Server, Slots, Sticky, Tables};
use crate::clock::Clock;
use crate::stats::{FrontendCounters, ListenerCounters, Workers};
use crate::wire::{self, Policy, Snapshot};

/// Why a snapshot is refused.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {reason}")]
pub struct Refusal {
    /// The place in the snapshot.
    pub path: String,
    /// What was found, what was expected.
    pub reason: String,
}

/// What building needs besides the snapshot.
pub struct Context<'a> {
    /// Worker threads.
    pub threads: usize,
    /// Gives out pool places.
    pub slots: &'a Arc<Slots>,
    /// For slow start and seeds.
    pub clock: Clock,
    /// Addresses whose sockets are at hand.
    pub sockets: &'a dyn Fn(&str) -> bool,
}

/// Tables, and what is to be done once they are in force.
pub struct Built {
    /// The new tables.
    pub tables: Tables,
    /// Backends of the old tables that are replaced or gone.
    pub retired: Vec<Arc<Backend>>,
    /// Servers of kept backends whose weight or states the snapshot changes.
    pub changes: Vec<(Arc<Backend>, usize, wire::Server)>,
}

fn refuse<T>(path: impl Into<String>, reason: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal { path: path.into(), reason: reason.into() })
}

impl Built {
    /// Compiles a snapshot against what is there.
    pub fn new(snapshot: Snapshot, old: Option<&Tables>, context: &Context<'_>) -> Result<Self, Refusal> {
        check_names(&snapshot)?;
        let secret = hex(&snapshot.secret)?;
        let mut frontends = Vec::with_capacity(snapshot.frontends.len());
        for (index, spec) in snapshot.frontends.iter().enumerate() {
            frontends.push(draft_frontend(&format!("frontends[{index}]"), spec, &snapshot)?);
        }
        let mut backends = Vec::with_capacity(snapshot.backends.len());
        for (index, spec) in snapshot.backends.iter().enumerate() {
            backends.push(draft_backend(&format!("backends[{index}]"), spec)?);
        }
        let listeners = draft_listeners(&snapshot, context)?;
        Ok(assemble(snapshot, secret, (listeners, frontends, backends), old, context))
    }
}

type Drafts = (Vec<(u16, usize)>, Vec<FrontendDraft>, Vec<BackendDraft>);

struct FrontendDraft {
    trusted: Vec<ipnet::IpNet>,
    router: Router,
    routes: Vec<Route>,
}

struct BackendDraft {
    key: Option<Expr>,
    sticky_key: Option<Expr>,
    addresses: Vec<Option<SocketAddr>>,
}

fn check_names(snapshot: &Snapshot) -> Result<(), Refusal> {
    if !(1..=64).contains(&snapshot.threads) {
        return refuse("threads", format!("found {}, expected 1 to 64", snapshot.threads));
    }
    let mut seen = HashMap::new();
    for (index, backend) in snapshot.backends.iter().enumerate() {
        if let Some(first) = seen.insert(backend.name.as_str(), index) {
            return refuse(
                format!("backends[{index}].name"),
                format!("{:?} is backends[{first}] too", backend.name),
            );
        }
        let mut servers = HashMap::with_capacity(backend.servers.len());
        for (place, server) in backend.servers.iter().enumerate() {
            if let Some(first) = servers.insert(server.name.as_str(), place) {
                let path = format!("backends[{index}].servers[{place}].name");
                return refuse(path, format!("{:?} is servers[{first}] too", server.name));
            }
        }
    }
    let mut seen = HashMap::new();
    for (index, frontend) in snapshot.frontends.iter().enumerate() {
        if let Some(first) = seen.insert(frontend.name.as_str(), index) {
            let reason = format!("{:?} is frontends[{first}] too", frontend.name);
            return refuse(format!("frontends[{index}].name"), reason);
        }
    }
    Ok(())
}

fn hex(text: &str) -> Result<Vec<u8>, Refusal> {
    let digits = text.as_bytes().chunks(2).map(|pair| {
        std::str::from_utf8(pair)
            .ok()
            .filter(|pair| pair.len() == 2)
            .and_then(|pair| u8::from_str_radix(pair, 16).ok())
    });
    match digits.collect::<Option<Vec<u8>>>() {
        Some(bytes) if bytes.len() >= 16 => Ok(bytes),
        _ => refuse("secret", "expected at least 32 hexadecimal digits"),
    }
}

fn expression(path: &str, wire: &tenbin_rules::wire::Expr) -> Result<Expr, Refusal> {
    Expr::compile(wire).map_err(|error| Refusal {
        path: if error.path.is_empty() { path.to_owned() } else { format!("{path}.{}", error.path) },
        reason: error.reason,
    })
}

fn draft_frontend(path: &str, spec: &wire::Frontend, snapshot: &Snapshot) -> Result<FrontendDraft, Refusal> {
    let mut trusted = Vec::new();
    for (index, network) in spec.trusted_proxies.iter().enumerate() {
        match network.parse().or_else(|_| network.parse::<IpAddr>().map(ipnet::IpNet::from)) {
            Ok(network) => trusted.push(network),
            Err(_) => {
                return refuse(
                    format!("{path}.trusted_proxies[{index}]"),
                    format!("{network:?} is no network"),
                );
            }
        }
    }
    let mut conditions = Vec::with_capacity(spec.routes.len());
    let mut routes = Vec::with_capacity(spec.routes.len());
    for (index, route) in spec.routes.iter().enumerate() {
        let path = format!("{path}.routes[{index}]");
        conditions
            .push(route.when.as_ref().map(|when| expression(&format!("{path}.when"), when)).transpose()?);
        routes.push(draft_route(&path, route, snapshot)?);
    }
    Ok(FrontendDraft { trusted, router: Router::new(conditions), routes })
}

fn draft_route(path: &str, route: &wire::Route, snapshot: &Snapshot) -> Result<Route, Refusal> {
    Ok(Route {
        request: edits(&format!("{path}.request"), &route.request)?,
        answer: edits(&format!("{path}.answer"), &route.answer)?,
        rewrite: route.rewrite.as_ref().map(|r| (r.prefix.clone().into_bytes(), r.to.clone().into_bytes())),
        action: match &route.action {
            Some(action) => Some(draft_action(&format!("{path}.action"), action, snapshot)?),
            None => None,
        },
        position: route.position.clone(),
    })
}

fn edits(path: &str, edits: &[wire::HeaderEdit]) -> Result<Vec<Edit>, Refusal> {
    let compile = |(index, edit): (usize, &wire::HeaderEdit)| {
        let value = edit
            .value
            .as_ref()
            .map(|value| expression(&format!("{path}[{index}].value"), value))
            .transpose()?;
        if value.is_none() && edit.verb != wire::HeaderVerb::Remove {
            return refuse(format!("{path}[{index}].value"), "missing: only remove has none");
        }
        Ok(Edit { verb: edit.verb, name: edit.name.clone().into_bytes(), value })
    };
    edits.iter().enumerate().map(compile).collect()
}

fn draft_action(path: &str, action: &wire::Action, snapshot: &Snapshot) -> Result<Action, Refusal> {
    match action {
        wire::Action::Backend { backend } => {
            if snapshot.backends.iter().any(|known| known.name == *backend) {
                return Ok(Action::Backend(backend.clone()));
            }
            refuse(format!("{path}.backend"), format!("no backend is called {backend:?}"))
        }
        wire::Action::Redirect { location, code } => {
            if ![301, 302, 303, 307, 308].contains(code) {
                return refuse(format!("{path}.code"), format!("{code} is no redirection"));
            }
            Ok(Action::Redirect { location: expression(&format!("{path}.location"), location)?, code: *code })
        }
        wire::Action::Respond { status, headers, body } => {
            if !(200..=599).contains(status) {
                return refuse(format!("{path}.status"), format!("found {status}, expected 200 to 599"));
            }
            let Some(body) = base64(body) else { return refuse(format!("{path}.body"), "not base64") };
            let mut lines = Vec::new();
            for (name, value) in headers {
                if name.is_empty()
                    || (name.clone() + value).bytes().any(|byte| matches!(byte, b'\r' | b'\n' | 0))
                {
                    return refuse(format!("{path}.headers"), format!("{name:?} is no field"));
                }
                lines.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
            }
            Ok(Action::Respond(Fixed { status: *status, lines, body }))
        }
        wire::Action::Deny { status } if (400..=599).contains(status) => Ok(Action::Deny(*status)),
        wire::Action::Deny { status } => {
            refuse(format!("{path}.status"), format!("found {status}, expected 400 to 599"))
        }
    }
}

/// RFC 4648 section 4, with padding.
fn base64(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim_end_matches('=').bytes();
    let (mut out, mut bits, mut held) = (Vec::with_capacity(text.len() * 3 / 4), 0_u32, 0);
    for digit in digits {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push((bits >> held) as u8);
            bits &= (1 << held) - 1;
        }
    }
    Some(out)
}

fn draft_backend(path: &str, spec: &wire::Backend) -> Result<BackendDraft, Refusal> {
    let key =
        spec.balance.key.as_ref().map(|key| expression(&format!("{path}.balance.key"), key)).transpose()?;
    if spec.balance.policy == Policy::Hash && key.is_none() {
        return refuse(format!("{path}.balance.key"), "missing: policy hash needs it");
    }
    let sticky_key = match &spec.sticky {
        Some(wire::Sticky::Key { key, .. }) => Some(expression(&format!("{path}.sticky.key"), key)?),
        _ => None,
    };
    let parse = |(index, server): (usize, &wire::Server)| {
        if server.weight > 256 {
            return refuse(
                format!("{path}.servers[{index}].weight"),
                format!("found {}, expected 0 to 256", server.weight),
            );
        }
        match server.address.as_deref().map(str::parse) {
            None => Ok(None),
            Some(Ok(address)) => Ok(Some(address)),
            Some(Err(_)) => {
                let found = server.address.as_deref().unwrap_or_default();
                refuse(format!("{path}.servers[{index}].address"), format!("{found:?} is no ip:port"))
            }
        }
    };
    let addresses = spec.servers.iter().enumerate().map(parse).collect::<Result<_, _>>()?;
    Ok(BackendDraft { key, sticky_key, addresses })
}

fn draft_listeners(snapshot: &Snapshot, context: &Context<'_>) -> Result<Vec<(u16, usize)>, Refusal> {
    let place = |(index, listener): (usize, &wire::Listener)| {
        let path = format!("listeners[{index}]");
        let Ok(address) = listener.address.parse::<SocketAddr>() else {
            return refuse(format!("{path}.address"), format!("{:?} is no ip:port", listener.address));
        };
        let Some(frontend) = snapshot.frontends.iter().position(|known| known.name == listener.frontend)
        else {
            return refuse(
                format!("{path}.frontend"),
                format!("no frontend is called {:?}", listener.frontend),
            );
        };
        if !(context.sockets)(&listener.address) {
            return refuse(
                format!("{path}.address"),
                format!("no sockets were handed over for {}", listener.address),
            );
        }
        Ok((address.port(), frontend))
    };
    snapshot.listeners.iter().enumerate().map(place).collect()
}

/// Nothing fails from here on.
fn assemble(
    snapshot: Snapshot,
    secret: Vec<u8>,
    (places, frontend_drafts, backend_drafts): Drafts,
    old: Option<&Tables>,
    context: &Context<'_>,
) -> Built {
    let mut changes = Vec::new();
    let mut retired: Vec<Arc<Backend>> = Vec::new();
    let mut backends = Vec::with_capacity(snapshot.backends.len());
    for (spec, draft) in snapshot.backends.into_iter().zip(backend_drafts) {
        let before = old.and_then(|old| old.backend(&spec.name));
        match before {
            Some(before) if same_shape(&before.spec, &spec) => {
                for (index, server) in spec.servers.iter().enumerate() {
                    changes.push((Arc::clone(before), index, server.clone()));
                }
                backends.push(Arc::clone(before));
            }
            _ => backends.push(Arc::new(build_backend(spec, draft, before, context))),
        }
    }
    let backend_names: HashMap<_, _> =
        backends.iter().enumerate().map(|(index, backend)| (backend.spec.name.clone(), index)).collect();
    for before in old.map(|old| old.backends.as_slice()).unwrap_or_default() {
        let kept = backend_names.get(&before.spec.name).and_then(|index| backends.get(*index));
        if !kept.is_some_and(|kept| Arc::ptr_eq(kept, before)) {
            retired.push(Arc::clone(before));
        }
    }
    let frontends: Vec<_> = snapshot
        .frontends
        .into_iter()
        .zip(frontend_drafts)
        .map(|(spec, draft)| build_frontend(spec, draft, old, context.threads))
        .collect();
    let mut listener_counters = HashMap::new();
    let listener = |(spec, (port, frontend)): (wire::Listener, (u16, usize))| {
        let kept = old.and_then(|old| old.listener_counters.get(&spec.address)).cloned();
        let counters = kept.unwrap_or_else(|| {
            Arc::new(ListenerCounters { current: <_>::default(), workers: Workers::new(context.threads) })
        });
        listener_counters.insert(spec.address.clone(), Arc::clone(&counters));
        Listener { address: spec.address, port, frontend, lenient: spec.lenient, counters }
    };
    let listeners = snapshot.listeners.into_iter().zip(places).map(listener).collect();
    let tables = Tables {
        generation: AtomicU64::new(snapshot.generation),
        limits: snapshot.limits,
        access_log: snapshot.access_log,
        secret,
        listeners,
        frontends,
        backends,
        backend_names,
        listener_counters,
    };
    Built { tables, retired, changes }
}

fn build_frontend(
    spec: wire::Frontend,
    draft: FrontendDraft,
    old: Option<&Tables>,
    threads: usize,
) -> Arc<Frontend> {
    let before = old.and_then(|old| old.frontends.iter().find(|before| before.spec.name == spec.name));
    if let Some(before) = before
        && before.spec == spec
    {
        return Arc::clone(before);
    }
    let counters = before.map_or_else(
        || {
            Arc::new(FrontendCounters {
                current: <_>::default(),
                workers: Workers::new(threads),
                errors: <_>::default(),
            })
        },
        |before| Arc::clone(&before.counters),
    );
    let FrontendDraft { trusted, router, routes } = draft;
    Arc::new(Frontend { spec, trusted, router, routes, counters })
}

/// Whether two backends differ at most in what a patch could change.
fn same_shape(old: &wire::Backend, new: &wire::Backend) -> bool {
    let pinned = new.balance.policy == Policy::StaticRr;
    old.servers.len() == new.servers.len()
        && old.servers.iter().zip(&new.servers).all(|(old, new)| {
            let same =
                wire::Server { weight: old.weight, admin: old.admin, health: old.health, ..new.clone() };
            same == *old && (!pinned || old.weight == new.weight)
        })
        && wire::Backend { servers: Vec::new(), ..old.clone() }
            == wire::Backend { servers: Vec::new(), ..new.clone() }
}

fn build_backend(
    spec: wire::Backend,
    draft: BackendDraft,
    before: Option<&Arc<Backend>>,
    context: &Context<'_>,
) -> Backend {
    let known: HashMap<&str, &Arc<Server>> = before
        .iter()
        .flat_map(|before| &before.servers)
        .map(|server| (server.name.as_str(), server))
        .collect();
    let servers: Vec<_> = spec
        .servers
        .iter()
        .zip(draft.addresses)
        .map(|(server, address)| {
            build_server(server, address, &spec, known.get(server.name.as_str()).copied(), context)
        })
        .collect();
    let states = servers.iter().map(|server| Arc::clone(&server.state)).collect();
    let now = context.clock.millis();
    let group = Group::new(group_spec(&spec), states, context.clock.micros());
    for (index, server) in spec.servers.iter().enumerate() {
        group.set_admin(index, server.admin, now);
        group.set_health(index, effective_health(server), now);
    }
    let counters =
        before.map_or_else(|| Arc::new(Workers::new(context.threads)), |before| Arc::clone(&before.counters));
    let sticky = spec.sticky.as_ref().map(|sticky| build_sticky(sticky, draft.sticky_key, before));
    let by_id = servers.iter().enumerate().map(|(index, server)| (server.state.id(), index)).collect();
    let by_cookie =
        servers.iter().enumerate().map(|(index, server)| (server.cookie.clone(), index)).collect();
    Backend { group, servers, by_id, by_cookie, key: draft.key, sticky, counters, spec }
}

/// A server without an address cannot take work, whatever checks say.
pub fn effective_health(server: &wire::Server) -> Health {
    if server.address.is_none() { Health::Down } else { server.health }
}

fn build_server(
    server: &wire::Server,
    address: Option<SocketAddr>,
    backend: &wire::Backend,
    before: Option<&Arc<Server>>,
    context: &Context<'_>,
) -> Arc<Server> {
    let spec = ServerSpec {
        weight: server.weight,
        backup: server.backup,
        max_connections: server.max_connections,
        max_queue: server.max_queue,
        passive: server.passive.map(|p| Passive { max_fails: p.max_fails, fail_timeout_ms: p.fail_timeout }),
        slow_start_ms: backend.slow_start,
        admin: server.admin,
        health: effective_health(server),
    };
    let state = match before {
        Some(before) => {
            before.state.configure(&spec);
            Arc::clone(&before.state)
        }
        None => Arc::new(tenbin_balance::Server::new(&server.name, &spec)),
    };
    if let Some(before) = before
        && before.address == address
        && before.cookie == server.cookie.as_bytes()
    {
        return Arc::clone(before);
    }
    Arc::new(Server {
        name: server.name.clone(),
        address,
        address_text: address.map_or_else(|| "-".to_owned(), |address| address.to_string()),
        cookie: server.cookie.clone().into_bytes(),
        slot: context.slots.take(),
        state,
        counters: before
            .map_or_else(|| Arc::new(Workers::new(context.threads)), |before| Arc::clone(&before.counters)),
    })
}

fn build_sticky(sticky: &wire::Sticky, key: Option<Expr>, before: Option<&Arc<Backend>>) -> Sticky {
    let kept =
        before.filter(|before| before.spec.sticky.as_ref() == Some(sticky)).and_then(|before| match &before
            .sticky
        {
            Some(Sticky::Table { map, .. }) => Some(Arc::clone(map)),
            _ => None,
        });
    match sticky {
        wire::Sticky::Cookie { name, plain, attributes, max_idle, max_life } => Sticky::Cookie {
            name: name.clone().into_bytes(),
            plain: *plain,
            attributes: attributes.clone().into_bytes(),
            max_idle: max_idle.div_ceil(1000),
            max_life: max_life.div_ceil(1000),
        },
        wire::Sticky::Source { expire, size } | wire::Sticky::Key { expire, size, .. } => {
            Sticky::Table { key, map: kept.unwrap_or_else(|| Arc::new(StickyMap::new(*size, *expire))) }
        }
    }
}

fn group_spec(spec: &wire::Backend) -> GroupSpec {
    let balance = &spec.balance;
    let policy = match balance.policy {
        Policy::RoundRobin => PolicySpec::RoundRobin,
        Policy::StaticRr => PolicySpec::StaticRr,
        Policy::LeastConn => PolicySpec::LeastConn,
        Policy::Random => PolicySpec::Random { draws: balance.draws },
        Policy::First => PolicySpec::First,
        Policy::IpHash => PolicySpec::IpHash {
            form: match balance.ip_form {
                wire::IpForm::Fnv1a => IpHashForm::Fnv1a,
                wire::IpForm::Nginx => IpHashForm::Nginx,
            },
        },
        Policy::Hash => PolicySpec::Hash {
            method: match balance.method {
                wire::HashMethod::Modulo => HashMethod::Modulo,
                wire::HashMethod::Consistent => HashMethod::Consistent,
                wire::HashMethod::Maglev => HashMethod::Maglev,
            },
            load_factor: (balance.load_factor > 0).then_some(balance.load_factor),
        },
        Policy::PeakEwma => {
            PolicySpec::PeakEwma { decay_ms: balance.decay, error_penalty_ms: balance.error_penalty }
        }
    };
    GroupSpec {
        policy,
        eject: spec.eject.map(|eject| Eject {
            consecutive: eject.consecutive,
            base_ms: eject.base,
            max_ms: eject.longest,
            max_percent: eject.percent,
        }),
        max_queue: spec.max_queue,
        sticky_on_drain: if spec.drain_sticky { OnDrain::Stay } else { OnDrain::Leave },
        all_backups: false,
        retry_budget_percent: spec.retry.budget,
    }
}

/// Carries out what a patch or a kept backend's snapshot says of one server.
pub fn change_server(
    backend: &Backend,
    index: usize,
    weight: Option<u16>,
    admin: Option<Admin>,
    health: Option<Health>,
    now_ms: u64,
) {
    let Some(server) = backend.servers.get(index) else { return };
    if let Some(weight) = weight.filter(|weight| *weight != server.state.weight()) {
        backend.group.set_weight(index, weight, now_ms);
    }
    if let Some(admin) = admin.filter(|admin| *admin != server.state.admin()) {
        backend.group.set_admin(index, admin, now_ms);
    }
    if let Some(health) = health.filter(|health| *health != server.state.health()) {
        let health = if server.address.is_none() { Health::Down } else { health };
        backend.group.set_health(index, health, now_ms);
    }
}
