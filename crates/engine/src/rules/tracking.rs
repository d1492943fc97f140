//! Tracking rules, and what is counted of what they follow: for the connection and for the request.

use tenbin_rules::{Change, Counter, Expr, Value};

use crate::client::Client;
use crate::tables::{Act, NamedTable};
use crate::track::{During, Tracking};

/// Something to count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// A request began; what tracks the request itself has counted it when it began.
    Request,
    /// The client did something wrong.
    Error,
    /// A server did.
    Fail,
    /// A server answered so.
    Status(u16),
    /// Bytes from and to the client.
    Bytes(u64, u64),
}

/// Counts it for the connection and for the request.
pub fn count(client: &Client, request: &Tracking, what: Counted) {
    let connection = client.tracking().borrow();
    if connection.is_idle() && request.is_idle() {
        return;
    }
    let now_ms = client.worker.lately_ms();
    for tracking in [&*connection, request] {
        match what {
            Counted::Request => tracking.count_request(now_ms),
            Counted::Error => tracking.count_error(now_ms),
            Counted::Fail => tracking.count_fail(now_ms),
            Counted::Status(status) => tracking.count_status(status, now_ms),
            Counted::Bytes(received, sent) => tracking.count_bytes((received, sent), now_ms),
        }
    }
}

/// A key to follow from now on.
pub struct Start<'a> {
    /// Where to.
    pub slot: u8,
    /// The table.
    pub table: &'a NamedTable,
    /// When.
    pub during: During,
}

/// Follows a key, unless the connection follows one in that slot already.
pub fn start(
    own: &mut Tracking,
    connection: Option<&Tracking>,
    start: &Start<'_>,
    key: &Value<'_>,
    now_ms: u64,
) {
    if connection.is_none_or(|connection| !connection.holds(start.slot)) {
        own.start((start.slot, start.during), &start.table.get(), key, now_ms);
    }
}

/// Carries out acts on general purpose counters; `number` evaluates.
pub fn set(act: &Act, trackings: [&Tracking; 2], number: impl Fn(&Expr) -> Option<i64>, now_ms: u64) {
    let of = |slot: u8| trackings.into_iter().find(|tracking| tracking.holds(slot));
    let positive = |value: Option<i64>| value.and_then(|value| u64::try_from(value).ok());
    match act {
        Act::AddGpc { slot, which, value } => {
            let count = value.as_ref().map_or(Some(1), |value| positive(number(value)));
            if let (Some(tracking), Some(count)) = (of(*slot), count) {
                tracking.add_gpc(*slot, *which, count, now_ms);
            }
        }
        Act::SetGpt { slot, index, value } => {
            if let (Some(tracking), Some(value)) = (of(*slot), positive(number(value))) {
                tracking.set_gpt(*slot, *index, value, now_ms);
            }
        }
        _ => {}
    }
}

/// A counter in a slot: of the request before the connection.
pub fn read(trackings: [&Tracking; 2], slot: u8, counter: &Counter, now_ms: u64) -> Value<'static> {
    let mut found = trackings.into_iter().filter_map(|tracking| tracking.read(slot, counter, now_ms));
    found.next().unwrap_or(Value::Absent)
}

/// Changes a counter in a slot, as an expression asks.
pub fn change(
    trackings: [&Tracking; 2],
    slot: u8,
    change: (&Counter, Change),
    now_ms: u64,
) -> Value<'static> {
    let mut found = trackings.into_iter().filter_map(|tracking| tracking.change(slot, change, now_ms));
    found.next().unwrap_or(Value::Absent)
}

/// What a slot follows, as a value that tables take.
pub fn key(trackings: [&Tracking; 2], slot: u8) -> Value<'static> {
    let key = trackings.into_iter().find_map(|tracking| tracking.key(slot));
    key.map_or(Value::Absent, Value::into_owned)
}
