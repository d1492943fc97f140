//! Choosing a server: policies, slots, queues, passive health, stickiness and the retry budget.
//!
//! Owns: which server gets the next request, how many each may hold, who waits for a slot and in which
//! order, and which servers are left out because of what requests saw. Owns neither sockets nor clocks: time
//! comes in as monotonic milliseconds (`now_ms`), latencies as microseconds, randomness from a seed.
//!
//! A [`Group`] is one backend of one snapshot; a [`Server`] outlives snapshots as long as it stays the same
//! server, and with it its gauges, its slow start and its record of failures. All threads share both: a group
//! takes one short lock to choose and one to give back, and never holds it across anything slow.

#![forbid(unsafe_code)]

mod budget;
mod core;
mod eject;
mod fenwick;
mod group;
mod hash;
mod heap;
mod lease;
mod members;
mod policy;
mod queue;
mod rate;
mod rng;
mod server;
mod sources;
mod spec;
pub mod stick;
mod sync;
mod table;

pub use group::Group;
pub use hash::xxh64;
pub use lease::{Ask, Grant, Lease, Outcome, OutcomeKind, Ticket, Turn};
pub use rate::{Rate, RateLimit};
pub use server::{Admin, Health, Passive, Server, ServerSpec};
pub use sources::{SourceLimits, Sources, Visit};
pub use spec::{
    Eject, GroupEvent, GroupSpec, HaproxyFunction, HaproxyHash, HaproxyKey, HashMethod, IpHashForm, OnDrain,
    PolicySpec,
};
