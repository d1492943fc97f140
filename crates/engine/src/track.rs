//! What is tracked of a connection or a request in stick tables, by slot, and which events count when.
//!
//! Owns the entries that are held; the tables own the counters, rules decide what is tracked. HAProxy's rules hold:
//!
//! - A [`Client`](crate::client::Client) has one [`Tracking`] for what `track` rules of the phases connection and session
//!   begin, which ends with the connection. An exchange has another one for the phases content, request and answer, which
//!   ends with the request. A slot that the connection has taken is not begun again by its requests: ask
//!   [`Tracking::holds`] of the connection first. What reads a slot asks the exchange, then the connection.
//! - `start`: counts `conn_cnt`, `conn_rate` and, until the end, `conn_cur`, whatever the phase.
//! - `count_session`: once, when connection and session rules have let a connection in; of the connection.
//! - `count_request`: for each request whose head was read, before the rules of phase request, of both; and for one that
//!   could not be read, of the connection. `start` in [`During::Request`] and [`During::Answer`] counts the request itself.
//! - `count_error`: of both, when a request is denied or tarpitted by a rule, or cannot be read (not when it is late); and
//!   by [`Tracking::count_status`] for the status of a server's answer.
//! - `count_fail`: of both, when a server gives no answer or none in time (not when there is no server); and by [`Tracking::count_status`].
//! - `count_bytes`: of both, at the end of an exchange or whenever bytes are counted for the frontend.
//!
//! Where nothing is tracked each of them is one branch.

use std::sync::Arc;

use tenbin_balance::stick::{Data, KeyValue, Outlook, StickCounter, StickTable, Tracked};
use tenbin_rules::{Change, Counter, Value};

/// Slots that rules may name: 0 to 11.
pub const SLOTS: usize = 12;

/// What is tracked of one connection or one request.
#[derive(Debug, Default)]
pub struct Tracking {
    slots: Option<Box<[Option<Tracked>; SLOTS]>>,
}

/// When tracking begins, which decides what it counts at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum During {
    /// The phases connection, session and content.
    Connection,
    /// The phase request.
    Request,
    /// The phases answer and after, with the status of the answer.
    Answer(u16),
}

impl Tracking {
    /// Follows the entry of that key, making it if there is room. False when the slot is taken, when the value can be no
    /// key of the table, or when there is no room.
    pub fn start(
        &mut self,
        (slot, during): (u8, During),
        table: &Arc<StickTable>,
        value: &Value<'_>,
        now_ms: u64,
    ) -> bool {
        if usize::from(slot) >= SLOTS || self.holds(slot) {
            return false;
        }
        let key = key_value(value).and_then(|value| table.key(value));
        let Some(mut tracked) = key.and_then(|key| table.track(&key, now_ms)) else { return false };
        tracked.connect(now_ms);
        match during {
            During::Connection => {}
            During::Request => tracked.add(&REQUEST, now_ms),
            During::Answer(status) => {
                tracked.add(&REQUEST, now_ms);
                tracked.add(of_status(status), now_ms);
            }
        }
        if let Some(place) = self.slots.get_or_insert_default().get_mut(usize::from(slot)) {
            *place = Some(tracked);
        }
        true
    }

    /// Whether nothing is tracked.
    pub fn is_idle(&self) -> bool {
        self.slots.is_none()
    }

    /// Whether the slot is taken.
    pub fn holds(&self, slot: u8) -> bool {
        self.at(slot).is_some()
    }

    /// What the slot follows.
    pub fn at(&self, slot: u8) -> Option<&Tracked> {
        self.slots.as_ref()?.get(usize::from(slot))?.as_ref()
    }

    /// A session was accepted.
    pub fn count_session(&self, now_ms: u64) {
        self.count(&[(one(Data::SessCnt), 1), (one(Data::SessRate), 1)], now_ms);
    }

    /// A request began.
    pub fn count_request(&self, now_ms: u64) {
        self.count(&REQUEST, now_ms);
    }

    /// The client did something wrong.
    pub fn count_error(&self, now_ms: u64) {
        self.count(&ERROR, now_ms);
    }

    /// A server did.
    pub fn count_fail(&self, now_ms: u64) {
        self.count(&FAIL, now_ms);
    }

    /// A server answered with this status: 4xx are errors, 5xx but 501 and 505 are failures.
    pub fn count_status(&self, status: u16, now_ms: u64) {
        self.count(of_status(status), now_ms);
    }

    /// The client did so many things in HTTP/2 that are of no use.
    pub fn count_glitches(&self, count: u64, now_ms: u64) {
        self.count(&[(one(Data::GlitchCnt), count), (one(Data::GlitchRate), count)], now_ms);
    }

    /// Bytes came from the client and went to it.
    pub fn count_bytes(&self, (bytes_in, bytes_out): (u64, u64), now_ms: u64) {
        let counts = [
            (one(Data::BytesInCnt), bytes_in),
            (one(Data::BytesInRate), bytes_in),
            (one(Data::BytesOutCnt), bytes_out),
            (one(Data::BytesOutRate), bytes_out),
        ];
        self.count(&counts, now_ms);
    }

    /// Adds to a general purpose counter and its rate; `index` of the array, None for those called `gpc0` and `gpc1`.
    pub fn add_gpc(&self, slot: u8, which: Gpc, count: u64, now_ms: u64) {
        if let Some(tracked) = self.at(slot) {
            tracked.add(&which.counters().map(|counter| (counter, count)), now_ms);
        }
    }

    /// Replaces a general purpose tag; None: the one called `gpt0`.
    pub fn set_gpt(&self, slot: u8, index: Option<usize>, value: u64, now_ms: u64) {
        if let Some(tracked) = self.at(slot) {
            let counter = index.map_or(one(Data::Gpt0), |index| StickCounter { data: Data::Gpt, index });
            tracked.set(counter, value, now_ms);
        }
    }

