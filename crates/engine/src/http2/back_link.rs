//! One HTTP/2 connection to a server, shared by the requests of a worker.
//!
//! Owns: its preface, its windows, how many streams it carries, whether it takes more, whether the peer still speaks,
//! and the task that drives it. Does not own: which connection a request gets (`back_pool`), nor what goes over one
//! stream (`back`).

use std::cell::{Cell, OnceCell, RefCell};
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use h2::client::{Builder, Connection, SendRequest};
use h2::{Ping, PingPong};
use tokio::task::spawn_local;

use super::Asked;
use super::back_wire::{Ears, Wire};
use crate::behind::Behind;
use crate::deadline::Deadlines;
use crate::stats::{ServerCounters, Workers};
use crate::stream::Stream;

/// Streams on one connection, whatever the peer allows: what goes wrong with it goes wrong for that many.
pub const MOST_STREAMS: usize = 100;

/// What a stream may send before we take it.
const STREAM_WINDOW: u32 = 64 * 1024;

/// What all of them may: streams whose clients do not take must not hold back the others.
const CONNECTION_WINDOW: u32 = STREAM_WINDOW * MOST_STREAMS as u32;

/// Bytes that a stream may have given us for the peer and that are not written yet.
const SEND_BYTES: usize = 64 * 1024;

/// What `h2` may spend on small DATA frames that nobody has taken yet.
const SMALL_FRAMES_BYTES: usize = 8 * 1024 * 1024;

/// Stands for a limit of streams that the peer has not named yet; no peer can name it.
const UNKNOWN: usize = usize::MAX - 1;

/// What a link is opened with.
pub struct Terms {
    /// Bytes of an answer's head.
    pub head_bytes: usize,
    /// Streams at once that this link may carry.
    pub streams: usize,
    /// Streams in all; None: no limit.
    pub most: Option<u32>,
    /// Streams at once until the peer has said how many it takes.
    pub guess: usize,
    /// It is kept when it carries nothing.
    pub keeps: bool,
    /// Milliseconds after which an unused one is closed; 0: never.
    pub idle_ms: u64,
    /// Milliseconds of silence, while answers are waited for, after which the peer is asked whether it lives; 0: never.
    pub doubt_ms: u64,
    /// Milliseconds of silence after which one that does not say so is given up; 0: never.
    pub dead_ms: u64,
    /// Of the server; they may outlive it.
    pub counters: Arc<Workers<ServerCounters>>,
    /// The worker's place.
    pub worker: usize,
    /// The worker's clock.
    pub deadlines: Rc<Deadlines>,
}

/// See the module.
pub struct Link {
    terms: Terms,
    secure: bool,
    behind: Rc<Behind>,
    /// Gone once it takes no new streams.
    sender: RefCell<Option<SendRequest<Bytes>>>,
    /// Gone once it is closed.
    connection: RefCell<Option<Connection<Wire, Bytes>>>,
    driver: OnceCell<Waker>,
    ping: RefCell<Option<PingPong>>,
    /// What was heard before a question that has no answer yet.
    pinged: Cell<Option<u64>>,
    /// It had none at the last look either: a question is no doubt while its answer is on the way.
    doubted: Cell<bool>,
    streams: Cell<usize>,
    /// Streams so far.
    carried: Cell<u32>,
    /// Since when nothing, or nothing but waiting, has happened.
    since_ms: Cell<u64>,
    idle: Cell<bool>,
    ears: Rc<Ears>,
    waiting: RefCell<Vec<Waker>>,
}

