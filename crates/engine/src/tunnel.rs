//! Bytes both ways between two sockets, with half-close, back-pressure and an idle timeout.
//!
//! A direction holds a buffer only while bytes are in it.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::AsyncWrite;

use crate::buffer::{Buffer, TUNNEL_BYTES};
use crate::deadline::Timer;
use crate::ending::{Phase, Who};
use crate::splice::Pipe;
use crate::stream::Stream;
use crate::throttle::{Throttle, Throttles};
use crate::worker::{Cut, Worker};

/// Who ended a tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Both sides said that they are done.
    Clean,
    /// Nothing moved for the time that this side has.
    Idle(Who),
    /// The client's socket failed.
    Client,
    /// The server's socket failed.
    Server,
    /// The server was taken out and its connections with it.
    Cut,
    /// A rule refuses what the server says.
    Denied,
}

/// What becomes of the server's first bytes.
pub enum Judgement {
    /// They go to the client, and what follows them, within the limits that rules on them have set.
    Pass(Vec<u8>, Throttles),
    /// They go to the client, and nothing more.
    Last(Vec<u8>),
    /// Nothing of it goes to the client, which is told (`silent`) as little of it as possible.
    Refuse {
        /// See above.
        silent: bool,
    },
}

impl End {
    /// In logs.
    pub fn code(self) -> &'static str {
        match self {
            Self::Clean => "closed",
            Self::Idle(_) => "idle-timeout",
            Self::Client => "client-aborted",
            Self::Server => "server-aborted",
            Self::Cut => "server-down",
            Self::Denied => "answer-denied",
        }
    }
}

impl End {
    /// The same for lines of logs.
    pub fn ending(self) -> (Who, Phase) {
        match self {
            Self::Clean => (Who::Nobody, Phase::Ended),
            Self::Idle(who) => (who, Phase::Data),
            Self::Client => (Who::Client, Phase::Data),
            Self::Server => (Who::Server, Phase::Data),
            Self::Cut => (Who::Down, Phase::Data),
            Self::Denied => (Who::Proxy, Phase::Data),
        }
    }
}

/// How long nothing may move, and whose time it is; 0: for ever.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    both: (u64, Who),
    client_alone: u64,
    server_alone: u64,
}

impl Patience {
    /// The times of client and server in milliseconds, while both may speak and (0: no other) while only one may.
    pub fn new([client, server]: [u64; 2], [client_fin, server_fin]: [u64; 2]) -> Self {
        let is_client = client > 0 && (server == 0 || client <= server);
        Self {
            both: if is_client { (client, Who::ClientSlow) } else { (server, Who::ServerSlow) },
            client_alone: if client_fin > 0 { client_fin } else { client },
            server_alone: if server_fin > 0 { server_fin } else { server },
        }
    }

    fn of(&self, up: &Way<'_>, down: &Way<'_>) -> (u64, Who) {
        match (up.closed, down.closed) {
            (true, false) => (self.server_alone, Who::ServerSlow),
            (false, true) => (self.client_alone, Who::ClientSlow),
            _ => self.both,
        }
    }
}

/// What went through.
#[derive(Clone, Copy, Debug, Default)]
pub struct Moved {
    /// From the client to the server.
    pub up: u64,
    /// From the server to the client.
    pub down: u64,
}

/// The two ends and what decides how long they live.
pub struct Tunnel<'a> {
    /// Lends buffers.
    pub worker: &'a Worker,
    /// The client.
    pub client: &'a mut Stream,
    /// The server.
    pub server: &'a mut Stream,
    /// Reset with every byte that moves.
    pub timer: &'a Timer,
    /// For how long none may move.
    pub patience: Patience,
    /// Ends it when the server goes down.
    pub cut: Option<Cut>,
    /// How fast each direction may be.
    pub throttles: Throttles,
}

/// Bytes after which a direction carries enough for a pipe to pay.
const MUCH: u64 = 1024 * 1024;

struct Way<'a> {
    worker: &'a Worker,
    buffer: Option<Buffer>,
    pipe: Option<Pipe>,
    throttle: Option<Box<Throttle>>,
    /// It waits for its turn.
    is_held: bool,
    bytes: u64,
    ended: bool,
    closed: bool,
}

