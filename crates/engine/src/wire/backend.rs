//! The server side of a snapshot: groups of servers and how they are used; `server` is one of them.

use serde::Deserialize;
use tenbin_rules::wire::Expr;

use super::compression::Compression;
use super::rules::{Answer, Rules, StickRule};
use super::server::Server;
use super::snapshot::{Mode, yes};
use super::tls::Protocol;

/// The balancing policies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the names are the field's own")]
pub enum Policy {
    RoundRobin,
    StaticRr,
    LeastConn,
    Random,
    First,
    IpHash,
    Hash,
    PeakEwma,
}

/// How a hash key maps to a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the names are the field's own")]
pub enum HashMethod {
    Modulo,
    Consistent,
    Maglev,
    HaproxyMap,
    HaproxyTree,
}

/// What HAProxy's two methods hash keys with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the names are the field's own")]
pub enum HashFunction {
    #[default]
    Sdbm,
    Djb2,
    Wt6,
    Crc32,
    None,
}

/// How the bytes of a key are made before HAProxy's two methods hash them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the names are the field's own")]
pub enum HashKey {
    #[default]
    Text,
    Source,
    Uri,
    Parameter,
    Header,
    Sample,
    RdpCookie,
}

/// How `ip_hash` hashes an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the names are the field's own")]
pub enum IpForm {
    Fnv1a,
    Nginx,
}

/// Policy and parameters.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[allow(clippy::struct_excessive_bools, reason = "each is one word of the configuration")]
#[serde(deny_unknown_fields)]
pub struct Balance {
    /// Which policy.
    pub policy: Policy,
    /// Servers that `random` draws.
    #[serde(default = "two")]
    pub draws: u32,
    /// For `ip_hash`.
    #[serde(default = "fnv")]
    pub ip_form: IpForm,
    /// What `hash` hashes.
    #[serde(default)]
    pub key: Option<Expr>,
    /// For `hash`.
    #[serde(default = "consistent")]
    pub method: HashMethod,
    /// Percent of the mean load, 0 for unbounded.
    #[serde(default)]
    pub load_factor: u32,
    /// For `peak_ewma`.
    #[serde(default = "ten_seconds")]
    pub decay: u64,
    /// For `peak_ewma`.
    #[serde(default = "one_second")]
    pub error_penalty: u64,
    /// For HAProxy's methods.
    #[serde(default)]
    pub function: HashFunction,
    /// Mixes the hash once more.
    #[serde(default)]
    pub avalanche: bool,
    /// How the key is made.
    #[serde(default)]
    pub form: HashKey,
    /// Of a header, parameter or cookie.
    #[serde(default)]
    pub name: String,
    /// The query counts too.
    #[serde(default)]
    pub whole: bool,
    /// Bytes of the path at most; 0: all.
    #[serde(default)]
    pub length: u32,
    /// Segments of the path at most; 0: all.
    #[serde(default)]
    pub depth: u32,
    /// Without scheme and authority.
    #[serde(default)]
    pub path_only: bool,
    /// Bytes of a form that are looked at; 0: none.
    #[serde(default)]
    pub check_post: u32,
    /// The domain of a host without its last label.
    #[serde(default)]
    pub domain_only: bool,
}

const fn two() -> u32 {
    2
}
const fn fnv() -> IpForm {
    IpForm::Fnv1a
}
const fn consistent() -> HashMethod {
    HashMethod::Consistent
}
const fn ten_seconds() -> u64 {
    10_000
}
const fn one_second() -> u64 {
    1_000
}

/// Whose cookie it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the names are the field's own")]
pub enum CookieMode {
    #[default]
    Insert,
    Rewrite,
    Prefix,
    Read,
}

/// How clients are remembered.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Sticky {
    /// By a cookie that Tenbin sets.
    Cookie {
        /// Its name.
        name: String,
        /// The server's cookie value instead of a signed token.
        plain: bool,
        /// The text after the value.
        attributes: String,
        /// Since the last request.
        max_idle: u64,
        /// Since the first request.
        max_life: u64,
        /// Whose cookie it is.
        #[serde(default)]
        mode: CookieMode,
        /// The server never sees it.
        #[serde(default = "yes")]
        indirect: bool,
        /// Answers that set it are not for caches.
        #[serde(default)]
        no_cache: bool,
        /// Only answers to POST set it.
        #[serde(default)]
        post_only: bool,
        /// One that the server sets is left.
        #[serde(default)]
        preserve: bool,
        /// Values are made of it and the server's address; empty: they are not.
        #[serde(default)]
        dynamic_key: String,
    },
}

/// Timeouts towards servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackendTimeouts {
    /// Until a connection is open.
    pub connect: u64,
    /// The server sends or takes nothing.
    pub server: u64,
    /// Waiting for a slot.
    pub queue: u64,
    /// Idle after an upgrade, and in `tcp` mode.
    pub tunnel: u64,
    /// Idle after all of the client's bytes, waiting for the server's end; 0: as before it.
    #[serde(default)]
    pub server_fin: u64,
}

