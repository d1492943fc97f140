//! What the process may use and how near it is to that: descriptors and memory, and who steps back for whom.
//!
//! Clients never take the descriptors that connections to servers, logs and the control channel need: beyond a reserve
//! they wait to be accepted. Somebody who lacks one says so here, and every worker gives idle connections back with its
//! next tick. Whoever waits asks again after a while, so nothing spins and nothing is missed.

mod memory;
mod relief;

use std::os::fd::{AsFd, AsRawFd};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

pub use memory::{Gauge, Level, resident, room};
pub use relief::{RELIEF, Relief};
use rustix::process::{Resource, Rlimit};

/// How long to wait before asking again for what is short.
pub const PAUSE: Duration = Duration::from_millis(20);

/// How long a want is remembered: longer than a pause and a tick of a worker.
const WANTED_MS: u64 = 200;

/// How long accepting must have gone on without a pause to be called well again.
const CALM_MS: u64 = 1_000;

const DRAINING: u8 = 1;
const REFUSING: u8 = 2;

/// Whether work is taken as always, in one byte that requests read.
#[derive(Default)]
pub struct Stance(AtomicU8);

/// The process's means.
pub struct Capacity {
    /// Of descriptors, as of the last look.
    limit: AtomicU64,
    /// Until then, in milliseconds on the shared clock, clients want descriptors.
    clients_want: AtomicU64,
    /// The same for connections to servers.
    servers_want: AtomicU64,
    /// When accepting began to pause; 0: it does not.
    paused_since: AtomicU64,
    /// Above the limit of memory by a margin: idle connections close.
    pub severe: AtomicBool,
    /// The limit of memory in force, and what is used of it, in bytes.
    pub memory_limit: AtomicU64,
    /// See `memory_limit`.
    pub memory_used: AtomicU64,
    /// Clients at once that memory has room for until the next look; 0: any number.
    ceiling: AtomicU64,
    /// Times that a connection to a server waited for a descriptor.
    pub descriptor_waits: AtomicU64,
    /// Idle connections of clients that were closed for want of descriptors.
    pub idle_closed: AtomicU64,
    /// Requests that were refused for want of memory.
    pub memory_refused: AtomicU64,
}

/// Who lacks descriptors now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Want {
    /// Nobody.
    None,
    /// Clients that wait to be accepted: only what nobody needs is given back for them.
    Clients,
    /// Connections to servers: requests wait for them.
    Servers,
}

impl Stance {
    /// No new work is taken; answers say `Connection: close`.
    pub fn drain(&self) {
        self.0.fetch_or(DRAINING, Ordering::Relaxed);
    }

    /// Whether `drain` was called.
    pub fn is_draining(&self) -> bool {
        self.0.load(Ordering::Relaxed) & DRAINING != 0
    }

    /// Whether connections end after their answer.
    #[inline]
    pub fn is_leaving(&self) -> bool {
        self.0.load(Ordering::Relaxed) != 0
    }

    /// Whether new requests are refused.
    pub fn is_refusing(&self) -> bool {
        self.0.load(Ordering::Relaxed) & REFUSING != 0
    }

    /// Refuses new requests, or no more.
    pub fn refuse(&self, refusing: bool) {
        if refusing {
            self.0.fetch_or(REFUSING, Ordering::Relaxed);
        } else {
            self.0.fetch_and(!REFUSING, Ordering::Relaxed);
        }
    }
}

impl Default for Capacity {
    fn default() -> Self {
        let capacity = Self {
            limit: AtomicU64::new(u64::MAX),
            clients_want: AtomicU64::new(0),
            servers_want: AtomicU64::new(0),
            paused_since: AtomicU64::new(0),
            severe: AtomicBool::new(false),
            memory_limit: AtomicU64::new(0),
            memory_used: AtomicU64::new(0),
            ceiling: AtomicU64::new(0),
            descriptor_waits: AtomicU64::new(0),
            idle_closed: AtomicU64::new(0),
            memory_refused: AtomicU64::new(0),
        };
        capacity.look();
        capacity
    }
}

