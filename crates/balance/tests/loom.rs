//! Models of a group: loom tries the orders in which two or three threads can get their turns (up to two preemptions)
//! and every value that the memory model lets them read. Run by `make loom`.
//!
//! Covered, by the code that serves requests: slots and limits, the queue and its wake-ups, leaving the queue, states
//! that change meanwhile, a group that is replaced by another while both are used, the ejection of a server at that
//! moment, the end of a trial, stick tables, limits for each source. Not covered: the policies themselves, which only ever
//! run under the group's lock and hold nothing that threads share, and the reference counts of `std`.
#![cfg(tenbin_loom)]
#![allow(clippy::panic, clippy::indexing_slicing, clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use common::{ask, assert_idle, failure, lease, limited, ok, servers, ticket};
use loom::future::block_on;
use loom::sync::atomic::AtomicUsize;
use loom::thread;
use tenbin_balance::stick::{Data, KeyForm, KeyValue, StickSpec, StickTable, Stored};
use tenbin_balance::{
    Ask, Eject, Grant, Group, GroupSpec, Health, Lease, Passive, PolicySpec, ServerSpec, SourceLimits,
    Sources, Ticket, Turn,
};

const SPEC: GroupSpec = GroupSpec {
    policy: PolicySpec::RoundRobin,
    eject: Some(Eject { consecutive: 1, base_ms: 100, max_ms: 100, max_percent: 100 }),
    max_queue: 0,
    sticky_on_drain: tenbin_balance::OnDrain::Stay,
    all_backups: false,
    retry_budget_percent: 20,
};

fn model(check: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.max_branches = 100_000;
    builder.preemption_bound = Some(2);
    builder.check(check);
}

fn group(specs: &[ServerSpec]) -> Arc<Group> {
    Group::new(SPEC, servers(specs), 1)
}

/// Asks and, if need be, waits. Loom reports a wake-up that never comes as a deadlock.
fn visit(group: &Arc<Group>) -> Turn {
    visit_as(group, &ask())
}

fn visit_as(group: &Arc<Group>, ask: &Ask<'_>) -> Turn {
    match group.acquire(ask, 0) {
        Grant::Lease(lease) => Turn::Lease(lease),
        Grant::Wait(ticket) => wait(ticket),
        Grant::NoServer => Turn::NoServer,
        Grant::QueueFull => panic!("the queue has no limit"),
    }
}

fn wait(mut ticket: Ticket) -> Turn {
    block_on(poll_fn(|cx| ticket.poll(cx)))
}

fn served(turn: Turn) -> Lease {
    match turn {
        Turn::Lease(lease) => lease,
        other => panic!("no lease but {other:?}"),
    }
}

/// Holds a slot for a while, together with at most `most` others.
fn hold(lease: Lease, holders: &AtomicUsize, most: usize) {
    let before = holders.fetch_add(1, Relaxed);
    assert!(before < most, "{} hold {most} slots", before + 1);
    thread::yield_now();
    holders.fetch_sub(1, Relaxed);
    lease.finish(ok(), 0);
}

#[test]
fn three_take_turns_on_one_slot() {
    model(|| {
        let group = group(&limited(1, 1));
        let holders = Arc::new(AtomicUsize::new(0));
        let threads = [0, 1].map(|_| {
            let (group, holders) = (Arc::clone(&group), Arc::clone(&holders));
            thread::spawn(move || hold(served(visit(&group)), &holders, 1))
        });
        hold(served(visit(&group)), &holders, 1);
        for thread in threads {
            thread.join().unwrap();
        }
        assert_idle(&group);
    });
}

#[test]
fn whoever_leaves_the_queue_passes_on_the_slot_it_was_given() {
    model(|| {
        let group = group(&limited(1, 1));
        let first = lease(&group, &ask(), 0);
        let [leaving, staying] = [0, 1].map(|_| ticket(&group, &ask()));
        let leaver = thread::spawn(move || drop(leaving));
        let waiter = thread::spawn(move || drop(served(wait(staying))));
        drop(first);
        leaver.join().unwrap();
        waiter.join().unwrap();
        assert_idle(&group);
    });
}

