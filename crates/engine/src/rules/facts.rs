//! The values of facts without arguments, as far as a connection and its request tell them.

use tenbin_rules::{Fact, Value};

use crate::clock::wall_micros;
use crate::http::{RequestView, Scene};
use crate::lines::Field;

/// The value of a fact; absent for what is not known.
pub fn tell<'a>(fact: Fact, scene: &Scene<'a>, view: &'a RequestView<'_>) -> Value<'a> {
    let number = |number: u64| Value::Int(i64::try_from(number).unwrap_or(i64::MAX));
    match fact {
        Fact::Destination => {
            let address = scene.state.overrides.destination.or_else(|| scene.client.destination());
            address.map_or(Value::Absent, |address| Value::Ip(address.ip().to_canonical()))
        }
        Fact::DestinationPort => {
            let address = scene.state.overrides.destination.or_else(|| scene.client.destination());
            address.map_or(Value::Absent, |address| Value::Int(address.port().into()))
        }
        Fact::FrontendName => Value::text(scene.found.frontend.spec.name.as_bytes()),
        Fact::FrontendId => number(scene.found.frontend.spec.number.into()),
        Fact::BackendName => match view.backend {
            Some(backend) => Value::text(backend.spec.name.as_bytes()),
            None => Value::Absent,
        },
        Fact::BackendId => view.backend.map_or(Value::Absent, |backend| number(backend.spec.number.into())),
        Fact::ServerName => Value::maybe(view.server.map(str::as_bytes)),
        Fact::UniqueId => Value::maybe(Some(scene.state.unique_id.as_slice()).filter(|id| !id.is_empty())),
        Fact::Date => number(wall_micros() / 1_000_000),
        Fact::DateMicros => number(wall_micros() % 1_000_000),
        Fact::Pid => number(std::process::id().into()),
        _ => line(fact, scene),
    }
}

/// What a line of logs would say at this moment.
fn line(fact: Fact, scene: &Scene<'_>) -> Value<'static> {
    let Some(field) = Field::named(fact.name()) else { return Value::Absent };
    let worker = &scene.client.worker;
    let (tables, now) = (worker.tables(), worker.shared.clock.micros());
    let entry = scene.record.entry((scene.client, scene.found), (scene.state, &tables), (now, false));
    entry.value(field, fact.kind())
}
