//! The life of a request, top to bottom: head → route → (persist → pick → queue → connect → send → answer) → log.
//!
//! Owns the state of one exchange and what happens before a backend is asked; the part in parentheses is `forward`.

use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use tenbin_proto::{Body, Field, Fields, Limits, Method, Progress, Request, Response, Version};
use tenbin_rules::Expr;

use super::answer::{Reason, write_answer};
use super::forward::forward;
use super::record::{self, Record, note_request};
use super::reply::{finish_reply, redirect, reply, settle};
use super::route::{backend_named, decide};
use super::view::{AnswerView, RequestView, Scene};
use super::{switch, unreadable};
use crate::buffer::Buffer;
use crate::client::Client;
use crate::deadline::{Deadlines, Timer};
use crate::ending::{Phase, Who};
use crate::flow::Flow;
use crate::listener::Found;
use crate::pace::Pace;
use crate::rules::{self, Brought, Counted, State, Turn, growing};
use crate::sessions::Seat;
use crate::source;
use crate::tables::{Action, Backend, Held};

/// How much longer than it was read, at most, rules may make a head.
const REWRITE_ROOM: usize = 1024;

/// Buffers and parsers of one exchange; kept by the worker and lent to whoever has something to do.
pub struct Exchange {
    /// The request's head.
    pub request: Request,
    /// The answer's head.
    pub response: Response,
    /// Bytes of an ordinary buffer, while no large head has made it grow.
    pub buffer_bytes: usize,
    /// Bytes from the client.
    pub input: Buffer,
    /// Bytes from the server.
    pub output: Buffer,
    /// The request on its way to the server.
    pub up: Flow,
    /// The answer on its way to the client.
    pub down: Flow,
    /// For whatever the server's side is waited for.
    pub timer: Timer,
    /// How slow the client may be.
    pub pace: Pace,
    /// How far the search for the end of a head has come.
    pub scanned: usize,
    /// Routes whose edits apply.
    pub edited: Vec<usize>,
    /// Servers that have failed this request.
    pub tried: Vec<usize>,
    /// Scratch text.
    pub text: Vec<u8>,
    /// Bytes of the answer's head as it went to the client.
    pub head_bytes_out: u64,
    /// The answer came before the server can have read the whole request.
    pub early: bool,
    /// The server has asked for the body with a 100.
    pub continued: bool,
    /// What will be counted and logged.
    pub record: Record,
    /// What rules note.
    pub state: State,
    /// Where operators see it while it lasts.
    pub seat: Option<Seat>,
    /// Of a connection that was one of TCP; boxed, for hardly any was.
    pub brought: Option<Box<Brought>>,
}

/// How the connection goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// Wait for the next head.
    Idle,
    /// Wait on: there was nothing to read.
    Nothing,
    /// Close it.
    Close,
    /// Close it gently: the client may still be sending.
    Linger,
    /// The client speaks HTTP/2; what it has said is still in the input.
    Http2,
}

enum Head {
    Complete,
    /// Not a byte, although there seemed to be some: a new socket seems so until it has been read once.
    Nothing,
    Closed,
    Failed(Reason),
    Http2,
}

impl Exchange {
    /// Empty buffers.
    pub fn new(deadlines: &Rc<Deadlines>, buffer_bytes: usize) -> Self {
        Self {
            request: Request::default(),
            response: Response::default(),
            buffer_bytes,
            input: Buffer::new(buffer_bytes),
            output: Buffer::new(buffer_bytes),
            up: Flow::default(),
            down: Flow::default(),
            timer: deadlines.timer(),
            pace: Pace::default(),
            scanned: 0,
            edited: Vec::new(),
            tried: Vec::new(),
            text: Vec::new(),
            head_bytes_out: 0,
            early: false,
            continued: false,
            record: Record::default(),
            state: State::default(),
            seat: None,
            brought: None,
        }
    }

    /// Ready for another connection, without what one large message made it hold.
    pub fn reset(&mut self) {
        for buffer in [&mut self.input, &mut self.output] {
            if buffer.capacity() != self.buffer_bytes {
                *buffer = Buffer::new(self.buffer_bytes);
            }
            buffer.clear();
        }
        self.state.clear();
        (self.seat, self.brought) = (None, None);
        // A message that broke off may have left a pipe full.
        self.up.reset();
        self.down.reset();
        for scratch in [&mut self.down.prefix, &mut self.up.prefix, &mut self.text] {
            if scratch.capacity() > self.buffer_bytes {
                *scratch = Vec::new();
            }
        }
        self.record.noted.shrink(self.buffer_bytes);
        self.timer.clear();
    }

