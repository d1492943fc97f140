//! One server of a snapshot, and how it is watched in passing.

use serde::Deserialize;
use tenbin_balance::{Admin, Health};

use super::tls::{ProxyOut, ServerTls};

/// nginx's `max_fails` and `fail_timeout`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Passive {
    /// Failures within the time.
    pub max_fails: u32,
    /// The time, and how long the server is out.
    pub fail_timeout: u64,
}

/// How requests watch a server: so many errors in a row at a layer are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Watch {
    /// 4: connections; 7: answers.
    pub layer: u8,
    /// At least 1.
    pub errors: u32,
}

/// One server.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// Its name within the backend.
    pub name: String,
    /// None while the name has not been resolved.
    pub address: Option<String>,
    /// 0-256.
    pub weight: u16,
    /// Used when no other server is usable.
    #[serde(default)]
    pub backup: bool,
    /// At once.
    #[serde(default)]
    pub max_connections: u32,
    /// Waiting for this server.
    #[serde(default)]
    pub max_queue: u32,
    /// Passive failure detection.
    #[serde(default)]
    pub passive: Option<Passive>,
    /// Value of a plain sticky cookie.
    pub cookie: String,
    /// None: plain.
    #[serde(default)]
    pub tls: Option<ServerTls>,
    /// None: the protocol is not spoken.
    #[serde(default)]
    pub proxy: Option<ProxyOut>,
    /// What the operator wants.
    #[serde(default = "ready", with = "super::frames::admin")]
    pub admin: Admin,
    /// What checks say.
    #[serde(default = "unknown", with = "super::frames::health")]
    pub health: Health,
    /// Its id in statistics and hashes; 0: by order.
    #[serde(default)]
    pub number: u32,
    /// The local address of connections; empty: any.
    #[serde(default)]
    pub source: String,
    /// Ramp after recovery; -1: the backend's.
    #[serde(default = "inherited")]
    pub slow_start: i64,
    /// GET and HEAD are sent to this prefix instead.
    #[serde(default)]
    pub redirect: String,
    /// Of a limit that moves with the backend's load.
    #[serde(default)]
    pub min_connections: u32,
    /// The load at which the limit is whole.
    #[serde(default)]
    pub full_connections: u32,
    /// How requests watch it.
    #[serde(default)]
    pub watch: Option<Watch>,
    /// What is in progress with it ends when it goes down or into maintenance.
    #[serde(default)]
    pub end_when_down: bool,
    /// What is in progress with backup servers ends when it comes up.
    #[serde(default)]
    pub end_backups_when_up: bool,
    /// Ends connections on which what was sent is not acknowledged for so long; 0: as the system is set up.
    #[serde(default)]
    pub user_timeout: u32,
    /// Requests on a connection after its first; -1: no limit.
    #[serde(default = "endless")]
    pub max_reuse: i32,
}

const fn inherited() -> i64 {
    -1
}
const fn endless() -> i32 {
    -1
}
const fn ready() -> Admin {
    Admin::Ready
}
const fn unknown() -> Health {
    Health::Unknown
}
