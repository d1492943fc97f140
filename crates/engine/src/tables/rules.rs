//! Rule sets as workers run them; `rules_draft` makes them of what the wire says.

use std::sync::Arc;

use regex::bytes::Regex;
use tenbin_rules::{Expr, Message, Variable};

use super::stick::NamedTable;
use crate::track::Gpc;

/// Condition and act.
#[derive(Debug)]
pub struct Rule {
    /// None: always.
    pub when: Option<Expr>,
    /// What is done.
    pub act: Act,
}

/// The rule sets of a frontend or backend.
#[derive(Debug, Default)]
#[allow(missing_docs, reason = "see `wire::Rules`")]
pub struct Rules {
    pub connection: Vec<Rule>,
    pub session: Vec<Rule>,
    pub content: Vec<Rule>,
    pub request: Vec<Rule>,
    pub answer_content: Vec<Rule>,
    pub answer: Vec<Rule>,
    pub after: Vec<Rule>,
    pub inspect_ms: u64,
    pub answer_inspect_ms: u64,
}

/// What a rule does; `wire::Verb` names the same.
#[derive(Debug)]
#[allow(missing_docs, reason = "see `tenbin.model.Verb`")]
pub enum Act {
    Allow,
    Reject,
    SilentDrop,
    ExpectProxy,
    SwitchMode(Protocol),
    Close,
    Deny(Answer),
    Tarpit(Answer),
    Return(Answer),
    Redirect { location: Expr, start: Vec<u8>, code: u16, headers: Vec<(Vec<u8>, Expr)>, ignores_empty: bool },
    Auth { realm: Vec<u8> },
    Service(String),
    SetHeader(Vec<u8>, Expr),
    AddHeader(Vec<u8>, Expr),
    EarlyHint(Vec<u8>, Expr),
    DelHeader(NameMatch),
    ReplaceHeader { name: Vec<u8>, each: bool, by: Replacement },
    SetMethod(Expr),
    SetTarget(Part, Expr),
    ReplaceTarget(Part, Replacement),
    Normalize(Normalizer),
    SetStatus(u16, Vec<u8>),
    SetVariable(Variable, Expr, Condition),
    UnsetVariable(Variable),
    SetSource(Expr),
    SetSourcePort(Expr),
    SetDestination(Expr),
    SetDestinationPort(Expr),
    Capture { value: Expr, message: Message, index: usize, length: usize },
    SetTimeout(Timeout, Expr),
    SetLogLevel(u8),
    LimitBandwidth { bandwidth: Arc<Bandwidth>, bytes: Option<Expr>, period: Option<Expr> },
    SetPriorityClass(Expr),
    SetPriorityOffset(Expr),
    WaitBody { wait_ms: u64, least: usize },
    Pause(Expr),
    DisableRetry,
    SetRetries(Expr),
    Track { slot: u8, table: Arc<NamedTable>, key: Expr },
    AddGpc { slot: u8, which: Gpc, value: Option<Expr> },
    SetGpt { slot: u8, index: Option<usize>, value: Expr },
    List { list: Arc<tenbin_rules::List>, key: Expr, to: Option<Expr>, removes: bool },
}

/// What a connection that turned out to carry HTTP speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Protocol {
    /// What its bytes and its handshake say.
    Shown,
    Http1,
    Http2,
}

/// How much of one direction of a stream goes on in how much time.
#[derive(Debug)]
pub struct Bandwidth {
    /// A limit takes the place of one with the same name.
    pub name: String,
    /// What the client sends; otherwise what it gets.
    pub is_up: bool,
    /// Bytes within a period; of all streams together where they share it.
    pub bytes: u64,
    /// Milliseconds; where streams share it, the table says.
    pub period_ms: u64,
    /// Bytes of a piece.
    pub least: u64,
    /// Streams with the same key share it.
    pub shared: Option<(Arc<NamedTable>, Expr)>,
}

/// Which part of a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Part {
    Path,
    PathAndQuery,
    Query,
    Whole,
}

/// A setting of one exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Timeout {
    Client,
    Connect,
    Queue,
    Server,
    Tarpit,
    Tunnel,
}

/// When a variable is set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Condition {
    /// Only if it exists (true) or does not (false).
    pub exists: Option<bool>,
    /// Only if the new value is not empty (true) or is (false).
    pub filled: Option<bool>,
    /// Only if the new value is true.
    pub greater: Option<bool>,
}

/// A change that makes targets that mean the same look the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "see HAProxy's manual, http-request normalize-uri")]
pub enum Normalizer {
    FragmentEncode,
    FragmentStrip,
    PathMergeSlashes,
    PathStripDot,
    PathStripDotdot { full: bool },
    PercentDecodeUnreserved { strict: bool },
    PercentToUppercase { strict: bool },
    QuerySortByName,
}