impl Link {
    /// Sends the preface; does not wait for the peer's.
    pub async fn open(stream: Stream, terms: Terms) -> io::Result<Rc<Self>> {
        let secure = matches!(stream, Stream::Tls(_));
        let behind =
            Rc::new(Behind { is_http2: true, ..Rc::into_inner(Behind::of(&stream)).unwrap_or_default() });
        let now = terms.deadlines.now_ms();
        let ears = Rc::new(Ears::new(Rc::clone(&terms.deadlines)));
        let wire = Wire::new(stream, Rc::clone(&ears));
        let mut builder = Builder::new();
        builder
            .enable_push(false)
            .initial_max_send_streams(UNKNOWN)
            .initial_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_header_list_size(terms.head_bytes.try_into().unwrap_or(u32::MAX))
            .max_send_buffer_size(SEND_BYTES)
            .data_frame_budget(SMALL_FRAMES_BYTES);
        let (sender, mut connection) = builder.handshake(wire).await.map_err(into_io)?;
        let ping = connection.ping_pong();
        let link = Rc::new(Self {
            terms,
            secure,
            behind,
            sender: RefCell::new(Some(sender)),
            connection: RefCell::new(Some(connection)),
            driver: OnceCell::new(),
            ping: RefCell::new(ping),
            pinged: Cell::new(None),
            doubted: Cell::new(false),
            streams: Cell::new(0),
            carried: Cell::new(0),
            since_ms: Cell::new(now),
            idle: Cell::new(false),
            ears,
            waiting: RefCell::default(),
        });
        spawn_local(Rc::clone(&link).drive());
        Ok(link)
    }

    /// A stream, if one more may be opened.
    pub fn stream(self: &Rc<Self>) -> Option<Asked> {
        self.has_room().then(|| {
            self.leave_idle();
            self.carried.set(self.carried.get().saturating_add(1));
            if self.streams.replace(self.streams.get() + 1) == 0 {
                self.since_ms.set(self.terms.deadlines.now_ms());
            }
            Asked::new(Rc::clone(self))
        })
    }

    /// Whether it takes one more stream.
    pub fn has_room(&self) -> bool {
        self.streams.get() < self.limit() && !self.is_spent() && !self.is_doubtful() && self.is_open()
    }

    /// Whether it has had all the streams that it may.
    fn is_spent(&self) -> bool {
        self.terms.most.is_some_and(|most| self.carried.get() >= most)
    }

    /// Whether it takes streams at all: no GOAWAY has come, nothing is broken, and nobody has retired it.
    pub fn is_open(&self) -> bool {
        let mut sender = self.sender.borrow_mut();
        // This handle never opens a stream itself, so it never waits and the waker is never kept.
        let ready = |sender: &mut SendRequest<Bytes>| {
            matches!(sender.poll_ready(&mut Context::from_waker(Waker::noop())), Poll::Ready(Ok(())))
        };
        sender.as_mut().is_some_and(ready)
    }

    /// Over TLS.
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// As rules and lines see it.
    pub fn behind(&self) -> &Rc<Behind> {
        &self.behind
    }

    /// Milliseconds since which it has carried nothing.
    pub fn idle_since(&self) -> Option<u64> {
        self.idle.get().then(|| self.since_ms.get())
    }

    /// How often something was heard.
    pub fn reads(&self) -> u64 {
        self.ears.reads.get()
    }

    /// Whether the peer knows extended CONNECT (RFC 8441); waits for what it says at first.
    pub fn poll_extended(&self, cx: &mut Context<'_>) -> Poll<bool> {
        let sender = self.sender.borrow();
        let Some(sender) = sender.as_ref() else { return Poll::Ready(false) };
        if sender.current_max_send_streams() != UNKNOWN {
            return Poll::Ready(sender.is_extended_connect_protocol_enabled());
        }
        self.waiting.borrow_mut().push(cx.waker().clone());
        Poll::Pending
    }

    /// The handle that opens a stream.
    pub fn sender(&self) -> Option<SendRequest<Bytes>> {
        self.sender.borrow().clone()
    }

    /// Takes no more streams and closes when it has none.
    pub fn retire(&self) {
        self.leave_idle();
        let sender = self.sender.borrow_mut().take();
        drop(sender);
    }

