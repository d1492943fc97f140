//! Who gets work: tiers, states, weights, stickiness, exclusion - for every policy.

#![allow(clippy::indexing_slicing, reason = "a test fails by panicking")]

mod common;

use common::{HASHES, ask, assert_idle, count, group, lease, limited, ok, policies, servers, visit};
use proptest::prelude::*;
use tenbin_balance::{Admin, Ask, Grant, Group, GroupSpec, Health, OnDrain, PolicySpec, ServerSpec};

fn weighted(weights: &[u16]) -> Vec<ServerSpec> {
    weights.iter().map(|&weight| ServerSpec { weight, ..ServerSpec::default() }).collect()
}

fn backup() -> ServerSpec {
    ServerSpec { backup: true, ..ServerSpec::default() }
}

#[test]
fn weights_5_3_2_are_5_3_2_in_every_10_and_change_live() {
    let group = group(PolicySpec::RoundRobin, &weighted(&[5, 3, 2]));
    for _ in 0..100 {
        assert_eq!(count(&group, 10, 0), [5, 3, 2]);
    }
    group.set_weight(0, 1, 0);
    count(&group, 6, 0);
    assert_eq!(count(&group, 6, 0), [1, 3, 2]);
    group.set_weight(1, 0, 0);
    assert_eq!(count(&group, 30, 0)[1], 0);
}

#[test]
fn static_rr_ignores_runtime_weights_but_not_zero() {
    let group = group(PolicySpec::StaticRr, &weighted(&[5, 3, 2]));
    group.set_weight(0, 100, 0);
    assert_eq!(count(&group, 100, 0), [50, 30, 20]);
    group.set_weight(0, 0, 0);
    assert_eq!(count(&group, 100, 0), [0, 60, 40]);
}

#[test]
fn backups_work_only_when_nobody_else_can() {
    for policy in policies() {
        let specs = [ServerSpec::default(), backup(), backup()];
        let group = group(policy, &specs);
        assert_eq!(count(&group, 50, 0), [50, 0, 0], "{policy:?}");
        group.set_health(0, Health::Down, 0);
        group.tick(100);
        assert_eq!(count(&group, 50, 0), [0, 50, 0], "{policy:?}");
        group.set_admin(1, Admin::Drain, 0);
        group.tick(200);
        assert_eq!(count(&group, 50, 0), [0, 0, 50], "{policy:?}");
        group.set_health(0, Health::Up, 0);
        group.tick(300);
        assert_eq!(count(&group, 50, 0), [50, 0, 0], "{policy:?}");
    }
}

#[test]
fn all_backups_share_when_asked_to() {
    let spec = GroupSpec { all_backups: true, ..GroupSpec::default() };
    let group = Group::new(spec, servers(&[ServerSpec::default(), backup(), backup()]), 1);
    group.set_admin(0, Admin::Maint, 0);
    assert_eq!(count(&group, 10, 0), [0, 5, 5]);
}

#[test]
fn a_retry_may_use_a_backup_when_all_others_were_tried() {
    let group = group(PolicySpec::RoundRobin, &[ServerSpec::default(), backup()]);
    assert_eq!(visit(&group, &Ask { tried: &[0], ..ask() }, ok(), 0), 1);
    assert!(matches!(group.acquire(&Ask { tried: &[0, 1], ..ask() }, 0), Grant::NoServer));
}

#[test]
fn sticky_clients_stay_while_their_server_may_keep_them() {
    for (on_drain, stays) in [(OnDrain::Stay, true), (OnDrain::Leave, false)] {
        let spec = GroupSpec { sticky_on_drain: on_drain, ..GroupSpec::default() };
        let group = Group::new(spec, servers(&limited(2, 0)), 1);
        let sticky = Ask { sticky: Some(1), ..ask() };
        let at_home = |group| (0..4).all(|_| visit(group, &sticky, ok(), 0) == 1);
        assert!(at_home(&group));
        group.set_admin(1, Admin::Drain, 0);
        assert_eq!(at_home(&group), stays);
        assert_eq!(count(&group, 10, 0), [10, 0]);
        group.set_admin(1, Admin::Ready, 0);
        group.set_weight(1, 0, 0);
        assert_eq!(at_home(&group), stays);
        group.set_weight(1, 1, 0);
        group.set_health(1, Health::Down, 0);
        assert!(!at_home(&group));
        group.set_health(1, Health::Up, 0);
        group.set_admin(1, Admin::Maint, 0);
        assert!(!at_home(&group));
    }
}

