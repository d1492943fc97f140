//! What rules note of one exchange: changed heads, variables, captures, and settings that hold for it alone.

use std::cell::RefCell;
use std::net::SocketAddr;

use tenbin_rules::{Message, Value, Variable};

use super::Variables;
use crate::throttle::Throttles;
use crate::track::Tracking;
use crate::wire::Coding;

/// See the module. Cleared, not freed, between exchanges.
#[derive(Default)]
pub struct State {
    /// Of the scopes txn, req and res.
    pub variables: Variables,
    /// What `set-var` as a converter asks for, until the next rule.
    pub assigned: RefCell<Vec<(Variable, Value<'static>)>>,
    /// What is followed in stick tables until the exchange ends.
    pub tracking: Tracking,
    /// What lines of logs show.
    pub captures: Captures,
    /// What names the request.
    pub unique_id: Vec<u8>,
    /// Settings of this exchange.
    pub overrides: Overrides,
    /// What the answer may be compressed by; once its head is there, what it is.
    pub coding: Option<Coding>,
    /// The request's head as changed: its own bytes and what was appended.
    pub request_text: Option<Vec<u8>>,
    /// The answer's.
    pub answer_text: Option<Vec<u8>>,
}

/// What the rules of a connection that turned out to be one of HTTP have noted; its first request has it.
pub struct Brought {
    /// Of the scopes txn, req and res.
    pub variables: Variables,
    /// Samples for the line.
    pub captures: Captures,
    /// Limits of what it carries.
    pub throttles: Throttles,
    /// Its severity.
    pub log_level: Option<u8>,
    /// It may turn out to speak HTTP/2.
    pub may_be_http2: bool,
    /// Whom it comes from, where that is not whom it came from.
    pub source: Option<SocketAddr>,
}

impl State {
    /// Goes on from there.
    pub fn bring(&mut self, brought: Brought) {
        (self.variables, self.captures) = (brought.variables, brought.captures);
        (self.overrides.log_level, self.overrides.source) = (brought.log_level, brought.source);
    }
}

/// Settings that hold for one exchange instead of the configured ones.
#[derive(Default)]
pub struct Overrides {
    /// 0-7; 8: no line.
    pub log_level: Option<u8>,
    /// Milliseconds.
    pub server: Option<u64>,
    /// Milliseconds.
    pub tunnel: Option<u64>,
    /// Milliseconds.
    pub client: Option<u64>,
    /// Milliseconds.
    pub connect: Option<u64>,
    /// Milliseconds.
    pub queue: Option<u64>,
    /// Milliseconds.
    pub tarpit: Option<u64>,
    /// After the first try.
    pub retries: Option<u32>,
    /// Nothing that was sent is sent again.
    pub no_retry: bool,
    /// Whom the request is said to come from.
    pub source: Option<SocketAddr>,
    /// Where it is said to have arrived.
    pub destination: Option<SocketAddr>,
    /// Ahead of others in queues when lower.
    pub priority: i32,
    /// Counts as having waited so many milliseconds longer, in queues.
    pub offset: i32,
}

/// Headers and samples kept for lines of logs and for expressions.
#[derive(Default)]
pub struct Captures {
    request: Vec<Option<Vec<u8>>>,
    answer: Vec<Option<Vec<u8>>>,
}

impl Captures {
    /// What was captured there.
    pub fn get(&self, message: Message, index: usize) -> Option<&[u8]> {
        self.of(message).get(index)?.as_deref()
    }

    /// All slots of a message, in order.
    pub fn of(&self, message: Message) -> &[Option<Vec<u8>>] {
        match message {
            Message::Request => &self.request,
            Message::Answer => &self.answer,
        }
    }

    /// Keeps a header's value, or that there is none.
    pub fn keep(&mut self, message: Message, index: usize, value: Option<&[u8]>, length: usize) {
        self.set(message, index, value.unwrap_or_default(), length);
        let slots = if message == Message::Request { &mut self.request } else { &mut self.answer };
        if let (None, Some(slot)) = (value, slots.get_mut(index)) {
            *slot = None;
        }
    }

    /// Keeps a value, cut to `length` bytes.
    pub fn set(&mut self, message: Message, index: usize, value: &[u8], length: usize) {
        let slots = match message {
            Message::Request => &mut self.request,
            Message::Answer => &mut self.answer,
        };
        if slots.len() <= index {
            slots.resize(index + 1, None);
        }
        if let Some(slot) = slots.get_mut(index) {
            let kept = value.get(..length.min(value.len())).unwrap_or_default();
            let text = slot.get_or_insert_default();
            text.clear();
            text.extend_from_slice(kept);
        }
    }
}

impl State {
    /// Keeps what converters have set.
    pub fn keep_assigned(&mut self) {
        for (which, value) in self.assigned.get_mut().drain(..) {
            self.variables.set(which, value);
        }
    }

    /// Ready for the next exchange. What was tracked must have ended.
    pub fn clear(&mut self) {
        self.tracking = Tracking::default();
        self.variables.clear();
        self.assigned.get_mut().clear();
        self.captures.request.clear();
        self.captures.answer.clear();
        self.unique_id.clear();
        self.overrides = Overrides::default();
        self.coding = None;
        self.request_text = None;
        self.answer_text = None;
    }
}
