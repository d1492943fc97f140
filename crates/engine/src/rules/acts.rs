//! Acts on a request that need no waiting: what is noted, what is followed, and edits of the head.

use std::net::{IpAddr, SocketAddr};

use tenbin_rules::{Expr, Scope, Value};

use super::message;
use super::tracking::{self, Start};
use crate::client::Client;
use crate::http::Exchange;
use crate::listener::Found;
use crate::tables::{Act, Backend, Condition, Timeout};
use crate::track::During;

/// Carries out an act that only notes or changes something.
pub fn set(client: &Client, x: &mut Exchange, (act, found, backend): (&Act, &Found, Option<&Backend>)) {
    match act {
        Act::SetVariable(which, value, condition) => {
            let (value, before) = {
                let view = x.view(client, found, backend);
                let before = tenbin_rules::View::variable(&view, which).into_owned();
                (value.eval(&view).into_owned(), before)
            };
            if holds(*condition, &before, &value) {
                set_variable(client, x, *which, value);
            }
        }
        Act::UnsetVariable(which) => match which.scope {
            Scope::Process => client.worker.shared.variables.unset(which.key),
            Scope::Session => client.unset_variable(which.key),
            _ => x.state.variables.unset(*which),
        },
        Act::SetLogLevel(level) => x.state.overrides.log_level = Some(*level),
        Act::DisableRetry => x.state.overrides.no_retry = true,
        Act::SetRetries(value) => {
            let number = int(value, client, x, (found, backend));
            x.state.overrides.retries = number.and_then(|number| u32::try_from(number).ok());
        }
        Act::SetPriorityClass(value) => {
            x.state.overrides.priority = narrow(int(value, client, x, (found, backend)));
        }
        Act::SetPriorityOffset(value) => {
            x.state.overrides.offset = narrow(int(value, client, x, (found, backend)));
        }
        Act::SetTimeout(which, value) => {
            let number =
                int(value, client, x, (found, backend)).and_then(|number| u64::try_from(number).ok());
            let overrides = &mut x.state.overrides;
            let place = match which {
                Timeout::Client => &mut overrides.client,
                Timeout::Connect => &mut overrides.connect,
                Timeout::Queue => &mut overrides.queue,
                Timeout::Server => &mut overrides.server,
                Timeout::Tarpit => &mut overrides.tarpit,
                Timeout::Tunnel => &mut overrides.tunnel,
            };
            *place = number.or(*place);
        }
        Act::SetSource(value) | Act::SetDestination(value) => {
            let address = address(value, client, x, (found, backend));
            let is_source = matches!(act, Act::SetSource(_));
            set_address(client, x, is_source, |before| address.map(|ip| SocketAddr::new(ip, before.port())));
        }
        Act::SetSourcePort(value) | Act::SetDestinationPort(value) => {
            let port = int(value, client, x, (found, backend)).and_then(|port| u16::try_from(port).ok());
            let is_source = matches!(act, Act::SetSourcePort(_));
            set_address(client, x, is_source, |before| port.map(|port| SocketAddr::new(before.ip(), port)));
        }
        Act::Track { .. } | Act::AddGpc { .. } | Act::SetGpt { .. } => {
            follow(client, x, (act, found, backend));
        }
        _ => edit(client, x, (act, found, backend)),
    }
}

/// Acts on what is followed in stick tables.
fn follow(client: &Client, x: &mut Exchange, (act, found, backend): (&Act, &Found, Option<&Backend>)) {
    match act {
        Act::Track { slot, table, key } => {
            let key = key.eval(&x.view(client, found, backend)).into_owned();
            let during = During::Request;
            let start = Start { slot: *slot, table, during };
            let now_ms = client.worker.lately_ms();
            tracking::start(&mut x.state.tracking, Some(&client.tracking().borrow()), &start, &key, now_ms);
        }
        Act::AddGpc { .. } | Act::SetGpt { .. } => {
            let number = |value: &Expr| int(value, client, x, (found, backend));
            let both = [&x.state.tracking, &*client.tracking().borrow()];
            tracking::set(act, both, number, client.worker.lately_ms());
        }
        _ => {}
    }
}

fn set_address(
    client: &Client,
    x: &mut Exchange,
    is_source: bool,
    new: impl Fn(SocketAddr) -> Option<SocketAddr>,
) {
    let overrides = &mut x.state.overrides;
    if is_source {
        overrides.source = new(overrides.source.unwrap_or(client.peer)).or(overrides.source);
    } else {
        let before = overrides.destination.or_else(|| client.destination());
        overrides.destination = before.and_then(new).or(overrides.destination);
    }
}

/// Acts on the head, and what is noted of it.
fn edit(client: &Client, x: &mut Exchange, (act, found, backend): (&Act, &Found, Option<&Backend>)) {
    let mut text = std::mem::take(&mut x.text);
    text.clear();
    let write =
        |x: &Exchange, value: &Expr, text: &mut Vec<u8>| value.write(&x.view(client, found, backend), text);
    match act {
        Act::SetHeader(name, value) => {
            write(x, value, &mut text);
            x.amend_request(|request, bytes| message::set_header(request, bytes, name, &text));
        }
        Act::AddHeader(name, value) => {
            write(x, value, &mut text);
            x.amend_request(|request, bytes| {
                request.fields.add(bytes, name, &text);
            });
        }
        Act::DelHeader(names) => x.amend_request(|request, bytes| message::del_header(request, bytes, names)),
        Act::ReplaceHeader { name, each, by } => {
            write(x, &by.template, &mut text);
            x.amend_request(|request, bytes| {
                message::replace_header(request, bytes, (name, *each), (by, &text));
            });
        }
        Act::SetMethod(value) => {
            write(x, value, &mut text);
            x.amend_request(|request, bytes| {
                request.set_method(bytes, &text);
            });
        }
        Act::SetTarget(part, value) => {
            write(x, value, &mut text);
            x.amend_request(|request, bytes| message::set_part(request, bytes, *part, &text));
        }
        Act::ReplaceTarget(part, by) => {
            write(x, &by.template, &mut text);
            let old = message::part_of(&x.request, x.state.request_bytes(x.input.head()), *part);
            if let Some(new) = by.apply(old, &text, true) {
                x.amend_request(|request, bytes| message::set_part(request, bytes, *part, &new));
            }
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
        _ => {}
    }
    x.text = text;
}

/// Where a variable goes.
pub fn set_variable(client: &Client, x: &mut Exchange, which: tenbin_rules::Variable, value: Value<'static>) {
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

/// A number that an expression gives.
pub fn int(
    value: &Expr,
    client: &Client,
    x: &Exchange,
    (found, backend): (&Found, Option<&Backend>),
) -> Option<i64> {
    match value.eval(&x.view(client, found, backend)) {
        Value::Int(number) => Some(number),
        Value::Bool(truth) => Some(truth.into()),
        Value::Str(text) => std::str::from_utf8(&text).ok()?.trim().parse().ok(),
        Value::Ip(_) | Value::Absent => None,
    }
}

fn narrow(number: Option<i64>) -> i32 {
    number.map_or(0, |number| number.clamp(i32::MIN.into(), i32::MAX.into()) as i32)
}

fn address(
    value: &Expr,
    client: &Client,
    x: &Exchange,
    (found, backend): (&Found, Option<&Backend>),
) -> Option<IpAddr> {
    match value.eval(&x.view(client, found, backend)) {
        Value::Ip(address) => Some(address),
        Value::Str(text) => std::str::from_utf8(&text).ok()?.trim().parse().ok(),
        Value::Int(_) | Value::Bool(_) | Value::Absent => None,
    }
}
