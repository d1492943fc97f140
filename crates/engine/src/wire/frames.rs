//! Control frames: what is asked, answered, and told unasked.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tenbin_balance::{Admin, Health};

use super::Stats;
use super::asked::{RefusedTold, VariableAsked, VariableTold};
use super::tables::{TableAnswered, TableAsked};

/// Replaces the snapshot, all or nothing; apart from [`Request`], so that a fault can be told with its place.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Apply<'a> {
    /// Tells it from every other request.
    #[serde(rename = "type")]
    pub kind: ApplyKind,
    /// Names the answer.
    pub id: u64,
    /// The new whole.
    #[serde(borrow)]
    pub snapshot: &'a RawValue,
    /// Something has to serve at once: what TLS cannot be had for is closed or down, and told, instead of a refusal.
    #[serde(default)]
    pub salvage: bool,
}

/// The one value of `type` of an [`Apply`].
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApplyKind {
    /// `apply`.
    Apply,
}

/// What else the control plane asks; every request carries an id.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// First frame of a connection; takes control over.
    Hello {
        /// Names the answer.
        id: u64,
        /// Must be [`super::PROTOCOL`].
        protocol: u32,
        /// Of the control plane.
        pid: u32,
    },
    /// Hands over the sockets of one listener; the descriptors travel with the frame.
    SetSockets {
        /// Names the answer.
        id: u64,
        /// The listener's address.
        address: String,
        /// Descriptors that travel with it.
        count: usize,
    },
    /// Asks for the sockets of one listener.
    GetSockets {
        /// Names the answer.
        id: u64,
        /// The listener's address.
        address: String,
    },
    /// Changes the per-server fields that live in atomics.
    Patch {
        /// Names the answer.
        id: u64,
        /// Of the whole that it leads to.
        generation: u64,
        /// The changes.
        servers: Vec<ServerPatch>,
    },
    /// Asks for everything counted.
    GetStats {
        /// Names the answer.
        id: u64,
    },
    /// Adds the counters of an earlier data plane.
    Restore {
        /// Names the answer.
        id: u64,
        /// Its last statistics.
        stats: Box<Stats>,
    },
    /// Begins to count anew.
    ClearCounters {
        /// Names the answer.
        id: u64,
        /// All counts, not only what was largest.
        #[serde(default)]
        everything: bool,
    },
    /// Asks what is in progress, or ends it.
    Sessions {
        /// Names the answer.
        id: u64,
        /// Show or close.
        action: SessionsAction,
        /// Whose sessions are closed: the backend's name.
        #[serde(default)]
        backend: String,
        /// Whose sessions are closed: the server's name.
        #[serde(default)]
        server: String,
        /// The number of the one that is closed; 0: those of the server.
        #[serde(default)]
        session: u64,
    },
    /// Reads or changes a live list.
    List(ListAsked),
    /// Stops accepting and exits when work has ended.
    Drain {
        /// Names the answer.
        id: u64,
        /// Exits at the latest after so many milliseconds.
        deadline: u64,
        /// Close idle keep-alive connections at once (a stop) or after their next answer (an upgrade).
        #[serde(default)]
        close_idle: bool,
    },
    /// Shows, sets and clears entries of a stick table.
    Table(TableAsked),
    /// Tells a variable of the process, or sets it first.
    Variable(VariableAsked),
    /// Asks for the messages that were refused.
    GetRefused {
        /// Names the answer.
        id: u64,
    },
    /// Exits now.
    Stop {
        /// Names the answer.
        id: u64,
    },
}

/// What is asked of a live list; described in the contract.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "described in the contract")]
pub struct ListAsked {
    pub id: u64,
    pub name: String,
    pub action: ListAction,
    #[serde(default)]
    pub key: String,
    #[serde(default)]
    pub value: String,
    #[serde(default)]
    pub entry: u64,
    #[serde(default)]
    pub entries: Vec<(String, String)>,
}

/// What is done with a live list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the names say it")]
pub enum ListAction {
    Count,
    Show,
    Add,
    Set,
    Del,
    Clear,
    Replace,
}

/// What is done with sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the names say it")]
pub enum SessionsAction {
    Show,
    Close,
}

/// A client's connection, as far as the contract tells of it.
#[derive(Debug, Clone, Default, Serialize)]
#[allow(missing_docs, reason = "described in the contract")]
pub struct Session {
    pub number: u64,
    pub source: String,
    pub frontend: String,
    pub backend: String,
    pub server: String,
    pub mode: String,
    pub age: u64,
    pub requests: u64,
    pub bytes_in: u64,
    pub bytes_out: u64,
}

/// Changes of one server; None stays as it is.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerPatch {
    /// The backend's name.
    pub backend: String,
    /// The server's name.
    pub server: String,
    /// 0-256.
    #[serde(default)]
    pub weight: Option<u16>,
    /// What the operator wants.
    #[serde(default, with = "maybe_admin")]
    pub admin: Option<Admin>,
    /// What checks say.
    #[serde(default, with = "maybe_health")]
    pub health: Option<Health>,
}

/// What the data plane holds of one server.
#[derive(Debug, Serialize)]
pub struct ServerState {
    /// The backend's name.
    pub backend: String,
    /// The server's name.
    pub server: String,
    /// 0-256.
    pub weight: u16,
    /// What the operator wants.
    #[serde(with = "admin")]
    pub admin: Admin,
    /// What checks say.
    #[serde(with = "health")]
    pub health: Health,
}

/// Where and why a request was refused.
#[derive(Debug, Serialize)]
pub struct WireError {
    /// The place in the frame or snapshot, such as `backends[2].balance.key`.
    pub path: String,
    /// What was found and what was expected.
    pub reason: String,
}