    /// What conditions see of the request.
    pub fn view<'a>(
        &'a self,
        client: &'a Client,
        found: &'a Found,
        backend: Option<&'a Backend>,
    ) -> RequestView<'a> {
        RequestView {
            request: &self.request,
            bytes: self.state.request_bytes(self.input.head()),
            peer: self.state.overrides.source.unwrap_or(client.peer),
            tls: client.tls(),
            http2: client.stream.is_multiplexed(),
            port: found.port,
            scene: Some(Scene { client, found, state: &self.state, record: &self.record }),
            body: self.up.content(client.stream.framing(self.request.body), &self.input),
            backend,
            server: None,
            answer: None,
        }
    }

    /// What conditions see once there is an answer.
    pub fn full_view<'a>(
        &'a self,
        client: &'a Client,
        found: &'a Found,
        backend: Option<&'a Backend>,
    ) -> RequestView<'a> {
        let (response, bytes) = (&self.response, self.state.answer_bytes(self.output.head()));
        let answer = AnswerView { response, bytes, body: self.down.content(response.body, &self.output) };
        let server = (!self.record.server.is_empty()).then_some(self.record.server.as_str());
        RequestView { answer: Some(answer), server, ..self.view(client, found, backend) }
    }

    /// Changes the request's head; what is read of it later is the changed one.
    pub fn amend_request(&mut self, change: impl FnOnce(&mut Request, &mut Vec<u8>)) {
        let bytes = growing(&mut self.state.request_text, self.input.head());
        change(&mut self.request, bytes);
        self.request.follow_host(bytes);
    }

    /// Whether an operator has ended it, in this phase.
    pub fn is_killed(&mut self, phase: Phase) -> bool {
        let killed = self.seat.as_ref().and_then(Seat::ended);
        if let Some(who) = killed {
            self.record.ending.set(who, phase);
        }
        killed.is_some()
    }

    /// Whether rules have made the request's head longer than it may be.
    pub fn is_request_overgrown(&self, found: &Found) -> bool {
        let text = self.state.request_text.as_deref();
        text.is_some_and(|text| is_overgrown(text, &self.request.fields, found))
    }

    /// The same of the answer's.
    pub fn is_answer_overgrown(&self, found: &Found) -> bool {
        let text = self.state.answer_text.as_deref();
        text.is_some_and(|text| is_overgrown(text, &self.response.fields, found))
    }

    /// Changes the answer's head.
    pub fn amend_answer(&mut self, change: impl FnOnce(&mut Response, &mut Vec<u8>)) {
        let bytes = growing(&mut self.state.answer_text, self.output.head());
        change(&mut self.response, bytes);
    }
}

/// Its text holds what was replaced, too, so only a long one is looked at closely.
fn is_overgrown(text: &[u8], fields: &Fields, found: &Found) -> bool {
    let most = found.frontend.spec.limits.head + REWRITE_ROOM;
    let length = |field: &Field| field.name.len() + field.value.len() + b": \r\n".len();
    text.len() > most && fields.iter().map(length).sum::<usize>() > most
}

/// Serves requests until the connection has nothing more to read or must end.
pub async fn converse(client: &mut Client, x: &mut Exchange, mut first: bool) -> After {
    loop {
        let tables = client.worker.tables();
        let Some(found) = client.place.find(&client.worker, &tables) else { return After::Close };
        let is_gone = client.place.is_gone(&client.worker, &tables);
        match read_head(client, x, &found, first).await {
            // Who was let in by a listener that is gone meanwhile is served once more, by its frontend as last known.
            Head::Complete => x.request.keep_alive &= !is_gone,
            Head::Closed => return record::broken_off(client, x, &found),
            Head::Nothing => return After::Nothing,
            Head::Http2 => return After::Http2,
            Head::Failed(reason) => {
                unreadable::request(client, x, &found, reason);
                rules::count(client, &x.state.tracking, Counted::Request);
                x.request.keep_alive = false;
                x.record.unreadable(x.input.data().len());
                (x.request.body, x.up.body_bytes) = (Body::None, 0);
                return Box::pin(reply(client, x, &found, reason)).await;
            }
        }
        x.seat = Some(client.worker.sessions.begin(client, 1));
        let after = exchange(client, x, tables, &found, first).await;
        x.seat = None;
        x.state.tracking.end(client.worker.lately_ms());
        if after != After::Idle || client.stream.is_multiplexed() {
            return after;
        }
        first = false;
        x.input.next_message();
        if x.input.data().is_empty() {
            return After::Idle;
        }
    }
}

