//! The `answer` and `after` sets, and answers of our own.

use std::rc::Rc;

use tenbin_proto::{
    Asked, Body, Framing, Limits, Method, Persist, Progress, ResponseEdits, Version, write_response,
};
use tenbin_rules::{Expr, Message, View};

use super::acts::{self, Place};
use crate::client::Client;
use crate::ending::{Phase, Who};
use crate::http::{
    After, Exchange, Manner, Reason, finish_reply, phrase, redirect, reply, settle, write_answer_as,
    write_reason,
};
use crate::listener::Found;
use crate::tables::{Act, Answer, Backend, Rule, Rules};

/// What a rule sends instead of a server's answer.
pub enum Verdict<'r> {
    /// Refused, with the page of a status or with this.
    Deny(&'r Answer),
    /// This.
    Return(&'r Answer),
    /// The way to another place.
    Redirect(&'r Act),
    /// Nothing of it may pass.
    Reject,
    /// Rules have made its head longer than it may be.
    Overgrown,
}

/// Runs a set on the head of a server's answer; what is sent instead, if a rule says so.
pub fn answer<'r>(
    client: &Client,
    x: &mut Exchange,
    (found, backend): (&Found, Option<&Backend>),
    set: &'r [Rule],
) -> Option<Verdict<'r>> {
    for rule in set {
        x.state.keep_assigned();
        if rule.when.as_ref().is_some_and(|when| !when.test(&x.full_view(client, found, backend))) {
            continue;
        }
        let verdict = match &rule.act {
            Act::Allow => return None,
            Act::Deny(answer) => Verdict::Deny(answer),
            Act::Return(answer) => Verdict::Return(answer),
            act @ Act::Redirect { .. } => Verdict::Redirect(act),
            Act::Reject | Act::SilentDrop | Act::Close => Verdict::Reject,
            act => {
                acts::perform(x, Place { client, found, backend, message: Message::Answer }, act);
                if !x.is_answer_overgrown(found) {
                    continue;
                }
                Verdict::Overgrown
            }
        };
        return Some(verdict);
    }
    None
}

