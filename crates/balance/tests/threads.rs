//! Real threads at once on one group: limits hold at every moment, shares stay exact, nothing is lost.

#![allow(clippy::panic, clippy::indexing_slicing, clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;

use common::{ask, assert_idle, group, limited, ok, policies, servers};
use tenbin_balance::{Ask, Grant, Group, GroupSpec, Health, Lease, PolicySpec, Ticket, Turn};

/// Unparks the thread that waits, and remembers it.
struct Unpark(Thread, AtomicBool);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.1.store(true, Ordering::SeqCst);
        self.0.unpark();
    }
}

fn wait(ticket: &mut Ticket) -> Turn {
    let unpark = Arc::new(Unpark(std::thread::current(), AtomicBool::new(false)));
    let waker = Waker::from(Arc::clone(&unpark));
    loop {
        if let Poll::Ready(turn) = ticket.poll(&mut Context::from_waker(&waker)) {
            return turn;
        }
        let mut patience = 300;
        while !unpark.1.swap(false, Ordering::SeqCst) {
            assert!(patience > 0, "not woken for half a minute");
            patience -= 1;
            std::thread::park_timeout(std::time::Duration::from_millis(100));
        }
    }
}

#[test]
fn a_thousand_requests_over_two_servers_are_500_each_whatever_the_thread() {
    let group = group(PolicySpec::RoundRobin, &limited(2, 0));
    let counted = [AtomicUsize::new(0), AtomicUsize::new(0)];
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..500 {
                    let index = common::visit(&group, &ask(), ok(), 0);
                    counted[index].fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(counted.map(AtomicUsize::into_inner), [500, 500]);
}

/// Counts holders beside the group's own gauge.
struct Witness {
    holders: Vec<AtomicU32>,
    done: AtomicUsize,
}

impl Witness {
    fn hold(&self, lease: Lease, number: usize) {
        let id: usize = lease.server().name[1..].parse().unwrap();
        let now = self.holders[id].fetch_add(1, Ordering::SeqCst) + 1;
        assert!(now <= 3, "{now} hold a server of 3 slots");
        if number.is_multiple_of(3) {
            std::thread::yield_now();
        }
        self.holders[id].fetch_sub(1, Ordering::SeqCst);
        self.done.fetch_add(1, Ordering::Relaxed);
        if number.is_multiple_of(7) {
            drop(lease);
        } else {
            lease.finish(ok(), 0);
        }
    }
}

fn work(current: &parking_lot::Mutex<Arc<Group>>, witness: &Witness, requests: usize) {
    for number in 0..requests {
        let key = number.to_le_bytes();
        loop {
            let group = Arc::clone(&current.lock());
            let sticky = number.is_multiple_of(5).then_some(number % 4);
            let turn = match group.acquire(&Ask { hash: Some(&key), sticky, ..ask() }, 0) {
                Grant::Lease(lease) => Turn::Lease(lease),
                // Some leave the queue, perhaps with a slot just granted.
                Grant::Wait(ticket) if number.is_multiple_of(11) => {
                    drop(ticket);
                    break;
                }
                Grant::Wait(mut ticket) => wait(&mut ticket),
                Grant::QueueFull | Grant::NoServer => panic!("no limit on the queue, and servers are up"),
            };
            match turn {
                Turn::Lease(lease) => {
                    witness.hold(lease, number);
                    break;
                }
                Turn::Moved => {}
                Turn::NoServer => panic!("two servers are always up"),
            }
        }
    }
}

#[test]
fn limits_hold_and_no_wake_up_is_lost_while_states_change_and_groups_are_replaced() {
    for policy in policies() {
        let spec = GroupSpec { policy, ..GroupSpec::default() };
        let current = parking_lot::Mutex::new(Group::new(spec, servers(&limited(4, 3)), 1));
        let witness =
            Witness { holders: (0..4).map(|_| AtomicU32::new(0)).collect(), done: AtomicUsize::new(0) };
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let disturb = scope.spawn(|| {
                let mut turn = 0;
                while !over.load(Ordering::Relaxed) {
                    let group = Arc::clone(&current.lock());
                    group.set_health(turn % 2, Health::Down, 0);
                    group.tick(turn as u64);
                    std::thread::yield_now();
                    group.set_health(turn % 2, Health::Up, 0);
                    if turn.is_multiple_of(10) {
                        let new = Group::new(spec, group.servers().to_vec(), turn as u64);
                        let old = std::mem::replace(&mut *current.lock(), new);
                        old.retire();
                    }
                    turn += 1;
                }
            });
            let workers: Vec<_> = (0..16).map(|_| scope.spawn(|| work(&current, &witness, 300))).collect();
            let results: Vec<_> = workers.into_iter().map(std::thread::ScopedJoinHandle::join).collect();
            over.store(true, Ordering::Relaxed);
            disturb.join().unwrap();
            assert!(results.iter().all(Result::is_ok), "{policy:?}");
        });
        assert!(witness.done.into_inner() >= 16 * 270, "{policy:?}");
        assert_idle(&current.lock());
    }
}
