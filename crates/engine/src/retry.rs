//! When a try that has failed goes to another server, and when to the same one again; for both modes.

use crate::wire::{Backend, Policy};

/// Whether the next try after `retries` of them goes elsewhere: every so many, counted from the first or from the last,
/// and at once where nothing `named` the server and any other would do as well.
pub fn moves(spec: &Backend, retries: u32, named: bool) -> bool {
    let (rule, nth) = (spec.retry.redispatch, i64::from(retries) + 1);
    let every = match rule {
        0 => return false,
        1.. => i64::from(rule),
        _ => i64::from(spec.retry.attempts) + 1 + i64::from(rule),
    };
    let takes_turns = matches!(spec.balance.policy, Policy::RoundRobin | Policy::StaticRr | Policy::Random);
    every <= 0 || nth % every == 0 || !named && takes_turns
}
