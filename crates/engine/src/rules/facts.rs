//! The values of facts without arguments, as far as a connection and its request tell them.

use tenbin_proto::{Body, Version};
use tenbin_rules::{Fact, Value};

use super::secured;
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
        Fact::ListenerName => Value::maybe(scene.found.named()),
        Fact::ListenerId => number(scene.found.number.into()),
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
        _ => met(fact, scene, view)
            .or_else(|| secured::tell(fact, scene.client.tls().own))
            .or_else(|| settings(fact, scene, view))
            .unwrap_or_else(|| line(fact, scene)),
    }
}

/// What has been met with on the way.
fn met<'a>(fact: Fact, scene: &Scene<'a>, view: &'a RequestView<'_>) -> Option<Value<'a>> {
    let client = scene.client;
    let place = |fact| match fact {
        Fact::FcSrc | Fact::FcSrcPort => Some(client.peer),
        _ => client.destination(),
    };
    let answer = view.answer.as_ref().map(|answer| answer.response);
    Some(match fact {
        Fact::FcSrc | Fact::FcDst => Value::Ip(place(fact)?.ip().to_canonical()),
        Fact::FcSrcPort | Fact::FcDstPort => Value::Int(place(fact)?.port().into()),
        Fact::FcHttpMajor => Value::Int(if view.http2 { 2 } else { 1 }),
        Fact::HttpFirst => Value::Bool(scene.record.is_first),
        // Rules about requests are asked when there is a whole head, and once.
        Fact::WaitEnd => Value::Bool(true),
        Fact::PrioClass => Value::Int(scene.state.overrides.priority.into()),
        Fact::PrioOffset => Value::Int(scene.state.overrides.offset.into()),
        Fact::ResVer => Value::text(version(answer?.version)),
        Fact::CaptureReqMethod => noted(scene, 0)?,
        Fact::CaptureReqUri => noted(scene, 1)?,
        Fact::CaptureReqVer => Value::text(written(view.request.version)),
        Fact::CaptureResVer => Value::text(written(answer?.version)),
        // What fails before a request is told by its line; here nothing has.
        Fact::FcErr | Fact::SslFcErr => Value::Int(0),
        Fact::FcErrStr => Value::text(b"Success"),
        Fact::ReqBodySize => {
            let here = view.body.bytes().len() as u64;
            Value::Int(signed(if let Body::Length(length) = view.request.body {
                length.max(here)
            } else {
                here
            }))
        }
        Fact::ResBodySize => Value::Int(signed(answer?.content_length?)),
        Fact::TxnStatus => Value::Int(scene.record.status.into()),
        _ => return None,
    })
}

/// What the configuration, or a rule, says about this exchange.
fn settings(fact: Fact, scene: &Scene<'_>, view: &RequestView<'_>) -> Option<Value<'static>> {
    let (front, own) = (&scene.found.frontend.spec, &scene.state.overrides);
    let shared = &scene.client.worker.shared;
    let behind = || view.backend.map(|backend| &backend.spec.timeouts);
    let number = match fact {
        Fact::FeClientTimeout => front.timeouts.client,
        Fact::CurClientTimeout => own.client.unwrap_or(front.timeouts.client),
        Fact::BeConnectTimeout => behind()?.connect,
        Fact::BeQueueTimeout => behind()?.queue,
        Fact::BeServerTimeout => behind()?.server,
        Fact::BeTunnelTimeout => behind()?.tunnel,
        Fact::CurConnectTimeout => own.connect.or_else(|| Some(behind()?.connect))?,
        Fact::CurQueueTimeout => own.queue.or_else(|| Some(behind()?.queue))?,
        Fact::CurServerTimeout => own.server.or_else(|| Some(behind()?.server))?,
        Fact::CurTunnelTimeout => own.tunnel.or_else(|| Some(behind()?.tunnel))?,
        Fact::ServerId => {
            let backend = view.backend?;
            backend.number_of(backend.server_named(view.server?)?).into()
        }
        Fact::ActConn => shared.process.connections.now(),
        Fact::Thread => scene.client.worker.index as u64 + 1,
        _ => return None,
    };
    Some(Value::Int(signed(number)))
}

/// A word of the request line as it came.
fn noted<'a>(scene: &Scene<'a>, index: usize) -> Option<Value<'a>> {
    let mut words = scene.record.noted.uri()?.split(|byte| *byte == b' ');
    words.nth(index).map(Value::text)
}

fn written(version: Version) -> &'static [u8] {
    match version {
        Version::Http10 => b"HTTP/1.0",
        Version::Http11 => b"HTTP/1.1",
    }
}

fn version(version: Version) -> &'static [u8] {
    match version {
        Version::Http10 => b"1.0",
        Version::Http11 => b"1.1",
    }
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// What a line of logs would say at this moment.
fn line(fact: Fact, scene: &Scene<'_>) -> Value<'static> {
    let Some(field) = Field::named(fact.name()) else { return Value::Absent };
    let worker = &scene.client.worker;
    let (tables, now) = (worker.tables(), worker.micros());
    let entry = scene.record.entry((scene.client, scene.found), (scene.state, &tables), (now, false));
    entry.value(field, fact.kind())
}
