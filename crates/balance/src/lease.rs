//! What a request asks of a group and what it gets: a lease on a slot, or a ticket for the queue.

use std::net::IpAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::group::Group;
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
}

impl Ask<'_> {
    /// A request from `source` without key, stickiness or history.
    pub fn new(source: IpAddr) -> Self {
        Self { hash: None, source, sticky: None, tried: &[] }
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
#[derive(Debug)]
pub struct Lease {
    #[allow(dead_code)]
    group: Arc<Group>,
    server: Arc<Server>,
    index: usize,
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
    pub fn finish(self, outcome: Outcome, now_ms: u64) {
        let _ = (self, outcome, now_ms);
    }
}

/// A place in the queue. Dropping it leaves the queue; a slot granted meanwhile passes to the next.
#[derive(Debug)]
pub struct Ticket {
    #[allow(dead_code)]
    group: Arc<Group>,
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
        let _ = cx;
        Poll::Pending
    }
}