/// Answers.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Reply {
    /// Done.
    Done {
        /// Of the request.
        id: u64,
        /// True.
        ok: bool,
    },
    /// Who runs and what it has.
    Welcome {
        /// Of the request.
        id: u64,
        /// True.
        ok: bool,
        /// [`super::PROTOCOL`].
        protocol: u32,
        /// Of the program.
        version: &'static str,
        /// Of this process.
        pid: u32,
        /// Worker threads, 0 before the first snapshot.
        threads: usize,
        /// 0: no snapshot yet.
        generation: u64,
        /// Addresses whose sockets it has.
        listeners: Vec<String>,
        /// All servers.
        servers: Vec<ServerState>,
    },
    /// Descriptors travel with it.
    Sockets {
        /// Of the request.
        id: u64,
        /// True.
        ok: bool,
        /// How many.
        count: usize,
    },
    /// Everything counted.
    Stats {
        /// Of the request.
        id: u64,
        /// True.
        ok: bool,
        /// The numbers.
        stats: Box<Stats>,
    },
    /// What is in progress.
    Sessions {
        /// Of the request.
        id: u64,
        /// True.
        ok: bool,
        /// How many were ended.
        closed: u64,
        /// What was found.
        sessions: Vec<Session>,
    },
    /// What a stick table holds, or what came of changing it.
    Table(Box<TableAnswered>),
    /// Entries of a live list.
    Entries {
        /// Of the request.
        id: u64,
        /// True.
        ok: bool,
        /// Whether there was such a list, and such an entry.
        found: bool,
        /// How many entries the list has.
        count: usize,
        /// Number, key and value of each.
        entries: Vec<(u64, String, String)>,
    },
    /// A variable of the process.
    Variable(VariableTold),
    /// Messages that were refused.
    Refused(RefusedTold),
    /// Refused; nothing has changed.
    Failed {
        /// Of the request.
        id: u64,
        /// False.
        ok: bool,
        /// Where and why.
        error: WireError,
    },
}

/// How loud a notice is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the names say it")]
pub enum NoticeLevel {
    Info,
    Warning,
    Error,
}

/// What a request sees of its server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Sight {
    /// There is a connection.
    Connected,
    /// There is none.
    Unreachable,
    /// An answer that has nothing wrong.
    Answered,
    /// One whose status tells of the server's own trouble.
    WrongStatus,
    /// Something that is no head of an answer.
    BadHead,
    /// The connection was reset before there was an answer.
    Reset,
    /// It was closed before there was a whole one.
    Closed,
    /// No answer came in time.
    Late,
}

/// Told unasked.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A server was taken out by what requests met.
    Ejected {
        /// The backend's name.
        backend: String,
        /// The server's name.
        server: String,
        /// Why.
        reason: String,
        /// Milliseconds from now.
        until: u64,
    },
    /// An ejected server may take work again.
    Readmitted {
        /// The backend's name.
        backend: String,
        /// The server's name.
        server: String,
        /// Why.
        reason: String,
        /// Always 0.
        until: u64,
    },
    /// So many requests in a row met errors of a server that is watched.
    Suspect {
        /// The backend's name.
        backend: String,
        /// The server's name.
        server: String,
        /// How many.
        errors: u32,
        /// What the last one met.
        last: Sight,
    },
    /// Something that an operator should read.
    Notice {
        /// How loud.
        level: NoticeLevel,
        /// One sentence.
        text: String,
    },
}

/// `tenbin_balance::Admin` by its wire name.
pub(super) mod admin {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};
    use tenbin_balance::Admin;

    const NAMES: [(Admin, &str); 3] =
        [(Admin::Ready, "ready"), (Admin::Drain, "drain"), (Admin::Maint, "maint")];

    pub fn name(value: Admin) -> &'static str {
        NAMES.iter().find(|(known, _)| *known == value).map_or("", |(_, name)| name)
    }

    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
    pub fn serialize<S: Serializer>(value: &Admin, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(name(*value))
    }

    pub fn parse<E: Error>(text: &str) -> Result<Admin, E> {
        let known = NAMES.iter().find(|(_, name)| *name == text);
        known.map(|(value, _)| *value).ok_or_else(|| E::unknown_variant(text, &["ready", "drain", "maint"]))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Admin, D::Error> {
        parse(&String::deserialize(deserializer)?)
    }
}

/// `tenbin_balance::Health` by its wire name.
pub(super) mod health {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};
    use tenbin_balance::Health;

    const NAMES: [(Health, &str); 4] = [
        (Health::Unknown, "unknown"),
        (Health::Starting, "starting"),
        (Health::Up, "up"),
        (Health::Down, "down"),
    ];

    pub fn name(value: Health) -> &'static str {
        NAMES.iter().find(|(known, _)| *known == value).map_or("", |(_, name)| name)
    }

    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
    pub fn serialize<S: Serializer>(value: &Health, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(name(*value))
    }

    pub fn parse<E: Error>(text: &str) -> Result<Health, E> {
        let known = NAMES.iter().find(|(_, name)| *name == text);
        known
            .map(|(value, _)| *value)
            .ok_or_else(|| E::unknown_variant(text, &["unknown", "starting", "up", "down"]))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Health, D::Error> {
        parse(&String::deserialize(deserializer)?)
    }
}

mod maybe_admin {
    use serde::{Deserialize, Deserializer};
    use tenbin_balance::Admin;

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Admin>, D::Error> {
        Option::<String>::deserialize(deserializer)?.map(|text| super::admin::parse(&text)).transpose()
    }
}

mod maybe_health {
    use serde::{Deserialize, Deserializer};
    use tenbin_balance::Health;

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Health>, D::Error> {
        Option::<String>::deserialize(deserializer)?.map(|text| super::health::parse(&text)).transpose()
    }
}