/// Sends what takes the place of a server's answer.
pub async fn instead(
    client: &mut Client,
    x: &mut Exchange,
    found: &Found,
    (verdict, backend): (Verdict<'_>, &Backend),
) -> After {
    let who = if matches!(verdict, Verdict::Deny(_) | Verdict::Reject | Verdict::Overgrown) {
        Who::Proxy
    } else {
        Who::Local
    };
    x.record.ending.set(who, Phase::Head);
    let (answer, status) = match verdict {
        Verdict::Deny(answer) => (Some(answer).filter(|answer| !answer.is_bare), answer.status),
        Verdict::Return(answer) => (Some(answer).filter(|answer| !answer.is_bare), answer.status),
        Verdict::Reject => (None, 502),
        Verdict::Overgrown => return reply(client, x, found, Reason::Overgrown).await,
        Verdict::Redirect(act) => return lead_away(client, x, found, (act, backend)).await,
    };
    match who {
        Who::Proxy => x.record.refused(Reason::AnswerDenied(status), status),
        _ => x.record.intercepted(status),
    }
    let manner = settle(x, found);
    let mut out = std::mem::take(&mut x.down.prefix);
    out.clear();
    match answer.or_else(|| page(found, Some(backend), status)) {
        Some(answer) => write_own(&mut out, answer, &x.full_view(client, found, Some(backend)), manner),
        None => write_reason(&mut out, Reason::AnswerDenied(status), Some(&backend.spec.name), manner),
    }
    x.down.prefix = out;
    finish_reply(client, x, found, manner.keep_alive).await
}

async fn lead_away(
    client: &mut Client,
    x: &mut Exchange,
    found: &Found,
    (act, backend): (&Act, &Backend),
) -> After {
    let Act::Redirect { location, start, code, headers, .. } = act else { return After::Close };
    let mut lines = Vec::new();
    write_headers(&mut lines, headers, &x.full_view(client, found, Some(backend)));
    match redirect(client, x, found, (location, start, *code, &lines)) {
        Some(keep_alive) => finish_reply(client, x, found, keep_alive).await,
        None => reply(client, x, found, Reason::AnswerDenied(502)).await,
    }
}

/// Runs the `after` sets, the backend's first: nothing in them ends anything.
pub fn after(client: &Client, x: &mut Exchange, found: &Found, backend: Option<&Backend>) {
    let own = backend.map(|backend| backend.rules.after.as_slice()).unwrap_or_default();
    let frontend = found.frontend.rules.after.as_slice();
    for set in [own, frontend] {
        let _ = answer(client, x, (found, backend), set);
    }
}

/// Runs the `after` sets on an answer of our own, which stands in the flow's prefix.
pub fn after_own(client: &Client, x: &mut Exchange, found: &Found) {
    let tables = client.worker.tables();
    let backend = tables.backend(&x.record.backend).map(|backend| &**backend);
    let has_any = |rules: &Rules| !rules.after.is_empty();
    if !has_any(&found.frontend.rules) && !backend.is_some_and(|backend| has_any(&backend.rules)) {
        return;
    }
    let written = std::mem::take(&mut x.down.prefix);
    let limits = Limits { head_bytes: written.len(), fields: usize::MAX, ..Limits::default() };
    let asked = Asked { head: x.request.method == Method::Head, ..Asked::default() };
    if !matches!(x.response.parse(&written, &mut 0, &limits, asked), Ok(Progress::Complete)) {
        x.down.prefix = written;
        return;
    }
    let length = x.response.length;
    x.state.answer_text = Some(written.get(..length).unwrap_or_default().to_vec());
    after(client, x, found, backend);
    let framing = match (x.response.body, x.response.content_length) {
        (Body::Length(length), _) | (_, Some(length)) => Framing::Length(length),
        _ => Framing::None,
    };
    let persist = match (x.response.keep_alive, x.request.version) {
        (false, _) => Persist::Close,
        (true, Version::Http10) => Persist::KeepAlive,
        (true, Version::Http11) => Persist::Implied,
    };
    let to = ResponseEdits { framing, persist, ..ResponseEdits::default() };
    let mut out = Vec::with_capacity(written.len() + 128);
    write_response(&mut out, &x.response, x.state.answer_bytes(b""), &to);
    out.extend_from_slice(written.get(length..).unwrap_or_default());
    x.down.prefix = out;
    x.record.status = x.response.status;
}

/// Appends an answer of our own, with what stands in it evaluated.
pub fn write_own<V: View>(out: &mut Vec<u8>, answer: &Answer, view: &V, manner: Manner<'_>) {
    let mut lines = Vec::new();
    let mut text = Vec::new();
    let body = match &answer.text {
        Some(expression) => {
            expression.write(view, &mut text);
            text.as_slice()
        }
        None => answer.body.as_slice(),
    };
    // What turned out to be nothing has no type.
    let of_nothing = answer.text.is_some() && text.is_empty();
    for header in &answer.headers {
        if !of_nothing || !header.0.eq_ignore_ascii_case(b"content-type") {
            write_headers(&mut lines, std::slice::from_ref(header), view);
        }
    }
    let reason = if answer.reason.is_empty() { phrase(answer.status).as_bytes() } else { &answer.reason };
    write_answer_as(out, (answer.status, reason), &lines, body, manner);
}

/// Appends field lines.
pub fn write_headers<V: View>(out: &mut Vec<u8>, headers: &[(Vec<u8>, Expr)], view: &V) {
    for (name, value) in headers {
        let start = out.len();
        value.write(view, out);
        let text: Vec<u8> = out.split_off(start);
        out.extend_from_slice(name);
        out.extend_from_slice(b": ");
        out.extend(
            text.iter().map(|byte| if byte.is_ascii_control() && *byte != b'\t' { b' ' } else { *byte }),
        );
        out.extend_from_slice(b"\r\n");
    }
}

/// The page for a status: the backend's before the frontend's.
pub fn page<'a>(found: &'a Found, backend: Option<&'a Backend>, status: u16) -> Option<&'a Answer> {
    backend.and_then(|backend| backend.answers.get(&status)).or_else(|| found.frontend.answers.get(&status))
}

/// Answers with a status, further field lines, and the page for it.
pub async fn reply_status(
    client: &mut Client,
    x: &mut Exchange,
    found: &Rc<Found>,
    (status, lines, backend): (u16, &[u8], Option<&Backend>),
) -> After {
    let Some(page) = page(found, backend, status) else {
        x.record.refused(Reason::Denied(status), status);
        let manner = settle(x, found);
        x.down.prefix.clear();
        write_answer_as(&mut x.down.prefix, (status, phrase(status).as_bytes()), lines, b"", manner);
        return finish_reply(client, x, found, manner.keep_alive).await;
    };
    if lines.is_empty() {
        return reply(client, x, found, Reason::Denied(status)).await;
    }
    x.record.refused(Reason::Denied(status), status);
    let manner = settle(x, found);
    let mut own = lines.to_vec();
    let mut out = std::mem::take(&mut x.down.prefix);
    out.clear();
    {
        let view = x.view(client, found, backend);
        write_headers(&mut own, &page.headers, &view);
        let reason = if page.reason.is_empty() { phrase(status).as_bytes() } else { &page.reason };
        write_answer_as(&mut out, (status, reason), &own, &page.body, manner);
    }
    x.down.prefix = out;
    finish_reply(client, x, found, manner.keep_alive).await
}
