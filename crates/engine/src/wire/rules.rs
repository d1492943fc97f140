//! Rule sets, own answers, stick tables, live lists and log lines as a snapshot carries them.
//!
//! `tenbin.model.rules`, `tenbin.model.table` and `tenbin.model.logs` say what each member means.

use serde::Deserialize;
use tenbin_rules::wire::Expr;

/// An answer of our own; `body` is base64, `text` takes its place.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// 200-599.
    pub status: u16,
    /// The phrase; empty: that of the status.
    #[serde(default)]
    pub reason: String,
    /// Field lines.
    #[serde(default)]
    pub headers: Vec<(String, Expr)>,
    /// Base64.
    #[serde(default)]
    pub body: String,
    /// Evaluated for each answer.
    #[serde(default)]
    pub text: Option<Expr>,
}

/// What a rule does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "`tenbin.model.Verb` says what each does and takes")]
pub enum Verb {
    Allow,
    Reject,
    Deny,
    Tarpit,
    SilentDrop,
    ExpectProxy,
    SwitchMode,
    Close,
    Return,
    Redirect,
    Auth,
    Service,
    SetHeader,
    AddHeader,
    DelHeader,
    ReplaceHeader,
    ReplaceValue,
    SetMethod,
    SetPath,
    SetPathq,
    SetQuery,
    SetUri,
    ReplacePath,
    ReplacePathq,
    ReplaceUri,
    NormalizeUri,
    SetStatus,
    SetVar,
    UnsetVar,
    SetSource,
    SetSourcePort,
    SetDestination,
    SetDestinationPort,
    Track,
    IncGpc,
    AddGpc,
    SetGpt,
    Capture,
    SetMap,
    DelMap,
    AddAcl,
    DelAcl,
    SetTimeout,
    SetLogLevel,
    LimitBandwidth,
    SetPriorityClass,
    SetPriorityOffset,
    WaitBody,
    EarlyHint,
    Pause,
    DisableRetry,
    SetRetries,
}

/// How much of one direction of a stream goes on in how much time; with a key, streams share it through a table.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bandwidth {
    /// A limit takes the place of one with the same name.
    pub name: String,
    /// What the client sends; otherwise what it gets.
    pub is_up: bool,
    /// Within a period.
    pub bytes: u64,
    /// Milliseconds; with a key, that of the table's counter.
    #[serde(default)]
    pub period: u64,
    /// Bytes of a piece.
    #[serde(default)]
    pub least: u64,
    /// The table's name.
    #[serde(default)]
    pub table: String,
    /// None: each stream has its own.
    #[serde(default)]
    pub key: Option<Expr>,
}

/// What is done, with the members that its verb takes.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Act {
    /// What.
    pub verb: Verb,
    /// Of a header, variable, table, list, realm.
    #[serde(default)]
    pub name: String,
    /// The new value, or a key.
    #[serde(default)]
    pub value: Option<Expr>,
    /// The value under a map's key.
    #[serde(default)]
    pub to: Option<Expr>,
    /// A regular expression.
    #[serde(default)]
    pub pattern: String,
    /// Of the pattern.
    #[serde(default)]
    pub ignore_case: bool,
    /// A text in which `\1` to `\9` are groups of the pattern.
    #[serde(default)]
    pub template: Option<Expr>,
    /// How a name is matched.
    #[serde(default)]
    pub method: String,
    /// A status, code, slot, time.
    #[serde(default)]
    pub number: i64,
    /// Which of several.
    #[serde(default)]
    pub index: i64,
    /// For those that answer.
    #[serde(default)]
    pub answer: Option<Answer>,
    /// For those that limit.
    #[serde(default)]
    pub bandwidth: Option<Bandwidth>,
}

/// Condition and act.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// None: always.
    #[serde(default)]
    pub when: Option<Expr>,
    /// What is done.
    pub act: Act,
    /// `file:line:column` in the configuration, for who reads the snapshot.
    #[serde(default)]
    pub position: String,
}

/// The rule sets of a frontend or backend, by phase.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rules {
    /// As accepted.
    pub connection: Vec<Rule>,
    /// After PROXY header and TLS.
    pub session: Vec<Rule>,
    /// On the first bytes of the client.
    pub content: Vec<Rule>,
    /// On the head of a request.
    pub request: Vec<Rule>,
    /// On the first bytes of the server.
    pub answer_content: Vec<Rule>,
    /// On the head of a server's answer.
    pub answer: Vec<Rule>,
    /// On the head of every answer.
    pub after: Vec<Rule>,
    /// How long `content` may wait for bytes.
    pub inspect_delay: u64,
    /// How long `answer_content` may.
    pub answer_inspect_delay: u64,
}

