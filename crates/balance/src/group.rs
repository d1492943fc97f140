//! A group of servers behind one policy: the door through which all threads come.
//!
//! Owns the lock and what must happen outside it (waking, long work). What happens under it is in `core`.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::core::{Choice, Core};
use crate::hash::xxh64;
use crate::lease::{Ask, Grant, Lease, Outcome, Ticket};
use crate::queue::{Fate, Wakes};
use crate::server::{Admin, Health, Server};
use crate::spec::{GroupEvent, GroupSpec};
use crate::sync::{AtomicBool, AtomicU64, Mutex, Numbers};

/// One backend of one snapshot, shared by all threads.
pub struct Group {
    /// Tells groups apart; servers know their home by it.
    number: u64,
    servers: Arc<[Arc<Server>]>,
    indexes: HashMap<u64, usize>,
    core: Mutex<Core>,
    /// The tick has nothing to do before that.
    due_ms: AtomicU64,
    /// There may be events. Thousands of groups are asked ten times a second, and most never have one.
    eventful: AtomicBool,
}

static GROUPS: Numbers = Numbers::new(1);

impl Group {
    /// Build the group and make it the home of its servers. `seed` feeds the policies that draw.
    pub fn new(spec: GroupSpec, servers: Vec<Arc<Server>>, seed: u64) -> Arc<Self> {
        let servers: Arc<[Arc<Server>]> = servers.into();
        let indexes = servers.iter().enumerate().map(|(index, server)| (server.id(), index)).collect();
        let group = Arc::new(Self {
            number: GROUPS.fetch_add(1, Ordering::Relaxed),
            indexes,
            core: Mutex::new(Core::new(&spec, Arc::clone(&servers), seed)),
            servers,
            due_ms: AtomicU64::new(0),
            eventful: AtomicBool::new(true),
        });
        let mut before = Vec::new();
        {
            // Leases of an older group that end now find this lock.
            let mut core = group.core.lock();
            for (index, server) in group.servers.iter().enumerate() {
                before.extend(server.move_home(Arc::downgrade(&group), group.number, index));
                before.dedup_by_key(|group| group.number);
            }
            // What was done under the lock of an older group is seen by this one: whoever has had that lock is waited
            // for, whoever takes it from now on finds that the server has moved, and tells. Older locks are taken
            // under newer ones, never the other way round.
            for older in &before {
                drop(older.core.lock());
            }
            core.begin();
        }
        // Not under the lock: the last reference to a group may hold wakers, and they hold leases.
        drop(before);
        group.redo_stale();
        group
    }

    /// The servers, in the order of the configuration; indexes elsewhere mean this slice.
    pub fn servers(&self) -> &[Arc<Server>] {
        &self.servers
    }

    /// Index of the server with this [`Server::id`], for persistence that outlives snapshots.
    pub fn index_of_id(&self, id: u64) -> Option<usize> {
        self.indexes.get(&id).copied()
    }

    /// Index of the server with this name.
    pub fn index_of(&self, name: &str) -> Option<usize> {
        let index = self.index_of_id(xxh64(name.as_bytes(), 0))?;
        self.servers.get(index).is_some_and(|server| server.name == name).then_some(index)
    }

    /// Choose a server and take a slot on it.
    ///
    /// A sticky client gets its own server or the queue of that. Others get what the policy says among the
    /// servers with a free slot (a policy that hashes keeps to its server and waits there); when all are full,
    /// the queue of the group.
    pub fn acquire(self: &Arc<Self>, ask: &Ask<'_>, now_ms: u64) -> Grant {
        match self.with_core(|core, wakes| core.acquire(ask, now_ms, wakes)) {
            Choice::Slot { id, trial } => match self.lease(id, trial) {
                Some(lease) => {
                    self.tell_home(lease.server());
                    Grant::Lease(lease)
                }
                None => Grant::NoServer,
            },
            Choice::Wait(key) => Grant::Wait(Ticket::new(Arc::clone(self), key)),
            Choice::QueueFull => Grant::QueueFull,
            Choice::NoServer => Grant::NoServer,
        }
    }

    /// Set the runtime weight of a server (0 to 256).
    pub fn set_weight(&self, index: usize, weight: u16, now_ms: u64) {
        self.set(index, now_ms, |server, _| server.store_weight(weight));
    }

    /// Set what the operator wants of a server. Coming back from `Maint` begins its slow start.
    pub fn set_admin(&self, index: usize, admin: Admin, now_ms: u64) {
        self.set(index, now_ms, |server, core| {
            // It begins before anybody sees the server as usable, here and below.
            if server.admin() == Admin::Maint && admin == Admin::Ready && server.health() != Health::Down {
                core.begin_ramp(index, now_ms);
            }
            server.store_admin(admin);
        });
    }

    /// Set what checks say of a server. Coming back from `Down` begins its slow start and forgets failures.
    pub fn set_health(&self, index: usize, health: Health, now_ms: u64) {
        self.set(index, now_ms, |server, core| {
            if server.health() == Health::Down && health != Health::Down {
                core.absolve(index);
                core.begin_ramp(index, now_ms);
            }
            server.store_health(health);
        });
    }

