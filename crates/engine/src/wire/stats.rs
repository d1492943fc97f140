//! Everything counted, at one moment: built when asked for, restored into a new process.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Microseconds over the sliding last minute; all 0 without a sample. `mean` is as exact as the histogram's buckets.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "described in the contract")]
pub struct Times {
    pub count: u64,
    pub mean: u64,
    pub p50: u64,
    pub p90: u64,
    pub p99: u64,
    pub max: u64,
}

/// Where the time of requests went; `total` is from the first byte of the head to the last of the answer.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "described in the contract")]
pub struct Phases {
    pub queue: Times,
    pub connect: Times,
    pub first_byte: Times,
    pub total: Times,
}

/// Milliseconds: means over about the last 1024 requests that had this phase, and the longest so far.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "described in the contract")]
pub struct Averages {
    pub queue: u64,
    pub connect: u64,
    pub first_byte: u64,
    pub total: u64,
    pub queue_max: u64,
    pub connect_max: u64,
    pub first_byte_max: u64,
    pub total_max: u64,
}

/// `current`, `max` and `total` are client connections; `denied` and `request_errors` count what came on them.
///
/// `handshakes` are TLS handshakes that ended well, `resumed` those of them that took up an earlier session.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "described in the contract")]
pub struct ListenerStats {
    pub address: String,
    pub frontend: String,
    pub current: u64,
    pub max: u64,
    pub total: u64,
    pub denied: u64,
    pub request_errors: u64,
    pub bytes_in: u64,
    pub bytes_out: u64,
    pub handshakes: u64,
    pub resumed: u64,
    pub handshake_errors: u64,
    pub proxy_errors: u64,
    pub http2_connections: u64,
    pub http2_streams: u64,
    pub glitches: u64,
}

/// `errors` counts answers that Tenbin made itself, by tenbin-reason; `rate_*` are over the last second, `source_*` what
/// the limits of a source refused.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "described in the contract")]
pub struct FrontendStats {
    pub name: String,
    pub current: u64,
    pub max: u64,
    pub total: u64,
    pub requests: u64,
    pub bytes_in: u64,
    pub bytes_out: u64,
    pub denied: u64,
    pub request_errors: u64,
    pub intercepted: u64,
    pub source_connections_refused: u64,
    pub source_requests_refused: u64,
    pub headers_dropped: u64,
    pub responses: [u64; 6],
    pub rate_connections: u64,
    pub rate_connections_max: u64,
    pub rate_requests: u64,
    pub rate_requests_max: u64,
    pub phases: Phases,
    pub errors: BTreeMap<String, u64>,
    #[serde(default)]
    pub denied_connections: u64,
    #[serde(default)]
    pub denied_sessions: u64,
    #[serde(default)]
    pub denied_responses: u64,
    #[serde(default)]
    pub failed_rewrites: u64,
    #[serde(default)]
    pub internal_errors: u64,
    #[serde(default)]
    pub compressed: [u64; 4],
}

/// `responses` are 1xx 2xx 3xx 4xx 5xx other; `last_used` is seconds ago, -1 for never. `ejected` is how many milliseconds of ejection or `fail_timeout` remain; `failures` are the requests whose end spoke against the server.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "described in the contract")]
pub struct ServerStats {
    pub name: String,
    pub address: Option<String>,
    pub weight: u64,
    pub admin: String,
    pub health: String,
    pub ejected: u64,
    pub throttle: u64,
    pub current: u64,
    pub max: u64,
    pub total: u64,
    pub requests: u64,
    pub queue: u64,
    pub queue_max: u64,
    pub bytes_in: u64,
    pub bytes_out: u64,
    pub connect_errors: u64,
    pub response_errors: u64,
    pub failures: u64,
    pub retries: u64,
    pub redispatches: u64,
    pub client_aborts: u64,
    pub server_aborts: u64,
    pub denied_responses: u64,
    pub responses: [u64; 6],
    pub connects: u64,
    pub reuses: u64,
    pub idle: u64,
    pub rate: u64,
    pub rate_max: u64,
    pub last_used: i64,
    pub phases: Phases,
    #[serde(default)]
    pub averages: Averages,
    #[serde(default)]
    pub failed_rewrites: u64,
    #[serde(default)]
    pub internal_errors: u64,
    #[serde(default)]
    pub balanced: u64,
    #[serde(default)]
    pub unreached: u64,
    #[serde(default)]
    pub repeats: u64,
    #[serde(default)]
    pub unanswered: u64,
}

/// The sums over a backend's servers and what belongs to none of them.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "described in the contract")]
pub struct BackendStats {
    pub name: String,
    pub current: u64,
    pub max: u64,
    pub total: u64,
    pub requests: u64,
    pub queue: u64,
    pub queue_max: u64,
    pub bytes_in: u64,
    pub bytes_out: u64,
    pub denied: u64,
    pub connect_errors: u64,
    pub response_errors: u64,
    pub retries: u64,
    pub redispatches: u64,
    pub client_aborts: u64,
    pub server_aborts: u64,
    pub responses: [u64; 6],
    pub connects: u64,
    pub reuses: u64,
    pub rate: u64,
    pub rate_max: u64,
    pub last_used: i64,
    pub phases: Phases,
    pub servers: Vec<ServerStats>,
    #[serde(default)]
    pub averages: Averages,
    #[serde(default)]
    pub denied_responses: u64,
    #[serde(default)]
    pub failed_rewrites: u64,
    #[serde(default)]
    pub internal_errors: u64,
    #[serde(default)]
    pub balanced: u64,
    #[serde(default)]
    pub unreached: u64,
    #[serde(default)]
    pub repeats: u64,
    #[serde(default)]
    pub unanswered: u64,
    #[serde(default)]
    pub compressed: [u64; 4],
}

/// The data plane as a process; `cpu` is microseconds of CPU time, `log_dropped` access-log lines lost.
///
/// `descriptor_waits` counts connections to servers that waited for a descriptor, `idle_closed` idle clients that were
/// closed for want of them, `memory_refused` requests; `memory_used` and `memory_limit` are bytes, 0 for no limit.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "described in the contract")]
pub struct ProcessStats {
    pub pid: u64,
    pub version: String,
    pub generation: u64,
    pub uptime: u64,
    pub threads: u64,
    pub connections: u64,
    pub connections_max: u64,
    pub connections_total: u64,
    pub requests: u64,
    pub cpu: u64,
    pub resident: u64,
    pub descriptors: u64,
    pub log_dropped: u64,
    pub events_dropped: u64,
    pub accept_pauses: u64,
    pub descriptors_limit: u64,
    pub descriptor_waits: u64,
    pub idle_closed: u64,
    pub memory_used: u64,
    pub memory_limit: u64,
    pub memory_refused: u64,
    pub panics: u64,
}

/// Everything counted, at one moment.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "described in the contract")]
pub struct Stats {
    pub process: ProcessStats,
    pub listeners: Vec<ListenerStats>,
    pub frontends: Vec<FrontendStats>,
    pub backends: Vec<BackendStats>,
}
