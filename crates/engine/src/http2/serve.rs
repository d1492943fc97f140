//! One HTTP/2 connection of a client, from its preface to its end: every stream becomes a task of its own.
//!
//! Owns: how many streams there may be, how long the connection may be idle, and how it ends: gently where work may be
//! under way, at once where its glitch budget is spent. Does not own: what a stream carries (`front`).

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use h2::server::{Builder, Connection, SendResponse};
use h2::{Reason, RecvStream};
use http::Request;
use tokio::task::{spawn_local, yield_now};

use super::Served;
use super::glitches::Budget;
use super::watched::{Watch, Watched};
use crate::client::{Client, Crowd};
use crate::farewell::farewell;
use crate::http::serve_stream;
use crate::listener::Found;
use crate::stats::ConnectionCounters;
use crate::stream::Stream;
use crate::wire::FrontendLimits;
use crate::worker::Worker;

/// Bytes that a stream's client may send before they are taken: enough for a server a continent away, and no more than
/// the two buffers of an exchange twice over.
const STREAM_WINDOW: u32 = 64 * 1024;
/// The same for all streams of a connection, so that a few whose servers are slow leave room for others.
const CONNECTION_WINDOW: u32 = 1024 * 1024;
/// Data of a stream that is ready to leave.
const SEND_BYTES: usize = 32 * 1024;
/// How often a connection with work looks whether it should go.
const LOOK_MS: u64 = 1_000;
/// The same of an idle one.
const IDLE_LOOK_MS: u64 = 5_000;
/// How long the last words may take.
const FAREWELL_MS: u64 = 1_000;
/// Bytes that are still read after them.
const FAREWELL_BYTES: usize = 256 * 1024;

/// A connection while it is served.
struct Session {
    crowd: Crowd,
    watch: Rc<Watch>,
    load: Rc<Load>,
    streams: u32,
    stage: Stage,
    /// As it was when the connection came.
    epoch: u64,
}

/// Streams whose tasks have not ended, whatever their clients did.
struct Load {
    streams: Cell<u32>,
    /// When there was none any more.
    idle_since: Cell<u64>,
}

/// One of them.
struct Share {
    load: Rc<Load>,
    worker: Rc<Worker>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Until the client has said what it speaks.
    Beginning,
    Serving,
    /// No new streams; those there are end in their own time.
    Leaving,
    /// Nothing but the last words.
    Ending,
}

/// Serves a connection whose client has begun to speak HTTP/2, perhaps with bytes that were read.
pub async fn serve(client: Client, read: Vec<u8>) {
    let Some(found) = client.place.find(&client.worker, &client.worker.tables()) else { return };
    let epoch = client.epoch();
    let (stream, crowd) = client.multiplex();
    let limits = found.frontend.spec.limits;
    let now = crowd.worker.deadlines.now_ms();
    let budget = RefCell::new(Budget::new(limits.glitches, now));
    let watch = Rc::new(Watch { budget, socket: Cell::new(None), is_broken: Cell::new(false) });
    crowd.timer.set(found.frontend.spec.timeouts.header);
    let mut handshake = builder(&limits).handshake(Watched::new(stream, read, Rc::clone(&watch)));
    let begun = poll_fn(|cx| match Pin::new(&mut handshake).poll(cx) {
        Poll::Pending if crowd.worker.idle_epoch.get() != epoch => Poll::Ready(None),
        Poll::Pending => crowd.timer.poll(cx).map(|()| None),
        Poll::Ready(connection) => Poll::Ready(connection.ok()),
    });
    let Some(mut connection) = begun.await else { return };
    drop(handshake);
    for counters in found.connection_counters(crowd.worker.index) {
        counters.http2_connections.add(1);
    }
    drop(found);
    let load = Rc::new(Load { streams: Cell::new(0), idle_since: Cell::new(now) });
    let stage = Stage::Beginning;
    let mut session = Session { crowd, watch, load, streams: limits.streams, stage, epoch };
    poll_fn(|cx| session.poll(cx, &mut connection)).await;
    drop(connection);
    if let Some(mut stream) = session.watch.socket.take() {
        farewell(&mut stream, &session.crowd.timer, FAREWELL_BYTES).await;
    }
}

fn builder(limits: &FrontendLimits) -> Builder {
    let mut builder = Builder::new();
    builder
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_frame_size(16 * 1024)
        .max_header_list_size(u32::try_from(limits.head).unwrap_or(u32::MAX))
        .max_send_buffer_size(SEND_BYTES)
        // The budget judges them, here and while they wait for their task.
        .max_pending_accept_reset_streams(usize::MAX)
        .max_local_error_reset_streams(None)
        .enable_connect_protocol();
    if limits.streams > 0 {
        builder.max_concurrent_streams(limits.streams);
    }
    builder
}

/// What comes next.
enum Step {
    Wait,
    Leave,
    End(Reason),
    Over,
}

impl Session {
    /// Drives the connection; ready when it has ended or nobody waits for its end.
    fn poll(&mut self, cx: &mut Context<'_>, connection: &mut Connection<Watched, Bytes>) -> Poll<()> {
        loop {
            match connection.poll_accept(cx) {
                Poll::Ready(Some(Ok((request, respond)))) => {
                    self.begin(cx, request, respond);
                    continue;
                }
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => {}
            }
            match self.step(cx) {
                Step::Wait => return Poll::Pending,
                Step::Over => return Poll::Ready(()),
                Step::Leave => {
                    connection.graceful_shutdown();
                    self.stage = Stage::Leaving;
                }
                Step::End(reason) => {
                    connection.abrupt_shutdown(reason);
                    self.stage = Stage::Ending;
                }
            }
            self.crowd.timer.set(FAREWELL_MS);
        }
    }

