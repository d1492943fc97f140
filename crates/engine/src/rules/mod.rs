//! Rule sets at work: what they decide about connections, requests and answers, and what they note on the way.
//!
//! Owns the running of rules and the state that they leave behind. `tables::rules` owns their compiled form, `http` and
//! `tcp` when each set is run.

mod acts;
mod answered;
mod answering;
mod asking;
mod connection;
mod content;
mod decisions;
pub mod facts;
pub mod figures;
pub mod message;
mod request;
pub mod secured;
pub mod seen;
mod state;
pub mod tracking;
mod variables;

pub use answered::Answered;
pub use answering::{Verdict, after, after_own, answer, instead, page, write_own};
pub use connection::{Admission, SessionVariables, connection, session};
pub use content::{Onward, content};
pub use decisions::{Stage, count_denied_answer, count_own, count_verdict, denied, turned_away};
pub use message::growing;
pub use request::{Turn, request};
pub use state::{Brought, Captures, State};
pub use tracking::{Counted, count};
pub use variables::{ProcessVariables, Variables};

/// Adds an entry, or (`to` None) removes it.
fn change_list(list: &tenbin_rules::List, key: &[u8], to: Option<&[u8]>) {
    let (Ok(key), Ok(to)) = (std::str::from_utf8(key), to.map(std::str::from_utf8).transpose()) else {
        return;
    };
    match to {
        Some(value) => list.set(key, value),
        None => list.del(key),
    }
}
