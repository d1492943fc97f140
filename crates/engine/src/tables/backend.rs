//! The server side: a group of servers with its policy, its memory and its counters.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tenbin_balance::Group;
use tenbin_rules::{Expr, View};

use super::StickRule;
use super::draft::Answers;
use super::rules::Rules;
use crate::address::{Address, Way};
use crate::stats::{BackendCounters, ServerCounters, Workers};
use crate::tls::{Chosen, ClientConfig};
use crate::watch::Watch;
use crate::wire::{self, Sight};
use crate::worker::Worker;

/// A group of servers.
pub struct Backend {
    /// As in the snapshot; what decides whether it has changed.
    pub spec: wire::Backend,
    /// Chooses.
    pub group: Arc<Group>,
    /// In the order of the configuration, as in the group.
    pub servers: Vec<Arc<Server>>,
    /// Places in `servers` by plain cookie value.
    pub by_cookie: HashMap<Vec<u8>, usize>,
    /// What a `hash` policy hashes.
    pub key: Option<Expr>,
    /// That is made of what a TLS client says that is not terminated here.
    pub asks_hello: bool,
    /// By server, the name that it is asked for in TLS, where requests choose it; empty where no server has one.
    pub choosers: Vec<Option<Expr>>,
    /// How clients are remembered.
    pub sticky: Option<Sticky>,
    /// Which of its servers is remembered in stick tables, and by what.
    pub stick: Vec<StickRule>,
    /// Requests for one server: its name, and when.
    pub use_server: Vec<(Expr, Option<Expr>)>,
    /// Whether persistence holds to servers that are down, or to none, and when.
    pub persist: Vec<(bool, Option<Expr>)>,
    /// What is done with requests and answers.
    pub rules: Rules,
    /// Own answers by status.
    pub answers: Answers,
    /// Every server that is spoken to in TLS has what that takes.
    pub is_whole: bool,
    /// What was counted.
    pub counters: Arc<Workers<BackendCounters>>,
}

/// How clients are remembered.
pub enum Sticky {
    /// By a cookie that Tenbin sets.
    Cookie {
        /// Its name.
        name: Vec<u8>,
        /// The server's cookie value instead of a signed token.
        plain: bool,
        /// The text after the value.
        attributes: Vec<u8>,
        /// Seconds since the last request; 0: no limit.
        max_idle: u64,
        /// Seconds since the first request; 0: no limit.
        max_life: u64,
    },
}

/// One server.
pub struct Server {
    /// Its name within the backend.
    pub name: String,
    /// None while its name has not been resolved.
    pub address: Option<Address>,
    /// How connections to it are opened.
    pub way: Way,
    /// How often a connection may be used again; None: no limit.
    pub max_reuse: Option<u32>,
    /// Its address as text, for logs.
    pub address_text: String,
    /// None: plain.
    pub tls: Option<ClientConfig>,
    /// Begins with a PROXY header, so that no two clients share a connection.
    pub proxy: Option<wire::ProxyOut>,
    /// Of one that requests watch.
    pub watch: Option<Watch>,
    /// Value of a plain sticky cookie.
    pub cookie: Vec<u8>,
    /// Its place in the workers' pools, and a number that no other server ever has.
    pub slot: Slot,
    /// Load, health and what the policy needs.
    pub state: Arc<tenbin_balance::Server>,
    /// What was counted.
    pub counters: Arc<Workers<ServerCounters>>,
}

impl Server {
    /// Whether a connection that was used again so often may be once more.
    pub fn allows(&self, reuses: u32) -> bool {
        self.max_reuse.is_none_or(|most| reuses < most)
    }

    /// The name that the connection is opened with; None: what was chosen is none, and one is needed.
    pub fn choose<V: View>(&self, name: &Expr, view: &V) -> Option<Chosen> {
        let Some(tls) = &self.tls else { return Some(None) };
        let mut text = Vec::new();
        name.write(view, &mut text);
        tls.choose(&text)
    }

    /// Takes what a request saw of it, if it is watched.
    pub fn see(&self, backend: &Backend, worker: &Worker, sight: Sight) {
        if let Some(watch) = &self.watch {
            watch.see(sight, (&backend.spec.name, &self.name), &worker.shared.notices);
        }
    }
}

/// A place in the workers' pools that is given back when the server is gone.
pub struct Slot {
    /// Small and reused.
    pub index: usize,
    /// Never reused.
    pub serial: u64,
    owner: Arc<Slots>,
}

/// Gives out slots.
#[derive(Default)]
pub struct Slots {
    state: Mutex<(Vec<usize>, usize, u64)>,
}

impl Slots {
    /// A free slot.
    pub fn take(self: &Arc<Self>) -> Slot {
        let mut state = self.state.lock();
        let (free, next, serial) = &mut *state;
        let index = free.pop().unwrap_or_else(|| {
            *next += 1;
            *next - 1
        });
        *serial += 1;
        Slot { index, serial: *serial, owner: Arc::clone(self) }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.owner.state.lock().0.push(self.index);
    }
}

impl Backend {
    /// What chooses the name that a server is asked for in TLS.
    pub fn chooser(&self, index: usize) -> Option<&Expr> {
        self.choosers.get(index)?.as_ref()
    }

    /// The place of a server in `servers`.
    pub fn server_named(&self, name: &str) -> Option<usize> {
        self.group.index_of(name)
    }

    /// The number that a server is known by in stick tables: its own, or its place, from 1.
    pub fn number_of(&self, index: usize) -> u32 {
        let own = self.spec.servers.get(index).map_or(0, |server| server.number);
        if own > 0 { own } else { index as u32 + 1 }
    }

    /// The place of the server with this number.
    pub fn server_numbered(&self, number: u32) -> Option<usize> {
        let place = (number as usize).checked_sub(1)?;
        let is_it = |index: &usize| self.number_of(*index) == number;
        // Most are numbered by their place.
        Some(place)
            .filter(|place| *place < self.servers.len() && is_it(place))
            .or_else(|| (0..self.servers.len()).find(is_it))
    }
}