enum Failure {
    Read,
    Write,
}

impl Tunnel<'_> {
    /// Carries until both sides have ended, one has failed, or the idle time has passed. `up` and `down` are bytes
    /// that were read before.
    pub async fn run(mut self, up: &[u8], down: &[u8]) -> (End, Moved) {
        let [first, second] = std::mem::take(&mut self.throttles);
        let (up, down) = (Way::with(self.worker, up), Way::with(self.worker, down));
        self.carry((Way { throttle: first, ..up }, Way { throttle: second, ..down })).await
    }

    /// The same, but nothing of what the server says goes through before `judge`, which reads it, has decided.
    pub async fn run_judged(
        mut self,
        up: &[u8],
        mut judge: impl FnMut(&mut Context<'_>, &mut Stream) -> Poll<Judgement>,
    ) -> (End, Moved) {
        let [first, second] = std::mem::take(&mut self.throttles);
        let mut up = Way { throttle: first, ..Way::with(self.worker, up) };
        let down = Way { throttle: second, ..Way::with(self.worker, b"") };
        self.timer.set(self.patience.both.0);
        let judged = poll_fn(|cx| {
            let before = (up.bytes, up.closed);
            match up.poll(cx, self.client, self.server) {
                Poll::Ready(Err(Failure::Read)) => return Poll::Ready(Err(End::Client)),
                Poll::Ready(Err(Failure::Write)) => return Poll::Ready(Err(End::Server)),
                _ => {}
            }
            if let Poll::Ready(judgement) = judge(cx, self.server) {
                return Poll::Ready(Ok(judgement));
            }
            if self.cut.as_ref().is_some_and(|cut| cut.poll(cx)) {
                return Poll::Ready(Err(End::Cut));
            }
            let (idle_ms, who) = self.patience.of(&up, &down);
            if up.is_held || (up.bytes, up.closed) != before {
                self.timer.set(idle_ms);
            }
            self.timer.poll(cx).map(|()| Err(End::Idle(who)))
        })
        .await;
        let end = match judged {
            Ok(Judgement::Pass(bytes, [first, second])) => {
                up.throttle = first.or(up.throttle);
                let down = Way { throttle: second.or(down.throttle), ..Way::with(self.worker, &bytes) };
                return self.carry((up, down)).await;
            }
            Ok(Judgement::Last(bytes)) => {
                let down = Way { ended: true, throttle: down.throttle, ..Way::with(self.worker, &bytes) };
                let up = Way { buffer: None, ended: true, closed: true, ..up };
                return self.carry((up, down)).await;
            }
            Ok(Judgement::Refuse { silent }) => {
                if silent {
                    self.client.reset_on_close();
                }
                End::Denied
            }
            Err(end) => end,
        };
        self.timer.clear();
        (end, Moved { up: up.bytes, down: 0 })
    }

    async fn carry(self, (mut up, mut down): (Way<'_>, Way<'_>)) -> (End, Moved) {
        self.timer.set(self.patience.of(&up, &down).0);
        let mut turn = false;
        let end = poll_fn(|cx| {
            let before = (up.bytes + down.bytes, up.closed, down.closed);
            // In turns: a direction that always has something to do uses up what the task may do at a time.
            turn = !turn;
            let early = turn.then(|| up.poll(cx, self.client, self.server));
            let second = down.poll(cx, self.server, self.client);
            let first = early.unwrap_or_else(|| up.poll(cx, self.client, self.server));
            let end = match (first, second) {
                (Poll::Ready(Err(Failure::Read)), _) | (_, Poll::Ready(Err(Failure::Write))) => {
                    Some(End::Client)
                }
                (Poll::Ready(Err(Failure::Write)), _) | (_, Poll::Ready(Err(Failure::Read))) => {
                    Some(End::Server)
                }
                (Poll::Ready(Ok(())), Poll::Ready(Ok(()))) => Some(End::Clean),
                _ => None,
            };
            if let Some(end) = end {
                return Poll::Ready(end);
            }
            if self.cut.as_ref().is_some_and(|cut| cut.poll(cx)) {
                return Poll::Ready(End::Cut);
            }
            let (idle_ms, who) = self.patience.of(&up, &down);
            let is_held = up.is_held || down.is_held;
            if is_held || (up.bytes + down.bytes, up.closed, down.closed) != before {
                self.timer.set(idle_ms);
            }
            self.timer.poll(cx).map(|()| End::Idle(who))
        })
        .await;
        self.timer.clear();
        (end, Moved { up: up.bytes, down: down.bytes })
    }
}