#[test]
fn whoever_waits_for_a_server_that_goes_down_is_sent_away() {
    model(|| {
        let group = group(&limited(1, 1));
        let first = lease(&group, &ask(), 0);
        let other = Arc::clone(&group);
        let sticky = Ask { sticky: Some(0), ..ask() };
        let waiter = thread::spawn(move || drop(visit_as(&other, &sticky)));
        group.set_health(0, Health::Down, 0);
        first.finish(ok(), 0);
        waiter.join().unwrap();
        assert_idle(&group);
        assert!(matches!(visit(&group), Turn::NoServer));
    });
}

#[test]
fn a_limit_holds_over_two_groups_and_nobody_waits_at_either_for_ever() {
    model(|| {
        let servers = servers(&limited(1, 1));
        let holders = Arc::new(AtomicUsize::new(0));
        let old = Group::new(SPEC, servers.clone(), 1);
        let (early, seen) = (Arc::clone(&old), Arc::clone(&holders));
        let thread = thread::spawn(move || match visit(&early) {
            Turn::Lease(lease) => hold(lease, &seen, 1),
            Turn::Moved => {}
            Turn::NoServer => panic!("the server is up"),
        });
        let new = Group::new(SPEC, servers, 2);
        old.retire();
        hold(served(visit(&new)), &holders, 1);
        thread.join().unwrap();
        assert_idle(&new);
        // Nothing that the older group did has kept the newer one from knowing that the slot is free.
        drop(lease(&new, &ask(), 0));
    });
}

#[test]
fn a_newer_group_knows_of_a_slot_given_back_while_it_was_built() {
    model(|| {
        let servers = servers(&limited(1, 1));
        let old = Group::new(SPEC, servers.clone(), 1);
        let held = served(visit(&old));
        let thread = thread::spawn(move || held.finish(ok(), 0));
        let new = Group::new(SPEC, servers, 2);
        drop(served(visit(&new)));
        thread.join().unwrap();
        assert_idle(&new);
        drop(lease(&new, &ask(), 0));
    });
}

#[test]
fn a_newer_group_knows_of_a_slot_taken_while_it_was_built() {
    model(|| {
        let servers = servers(&limited(2, 0));
        let spec = GroupSpec { policy: PolicySpec::LeastConn, ..SPEC };
        let old = Group::new(spec, servers.clone(), 1);
        let thread = thread::spawn(move || lease(&old, &ask(), 0));
        let new = Group::new(spec, servers, 2);
        let held = thread.join().unwrap();
        assert_ne!(lease(&new, &ask(), 0).index(), held.index());
        drop(held);
        assert_idle(&new);
    });
}

#[test]
fn a_server_ejected_while_its_group_is_replaced_comes_back() {
    model(|| {
        let servers = servers(&limited(2, 0));
        let old = Group::new(SPEC, servers.clone(), 1);
        let held = served(visit(&old));
        let thread = thread::spawn(move || held.finish(failure(), 10));
        let new = Group::new(SPEC, servers, 2);
        old.retire();
        thread.join().unwrap();
        let out = new.servers().iter().filter(|server| !server.is_usable()).count();
        assert_eq!(out, 1);
        new.tick(1_000);
        assert!(new.servers().iter().all(|server| server.is_usable()));
    });
}

#[test]
fn one_of_two_requests_is_the_trial_and_the_other_goes_elsewhere() {
    model(|| {
        let passive = Some(Passive { max_fails: 1, fail_timeout_ms: 100 });
        let spec = GroupSpec { policy: PolicySpec::First, eject: None, ..SPEC };
        let specs = [ServerSpec { passive, ..ServerSpec::default() }, ServerSpec::default()];
        let group = Group::new(spec, servers(&specs), 1);
        lease(&group, &ask(), 0).finish(failure(), 0);
        group.tick(200);
        let other = Arc::clone(&group);
        let thread = thread::spawn(move || lease(&other, &ask(), 200));
        let held = [lease(&group, &ask(), 200), thread.join().unwrap()];
        assert_ne!(held[0].index(), held[1].index());
        for lease in held {
            lease.finish(ok(), 200);
        }
        assert_idle(&group);
        assert!(group.servers()[0].is_usable());
    });
}