    /// What expressions see; None: the slot is free.
    pub fn read(&self, slot: u8, counter: &Counter, now_ms: u64) -> Option<Value<'static>> {
        let tracked = self.at(slot)?;
        let value = Sight::of(counter).and_then(|sight| match sight {
            Sight::Counter(counter) => tracked.read(counter, now_ms),
            Sight::Kilo(counter) => tracked.read(counter, now_ms).map(|bytes| bytes >> 10),
            sight => tracked.outlook(now_ms).map(|outlook| sight.of_entry(outlook)),
        });
        Some(value.map_or(Value::Absent, int))
    }

    /// Changes what expressions see and yields what they get for it; None: the slot is free.
    pub fn change(
        &self,
        slot: u8,
        (counter, change): (&Counter, Change),
        now_ms: u64,
    ) -> Option<Value<'static>> {
        let tracked = self.at(slot)?;
        let value = stick_counter(counter).and_then(|counter| match change {
            Change::Increment => Some(tracked.increment(counter, now_ms)),
            Change::Clear => tracked.reset(counter, now_ms),
        });
        Some(value.map_or(Value::Absent, int))
    }

    /// The key of a slot, as any table takes it; None: the slot is free.
    pub fn key(&self, slot: u8) -> Option<Value<'_>> {
        let tracked = self.at(slot)?;
        Some(match tracked.table().key_form().value(tracked.key()) {
            KeyValue::Bytes(bytes) => Value::text(bytes),
            KeyValue::Int(number) => Value::Int(number),
            KeyValue::Ip(address) => Value::Ip(address),
        })
    }

    /// Lets everything go; to be called at the end, for only then is it known when that was.
    pub fn end(&mut self, now_ms: u64) {
        if let Some(slots) = self.slots.take() {
            slots.into_iter().flatten().for_each(|tracked| tracked.release(now_ms));
        }
    }

    fn count(&self, counts: &[(StickCounter, u64)], now_ms: u64) {
        if let Some(slots) = &self.slots {
            slots.iter().flatten().for_each(|tracked| tracked.add(counts, now_ms));
        }
    }
}

/// A general purpose counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gpc {
    /// `gpc0`.
    Zero,
    /// `gpc1`.
    One,
    /// `gpc(n)`.
    At(usize),
}

impl Gpc {
    fn counters(self) -> [StickCounter; 2] {
        match self {
            Self::Zero => [one(Data::Gpc0), one(Data::Gpc0Rate)],
            Self::One => [one(Data::Gpc1), one(Data::Gpc1Rate)],
            Self::At(index) => [Data::Gpc, Data::GpcRate].map(|data| StickCounter { data, index }),
        }
    }
}

const REQUEST: [(StickCounter, u64); 2] = [(one(Data::HttpReqCnt), 1), (one(Data::HttpReqRate), 1)];
const ERROR: [(StickCounter, u64); 2] = [(one(Data::HttpErrCnt), 1), (one(Data::HttpErrRate), 1)];
const FAIL: [(StickCounter, u64); 2] = [(one(Data::HttpFailCnt), 1), (one(Data::HttpFailRate), 1)];

const fn one(data: Data) -> StickCounter {
    StickCounter { data, index: 0 }
}

fn of_status(status: u16) -> &'static [(StickCounter, u64)] {
    match status {
        400..=499 => &ERROR,
        501 | 505 => &[],
        500..=599 => &FAIL,
        _ => &[],
    }
}

/// A value as a table takes it.
pub fn key_value<'v>(value: &'v Value<'_>) -> Option<KeyValue<'v>> {
    match value {
        Value::Str(bytes) => Some(KeyValue::Bytes(bytes)),
        Value::Int(number) => Some(KeyValue::Int(*number)),
        Value::Bool(flag) => Some(KeyValue::Int((*flag).into())),
        Value::Ip(address) => Some(KeyValue::Ip(*address)),
        Value::Absent => None,
    }
}

/// What an expression asks of an entry: a counter, or something about the entry itself.
#[derive(Debug, Clone, Copy)]
pub enum Sight {
    /// A counter.
    Counter(StickCounter),
    /// The same in units of 1024.
    Kilo(StickCounter),
    /// How many track it.
    Uses,
    /// Milliseconds until it is forgotten.
    Expires,
    /// Milliseconds since it was used.
    Idle,
}

impl Sight {
    /// By the name that expressions have for it.
    pub fn of(counter: &Counter) -> Option<Self> {
        match &*counter.name {
            "trackers" => Some(Self::Uses),
            "expire" => Some(Self::Expires),
            "idle" => Some(Self::Idle),
            "kbytes_in" => Some(Self::Kilo(one(Data::BytesInCnt))),
            "kbytes_out" => Some(Self::Kilo(one(Data::BytesOutCnt))),
            _ => stick_counter(counter).map(Self::Counter),
        }
    }

    /// What is known without its counters.
    pub fn of_entry(self, outlook: Outlook) -> u64 {
        match self {
            Self::Counter(_) | Self::Kilo(_) => 0,
            Self::Uses => outlook.uses.into(),
            Self::Expires => outlook.expires_ms,
            Self::Idle => outlook.idle_ms,
        }
    }
}

/// The counter that an expression names.
pub fn stick_counter(counter: &Counter) -> Option<StickCounter> {
    Some(StickCounter { data: Data::named(&counter.name)?, index: counter.index as usize })
}

/// A counter's value as expressions see it.
pub fn int(value: u64) -> Value<'static> {
    Value::Int(i64::try_from(value).unwrap_or(i64::MAX))
}
