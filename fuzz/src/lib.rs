//! What must hold for any bytes: one property a parser, called by `cargo test` with the inputs that are kept, and by
//! libFuzzer with inputs that nobody thought of.
//!
//! Owns: the properties, the kept inputs. Does not own: the search for new ones (`fuzz/libfuzzer`, `make fuzz`), nor the
//! rules that generated messages are held against (`crates/proto/tests`).
//!
//! A property panics when it does not hold: that is how libFuzzer and `cargo test` are told.
#![forbid(unsafe_code)]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::panic,
    clippy::unwrap_used,
    reason = "to panic is what a property is for"
)]

mod answer;
mod chunks;
mod cookie;
pub mod corpus;
mod cuts;
mod frame;
mod front;
mod host;
mod request;
mod seeds;
mod snapshot;
mod uri;

#[path = "../../crates/proto/tests/support/agreement.rs"]
mod agreement;
#[path = "../../crates/proto/tests/support/exchange.rs"]
mod exchange;
#[path = "../../crates/proto/tests/support/meaning.rs"]
mod meaning;
#[path = "../../crates/proto/tests/support/rows.rs"]
#[allow(dead_code, reason = "only the bytes of a row are wanted")]
mod rows;
#[path = "../../crates/proto/tests/support/second.rs"]
mod second;

/// A parser under test.
#[derive(Clone, Copy)]
pub struct Target {
    /// Names it on the command line, and its file in `fuzz/corpus`.
    pub name: &'static str,
    /// What must hold for any bytes; panics if it does not.
    pub property: fn(&[u8]),
    /// Inputs that other tests hold already, to begin with.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// All of them.
pub const TARGETS: &[Target] = &[
    Target { name: "request", property: request::property, seeds: seeds::requests },
    Target { name: "answer", property: answer::property, seeds: seeds::answers },
    Target { name: "chunks", property: chunks::property, seeds: seeds::chunks },
    Target { name: "uri", property: uri::property, seeds: seeds::targets },
    Target { name: "host", property: host::property, seeds: seeds::hosts },
    Target { name: "cookie", property: cookie::property, seeds: seeds::cookies },
    Target { name: "snapshot", property: snapshot::property, seeds: seeds::snapshots },
    Target { name: "frame", property: frame::property, seeds: seeds::frames },
    Target { name: "proxy", property: front::proxy, seeds: Vec::new },
    Target { name: "hello", property: front::client_hello, seeds: Vec::new },
    Target { name: "frames", property: front::frames, seeds: Vec::new },
];

impl Target {
    /// The target of that name.
    pub fn named(name: &str) -> Option<Self> {
        TARGETS.iter().find(|target| target.name == name).copied()
    }

    /// Every input that is kept for it: the seeds, and what `fuzz/corpus` holds.
    pub fn inputs(self) -> Vec<Vec<u8>> {
        let mut inputs = (self.seeds)();
        inputs.extend(corpus::read(self.name));
        inputs
    }
}