    /// A stream with a whole head.
    fn begin(
        &mut self,
        cx: &mut Context<'_>,
        request: Request<RecvStream>,
        mut respond: SendResponse<Bytes>,
    ) {
        let is_late = self.stage == Stage::Ending || self.watch.is_over();
        if is_late || respond.poll_reset(cx).is_ready() {
            return;
        }
        if self.streams > 0 && self.load.streams.get() >= self.streams {
            return respond.send_reset(Reason::REFUSED_STREAM);
        }
        match Served::new(request, respond) {
            Ok(served) => {
                self.count(|counters| counters.http2_streams.add(1));
                let client = self.crowd.client(Stream::Served(Box::new(served)));
                let share = Share::new(&self.load, &self.crowd.worker);
                let waits = self.watch.budget.borrow().has_resets();
                self.crowd.timer.set(LOOK_MS);
                spawn_local(run(client, share, waits));
            }
            Err(mut respond) => {
                self.count(|counters| counters.request_errors.add(1));
                respond.send_reset(Reason::PROTOCOL_ERROR);
            }
        }
    }

    /// Whether the connection should end, and how.
    fn step(&mut self, cx: &mut Context<'_>) -> Step {
        let now = self.crowd.worker.deadlines.now_ms();
        let (fresh, is_spent, has_settings) = {
            let mut budget = self.watch.budget.borrow_mut();
            budget.forgive(now);
            (budget.take_count(), budget.is_spent(), budget.has_settings())
        };
        if fresh > 0 {
            self.count(|counters| counters.glitches.add(u64::from(fresh)));
            self.crowd.tracking().borrow().count_glitches(fresh.into(), self.crowd.worker.now_ms());
        }
        match self.stage {
            Stage::Ending => {
                return if self.crowd.timer.poll(cx).is_ready() { Step::Over } else { Step::Wait };
            }
            _ if is_spent => return Step::End(Reason::ENHANCE_YOUR_CALM),
            _ if self.watch.is_broken.get() => return Step::End(Reason::PROTOCOL_ERROR),
            Stage::Beginning if has_settings => self.serve(now),
            Stage::Beginning | Stage::Serving | Stage::Leaving => {}
        }
        if self.stage == Stage::Serving && self.should_leave() {
            return Step::Leave;
        }
        let is_idle = self.load.streams.get() == 0;
        if is_idle && self.stage != Stage::Leaving && self.is_unwanted() {
            return Step::End(Reason::NO_ERROR);
        }
        while self.crowd.timer.poll(cx).is_ready() {
            match self.stage {
                Stage::Beginning => return Step::End(Reason::SETTINGS_TIMEOUT),
                Stage::Leaving if is_idle => return Step::End(Reason::NO_ERROR),
                Stage::Serving if is_idle && !self.rest(now) => return Step::End(Reason::NO_ERROR),
                Stage::Serving if is_idle => {}
                _ => self.crowd.timer.set(LOOK_MS),
            }
        }
        Step::Wait
    }

    fn serve(&mut self, now: u64) {
        self.stage = Stage::Serving;
        if self.load.streams.get() == 0 {
            self.rest(now);
        } else {
            self.crowd.timer.set(LOOK_MS);
        }
    }

    /// Sets the time of the next look at an idle connection; false when it has been idle for long enough.
    fn rest(&self, now: u64) -> bool {
        let keep_alive = self.found().map_or(0, |found| found.frontend.spec.timeouts.keep_alive);
        let idle = now.saturating_sub(self.load.idle_since.get());
        if keep_alive > 0 && idle >= keep_alive {
            return false;
        }
        let left = if keep_alive > 0 { keep_alive - idle } else { IDLE_LOOK_MS };
        self.crowd.timer.set(left.min(IDLE_LOOK_MS));
        true
    }

    /// It may do what it has begun and is to go elsewhere with the rest.
    fn should_leave(&self) -> bool {
        let worker = &self.crowd.worker;
        worker.shared.stance.is_leaving()
            || self.crowd.place.is_gone(worker, &worker.tables())
            || self.watch.budget.borrow().is_low()
    }

    /// Idle connections are to be closed, or this one is for the sake of others.
    fn is_unwanted(&self) -> bool {
        let worker = &self.crowd.worker;
        worker.idle_epoch.get() != self.epoch || worker.is_spared(self.load.idle_since.get())
    }

    fn found(&self) -> Option<Rc<Found>> {
        self.crowd.place.find(&self.crowd.worker, &self.crowd.worker.tables())
    }

    fn count(&self, add: impl Fn(&ConnectionCounters)) {
        if let Some(found) = self.found() {
            found.connection_counters(self.crowd.worker.index).into_iter().for_each(add);
        }
    }
}

/// One stream. Where streams are given up as fast as they come, each waits until what its client has already said about
/// it was read: what is reset by then costs nothing.
async fn run(mut client: Client, _share: Share, waits: bool) {
    if waits {
        yield_now().await;
    }
    if !poll_fn(|cx| Poll::Ready(client.is_reset(cx))).await {
        serve_stream(client).await;
    }
}

impl Share {
    fn new(load: &Rc<Load>, worker: &Rc<Worker>) -> Self {
        load.streams.set(load.streams.get() + 1);
        Self { load: Rc::clone(load), worker: Rc::clone(worker) }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.load.streams.set(self.load.streams.get() - 1);
        self.load.idle_since.set(self.worker.deadlines.now_ms());
    }
}
