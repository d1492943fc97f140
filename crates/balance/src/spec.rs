//! What a group is told to do, and what it tells back. Plain values; no behaviour beyond defaults.

/// How a group chooses among its servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PolicySpec {
    /// Smooth weighted round robin; weights change live.
    RoundRobin,
    /// Weighted round robin by the configured weights; runtime weights and slow start are ignored.
    StaticRr,
    /// Weighted round robin in HAProxy's order.
    HaproxyTurns {
        /// In that of its list of servers, by the configured weights.
        listed: bool,
    },
    /// Fewest requests held and queued for its weight; round robin among equals.
    LeastConn,
    /// The same as HAProxy counts: idle servers are alike.
    HaproxyLeast,
    /// The least loaded of `draws` weighted random draws (at least one).
    Random {
        /// How many servers are drawn; 1 is plain random, 2 is enough for most.
        draws: u32,
    },
    /// The first server, in the order of the configuration, with a free slot.
    First,
    /// By the client's address.
    IpHash {
        /// Which arithmetic.
        form: IpHashForm,
    },
    /// By the key of the request; without a key, round robin.
    Hash {
        /// How keys map to servers.
        method: HashMethod,
        /// Bounded load: a server may hold at most this percentage of its fair share (100 or more).
        load_factor: Option<u32>,
    },
    /// Lowest expected latency (moving average that rises at once) of two random draws.
    PeakEwma {
        /// Time in which an old latency loses 63 % of its say.
        decay_ms: u64,
        /// Added to the latency of a failed request, so that failing fast does not look fast.
        error_penalty_ms: u64,
    },
}

/// Arithmetic of `ip_hash`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IpHashForm {
    /// 32-bit FNV-1a over the address as text, modulo the number of usable servers.
    Fnv1a,
    /// nginx's: the first three octets of IPv4, all of IPv6, weighted, 20 tries.
    Nginx,
}

/// How a hashed key finds its server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HashMethod {
    /// Modulo the sum of weights: exact shares, but most keys move when a server comes or goes.
    Modulo,
    /// A ring of points: only the keys of the server that comes or goes move.
    Consistent,
    /// A table of 65537 entries: even shares, few keys move.
    Maglev,
    /// HAProxy's list of servers by weight.
    HaproxyMap(HaproxyHash),
    /// HAProxy's tree of points.
    HaproxyTree(HaproxyHash),
}

/// How HAProxy makes a number of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HaproxyHash {
    /// What is done with the bytes.
    pub function: HaproxyFunction,
    /// Mixed once more.
    pub avalanche: bool,
    /// What the bytes are.
    pub key: HaproxyKey,
}

/// What a key is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HaproxyKey {
    /// 4 or 16 bytes of an address, which no function hashes.
    Address,
    /// Anything.
    Bytes,
}

/// HAProxy's hash functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are known")]
pub enum HaproxyFunction {
    Sdbm,
    Djb2,
    Wt6,
    Crc32,
    /// The key is a number in digits.
    None,
}

/// Whether sticky clients stay on a server that is drained (or has weight 0).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnDrain {
    /// They stay.
    #[default]
    Stay,
    /// They go to another server.
    Leave,
}

/// Ejection after failures in a row, over the whole group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Eject {
    /// Failures in a row that eject a server.
    pub consecutive: u32,
    /// Length of the first ejection; each further one is twice as long.
    pub base_ms: u64,
    /// Longest ejection.
    pub max_ms: u64,
    /// At most this part of the servers is ejected at once; one always may be.
    pub max_percent: u8,
}

/// Everything about a group except its servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupSpec {
    /// How to choose.
    pub policy: PolicySpec,
    /// Ejection after failures in a row, if wanted.
    pub eject: Option<Eject>,
    /// Longest queue of the group (requests that wait for any server); 0 = no limit.
    pub max_queue: u32,
    /// What sticky clients of a draining server do.
    pub sticky_on_drain: OnDrain,
    /// Use all backup servers at once instead of only the first usable one.
    pub all_backups: bool,
    /// Retries may be this percentage of requests (with a floor, see `allow_retry`).
    pub retry_budget_percent: u32,
}

impl Default for GroupSpec {
    fn default() -> Self {
        Self {
            policy: PolicySpec::RoundRobin,
            eject: None,
            max_queue: 0,
            sticky_on_drain: OnDrain::Stay,
            all_backups: false,
            retry_budget_percent: 20,
        }
    }
}

/// Something a group decided by itself; the control plane logs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupEvent {
    /// Left out after failures in a row.
    Ejected {
        /// Name of the server.
        server: String,
        /// Why, in words.
        reason: String,
        /// Monotonic milliseconds at which it returns.
        until: u64,
    },
    /// Left out after `max_fails` failures within `fail_timeout`.
    PassiveDown {
        /// Name of the server.
        server: String,
        /// Why, in words.
        reason: String,
        /// Monotonic milliseconds at which it gets one request to prove itself.
        until: u64,
    },
    /// Gets work again.
    Readmitted {
        /// Name of the server.
        server: String,
        /// Why, in words.
        reason: String,
    },
}
