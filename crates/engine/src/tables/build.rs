//! From a snapshot to tables: first everything is checked and compiled, then - nothing can fail any more - assembled.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use tenbin_balance::{Admin, Group, Health, Passive, ServerSpec};
use tenbin_rules::{TlsFact, Value, Variable};

use super::draft::{BackendDraft, Drafts, FrontendDraft, ListenerDraft, ServerDraft};
use super::partings::{self, Parting};
use super::{Backend, Frontend, Listener, PerSource, Server, Slots, Sticky, Tables, group};
use crate::address::Address;
use crate::clock::Clock;
use crate::lines::Sinks;
use crate::notice::Notices;
use crate::rates::Pace;
use crate::stats::{FrontendCounters, ListenerCounters, Workers};
use crate::tls::Tickets;
use crate::watch::Watch;
use crate::wire::{self, Snapshot};

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
    /// For lines of frontends; None: they go nowhere.
    pub sinks: Option<&'a Sinks>,
    /// For listeners with TLS; None: no file is read, and nobody handshakes.
    pub tickets: Option<&'a Arc<Tickets>>,
    /// What TLS cannot be had for is told here instead of refused: such a listener lets nobody in, such a server is down.
    pub salvage: Option<&'a Notices>,
}

/// Tables, and what is to be done once they are in force.
pub struct Built {
    /// The new tables.
    pub tables: Tables,
    /// Backends of the old tables that are replaced or gone.
    pub retired: Vec<Arc<Backend>>,
    /// Servers of kept backends whose weight or states the snapshot changes.
    pub changes: Vec<(Arc<Backend>, usize, wire::Server)>,
    /// Of servers that went down with their backend being replaced.
    pub fallen: Vec<Parting>,
    /// Variables of the process that are set when it starts.
    pub variables: Vec<(Variable, Value<'static>)>,
}

impl Built {
    /// Compiles a snapshot against what is there.
    pub fn new(snapshot: Snapshot, old: Option<&Tables>, context: &Context<'_>) -> Result<Self, Refusal> {
        let drafts = Drafts::new(&snapshot, old, context)?;
        Ok(assemble(snapshot, drafts, old, context))
    }
}

/// Nothing fails from here on.
fn assemble(snapshot: Snapshot, drafts: Drafts, old: Option<&Tables>, context: &Context<'_>) -> Built {
    let Drafts {
        listeners: places,
        frontends: frontend_drafts,
        backends: backend_drafts,
        secret,
        lists,
        variables,
        stick,
        asks,
    } = drafts;
    let (mut changes, mut fallen) = (Vec::new(), Vec::new());
    let mut backends = Vec::with_capacity(snapshot.backends.len());
    for (spec, draft) in snapshot.backends.into_iter().zip(backend_drafts) {
        let before = old.and_then(|old| old.backend(&spec.name));
        match before {
            Some(before) if same_shape(&before.spec, &spec) && before.is_whole => {
                for (index, server) in spec.servers.iter().enumerate() {
                    changes.push((Arc::clone(before), index, server.clone()));
                }
                backends.push(Arc::clone(before));
            }
            _ => {
                let standing = before.map(standing).unwrap_or_default();
                let backend = build_backend(spec, draft, before, context);
                fallen.extend(partings::fallen(&standing, backend.spec.close_on_down));
                backends.push(Arc::new(backend));
            }
        }
    }
    let backend_names: HashMap<_, _> =
        backends.iter().enumerate().map(|(index, backend)| (backend.spec.name.clone(), index)).collect();
    let retired = retired(old, &backends, &backend_names);
    let frontends: Vec<_> = snapshot
        .frontends
        .into_iter()
        .zip(frontend_drafts)
        .map(|(spec, draft)| build_frontend(spec, draft, old, context.threads))
        .collect();
    let mut listener_counters = HashMap::new();
    let listener = |(spec, draft): (wire::Listener, ListenerDraft)| {
        let built = build_listener(spec, draft, old, context.threads);
        listener_counters.insert(built.address.clone(), Arc::clone(&built.counters));
        built
    };
    let listeners = snapshot.listeners.into_iter().zip(places).map(listener).collect();
    let tables = Tables {
        generation: AtomicU64::new(snapshot.generation),
        limits: snapshot.limits,
        access_log: snapshot.access_log,
        secret,
        lists: lists.settle(),
        listeners,
        frontends,
        backends,
        backend_names,
        stick: stick.settle(),
        asks_behind: asks.behind.get(),
        asks_own: asks.own_certificate.get(),
        listener_counters,
    };
    Built { tables, retired, changes, fallen, variables }
}

/// Backends that were there and are not, or are others now.
fn retired(
    old: Option<&Tables>,
    backends: &[Arc<Backend>],
    names: &HashMap<String, usize>,
) -> Vec<Arc<Backend>> {
    let is_gone = |before: &&Arc<Backend>| {
        let kept = names.get(&before.spec.name).and_then(|index| backends.get(*index));
        !kept.is_some_and(|kept| Arc::ptr_eq(kept, before))
    };
    old.map(|old| old.backends.as_slice()).unwrap_or_default().iter().filter(is_gone).cloned().collect()
}

fn build_listener(
    spec: wire::Listener,
    draft: ListenerDraft,
    old: Option<&Tables>,
    threads: usize,
) -> Listener {
    let ListenerDraft { port, frontend, proxy, tls } = draft;
    let kept = old.and_then(|old| old.listener_counters.get(&spec.address)).cloned();
    let counters = kept.unwrap_or_else(|| {
        Arc::new(ListenerCounters {
            current: <_>::default(),
            handshaking: <_>::default(),
            workers: Workers::new(threads),
        })
    });
    let wire::Listener { address, name, number, lenient, http2, .. } = spec;
    Listener { address, name: name.into(), number, port, frontend, lenient, tls, http2, proxy, counters }
}

/// Servers that are not down; a server's state is one and the same for the old and the new backend.
fn standing(backend: &Arc<Backend>) -> Vec<(Arc<Server>, wire::Server)> {
    let servers = backend.servers.iter().zip(&backend.spec.servers);
    let standing = servers.filter(|(server, _)| server.state.health() != Health::Down);
    standing.map(|(server, spec)| (Arc::clone(server), spec.clone())).collect()
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
                pace: Pace::default(),
                current: <_>::default(),
                workers: Workers::new(threads),
                errors: <_>::default(),
                source_told: <_>::default(),
                proxy_told: <_>::default(),
            })
        },
        |before| Arc::clone(&before.counters),
    );
    let FrontendDraft { trusted, router, routes, rules, answers, lines, unique_id } = draft;
    let known = before.and_then(|before| before.per_source.as_ref());
    let per_source = spec.limits.per_source.map(|limits| PerSource::new(limits, known));
    let asks_hello = router.asks(TlsFact::is_asked);
    Arc::new(Frontend {
        spec,
        trusted,
        router,
        routes,
        asks_hello,
        per_source,
        lines,
        rules,
        answers,
        unique_id,
        counters,
    })
}

