//! The `connection` and `session` sets: run before anything of a protocol is read.

use std::rc::Rc;
use std::sync::Arc;

use tenbin_rules::{Expr, Scope, Value, View};

use super::tracking::{self, Start};
use super::{Variables, acts::holds};
use crate::connection::ConnectionView;
use crate::tables::{Act, Bandwidth, Protocol, Rule};
use crate::throttle::{Limit, Throttle};
use crate::track::During;

/// Whether a connection gets in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It does.
    In,
    /// It is closed.
    Refused,
    /// It is closed, and its client is told as little of it as possible.
    Dropped,
    /// It is one of HTTP from here on.
    Http(Protocol),
    /// What its server has said goes through, and nothing more.
    Last,
}

/// Runs the `connection` set.
pub fn connection(view: &mut ConnectionView) -> Admission {
    let found = Rc::clone(&view.found);
    run(view, &found.frontend.rules.connection)
}

/// Runs the `session` set.
pub fn session(view: &mut ConnectionView) -> Admission {
    let found = Rc::clone(&view.found);
    run(view, &found.frontend.rules.session)
}

fn run(view: &mut ConnectionView, set: &[Rule]) -> Admission {
    for rule in set {
        let holds = rule.when.as_ref().is_none_or(|when| when.test(view));
        view.keep_assigned();
        if holds && let Some(admission) = perform(view, &rule.act) {
            return admission;
        }
    }
    Admission::In
}

/// Carries an act out; what it decides, if it does.
pub fn perform(view: &mut ConnectionView, act: &Act) -> Option<Admission> {
    match act {
        Act::Allow => return Some(Admission::In),
        Act::Reject | Act::Deny(_) => return Some(Admission::Refused),
        Act::SilentDrop => return Some(Admission::Dropped),
        Act::SwitchMode(protocol) => return Some(Admission::Http(*protocol)),
        Act::Close => return Some(Admission::Last),
        Act::ExpectProxy => view.is_announced = true,
        Act::SetLogLevel(level) => view.log_level = Some(*level),
        Act::SetVariable(which, value, condition) => {
            let value = value.eval(view).into_owned();
            view.keep_assigned();
            if holds(*condition, &view.variable(which).into_owned(), &value) {
                match which.scope {
                    Scope::Process => view.presence.worker().shared.variables.set(which.key, value),
                    Scope::Session => view.presence.set_variable(which.key, value),
                    _ => view.variables.set(*which, value),
                }
            }
        }
        Act::UnsetVariable(which) => match which.scope {
            Scope::Process => view.presence.worker().shared.variables.unset(which.key),
            Scope::Session => view.presence.unset_variable(which.key),
            _ => view.variables.unset(*which),
        },
        Act::SetSource(value) => {
            if let Value::Ip(address) = value.eval(view).into_owned() {
                view.peer.set_ip(address);
            }
        }
        Act::SetSourcePort(value) => {
            if let Value::Int(port) = value.eval(view).into_owned() {
                view.peer.set_port(port.clamp(0, 65_535) as u16);
            }
        }
        Act::LimitBandwidth { bandwidth, bytes, period } => limit(view, bandwidth, [bytes, period]),
        Act::Capture { .. } => {
            capture(view, act, false);
        }
        Act::Track { slot, table, key } => {
            let key = key.eval(view).into_owned();
            let start = Start { slot: *slot, table, during: During::Connection };
            let mut held = view.presence.tracking.borrow_mut();
            tracking::start(&mut held, None, &start, &key, view.presence.worker().now_ms());
        }
        Act::AddGpc { .. } | Act::SetGpt { .. } => {
            let number = |value: &Expr| match value.eval(view) {
                Value::Int(number) => Some(number),
                _ => None,
            };
            let held = view.presence.tracking.borrow();
            tracking::set(act, [&held, &held], number, view.presence.worker().now_ms());
        }
        _ => {}
    }
    None
}

/// Limits what it carries from now on.
fn limit(view: &mut ConnectionView, bandwidth: &Arc<Bandwidth>, said: [&Option<Expr>; 2]) {
    let int = |value: &Expr| match value.eval(view) {
        Value::Int(number) => Some(number),
        Value::Str(text) => std::str::from_utf8(&text).ok()?.trim().parse().ok(),
        _ => None,
    };
    let said = said.map(|said| said.as_ref().and_then(int));
    let key = bandwidth.shared.as_ref().map(|(_, key)| key.eval(view).into_owned());
    let worker = Rc::clone(view.presence.worker());
    let limit = Limit::new(bandwidth, said.into(), &key.unwrap_or(Value::Absent), worker.now_ms());
    if let Some(limit) = limit {
        let [up, down] = &mut view.throttles;
        let place = if bandwidth.is_up { up } else { down };
        place.get_or_insert_with(|| Box::new(Throttle::within(&worker))).put(limit);
    }
}

/// Captures what an expression gives; false where more bytes are worth waiting for, since nothing is captured of what is
/// still to come.
pub fn capture(view: &mut ConnectionView, act: &Act, may_wait: bool) -> bool {
    let Act::Capture { value, message, index, length } = act else { return true };
    let mut text = Vec::new();
    match value.eval(view) {
        Value::Absent if may_wait && value.may_change(view) => return false,
        found => found.write(&mut text),
    }
    view.keep_assigned();
    view.captures.set(*message, *index, &text, *length);
    true
}

/// Variables that live as long as a connection.
pub type SessionVariables = std::cell::RefCell<Option<Box<Variables>>>;
