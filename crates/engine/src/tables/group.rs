//! How a backend's group of servers chooses: the words of the contract as those of `tenbin_balance`.

use std::collections::HashSet;
use std::net::IpAddr;

use tenbin_balance::{
    Eject, GroupSpec, HaproxyFunction, HaproxyHash, HaproxyKey, HashMethod, IpHashForm, OnDrain, PolicySpec,
    xxh64,
};

use crate::address::Address;
use crate::hashkey;
use crate::wire::{self, Policy};

/// The group of a backend.
pub fn spec(spec: &wire::Backend) -> GroupSpec {
    let balance = &spec.balance;
    let is_haproxy = hashkey::is_haproxy(balance);
    let policy = match balance.policy {
        Policy::RoundRobin if is_haproxy => PolicySpec::HaproxyTurns { listed: false },
        Policy::StaticRr if is_haproxy => PolicySpec::HaproxyTurns { listed: true },
        Policy::RoundRobin => PolicySpec::RoundRobin,
        Policy::StaticRr => PolicySpec::StaticRr,
        Policy::LeastConn if is_haproxy => PolicySpec::HaproxyLeast,
        Policy::LeastConn => PolicySpec::LeastConn,
        Policy::Random => PolicySpec::Random { draws: balance.draws },
        Policy::First => PolicySpec::First,
        Policy::IpHash => PolicySpec::IpHash {
            form: match balance.ip_form {
                wire::IpForm::Fnv1a => IpHashForm::Fnv1a,
                wire::IpForm::Nginx => IpHashForm::Nginx,
            },
        },
        Policy::Hash => PolicySpec::Hash {
            method: match balance.method {
                wire::HashMethod::Modulo => HashMethod::Modulo,
                wire::HashMethod::Consistent => HashMethod::Consistent,
                wire::HashMethod::HaproxyMap => HashMethod::HaproxyMap(haproxy_hash(balance)),
                wire::HashMethod::HaproxyTree => HashMethod::HaproxyTree(haproxy_hash(balance)),
                wire::HashMethod::Maglev => HashMethod::Maglev,
            },
            load_factor: (balance.load_factor > 0).then_some(balance.load_factor),
        },
        Policy::PeakEwma => {
            PolicySpec::PeakEwma { decay_ms: balance.decay, error_penalty_ms: balance.error_penalty }
        }
    };
    GroupSpec {
        policy,
        eject: spec.eject.map(|eject| Eject {
            consecutive: eject.consecutive,
            base_ms: eject.base,
            max_ms: eject.longest,
            max_percent: eject.percent,
        }),
        max_queue: spec.max_queue,
        sticky_on_drain: if spec.drain_sticky { OnDrain::Stay } else { OnDrain::Leave },
        all_backups: spec.all_backups,
        retry_budget_percent: spec.retry.budget,
    }
}

fn haproxy_hash(balance: &wire::Balance) -> HaproxyHash {
    let function = match balance.function {
        wire::HashFunction::Sdbm => HaproxyFunction::Sdbm,
        wire::HashFunction::Djb2 => HaproxyFunction::Djb2,
        wire::HashFunction::Wt6 => HaproxyFunction::Wt6,
        wire::HashFunction::Crc32 => HaproxyFunction::Crc32,
        wire::HashFunction::None => HaproxyFunction::None,
    };
    let key = if balance.form == wire::HashKey::Source { HaproxyKey::Address } else { HaproxyKey::Bytes };
    HaproxyHash { function, avalanche: balance.avalanche, key }
}

/// Numbers of servers: those that they were given, and for the others the next free one by their place.
pub fn numbers(servers: &[wire::Server]) -> Vec<u32> {
    let mut taken: HashSet<u32> = servers.iter().map(|server| server.number).collect();
    let mut next = 0;
    let number = |server: &wire::Server| {
        next += 1;
        if server.number == 0 {
            while !taken.insert(next) {
                next += 1;
            }
            return next;
        }
        server.number
    };
    servers.iter().map(number).collect()
}

/// The value of a server's plain cookie: the one that it was given, or one made of where it is and the backend's key.
pub fn cookie(server: &wire::Server, backend: &wire::Backend, address: Option<&Address>) -> Vec<u8> {
    let (Some(wire::Sticky::Cookie { dynamic_key, .. }), Some(Address::Ip(address)), true) =
        (&backend.sticky, address, server.cookie.is_empty())
    else {
        return server.cookie.clone().into_bytes();
    };
    if dynamic_key.is_empty() {
        return Vec::new();
    }
    let mut text = dynamic_key.clone().into_bytes();
    match address.ip() {
        IpAddr::V4(ip) => text.extend_from_slice(&ip.octets()),
        IpAddr::V6(ip) => text.extend_from_slice(&ip.octets()),
    }
    text.extend_from_slice(&u32::from(address.port()).to_be_bytes());
    format!("{:016x}", xxh64(&text, 0)).into_bytes()
}
