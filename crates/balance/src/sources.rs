//! Limits for each source: how many connections one address has at once, how many requests it sends in a while.
//!
//! A source is an IPv4 address or an IPv6 network. Counts are shared by all threads and exact; what a limit refuses
//! is not counted. A source that finds no room in the table, because connections hold all of it, is let through.
//! Owns the counts; the limits come with each question, so that they may change while counts stay. No clock, no socket.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use crate::rate::{Rate, RateLimit};
use crate::table::{Place, Table, Times, Value};

/// What one source may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SourceLimits {
    /// Connections at once; 0: no limit.
    pub connections: u32,
    /// Requests in a while; `None`: no limit.
    pub requests: Option<RateLimit>,
    /// IPv6 addresses with this prefix length in common are one source; 1 to 128.
    pub ipv6_prefix: u8,
}

/// Everything that sources did.
pub struct Sources {
    table: Table<[u8; 16], Usage>,
}

/// A connection that is counted until this is dropped, in the table that it was counted in.
pub struct Visit {
    sources: Arc<Sources>,
    /// None: there was no room for its source.
    place: Option<Place>,
}

/// What is remembered of a source.
#[derive(Default)]
pub(crate) struct Usage {
    requests: Rate,
    connections: u32,
}

impl Value for Usage {
    fn is_held(&self) -> bool {
        self.connections > 0
    }
}

impl Sources {
    /// Nothing counted, with room for about so many sources; an entry takes some 70 bytes once it is used.
    pub fn new(entries: usize) -> Self {
        Self { table: Table::new(entries) }
    }

    /// Room for so many from now on.
    pub fn set_entries(&self, entries: usize) {
        self.table.set_capacity(entries);
    }

    /// How many sources are remembered.
    pub fn entries(&self) -> usize {
        self.table.len()
    }

    /// Counts a connection; `None` when its source has as many as it may.
    pub fn connect(self: &Arc<Self>, limits: &SourceLimits, address: IpAddr, now_ms: u64) -> Option<Visit> {
        let taken = self.table.update(&limits.key(address), limits.times(now_ms), Usage::default, |usage| {
            let free = limits.connections == 0 || usage.connections < limits.connections;
            usage.connections += u32::from(free);
            free
        });
        match taken {
            Some((_, false)) => None,
            taken => Some(Visit { sources: Arc::clone(self), place: taken.map(|(place, _)| place) }),
        }
    }

    /// Counts a request. When its source has sent as many as it may, the error says in how many milliseconds it may
    /// send the next one.
    pub fn request(&self, limits: &SourceLimits, address: IpAddr, now_ms: u64) -> Result<(), u64> {
        let Some(limit) = limits.requests else { return Ok(()) };
        let take = |usage: &mut Usage| usage.requests.take(limit, now_ms);
        self.table
            .update(&limits.key(address), limits.times(now_ms), Usage::default, take)
            .map_or(Ok(()), |(_, taken)| taken)
    }

    /// The same for a request of the source that a visit was counted for, which needs no search.
    pub fn request_of(&self, limits: &SourceLimits, visit: &Visit, now_ms: u64) -> Result<(), u64> {
        let (Some(limit), Some(place)) = (limits.requests, visit.place) else { return Ok(()) };
        let take = |usage: &mut Usage| usage.requests.take(limit, now_ms);
        self.table.update_held(place, Some(now_ms), take).unwrap_or(Ok(()))
    }
}

impl Visit {
    /// Whether it is counted in this table.
    pub fn is_of(&self, sources: &Arc<Sources>) -> bool {
        Arc::ptr_eq(&self.sources, sources)
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            self.sources.table.update_held(place, None, |usage| usage.connections -= 1);
        }
    }
}

