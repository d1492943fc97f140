//! What failures of requests do: the passive check, ejection, the last server, the retry budget.

mod common;

use std::sync::Arc;

use common::{ask, assert_idle, count, failure, lease, ok, servers, visit};
use tenbin_balance::{
    Ask, Eject, Group, GroupEvent, GroupSpec, Health, Outcome, OutcomeKind, Passive, PolicySpec, ServerSpec,
};

const EJECT: Eject = Eject { consecutive: 3, base_ms: 1_000, max_ms: 10_000, max_percent: 50 };

fn passive(size: usize) -> Arc<Group> {
    let passive = Some(Passive { max_fails: 2, fail_timeout_ms: 1_000 });
    Group::new(GroupSpec::default(), servers(&vec![ServerSpec { passive, ..ServerSpec::default() }; size]), 1)
}

fn ejecting(size: usize) -> Arc<Group> {
    let spec = GroupSpec { eject: Some(EJECT), ..GroupSpec::default() };
    Group::new(spec, servers(&vec![ServerSpec::default(); size]), 1)
}

/// Let a request fail on server `index`.
fn fail(group: &Arc<Group>, index: usize, now_ms: u64) {
    assert_eq!(visit(group, &Ask { sticky: Some(index), ..ask() }, failure(), now_ms), index);
}

fn aborted() -> Outcome {
    Outcome { kind: OutcomeKind::Aborted, latency_us: 0 }
}

#[test]
fn max_fails_keeps_a_server_out_then_one_request_decides() {
    let group = passive(2);
    fail(&group, 1, 0);
    fail(&group, 1, 10);
    assert_eq!(group.servers()[1].ejected_until(), 1_010);
    group.tick(1_000);
    assert_eq!(count(&group, 10, 1_000), [10, 0]);
    group.tick(1_010);
    // One request is let through; while it is under way no other is.
    let leases: Vec<_> = (0..4).map(|_| lease(&group, &ask(), 1_010)).collect();
    let (trial, others): (Vec<_>, Vec<_>) = leases.into_iter().partition(|lease| lease.index() == 1);
    assert_eq!((trial.len(), others.len()), (1, 3));
    for lease in trial {
        lease.finish(failure(), 1_020);
    }
    group.tick(2_010);
    assert_eq!(count(&group, 10, 2_010), [10, 0]);
    group.tick(2_020);
    assert_eq!(count(&group, 10, 2_020)[1], 5);
    drop(others);
    let is_down =
        |event: &GroupEvent| matches!(event, GroupEvent::PassiveDown { server, .. } if server == "s1");
    assert_eq!(group.events().iter().filter(|event| is_down(event)).count(), 2);
    assert!(group.events().is_empty());
}

#[test]
fn a_trial_that_the_client_gave_up_is_repeated() {
    let group = passive(2);
    fail(&group, 1, 0);
    fail(&group, 1, 0);
    group.tick(1_000);
    let find = |group| loop {
        let lease = lease(group, &ask(), 1_000);
        if lease.index() == 1 {
            return lease;
        }
    };
    find(&group).finish(aborted(), 1_000);
    drop(find(&group));
    find(&group).finish(ok(), 1_000);
    assert_eq!(count(&group, 10, 1_000), [5, 5]);
}

#[test]
fn ejections_grow_and_end() {
    let group = ejecting(4);
    let mut now_ms = 0;
    for length in [1_000, 2_000, 4_000] {
        for _ in 0..3 {
            assert_eq!(group.servers()[2].ejected_until(), 0);
            fail(&group, 2, now_ms);
        }
        assert_eq!(group.servers()[2].ejected_until(), now_ms + length);
        assert_eq!(count(&group, 12, now_ms)[2], 0);
        now_ms += length;
        group.tick(now_ms);
    }
    count(&group, 4, now_ms);
    assert_eq!(count(&group, 8, now_ms), [2; 4]);
    assert!(
        group.events().iter().any(
            |event| matches!(event, GroupEvent::Ejected { reason, .. } if reason == "3 failures in a row")
        )
    );
}

