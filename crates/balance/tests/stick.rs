//! Stick tables as a whole: what stays, what goes, what counters say, and threads that share them.
#![cfg(not(tenbin_loom))]
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use proptest::prelude::*;
use tenbin_balance::stick::{
    Cleared, Data, Filter, KeyForm, KeyValue, Operator, StickCounter, StickKey, StickSpec, StickTable, Stored,
};

fn spec(stored: &[(Data, u64)]) -> StickSpec {
    let stored =
        stored.iter().map(|(data, period_ms)| Stored { data: *data, period_ms: *period_ms, count: 2 });
    StickSpec {
        key: KeyForm::Integer,
        length: 4,
        size: 100,
        expire_ms: 0,
        keep: false,
        stored: stored.collect(),
    }
}

fn table(spec: &StickSpec) -> Arc<StickTable> {
    Arc::new(StickTable::new(spec))
}

fn key(number: u32) -> StickKey {
    KeyForm::Integer.key(4, KeyValue::Int(number.into())).unwrap()
}

fn one(data: Data) -> [(StickCounter, u64); 1] {
    [(data.into(), 1)]
}

fn written(form: KeyForm, length: usize, value: KeyValue<'_>) -> Option<String> {
    let mut out = String::new();
    form.write(&form.key(length, value)?, &mut out);
    Some(out)
}

fn ip(text: &str) -> KeyValue<'static> {
    KeyValue::Ip(text.parse::<IpAddr>().unwrap())
}

#[test]
fn values_become_keys_as_haproxy_makes_them() {
    let bytes = |text: &'static str| KeyValue::Bytes(text.as_bytes());
    for (form, length, value, expected) in [
        (KeyForm::Ipv4, 4, ip("10.0.0.1"), Some("10.0.0.1")),
        (KeyForm::Ipv4, 4, ip("::ffff:10.0.0.1"), Some("10.0.0.1")),
        (KeyForm::Ipv4, 4, ip("2001:db8::1"), None),
        (KeyForm::Ipv4, 4, bytes("10.0.0.1"), Some("10.0.0.1")),
        (KeyForm::Ipv4, 4, bytes("ann"), None),
        (KeyForm::Ipv4, 4, KeyValue::Int(0x0a00_0001), Some("10.0.0.1")),
        (KeyForm::Ipv6, 16, ip("10.0.0.1"), Some("::ffff:10.0.0.1")),
        (KeyForm::Ipv6, 16, bytes("1.2.3.4"), None),
        (KeyForm::Ipv6, 16, bytes("::1"), Some("::1")),
        (KeyForm::Integer, 4, bytes("12ab"), Some("12")),
        (KeyForm::Integer, 4, bytes("ab"), Some("0")),
        (KeyForm::Integer, 4, bytes(""), None),
        (KeyForm::Integer, 4, bytes("-3"), Some("4294967293")),
        (KeyForm::Integer, 4, ip("127.0.0.1"), Some("2130706433")),
        (KeyForm::Text, 5, bytes("abcdefg"), Some("abcde")),
        (KeyForm::Text, 20, bytes(""), Some("")),
        (KeyForm::Text, 20, bytes("a b=c\\d\n"), Some("a\\ b\\=c\\\\d\\n")),
        (KeyForm::Text, 20, ip("10.0.0.1"), Some("10.0.0.1")),
        (KeyForm::Text, 20, KeyValue::Int(-7), Some("-7")),
        (KeyForm::Binary, 6, bytes("ab"), Some("616200000000")),
        (KeyForm::Binary, 6, bytes("abcdefgh"), Some("616263646566")),
    ] {
        assert_eq!(written(form, length, value).as_deref(), expected, "{form:?} {value:?}");
    }
    let long = "x".repeat(300);
    assert_eq!(written(KeyForm::Text, 1000, KeyValue::Bytes(long.as_bytes())), Some(long));
}

#[test]
fn operators_are_held_to_what_a_key_is() {
    assert_eq!(KeyForm::Integer.parse(4, "7"), Some(key(7)));
    for (form, text) in [
        (KeyForm::Integer, "-1"),
        (KeyForm::Integer, "5000000000"),
        (KeyForm::Integer, "7a"),
        (KeyForm::Ipv6, "1.2.3.4"),
        (KeyForm::Binary, "6g"),
    ] {
        assert_eq!(form.parse(4, text), None, "{text}");
    }
}

