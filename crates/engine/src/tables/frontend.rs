//! The client side: routes with compiled conditions, edits and prepared answers.

use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use tenbin_balance::{RateLimit, SourceLimits, Sources};
use tenbin_rules::{Expr, Router};

use super::draft::Answers;
use super::rules::Rules;
use crate::lines::{Lines, Part};
use crate::stats::{FrontendCounters, ListenerCounters};
use crate::tls::ListenerConfig;
use crate::wire;

/// One listened address.
pub struct Listener {
    /// As in the snapshot.
    pub address: String,
    /// What it is called; may be empty.
    pub name: Arc<str>,
    /// Its number within the frontend.
    pub number: u32,
    /// Its port.
    pub port: u16,
    /// Place in `Tables::frontends`.
    pub frontend: usize,
    /// Accept a bare LF as line end in heads.
    pub lenient: bool,
    /// None: plain.
    pub tls: Option<ListenerConfig>,
    /// HTTP/2 by prior knowledge.
    pub http2: bool,
    /// Networks whose connections begin with a PROXY header; none of them: all do.
    pub proxy: Option<Arc<[IpNet]>>,
    /// What was counted on it.
    pub counters: Arc<ListenerCounters>,
}

/// What happens to what arrives.
pub struct Frontend {
    /// As in the snapshot; what decides whether it has changed.
    pub spec: wire::Frontend,
    /// Networks whose forwarding headers are believed.
    pub trusted: Vec<IpNet>,
    /// Finds the first route whose condition holds.
    pub router: Router,
    /// In the order of the configuration.
    pub routes: Vec<Route>,
    /// A condition asks for what a TLS client says that is not terminated here.
    pub asks_hello: bool,
    /// Limits of each source, if any.
    pub per_source: Option<PerSource>,
    /// Its own lines of logs; None: those of the process.
    pub lines: Option<Box<Lines>>,
    /// What is done besides.
    pub rules: Rules,
    /// Own answers by status.
    pub answers: Answers,
    /// What names a request; empty: nothing does.
    pub unique_id: Vec<Part>,
    /// What was counted.
    pub counters: Arc<FrontendCounters>,
}

/// What one source may do, and what sources did.
pub struct PerSource {
    /// As in the snapshot, for the asking.
    pub limits: SourceLimits,
    /// Outlives a change of the limits.
    pub sources: Arc<Sources>,
}

/// Edits and at most one action.
pub struct Route {
    /// Of the request.
    pub request: Vec<Edit>,
    /// Of the answer.
    pub answer: Vec<Edit>,
    /// Path prefix and its replacement.
    pub rewrite: Option<(Vec<u8>, Vec<u8>)>,
    /// What decides; None: the next routes go on.
    pub action: Option<Action>,
}

/// One edit of one header.
pub struct Edit {
    /// What is done.
    pub verb: wire::HeaderVerb,
    /// The field's name.
    pub name: Vec<u8>,
    /// None for remove.
    pub value: Option<Expr>,
}

/// What decides about a request.
pub enum Action {
    /// Place in `Tables::backends` by name, since backends may change while the frontend does not.
    Backend(String),
    /// A backend whose name is made of the request; an unknown one leads to the default, the last route of all.
    Named(Expr),
    /// A Location and a 30x code.
    Redirect {
        /// A text expression.
        location: Expr,
        /// What it begins with, whatever the request.
        start: Vec<u8>,
        /// 301 302 303 307 308.
        code: u16,
    },
    /// A fixed answer.
    Respond(Fixed),
    /// A refusal.
    Deny(u16),
}

/// An answer that is the same for everyone.
pub struct Fixed {
    /// The status.
    pub status: u16,
    /// Finished field lines.
    pub lines: Vec<u8>,
    /// The body.
    pub body: Vec<u8>,
}

impl PerSource {
    /// With the counts that there are already.
    pub fn new(spec: wire::PerSource, known: Option<&Self>) -> Self {
        let sources = match known {
            Some(known) => {
                known.sources.set_entries(spec.entries);
                Arc::clone(&known.sources)
            }
            None => Arc::new(Sources::new(spec.entries)),
        };
        let requests = RateLimit { count: spec.requests, window_ms: spec.window };
        let limits = SourceLimits {
            connections: spec.connections,
            requests: (spec.requests > 0).then_some(requests),
            ipv6_prefix: spec.ipv6_prefix,
        };
        Self { limits, sources }
    }
}

impl Frontend {
    /// Whether forwarding headers of this peer are believed.
    pub fn trusts(&self, peer: IpAddr) -> bool {
        self.trusted.iter().any(|network| network.contains(&peer))
    }
}
