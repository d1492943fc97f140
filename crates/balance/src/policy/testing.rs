//! Helpers for the tests of policies.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use super::{Policy, Query};
use crate::server::{Server, ServerSpec};

const ANY: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

pub(crate) fn servers(weights: &[u16]) -> Vec<Arc<Server>> {
    let server = |(id, &weight): (usize, &u16)| {
        Arc::new(Server::new(&format!("server{id}"), &ServerSpec { weight, ..ServerSpec::default() }))
    };
    weights.iter().enumerate().map(server).collect()
}

/// How often each of `size` servers was picked.
pub(crate) fn count(order: &[usize], size: usize) -> Vec<usize> {
    let mut counted = vec![0; size];
    for &id in order {
        counted[id] += 1;
    }
    counted
}

fn query(barred: &dyn Fn(usize) -> bool) -> Query<'_> {
    Query { hash: None, source: ANY, servers: &[], held: 0, now_ms: 0, barred }
}

pub(crate) fn picks(policy: &mut dyn Policy, times: usize) -> Vec<usize> {
    picks_barring(policy, times, &[])
}

pub(crate) fn picks_barring(policy: &mut dyn Policy, times: usize, barred: &[usize]) -> Vec<usize> {
    let barred = |id: usize| barred.contains(&id);
    (0..times).filter_map(|_| policy.pick(&query(&barred))).collect()
}

/// Pick and tell the policy, as the group does; `keep` holds every request, else each ends at once.
pub(crate) fn picks_loading(policy: &mut dyn Policy, times: usize, keep: bool) -> Vec<usize> {
    let mut loads = std::collections::HashMap::new();
    let pick = |_| {
        let id = policy.pick(&query(&|_| false))?;
        let load = loads.entry(id).or_insert(0);
        *load += 1;
        policy.load_changed(id, *load);
        if !keep {
            *load -= 1;
            policy.load_changed(id, *load);
        }
        Some(id)
    };
    (0..times).filter_map(pick).collect()
}

/// The servers of `keys` different keys.
pub(crate) fn keyed(policy: &mut dyn Policy, keys: usize) -> Vec<usize> {
    let pick = |key: usize| {
        let key = format!("key {key}");
        policy.pick(&Query { hash: Some(key.as_bytes()), ..query(&|_| false) }).unwrap()
    };
    (0..keys).map(pick).collect()
}

pub(crate) fn from(policy: &mut dyn Policy, source: &str, barred: &[usize]) -> Option<usize> {
    let barred = |id: usize| barred.contains(&id);
    policy.pick(&Query { source: source.parse().unwrap(), ..query(&barred) })
}

pub(crate) fn pick_at(policy: &mut dyn Policy, servers: &[Arc<Server>], now_ms: u64) -> Option<usize> {
    policy.pick(&Query { servers, now_ms, ..query(&|_| false) })
}