    /// Call about every 100 ms: slow start, end of ejections. Cheap when nothing is pending.
    pub fn tick(&self, now_ms: u64) {
        if now_ms < self.due_ms.load(Ordering::Relaxed) {
            return;
        }
        // Whoever changes something after this sets it back to 0, under the lock, hence after this tick.
        self.with_core(|core, wakes| {
            let due_ms = core.tick(now_ms, wakes);
            self.due_ms.store(due_ms, Ordering::Relaxed);
        });
        self.redo_stale();
    }

    /// A newer snapshot replaced the group: everyone who waits is told to ask there.
    pub fn retire(&self) {
        self.with_core(Core::retire);
    }

    /// What happened since the last call; bounded, the oldest are dropped.
    pub fn events(&self) -> Vec<GroupEvent> {
        if !self.eventful.load(Ordering::Relaxed) {
            return Vec::new();
        }
        // Who tells something after this notes it again.
        self.eventful.store(false, Ordering::Relaxed);
        self.core.lock().events.drain(..).collect()
    }

    /// Requests that wait for any server. Those that wait for a certain one are in its own count.
    pub fn queued(&self) -> u32 {
        self.core.lock().queues.common_len() as u32
    }

    /// May a request be retried now? If so, it counts: retries of the last ten seconds stay below the budget's
    /// percentage of the requests of that time, with three always allowed.
    pub fn allow_retry(&self, now_ms: u64) -> bool {
        let mut core = self.core.lock();
        let held = core.members.held();
        core.budget.allow(now_ms, held)
    }
}

/// For leases and tickets.
impl Group {
    /// The lease for a slot that was taken.
    pub(crate) fn lease(self: &Arc<Self>, index: usize, trial: bool) -> Option<Lease> {
        let server = Arc::clone(self.servers.get(index)?);
        Some(Lease::new(Arc::clone(self), server, index, trial))
    }

    /// A request that was granted server `index` of this group ended.
    pub(crate) fn release(&self, lease: &Lease, outcome: Outcome, now_ms: Option<u64>) {
        let server = lease.server();
        let give_back = |group: &Self, index: usize| {
            group.with_core(|core, wakes| core.release(index, lease.is_trial(), outcome, now_ms, wakes));
            group.tell_home(server);
        };
        match (server.home_number() != self.number).then(|| server.home()).flatten() {
            Some((home, index)) => give_back(&home, index),
            None => give_back(self, lease.index()),
        }
    }

    /// Do something under the lock, then wake whom it concerns.
    pub(crate) fn with_core<R>(&self, act: impl FnOnce(&mut Core, &mut Wakes) -> R) -> R {
        let mut wakes = Wakes::default();
        let result = {
            let mut core = self.core.lock();
            let result = act(&mut core, &mut wakes);
            self.note(&core);
            result
        };
        wakes.wake();
        result
    }

    /// Under the lock, after something was done: is there anything for the tick, or to be told?
    fn note(&self, core: &Core) {
        if core.restless {
            self.due_ms.store(0, Ordering::Relaxed);
        }
        if !core.events.is_empty() {
            self.eventful.store(true, Ordering::Relaxed);
        }
    }

    /// A ticket was dropped.
    pub(crate) fn leave(self: &Arc<Self>, key: usize) {
        let waiter = self.with_core(|core, _| {
            let waiter = core.queues.remove(key, &self.servers)?;
            if let Some(id) = waiter.place {
                core.members.refresh(id);
            }
            Some(waiter)
        });
        if let Some(Fate::Granted { id, trial }) = waiter.map(|waiter| waiter.fate) {
            // Dropping the lease gives the slot to the next.
            drop(self.lease(id, trial));
        }
    }

    fn set(&self, index: usize, now_ms: u64, store: impl FnOnce(&Server, &mut Core)) {
        let Some(server) = self.servers.get(index) else { return };
        self.with_core(|core, wakes| {
            core.advance(now_ms);
            store(server, core);
            core.restless = true;
            core.changed(index, wakes);
        });
        self.tell_home(server);
    }

    /// If a newer group took the server over, tell it that the server's state or load changed.
    fn tell_home(&self, server: &Server) {
        if server.home_number() != self.number
            && let Some((home, index)) = server.home()
        {
            home.with_core(|core, wakes| core.changed(index, wakes));
        }
    }

    /// Work too long for the lock: take what it needs, do it, bring the result.
    fn redo_stale(&self) {
        let recipe = self.core.lock().members.stale();
        if let Some(recipe) = recipe {
            let table = recipe.fill();
            self.core.lock().members.adopt(recipe.version, table);
        }
    }
}

impl std::fmt::Debug for Group {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Group")
            .field("number", &self.number)
            .field("servers", &self.servers)
            .finish_non_exhaustive()
    }
}
