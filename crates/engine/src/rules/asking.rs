//! Acts that only requests know: the request line, addresses, and how it is served.

use std::net::{IpAddr, SocketAddr};

use tenbin_rules::{Expr, Value};

use super::acts::Place;
use super::message;
use crate::client::Client;
use crate::http::Exchange;
use crate::tables::Act;

/// Carries an act out; `text` is scratch.
pub fn perform(x: &mut Exchange, place: Place<'_>, act: &Act, text: &mut Vec<u8>) {
    match act {
        Act::DisableRetry => x.state.overrides.no_retry = true,
        Act::SetRetries(value) => {
            let number = place.int(x, value);
            x.state.overrides.retries = number.and_then(|number| u32::try_from(number).ok());
        }
        Act::SetPriorityClass(value) => x.state.overrides.priority = narrow(place.int(x, value)),
        Act::SetPriorityOffset(value) => x.state.overrides.offset = narrow(place.int(x, value)),
        Act::SetSource(value) | Act::SetDestination(value) => {
            let address = address(x, place, value);
            let is_source = matches!(act, Act::SetSource(_));
            set_address(place.client, x, is_source, |before| {
                address.map(|ip| SocketAddr::new(ip, before.port()))
            });
        }
        Act::SetSourcePort(value) | Act::SetDestinationPort(value) => {
            let port = place.int(x, value).and_then(|port| u16::try_from(port).ok());
            let is_source = matches!(act, Act::SetSourcePort(_));
            set_address(place.client, x, is_source, |before| {
                port.map(|port| SocketAddr::new(before.ip(), port))
            });
        }
        Act::SetMethod(value) => {
            value.write(&place.view(x), text);
            x.amend_request(|request, bytes| {
                request.set_method(bytes, text);
            });
        }
        Act::SetTarget(part, value) => {
            value.write(&place.view(x), text);
            x.amend_request(|request, bytes| message::set_part(request, bytes, *part, text));
        }
        Act::ReplaceTarget(part, by) => {
            by.template.write(&place.view(x), text);
            let old = message::part_of(&x.request, x.state.request_bytes(x.input.head()), *part);
            if let Some(new) = by.apply(old, text, true) {
                x.amend_request(|request, bytes| message::set_part(request, bytes, *part, &new));
            }
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

fn narrow(number: Option<i64>) -> i32 {
    number.map_or(0, |number| number.clamp(i32::MIN.into(), i32::MAX.into()) as i32)
}

fn address(x: &Exchange, place: Place<'_>, value: &Expr) -> Option<IpAddr> {
    match value.eval(&place.view(x)) {
        Value::Ip(address) => Some(address),
        Value::Str(text) => std::str::from_utf8(&text).ok()?.trim().parse().ok(),
        Value::Int(_) | Value::Bool(_) | Value::Absent => None,
    }
}