/// Whether two backends differ at most in what a patch could change.
fn same_shape(old: &wire::Backend, new: &wire::Backend) -> bool {
    let pinned = new.balance.policy == wire::Policy::StaticRr;
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
    let is_whole = draft.servers.iter().all(|server| server.is_fit);
    let servers: Vec<_> = spec
        .servers
        .iter()
        .zip(group::numbers(&spec.servers))
        .zip(draft.servers)
        .map(|(server, draft)| {
            build_server(server, draft, &spec, known.get(server.0.name.as_str()).copied(), context)
        })
        .collect();
    let states = servers.iter().map(|server| Arc::clone(&server.state)).collect();
    let now = context.clock.millis();
    let group = Group::new(group::spec(&spec), states, context.clock.micros());
    for (index, (server, built)) in spec.servers.iter().zip(&servers).enumerate() {
        group.set_admin(index, server.admin, now);
        group.set_health(index, effective_health(server, built.address.as_ref()), now);
    }
    let counters =
        before.map_or_else(|| Arc::new(Workers::new(context.threads)), |before| Arc::clone(&before.counters));
    let sticky = spec.sticky.as_ref().map(build_sticky);
    let by_cookie =
        servers.iter().enumerate().rev().map(|(index, server)| (server.cookie.clone(), index)).collect();
    let asks_hello =
        draft.key.iter().chain(draft.choosers.iter().flatten()).any(|expr| expr.asks(TlsFact::is_asked));
    Backend {
        group,
        servers,
        by_cookie,
        key: draft.key,
        asks_hello,
        choosers: draft.choosers,
        sticky,
        stick: draft.stick,
        use_server: draft.use_server,
        persist: draft.persist,
        rules: draft.rules,
        answers: draft.answers,
        is_whole,
        counters,
        spec,
    }
}

/// A server without an address cannot take work, whatever checks say.
fn effective_health(server: &wire::Server, address: Option<&Address>) -> Health {
    if address.is_none() { Health::Down } else { server.health }
}

fn build_server(
    (server, number): (&wire::Server, u32),
    ServerDraft { address, way, tls, is_same, .. }: ServerDraft,
    backend: &wire::Backend,
    before: Option<&Arc<Server>>,
    context: &Context<'_>,
) -> Arc<Server> {
    let spec = ServerSpec {
        weight: server.weight,
        backup: server.backup,
        max_connections: server.max_connections,
        min_connections: server.min_connections,
        full_connections: server.full_connections,
        max_queue: server.max_queue,
        passive: server.passive.map(|p| Passive { max_fails: p.max_fails, fail_timeout_ms: p.fail_timeout }),
        slow_start_ms: u64::try_from(server.slow_start).unwrap_or(backend.slow_start),
        admin: server.admin,
        health: effective_health(server, address.as_ref()),
        number,
    };
    let cookie = group::cookie(server, backend, address.as_ref());
    let max_reuse = u32::try_from(server.max_reuse).ok();
    let state = match before {
        Some(before) => {
            before.state.configure(&spec);
            Arc::clone(&before.state)
        }
        None => Arc::new(tenbin_balance::Server::new(&server.name, &spec)),
    };
    if let Some(before) = before
        && before.address == address
        && before.way == way
        && before.max_reuse == max_reuse
        && before.cookie == cookie
        && before.proxy == server.proxy
        && before.watch.as_ref().map(Watch::spec) == server.watch
        && is_same
    {
        return Arc::clone(before);
    }
    Arc::new(Server {
        name: server.name.clone(),
        address_text: address.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string),
        address,
        way,
        max_reuse,
        tls,
        proxy: server.proxy,
        watch: server.watch.map(Watch::new),
        cookie,
        slot: context.slots.take(),
        state,
        counters: before
            .map_or_else(|| Arc::new(Workers::new(context.threads)), |before| Arc::clone(&before.counters)),
    })
}

fn build_sticky(sticky: &wire::Sticky) -> Sticky {
    let wire::Sticky::Cookie { name, plain, attributes, max_idle, max_life, .. } = sticky;
    Sticky::Cookie {
        name: name.clone().into_bytes(),
        plain: *plain,
        attributes: attributes.clone().into_bytes(),
        max_idle: max_idle.div_ceil(1000),
        max_life: max_life.div_ceil(1000),
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
