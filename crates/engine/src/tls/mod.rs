//! TLS: files and settings of a snapshot become configurations of rustls.
//!
//! Owns: reading and judging certificates, keys, authorities and revocation lists; which certificate a client gets; which
//! sessions are resumed; what is known of a connection once its handshake is over; the offline commands about
//! certificates. Does not own: sockets, the bytes of connections, when files are looked at again.

mod client;
mod facts;
mod listener;
mod problem;
mod tickets;

pub use client::{Authorities, ClientConfig};
pub use facts::{ClientCertificate, Facts};
pub use listener::{Alpn, ListenerConfig, UNRECOGNIZED_NAME};
pub use problem::{Level, Problem};
pub use tickets::Tickets;
