//! What is in progress on a worker, for operators who look at it or end it.
//!
//! One record an exchange or a balanced connection, in a slab that is only written to on its way: names are looked up when
//! somebody asks. Whoever is ended from outside is woken by the worker's timers and asks its [`Seat`].

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use crate::client::{Client, Presence};
use crate::ending::Who;
use crate::tables::{Backend, Server, Tables};
use crate::wire::{Mode, Session};
use crate::worker::{Attachment, Cut};

/// Numbers of a worker are this far apart, so that those of all workers differ.
const WORKERS: u64 = 256;

/// All records of a worker.
#[derive(Default)]
pub struct Sessions {
    slab: RefCell<Slab>,
}

#[derive(Default)]
struct Slab {
    records: Vec<Record>,
    free: Vec<usize>,
    begun: u64,
}

struct Record {
    number: u64,
    /// None: the record is free.
    presence: Option<Rc<Presence>>,
    peer: SocketAddr,
    begun_us: u64,
    requests: u64,
    /// Where the backend's counters are, which stay when it is replaced; 0: there is none yet.
    backend: usize,
    /// The server's serial; 0: there is none yet.
    server: u64,
    /// Of one that only carries bytes.
    tunnel: Option<Attachment>,
    ended: Cell<Option<Who>>,
}

/// Which of them an operator means.
#[derive(Clone, Copy, Debug)]
pub enum Which {
    /// The one with this number.
    Number(u64),
    /// Those on the server with this serial.
    Server(u64),
}

/// A record while what it tells of lasts.
pub struct Seat {
    owner: Rc<Sessions>,
    index: usize,
}

impl Sessions {
    /// Something begins: a request, or (0 requests) a connection.
    pub fn begin(self: &Rc<Self>, client: &Client, requests: u64) -> Seat {
        let slab = &mut *self.slab.borrow_mut();
        slab.begun += 1;
        let record = Record {
            number: slab.begun * WORKERS + client.worker.index as u64,
            presence: Some(client.presence()),
            peer: client.peer,
            begun_us: client.worker.micros(),
            requests,
            backend: 0,
            server: 0,
            tunnel: None,
            ended: Cell::new(None),
        };
        let index = slab.free.pop().unwrap_or(slab.records.len());
        match slab.records.get_mut(index) {
            Some(place) => *place = record,
            None => slab.records.push(record),
        }
        Seat { owner: Rc::clone(self), index }
    }

    /// All of them, as the contract tells of them.
    pub fn show(&self, tables: &Tables, now_us: u64) -> Vec<Session> {
        let slab = self.slab.borrow();
        slab.records.iter().filter_map(|record| record.show(tables, now_us)).collect()
    }

    /// Ends some, for this reason; how many. They have to be woken.
    pub fn end(&self, which: Which, who: Who) -> u64 {
        let slab = self.slab.borrow();
        let meant = |record: &&Record| match which {
            Which::Number(number) => record.number == number,
            Which::Server(serial) => record.server == serial,
        };
        let found = slab.records.iter().filter(|record| record.presence.is_some()).filter(meant);
        let end = |record: &Record| {
            record.ended.set(record.ended.get().or(Some(who)));
            record.tunnel.iter().for_each(Attachment::cut);
        };
        found.map(end).count() as u64
    }
}

impl Record {
    fn show(&self, tables: &Tables, now_us: u64) -> Option<Session> {
        let presence = self.presence.as_ref()?;
        let frontend = tables.frontends.iter().find(|frontend| presence.is_of(&frontend.counters));
        let backend = tables.backends.iter().find(|backend| place(backend) == self.backend);
        let mut servers = tables.backends.iter().flat_map(|backend| &backend.servers);
        let server = servers.find(|server| server.slot.serial == self.server);
        let is_tcp = frontend.is_some_and(|frontend| frontend.spec.mode == Mode::Tcp);
        Some(Session {
            number: self.number,
            source: self.peer.to_string(),
            frontend: frontend.map(|frontend| frontend.spec.name.clone()).unwrap_or_default(),
            backend: backend.map(|backend| backend.spec.name.clone()).unwrap_or_default(),
            server: server.map(|server| server.name.clone()).unwrap_or_default(),
            mode: if is_tcp { "tcp" } else { "http" }.to_owned(),
            age: now_us.saturating_sub(self.begun_us) / 1_000_000,
            requests: self.requests,
            bytes_in: 0,
            bytes_out: 0,
        })
    }
}

impl Seat {
    /// It goes to this backend.
    pub fn goes_to(&self, backend: &Backend) {
        self.change(|record| record.backend = place(backend));
    }

    /// It goes to this server.
    pub fn lands_on(&self, server: &Server) {
        self.change(|record| record.server = server.slot.serial);
    }

    /// It carries nothing but bytes from now on, until this is cut.
    pub fn carries(&self, cut: &Cut) {
        self.change(|record| record.tunnel = Some(cut.attachment()));
    }

    /// Why it is to end, if it is.
    pub fn ended(&self) -> Option<Who> {
        self.owner.slab.borrow().records.get(self.index).and_then(|record| record.ended.get())
    }

    fn change(&self, change: impl FnOnce(&mut Record)) {
        if let Some(record) = self.owner.slab.borrow_mut().records.get_mut(self.index) {
            change(record);
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        // Outside of the borrow: the last one that knows a connection does more than forget it.
        let mut held = None;
        self.change(|record| held = Some((record.presence.take(), record.tunnel.take())));
        self.owner.slab.borrow_mut().free.push(self.index);
        drop(held);
    }
}

fn place(backend: &Backend) -> usize {
    Arc::as_ptr(&backend.counters).addr()
}
