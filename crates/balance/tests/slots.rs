//! Slots and queues: limits hold, order is by arrival, nothing is lost when someone leaves.

#![allow(clippy::indexing_slicing, reason = "a test fails by panicking")]

mod common;

use std::sync::Arc;
use std::task::Poll;

use common::{Bell, ask, assert_idle, group, lease, limited, ok, policies, poll, served, servers, ticket};
use proptest::prelude::*;
use tenbin_balance::{Admin, Ask, Grant, Group, GroupSpec, HashMethod, Health, PolicySpec, ServerSpec, Turn};

const HASH: PolicySpec = PolicySpec::Hash { method: HashMethod::Consistent, load_factor: None };

#[test]
fn a_freed_slot_goes_to_whoever_waited_longest() {
    let group = group(PolicySpec::RoundRobin, &limited(1, 1));
    let held = lease(&group, &ask(), 0);
    let mut first = ticket(&group, &ask());
    let mut sticky = ticket(&group, &Ask { sticky: Some(0), ..ask() });
    let mut last = ticket(&group, &ask());
    assert_eq!((group.queued(), group.servers()[0].queued()), (2, 1));
    let bell = Arc::new(Bell::default());
    assert!(poll(&mut first, &bell).is_pending());
    held.finish(ok(), 1);
    assert_eq!(bell.rings(), 1);
    let held = served(&mut first);
    assert!(poll(&mut sticky, &bell).is_pending() && poll(&mut last, &bell).is_pending());
    drop(held);
    let held = served(&mut sticky);
    drop(held);
    drop(served(&mut last));
    assert_eq!(bell.rings(), 3);
    assert_idle(&group);
}

#[test]
fn a_granted_slot_passes_on_when_its_ticket_is_dropped() {
    let group = group(PolicySpec::LeastConn, &limited(1, 1));
    let held = lease(&group, &ask(), 0);
    let first = ticket(&group, &ask());
    let given_up = ticket(&group, &ask());
    let mut last = ticket(&group, &ask());
    drop(given_up);
    drop(held);
    drop(first);
    drop(served(&mut last));
    assert_idle(&group);
}

#[test]
fn queues_have_limits() {
    let spec = GroupSpec { max_queue: 1, ..GroupSpec::default() };
    let limits = ServerSpec { max_connections: 1, max_queue: 1, ..ServerSpec::default() };
    let group = Group::new(spec, servers(&[limits]), 1);
    let _held = lease(&group, &ask(), 0);
    let sticky = Ask { sticky: Some(0), ..ask() };
    let _at_server = ticket(&group, &sticky);
    // Its own queue is full: as good as any other client.
    let _at_group = ticket(&group, &sticky);
    assert!(matches!(group.acquire(&sticky, 0), Grant::QueueFull));
    assert!(matches!(group.acquire(&ask(), 0), Grant::QueueFull));
}

#[test]
fn a_limit_moves_with_the_load() {
    let spec =
        ServerSpec { max_connections: 10, min_connections: 2, full_connections: 20, ..ServerSpec::default() };
    let group = group(PolicySpec::RoundRobin, &[spec]);
    let mut held = vec![lease(&group, &ask(), 0), lease(&group, &ask(), 0)];
    let mut waiting: Vec<_> = (0..3).map(|_| ticket(&group, &ask())).collect();
    assert_eq!((group.servers()[0].active(), group.servers()[0].limit()), (2, 2));
    // Six are a third slot's worth, which is that of the one who waited longest.
    waiting.push(ticket(&group, &ask()));
    held.push(served(&mut waiting.remove(0)));
    assert_eq!((group.servers()[0].limit(), group.queued()), (3, 3));
    // From 20 on it is whole.
    waiting.extend((0..14).map(|_| ticket(&group, &ask())));
    assert_eq!((group.servers()[0].active(), group.servers()[0].limit()), (10, 10));
    drop(held);
    for mut one in waiting {
        drop(served(&mut one));
    }
    assert_eq!(group.servers()[0].limit(), 2);
    assert_idle(&group);
}

