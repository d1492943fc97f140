//! Handshakes in memory with certificates made for them.

mod judging;
mod listeners;
mod mutual;
mod options;
mod resuming;
mod servers;
pub mod support;
