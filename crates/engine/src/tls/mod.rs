//! TLS: files and settings of a snapshot become configurations of rustls.
//!
//! Owns: reading and judging certificates, keys, authorities and revocation lists; which certificate a client gets; which
//! sessions are resumed; what is known of a connection once its handshake is over; the offline commands about
//! certificates. Does not own: sockets, the bytes of connections, when files are looked at again.

mod accept;
mod authorities;
mod blame;
mod certificates;
mod chain;
mod client;
mod facts;
mod files;
mod inspect;
mod listener;
mod ocsp;
mod problem;
mod resolver;
mod selfsigned;
mod suites;
mod terms;
#[cfg(test)]
mod tests;
mod tickets;
mod verify;
mod x509;

pub use accept::{Accepted, Failed, Wants};
pub use blame::Blame;
pub use client::{Authorities, Chosen, ClientConfig};
pub use facts::{Certificate, CertificateFacts, Facts};
pub use inspect::certificates_command;
pub use listener::ListenerConfig;
pub use problem::Problem;
pub use selfsigned::self_signed_command;
pub use terms::Alpn;
pub use tickets::Tickets;

/// The wall clock, as certificates tell time: seconds since 1970.
fn seconds() -> i64 {
    (crate::clock::wall_micros() / 1_000_000) as i64
}
