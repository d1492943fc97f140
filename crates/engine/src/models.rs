//! Models of what the engine's threads share: loom tries the orders in which two or three of them can get their turns
//! and every value that the memory model lets them read. Run by `make loom`.
//!
//! Covered: new tables being published and noticed (`tables::published`), places within the limit of connections
//! (`stats::Current`), the end of draining (`doors`), counters that one thread writes and others sum. Not covered:
//! `arc-swap` and tokio's channels and timers, which have models of their own, and the access log's and the control
//! plane's queues, which are channels and locks of `std` and `parking_lot`. Pools, buffers, deadlines and attachments
//! are not shared at all: each worker has its own, and `Rc` keeps it so.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use loom::sync::atomic::AtomicUsize;
use loom::thread;

use crate::doors::Doors;
use crate::stats::{Counter, Current, Workers};
use crate::tables::{Followed, Published};

fn model(check: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(check);
}

#[test]
fn a_thread_never_goes_back_to_older_tables_nor_misses_the_newest() {
    model(|| {
        let published = Arc::new(Published::new());
        published.publish(Arc::new(1));
        let mine = Followed::new(published.latest().unwrap(), published.version());
        let theirs = Arc::clone(&published);
        let control = thread::spawn(move || [2, 3].map(|number| theirs.publish(Arc::new(number))));
        let (first, second) = (*mine.current(&published), *mine.current(&published));
        assert!(first <= second);
        control.join().unwrap();
        assert_eq!(*mine.current(&published), 3);
    });
}

#[test]
fn a_thread_that_starts_before_its_tables_are_in_force_gets_the_next() {
    model(|| {
        let published = Arc::new(Published::new());
        let (tables, version) = (Arc::new(1), published.version());
        let (theirs, early) = (Arc::clone(&published), Arc::clone(&tables));
        let worker = thread::spawn(move || {
            let followed = Followed::new(early, version);
            let seen = [*followed.current(&theirs), *followed.current(&theirs)];
            assert!(seen.is_sorted(), "{seen:?}");
        });
        published.publish(tables);
        published.publish(Arc::new(2));
        worker.join().unwrap();
    });
}

#[test]
fn what_was_written_before_tables_were_published_is_seen_with_them() {
    model(|| {
        let published = Arc::new(Published::new());
        let content = Arc::new(AtomicUsize::new(0));
        let (theirs, written) = (Arc::clone(&published), Arc::clone(&content));
        let control = thread::spawn(move || {
            written.store(7, Relaxed);
            theirs.publish(Arc::new(()));
        });
        // Beside the tables, such as the health of their servers, which lives longer than they do.
        if published.version() > 0 {
            assert_eq!(content.load(Relaxed), 7);
        }
        control.join().unwrap();
    });
}

#[test]
fn a_limit_is_never_exceeded_and_a_free_place_is_never_refused() {
    model(|| {
        let current = Arc::new(Current::default());
        assert!(current.try_enter(1));
        let other = Arc::clone(&current);
        let thread = thread::spawn(move || other.try_enter(1));
        current.leave();
        let mine = current.try_enter(1);
        let theirs = thread.join().unwrap();
        // It was free from the moment of leaving on, so one of the two is in, and one only.
        assert!(mine != theirs, "{mine} {theirs}");
        assert_eq!((current.now(), current.most()), (1, 1));
    });
}

#[test]
fn draining_ends_when_all_connections_have_and_not_before() {
    model(|| {
        let doors = Arc::new(Doors::default());
        let connections = Arc::new(Current::default());
        let serving = Arc::new(AtomicUsize::new(0));
        let (door, all, busy) = (doors.open(), Arc::clone(&connections), Arc::clone(&serving));
        let worker = thread::spawn(move || {
            // A connection comes by a door that closes while it is served.
            busy.store(1, Relaxed);
            assert!(all.try_enter(0));
            drop(door);
            busy.store(0, Relaxed);
            all.leave();
        });
        if doors.nothing_left(&connections) {
            assert_eq!(serving.load(Relaxed), 0, "the process would end under a connection");
        }
        worker.join().unwrap();
        assert!(doors.nothing_left(&connections));
    });
}

#[test]
fn sums_of_what_threads_count_for_themselves_are_exact_and_never_fall() {
    model(|| {
        let counters = Arc::new(Workers::<Counter>::new(2));
        let threads = [0, 1].map(|worker| {
            let counters = Arc::clone(&counters);
            thread::spawn(move || counters.of(worker).add(1))
        });
        let (first, second) = (counters.sum(|counter| counter), counters.sum(|counter| counter));
        assert!(first <= second && second <= 2);
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(counters.sum(|counter| counter), 2);
    });
}