#[test]
fn a_limit_grows_in_slow_start() {
    let spec = ServerSpec {
        max_connections: 10,
        slow_start_ms: 1000,
        health: Health::Down,
        ..ServerSpec::default()
    };
    let group = group(PolicySpec::RoundRobin, &[spec]);
    group.set_health(0, Health::Up, 0);
    let mut held = vec![lease(&group, &ask(), 0)];
    let mut next = ticket(&group, &ask());
    group.tick(250);
    held.push(served(&mut next));
    let waiting = ticket(&group, &ask());
    assert_eq!(group.servers()[0].limit(), 2);
    drop(waiting);
    group.tick(2000);
    assert_eq!(group.servers()[0].limit(), 10);
    drop(held);
    assert_idle(&group);
}

#[test]
fn a_sticky_client_waits_for_its_server_though_another_is_free() {
    let group = group(PolicySpec::RoundRobin, &limited(2, 1));
    let sticky = Ask { sticky: Some(1), ..ask() };
    let held = lease(&group, &sticky, 0);
    let mut waiting = ticket(&group, &sticky);
    assert_eq!(lease(&group, &ask(), 0).index(), 0);
    held.finish(ok(), 0);
    assert_eq!(served(&mut waiting).index(), 1);
}

#[test]
fn a_hashed_request_waits_for_its_server_too() {
    let group = group(HASH, &limited(5, 1));
    let keyed = Ask { hash: Some(b"key"), ..ask() };
    let held = lease(&group, &keyed, 0);
    let mut waiting = ticket(&group, &keyed);
    let home = held.index();
    held.finish(ok(), 0);
    assert_eq!(served(&mut waiting).index(), home);
}

#[test]
fn waiters_of_a_server_that_goes_wait_for_any_in_their_order() {
    let group = group(PolicySpec::RoundRobin, &limited(2, 1));
    let sticky = Ask { sticky: Some(1), ..ask() };
    let gone = lease(&group, &sticky, 0);
    let held = lease(&group, &ask(), 0);
    let mut first = ticket(&group, &sticky);
    let mut second = ticket(&group, &ask());
    group.set_health(1, Health::Down, 0);
    assert_eq!((group.queued(), group.servers()[1].queued()), (2, 0));
    gone.finish(ok(), 0);
    held.finish(ok(), 0);
    let held = served(&mut first);
    assert_eq!(held.index(), 0);
    held.finish(ok(), 0);
    assert_eq!(served(&mut second).index(), 0);
}

#[test]
fn a_server_that_comes_back_serves_the_queue() {
    let group = group(PolicySpec::RoundRobin, &limited(2, 1));
    group.set_admin(1, Admin::Maint, 0);
    let _held = lease(&group, &ask(), 0);
    let mut waiting = ticket(&group, &ask());
    group.set_admin(1, Admin::Ready, 0);
    assert_eq!(served(&mut waiting).index(), 1);
}

#[test]
fn waiting_ends_when_nobody_is_left() {
    let group = group(PolicySpec::RoundRobin, &limited(2, 1));
    let _held = (lease(&group, &ask(), 0), lease(&group, &ask(), 0));
    let mut any = ticket(&group, &ask());
    let mut other = ticket(&group, &Ask { tried: &[0], ..ask() });
    group.set_health(1, Health::Down, 0);
    let bell = Arc::new(Bell::default());
    assert!(matches!(poll(&mut other, &bell), Poll::Ready(Turn::NoServer)));
    assert!(poll(&mut any, &bell).is_pending());
    group.set_health(0, Health::Down, 0);
    assert_eq!(bell.rings(), 1);
    assert!(matches!(poll(&mut any, &bell), Poll::Ready(Turn::NoServer)));
    assert!(matches!(group.acquire(&ask(), 0), Grant::NoServer));
}

