//! The `request` sets: run on a whole head, first those of the frontend, then those of the backend it goes to.

use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use tenbin_proto::{Body, Method};
use tenbin_rules::{Expr, Message};

use super::acts::{self, Place};
use super::answering::write_own;
use super::message;
use super::tracking::Counted;
use crate::client::Client;
use crate::ending::{Phase, Who};
use crate::http::finish as record_end;
use crate::http::{After, Exchange, Reason, finish_reply, manner, redirect, reply, settle};
use crate::listener::Found;
use crate::tables::{Act, Answer, Backend, Rule};

/// Says that the body may come.
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// How a request goes on after a set.
pub enum Turn {
    /// To what comes next.
    On,
    /// It was answered, or its connection ends.
    Ended(After),
    /// To a backend of ours.
    Service(String),
}

/// What one act leads to.
enum Next<'r> {
    /// The next rule.
    Rule,
    /// The end of the set.
    Stop,
    Refuse(&'r Answer),
    Tarpit(&'r Answer),
    Return(&'r Answer),
    Redirect(&'r Expr, &'r [u8], u16, &'r [(Vec<u8>, Expr)]),
    Ask(&'r [u8]),
    Close {
        silent: bool,
    },
    Service(&'r str),
    Pause(u64),
    WaitBody {
        wait_ms: u64,
        least: usize,
    },
    Hint(&'r [u8], Vec<u8>),
    Malformed,
}

/// Runs a set.
pub async fn request(
    client: &mut Client,
    x: &mut Exchange,
    found: &Rc<Found>,
    (set, backend): (&[Rule], Option<&Backend>),
) -> Turn {
    for rule in set {
        x.state.keep_assigned();
        if rule.when.as_ref().is_some_and(|when| !when.test(&x.view(client, found, backend))) {
            continue;
        }
        let next = perform(client, x, found, (&rule.act, backend));
        let after = match next {
            Next::Rule if x.is_request_overgrown(found) => reply(client, x, found, Reason::Overgrown).await,
            Next::Rule => continue,
            Next::Stop => return Turn::On,
            Next::Service(name) => return Turn::Service(name.to_owned()),
            Next::Pause(wait_ms) => {
                if pause(client, x, wait_ms).await {
                    continue;
                }
                After::Close
            }
            Next::WaitBody { wait_ms, least } => {
                wait_body(client, x, found, (wait_ms, least)).await;
                continue;
            }
            Next::Hint(name, value) => {
                hint(client, x, found, name, &value).await;
                continue;
            }
            next => finish(client, x, found, (next, backend)).await,
        };
        return Turn::Ended(after);
    }
    Turn::On
}

/// Carries out what ends a request here.
async fn finish(
    client: &mut Client,
    x: &mut Exchange,
    found: &Rc<Found>,
    (next, backend): (Next<'_>, Option<&Backend>),
) -> After {
    match next {
        Next::Refuse(answer) => refuse(client, x, found, (answer, backend)).await,
        Next::Tarpit(answer) => tarpit(client, x, found, (answer, backend)).await,
        Next::Return(answer) => {
            x.record.intercepted(answer.status);
            let page = super::answering::page(found, backend, answer.status);
            let answer = page.filter(|_| answer.is_bare).unwrap_or(answer);
            own(client, x, found, (answer, backend)).await
        }
        Next::Redirect(location, start, code, headers) => {
            let lines = {
                let view = x.view(client, found, backend);
                let mut lines = Vec::new();
                super::answering::write_headers(&mut lines, headers, &view);
                lines
            };
            match redirect(client, x, found, (location, start, code, &lines)) {
                Some(keep_alive) => finish_reply(client, x, found, keep_alive).await,
                None => reply(client, x, found, Reason::Denied(400)).await,
            }
        }
        Next::Ask(realm) => ask(client, x, found, (realm, backend)).await,
        Next::Malformed => reply(client, x, found, Reason::Denied(400)).await,
        Next::Close { silent } => {
            x.record.dropped();
            super::denied(found, backend, client.worker.index);
            let now = client.worker.micros();
            record_end(client, x, found, now);
            if silent {
                client.stream.reset_on_close();
            }
            After::Close
        }
        _ => After::Close,
    }
}

/// Keeps an answer back.
async fn tarpit(
    client: &mut Client,
    x: &mut Exchange,
    found: &Rc<Found>,
    (answer, backend): (&Answer, Option<&Backend>),
) -> After {
    let own = backend.map_or(0, |backend| backend.spec.tarpit);
    let configured = if own > 0 { own } else { found.frontend.spec.tarpit };
    let wait_ms = x.state.overrides.tarpit.unwrap_or(if configured > 0 { configured } else { 5_000 });
    x.record.tarpitted();
    let is_there = pause(client, x, wait_ms).await;
    x.record.times.picked = client.worker.micros();
    if !is_there {
        x.record.status = answer.status;
        record_end(client, x, found, client.worker.micros());
        return After::Close;
    }
    x.request.keep_alive = false;
    refuse(client, x, found, (answer, backend)).await
}

/// Asks who it is.
async fn ask(
    client: &mut Client,
    x: &mut Exchange,
    found: &Rc<Found>,
    (realm, backend): (&[u8], Option<&Backend>),
) -> After {
    if backend.is_none() {
        found.frontend.counters.workers.of(client.worker.index).intercepted.add(1);
    }
    let proxied = x.request.method == Method::Connect;
    let (status, name) = if proxied { (407, "proxy-authenticate") } else { (401, "www-authenticate") };
    let realm = String::from_utf8_lossy(realm).replace(['"', '\\'], "");
    let line = format!("{name}: Basic realm=\"{realm}\"\r\n");
    x.record.ending.set(Who::Local, Phase::Request);
    super::answering::reply_status(client, x, found, (status, line.as_bytes(), backend)).await
}

async fn refuse(
    client: &mut Client,
    x: &mut Exchange,
    found: &Rc<Found>,
    (answer, backend): (&Answer, Option<&Backend>),
) -> After {
    if answer.is_bare {
        return reply(client, x, found, Reason::Denied(answer.status)).await;
    }
    super::denied(found, backend, client.worker.index);
    super::count(client, &x.state.tracking, Counted::Error);
    x.record.refused(Reason::Denied(answer.status), answer.status);
    own(client, x, found, (answer, backend)).await
}

async fn own(
    client: &mut Client,
    x: &mut Exchange,
    found: &Rc<Found>,
    (answer, backend): (&Answer, Option<&Backend>),
) -> After {
    let mut out = std::mem::take(&mut x.down.prefix);
    out.clear();
    write_own(&mut out, answer, &x.view(client, found, backend), manner(x, found));
    x.down.prefix = out;
    let manner = settle(x, found);
    finish_reply(client, x, found, manner.keep_alive).await
}

/// Does what needs no waiting, and says what comes next.
fn perform<'r>(
    client: &Client,
    x: &mut Exchange,
    found: &Found,
    (act, backend): (&'r Act, Option<&Backend>),
) -> Next<'r> {
    let place = Place { client, found, backend, message: Message::Request };
    match act {
        // What it asks for is so already.
        Act::Allow | Act::SwitchMode(_) => return Next::Stop,
        Act::Reject => return Next::Close { silent: false },
        Act::SilentDrop => return Next::Close { silent: true },
        Act::Deny(answer) => return Next::Refuse(answer),
        Act::Tarpit(answer) => return Next::Tarpit(answer),
        Act::Return(answer) => return Next::Return(answer),
        Act::Redirect { location, start, code, headers, ignores_empty } => {
            if *ignores_empty {
                let mut text = Vec::new();
                location.write(&x.view(client, found, backend), &mut text);
                if text.is_empty() {
                    return Next::Rule;
                }
            }
            return Next::Redirect(location, start, *code, headers);
        }
        Act::Auth { realm } => return Next::Ask(realm),
        Act::Service(name) => return Next::Service(name),
        Act::Pause(value) => {
            let wait = place.int(x, value).unwrap_or(0);
            return Next::Pause(wait.clamp(0, 3_600_000) as u64);
        }
        Act::WaitBody { wait_ms, least } => return Next::WaitBody { wait_ms: *wait_ms, least: *least },
        Act::EarlyHint(name, value) => {
            let mut text = Vec::new();
            value.write(&x.view(client, found, backend), &mut text);
            return Next::Hint(name, text);
        }
        Act::Normalize(how) => {
            let bytes = x.state.request_bytes(x.input.head());
            let target = x.request.target.of(bytes);
            let query = target.contains(&b'?').then(|| x.request.query.of(bytes));
            match message::normalize(*how, x.request.path.of(bytes), query) {
                Err(()) => return Next::Malformed,
                Ok(None) => {}
                Ok(Some(new)) => x.amend_request(|request, bytes| request.set_target(bytes, &new)),
            }
        }
        _ => acts::perform(x, place, act),
    }
    Next::Rule
}

/// Waits; false when the client has gone meanwhile.
async fn pause(client: &mut Client, x: &mut Exchange, wait_ms: u64) -> bool {
    if wait_ms == 0 {
        return true;
    }
    x.timer.set(wait_ms);
    let stays = poll_fn(|cx| {
        if client.is_reset(cx) || x.is_killed(Phase::Tarpit) {
            return Poll::Ready(false);
        }
        x.timer.poll(cx).map(|()| true)
    })
    .await;
    x.timer.clear();
    stays
}

/// Reads on until so much of the body is there, or all of it, or no more fits.
async fn wait_body(client: &mut Client, x: &mut Exchange, found: &Found, (wait_ms, least): (u64, usize)) {
    let body = client.stream.framing(x.request.body);
    if body == Body::None {
        return;
    }
    let is_enough = |x: &Exchange| {
        let content = x.up.content(body, &x.input);
        content.is_whole() || least > 0 && content.bytes().len() >= least || x.input.is_full()
    };
    if x.request.expect_continue && x.input.data().is_empty() && !x.continued {
        // It would wait for us as we wait for it.
        x.continued = crate::http::send(client, CONTINUE, (&mut x.pace, &found.frontend.spec)).await;
    }
    x.timer.set(wait_ms);
    poll_fn(|cx| {
        loop {
            if is_enough(x) {
                return Poll::Ready(());
            }
            match x.input.poll_fill(cx, &mut client.stream) {
                Poll::Ready(Ok(count)) if count > 0 => {}
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => return x.timer.poll(cx),
            }
        }
    })
    .await;
    x.timer.clear();
}

/// 103 with one field, to clients that know interim answers.
async fn hint(client: &mut Client, x: &mut Exchange, found: &Found, name: &[u8], value: &[u8]) {
    if x.request.version == tenbin_proto::Version::Http10 {
        return;
    }
    let clean =
        |text: &[u8]| text.iter().map(|byte| if byte.is_ascii_control() { b' ' } else { *byte }).collect();
    let value: Vec<u8> = clean(value);
    let head = [&b"HTTP/1.1 103 Early Hints\r\n"[..], name, b": ", &value, b"\r\n\r\n"].concat();
    x.record.bytes_out += head.len() as u64;
    crate::http::send(client, &head, (&mut x.pace, &found.frontend.spec)).await;
}
