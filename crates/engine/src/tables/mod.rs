//! What a snapshot becomes: immutable tables that workers read, built whole or not at all.
//!
//! Objects that a new snapshot does not change are the same objects as before, with their counters, health, queues
//! and connections. Reading is for workers, building is for the control thread.

mod backend;
mod build;
mod draft;
mod frontend;
mod group;
mod lists;
mod partings;
mod published;
mod routes;
mod rules;
mod rules_draft;
mod secure;
mod stick;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

pub use backend::{Backend, Server, Slots, Sticky};
pub use build::{Built, Context, Refusal};
pub use frontend::{Action, Edit, Frontend, Listener, PerSource, Route};
pub use lists::Lists;
pub use partings::{Parting, change};
pub use published::{Followed, Held, Published};
pub use rules::{
    Act, Answer, Bandwidth, Condition, NameMatch, Normalizer, Part, Protocol, Replacement, Rule, Rules,
    Timeout,
};
pub use stick::{NamedTable, StickRule, StickTables};

use crate::stats::ListenerCounters;
use crate::wire::{AccessLog, Limits};

/// One snapshot, compiled.
pub struct Tables {
    /// Of the snapshot; moved on by patches.
    pub generation: AtomicU64,
    /// Over all frontends.
    pub limits: Limits,
    /// Where access-log lines go.
    pub access_log: AccessLog,
    /// Signs sticky cookies.
    pub secret: Vec<u8>,
    /// Live lists by name.
    pub lists: Lists,
    /// Addresses and who serves them.
    pub listeners: Vec<Listener>,
    /// The client side.
    pub frontends: Vec<Arc<Frontend>>,
    /// The server side.
    pub backends: Vec<Arc<Backend>>,
    /// Places in `backends` by name.
    pub backend_names: HashMap<String, usize>,
    /// Stick tables by name, kept while they are named.
    pub stick: StickTables,
    /// Connections to servers are noted, for expressions that ask about them.
    pub asks_behind: bool,
    /// The certificate that a client was shown is noted.
    pub asks_own: bool,
    /// Counters of listeners by address, kept while the address is listened on.
    pub listener_counters: HashMap<String, Arc<ListenerCounters>>,
}

impl Tables {
    /// The listener on an address.
    pub fn listener(&self, address: &str) -> Option<&Listener> {
        self.listeners.iter().find(|listener| listener.address == address)
    }

    /// A backend by name.
    pub fn backend(&self, name: &str) -> Option<&Arc<Backend>> {
        self.backends.get(*self.backend_names.get(name)?)
    }
}
