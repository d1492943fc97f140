//! The policies, one file each, behind one small trait.
//!
//! A policy only keeps an index of the servers that may be chosen and answers "which one": whether a server is
//! usable, has a slot free or counts as backup is decided in `members`, which places servers here and removes
//! them. So a pick never walks over servers that cannot take it.

mod first;
mod haproxy;
mod haproxy_least;
mod haproxy_turns;
mod hashed;
mod ip_hash;
mod least_conn;
mod maglev;
mod modulo;
mod peak_ewma;
mod random;
mod ring;
mod round_robin;
mod static_rr;
#[cfg(test)]
pub(crate) mod testing;
mod turns;

use std::net::IpAddr;
use std::sync::Arc;

use crate::lease::Outcome;
use crate::server::Server;
use crate::spec::{HashMethod, IpHashForm, PolicySpec};

pub(crate) use maglev::Recipe;

/// What a policy may know of the request and of the group.
pub(crate) struct Query<'a> {
    pub hash: Option<&'a [u8]>,
    pub source: IpAddr,
    pub servers: &'a [Arc<Server>],
    /// Requests held by the whole group.
    pub held: u64,
    pub now_ms: u64,
    /// Servers that this request must not get.
    pub barred: &'a dyn Fn(usize) -> bool,
}

pub(crate) trait Policy: Send {
    /// Server `id` may be chosen, with this share (weight times 16, slow start applied); 0 takes it out.
    fn place(&mut self, id: usize, share: u32);

    /// Choose. The group takes the slot and calls `load_changed` for the chosen server at once.
    fn pick(&mut self, query: &Query<'_>) -> Option<usize>;

    /// Requests held or queued by server `id`. Called for every change.
    fn load_changed(&mut self, id: usize, load: u32) {
        let _ = (id, load);
    }

    /// A request on `server` ended.
    fn observe(&mut self, server: &Server, outcome: Outcome, now_ms: u64) {
        let _ = (server, outcome, now_ms);
    }

    /// Work that is too long for the lock of the group: it is done outside and handed to `adopt`.
    fn stale(&self) -> Option<Recipe> {
        None
    }

    /// Take the finished work; what changed since makes it stale again.
    fn adopt(&mut self, version: u64, table: Vec<u32>) {
        let _ = (version, table);
    }
}

/// What the group must know to place servers in a policy.
#[derive(Clone, Copy)]
pub(crate) struct Ways {
    /// Servers without a free slot stay placed; a request for one waits in its own queue.
    pub keeps_full: bool,
    /// Shares come from the configured weights.
    pub fixed_weights: bool,
}

impl Ways {
    pub fn of(spec: PolicySpec) -> Self {
        let keeps_full = matches!(
            spec,
            PolicySpec::Hash { .. }
                | PolicySpec::HaproxyTurns { .. }
                | PolicySpec::IpHash { form: IpHashForm::Fnv1a }
        );
        let fixed_weights = matches!(spec, PolicySpec::StaticRr | PolicySpec::HaproxyTurns { listed: true });
        Self { keeps_full, fixed_weights }
    }
}

pub(crate) fn build(spec: PolicySpec, servers: &[Arc<Server>], seed: u64) -> Box<dyn Policy> {
    use hashed::{Hashed, Key};
    let size = servers.len();
    match spec {
        PolicySpec::RoundRobin => Box::new(round_robin::RoundRobin::new(size)),
        PolicySpec::HaproxyTurns { listed: false } => Box::new(haproxy_turns::Turns::new(size)),
        PolicySpec::HaproxyTurns { listed: true } => Box::new(haproxy::Map::turns(servers)),
        PolicySpec::StaticRr => Box::new(static_rr::StaticRr::new(size)),
        PolicySpec::HaproxyLeast => Box::new(haproxy_least::Least::new(size)),
        PolicySpec::LeastConn => Box::new(least_conn::LeastConn::new(size)),
        PolicySpec::Random { draws } => Box::new(random::Random::new(size, draws, seed)),
        PolicySpec::First => Box::new(first::First::new(servers)),
        PolicySpec::IpHash { form: IpHashForm::Nginx } => Box::new(ip_hash::Nginx::new(servers)),
        PolicySpec::IpHash { form: IpHashForm::Fnv1a } => {
            Box::new(Hashed::new(ip_hash::Counted::new(size), Key::Source, None, size))
        }
        PolicySpec::Hash { method, load_factor } => match method {
            HashMethod::Modulo => {
                Box::new(Hashed::new(modulo::Modulo::new(size), Key::Asked, load_factor, size))
            }
            HashMethod::Consistent => {
                Box::new(Hashed::new(ring::Ring::new(servers), Key::Asked, load_factor, size))
            }
            HashMethod::HaproxyMap(hash) => Box::new(haproxy::Map::new(hash, servers)),
            HashMethod::HaproxyTree(hash) => Box::new(haproxy::Tree::new(hash, load_factor, servers)),
            HashMethod::Maglev => {
                Box::new(Hashed::new(maglev::Maglev::new(servers), Key::Asked, load_factor, size))
            }
        },
        PolicySpec::PeakEwma { decay_ms, error_penalty_ms } => {
            Box::new(peak_ewma::PeakEwma::new(size, decay_ms, error_penalty_ms, seed))
        }
    }
}