impl<'a> Way<'a> {
    fn with(worker: &'a Worker, bytes: &[u8]) -> Self {
        let buffer = (!bytes.is_empty()).then(|| Buffer::holding(bytes, TUNNEL_BYTES));
        Self {
            worker,
            buffer,
            pipe: None,
            throttle: None,
            is_held: false,
            bytes: 0,
            ended: false,
            closed: false,
        }
    }

    /// An idle direction holds no memory and no pipe.
    fn lay_down(&mut self) {
        if let Some(pipe) = self.pipe.take() {
            self.worker.pipes.put(pipe);
        }
        if let Some(buffer) = self.buffer.take() {
            self.worker.put_buffer(buffer);
        }
    }

    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut Stream,
        to: &mut Stream,
    ) -> Poll<Result<(), Failure>> {
        loop {
            while let Some(buffer) = self.buffer.as_mut().filter(|buffer| !buffer.data().is_empty()) {
                let mut data = buffer.data();
                if let Some(throttle) = &mut self.throttle {
                    self.is_held = throttle.poll(cx).is_pending();
                    if self.is_held {
                        return Poll::Pending;
                    }
                    data = data.get(..throttle.allowed(data.len())).unwrap_or_default();
                }
                let count = match ready!(Pin::new(&mut *to).poll_write(cx, data)) {
                    Ok(0) | Err(_) => return Poll::Ready(Err(Failure::Write)),
                    Ok(count) => count,
                };
                self.bytes += count as u64;
                buffer.consume(count);
                if let Some(throttle) = &mut self.throttle {
                    throttle.spend(count);
                }
            }
            if let (Some(pipe), Some(socket)) = (&mut self.pipe, to.plain()) {
                ready!(pipe.poll_drain(cx, socket, &mut self.bytes)).map_err(|_| Failure::Write)?;
            }
            ready!(Pin::new(&mut *to).poll_flush(cx)).map_err(|_| Failure::Write)?;
            if self.ended {
                if !self.closed {
                    // A peer that is gone already has nothing more to be told. To one that is there the last words may
                    // have to wait for room, or for this task's next turn.
                    let _: io::Result<()> = ready!(Pin::new(&mut *to).poll_shutdown(cx));
                    self.closed = true;
                }
                self.lay_down();
                return Poll::Ready(Ok(()));
            }
            if from.poll_read_ready(cx).is_pending() {
                self.lay_down();
                return Poll::Pending;
            }
            match self.poll_take(cx, from, to.plain().is_some()) {
                Poll::Pending => {
                    self.lay_down();
                    return Poll::Pending;
                }
                Poll::Ready(Err(_)) => return Poll::Ready(Err(Failure::Read)),
                Poll::Ready(Ok(0)) => self.ended = true,
                Poll::Ready(Ok(_)) => {}
            }
        }
    }

    /// Takes bytes into a pipe when the direction carries much and one is free, otherwise into a buffer.
    fn poll_take(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut Stream,
        is_plain: bool,
    ) -> Poll<io::Result<usize>> {
        let pays = self.bytes >= MUCH && self.throttle.is_none();
        if self.pipe.is_none() && pays && is_plain && from.plain().is_some() {
            self.pipe = self.worker.pipes.take();
        }
        match (&mut self.pipe, from.plain()) {
            (Some(pipe), Some(socket)) => pipe.poll_fill(cx, socket, u64::MAX),
            _ => self.buffer.get_or_insert_with(|| self.worker.take_buffer()).poll_fill(cx, from),
        }
    }
}