impl SourceLimits {
    fn key(&self, address: IpAddr) -> [u8; 16] {
        match address.to_canonical() {
            IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
            IpAddr::V6(address) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.ipv6_prefix.min(128))).unwrap_or(0);
                Ipv6Addr::from(u128::from(address) & mask).octets()
            }
        }
    }

    /// Now, and how long a source is worth remembering: twice the window, after which its rate is nothing.
    fn times(&self, now_ms: u64) -> Times {
        Times { now_ms, keep_ms: self.requests.map_or(0, |limit| limit.window_ms.saturating_mul(2)) }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    const LIMITS: SourceLimits = SourceLimits {
        connections: 3,
        requests: Some(RateLimit { count: 10, window_ms: 1000 }),
        ipv6_prefix: 64,
    };

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn each_source_has_its_own_connections_and_gives_them_back() {
        let sources = Arc::new(Sources::new(100));
        let mut visits: Vec<_> =
            (0..3).map(|_| sources.connect(&LIMITS, ip("10.0.0.1"), 1).unwrap()).collect();
        assert!(sources.connect(&LIMITS, ip("10.0.0.1"), 2).is_none());
        assert!(sources.connect(&LIMITS, ip("::ffff:10.0.0.1"), 2).is_none());
        assert!(sources.connect(&LIMITS, ip("10.0.0.2"), 2).is_some());
        visits.pop();
        assert!(sources.connect(&LIMITS, ip("10.0.0.1"), 3).is_some());
    }

    #[test]
    fn each_source_has_its_own_requests_with_or_without_a_visit() {
        let sources = Arc::new(Sources::new(100));
        let visit = sources.connect(&LIMITS, ip("10.0.0.1"), 0).unwrap();
        let by_visit = (0..7).filter(|_| sources.request_of(&LIMITS, &visit, 5).is_ok()).count();
        let by_address = (0..7).filter(|_| sources.request(&LIMITS, ip("10.0.0.1"), 5).is_ok()).count();
        assert_eq!((by_visit, by_address), (7, 3));
        assert_eq!(sources.request(&LIMITS, ip("10.0.0.2"), 5), Ok(()));
        drop(visit);
        assert!(sources.request(&LIMITS, ip("10.0.0.1"), 6).is_err(), "requests outlive the connection");
        assert!(visit_of(&sources).is_of(&sources));
        assert!(!visit_of(&sources).is_of(&Arc::new(Sources::new(1))));
    }

    fn visit_of(sources: &Arc<Sources>) -> Visit {
        sources.connect(&LIMITS, ip("10.0.0.9"), 0).unwrap()
    }

    #[test]
    fn an_ipv6_network_is_one_source() {
        let sources = Sources::new(100);
        let address = |last: u32| ip(&format!("2001:db8:0:1::{last:x}"));
        assert_eq!((0..50).filter(|last| sources.request(&LIMITS, address(*last), 0).is_ok()).count(), 10);
        assert_eq!(sources.request(&LIMITS, ip("2001:db8:0:2::1"), 0), Ok(()));
        let whole = SourceLimits { ipv6_prefix: 128, ..LIMITS };
        assert_eq!((1..51).filter(|last| sources.request(&whole, address(*last), 0).is_ok()).count(), 50);
    }

    #[test]
    fn limits_that_change_keep_the_counts() {
        let sources = Arc::new(Sources::new(100));
        let _visits: Vec<_> = (0..3).map(|_| sources.connect(&LIMITS, ip("10.0.0.1"), 0).unwrap()).collect();
        let more = SourceLimits { connections: 4, ..LIMITS };
        let _fourth = sources.connect(&more, ip("10.0.0.1"), 0).unwrap();
        assert!(sources.connect(&more, ip("10.0.0.1"), 0).is_none());
        sources.set_entries(1);
        assert!(sources.connect(&LIMITS, ip("10.0.0.1"), 0).is_none());
    }

    #[test]
    fn a_source_without_room_is_let_through_and_leaves_nothing_behind() {
        let sources = Arc::new(Sources::new(1));
        let held = sources.connect(&LIMITS, ip("10.0.0.1"), 0).unwrap();
        let visits: Vec<_> = (0..9).map(|_| sources.connect(&LIMITS, ip("10.0.0.2"), 0).unwrap()).collect();
        assert!((0..99).all(|_| sources.request(&LIMITS, ip("10.0.0.2"), 0).is_ok()));
        assert!((0..99).all(|_| sources.request_of(&LIMITS, &visits[0], 0).is_ok()));
        drop((held, visits));
        assert!(sources.connect(&LIMITS, ip("10.0.0.2"), 0).is_some());
    }

    /// Calls `each` from several threads at once and returns how often it was true.
    fn race(each: impl Fn() -> bool + Sync) -> u32 {
        let yes = AtomicU32::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..2_000 {
                        yes.fetch_add(u32::from(each()), Ordering::Relaxed);
                    }
                });
            }
        });
        yes.into_inner()
    }

    #[test]
    fn threads_that_race_get_exactly_what_the_limits_say() {
        let limits = SourceLimits {
            connections: 100,
            requests: Some(RateLimit { count: 777, window_ms: 60_000 }),
            ipv6_prefix: 64,
        };
        let sources = Arc::new(Sources::new(1000));
        let held = parking_lot::Mutex::new(Vec::new());
        let connected = race(|| match sources.connect(&limits, ip("10.0.0.1"), 1) {
            Some(visit) => {
                held.lock().push(visit);
                true
            }
            None => false,
        });
        assert_eq!((connected, race(|| sources.request(&limits, ip("10.0.0.1"), 1).is_ok())), (100, 777));
        held.lock().clear();
        race(|| sources.connect(&limits, ip("10.0.0.1"), 1).is_some());
        let again: Vec<_> = (0..200).filter_map(|_| sources.connect(&limits, ip("10.0.0.1"), 1)).collect();
        assert_eq!(again.len(), 100, "none was lost and none was counted twice");
    }

    #[test]
    fn a_flood_of_sources_stays_within_its_room() {
        let sources = Sources::new(10_000);
        for number in 0..100_000_u32 {
            assert_eq!(sources.request(&LIMITS, IpAddr::from(number.to_be_bytes()), 5), Ok(()));
        }
        assert!((9_000..=10_016).contains(&sources.entries()), "{}", sources.entries());
    }
}
