//! Counting: what workers count, and the numbers that are made of it when somebody asks.
//!
//! Every worker has its own block of each object's counters and is the only one that writes to it, so counting costs
//! a load and a store. Sums, rates and percentiles are made by `collect` outside of the workers.

mod averages;
mod clear;
mod collect;
mod counters;
mod histogram;
mod restore;
mod window;

pub use clear::clear;
pub use collect::{second, slice, stats};
pub use counters::{
    BackendCounters, ConnectionCounters, Counter, Current, FrontendCounters, ListenerCounters,
    ProcessCounters, RequestCounters, ServerCounters, Workers,
};
pub use histogram::Phases;
pub use restore::restore;
pub use window::SLICE_SECONDS;
