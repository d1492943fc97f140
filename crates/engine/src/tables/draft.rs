//! The first half of building: everything in a snapshot that could be wrong is checked and compiled here.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use ipnet::IpNet;
use tenbin_rules::{Around, Asks, Expr, Request, Router, Scope, Value, Variable};

use super::Route;
use super::Tables;
use super::build::{Context, Refusal};
use super::lists::ListDrafts;
use super::routes::draft_route;
use super::rules::{Answer, Rules};
use super::rules_draft::{draft_answer, draft_rules};
use super::secure::{Secured, listener as secure_listener, server as secure_server};
use super::stick::{StickDrafts, StickRule};
use crate::address::{Address, Way};
use crate::hashkey;
use crate::lines::{Lines, Part, Problem, Sinks, compile_line};
use crate::tls::{Authorities, ClientConfig, ListenerConfig};
use crate::wire::{self, Policy, Snapshot};

/// Whatever of a snapshot had to be compiled, object by object.
pub struct Drafts {
    /// By listener.
    pub listeners: Vec<ListenerDraft>,
    /// By frontend.
    pub frontends: Vec<FrontendDraft>,
    /// By backend.
    pub backends: Vec<BackendDraft>,
    /// The key that signs sticky cookies.
    pub secret: Vec<u8>,
    /// Live lists by name.
    pub lists: ListDrafts,
    /// Of the process, with the values that they begin with.
    pub variables: Vec<(Variable, Value<'static>)>,
    /// Stick tables.
    pub stick: StickDrafts,
    /// What expressions ask for that is noted only then.
    pub asks: Asks,
}

/// The compiled parts of a listener.
pub struct ListenerDraft {
    /// Its port.
    pub port: u16,
    /// Place of its frontend.
    pub frontend: usize,
    /// Networks whose connections begin with a PROXY header; none of them: all do.
    pub proxy: Option<Arc<[IpNet]>>,
    /// None: plain.
    pub tls: Option<ListenerConfig>,
}

/// The compiled parts of a frontend.
pub struct FrontendDraft {
    /// Networks whose forwarding headers are believed.
    pub trusted: Vec<IpNet>,
    /// Its conditions.
    pub router: Router,
    /// What follows from them.
    pub routes: Vec<Route>,
    /// Its own lines of logs.
    pub lines: Option<Box<Lines>>,
    /// What names a request.
    pub unique_id: Vec<Part>,
    /// What is done besides.
    pub rules: Rules,
    /// Own answers by status.
    pub answers: Answers,
}

/// The compiled parts of a backend.
pub struct BackendDraft {
    /// What a `hash` policy hashes.
    pub key: Option<Expr>,
    /// What is remembered of its servers.
    pub stick: Vec<StickRule>,
    /// Requests for one server.
    pub use_server: Vec<(Expr, Option<Expr>)>,
    /// Exceptions of persistence.
    pub persist: Vec<(bool, Option<Expr>)>,
    /// By server, what chooses the name that it is asked for; empty where nothing does.
    pub choosers: Vec<Option<Expr>>,
    /// By server.
    pub servers: Vec<ServerDraft>,
    /// What is done with requests and answers.
    pub rules: Rules,
    /// Own answers by status.
    pub answers: Answers,
}

/// The compiled parts of a server.
pub struct ServerDraft {
    /// None while not resolved, and while there is no TLS for a server that needs it.
    pub address: Option<Address>,
    /// How connections to it are opened.
    pub way: Way,
    /// None: plain.
    pub tls: Option<ClientConfig>,
    /// What is spoken to it has not changed.
    pub is_same: bool,
    /// There is TLS for it, or it needs none.
    pub is_fit: bool,
}

/// Own answers by status.
pub type Answers = HashMap<u16, Answer>;

fn draft_answers(path: &str, own: &[(u16, wire::Answer)], around: &Around<'_>) -> Result<Answers, Refusal> {
    let each = own.iter().enumerate().map(|(index, (status, answer))| {
        Ok((*status, draft_answer(&format!("{path}.answers[{index}]"), answer, around)?))
    });
    each.collect()
}

/// Names of the backends.
pub(super) type Known<'a> = HashSet<&'a str>;

impl Drafts {
    /// Checks and compiles a snapshot, or says where and why not.
    pub fn new(snapshot: &Snapshot, old: Option<&Tables>, context: &Context<'_>) -> Result<Self, Refusal> {
        check_names(snapshot)?;
        let secret = hex(&snapshot.secret.0)?;
        let lists = ListDrafts::new(snapshot, old.map(|old| &old.lists))?;
        let stick = StickDrafts::new(snapshot, old.map(|old| &old.stick))?;
        let asks = Asks::default();
        let around = Around {
            list: &|name| lists.lists.get(name).map(|held| Arc::clone(&held.list)),
            table: &|name| stick.seen(name),
            asks: Some(&asks),
        };
        let known: Known<'_> = snapshot.backends.iter().map(|backend| backend.name.as_str()).collect();
        let mut frontends = Vec::with_capacity(snapshot.frontends.len());
        for (index, spec) in snapshot.frontends.iter().enumerate() {
            frontends.push(draft_frontend(
                &format!("frontends[{index}]"),
                spec,
                &known,
                (&around, context.sinks),
            )?);
        }
        let mut backends = Vec::with_capacity(snapshot.backends.len());
        let mut authorities = Authorities::default();
        for (index, spec) in snapshot.backends.iter().enumerate() {
            let before = old.and_then(|old| old.backend(&spec.name));
            let mut secure = |place: usize, server: &wire::Server| {
                secure_server((spec, server), before, context, &mut authorities).map_err(|problem| Refusal {
                    path: format!("backends[{index}].servers[{place}].tls"),
                    reason: problem.to_string(),
                })
            };
            let path = format!("backends[{index}]");
            let rules = stick.rules(&path, &spec.stick, &around)?;
            backends.push(draft_backend(&path, (spec, rules), &mut secure, &around)?);
        }
        let variables = draft_variables(snapshot, &around)?;
        let listeners = draft_listeners(snapshot, old, context)?;
        Ok(Self { listeners, frontends, backends, secret, lists, variables, stick, asks })
    }
}

/// Values that variables of the process begin with; nothing is asked of any request.
fn draft_variables(
    snapshot: &Snapshot,
    around: &Around<'_>,
) -> Result<Vec<(Variable, Value<'static>)>, Refusal> {
    let each = snapshot.variables.iter().enumerate().map(|(index, (name, value))| {
        let Some(which) = Variable::named(name).filter(|which| which.scope == Scope::Process) else {
            return refuse(format!("variables[{index}]"), format!("{name:?} is no variable of the process"));
        };
        let value = expression(&format!("variables[{index}]"), value, around)?;
        Ok((which, value.eval(&Request::default()).into_owned()))
    });
    each.collect()
}

pub(super) fn refuse<T>(path: impl Into<String>, reason: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal { path: path.into(), reason: reason.into() })
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

pub(super) fn expression(
    path: &str,
    wire: &tenbin_rules::wire::Expr,
    around: &Around<'_>,
) -> Result<Expr, Refusal> {
    Expr::compile(wire, around).map_err(|error| Refusal {
        path: if error.path.is_empty() { path.to_owned() } else { format!("{path}.{}", error.path) },
        reason: error.reason,
    })
}

fn draft_frontend(
    path: &str,
    spec: &wire::Frontend,
    known: &Known<'_>,
    (around, sinks): (&Around<'_>, Option<&Sinks>),
) -> Result<FrontendDraft, Refusal> {
    let trusted = networks(&format!("{path}.trusted_proxies"), &spec.trusted_proxies)?;
    if let Some(limits) = &spec.limits.per_source {
        check_per_source(&format!("{path}.limits.per_source"), limits)?;
    }
    let mut conditions = Vec::with_capacity(spec.routes.len());
    let mut routes = Vec::with_capacity(spec.routes.len());
    for (index, route) in spec.routes.iter().enumerate() {
        let path = format!("{path}.routes[{index}]");
        conditions.push(
            route.when.as_ref().map(|when| expression(&format!("{path}.when"), when, around)).transpose()?,
        );
        routes.push(draft_route(&path, route, known, around)?);
    }
    let lines = spec.log.as_ref().map(|log| {
        let problem = |problem: Problem| Refusal {
            path: format!("{path}.log.{}", problem.path),
            reason: problem.reason,
        };
        Lines::new(log, (around, sinks)).map(Box::new).map_err(problem)
    });
    Ok(FrontendDraft {
        trusted,
        router: Router::new(conditions),
        routes,
        rules: draft_rules(&format!("{path}.rules"), &spec.rules, around)?,
        lines: lines.transpose()?,
        unique_id: compile_line(&spec.unique_id, around).map_err(|(index, error)| Refusal {
            path: format!("{path}.unique_id[{index}].{}", error.path),
            reason: error.reason,
        })?,
        answers: draft_answers(path, &spec.answers, around)?,
    })
}

fn networks(path: &str, texts: &[String]) -> Result<Vec<IpNet>, Refusal> {
    let parse = |(index, text): (usize, &String)| {
        let network = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        network.or_else(|_| refuse(format!("{path}[{index}]"), format!("{text:?} is no network")))
    };
    texts.iter().enumerate().map(parse).collect()
}

fn check_per_source(path: &str, limits: &wire::PerSource) -> Result<(), Refusal> {
    const DAY_MS: u64 = 86_400_000;
    if limits.requests > 0 && !(1..=DAY_MS).contains(&limits.window) {
        return refuse(format!("{path}.window"), format!("found {}, expected 1 to {DAY_MS}", limits.window));
    }
    if !(1..=128).contains(&limits.ipv6_prefix) {
        let found = limits.ipv6_prefix;
        return refuse(format!("{path}.ipv6_prefix"), format!("found {found}, expected 1 to 128"));
    }
    if !(1..=100_000_000).contains(&limits.entries) {
        let found = limits.entries;
        return refuse(format!("{path}.entries"), format!("found {found}, expected 1 to 100000000"));
    }
    Ok(())
}

/// RFC 4648 section 4, with padding.
pub(super) fn base64(text: &str) -> Option<Vec<u8>> {
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

/// Whether it may name a field or a cookie (RFC 9110, 5.6.2).
pub(super) fn is_token(name: &str) -> bool {
    let other = |byte| b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || other(byte))
}

/// Whether it stays on its line (RFC 9110, 5.5).
pub(super) fn is_text(value: &str) -> bool {
    value.bytes().all(|byte| byte == b'\t' || !byte.is_ascii_control())
}

/// Whatever is said of a cookie ends up in a line that clients read.
fn check_cookies(path: &str, spec: &wire::Backend) -> Result<(), Refusal> {
    let Some(wire::Sticky::Cookie { name, plain, attributes, .. }) = &spec.sticky else { return Ok(()) };
    if !is_token(name) {
        return refuse(format!("{path}.sticky.name"), format!("{name:?} cannot name a cookie"));
    }
    if !is_text(attributes) {
        return refuse(format!("{path}.sticky.attributes"), "a control character in them");
    }
    let is_value = |cookie: &str| is_text(cookie) && !cookie.contains(';');
    match spec.servers.iter().position(|server| *plain && !is_value(&server.cookie)) {
        Some(index) => refuse(
            format!("{path}.servers[{index}].cookie"),
            "a semicolon or a control character in the value of a cookie",
        ),
        None => Ok(()),
    }
}

fn draft_backend(
    path: &str,
    (spec, stick): (&wire::Backend, Vec<StickRule>),
    secure: &mut dyn FnMut(usize, &wire::Server) -> Result<Secured, Refusal>,
    around: &Around<'_>,
) -> Result<BackendDraft, Refusal> {
    check_cookies(path, spec)?;
    let key = spec
        .balance
        .key
        .as_ref()
        .map(|key| expression(&format!("{path}.balance.key"), key, around))
        .transpose()?;
    if spec.balance.policy == Policy::Hash && key.is_none() && hashkey::is_expression(&spec.balance) {
        return refuse(format!("{path}.balance.key"), "missing: policy hash needs it");
    }
    let optional = |path: String, when: &Option<_>| {
        when.as_ref().map(|when| expression(&path, when, around)).transpose()
    };
    let use_server = spec.use_server.iter().enumerate().map(|(nth, rule)| {
        let path = format!("{path}.use_server[{nth}]");
        let server = expression(&format!("{path}.server"), &rule.server, around)?;
        Ok((server, optional(format!("{path}.when"), &rule.when)?))
    });
    let use_server = use_server.collect::<Result<_, Refusal>>()?;
    let persist =
        spec.persist.iter().enumerate().map(|(nth, rule)| {
            Ok((rule.force, optional(format!("{path}.persist[{nth}].when"), &rule.when)?))
        });
    let persist = persist.collect::<Result<_, Refusal>>()?;
    let parse = |(index, server): (usize, &wire::Server)| {
        if server.weight > 256 {
            return refuse(
                format!("{path}.servers[{index}].weight"),
                format!("found {}, expected 0 to 256", server.weight),
            );
        }
        if let Some(wire::ProxyOut { version: version @ (0 | 3..), .. }) = server.proxy {
            let path = format!("{path}.servers[{index}].proxy.version");
            return refuse(path, format!("found {version}, expected 1 or 2"));
        }
        let address = match server.address.as_deref().map(str::parse) {
            None => None,
            Some(Ok(address)) => Some(address),
            Some(Err(())) => {
                let found = server.address.as_deref().unwrap_or_default();
                return refuse(
                    format!("{path}.servers[{index}].address"),
                    format!("{found:?} is no address"),
                );
            }
        };
        let source = source(&server.source)
            .map_err(|reason| Refusal { path: format!("{path}.servers[{index}].source"), reason })?;
        let way = Way { source, user_timeout: server.user_timeout };
        let Secured { tls, is_same, is_fit } = secure(index, server)?;
        Ok(ServerDraft { address: address.filter(|_| is_fit), way, tls, is_same, is_fit })
    };
    let servers = spec.servers.iter().enumerate().map(parse).collect::<Result<_, _>>()?;
    let choosers = draft_choosers(path, &spec.servers, around)?;
    let rules = draft_rules(&format!("{path}.rules"), &spec.rules, around)?;
    let answers = draft_answers(path, &spec.answers, around)?;
    Ok(BackendDraft { key, stick, use_server, persist, choosers, servers, rules, answers })
}

fn draft_choosers(
    path: &str,
    servers: &[wire::Server],
    around: &Around<'_>,
) -> Result<Vec<Option<Expr>>, Refusal> {
    let chosen = |server: &wire::Server| server.tls.as_ref().is_some_and(|tls| tls.chosen.is_some());
    if !servers.iter().any(chosen) {
        return Ok(Vec::new());
    }
    let each = servers.iter().enumerate().map(|(index, server)| {
        let chosen = server.tls.as_ref().and_then(|tls| tls.chosen.as_ref());
        let path = || format!("{path}.servers[{index}].tls.chosen");
        chosen.map(|chosen| expression(&path(), chosen, around)).transpose()
    });
    each.collect()
}

/// An address with or without a port.
fn source(text: &str) -> Result<Option<SocketAddr>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let alone = text.parse::<IpAddr>().map(|address| SocketAddr::new(address, 0));
    alone.or_else(|_| text.parse()).map(Some).map_err(|_| format!("{text:?} is no address"))
}

fn draft_listeners(
    snapshot: &Snapshot,
    old: Option<&Tables>,
    context: &Context<'_>,
) -> Result<Vec<ListenerDraft>, Refusal> {
    let place = |(index, listener): (usize, &wire::Listener)| {
        let path = format!("listeners[{index}]");
        let Ok(address) = listener.address.parse::<Address>() else {
            return refuse(format!("{path}.address"), format!("{:?} is no address", listener.address));
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
        let proxy =
            listener.proxy.as_ref().map(|proxy| networks(&format!("{path}.proxy.networks"), &proxy.networks));
        let proxy = proxy.transpose()?.map(Arc::from);
        let mode = snapshot.frontends.get(frontend).map(|spec| spec.mode);
        // Connections of TCP that rules may turn into HTTP/2 are offered it.
        let is_http = mode == Some(wire::Mode::Http) || listener.http2;
        let tls = secure_listener(listener, is_http, old, context)
            .map_err(|problem| Refusal { path: format!("{path}.tls"), reason: problem.to_string() })?;
        Ok(ListenerDraft { port: address.port(), frontend, proxy, tls })
    };
    snapshot.listeners.iter().enumerate().map(place).collect()
}