#[test]
fn a_new_group_takes_over_servers_with_their_load() {
    let spec = GroupSpec::default();
    let old = Group::new(spec, servers(&limited(2, 1)), 1);
    let held = (lease(&old, &ask(), 0), lease(&old, &ask(), 0));
    let mut moved = ticket(&old, &ask());
    // The new snapshot has the servers in another order.
    let kept: Vec<_> = old.servers().iter().rev().cloned().collect();
    let new = Group::new(spec, kept, 1);
    old.retire();
    assert!(matches!(poll(&mut moved, &Arc::default()), Poll::Ready(Turn::Moved)));
    let mut waiting = ticket(&new, &ask());
    let bell = Arc::new(Bell::default());
    assert!(poll(&mut waiting, &bell).is_pending());
    held.0.finish(ok(), 0);
    assert_eq!(bell.rings(), 1);
    assert_eq!(served(&mut waiting).index(), 1);
    drop(held.1);
    // A request that still has the old snapshot never waits there.
    let held = (lease(&new, &ask(), 0), lease(&new, &ask(), 0));
    assert!(matches!(poll(&mut ticket(&old, &ask()), &bell), Poll::Ready(Turn::Moved)));
    drop(held);
    assert_idle(&new);
}

#[test]
fn a_new_group_counts_what_late_comers_of_the_old_one_hold() {
    let spec = GroupSpec { policy: PolicySpec::LeastConn, ..GroupSpec::default() };
    let old = Group::new(spec, servers(&limited(2, 5)), 1);
    let new = Group::new(spec, old.servers().to_vec(), 1);
    old.retire();
    let late = Ask { sticky: Some(0), ..ask() };
    let held: Vec<_> = (0..4).map(|_| lease(&old, &late, 0)).collect();
    let more: Vec<_> = (0..4).map(|_| lease(&new, &ask(), 0)).collect();
    assert!(more.iter().all(|lease| lease.index() == 1));
    drop(held);
    assert_eq!(lease(&new, &ask(), 0).index(), 0);
    drop(more);
    assert_idle(&new);
}

#[test]
fn a_wider_limit_is_used_by_the_next_group() {
    let old = group(PolicySpec::RoundRobin, &limited(1, 1));
    let held = lease(&old, &ask(), 0);
    old.servers()[0].configure(&limited(1, 2)[0]);
    let new = Group::new(GroupSpec::default(), old.servers().to_vec(), 1);
    let more = lease(&new, &ask(), 0);
    assert!(matches!(new.acquire(&ask(), 0), Grant::Wait(_)));
    drop((held, more));
    assert_idle(&new);
}