#[test]
fn the_weight_grows_in_slow_start_and_only_then() {
    let spec = ServerSpec { weight: 10, slow_start_ms: 10_000, ..ServerSpec::default() };
    let group = group(PolicySpec::RoundRobin, &[spec.clone(), spec]);
    assert_eq!(count(&group, 100, 0), [50, 50]);
    group.set_health(1, Health::Down, 1_000);
    count(&group, 100, 1_000);
    group.set_health(1, Health::Up, 5_000);
    let mut before = 0;
    for now_ms in (5_100..=15_000).step_by(100) {
        group.tick(now_ms);
        if now_ms % 2_500 == 0 {
            let slow = count(&group, 1_000, now_ms)[1];
            // At a part f of its weight it gets f / (1 + f) of the work.
            let part = (now_ms - 5_000) as f64 / 10_000.0;
            let expected = 1_000.0 * part / (1.0 + part);
            assert!((slow as f64 - expected).abs() < 12.0, "{slow} at {now_ms}, not {expected}");
            assert!(slow > before);
            before = slow;
        }
    }
    assert_eq!(count(&group, 100, 15_000), [50, 50]);
}

#[test]
fn bounded_load_spreads_a_hot_key() {
    for method in HASHES {
        let policy = PolicySpec::Hash { method, load_factor: Some(125) };
        let group = group(policy, &limited(10, 0));
        let hot = Ask { hash: Some(b"hot"), ..ask() };
        let leases: Vec<_> = (0..1_000).map(|_| lease(&group, &hot, 0)).collect();
        let most = group.servers().iter().map(|server| server.active()).max();
        assert!(most <= Some(126), "{method:?}: {most:?}");
        drop(leases);
        assert_idle(&group);
    }
}

#[test]
fn servers_are_found_by_name_and_id() {
    let group = group(PolicySpec::RoundRobin, &limited(3, 0));
    assert_eq!(group.index_of("s2"), Some(2));
    assert_eq!(group.index_of("s3"), None);
    assert_eq!(group.index_of_id(group.servers()[1].id()), Some(1));
}

#[derive(Debug, Clone)]
struct Sketch {
    weight: u16,
    backup: bool,
    admin: Admin,
    health: Health,
}

fn sketch() -> impl Strategy<Value = Sketch> {
    let admin = prop_oneof![4 => Just(Admin::Ready), 1 => Just(Admin::Drain), 1 => Just(Admin::Maint)];
    let health = prop_oneof![3 => Just(Health::Up), 1 => Just(Health::Unknown), 2 => Just(Health::Down)];
    (prop_oneof![Just(0_u16), 1_u16..10], prop::bool::weighted(0.2), admin, health)
        .prop_map(|(weight, backup, admin, health)| Sketch { weight, backup, admin, health })
}

/// Whom a request that tried some may get: the first tier that has anyone, without those tried; when a retry
/// finds nobody there, any usable backup.
fn allowed(sketches: &[Sketch], tried: &[usize]) -> Vec<usize> {
    let usable = |backup: bool| {
        let fits = move |sketch: &Sketch| {
            let up = sketch.admin == Admin::Ready && sketch.health != Health::Down;
            up && sketch.weight > 0 && sketch.backup == backup
        };
        (0..sketches.len()).filter(|&id| fits(&sketches[id])).collect::<Vec<_>>()
    };
    let (primaries, mut backups) = (usable(false), usable(true));
    let untried = |ids: &[usize]| ids.iter().copied().filter(|id| !tried.contains(id)).collect::<Vec<_>>();
    let tier = if primaries.is_empty() { backups.iter().copied().take(1).collect() } else { primaries };
    if tried.is_empty() || !untried(&tier).is_empty() {
        return untried(&tier);
    }
    backups.retain(|id| !tried.contains(id));
    backups
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn nobody_gets_an_unusable_or_tried_server_and_everybody_gets_one_if_there_is_one(
        sketches in prop::collection::vec(sketch(), 1..9),
        tried in prop::collection::vec(0_usize..9, 0..3),
        keys in prop::collection::vec(prop::option::of(any::<[u8; 4]>()), 1..8),
    ) {
        let specs: Vec<_> = sketches
            .iter()
            .map(|sketch| ServerSpec { backup: sketch.backup, ..ServerSpec::default() })
            .collect();
        let allowed = allowed(&sketches, &tried);
        for policy in policies() {
            let group = group(policy, &specs);
            for (index, sketch) in sketches.iter().enumerate() {
                group.set_weight(index, sketch.weight, 0);
                group.set_admin(index, sketch.admin, 0);
                group.set_health(index, sketch.health, 0);
            }
            for now_ms in [0, 1_000] {
                group.tick(now_ms);
                for key in &keys {
                    let hash = key.as_ref().map(<[u8; 4]>::as_slice);
                    match group.acquire(&Ask { hash, tried: &tried, ..ask() }, now_ms) {
                        Grant::Lease(lease) => prop_assert!(allowed.contains(&lease.index()), "{:?}", policy),
                        Grant::NoServer => prop_assert!(allowed.is_empty(), "{:?}: {:?}", policy, allowed),
                        other => prop_assert!(false, "{:?}", other),
                    }
                }
            }
            assert_idle(&group);
        }
    }
}
