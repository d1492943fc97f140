//! By the client's address, in two arithmetics: the remainder over the usable servers, and nginx's.

use std::net::IpAddr;
use std::sync::Arc;

use super::hashed::{Step, Table};
use super::round_robin::RoundRobin;
use super::{Policy, Query};
use crate::fenwick::Fenwick;
use crate::server::Server;

/// The n-th of the usable servers, in the order of the configuration, n being the hash modulo their number.
pub(crate) struct Counted {
    usable: Fenwick,
}

impl Counted {
    pub fn new(size: usize) -> Self {
        Self { usable: Fenwick::new(size) }
    }
}

impl Table for Counted {
    fn place(&mut self, id: usize, share: u32) {
        self.usable.set(id, share.min(1));
    }

    fn walk(&self, hash: u64, accept: &mut dyn FnMut(usize) -> Step) {
        let total = self.usable.total();
        if total == 0 {
            return;
        }
        let first = hash % total;
        for nth in (first..total).chain(0..first) {
            match self.usable.find(nth) {
                Some(id) if accept(id) == Step::Next => {}
                _ => break,
            }
        }
    }
}

/// nginx's `ip_hash`: the remainder falls on one of all servers, usable or not, so that an outage moves only
/// the clients of the failed server; these hash on, twenty times at most, then take turns.
pub(crate) struct Nginx {
    /// Configured weights of all but backup servers.
    weights: Fenwick,
    usable: Vec<bool>,
    turns: RoundRobin,
}

const TRIES: u32 = 20;
const SEED: u32 = 89;
const FACTOR: u32 = 113;
const RANGE: u32 = 6271;

impl Nginx {
    pub fn new(servers: &[Arc<Server>]) -> Self {
        let mut weights = Fenwick::new(servers.len());
        for (id, server) in servers.iter().enumerate().filter(|(_, server)| !server.is_backup()) {
            weights.set(id, u32::from(server.base_weight()));
        }
        Self { weights, usable: vec![false; servers.len()], turns: RoundRobin::new(servers.len()) }
    }
}

impl Policy for Nginx {
    fn place(&mut self, id: usize, share: u32) {
        if let Some(usable) = self.usable.get_mut(id) {
            *usable = share > 0;
        }
        self.turns.place(id, share);
    }

    fn pick(&mut self, query: &Query<'_>) -> Option<usize> {
        let mut hash = SEED;
        for _ in 0..=TRIES {
            hash = continue_hash(hash, query.source);
            let found = self.weights.find(u64::from(hash) % self.weights.total().max(1));
            if let Some(id) = found
                && self.usable.get(id).copied().unwrap_or_default()
                && !(query.barred)(id)
            {
                return Some(id);
            }
        }
        self.turns.pick(query)
    }
}

fn continue_hash(hash: u32, source: IpAddr) -> u32 {
    let add = |hash: u32, octet: &u8| (hash * FACTOR + u32::from(*octet)) % RANGE;
    match source.to_canonical() {
        IpAddr::V4(address) => address.octets().iter().take(3).fold(hash, add),
        IpAddr::V6(address) => address.octets().iter().fold(hash, add),
    }
}

#[cfg(test)]
mod tests {
    use super::super::hashed::{Hashed, Key};
    use super::super::testing::{from, servers};
    use super::*;

    #[test]
    fn fnv_form_is_the_remainder_over_the_usable_servers() {
        let mut policy = Hashed::new(Counted::new(3), Key::Source, None, 3);
        for id in 0..3 {
            policy.place(id, 16);
        }
        for text in ["10.0.0.1", "192.168.1.77", "2001:db8::1"] {
            let hash = crate::hash::fnv1a_32(text.as_bytes()) as usize;
            assert_eq!(from(&mut policy, text, &[]), Some(hash % 3));
            policy.place(1, 0);
            assert_eq!(from(&mut policy, text, &[]), Some([0, 2][hash % 2]));
            policy.place(1, 16);
            assert_eq!(from(&mut policy, text, &[hash % 3]), Some((hash % 3 + 1) % 3));
        }
        assert_eq!(from(&mut policy, "::ffff:10.0.0.1", &[]), from(&mut policy, "10.0.0.1", &[]));
    }

    #[test]
    fn nginx_form_takes_three_octets_and_moves_only_clients_of_the_failed_server() {
        let servers = servers(&[1, 1, 1, 1]);
        let mut policy = Nginx::new(&servers);
        for id in 0..4 {
            policy.place(id, 16);
        }
        // ((89 * 113 + 10) * 113 + 1) * 113 + 2, modulo 6271 at each step.
        let hash = ((((89 * 113 + 10) % 6271) * 113 + 1) % 6271 * 113 + 2) % 6271;
        assert_eq!(from(&mut policy, "10.1.2.3", &[]), Some(hash % 4));
        assert_eq!(from(&mut policy, "10.1.2.250", &[]), Some(hash % 4));
        let clients: Vec<String> = (0..200).map(|net| format!("10.{net}.7.1")).collect();
        let before: Vec<_> = clients.iter().map(|client| from(&mut policy, client, &[])).collect();
        policy.place(2, 0);
        for (client, old) in clients.iter().zip(before) {
            let new = from(&mut policy, client, &[]);
            assert!(new != Some(2) && (new == old || old == Some(2)));
        }
    }
}