impl Capacity {
    /// Looks how many descriptors there may be; an operator may change it at any time.
    pub fn look(&self) {
        let Rlimit { current, .. } = rustix::process::getrlimit(Resource::Nofile);
        self.limit.store(current.unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Memory has room for so many clients at once until the next look; None: for any number.
    pub fn set_ceiling(&self, clients: Option<u64>) {
        self.ceiling.store(clients.map_or(0, |clients| clients.max(1)), Ordering::Relaxed);
    }

    /// How many clients there may be at once, given what is configured; 0: any number.
    pub fn clients(&self, configured: u32) -> u32 {
        let ceiling = u32::try_from(self.ceiling.load(Ordering::Relaxed)).unwrap_or(u32::MAX);
        if configured == 0 || ceiling == 0 { configured.max(ceiling) } else { configured.min(ceiling) }
    }

    /// How many descriptors there may be.
    pub fn descriptors(&self) -> u64 {
        self.limit.load(Ordering::Relaxed)
    }

    /// Whether a client may keep a descriptor of this number. The system gives out the lowest number that is free, so
    /// one beyond the reserve says that all below are taken.
    pub fn has_room(&self, number: u64) -> bool {
        let limit = self.descriptors();
        number < limit - reserve(limit)
    }

    /// The number that the next descriptor would get.
    pub fn next_number(any: &impl AsFd) -> u64 {
        any.as_fd().try_clone_to_owned().map_or(u64::MAX, |copy| number_of(&copy))
    }

    /// Clients wait for descriptors; true when that is news.
    pub fn pause(&self, now_ms: u64) -> bool {
        self.clients_want.store(now_ms + WANTED_MS, Ordering::Relaxed);
        self.paused_since.compare_exchange(0, now_ms, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// For how long accepting has paused, once that is over.
    pub fn paused_for(&self, now_ms: u64) -> Option<Duration> {
        let last = self.clients_want.load(Ordering::Relaxed).saturating_sub(WANTED_MS);
        let since = self.paused_since.load(Ordering::Relaxed);
        if since == 0 || now_ms < last + CALM_MS {
            return None;
        }
        self.paused_since.store(0, Ordering::Relaxed);
        Some(Duration::from_millis(last.saturating_sub(since)))
    }

    /// A connection to a server waits for a descriptor.
    pub fn starve(&self, now_ms: u64) {
        self.servers_want.store(now_ms + WANTED_MS, Ordering::Relaxed);
    }

    /// Who lacks descriptors.
    pub fn want(&self, now_ms: u64) -> Want {
        if self.servers_want.load(Ordering::Relaxed) > now_ms {
            Want::Servers
        } else if self.clients_want.load(Ordering::Relaxed) > now_ms {
            Want::Clients
        } else {
            Want::None
        }
    }
}

/// The number of a descriptor.
pub fn number_of(descriptor: &impl AsRawFd) -> u64 {
    u64::try_from(descriptor.as_raw_fd()).unwrap_or(u64::MAX)
}

/// As many descriptors as the system lets this process have: shells often start with 1024, which is 500 clients.
pub fn raise_descriptors() {
    let limit = rustix::process::getrlimit(Resource::Nofile);
    // Where this is refused, accepting pauses when they run out.
    let _ = rustix::process::setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
}

/// What clients leave to everything else: an eighth, and enough for a few where there are few.
fn reserve(limit: u64) -> u64 {
    (limit / 8).max(16).min(limit / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_leave_an_eighth_and_never_less_than_sixteen() {
        let limits = [20_000, 200, 64, 20, 0];
        assert_eq!(limits.map(reserve), [2_500, 25, 16, 10, 0]);
    }

    #[test]
    fn the_lower_limit_of_clients_counts() {
        let capacity = Capacity::default();
        assert_eq!((capacity.clients(0), capacity.clients(7)), (0, 7));
        capacity.set_ceiling(Some(5));
        assert_eq!((capacity.clients(0), capacity.clients(7), capacity.clients(3)), (5, 5, 3));
        capacity.set_ceiling(Some(1 << 40));
        assert_eq!(capacity.clients(7), 7);
        capacity.set_ceiling(None);
        assert_eq!(capacity.clients(0), 0);
    }

    #[test]
    fn a_want_is_forgotten_and_servers_go_first() {
        let capacity = Capacity::default();
        assert_eq!(capacity.want(1_000), Want::None);
        assert!(capacity.pause(1_000), "the first pause is news");
        assert!(!capacity.pause(1_100));
        assert_eq!(capacity.want(1_200), Want::Clients);
        capacity.starve(1_200);
        assert_eq!(capacity.want(1_250), Want::Servers);
        assert_eq!(capacity.want(1_500), Want::None);
    }

    #[test]
    fn a_pause_is_over_when_none_came_for_a_second() {
        let capacity = Capacity::default();
        assert_eq!(capacity.paused_for(5_000), None);
        capacity.pause(5_000);
        capacity.pause(7_000);
        assert_eq!(capacity.paused_for(7_500), None);
        assert_eq!(capacity.paused_for(8_000), Some(Duration::from_secs(2)));
        assert_eq!(capacity.paused_for(9_000), None, "told once");
    }

    #[test]
    fn refusing_ends_and_draining_does_not() {
        let stance = Stance::default();
        assert!(!stance.is_leaving());
        stance.refuse(true);
        assert!(stance.is_leaving() && stance.is_refusing() && !stance.is_draining());
        stance.drain();
        stance.refuse(false);
        assert!(stance.is_leaving() && !stance.is_refusing() && stance.is_draining());
    }
}
