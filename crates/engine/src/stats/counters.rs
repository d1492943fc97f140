//! What is counted, for each kind of object.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use parking_lot::Mutex;

use super::Phases;
use super::window::Window;
use crate::rates::{Pace, Paces};
use crate::sync::{AtomicI64, AtomicU64};

/// A number that one thread adds to and others read.
#[derive(Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds; only the owning thread may.
    #[inline]
    pub fn add(&self, count: u64) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(count), Ordering::Relaxed);
    }

    /// Replaces it; only the owning thread may, or whoever can live with a count that was made meanwhile.
    #[inline]
    pub fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// Keeps the larger; only the owning thread may.
    #[inline]
    pub fn raise(&self, value: u64) {
        if value > self.get() {
            self.0.store(value, Ordering::Relaxed);
        }
    }

    /// The value.
    #[inline]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// One block for each worker, each on cache lines of its own, and one more for what was restored.
pub struct Workers<T> {
    blocks: Box<[Padded<T>]>,
    /// The sliding minute, kept by whoever asks for numbers.
    pub window: Mutex<Window>,
}

#[repr(align(128))]
#[derive(Default)]
struct Padded<T>(T);

impl<T: Default> Workers<T> {
    /// Blocks for so many workers.
    pub fn new(threads: usize) -> Self {
        Self { blocks: (0..=threads).map(|_| Padded::default()).collect(), window: Mutex::default() }
    }

    /// A worker's own block. A worker that has none shares the last one, which makes its counts inexact only.
    #[inline]
    pub fn of(&self, worker: usize) -> &T {
        self.blocks.get(worker).map_or_else(|| self.restored(), |padded| &padded.0)
    }

    /// The block for counts of an earlier process.
    #[allow(clippy::indexing_slicing, reason = "`new` makes at least one block")]
    pub fn restored(&self) -> &T {
        &self.blocks[self.blocks.len() - 1].0
    }

    /// How many workers there are.
    pub fn count(&self) -> usize {
        self.blocks.len() - 1
    }

    /// All blocks.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.blocks.iter().map(|padded| &padded.0)
    }

    /// The sum of one counter.
    pub fn sum(&self, of: impl Fn(&T) -> &Counter) -> u64 {
        // Wrapping, for counting anew means that the block of what was restored makes up for the others.
        self.iter().fold(0, |sum: u64, block| sum.wrapping_add(of(block).get()))
    }

    /// The largest of one counter.
    pub fn max(&self, of: impl Fn(&T) -> &Counter) -> u64 {
        self.iter().map(|block| of(block).get()).max().unwrap_or(0)
    }
}

/// How many there are now, over all threads, and how many there were at most; changed once a connection.
#[derive(Default)]
pub struct Current {
    now: AtomicI64,
    most: AtomicI64,
}

impl Current {
    /// One more, unless there are `limit` already (0: no limit).
    pub fn try_enter(&self, limit: u32) -> bool {
        let limit = if limit > 0 { i64::from(limit) } else { i64::MAX };
        // Never counted and taken back: in between another would be refused for want of the place.
        let enter = |now: i64| (now < limit).then(|| now + 1);
        let Ok(before) = self.now.fetch_update(Ordering::Relaxed, Ordering::Relaxed, enter) else {
            return false;
        };
        self.most.fetch_max(before + 1, Ordering::Relaxed);
        true
    }

    /// One less.
    pub fn leave(&self) {
        self.now.fetch_sub(1, Ordering::Release);
    }

    /// Now. Whoever sees that one has left sees all that it did.
    pub fn now(&self) -> u64 {
        self.now.load(Ordering::Acquire).max(0) as u64
    }

    /// At most so far.
    pub fn most(&self) -> u64 {
        self.most.load(Ordering::Relaxed).max(0) as u64
    }