/// Names of headers.
#[derive(Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub enum NameMatch {
    Is(Vec<u8>),
    Begins(Vec<u8>),
    Ends(Vec<u8>),
    Holds(Vec<u8>),
    Regex(Regex),
}

/// A pattern and what takes the place of what it matches.
#[derive(Debug)]
pub struct Replacement {
    /// What is looked for.
    pub pattern: Regex,
    /// With `\1` to `\9` for its groups.
    pub template: Expr,
}

/// An answer of our own.
#[derive(Debug)]
pub struct Answer {
    /// 200-599.
    pub status: u16,
    /// None: that of the status.
    pub reason: Vec<u8>,
    /// Field lines.
    pub headers: Vec<(Vec<u8>, Expr)>,
    /// The same for all.
    pub body: Vec<u8>,
    /// Evaluated for each.
    pub text: Option<Expr>,
    /// Nothing but a status was given: the page of that status is meant.
    pub is_bare: bool,
}

impl Rules {
    /// Whether anything is to be decided about the head of a request.
    pub fn judges_requests(&self) -> bool {
        !self.content.is_empty() || !self.request.is_empty()
    }
}

impl NameMatch {
    /// Whether the name is meant; case does not matter.
    pub fn test(&self, name: &[u8]) -> bool {
        let same =
            |part: Option<&[u8]>, text: &[u8]| part.is_some_and(|part| part.eq_ignore_ascii_case(text));
        match self {
            Self::Is(text) => name.eq_ignore_ascii_case(text),
            Self::Begins(text) => same(name.get(..text.len()), text),
            Self::Ends(text) => same(name.len().checked_sub(text.len()).and_then(|at| name.get(at..)), text),
            Self::Holds(text) => name.windows(text.len().max(1)).any(|part| part.eq_ignore_ascii_case(text)),
            // Names are in lower case for whoever writes patterns of them.
            Self::Regex(regex) => regex.is_match(&name.to_ascii_lowercase()),
        }
    }
}

impl Replacement {
    /// The text with what matches replaced, everywhere or (`once`) at the first place; None if nothing matches.
    pub fn apply(&self, text: &[u8], template: &[u8], once: bool) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        let mut last = 0;
        for found in self.pattern.captures_iter(text).take(if once { 1 } else { usize::MAX }) {
            let whole = found.get(0)?;
            out.extend_from_slice(text.get(last..whole.start()).unwrap_or_default());
            expand(&mut out, template, &found);
            last = whole.end();
        }
        if last == 0 && out.is_empty() && !self.pattern.is_match(text) {
            return None;
        }
        out.extend_from_slice(text.get(last..).unwrap_or_default());
        Some(out)
    }
}

fn expand(out: &mut Vec<u8>, template: &[u8], found: &regex::bytes::Captures<'_>) {
    let mut bytes = template.iter();
    while let Some(&byte) = bytes.next() {
        match (byte, bytes.as_slice().first()) {
            (b'\\', Some(digit @ b'0'..=b'9')) => {
                let group = found.get(usize::from(digit - b'0'));
                out.extend_from_slice(group.map(|group| group.as_bytes()).unwrap_or_default());
                bytes.next();
            }
            (b'\\', Some(_)) => out.extend(bytes.next()),
            _ => out.push(byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use tenbin_rules::Around;

    use super::*;

    fn replaced(pattern: &str, text: &str, template: &str) -> Option<String> {
        let wire = serde_json::from_str(r#"{"op":"const","value":""}"#).unwrap();
        let by = Replacement {
            pattern: Regex::new(pattern).unwrap(),
            template: Expr::compile(&wire, &Around::NOTHING).unwrap(),
        };
        by.apply(text.as_bytes(), template.as_bytes(), false).map(|text| String::from_utf8(text).unwrap())
    }

    #[test]
    fn groups_are_put_in() {
        assert_eq!(replaced("^/a/(.*)", "/a/b", r"/x/\1").as_deref(), Some("/x/b"));
        assert_eq!(replaced("b", "abab", r"<\0>\\").as_deref(), Some(r"a<b>\a<b>\"));
        assert_eq!(replaced("z", "abab", "x"), None);
        assert_eq!(replaced("(a)|b", "b", r"[\1]").as_deref(), Some("[]"));
    }

    #[test]
    fn names_match_whatever_their_case() {
        for (names, name, expected) in [
            (NameMatch::Is(b"x-a".to_vec()), "X-A", true),
            (NameMatch::Begins(b"x-".to_vec()), "X-B", true),
            (NameMatch::Ends(b"-id".to_vec()), "Request-ID", true),
            (NameMatch::Ends(b"-id".to_vec()), "id", false),
            (NameMatch::Holds(b"ques".to_vec()), "ReQUESt", true),
            (NameMatch::Holds(b"zz".to_vec()), "a", false),
        ] {
            assert_eq!(names.test(name.as_bytes()), expected, "{names:?} {name}");
        }
    }
}