/// Nothing was asked in time. Clients that expect HAProxy's answers are told so, as there.
pub async fn tell_late(client: &mut Client) {
    let found = client.place.find(&client.worker, &client.worker.tables());
    let Some(found) = found.filter(|found| !found.frontend.answers.is_empty()) else { return };
    let mut x = client.worker.take_exchange();
    (x.request.method, x.request.version, x.request.body) = (Method::Get, Version::Http11, Body::None);
    x.request.keep_alive = false;
    x.record.begin(client, 0);
    x.record.come_to_nothing(&found);
    let _ = reply(client, &mut x, &found, Reason::HeaderTimeout).await;
    client.worker.put_exchange(x);
}

/// Reads until a head is whole. The time for it runs from its first byte, or from accept.
async fn read_head(client: &mut Client, x: &mut Exchange, found: &Found, first: bool) -> Head {
    let spec = &found.frontend.spec;
    let limits = Limits {
        head_bytes: spec.limits.head,
        fields: spec.limits.fields,
        target_bytes: spec.limits.target,
        lenient: found.lenient,
        trace: spec.http.trace,
        connect: spec.http.connect,
        underscores: spec.http.underscores.into(),
        ambiguous_paths: spec.http.ambiguous_paths.into(),
    };
    x.scanned = 0;
    // What cannot be read is answered as what it is, not as what came before it.
    (x.request.method, x.request.version, x.request.body) = (Method::Get, Version::Http11, Body::None);
    x.up.reset();
    x.down.throttle = None;
    x.state.clear();
    x.record.begin(client, client.worker.micros());
    let Client { stream, timer, .. } = client;
    // A stream of HTTP/2 has its head at once, or holds it until the client has said that nothing follows it.
    let (mut is_timed, mut is_held) = (first, false);
    let head = poll_fn(|cx| {
        loop {
            if !x.input.data().is_empty() {
                if !is_timed {
                    timer.set(spec.timeouts.header);
                    is_timed = true;
                }
                match x.request.parse(x.input.data(), &mut x.scanned, &limits) {
                    Ok(Progress::Complete) => return Poll::Ready(Head::Complete),
                    Ok(Progress::Partial) => {}
                    Err(_) if first && found.http2 && switch::begins_http2(stream, x) => {
                        return Poll::Ready(Head::Http2);
                    }
                    Err(reject) => return Poll::Ready(Head::Failed(Reason::Rejected(reject))),
                }
                if x.input.is_full() {
                    x.input.grow(limits.head_bytes + x.buffer_bytes);
                }
            }
            match x.input.poll_fill(cx, stream) {
                Poll::Ready(Ok(count)) if count > 0 => {}
                Poll::Ready(_) => return Poll::Ready(Head::Closed),
                Poll::Pending if stream.is_multiplexed() && !is_held => {
                    timer.set(spec.timeouts.header);
                    is_held = true;
                }
                Poll::Pending if x.input.data().is_empty() && !is_held => {
                    return Poll::Ready(Head::Nothing);
                }
                Poll::Pending => return timer.poll(cx).map(|()| Head::Failed(Reason::HeaderTimeout)),
            }
        }
    })
    .await;
    if !matches!(head, Head::Nothing) {
        timer.clear();
    }
    head
}

/// One request, from its whole head on.
async fn exchange(
    client: &mut Client,
    x: &mut Exchange,
    tables: Held,
    found: &Rc<Found>,
    first: bool,
) -> After {
    x.input.split_head(x.request.length);
    if let Some(body) = client.stream.body() {
        // What has no length is in chunks towards whoever needs them.
        x.request.body = if body == Body::UntilClose { Body::Chunked } else { body };
    }
    if x.request.body != Body::None {
        x.input.make_room(x.buffer_bytes);
    }
    x.record.head_read(x.request.length, client.worker.micros());
    x.record.is_first = first;
    note_request(client, x, found);
    x.up.body_bytes = 0;
    let counters = found.frontend.counters.workers.of(client.worker.index);
    counters.requests.add(1);
    rules::count(client, &x.state.tracking, Counted::Request);
    if x.request.fields.dropped() > 0 {
        counters.headers_dropped.add(x.request.fields.dropped() as u64);
    }
    if let Err(reason) = admit(client, x, found) {
        return Box::pin(reply(client, x, found, reason)).await;
    }
    if found.frontend.rules.judges_requests()
        && let Some(after) = Box::pin(judge(client, x, found, (&tables, first))).await
    {
        return after;
    }
    let mut edited = std::mem::take(&mut x.edited);
    // In a block of its own: whatever lives while others are waited for makes every connection larger.
    let action = {
        let view = x.view(client, found, None);
        let knows = |name: &Expr| backend_named(&tables, name, &view).is_some();
        decide(&found.frontend, &view, &mut edited, knows)
    };
    x.edited = edited;
    match action {
        Some(Action::Named(name)) => Box::pin(dispatch(client, x, found, (tables, name), first)).await,
        Some(Action::Backend(name)) => forward(client, x, found, (tables, name.as_str()), first).await,
        Some(own) => Box::pin(answer(client, x, found, own)).await,
        None => Box::pin(reply(client, x, found, Reason::NoRoute)).await,
    }
}