    /// From now on there were never more than there are.
    pub fn forget(&self) {
        self.most.store(self.now.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    /// Raises what there was at most.
    pub fn raise(&self, most: u64) {
        self.most.fetch_max(most as i64, Ordering::Relaxed);
    }
}

/// Connections of one listener or frontend, counted by a worker.
#[derive(Default)]
#[allow(missing_docs, reason = "named as in the contract")]
pub struct ConnectionCounters {
    pub total: Counter,
    pub denied: Counter,
    pub request_errors: Counter,
    pub bytes_in: Counter,
    pub bytes_out: Counter,
    pub handshakes: Counter,
    pub resumed: Counter,
    pub handshake_errors: Counter,
    pub proxy_errors: Counter,
    pub http2_connections: Counter,
    pub http2_streams: Counter,
    pub glitches: Counter,
}

/// A listener.
pub struct ListenerCounters {
    /// Connections now.
    pub current: Current,
    /// TLS handshakes now.
    pub handshaking: Current,
    /// Counted by each worker.
    pub workers: Workers<ConnectionCounters>,
}

/// Requests of one frontend, counted by a worker.
#[derive(Default)]
#[allow(missing_docs, reason = "named as in the contract")]
pub struct RequestCounters {
    pub connections: ConnectionCounters,
    pub requests: Counter,
    pub intercepted: Counter,
    pub source_connections_refused: Counter,
    pub source_requests_refused: Counter,
    pub headers_dropped: Counter,
    pub denied_connections: Counter,
    pub denied_sessions: Counter,
    pub denied_responses: Counter,
    pub failed_rewrites: Counter,
    pub internal_errors: Counter,
    /// Of compression: bytes in, bytes out, bytes that were left as they were, answers.
    pub compressed: [Counter; 4],
    pub responses: [Counter; 6],
    pub phases: Phases,
}

/// A frontend.
pub struct FrontendCounters {
    /// Connections now.
    pub current: Current,
    /// Counted by each worker.
    pub workers: Workers<RequestCounters>,
    /// Answers that Tenbin made, by reason; rare, so a lock is cheap enough.
    pub errors: Mutex<BTreeMap<String, u64>>,
    /// When a source over its limit was last told of, in milliseconds; 0: never.
    pub source_told: AtomicU64,
    /// When somebody was told last of a connection without its PROXY header.
    pub proxy_told: AtomicU64,
    /// How many connections began lately.
    pub pace: Pace,
}

/// One server, counted by a worker.
#[derive(Default)]
#[allow(missing_docs, reason = "named as in the contract")]
pub struct ServerCounters {
    pub total: Counter,
    pub ended: Counter,
    pub most: Counter,
    pub requests: Counter,
    pub queue_most: Counter,
    pub bytes_in: Counter,
    pub bytes_out: Counter,
    pub connect_errors: Counter,
    pub response_errors: Counter,
    pub failures: Counter,
    pub retries: Counter,
    pub redispatches: Counter,
    pub client_aborts: Counter,
    pub server_aborts: Counter,
    pub responses: [Counter; 6],
    pub connects: Counter,
    pub reuses: Counter,
    pub idle_in: Counter,
    pub idle_out: Counter,
    pub denied_responses: Counter,
    pub failed_rewrites: Counter,
    pub internal_errors: Counter,
    /// Chosen by the policy, not by a cookie, a table or a rule.
    pub balanced: Counter,
    /// Requests that ended because it was not reached.
    pub unreached: Counter,
    /// Tries that were repeated on it, or anywhere after it had the request.
    pub repeats: Counter,
    /// Requests that ended because it did not answer well.
    pub unanswered: Counter,
    /// Monotonic milliseconds of the last use.
    pub last_used: Counter,
    pub phases: Phases,
}

/// What belongs to a backend and to none of its servers.
#[derive(Default)]
#[allow(missing_docs, reason = "named as in the contract")]
pub struct BackendCounters {
    pub total: Counter,
    pub ended: Counter,
    pub most: Counter,
    pub requests: Counter,
    pub queue_most: Counter,
    pub denied: Counter,
    pub denied_responses: Counter,
    pub failed_rewrites: Counter,
    pub internal_errors: Counter,
    /// Requests that got no server or no slot.
    pub unserved: Counter,
    /// As of a frontend.
    pub compressed: [Counter; 4],
    pub responses: [Counter; 6],
    pub phases: Phases,
}

/// The process.
#[derive(Default)]
pub struct ProcessCounters {
    /// Client connections.
    pub connections: Current,
    /// Client connections in all.
    pub connections_total: AtomicU64,
    /// Lines that were given a number.
    pub numbered: AtomicU64,
    /// Times that accepting paused for want of descriptors.
    pub accept_pauses: AtomicU64,
    /// Panics that cost one connection each.
    pub panics: AtomicU64,
    /// Events that found no room.
    pub events_dropped: AtomicU64,
    /// How much began lately.
    pub paces: Paces,
    /// Requests of an earlier process.
    pub requests_restored: AtomicU64,
}

/// The place of a status in `responses`.
#[inline]
const fn class_of(status: u16) -> usize {
    match status {
        100..=199 => 0,
        200..=299 => 1,
        300..=399 => 2,
        400..=499 => 3,
        500..=599 => 4,
        _ => 5,
    }
}

impl RequestCounters {
    /// Counts an answer by its status.
    #[inline]
    pub fn answered(&self, status: u16) {
        count_class(&self.responses, status);
    }
}

impl ServerCounters {
    /// Counts an answer by its status.
    #[inline]
    pub fn answered(&self, status: u16) {
        count_class(&self.responses, status);
    }
}

impl BackendCounters {
    /// Counts an answer by its status.
    #[inline]
    pub fn answered(&self, status: u16) {
        count_class(&self.responses, status);
    }
}

fn count_class(responses: &[Counter; 6], status: u16) {
    if let Some(counter) = responses.get(class_of(status)) {
        counter.add(1);
    }
}
