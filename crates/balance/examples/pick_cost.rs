//! Prints what a request costs here: nanoseconds for `acquire` and `finish` together, by policy and number of
//! servers (also with all but ten down), on one thread and on two; and what building a group and a change of
//! state cost. Run it with `--release`.
#![allow(clippy::print_stdout, clippy::disallowed_methods)]

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Instant;

use tenbin_balance::{
    Ask, Grant, Group, GroupSpec, HashMethod, Health, IpHashForm, Outcome, OutcomeKind, PolicySpec, Server,
    ServerSpec,
};

const ROUNDS: u32 = 1_000_000;
const SIZES: [usize; 3] = [2, 100, 10_000];

fn main() {
    println!(
        "ns a request        {:>8}{:>8}{:>8}{:>14}{:>16}   ms to build, us to take one of 10000 down",
        2, 100, 10_000, "10 of 10000", "100, 2 threads"
    );
    for (name, policy) in policies() {
        let single = SIZES.map(|size| format!("{:>8.0}", run(&group(policy, size))));
        let start = Instant::now();
        let large = group(policy, 10_000);
        let build = start.elapsed().as_secs_f64() * 1e3;
        let start = Instant::now();
        (10..10_000).for_each(|index| large.set_health(index, Health::Down, 0));
        let down = start.elapsed().as_secs_f64() * 1e6 / 9_990.0;
        large.tick(1);
        let few = run(&large);
        let both = run_twice(&group(policy, 100));
        println!("{name:20}{}{few:>14.0}{both:>16.0}{build:>14.1}{down:>14.1}", single.concat());
    }
}

fn run_twice(group: &Arc<Group>) -> f64 {
    std::thread::scope(|scope| {
        let other = scope.spawn(|| run(group));
        let own = run(group);
        f64::midpoint(own, other.join().unwrap_or(f64::NAN))
    })
}

fn policies() -> Vec<(&'static str, PolicySpec)> {
    let hash = |method, load_factor| PolicySpec::Hash { method, load_factor };
    vec![
        ("round_robin", PolicySpec::RoundRobin),
        ("static_rr", PolicySpec::StaticRr),
        ("least_conn", PolicySpec::LeastConn),
        ("random(2)", PolicySpec::Random { draws: 2 }),
        ("first", PolicySpec::First),
        ("ip_hash fnv1a", PolicySpec::IpHash { form: IpHashForm::Fnv1a }),
        ("ip_hash nginx", PolicySpec::IpHash { form: IpHashForm::Nginx }),
        ("hash modulo", hash(HashMethod::Modulo, None)),
        ("hash consistent", hash(HashMethod::Consistent, None)),
        ("hash consistent 125%", hash(HashMethod::Consistent, Some(125))),
        ("hash maglev", hash(HashMethod::Maglev, None)),
        ("peak_ewma", PolicySpec::PeakEwma { decay_ms: 10_000, error_penalty_ms: 1_000 }),
    ]
}

fn group(policy: PolicySpec, size: usize) -> Arc<Group> {
    let spec = ServerSpec { max_connections: 1_000, ..ServerSpec::default() };
    let servers = (0..size).map(|id| Arc::new(Server::new(&format!("server{id}"), &spec))).collect();
    Group::new(GroupSpec { policy, ..GroupSpec::default() }, servers, 1)
}

/// Nanoseconds for each request; 32 are held all the time, as under load.
fn run(group: &Arc<Group>) -> f64 {
    let mut held: Vec<_> = (0..32).map(|round| acquire(group, round)).collect();
    let start = Instant::now();
    for round in 0..ROUNDS {
        let lease = acquire(group, round);
        if let Some(slot) = held.get_mut((round % 32) as usize)
            && let Some(done) = std::mem::replace(slot, lease)
        {
            let outcome = Outcome { kind: OutcomeKind::Success, latency_us: u64::from(round % 1000) };
            done.finish(outcome, u64::from(round / 1000));
        }
    }
    start.elapsed().as_nanos() as f64 / f64::from(ROUNDS)
}

fn acquire(group: &Arc<Group>, round: u32) -> Option<tenbin_balance::Lease> {
    let key = round.wrapping_mul(2_654_435_761).to_le_bytes();
    let ask = Ask { hash: Some(&key), ..Ask::new(IpAddr::V4(Ipv4Addr::from(key))) };
    match black_box(group.acquire(&ask, u64::from(round / 1000))) {
        Grant::Lease(lease) => Some(lease),
        _ => None,
    }
}