#[test]
fn at_most_the_given_part_is_ejected() {
    let group = ejecting(4);
    for index in 0..4 {
        for _ in 0..5 {
            visit(&group, &Ask { sticky: Some(index), ..ask() }, failure(), 0);
        }
    }
    assert_eq!(group.servers().iter().filter(|server| server.ejected_until() > 0).count(), 2);
}

#[test]
fn the_last_server_is_never_removed() {
    for group in [passive(1), ejecting(1)] {
        for _ in 0..20 {
            fail(&group, 0, 0);
        }
        assert_eq!(count(&group, 5, 0), [5]);
    }
    // Failures of the last one do not bring the others back.
    let group = passive(2);
    for index in [1, 1, 0, 0, 0, 0] {
        fail(&group, index, 0);
    }
    assert_eq!(count(&group, 5, 0), [5, 0]);
    assert_eq!(group.events().len(), 1);
    // Nor is it removed when the others go down afterwards.
    for group in [passive(2), ejecting(2)] {
        for _ in 0..3 {
            visit(&group, &Ask { sticky: Some(1), ..ask() }, failure(), 0);
        }
        assert_eq!(count(&group, 5, 0), [5, 0]);
        group.set_health(0, Health::Down, 1);
        assert_eq!(count(&group, 5, 1), [0, 5]);
        assert!(matches!(group.events().last(), Some(GroupEvent::Readmitted { .. })));
    }
}

#[test]
fn an_ejection_outlives_the_snapshot_and_results_of_old_leases_count() {
    let old = ejecting(3);
    let leases: Vec<_> = (0..3).map(|_| lease(&old, &Ask { sticky: Some(1), ..ask() }, 0)).collect();
    let spec = GroupSpec { eject: Some(EJECT), ..GroupSpec::default() };
    let new = Group::new(spec, old.servers().to_vec(), 1);
    old.retire();
    for lease in leases {
        lease.finish(failure(), 5);
    }
    assert_eq!(count(&new, 4, 5), [2, 0, 2]);
    let newer = Group::new(spec, new.servers().to_vec(), 1);
    new.retire();
    assert_eq!(count(&newer, 4, 6), [2, 0, 2]);
    newer.tick(1_005);
    count(&newer, 6, 1_005);
    assert_eq!(count(&newer, 6, 1_005), [2, 2, 2]);
    assert_idle(&newer);
}

#[test]
fn a_server_found_well_by_checks_has_a_clean_record() {
    let group = ejecting(2);
    for _ in 0..3 {
        fail(&group, 1, 0);
    }
    group.set_health(1, Health::Down, 1);
    group.set_health(1, Health::Up, 2);
    assert_eq!(count(&group, 10, 2), [5, 5]);
}

#[test]
fn retries_are_a_fifth_of_the_requests_and_ten_a_second_are_free() {
    let group = Group::new(GroupSpec::default(), servers(&[ServerSpec::default()]), 1);
    let allowed = |group: &Group| (0..1_000).filter(|_| group.allow_retry(0)).count();
    assert_eq!(allowed(&group), 100);
    count(&group, 1_000, 0);
    assert_eq!(allowed(&group), 100);
    // A retry is not a request.
    visit(&group, &Ask { tried: &[7], ..ask() }, ok(), 0);
    assert_eq!(allowed(&group), 0);
}

#[test]
fn peak_ewma_keeps_latencies_over_a_reload() {
    let spec = GroupSpec {
        policy: PolicySpec::PeakEwma { decay_ms: 60_000, error_penalty_ms: 1_000 },
        ..GroupSpec::default()
    };
    let old = Group::new(spec, servers(&vec![ServerSpec::default(); 2]), 1);
    for (index, latency_us) in [(0, 50_000), (1, 1_000)] {
        let outcome = Outcome { kind: OutcomeKind::Success, latency_us };
        visit(&old, &Ask { sticky: Some(index), ..ask() }, outcome, 0);
    }
    let new = Group::new(spec, old.servers().to_vec(), 1);
    assert_eq!(count(&new, 20, 1), [0, 20]);
}
