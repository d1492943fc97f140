//! What an entry of a stick table takes and what a request costs here: bytes of memory for each of a million entries of
//! `ip` with `http_req_rate` and `gpc0`, and nanoseconds for counting, reading and tracking, by number of entries and
//! threads. Run it with `--release`.
#![allow(clippy::print_stdout, clippy::disallowed_methods)]

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Instant;

use tenbin_balance::stick::{Data, KeyForm, KeyValue, StickCounter, StickKey, StickSpec, StickTable, Stored};

const ROUNDS: u32 = 1_000_000;
const SIZES: [u32; 4] = [1_000, 10_000, 100_000, 1_000_000];

fn main() {
    println!("entries     bytes each   ns to count   read   track   count, 2 threads   ms a page of 10000");
    for size in SIZES {
        let before = resident();
        let table = table(size as usize);
        fill(&table, size);
        let bytes = (resident() - before) / u64::from(size);
        let count = time(|round| _ = table.add(&key(&table, spread(round) % size), COUNTS, now(round)));
        let read = time(|round| {
            black_box(table.read(&key(&table, spread(round) % size), Data::Gpc0.into(), now(round)));
        });
        let track = time(|round| {
            if let Some(tracked) = table.track(&key(&table, spread(round) % size), now(round)) {
                tracked.add(COUNTS, now(round));
                tracked.release(now(round));
            }
        });
        let both = twice(&table, size);
        let start = Instant::now();
        black_box(table.show(&[], None, 10_000, now(ROUNDS)));
        let page = start.elapsed().as_secs_f64() * 1e3;
        println!("{size:<11}{bytes:>11}{count:>14.0}{read:>7.0}{track:>8.0}{both:>19.0}{page:>21.1}");
    }
}

const COUNTS: &[(StickCounter, u64)] = &[
    (StickCounter { data: Data::HttpReqRate, index: 0 }, 1),
    (StickCounter { data: Data::Gpc0, index: 0 }, 1),
];

fn table(size: usize) -> Arc<StickTable> {
    let stored = |data, period_ms| Stored { data, period_ms, count: 1 };
    Arc::new(StickTable::new(&StickSpec {
        key: KeyForm::Ipv4,
        length: 4,
        size,
        expire_ms: 600_000,
        keep: false,
        stored: vec![stored(Data::HttpReqRate, 10_000), stored(Data::Gpc0, 0)],
    }))
}

fn fill(table: &StickTable, size: u32) {
    for number in 0..size {
        table.add(&key(table, number), COUNTS, 1);
    }
}

fn key(table: &StickTable, number: u32) -> StickKey {
    table.key(KeyValue::Ip(IpAddr::V4(Ipv4Addr::from_bits(number)))).unwrap_or_default()
}

fn spread(round: u32) -> u32 {
    round.wrapping_mul(2_654_435_761)
}

fn now(round: u32) -> u64 {
    u64::from(round / 1000)
}

fn time(step: impl Fn(u32)) -> f64 {
    let start = Instant::now();
    (0..ROUNDS).for_each(step);
    start.elapsed().as_nanos() as f64 / f64::from(ROUNDS)
}

fn twice(table: &StickTable, size: u32) -> f64 {
    let run = || time(|round| _ = table.add(&key(table, spread(round) % size), COUNTS, now(round)));
    std::thread::scope(|scope| {
        let other = scope.spawn(run);
        let own = run();
        f64::midpoint(own, other.join().unwrap_or(f64::NAN))
    })
}

/// Bytes of this process that are in memory.
fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    text.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0) * 4096
}