/// What a route answers by itself.
async fn answer(client: &mut Client, x: &mut Exchange, found: &Rc<Found>, action: &Action) -> After {
    match action {
        Action::Deny(status) => {
            if *status == 503 {
                // What has no backend to go to ends as if it had no server.
                x.record.ending.set(Who::Server, Phase::Connect);
                x.record.times.read = 0;
            }
            reply(client, x, found, Reason::Denied(*status)).await
        }
        Action::Respond(fixed) => {
            x.record.intercepted(fixed.status);
            let manner = settle(x, found);
            x.down.prefix.clear();
            write_answer(&mut x.down.prefix, fixed.status, &fixed.lines, &fixed.body, manner);
            finish_reply(client, x, found, manner.keep_alive).await
        }
        Action::Redirect { location, start, code } => {
            match redirect(client, x, found, (location, start, *code, b"")) {
                Some(keep_alive) => finish_reply(client, x, found, keep_alive).await,
                None => reply(client, x, found, Reason::Denied(400)).await,
            }
        }
        Action::Backend(_) | Action::Named(_) => After::Close,
    }
}

/// Whether limits of memory and of the source let a request in.
fn admit(client: &Client, x: &mut Exchange, found: &Found) -> Result<(), Reason> {
    let shared = &client.worker.shared;
    if shared.stance.is_leaving() {
        x.request.keep_alive = false;
        if shared.stance.is_refusing() {
            shared.capacity.memory_refused.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            return Err(Reason::OutOfMemory);
        }
    }
    let Some(per_source) = &found.frontend.per_source else { return Ok(()) };
    source::allow(client, (&x.request, x.input.head()), found, per_source).map_err(Reason::SourceRequests)
}

/// To the backend that an expression names.
async fn dispatch(
    client: &mut Client,
    x: &mut Exchange,
    found: &Rc<Found>,
    (tables, name): (Held, &Expr),
    first: bool,
) -> After {
    match backend_named(&tables, name, &x.view(client, found, None)) {
        Some(name) => forward(client, x, found, (tables, &name), first).await,
        None => reply(client, x, found, Reason::NoRoute).await,
    }
}

/// Runs the frontend's rules on the request; how the connection goes on if they have ended it.
async fn judge(
    client: &mut Client,
    x: &mut Exchange,
    found: &Rc<Found>,
    (tables, first): (&Held, bool),
) -> Option<After> {
    let sets = &found.frontend.rules;
    let mut turn = Turn::On;
    if !switch::was_judged(x) {
        turn = rules::request(client, x, found, (&sets.content, None)).await;
    }
    if matches!(turn, Turn::On) {
        turn = rules::request(client, x, found, (&sets.request, None)).await;
    }
    match turn {
        Turn::On => None,
        Turn::Ended(after) => Some(after),
        // A backend of ours has it: it counts as an answer of our own.
        Turn::Service(name) => {
            x.edited.clear();
            x.record.serve();
            Some(Box::pin(forward(client, x, found, (tables.clone(), name.as_str()), first)).await)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::flow::testing::{dead, pair};
    use crate::flow::{FlowError, Sink};
    use crate::splice::Pipes;

    /// A client that is gone leaves the pipe of its answer full, and the exchange may lie unused for long.
    #[test]
    fn a_spare_exchange_holds_no_pipe() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (mut server, mut near) = pair();
            near.write_all(&vec![b'x'; 50_000]).unwrap();
            let (mut client, pipes) = (dead(), Pipes::default());
            let mut x = Exchange::new(&Rc::new(Deadlines::default()), 1024);
            x.down.begin(Body::Length(1_000_000), Sink::Plain, 0, &mut x.output).unwrap();
            let sockets = (&mut server, &mut client);
            let failed = poll_fn(|cx| x.down.poll(cx, &mut x.output, (sockets.0, sockets.1), &pipes)).await;
            assert!(matches!(failed, Err(FlowError::Write)) && pipes.open() == 1);
            x.reset();
            assert_eq!(pipes.open(), 0);
        });
    }
}
