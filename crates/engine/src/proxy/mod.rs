//! The PROXY protocol on connections: who a client is when a proxy stands between, told to us and told by us.
//!
//! Owns: reading the header in front of a client's connection (`greet`), what it told (`Told`), and writing one for a
//! server (`preface`). Does not own: the format (`tenbin_proto::proxy` does), and which listeners and servers speak it
//! (the snapshot does).

mod greet;
mod preface;
mod told;

pub use greet::greet;
pub use preface::preface;
pub use told::Told;
