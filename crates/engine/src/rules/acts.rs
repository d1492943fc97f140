//! Acts on a request or an answer that need no waiting: what is noted, what is followed, and edits of a head.
//!
//! Owns what both messages know; `asking` has what only requests do.

use tenbin_rules::{Expr, Message, Scope, Value, Variable, View};

use super::asking;
use super::message::{self, Head};
use super::tracking::{self, Start};
use crate::client::Client;
use crate::http::{Exchange, RequestView, phrase};
use crate::listener::Found;
use crate::tables::{Act, Backend, Condition, Timeout};
use crate::throttle::{Limit, Throttle};
use crate::track::During;

/// Whose rule acts, and on which message.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    /// Who has asked.
    pub client: &'a Client,
    /// Who serves the listener.
    pub found: &'a Found,
    /// Where the request goes, if that is known.
    pub backend: Option<&'a Backend>,
    /// What is changed.
    pub message: Message,
}

impl<'a> Place<'a> {
    /// What expressions see here.
    pub fn view<'x>(&self, x: &'x Exchange) -> RequestView<'x>
    where
        'a: 'x,
    {
        match self.message {
            Message::Request => x.view(self.client, self.found, self.backend),
            Message::Answer => x.full_view(self.client, self.found, self.backend),
        }
    }

    /// A number that an expression gives.
    pub fn int(&self, x: &Exchange, value: &Expr) -> Option<i64> {
        match value.eval(&self.view(x)) {
            Value::Int(number) => Some(number),
            Value::Bool(truth) => Some(truth.into()),
            Value::Str(text) => std::str::from_utf8(&text).ok()?.trim().parse().ok(),
            Value::Ip(_) | Value::Absent => None,
        }
    }

    fn amend(&self, x: &mut Exchange, change: impl FnOnce(&mut dyn Head, &mut Vec<u8>)) {
        match self.message {
            Message::Request => x.amend_request(|request, bytes| change(request, bytes)),
            Message::Answer => x.amend_answer(|answer, bytes| change(answer, bytes)),
        }
    }
}

/// Carries out an act that only notes or changes something.
pub fn perform(x: &mut Exchange, place: Place<'_>, act: &Act) {
    let worker = &place.client.worker;
    match act {
        Act::SetVariable(which, value, condition) => {
            let (value, before) = {
                let view = place.view(x);
                (value.eval(&view).into_owned(), view.variable(which).into_owned())
            };
            if holds(*condition, &before, &value) {
                set_variable(x, place.client, *which, value);
            }
        }
        Act::UnsetVariable(which) => match which.scope {
            Scope::Process => worker.shared.variables.unset(which.key),
            Scope::Session => place.client.unset_variable(which.key),
            _ => x.state.variables.unset(*which),
        },
        Act::SetLogLevel(level) => x.state.overrides.log_level = Some(*level),
        Act::SetTimeout(which, value) => {
            let number = place.int(x, value).and_then(|number| u64::try_from(number).ok());
            let overrides = &mut x.state.overrides;
            let timeout = match which {
                Timeout::Client => &mut overrides.client,
                Timeout::Connect => &mut overrides.connect,
                Timeout::Queue => &mut overrides.queue,
                Timeout::Server => &mut overrides.server,
                Timeout::Tarpit => &mut overrides.tarpit,
                Timeout::Tunnel => &mut overrides.tunnel,
            };
            *timeout = number.or(*timeout);
        }
        Act::LimitBandwidth { bandwidth, bytes, period } => {
            let said = [bytes, period].map(|said| said.as_ref().and_then(|said| place.int(x, said)));
            let key = bandwidth.shared.as_ref().map(|(_, key)| key.eval(&place.view(x)).into_owned());
            let key = key.unwrap_or(Value::Absent);
            if let Some(limit) = Limit::new(bandwidth, said.into(), &key, worker.lately_ms()) {
                let flow = if bandwidth.is_up { &mut x.up } else { &mut x.down };
                flow.throttle.get_or_insert_with(|| Box::new(Throttle::within(worker))).put(limit);
            }
        }
        Act::Track { slot, table, key } => {
            let key = key.eval(&place.view(x)).into_owned();
            let during = match place.message {
                Message::Request => During::Request,
                Message::Answer => During::Answer(x.response.status),
            };
            let (start, now_ms) = (Start { slot: *slot, table, during }, worker.lately_ms());
            let held = place.client.tracking().borrow();
            tracking::start(&mut x.state.tracking, Some(&held), &start, &key, now_ms);
        }
        Act::AddGpc { .. } | Act::SetGpt { .. } => {
            let held = place.client.tracking().borrow();
            let both = [&x.state.tracking, &*held];
            tracking::set(act, both, |value| place.int(x, value), worker.lately_ms());
        }
        _ => edit(x, place, act),
    }
}

/// Acts with a text: on the head, and what is noted of it.
fn edit(x: &mut Exchange, place: Place<'_>, act: &Act) {
    let mut text = std::mem::take(&mut x.text);
    text.clear();
    let write = |x: &Exchange, value: &Expr, text: &mut Vec<u8>| value.write(&place.view(x), text);
    match act {
        Act::SetHeader(name, value) => {
            write(x, value, &mut text);
            place.amend(x, |head, bytes| message::set_header(head, bytes, name, &text));
        }
        Act::AddHeader(name, value) => {
            write(x, value, &mut text);
            place.amend(x, |head, bytes| {
                head.fields().add(bytes, name, &text);
            });
        }
        Act::DelHeader(names) => place.amend(x, |head, bytes| message::del_header(head, bytes, names)),
        Act::ReplaceHeader { name, each, by } => {
            write(x, &by.template, &mut text);
            place.amend(x, |head, bytes| message::replace_header(head, bytes, (name, *each), (by, &text)));
        }
        Act::Capture { value, message, index, length } => {
            write(x, value, &mut text);
            x.state.captures.set(*message, *index, &text, *length);
        }
        Act::List { list, key, to, removes } => {
            write(x, key, &mut text);
            let mut value = Vec::new();
            if let Some(to) = to {
                write(x, to, &mut value);
            }
            super::change_list(list, &text, (!removes).then_some(value.as_slice()));
        }
        Act::SetStatus(status, reason) if place.message == Message::Answer => {
            let reason = if reason.is_empty() { phrase(*status).as_bytes() } else { reason.as_slice() };
            x.amend_answer(|answer, bytes| {
                answer.set_status(bytes, *status, reason);
            });
        }
        _ if place.message == Message::Request => asking::perform(x, place, act, &mut text),
        _ => {}
    }
    x.text = text;
}

fn set_variable(x: &mut Exchange, client: &Client, which: Variable, value: Value<'static>) {
    match which.scope {
        Scope::Process => client.worker.shared.variables.set(which.key, value),
        Scope::Session => client.set_variable(which.key, value),
        _ => x.state.variables.set(which, value),
    }
}

/// Whether the conditions of a variable allow it to be set.
pub fn holds(condition: Condition, before: &Value<'_>, value: &Value<'_>) -> bool {
    let is_filled = !matches!(value, Value::Absent) && value.as_bytes() != Some(b"");
    condition.exists.is_none_or(|exists| exists == (*before != Value::Absent))
        && condition.filled.is_none_or(|filled| filled == is_filled)
        && condition.greater.is_none_or(|greater| match (before, value) {
            (Value::Int(before), Value::Int(value)) => (value > before) == greater && value != before,
            _ => false,
        })
}
