//! Stick rules at work: which server a client belongs to, and remembering where it went.
//!
//! For both modes: whatever can be asked as a view has keys. Owns the order of rules; `tables::StickRule` owns what they
//! are made of, and what is remembered is a server's number and its name, which outlive snapshots.

use tenbin_balance::Health;
use tenbin_balance::stick::StickKey;
use tenbin_rules::View;

use crate::tables::{Backend, StickRule};
use crate::track::key_value;

/// The first server that is not down of those that the keys of a request belong to. To be asked before a server is chosen,
/// when no cookie has named one.
pub fn recall<V: View>(backend: &Backend, view: &V, now_ms: u64) -> Option<usize> {
    let matching = backend.stick.iter().filter(|rule| rule.matches && !rule.answer);
    matching.filter(|rule| holds(rule, view)).find_map(|rule| {
        let (number, name) = rule.table.get().recall(&key(rule, view)?, now_ms)?;
        let named = name.and_then(|name| {
            if rule.by_address {
                backend.servers.iter().position(|server| *server.address_text == *name)
            } else {
                backend.server_named(&name)
            }
        });
        let index = named.or_else(|| backend.server_numbered(number))?;
        let server = backend.servers.get(index)?;
        (server.state.health() != Health::Down).then_some(index)
    })
}

/// The keys of a request and of its answer belong to this server from now on. To be told once the answer's head is there, or
/// a connection in TCP mode, so that nobody sticks to a server that cannot be reached.
pub fn store<V: View>(backend: &Backend, view: &V, index: usize, now_ms: u64) {
    for rule in backend.stick.iter().filter(|rule| rule.store && holds(rule, view)) {
        if let (Some(key), Some(server)) = (key(rule, view), backend.servers.get(index)) {
            let name = if rule.by_address { &server.address_text } else { &server.name };
            rule.table.get().remember(&key, (backend.number_of(index), name), now_ms);
        }
    }
}

fn holds<V: View>(rule: &StickRule, view: &V) -> bool {
    rule.when.as_ref().is_none_or(|when| when.test(view))
}

fn key<V: View>(rule: &StickRule, view: &V) -> Option<StickKey> {
    rule.table.get().key(key_value(&rule.key.eval(view))?)
}
