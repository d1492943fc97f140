//! The snapshot: all that the data plane needs to know, whole.

use serde::Deserialize;
use tenbin_rules::wire::Expr;

use super::backend::Backend;
use super::compression::Compression;
use super::http_rules::HttpRules;
use super::rules::{Answer, LiveList, LogPart, ProxyLog, Rules, Table};
use super::secret::Secret;
use super::tls::{ListenerTls, ProxyIn};

/// Everything, at one generation.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Snapshot {
    /// Grows with every change; reported back in `stats` and `welcome`.
    pub generation: u64,
    /// Worker threads, 1-64; fixed when the first snapshot is applied.
    pub threads: usize,
    /// Limits over all frontends.
    pub limits: Limits,
    /// Where a line per request goes.
    pub access_log: AccessLog,
    /// Hex of the key that signs sticky cookies; never logged.
    pub secret: Secret,
    /// Addresses that are listened on.
    pub listeners: Vec<Listener>,
    /// The client side.
    pub frontends: Vec<Frontend>,
    /// The server side.
    pub backends: Vec<Backend>,
    /// Stick tables.
    #[serde(default)]
    pub tables: Vec<Table>,
    /// Live lists and maps.
    #[serde(default)]
    pub lists: Vec<LiveList>,
    /// Variables of the process, set at start.
    #[serde(default)]
    pub variables: Vec<(String, Expr)>,
}

/// Limits over all frontends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Client connections at once; further ones wait in the accept backlog. 0: no limit.
    pub connections: u32,
    /// Bytes of memory above which no new work is taken; 0: see `memory_percent`.
    #[serde(default)]
    pub memory: u64,
    /// The same in percent of what the system grants; 0: no limit.
    #[serde(default)]
    pub memory_percent: u64,
    /// Bytes of an exchange's buffer for each direction.
    pub buffer: usize,
    /// What may begin in a second.
    #[serde(default)]
    pub rates: Rates,
    /// So many proxies' last messages that were refused are kept; 0: none.
    #[serde(default)]
    pub refused: u32,
}

/// What may begin in a second, over all frontends; 0: as much as comes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rates {
    /// Connections.
    pub connections: u32,
    /// Connections, too: what HAProxy calls sessions.
    pub sessions: u32,
    /// Handshakes of TLS.
    pub handshakes: u32,
}

/// How an access-log line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// One short line for people.
    Human,
    /// One JSON object a line.
    Json,
}

/// The access log.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccessLog {
    /// `stdout`, `none`, or a file's path.
    pub target: String,
    /// The line's form.
    pub format: LogFormat,
}

/// One listened address.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listener {
    /// `ip:port` or `[ip]:port`; names the sockets that were handed over.
    pub address: String,
    /// The frontend that serves it.
    pub frontend: String,
    /// Accept a bare LF as line end in heads.
    #[serde(default)]
    pub lenient: bool,
    /// None: plain.
    #[serde(default)]
    pub tls: Option<ListenerTls>,
    /// None: the protocol is not spoken.
    #[serde(default)]
    pub proxy: Option<ProxyIn>,
    /// HTTP/2 is spoken too: by ALPN, or by prior knowledge where there is no TLS.
    #[serde(default)]
    pub http2: bool,
    /// What it is called in lines and conditions; may be empty.
    #[serde(default)]
    pub name: String,
    /// Its number within the frontend.
    #[serde(default)]
    pub number: u32,
}

/// Requests or connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// HTTP requests are balanced.
    Http,
    /// TCP connections are balanced.
    Tcp,
}

/// Timeouts towards clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FrontendTimeouts {
    /// The client sends or takes nothing.
    pub client: u64,
    /// A whole head, from its first byte or, on a new connection, from accept.
    pub header: u64,
    /// Until the next head begins.
    pub keep_alive: u64,
    /// Idle after an upgrade.
    pub tunnel: u64,
    /// Idle after all of the server's bytes, waiting for the client's end; 0: as before it.
    #[serde(default)]
    pub client_fin: u64,
}

/// What one address, or one IPv6 network, may do at a frontend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PerSource {
    /// Connections at once; 0: no limit.
    pub connections: u32,
    /// Requests within `window`; 0: no limit.
    pub requests: u32,
    /// Milliseconds.
    pub window: u64,
    /// IPv6 addresses that have so many bits in common are one source, 1-128.
    pub ipv6_prefix: u8,
    /// Sources remembered at most.
    pub entries: usize,
}

