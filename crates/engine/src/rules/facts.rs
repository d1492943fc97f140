//! The values of facts without arguments, as far as a connection and its request tell them.

use tenbin_proto::{Body, Version};
use tenbin_rules::{Fact, Value};

use super::seen::{self, Seen};
use crate::clock::wall_micros;
use crate::http::{RequestView, Scene};
use crate::lines::Field;

/// The value of a fact; absent for what is not known.
pub fn tell<'a>(fact: Fact, scene: &Scene<'a>, view: &'a RequestView<'_>) -> Value<'a> {
    let (presence, socket) = scene.client.seen();
    let (backend, server) = (view.backend, view.server);
    let seen = Seen {
        presence,
        socket,
        found: scene.found,
        backend,
        server,
        behind: scene.record.behind.as_deref(),
        is_reused: scene.record.reuses > 0,
        peer: scene.client.peer,
        local: None,
    };
    said(fact, scene)
        .or_else(|| met(fact, scene, view))
        .or_else(|| seen::tell(fact, &seen))
        .unwrap_or_else(|| line(fact, scene))
}

/// What rules say instead of the connection and of the configuration.
fn said(fact: Fact, scene: &Scene<'_>) -> Option<Value<'static>> {
    let own = &scene.state.overrides;
    Some(match fact {
        Fact::Destination => Value::Ip(own.destination?.ip().to_canonical()),
        Fact::DestinationPort => Value::Int(own.destination?.port().into()),
        Fact::CurClientTimeout => Value::Int(signed(own.client?)),
        Fact::CurConnectTimeout => Value::Int(signed(own.connect?)),
        Fact::CurQueueTimeout => Value::Int(signed(own.queue?)),
        Fact::CurServerTimeout => Value::Int(signed(own.server?)),
        Fact::CurTarpitTimeout => Value::Int(signed(own.tarpit?)),
        Fact::CurTunnelTimeout => Value::Int(signed(own.tunnel?)),
        Fact::CurMaxRetries => Value::Int(own.retries?.into()),
        Fact::PrioClass => Value::Int(own.priority.into()),
        Fact::PrioOffset => Value::Int(own.offset.into()),
        _ => return None,
    })
}

/// What has been met with on the way.
fn met<'a>(fact: Fact, scene: &Scene<'a>, view: &'a RequestView<'_>) -> Option<Value<'a>> {
    let answer = view.answer.as_ref().map(|answer| answer.response);
    Some(match fact {
        Fact::UniqueId => Value::maybe(Some(scene.state.unique_id.as_slice()).filter(|id| !id.is_empty())),
        Fact::FcHttpMajor => Value::Int(if view.http2 { 2 } else { 1 }),
        Fact::RequestDate => {
            Value::Int(signed(wall_micros() - seen::since(&scene.client.worker, scene.record.times.begun)))
        }
        Fact::HttpFirst => Value::Bool(scene.record.is_first),
        // Rules about requests are asked when there is a whole head, and once.
        Fact::WaitEnd => Value::Bool(true),
        Fact::ResVer => Value::text(version(answer?.version)),
        Fact::CaptureReqMethod => noted(scene, 0)?,
        Fact::CaptureReqUri => noted(scene, 1)?,
        Fact::CaptureReqVer => Value::text(written(view.request.version)),
        Fact::CaptureResVer => Value::text(written(answer?.version)),
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
        Fact::ResComp => Value::Bool(scene.state.coding.is_some()),
        Fact::ResCompAlgo => Value::text(scene.state.coding?.configured()),
        Fact::TxnRedispatched => Value::Bool(scene.record.redispatched),
        _ => return None,
    })
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
    let Some(field) = Field::of(fact.name()) else { return Value::Absent };
    let worker = &scene.client.worker;
    let (tables, now) = (worker.tables(), worker.micros());
    let entry = scene.record.entry((scene.client, scene.found), (scene.state, &tables), (now, false));
    entry.value(field, fact.kind())
}