#[test]
fn what_was_not_used_for_long_enough_is_as_good_as_gone() {
    let table = table(&StickSpec { expire_ms: 1000, ..spec(&[(Data::Gpc0, 0)]) });
    table.add(&key(1), &one(Data::Gpc0), 0);
    table.add(&key(1), &one(Data::Gpc0), 900);
    assert_eq!(table.row(&key(1), 1000).unwrap().expires_ms, 900);
    assert_eq!(table.read(&key(1), Data::Gpc0.into(), 1899), Some(2));
    assert_eq!(table.read(&key(1), Data::Gpc0.into(), 1900), None, "reading is no use of it");
    table.add(&key(2), &one(Data::Gpc0), 1900);
    table.add(&key(3), &one(Data::Gpc0), 1900);
    assert!(!table.contains(&key(2), 2900) && table.row(&key(3), 2900).is_none());
    assert!(table.show(&[], None, 9, 2900).rows.is_empty());
    table.add(&key(2), &one(Data::Gpc0), 2900);
    assert_eq!(table.read(&key(2), Data::Gpc0.into(), 2900), Some(1), "it begins anew");
    table.sweep(5000);
    assert!(table.is_empty());
}

#[test]
fn what_is_tracked_stays_and_counts_who_is_there() {
    let table =
        table(&StickSpec { size: 2, expire_ms: 1000, ..spec(&[(Data::ConnCur, 0), (Data::ConnCnt, 0)]) });
    let mut tracked = table.track(&key(1), 0).unwrap();
    tracked.connect(0);
    assert_eq!(table.clear(&key(1), 0), Cleared::Used);
    (2..20).for_each(|number| assert!(table.add(&key(number), &one(Data::ConnCnt), 50_000)));
    table.sweep(50_000);
    let row = table.row(&key(1), 50_000).unwrap();
    assert_eq!((row.uses, row.expires_ms, row.data[0].value, row.data[1].value), (1, 0, 1, 1));
    tracked.release(50_000);
    let row = table.row(&key(1), 50_900).unwrap();
    assert_eq!((row.uses, row.expires_ms, row.data[0].value, row.data[1].value), (0, 100, 1, 0));
    // An entry that stores nothing of connections is not used by their end.
    let table = self::table(&StickSpec { expire_ms: 1000, ..spec(&[(Data::Gpc0, 0)]) });
    table.track(&key(1), 0).unwrap().release(2000);
    assert!(table.is_empty());
}

#[test]
fn a_table_holds_exactly_its_size_over_all_its_shards() {
    for keep in [false, true] {
        let table = table(&StickSpec { size: 10_000, keep, ..spec(&[(Data::Gpc0, 0)]) });
        let taken = (0..30_000).filter(|number| table.add(&key(*number), &one(Data::Gpc0), 0)).count();
        assert_eq!((table.len(), taken), (10_000, if keep { 10_000 } else { 30_000 }));
        assert_eq!(table.contains(&key(0), 0), keep);
        assert_eq!(table.contains(&key(29_999), 0), !keep);
    }
}

#[test]
fn a_table_that_is_full_of_tracked_entries_takes_no_more() {
    let table = table(&StickSpec { size: 2000, ..spec(&[]) });
    let held: Vec<_> = (0..2000).map(|number| table.track(&key(number), 0).unwrap()).collect();
    assert!(table.track(&key(5000), 0).is_none());
    drop(held);
    assert!(table.track(&key(5000), 0).is_some());
}

#[test]
fn memory_goes_back_when_a_table_has_emptied() {
    let table =
        table(&StickSpec { size: 50_000, expire_ms: 10, ..spec(&[(Data::Gpc, 0), (Data::BytesInRate, 9)]) });
    for round in 1..4 {
        (0..50_000).for_each(|number| assert!(table.add(&key(number), &one(Data::BytesInRate), round * 100)));
        table.sweep(round * 100 + 10);
        assert_eq!(table.len(), 0);
    }
}

