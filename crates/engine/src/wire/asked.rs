//! Control frames about variables of the process and about messages that were refused.

use serde::{Deserialize, Serialize};
use tenbin_rules::wire::Expr;

/// What is asked about a variable; described in the contract.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VariableAsked {
    /// Names the answer.
    pub id: u64,
    /// Such as `proc.limit`.
    pub name: String,
    /// Its new value; none: it is only asked for.
    #[serde(default)]
    pub value: Option<Expr>,
}

/// The value of a variable.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[allow(missing_docs, reason = "described in the contract")]
pub struct VariableTold {
    pub id: u64,
    pub ok: bool,
    pub kind: &'static str,
    pub text: String,
}

/// Messages that were refused.
#[derive(Debug, Serialize)]
#[allow(missing_docs, reason = "described in the contract")]
pub struct RefusedTold {
    pub id: u64,
    pub ok: bool,
    pub count: u64,
    pub messages: Vec<RefusedMessage>,
}

/// One of them.
#[derive(Debug, Serialize)]
#[allow(missing_docs, reason = "described in the contract")]
pub struct RefusedMessage {
    pub number: u64,
    pub side: &'static str,
    pub at: u64,
    pub source: String,
    pub frontend: String,
    pub backend: String,
    pub server: String,
    pub position: usize,
    pub length: usize,
    pub bytes: String,
}