#[derive(Debug, Clone)]
enum Step {
    Ask { sticky: Option<usize>, tried: Vec<usize>, key: u8 },
    Finish { nth: usize, fails: bool },
    Drop { nth: usize },
    Poll { nth: usize },
    Leave { nth: usize },
    Weight { id: usize, weight: u16 },
    Admin { id: usize, admin: Admin },
    Health { id: usize, health: Health },
    Tick { passed: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    let admin = prop_oneof![3 => Just(Admin::Ready), 1 => Just(Admin::Drain), 1 => Just(Admin::Maint)];
    let health = prop_oneof![2 => Just(Health::Up), 1 => Just(Health::Down)];
    let tried = prop::collection::vec(0_usize..4, 0..2);
    prop_oneof![
        8 => (prop::option::weighted(0.3, 0_usize..4), tried, any::<u8>())
            .prop_map(|(sticky, tried, key)| Step::Ask { sticky, tried, key }),
        4 => (any::<usize>(), any::<bool>()).prop_map(|(nth, fails)| Step::Finish { nth, fails }),
        1 => any::<usize>().prop_map(|nth| Step::Drop { nth }),
        3 => any::<usize>().prop_map(|nth| Step::Poll { nth }),
        1 => any::<usize>().prop_map(|nth| Step::Leave { nth }),
        1 => (0_usize..4, 0_u16..4).prop_map(|(id, weight)| Step::Weight { id, weight }),
        1 => (0_usize..4, admin).prop_map(|(id, admin)| Step::Admin { id, admin }),
        1 => (0_usize..4, health).prop_map(|(id, health)| Step::Health { id, health }),
        1 => (0_u64..2_000).prop_map(|passed| Step::Tick { passed }),
    ]
}

#[derive(Default)]
struct World {
    leases: Vec<tenbin_balance::Lease>,
    tickets: Vec<tenbin_balance::Ticket>,
    now_ms: u64,
}

impl World {
    fn go(&mut self, group: &Arc<Group>, step: Step) {
        let now_ms = self.now_ms;
        match step {
            Step::Ask { sticky, tried, key } => {
                match group.acquire(&Ask { hash: Some(&[key]), sticky, tried: &tried, ..ask() }, now_ms) {
                    Grant::Lease(lease) => {
                        assert!(!tried.contains(&lease.index()));
                        self.leases.push(lease);
                    }
                    Grant::Wait(ticket) => self.tickets.push(ticket),
                    Grant::QueueFull | Grant::NoServer => {}
                }
            }
            Step::Finish { nth, fails } if !self.leases.is_empty() => {
                let lease = self.leases.swap_remove(nth % self.leases.len());
                lease.finish(if fails { common::failure() } else { ok() }, now_ms);
            }
            Step::Drop { nth } if !self.leases.is_empty() => {
                self.leases.swap_remove(nth % self.leases.len());
            }
            Step::Poll { nth } if !self.tickets.is_empty() => {
                let nth = nth % self.tickets.len();
                if let Poll::Ready(turn) = poll(&mut self.tickets[nth], &Arc::default()) {
                    self.tickets.swap_remove(nth);
                    if let Turn::Lease(lease) = turn {
                        self.leases.push(lease);
                    }
                }
            }
            Step::Leave { nth } if !self.tickets.is_empty() => {
                self.tickets.swap_remove(nth % self.tickets.len());
            }
            Step::Weight { id, weight } => group.set_weight(id, weight, now_ms),
            Step::Admin { id, admin } => group.set_admin(id, admin, now_ms),
            Step::Health { id, health } => group.set_health(id, health, now_ms),
            Step::Tick { passed } => {
                self.now_ms += passed;
                group.tick(self.now_ms);
            }
            _ => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn limits_hold_nobody_waits_beside_a_free_slot_and_nothing_leaks(
        steps in prop::collection::vec(step(), 1..120),
    ) {
        // In half of the histories nobody is picky, so that nobody may wait while any usable server has room.
        let plain = steps.len().is_multiple_of(2);
        for policy in policies() {
            let eject = tenbin_balance::Eject { consecutive: 2, base_ms: 500, max_ms: 4_000, max_percent: 50 };
            let passive = Some(tenbin_balance::Passive { max_fails: 3, fail_timeout_ms: 1_000 });
            let (min_connections, full_connections) = if plain { (0, 0) } else { (1, 6) };
            let server = |backup| ServerSpec { max_connections: 2, min_connections, full_connections, max_queue: 3, backup, passive, slow_start_ms: 900, ..ServerSpec::default() };
            let spec = GroupSpec { policy, eject: Some(eject), max_queue: 5, ..GroupSpec::default() };
            let group = Group::new(spec, servers(&[server(false), server(false), server(false), server(true)]), 1);
            let mut world = World::default();
            for step in &steps {
                match step.clone() {
                    Step::Ask { sticky, key, .. } if plain => {
                        world.go(&group, Step::Ask { sticky, key, tried: Vec::new() });
                    }
                    step => world.go(&group, step),
                }
                let fit = group.servers().iter().filter(|server| server.admin() == Admin::Ready && server.health() != Health::Down && server.weight() > 0).count();
                let usable = group.servers().iter().filter(|server| server.is_usable()).count();
                prop_assert!(usable > 0 || fit == 0, "failures removed the last server");
                for server in group.servers() {
                    prop_assert!(server.active() <= 2 && server.queued() <= 3);
                    let free = server.is_usable() && server.active() < server.limit();
                    prop_assert!(!free || server.queued() == 0, "{:?} waits beside a free slot", policy);
                    let free_to_all = plain && free && !server.is_backup();
                    prop_assert!(!free_to_all || group.queued() == 0, "{:?} waits for any beside one", policy);
                }
            }
            drop(world);
            assert_idle(&group);
        }
    }
}