#[test]
fn counters_are_found_by_name_in_arrays_too() {
    let table = table(&spec(&[(Data::Gpc, 0), (Data::GpcRate, 10_000)]));
    let second = StickCounter { data: Data::Gpc, index: 1 };
    assert_eq!(table.increment(&key(1), Data::Gpc0.into(), 5), Some(1));
    assert_eq!(table.increment(&key(1), second, 5), Some(1));
    assert_eq!(table.increment(&key(1), Data::Gpc1.into(), 5), Some(2));
    assert_eq!(table.read(&key(1), Data::Gpc1Rate.into(), 5), Some(2));
    assert_eq!(table.read(&key(1), StickCounter { data: Data::Gpc, index: 2 }, 5), None);
    assert_eq!(table.reset(&key(1), second, 5), Some(2));
    assert_eq!(table.read(&key(1), second, 5), Some(0));
    assert!(!table.stores(Data::Gpt0.into()));
    let names: Vec<_> = Data::ALL.iter().map(|data| Data::named(data.name())).collect();
    assert!(names.iter().zip(Data::ALL).all(|(named, data)| *named == Some(*data)));
}

#[test]
fn servers_are_remembered_by_number_and_name() {
    let table = table(&spec(&[(Data::ServerId, 0), (Data::ServerKey, 0)]));
    assert!(table.remember(&key(1), (3, "s3"), 0) && table.remember(&key(2), (4, "s4"), 0));
    assert!(table.remember(&key(1), (4, "s4"), 1));
    let recalled = |number| table.recall(&key(number), 2).map(|(id, name)| (id, name.unwrap().to_string()));
    assert_eq!((recalled(1), recalled(2)), (Some((4, "s4".into())), Some((4, "s4".into()))));
    assert_eq!(recalled(3), None);
    assert_eq!(table.row(&key(1), 2).unwrap().data[1].name.as_deref(), Some("s4"));
}

#[test]
fn pages_show_everything_once_in_order_and_filters_leave_out() {
    let table = table(&StickSpec { size: 5000, ..spec(&[(Data::Gpc0, 0)]) });
    (0..5000_u32)
        .for_each(|number| assert!(table.set(&key(number), &[(Data::Gpc0.into(), (number % 10).into())], 0)));
    let all = |filters: &[Filter]| {
        let (mut keys, mut after) = (Vec::new(), None);
        loop {
            let page = table.show(filters, after.as_ref(), 700, 0);
            keys.extend(page.rows.iter().map(|row| row.key.clone()));
            after = keys.last().cloned();
            if !page.more {
                return keys;
            }
        }
    };
    assert_eq!(all(&[]), (0..5000).map(key).collect::<Vec<_>>());
    let filter = |operator, value| Filter { counter: Data::Gpc0.into(), operator, value };
    let chosen = all(&[filter(Operator::Ge, 4), filter(Operator::Lt, 6)]);
    assert_eq!(chosen.len(), 1000);
    assert_eq!(table.clear_all(&[filter(Operator::Ne, 5)], 0), 4500);
    assert_eq!(table.len(), 500);
}

#[test]
fn a_reload_keeps_entries_while_what_they_are_is_the_same() {
    let before = spec(&[(Data::Gpc0, 0), (Data::HttpReqRate, 10_000)]);
    let table = table(&before);
    table.add(&key(1), &one(Data::Gpc0), 0);
    let other_order = spec(&[(Data::HttpReqRate, 10_000), (Data::Gpc0, 0)]);
    assert!(table.fits(&StickSpec { size: 1, expire_ms: 7, keep: true, ..other_order }));
    assert!(!table.fits(&spec(&[(Data::Gpc0, 0), (Data::HttpReqRate, 20_000)])));
    assert!(!table.fits(&StickSpec { key: KeyForm::Ipv4, ..before.clone() }));
    table.configure(&StickSpec { expire_ms: 50, ..before });
    assert!(table.contains(&key(1), 49) && !table.contains(&key(1), 50));
}

