//! What expressions are compiled against: the live lists and stick tables that there are.

use std::any::Any;
use std::cell::Cell;
use std::fmt;
use std::sync::Arc;

use crate::Value;

/// A counter of a stick table's entry, as an expression names it: `http_req_rate`, `gpc(3)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counter {
    /// The data type's name as `store` of a stick table says it, but `gpc`, `gpc_rate` and `gpt` of arrays; `trackers`
    /// is how many follow the entry.
    pub name: Box<str>,
    /// Which of an array.
    pub index: u32,
}

/// What a fetch with a side effect does to a counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// One more, and yields the new value: `sc_inc_gpc0(0)`.
    Increment,
    /// Back to zero, and yields the value before: `sc_clr_gpc0(0)`.
    Clear,
}

/// A stick table as expressions see it.
pub trait Counters: Send + Sync {
    /// The counter under the key: 0 without an entry, absent without such a counter or where the value can be no key.
    /// `now_ms` is the view's.
    fn look(&self, key: &Value<'_>, counter: &Counter, now_ms: u64) -> Value<'static>;
    /// Changes the counter under the key, making the entry where a change needs one, and yields what it is then.
    fn change(&self, _key: &Value<'_>, _counter: &Counter, _change: Change, _now_ms: u64) -> Value<'static> {
        Value::Absent
    }
    /// Whether there is an entry.
    fn contains(&self, key: &Value<'_>, now_ms: u64) -> bool;
    /// Entries that there are, and that there could be.
    fn fill(&self) -> (usize, usize);
    /// Itself, for whoever knows what it is.
    fn itself(self: Arc<Self>) -> Arc<dyn Any + Send + Sync>;
}

/// A variable: `proc.a`, `sess.a`, `txn.a`, `req.a`, `res.a`, `check.a`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Variable {
    /// Where it lives, and for how long.
    pub scope: Scope,
    /// A hash of its name, without the scope.
    pub key: u64,
}

/// How long a variable lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the field's own names")]
pub enum Scope {
    Process,
    Session,
    Transaction,
    Request,
    Answer,
    Check,
}

impl Variable {
    /// The variable of that name; None if it begins with no scope, or goes on with no name.
    pub fn named(text: &str) -> Option<Self> {
        let (scope, name) = text.split_once('.')?;
        let scope = match scope {
            "proc" => Scope::Process,
            "sess" => Scope::Session,
            "txn" => Scope::Transaction,
            "req" => Scope::Request,
            "res" => Scope::Answer,
            "check" => Scope::Check,
            _ => return None,
        };
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.';
        if name.is_empty() || !name.bytes().all(allowed) {
            return None;
        }
        Some(Self { scope, key: crate::table::fold_exact(name.as_bytes()) })
    }
}

/// What names in expressions stand for.
#[derive(Clone, Copy)]
pub struct Around<'a> {
    /// A live list by name.
    pub list: &'a dyn Fn(&str) -> Option<Arc<crate::List>>,
    /// A stick table by name.
    pub table: &'a dyn Fn(&str) -> Option<Arc<dyn Counters>>,
    /// Takes down what is asked for that nobody notes unless it is.
    pub asks: Option<&'a Asks>,
}

/// What expressions ask for that costs something to know.
#[derive(Debug, Default)]
pub struct Asks {
    /// Connections to servers: our end of them, and their TLS.
    pub behind: Cell<bool>,
    /// The certificate that a client was shown.
    pub own_certificate: Cell<bool>,
}

impl Asks {
    /// An expression asks for that fetch.
    pub fn note(&self, name: &str) {
        let begins = |starts: &[&str]| starts.iter().any(|start| name.starts_with(start));
        self.behind.set(self.behind.get() || begins(&["bc_", "ssl_bc", "ssl_s_", "log.bi", "log.bp"]));
        self.own_certificate.set(self.own_certificate.get() || begins(&["ssl_f_"]));
    }
}

impl Around<'_> {
    /// Without lists and tables.
    pub const NOTHING: Around<'static> = Around { list: &|_| None, table: &|_| None, asks: None };
}

impl fmt::Debug for Around<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Around")
    }
}
