//! What is told of the process beside its figures: variables, and messages that were refused.

use std::net::IpAddr;
use std::sync::Arc;

use tenbin_rules::{Around, Expr, Scope, Value, Variable, View};

use super::plane::failed;
use crate::refused::Side;
use crate::tables::Tables;
use crate::wire::{RefusedMessage, RefusedTold, Reply, VariableAsked, VariableTold};
use crate::worker::Shared;

/// Tells a variable of the process, after setting it where that is asked.
pub fn variable(asked: &VariableAsked, tables: Option<&Tables>, shared: &Shared) -> Reply {
    let id = asked.id;
    let Some(which) = Variable::named(&asked.name).filter(|which| which.scope == Scope::Process) else {
        return failed(id, "name", "it is no variable of the process");
    };
    if let (Some(wire), Some(tables)) = (&asked.value, tables) {
        let around = Around {
            asks: None,
            list: &|name| tables.lists.get(name).map(|held| Arc::clone(&held.list)),
            table: &|_| None,
        };
        match Expr::compile(wire, &around) {
            Ok(compiled) => {
                let value = compiled.eval(&Alone(shared)).into_owned();
                shared.variables.set(which.key, value);
            }
            Err(error) => return failed(id, error.path, error.reason),
        }
    }
    let (kind, text) = told(&shared.variables.get(which.key));
    Reply::Variable(VariableTold { id, ok: true, kind, text })
}

/// Tells the messages that were refused.
pub fn refused(id: u64, shared: &Shared) -> Reply {
    let (count, messages) = shared.refused.all();
    let messages = messages.into_iter().map(|(side, message)| RefusedMessage {
        number: message.number,
        side: if side == Side::Request { "request" } else { "answer" },
        at: message.at_ms,
        source: message.source.to_string(),
        frontend: message.frontend,
        backend: message.backend,
        server: message.server,
        position: message.position,
        length: message.length,
        // A character for each byte, for JSON has no other way.
        bytes: message.bytes.into_iter().map(char::from).collect(),
    });
    Reply::Refused(RefusedTold { id, ok: true, count, messages: messages.collect() })
}

/// A value by its kind and as text, a character for each byte.
fn told(value: &Value<'_>) -> (&'static str, String) {
    match value {
        Value::Str(bytes) => {
            let is_text = !bytes.iter().any(u8::is_ascii_control);
            (if is_text { "str" } else { "bin" }, bytes.iter().copied().map(char::from).collect())
        }
        Value::Int(number) => ("int", number.to_string()),
        Value::Bool(truth) => ("bool", u8::from(*truth).to_string()),
        Value::Ip(IpAddr::V4(address)) => ("ipv4", address.to_string()),
        Value::Ip(IpAddr::V6(address)) => ("ipv6", address.to_string()),
        Value::Absent => ("", String::new()),
    }
}

/// No request at all: only the variables of the process are there.
struct Alone<'a>(&'a Shared);

impl View for Alone<'_> {
    fn variable(&self, which: &Variable) -> Value<'_> {
        if which.scope == Scope::Process { self.0.variables.get(which.key) } else { Value::Absent }
    }
    fn now_ms(&self) -> u64 {
        self.0.clock.millis()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_told_with_their_kinds() {
        assert_eq!(told(&Value::text(b"a b")), ("str", "a b".to_owned()));
        assert_eq!(told(&Value::text(b"\n\xe9")).0, "bin");
        assert_eq!(told(&Value::Bool(true)), ("bool", "1".to_owned()));
        assert_eq!(told(&Value::Ip(IpAddr::from([10, 0, 0, 1]))), ("ipv4", "10.0.0.1".to_owned()));
        assert_eq!(told(&Value::Absent), ("", String::new()));
    }
}
