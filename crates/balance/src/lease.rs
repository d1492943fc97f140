//! What a request asks of a group and what it gets: a lease on a slot, or a ticket for the queue.

use std::net::IpAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::group::Group;
use crate::queue::Fate;
use crate::server::Server;

/// What a group needs to know of a request.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// Key for hash policies; `None`: round robin.
    pub hash: Option<&'a [u8]>,
    /// The client's address, for `ip_hash`.
    pub source: IpAddr,
    /// Index of the server that persistence wants.
    pub sticky: Option<usize>,
    /// Indexes of servers that were tried; never chosen.
    pub tried: &'a [usize],
    /// Persistence holds even to a server that is down.
    pub forced: bool,
}

impl Ask<'_> {
    /// A request from `source` without key, stickiness or history.
    pub fn new(source: IpAddr) -> Self {
        Self { hash: None, source, sticky: None, tried: &[], forced: false }
    }
}

/// Answer to an [`Ask`].
#[derive(Debug)]
pub enum Grant {
    /// A slot on a server.
    Lease(Lease),
    /// All slots are taken: wait for one.
    Wait(Ticket),
    /// All slots are taken and so is the queue.
    QueueFull,
    /// No server may take it.
    NoServer,
}

/// How a request on a server ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// What it says of the server.
    pub kind: OutcomeKind,
    /// Time to its answer, microseconds.
    pub latency_us: u64,
}

/// What the end of a request says of its server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutcomeKind {
    /// It works.
    Success,
    /// It failed: counts for the passive check and for ejection.
    Failure,
    /// Nothing, for example because the client went away.
    Aborted,
}

/// One slot on one server. Dropping it is the same as finishing with [`OutcomeKind::Aborted`].
pub struct Lease {
    group: Arc<Group>,
    server: Arc<Server>,
    index: usize,
    /// The one request that decides whether a server that failed is well again.
    trial: bool,
    open: bool,
}

impl Lease {
    /// Index of the server in the group that was asked.
    pub fn index(&self) -> usize {
        self.index
    }

    /// The server.
    pub fn server(&self) -> &Arc<Server> {
        &self.server
    }

    /// Give the slot back, which wakes whoever waited longest for it.
    pub fn finish(mut self, outcome: Outcome, now_ms: u64) {
        self.open = false;
        self.group.release(&self, outcome, Some(now_ms));
    }

    pub(crate) fn new(group: Arc<Group>, server: Arc<Server>, index: usize, trial: bool) -> Self {
        Self { group, server, index, trial, open: true }
    }

    pub(crate) fn is_trial(&self) -> bool {
        self.trial
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if self.open {
            self.open = false;
            let outcome = Outcome { kind: OutcomeKind::Aborted, latency_us: 0 };
            self.group.release(self, outcome, None);
        }
    }
}

impl std::fmt::Debug for Lease {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lease").field("server", &self.server.name).finish_non_exhaustive()
    }
}

/// A place in the queue. Dropping it leaves the queue; a slot granted meanwhile passes to the next.
#[derive(Debug)]
pub struct Ticket {
    group: Arc<Group>,
    /// The waiter in the group's queues; `None` when the wait is over.
    key: Option<usize>,
}

/// End of waiting.
#[derive(Debug)]
pub enum Turn {
    /// A slot on a server.
    Lease(Lease),
    /// The group was retired: ask its successor.
    Moved,
    /// No server is left that may take it.
    NoServer,
}

impl Ticket {
    /// Ready when it is this request's turn. After that, [`Turn::NoServer`].
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Turn> {
        let Some(key) = self.key else { return Poll::Ready(Turn::NoServer) };
        let servers = self.group.servers();
        let waker = cx.waker().clone();
        // Comes back with the waiter if its wait is over, else with the waker that the new one replaces:
        // neither may be dropped under the lock.
        let looked = self.group.with_core(|core, _| match core.queues.get_mut(key) {
            Some(waiter) if waiter.fate == Fate::Waiting => Err(waiter.waker.replace(waker)),
            _ => Ok(core.queues.remove(key, servers)),
        });
        let Ok(waiter) = looked else { return Poll::Pending };
        self.key = None;
        Poll::Ready(match waiter.map(|waiter| waiter.fate) {
            Some(Fate::Granted { id, trial }) => {
                self.group.lease(id, trial).map_or(Turn::NoServer, Turn::Lease)
            }
            Some(Fate::Moved) => Turn::Moved,
            _ => Turn::NoServer,
        })
    }

    pub(crate) fn new(group: Arc<Group>, key: usize) -> Self {
        Self { group, key: Some(key) }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if let Some(key) = self.key.take() {
            self.group.leave(key);
        }
    }
}