#[test]
fn threads_count_exactly_while_entries_come_and_go() {
    let table = table(&StickSpec {
        size: 200,
        ..spec(&[(Data::Gpc0, 0), (Data::ConnCur, 0), (Data::HttpReqRate, 60_000)])
    });
    std::thread::scope(|scope| {
        for thread in 0..8_u32 {
            let table = &table;
            scope.spawn(move || {
                for round in 0..5_000_u32 {
                    let mut tracked = table.track(&key(7), 1).unwrap();
                    tracked.connect(1);
                    tracked.add(&[(Data::Gpc0.into(), 1), (Data::HttpReqRate.into(), 1)], 1);
                    table.add(&key(1000 + thread * 10_000 + round), &one(Data::Gpc0), 1);
                    tracked.release(1);
                }
            });
        }
    });
    // Between its users the busiest may have gone when others took its place; while it is there nothing is lost.
    let row = table.row(&key(7), 1).unwrap();
    assert_eq!((row.uses, row.data[1].value, table.len()), (0, 0, 200));
    let big = self::table(&StickSpec { size: 50_000, ..spec(&[(Data::Gpc0, 0)]) });
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                (0..40_000_u32).for_each(|round| assert!(big.add(&key(round % 20), &one(Data::Gpc0), 1)));
            });
        }
    });
    assert!((0..20).all(|number| big.read(&key(number), Data::Gpc0.into(), 1) == Some(16_000)));
}

/// HAProxy's counter of a period as its source describes it: a tick, the present count and the one before.
#[derive(Default, Clone, Copy)]
struct Frequency {
    tick: u64,
    present: u64,
    before: u64,
}

impl Frequency {
    fn update(&mut self, period: u64, now: u64) {
        if now - self.tick >= period {
            self.before = std::mem::take(&mut self.present);
            self.tick += period;
            if now - self.tick >= period {
                self.before = 0;
                self.tick = now;
            }
        }
        self.present += 1;
    }

    fn read(&self, period: u64, now: u64) -> u64 {
        let mut left = (self.tick + period).cast_signed() - now.cast_signed();
        let (mut before, mut present) = (self.before, self.present);
        if left < 0 {
            left += period.cast_signed();
            before = if left >= 0 { present } else { 0 };
            present = 0;
        }
        if present == 0 && before <= 1 {
            return before;
        }
        (before * left.max(0).cast_unsigned() + present * period) / period
    }
}

proptest! {
    #[test]
    fn rates_are_those_of_haproxy(
        period in 1_u64..20_000,
        steps in proptest::collection::vec((0_u64..3_000, prop::bool::ANY), 1..200),
    ) {
        let table = table(&spec(&[(Data::HttpReqRate, period)]));
        let (mut model, mut now) = (Frequency::default(), 100_000);
        for (step, counts) in steps {
            now += step;
            if counts {
                model.update(period, now);
                table.add(&key(1), &one(Data::HttpReqRate), now);
            }
            let found = table.read(&key(1), Data::HttpReqRate.into(), now).unwrap_or(0);
            prop_assert_eq!(found, model.read(period, now));
        }
    }

    /// Against a list in order of use.
    #[test]
    fn it_agrees_with_a_plain_list(
        size in 1_usize..8,
        keep in prop::bool::ANY,
        steps in proptest::collection::vec((0_u32..12, 0_u8..4, 0_u64..60), 1..300),
    ) {
        let table = table(&StickSpec { size, keep, expire_ms: 100, ..spec(&[(Data::Gpc0, 0)]) });
        let mut model: Vec<(u32, u64, u64)> = Vec::new();
        let mut now = 0;
        for (number, verb, passed) in steps {
            now += passed;
            model.retain(|entry| entry.1 + 100 > now);
            let at = model.iter().position(|entry| entry.0 == number);
            match verb {
                0 => prop_assert_eq!(table.read(&key(number), Data::Gpc0.into(), now), at.map(|at| model[at].2)),
                1 => {
                    let expected = if at.is_some() { Cleared::Gone } else { Cleared::Absent };
                    prop_assert_eq!(table.clear(&key(number), now), expected);
                    model.retain(|entry| entry.0 != number);
                }
                _ => {
                    let mut entry = at.map_or((number, 0, 0), |at| model.remove(at));
                    let has_room = at.is_some() || model.len() < size || !keep;
                    prop_assert_eq!(table.add(&key(number), &one(Data::Gpc0), now), has_room);
                    if has_room {
                        entry = (number, now, entry.2 + 1);
                        if model.len() >= size {
                            model.remove(0);
                        }
                        model.push(entry);
                    }
                }
            }
            let shown: BTreeMap<u32, u64> = model.iter().map(|entry| (entry.0, entry.2)).collect();
            let rows = table.show(&[], None, 99, now).rows;
            prop_assert_eq!(rows.len(), shown.len());
            for (row, (number, count)) in rows.iter().zip(shown) {
                prop_assert_eq!((&row.key, row.data[0].value), (&key(number), count));
            }
        }
    }
}