#[test]
fn an_event_is_told_once_and_a_tick_is_not_missed() {
    model(|| {
        let group = group(&limited(2, 0));
        let held = served(visit(&group));
        let other = Arc::clone(&group);
        let ticker = thread::spawn(move || {
            other.tick(5);
            other.events().len()
        });
        held.finish(failure(), 10);
        let told = ticker.join().unwrap() + group.events().len();
        assert_eq!(told, 1, "one ejection");
        group.tick(1_000);
        assert!(group.servers().iter().all(|server| server.is_usable()));
        assert_eq!(group.events().len(), 1, "one return");
    });
}

#[test]
fn what_is_tracked_is_not_forgotten_and_every_use_is_given_back() {
    model(|| {
        let spec = StickSpec { size: 1, stored: vec![counted(Data::ConnCur), counted(Data::Gpc0)], ..spec() };
        let table = Arc::new(StickTable::new(&spec));
        let visit = |table: &Arc<StickTable>, key: i64| {
            let key = table.key(KeyValue::Int(key)).unwrap();
            let Some(mut tracked) = table.track(&key, 0) else { return 0 };
            tracked.connect(0);
            tracked.add(&[(Data::Gpc0.into(), 1)], 0);
            assert!(tracked.read(Data::ConnCur.into(), 0) >= Some(1), "the entry became another's");
            tracked.release(0);
            1
        };
        let other = Arc::clone(&table);
        let thread = thread::spawn(move || visit(&other, 1) + visit(&other, 2));
        let mine = visit(&table, 1);
        let theirs = thread.join().unwrap();
        assert!(mine + theirs >= 2 && table.len() == 1);
        let row = table.show(&[], None, 9, 0).rows.remove(0);
        assert_eq!((row.uses, row.data[1].value), (0, 0), "nobody is there any more");
    });
}

#[test]
fn no_count_is_lost() {
    model(|| {
        let table = Arc::new(StickTable::new(&StickSpec { stored: vec![counted(Data::Gpc0)], ..spec() }));
        let key = table.key(KeyValue::Int(7)).unwrap();
        let (other, same) = (Arc::clone(&table), key.clone());
        let thread = thread::spawn(move || other.add(&same, &[(Data::Gpc0.into(), 1)], 0));
        assert!(table.add(&key, &[(Data::Gpc0.into(), 1)], 0));
        assert!(thread.join().unwrap());
        assert_eq!((table.read(&key, Data::Gpc0.into(), 0), table.len()), (Some(2), 1));
    });
}

fn spec() -> StickSpec {
    StickSpec { key: KeyForm::Integer, length: 4, size: 16, expire_ms: 0, keep: false, stored: Vec::new() }
}

fn counted(data: Data) -> Stored {
    Stored { data, period_ms: 0, count: 1 }
}

#[test]
fn a_source_has_as_many_connections_as_it_may_and_each_is_given_back_once() {
    model(|| {
        let limits = SourceLimits { connections: 1, requests: None, ipv6_prefix: 64 };
        let sources = Arc::new(Sources::new(16));
        let address = ask().source;
        let holders = Arc::new(AtomicUsize::new(0));
        let (table, seen) = (Arc::clone(&sources), Arc::clone(&holders));
        let visit = move |sources: &Arc<Sources>, holders: &AtomicUsize| {
            let Some(visit) = sources.connect(&limits, address, 0) else { return false };
            assert_eq!(holders.fetch_add(1, Relaxed), 0, "two hold the only place");
            holders.fetch_sub(1, Relaxed);
            drop(visit);
            true
        };
        let thread = thread::spawn(move || visit(&table, &seen));
        let mine = visit(&sources, &holders);
        assert!(thread.join().unwrap() || mine, "one is refused only while the other is in");
        assert!(visit(&sources, &holders));
    });
}