const fn first() -> i32 {
    1
}
fn all_failures() -> Vec<String> {
    ["connect", "closed", "timeout", "junk"].map(str::to_owned).into()
}

/// Repeats on another server.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retry {
    /// After the first try.
    pub attempts: u32,
    /// Statuses that are retried besides failures to connect or to answer.
    #[serde(default)]
    pub statuses: Vec<u16>,
    /// Percent of requests that may be retries.
    pub budget: u32,
    /// From which repeat on another server is taken; -1: the last; 0: never.
    #[serde(default = "first")]
    pub redispatch: i32,
    /// Before a repeat on the same server.
    #[serde(default)]
    pub turn_around: u64,
    /// Failures that are repeated.
    #[serde(default = "all_failures")]
    pub after: Vec<String>,
    /// Also what is not idempotent goes again after a server has had it.
    #[serde(default)]
    pub unsafe_methods: bool,
}

/// When a pooled connection may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reuse {
    /// One request a connection.
    Never,
    /// Not for a first request that could not be repeated.
    Safe,
    /// Always.
    Always,
}

/// Idle server connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pool {
    /// When they may be used.
    pub reuse: Reuse,
    /// Per server and thread.
    pub max_idle: usize,
    /// Closed after so long; 0: not until one side closes.
    pub idle_timeout: u64,
}

/// Limits of an answer's head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackendLimits {
    /// Bytes.
    pub head: usize,
    /// Fields.
    pub fields: usize,
}

/// Ejection after consecutive failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Eject {
    /// Failures in a row.
    pub consecutive: u32,
    /// First ejection.
    pub base: u64,
    /// Longest ejection.
    pub longest: u64,
    /// Of the backend's servers at once.
    pub percent: u8,
}

/// Requests that go to one server if it can take them.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UseServer {
    /// A text: the server's name.
    pub server: Expr,
    /// None: always.
    #[serde(default)]
    pub when: Option<Expr>,
}

/// Whether persistence holds to servers that are down, or is ignored.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PersistRule {
    /// It holds; otherwise it is ignored.
    pub force: bool,
    /// None: always.
    #[serde(default)]
    pub when: Option<Expr>,
}

/// A group of servers.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[allow(clippy::struct_excessive_bools, reason = "each is one word of the configuration")]
#[serde(deny_unknown_fields)]
pub struct Backend {
    /// Its name.
    pub name: String,
    /// Requests or connections.
    pub mode: Mode,
    /// The policy.
    pub balance: Balance,
    /// How clients are remembered.
    #[serde(default)]
    pub sticky: Option<Sticky>,
    /// Whether sticky clients stay on a draining server.
    #[serde(default = "yes")]
    pub drain_sticky: bool,
    /// Timeouts towards servers.
    pub timeouts: BackendTimeouts,
    /// Waiting for any server.
    #[serde(default)]
    pub max_queue: u32,
    /// Repeats.
    pub retry: Retry,
    /// Idle connections.
    pub pool: Pool,
    /// Of answers.
    pub limits: BackendLimits,
    /// What its servers speak.
    #[serde(default)]
    pub protocol: Protocol,
    /// Ejection.
    #[serde(default)]
    pub eject: Option<Eject>,
    /// Ramp after recovery.
    #[serde(default)]
    pub slow_start: u64,
    /// Close a server's connections when it goes down.
    #[serde(default)]
    pub close_on_down: bool,
    /// What is done with requests and answers.
    #[serde(default)]
    pub rules: Rules,
    /// Own answers by status.
    #[serde(default)]
    pub answers: Vec<(u16, Answer)>,
    /// What is remembered in stick tables.
    #[serde(default)]
    pub stick: Vec<StickRule>,
    /// Requests for one server.
    #[serde(default)]
    pub use_server: Vec<UseServer>,
    /// Exceptions of persistence.
    #[serde(default)]
    pub persist: Vec<PersistRule>,
    /// Sticky clients stay with a server that is down.
    #[serde(default)]
    pub persist_down: bool,
    /// All backup servers share the work.
    #[serde(default)]
    pub all_backups: bool,
    /// A client that closes while it waits leaves the queue.
    #[serde(default = "yes")]
    pub abort_on_close: bool,
    /// The header in which servers get their name; empty: none.
    #[serde(default)]
    pub send_name: String,
    /// How long a tarpit keeps an answer back.
    #[serde(default)]
    pub tarpit: u64,
    /// In statistics; 0: by order.
    #[serde(default)]
    pub number: u32,
    /// Of answers.
    #[serde(default)]
    pub compression: Option<Compression>,
    /// Its servers.
    pub servers: Vec<Server>,
}
