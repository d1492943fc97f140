//! Models of a group: every order of a few threads' steps, tried by loom. Run by `make loom`.
#![cfg(tenbin_loom)]
#![allow(clippy::panic, clippy::indexing_slicing, clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::future::poll_fn;
use std::sync::Arc;

use common::{ask, assert_idle, limited, ok, servers};
use loom::future::block_on;
use loom::thread;
use tenbin_balance::{Grant, Group, GroupSpec, Lease, PolicySpec, Ticket, Turn};

fn model(check: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.max_branches = 100_000;
    builder.preemption_bound = Some(2);
    builder.check(check);
}

fn group() -> Arc<Group> {
    common::group(PolicySpec::RoundRobin, &limited(1, 1))
}

/// The lease of one who is ready to wait for it. Loom reports a wake-up that never comes as a deadlock.
fn wait(group: &Arc<Group>) -> Option<Lease> {
    match group.acquire(&ask(), 0) {
        Grant::Lease(lease) => Some(lease),
        Grant::Wait(ticket) => match turn(ticket) {
            Turn::Lease(lease) => Some(lease),
            _ => None,
        },
        other => panic!("{other:?}"),
    }
}

fn turn(mut ticket: Ticket) -> Turn {
    block_on(poll_fn(|cx| ticket.poll(cx)))
}

#[test]
fn a_lease_that_ends_wakes_whoever_waits() {
    model(|| {
        let group = group();
        let other = Arc::clone(&group);
        let thread = thread::spawn(move || wait(&other).unwrap().finish(ok(), 0));
        drop(wait(&group).unwrap());
        thread.join().unwrap();
        assert_idle(&group);
    });
}