    /// Closes it now.
    pub fn close(&self) {
        self.retire();
        let connection = self.connection.borrow_mut().take();
        drop(connection);
        if let Some(driver) = self.driver.get() {
            driver.wake_by_ref();
        }
    }

    /// Looks after it, about once a second; false once it is of no more use.
    pub fn look(&self, now_ms: u64) -> bool {
        if !self.is_open() {
            self.retire();
            return false;
        }
        let Terms { idle_ms, .. } = self.terms;
        if self.idle.get() && idle_ms > 0 && now_ms >= self.since_ms.get().saturating_add(idle_ms) {
            self.retire();
            return false;
        }
        self.listen(now_ms);
        true
    }

    /// Asks a peer that says nothing while answers are waited for whether it lives, and gives up one that does not say
    /// so. Until it does, new requests go elsewhere: they must not all wait for a server that is gone.
    fn listen(&self, now_ms: u64) {
        let Terms { doubt_ms, dead_ms, .. } = self.terms;
        let mut ping = self.ping.borrow_mut();
        let Some(ping) = ping.as_mut() else { return };
        let is_unanswered = self.pinged.get() == Some(self.reads());
        self.doubted.set(is_unanswered);
        if self.pinged.get().is_some() && ping.poll_pong(&mut Context::from_waker(Waker::noop())).is_ready() {
            self.pinged.set(None);
        }
        let silent = now_ms.saturating_sub(self.ears.at_ms.get().max(self.since_ms.get()));
        if self.streams.get() == 0 || doubt_ms == 0 || silent < doubt_ms {
            return;
        }
        if is_unanswered {
            if dead_ms > 0 && silent >= dead_ms {
                self.close();
            }
        } else if ping.send_ping(Ping::opaque()).is_ok() {
            self.pinged.set(Some(self.reads()));
        }
    }

    /// Whether nothing at all was heard since it was asked for a sign of life.
    fn is_doubtful(&self) -> bool {
        self.doubted.get() && self.pinged.get() == Some(self.reads())
    }

    /// Streams at once.
    pub fn limit(&self) -> usize {
        match self.sender.borrow().as_ref().map(SendRequest::current_max_send_streams) {
            None => 0,
            Some(UNKNOWN) => self.terms.guess.min(self.terms.streams),
            Some(said) => said.min(self.terms.streams),
        }
    }

    fn leave_idle(&self) {
        if self.idle.replace(false) {
            self.terms.counters.of(self.terms.worker).idle_out.add(1);
        }
    }

    /// A stream has ended.
    pub fn ended(&self) {
        self.streams.set(self.streams.get().saturating_sub(1));
        if self.streams.get() > 0 {
            return;
        }
        self.since_ms.set(self.terms.deadlines.now_ms());
        if self.terms.keeps && !self.is_spent() && self.is_open() {
            self.idle.set(true);
            self.terms.counters.of(self.terms.worker).idle_in.add(1);
        } else {
            self.retire();
        }
    }

    async fn drive(self: Rc<Self>) {
        poll_fn(|cx| {
            self.driver.get_or_init(|| cx.waker().clone());
            let mut connection = self.connection.borrow_mut();
            let Some(open) = connection.as_mut() else { return Poll::Ready(()) };
            let ended = Pin::new(open).poll(cx);
            self.tell();
            ready!(ended).ok();
            *connection = None;
            Poll::Ready(())
        })
        .await;
        self.retire();
        self.tell();
    }

    /// Wakes who waits for the peer's first word, once it has come or never will.
    fn tell(&self) {
        if self.waiting.borrow().is_empty() {
            return;
        }
        let known = |sender: &SendRequest<Bytes>| sender.current_max_send_streams() != UNKNOWN;
        if self.sender.borrow().as_ref().is_none_or(known) {
            self.waiting.take().into_iter().for_each(Waker::wake);
        }
    }
}

fn into_io(error: h2::Error) -> io::Error {
    error.into_io().unwrap_or_else(|| io::ErrorKind::InvalidData.into())
}