/// Limits of one frontend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FrontendLimits {
    /// Client connections at once.
    pub connections: u32,
    /// Bytes of a head.
    pub head: usize,
    /// Fields of a head.
    pub fields: usize,
    /// Bytes of a request target.
    pub target: usize,
    /// Bytes of a request body.
    pub body: u64,
    /// Bytes a second that a client moves at least while it is what is waited for; 0: as few as it likes.
    #[serde(default)]
    pub min_rate: u64,
    /// Of each source.
    #[serde(default)]
    pub per_source: Option<PerSource>,
    /// Connections that begin in a second; further ones wait. 0: as many as come.
    #[serde(default)]
    pub session_rate: u32,
    /// Streams at once on an HTTP/2 connection, those included whose work has not ended yet.
    #[serde(default = "hundred")]
    pub streams: u32,
    /// What an HTTP/2 connection may do that is of no use before it is closed.
    #[serde(default = "hundred")]
    pub glitches: u32,
}

const fn hundred() -> u32 {
    100
}

/// What happens to what arrives on the listeners that name it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Frontend {
    /// Its name.
    pub name: String,
    /// Requests or connections.
    pub mode: Mode,
    /// Timeouts towards clients.
    pub timeouts: FrontendTimeouts,
    /// Limits.
    pub limits: FrontendLimits,
    /// Networks whose forwarding headers are believed.
    #[serde(default)]
    pub trusted_proxies: Vec<String>,
    /// What of a request is let through.
    #[serde(default)]
    pub http: HttpRules,
    /// Whether forwarding headers are set at all.
    #[serde(default = "yes")]
    pub forwarding: bool,
    /// Tried in order.
    #[serde(default)]
    pub routes: Vec<Route>,
    /// What is done before them and with answers.
    #[serde(default)]
    pub rules: Rules,
    /// Own answers by status, in place of the built-in ones.
    #[serde(default)]
    pub answers: Vec<(u16, Answer)>,
    /// None: the process's access log.
    #[serde(default)]
    pub log: Option<ProxyLog>,
    /// What names a request; empty: nothing does.
    #[serde(default)]
    pub unique_id: Vec<LogPart>,
    /// How long a tarpit keeps an answer back; 0: as the backend's `connect`.
    #[serde(default)]
    pub tarpit: u64,
    /// In statistics; 0: by order.
    #[serde(default)]
    pub number: u32,
    /// Of answers.
    #[serde(default)]
    pub compression: Option<Compression>,
}

pub(super) const fn yes() -> bool {
    true
}

/// Condition, edits, action; without an action the next routes go on.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// None: always.
    #[serde(default)]
    pub when: Option<Expr>,
    /// Edits of the request's headers.
    #[serde(default)]
    pub request: Vec<HeaderEdit>,
    /// Edits of the answer's headers.
    #[serde(default)]
    pub answer: Vec<HeaderEdit>,
    /// Changes the path that the server sees.
    #[serde(default)]
    pub rewrite: Option<Rewrite>,
    /// What decides.
    #[serde(default)]
    pub action: Option<Action>,
    /// `file:line:column` in the configuration.
    #[serde(default)]
    pub position: String,
}

/// What an edit does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HeaderVerb {
    /// Remove what is there, add one.
    Set,
    /// Append one.
    Add,
    /// Remove all.
    Remove,
}

/// One edit of one header.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeaderEdit {
    /// What is done.
    pub verb: HeaderVerb,
    /// The field's name.
    pub name: String,
    /// The new value; None for remove.
    #[serde(default)]
    pub value: Option<Expr>,
}

/// A path prefix and what replaces it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rewrite {
    /// Must match at a segment border.
    pub prefix: String,
    /// Its replacement.
    pub to: String,
}

/// What decides about a request.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Action {
    /// Balance over this backend.
    Backend {
        /// Its name.
        backend: String,
        /// A text expression that takes its place for each request.
        #[serde(default)]
        name: Option<Expr>,
    },
    /// Answer with a Location.
    Redirect {
        /// A text expression.
        location: Expr,
        /// 301 302 303 307 308.
        code: u16,
    },
    /// A fixed answer.
    Respond {
        /// The status.
        status: u16,
        /// Extra fields.
        #[serde(default)]
        headers: Vec<(String, String)>,
        /// Base64 of the body.
        #[serde(default)]
        body: String,
    },
    /// A refusal.
    Deny {
        /// 400-599.
        status: u16,
    },
}
