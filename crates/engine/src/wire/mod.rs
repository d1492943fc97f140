//! The seam, mirrored: the shapes of the snapshot and of the control frames.
//!
//! `src/tenbin/plan/wire` describes them; both sides are tested against the files in `tests/contract/`. Times are
//! whole milliseconds and 0 means "none" or "no limit" unless a field says otherwise.

mod asked;
mod backend;
mod compression;
mod frames;
mod http_rules;
mod rules;
mod secret;
mod server;
mod snapshot;
mod stats;
mod tables;
mod tls;

pub use asked::{RefusedMessage, RefusedTold, VariableAsked, VariableTold};
pub use backend::{
    Backend, BackendLimits, BackendTimeouts, Balance, CookieMode, Eject, HashFunction, HashKey, HashMethod,
    IpForm, PersistRule, Policy, Pool, Retry, Reuse, Sticky, UseServer,
};
pub use compression::{Coding, Compression};
pub use frames::{
    Apply, Event, ListAction, ListAsked, NoticeLevel, Reply, Request, ServerPatch, ServerState, Session,
    SessionsAction, Sight, WireError,
};
pub use http_rules::{AmbiguousPaths, HttpRules, Underscores};
pub use rules::{
    Act, Answer, Capture, Envelope, KeyType, LiveList, LogPart, LogTarget, ProxyLog, Rule, Rules, StickRule,
    Stored, Table, Verb,
};
pub use secret::Secret;
pub use server::{Passive, Server, Watch};
pub use snapshot::{
    AccessLog, Action, Frontend, FrontendLimits, FrontendTimeouts, HeaderEdit, HeaderVerb, Limits, Listener,
    LogFormat, Mode, PerSource, Rates, Rewrite, Route, Snapshot,
};
pub use stats::{
    Averages, BackendStats, FrontendStats, ListenerStats, Phases, ProcessStats, ServerStats, Stats, Times,
};
pub use tables::{
    TableAction, TableAnswered, TableAsked, TableFilter, TableOperator, TableOutcome, TableRow, TableSummary,
    TableValue,
};
pub use tls::{
    Certificate, ClientCertificates, ListenerTls, Protocol, ProxyIn, ProxyOut, ServerTls, TlsSuite,
};

/// Version of the contract; both sides must have the same.
pub const PROTOCOL: u32 = 3;

/// The wire's name of an admin state.
pub fn admin_name(admin: tenbin_balance::Admin) -> &'static str {
    frames::admin::name(admin)
}

/// The wire's name of a health.
pub fn health_name(health: tenbin_balance::Health) -> &'static str {
    frames::health::name(health)
}