/// A counter of each entry of a table.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stored {
    /// Such as `http_req_rate`.
    pub name: String,
    /// Of a rate.
    #[serde(default)]
    pub period: u64,
    /// Of an array; 0: none.
    #[serde(default)]
    pub count: u32,
}

/// What keys of a table are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the names say it")]
pub enum KeyType {
    Ip,
    Ipv6,
    Integer,
    String,
    Binary,
}

/// A stick table.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// What its keys are.
    pub key: KeyType,
    /// Bytes of string and binary keys at most.
    pub length: usize,
    /// Entries at most.
    pub size: usize,
    /// Unused; 0: never forgotten.
    pub expire: u64,
    /// Takes no new entries when full.
    #[serde(default)]
    pub keep: bool,
    /// Counters of each entry.
    #[serde(default)]
    pub stored: Vec<Stored>,
    /// Servers are remembered by their address instead of their name.
    #[serde(default)]
    pub by_address: bool,
}

/// Remembers which server a key went to.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StickRule {
    /// Looks the key up.
    #[serde(rename = "match")]
    pub matches: bool,
    /// Remembers the server.
    pub store: bool,
    /// The key is of the answer.
    pub answer: bool,
    /// The key.
    pub key: Expr,
    /// The table's name.
    pub table: String,
    /// None: always.
    #[serde(default)]
    pub when: Option<Expr>,
}

/// Patterns or a map that change at run time.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LiveList {
    /// Its name.
    pub name: String,
    /// Keys and values; of patterns the values are empty.
    pub entries: Vec<(String, String)>,
    /// It has values.
    pub is_map: bool,
    /// What is in force stays while this is the same.
    #[serde(default)]
    pub stamp: String,
}

/// What a line is wrapped in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the field's own names")]
pub enum Envelope {
    Rfc3164,
    Rfc5424,
    Local,
    Priority,
    Short,
    Timed,
    Iso,
    Raw,
}

/// Where lines go.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogTarget {
    /// `stdout`, `stderr`, `fd@N`, `udp@ip:port`, `unix@/path`, or a file's path.
    pub address: String,
    /// What a line is wrapped in.
    pub envelope: Envelope,
    /// 0-23.
    pub facility: u8,
    /// The least severe that is sent, 0-7.
    pub level: u8,
    /// More severe ones are lowered to it.
    pub least: u8,
    /// Bytes of a line at most.
    pub length: usize,
    /// Of so many lines; 0: all.
    #[serde(default)]
    pub sample: u32,
    /// Those with these numbers are sent.
    #[serde(default)]
    pub ranges: Vec<(u32, u32)>,
}

/// A piece of a line.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(clippy::struct_excessive_bools, reason = "each is a word of the contract")]
pub struct LogPart {
    /// A text or a value.
    pub value: Expr,
    /// In double quotes.
    #[serde(default)]
    pub quote: bool,
    /// With backslashes before quotes, backslashes and brackets.
    #[serde(default)]
    pub escape: bool,
    /// Numbers and addresses in hexadecimal.
    #[serde(default)]
    pub hex: bool,
    /// `-` where absent.
    #[serde(default = "super::snapshot::yes")]
    pub dash: bool,
    /// Of an encoded line.
    #[serde(default)]
    pub key: String,
}

/// A header that lines show.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Capture {
    /// Of the answer.
    pub answer: bool,
    /// The field's name.
    pub header: String,
    /// Bytes at most.
    pub length: usize,
}

/// The lines of a frontend.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(clippy::struct_excessive_bools, reason = "each is a word of the contract")]
pub struct ProxyLog {
    /// Where they go.
    #[serde(default)]
    pub targets: Vec<LogTarget>,
    /// How they look.
    #[serde(default)]
    pub format: Vec<LogPart>,
    /// Of connections that failed before a request.
    #[serde(default)]
    pub error: Vec<LogPart>,
    /// Structured data of rfc5424.
    #[serde(default)]
    pub structured: Vec<LogPart>,
    /// Before the process id.
    pub tag: String,
    /// The host's name; empty: none.
    #[serde(default)]
    pub host: String,
    /// The process that operators know.
    #[serde(default)]
    pub pid: u32,
    /// Also connections that carried nothing.
    pub null: bool,
    /// Also what went well.
    pub normal: bool,
    /// As soon as the answer's head is there.
    pub early: bool,
    /// Failures are errors at least.
    pub raise_errors: bool,
    /// Headers that are shown.
    #[serde(default)]
    pub captures: Vec<Capture>,
    /// What the name of the cookie begins with that is shown; empty: none.
    #[serde(default)]
    pub cookie: String,
    /// Bytes of it at most.
    #[serde(default)]
    pub cookie_length: usize,
}
