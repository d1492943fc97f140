//! The engine: threads and sockets around `tenbin-proto`, `tenbin-rules` and `tenbin-balance`.
//!
//! Owns: the mirror of the wire contract, tables compiled from snapshots, workers, listeners, both sides of an
//! exchange, tunnels, server pools, counters, the access log, the control channel. Decides nothing that a snapshot
//! could say. The life of a request starts in `http::exchange`.
#![forbid(unsafe_code)]

mod access;
mod address;
mod behind;
mod buffer;
mod capacity;
mod client;
mod clock;
mod connection;
mod control;
mod deadline;
mod doors;
mod ending;
mod farewell;
mod flow;
mod handshake;
mod hashkey;
mod http;
mod http2;
mod lines;
mod listener;
mod log;
mod logdatagram;
mod logtarget;
#[cfg(all(test, tenbin_loom))]
mod models;
mod notice;
mod pace;
mod peek;
mod premature;
mod privileges;
mod proxy;
mod rates;
mod refused;
mod retry;
mod rules;
mod secured;
mod sessions;
mod source;
mod spares;
mod splice;
mod stats;
mod stick;
mod stream;
#[cfg(all(test, not(tenbin_loom)))]
mod stress;
mod sync;
mod tables;
mod tcp;
mod throttle;
pub mod tls;
#[allow(dead_code, reason = "its callers are the rule sets, which come with it")]
mod track;
mod tunnel;
mod turns;
mod upstream;
mod watch;
pub mod wire;
mod worker;

pub use control::offline::vocabulary_command;
pub use control::{offline, serve};
pub use privileges::{NoIdentity, RunAs, hide_memory};
pub use tls::{certificates_command, self_signed_command};
