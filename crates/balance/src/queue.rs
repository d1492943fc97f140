//! Who waits for a slot: a queue for each server and one for the whole group, in order of arrival.
//!
//! Owns order and wake-ups. Slots themselves are taken by `core` before a waiter is told.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::Waker;

use slab::Slab;

use crate::server::Server;

/// What became of a waiter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Waiting,
    /// A slot was taken for it; it must be used or given back.
    Granted {
        id: usize,
        trial: bool,
    },
    Moved,
    NoServer,
}

pub(crate) struct Waiter {
    arrival: u64,
    /// Whose queue; `None`: the group's.
    pub place: Option<usize>,
    pub tried: Vec<usize>,
    pub fate: Fate,
    pub waker: Option<Waker>,
}

#[derive(Default)]
pub(crate) struct Queues {
    waiters: Slab<Waiter>,
    common: BTreeMap<u64, usize>,
    own: Vec<BTreeMap<u64, usize>>,
    own_total: usize,
    /// Waiters that may not have every server.
    picky: usize,
    arrivals: u64,
}

/// Wakers collected under the lock, to be woken after it.
#[derive(Default)]
pub(crate) struct Wakes {
    first: Option<Waker>,
    rest: Vec<Waker>,
}

impl Queues {
    pub fn new(size: usize) -> Self {
        Self { own: (0..size).map(|_| BTreeMap::new()).collect(), ..Self::default() }
    }

    pub fn is_empty(&self) -> bool {
        self.own_total == 0 && self.common.is_empty()
    }

    /// Is there someone who may not have every server?
    pub fn has_picky(&self) -> bool {
        self.picky > 0
    }

    /// Length of the group's queue.
    pub fn common_len(&self) -> usize {
        self.common.len()
    }

    /// Queue up at a server (`place`) or for all.
    pub fn join(&mut self, place: Option<usize>, tried: &[usize], servers: &[Arc<Server>]) -> usize {
        let arrival = self.arrivals;
        self.arrivals += 1;
        self.picky += usize::from(!tried.is_empty());
        let waiter = Waiter { arrival, place, tried: tried.to_vec(), fate: Fate::Waiting, waker: None };
        let key = self.waiters.insert(waiter);
        match place.and_then(|id| Some((self.own.get_mut(id)?, servers.get(id)?))) {
            Some((queue, server)) => {
                queue.insert(arrival, key);
                self.own_total += 1;
                server.add_queued(1);
            }
            None => {
                self.common.insert(arrival, key);
            }
        }
        key
    }

    /// A waiter that never waits: its group is retired.
    pub fn join_moved(&mut self) -> usize {
        let fate = Fate::Moved;
        self.waiters.insert(Waiter { arrival: 0, place: None, tried: Vec::new(), fate, waker: None })
    }

    pub fn get_mut(&mut self, key: usize) -> Option<&mut Waiter> {
        self.waiters.get_mut(key)
    }

    /// Take a waiter out. It is returned whole: its waker must not be dropped under the lock, as that may drop
    /// a task and with it another lease.
    pub fn remove(&mut self, key: usize, servers: &[Arc<Server>]) -> Option<Waiter> {
        if self.waiters.get(key)?.fate == Fate::Waiting {
            self.unlink(key, servers);
        }
        self.waiters.try_remove(key)
    }

    /// Who waited longest for server `id`: at its own queue (if it takes those) or for any (if it takes those).
    pub fn next_for(&self, id: usize, takes_own: bool, takes_common: bool) -> Option<usize> {
        let own = self.own.get(id).filter(|_| takes_own).and_then(BTreeMap::first_key_value);
        let may_go = |key: &usize| self.waiters.get(*key).is_some_and(|waiter| !waiter.tried.contains(&id));
        let common = if takes_common { self.common.iter().find(|entry| may_go(entry.1)) } else { None };
        own.into_iter().chain(common).min_by_key(|entry| entry.0).map(|entry| *entry.1)
    }

    /// The first in the group's queue that arrived at or after `arrival`: its arrival and key.
    pub fn common_from(&self, arrival: u64) -> Option<(u64, usize)> {
        self.common.range(arrival..).next().map(|(arrival, key)| (*arrival, *key))
    }

    /// End the wait.
    pub fn settle(&mut self, key: usize, fate: Fate, servers: &[Arc<Server>], wakes: &mut Wakes) {
        self.unlink(key, servers);
        if let Some(waiter) = self.waiters.get_mut(key) {
            waiter.fate = fate;
            wakes.push(waiter.waker.take());
        }
    }

    /// Everyone who waits for server `id` now waits for any, in the order of arrival.
    pub fn displace(&mut self, id: usize, servers: &[Arc<Server>]) {
        let Some(queue) = self.own.get_mut(id) else { return };
        let displaced = std::mem::take(queue);
        self.own_total -= displaced.len();
        if let Some(server) = servers.get(id) {
            server.sub_queued(displaced.len() as u32);
        }
        for key in displaced.values() {
            if let Some(waiter) = self.waiters.get_mut(*key) {
                waiter.place = None;
            }
        }
        self.common.extend(displaced);
    }

    /// End all waits with the same fate.
    pub fn settle_all(&mut self, fate: Fate, servers: &[Arc<Server>], wakes: &mut Wakes) {
        let waiting = self.waiters.iter().filter(|(_, waiter)| waiter.fate == Fate::Waiting);
        let keys: Vec<usize> = waiting.map(|(key, _)| key).collect();
        for key in keys {
            self.settle(key, fate, servers, wakes);
        }
    }

    fn unlink(&mut self, key: usize, servers: &[Arc<Server>]) {
        let Some(waiter) = self.waiters.get(key) else { return };
        self.picky -= usize::from(!waiter.tried.is_empty());
        match waiter.place.and_then(|id| Some((self.own.get_mut(id)?, servers.get(id)?))) {
            Some((queue, server)) => {
                if queue.remove(&waiter.arrival).is_some() {
                    self.own_total -= 1;
                    server.sub_queued(1);
                }
            }
            None => {
                self.common.remove(&waiter.arrival);
            }
        }
    }
}

impl Wakes {
    fn push(&mut self, waker: Option<Waker>) {
        let Some(waker) = waker else { return };
        match self.first {
            None => self.first = Some(waker),
            Some(_) => self.rest.push(waker),
        }
    }

    /// Call without the lock.
    pub fn wake(self) {
        self.first.into_iter().chain(self.rest).for_each(Waker::wake);
    }
}
