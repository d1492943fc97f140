//! Which servers may be chosen now, kept up to date in the policy's index.
//!
//! Owns the rules: who is usable, when backups come in, what share slow start leaves, when a full server
//! leaves the index. It learns of changes by `update` (states, weights, failures) and `refresh` (load), and
//! reads the truth from the servers' atomics each time, so a change made through an older group is never
//! wrong for longer than one pick.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use crate::lease::{Ask, Outcome};
use crate::policy::{self, Policy, Query, Recipe, Ways};
use crate::server::{Admin, Health, SHARE_PER_WEIGHT, Server};
use crate::spec::{GroupSpec, OnDrain};

pub(crate) struct Members {
    pub servers: Arc<[Arc<Server>]>,
    seats: Vec<Seat>,
    policy: Box<dyn Policy>,
    ways: Ways,
    on_drain: OnDrain,
    all_backups: bool,
    backups: Vec<usize>,
    usable_primaries: usize,
    usable_backups: usize,
    /// Some limit moves with the load.
    follows_load: bool,
    /// Some limit does, or grows in slow start.
    has_moving_limits: bool,
    /// Servers that may be chosen, full ones included.
    chosen_from: usize,
    held: u64,
}

#[derive(Clone, Copy, Default)]
struct Seat {
    usable: bool,
    /// What it may have by its weight and tier.
    share: u32,
    /// What the policy was told.
    placed: u32,
    /// Requests held when last looked at.
    held: u32,
}

/// What came of choosing.
pub(crate) enum Pick {
    /// A slot was taken.
    Taken(usize),
    /// This server and no other, but it is full.
    Full(usize),
    Nothing,
}

impl Members {
    pub fn new(spec: &GroupSpec, servers: Arc<[Arc<Server>]>, seed: u64) -> Self {
        let backups = servers.iter().enumerate().filter(|(_, server)| server.is_backup());
        Self {
            seats: vec![Seat::default(); servers.len()],
            policy: policy::build(spec.policy, &servers, seed),
            ways: Ways::of(spec.policy),
            on_drain: spec.sticky_on_drain,
            all_backups: spec.all_backups,
            backups: backups.map(|(id, _)| id).collect(),
            usable_primaries: 0,
            usable_backups: 0,
            follows_load: servers.iter().any(|server| server.limit_follows_load()),
            has_moving_limits: servers.iter().any(|server| server.has_moving_limit()),
            chosen_from: 0,
            held: 0,
            servers,
        }
    }

    /// Look at all servers for the first time.
    pub fn update_all(&mut self, now_ms: u64) {
        for id in 0..self.seats.len() {
            self.note_usable(id);
        }
        for id in 0..self.seats.len() {
            if !self.is_backup(id) {
                self.place(id, now_ms);
            }
        }
        self.place_backups(now_ms);
        // Also those that are out: a policy may begin with a guess of its own.
        for (id, seat) in self.seats.iter().enumerate() {
            self.policy.place(id, seat.placed);
        }
    }

    /// State, weight or record of server `id` changed.
    pub fn update(&mut self, id: usize, now_ms: u64) {
        let primaries_before = self.usable_primaries;
        self.note_usable(id);
        let backup = self.is_backup(id);
        if !backup {
            self.place(id, now_ms);
        }
        if backup || (primaries_before == 0) != (self.usable_primaries == 0) {
            self.place_backups(now_ms);
        }
    }

    /// What server `id` holds or what waits for it changed.
    pub fn refresh(&mut self, id: usize) {
        let (Some(seat), Some(server)) = (self.seats.get_mut(id), self.servers.get(id)) else { return };
        let held = server.active();
        self.held = self.held + u64::from(held) - u64::from(seat.held);
        seat.held = held;
        let share = if self.ways.keeps_full || server.has_room() { seat.share } else { 0 };
        if share != seat.placed {
            seat.placed = share;
            self.policy.place(id, share);
        }
        self.policy.load_changed(id, server.load());
    }

    /// Whether every request moves limits. Most groups have none that do.
    pub fn follows_load(&self) -> bool {
        self.follows_load
    }

    /// Whether any limit moves, with requests or with time.
    pub fn has_moving_limits(&self) -> bool {
        self.has_moving_limits
    }

    /// What all servers hold and what waits for each of them.
    pub fn load(&self) -> u64 {
        self.servers.iter().map(|server| u64::from(server.load())).sum()
    }

    /// Moves the limit of server `id`; whether it has grown.
    pub fn move_limit(&mut self, id: usize, load: u64, now_ms: u64) -> bool {
        let Some(server) = self.servers.get(id).filter(|server| server.has_moving_limit()) else {
            return false;
        };
        let Some(grown) = server.move_limit(load, now_ms) else { return false };
        self.refresh(id);
        grown
    }

    /// Let the policy choose and take the slot. `free_only`: do not settle for a full server.
    pub fn pick(&mut self, ask: &Ask<'_>, free_only: bool, now_ms: u64) -> Pick {
        loop {
            let (servers, keeps_full) = (&*self.servers, self.ways.keeps_full);
            let closed = |server: &Arc<Server>| !server.has_room() && (free_only || !server.has_queue_room());
            let barred =
                |id: usize| ask.tried.contains(&id) || (keeps_full && servers.get(id).is_none_or(closed));
            let (hash, source) = (ask.hash, ask.source);
            let query = Query { hash, source, servers, held: self.held, now_ms, barred: &barred };
            let Some(id) = self.policy.pick(&query) else { return self.pick_backup(ask) };
            if self.servers.get(id).is_none_or(|server| !server.is_usable()) {
                self.update(id, now_ms);
            } else if self.take(id) {
                return Pick::Taken(id);
            } else if self.ways.keeps_full && !free_only {
                return Pick::Full(id);
            }
        }
    }

    /// Take a slot of server `id` if it has one free.
    pub fn take(&mut self, id: usize) -> bool {
        let taken = self.servers.get(id).is_some_and(|server| server.try_take());
        self.refresh(id);
        taken
    }

    /// Does a client that belongs to server `id` stay there?
    pub fn keeps_clients(&self, id: usize) -> bool {
        let Some(server) = self.servers.get(id) else { return false };
        let stays = self.on_drain == OnDrain::Stay;
        server.health() != Health::Down
            && server.ejected_until() == 0
            && match server.admin() {
                Admin::Ready => stays || server.weight() > 0,
                Admin::Drain => stays,
                Admin::Maint => false,
            }
    }

    /// May server `id` get anyone's work?
    pub fn is_open(&self, id: usize) -> bool {
        self.seats.get(id).is_some_and(|seat| seat.share > 0)
    }

    /// Is there a server, full or not, that a request which tried some may still get?
    pub fn has_other_than(&self, tried: &[usize]) -> bool {
        let mut left = self.chosen_from;
        for (nth, id) in tried.iter().enumerate() {
            let seen = tried.iter().take(nth).any(|earlier| earlier == id);
            left -= usize::from(!seen && self.is_open(*id));
        }
        left > 0
    }

    /// Would a usable server be left without `id`?
    pub fn can_spare(&self, id: usize) -> bool {
        let own = self.seats.get(id).is_some_and(|seat| seat.usable);
        self.usable_primaries + self.usable_backups > usize::from(own)
    }

    pub fn has_usable(&self) -> bool {
        self.usable_primaries + self.usable_backups > 0
    }

    /// Requests held by all servers.
    pub fn held(&self) -> u64 {
        self.held
    }

    pub fn observe(&mut self, id: usize, outcome: Outcome, now_ms: u64) {
        if let Some(server) = self.servers.get(id) {
            self.policy.observe(server, outcome, now_ms);
        }
    }

    pub fn stale(&self) -> Option<Recipe> {
        self.policy.stale()
    }

    pub fn adopt(&mut self, version: u64, table: Vec<u32>) {
        self.policy.adopt(version, table);
    }

    fn is_backup(&self, id: usize) -> bool {
        // Not asked of the server: a newer snapshot may have changed it there.
        self.backups.binary_search(&id).is_ok()
    }

    fn note_usable(&mut self, id: usize) {
        let backup = self.is_backup(id);
        let (Some(seat), Some(server)) = (self.seats.get_mut(id), self.servers.get(id)) else { return };
        let usable = server.is_usable();
        let before = std::mem::replace(&mut seat.usable, usable);
        let count = if backup { &mut self.usable_backups } else { &mut self.usable_primaries };
        *count = *count + usize::from(usable) - usize::from(before);
    }

    fn place(&mut self, id: usize, now_ms: u64) {
        let usable = self.seats.get(id).is_some_and(|seat| seat.usable);
        let share = if usable { self.share_of(id, now_ms) } else { 0 };
        self.set_share(id, share);
    }

    /// Backups take work when no other server can: the first usable one, or all.
    fn place_backups(&mut self, now_ms: u64) {
        let mut wanted = match (self.usable_primaries, self.all_backups) {
            (0, false) => 1,
            (0, true) => usize::MAX,
            _ => 0,
        };
        for nth in 0..self.backups.len() {
            let Some(&id) = self.backups.get(nth) else { return };
            if wanted > 0 && self.seats.get(id).is_some_and(|seat| seat.usable) {
                wanted -= 1;
                self.place(id, now_ms);
            } else {
                self.set_share(id, 0);
            }
        }
    }

    fn set_share(&mut self, id: usize, share: u32) {
        if let Some(seat) = self.seats.get_mut(id) {
            let before = std::mem::replace(&mut seat.share, share);
            self.chosen_from = self.chosen_from + usize::from(share > 0) - usize::from(before > 0);
            self.refresh(id);
        }
    }

    /// The share by its weight; while slow start lasts the part of it that the time since allows.
    fn share_of(&self, id: usize, now_ms: u64) -> u32 {
        let Some(server) = self.servers.get(id) else { return 0 };
        if self.ways.fixed_weights {
            return u32::from(server.base_weight().max(1)) * SHARE_PER_WEIGHT;
        }
        let full = u32::from(server.weight()) * SHARE_PER_WEIGHT;
        let Some(from) = server.ramp_from.load(Relaxed).checked_sub(1) else { return full };
        let (age, length) = (now_ms.saturating_sub(from), server.slow_start_ms());
        if age >= length { full } else { ((u64::from(full) * age / length) as u32).max(1) }
    }

    /// When nobody else can take a request that failed elsewhere, a backup may, though others are usable.
    fn pick_backup(&mut self, ask: &Ask<'_>) -> Pick {
        if ask.tried.is_empty() || self.has_other_than(ask.tried) {
            return Pick::Nothing;
        }
        for nth in 0..self.backups.len() {
            let Some(&id) = self.backups.get(nth) else { break };
            let usable = self.servers.get(id).is_some_and(|server| server.is_usable());
            if usable && !ask.tried.contains(&id) && self.take(id) {
                return Pick::Taken(id);
            }
        }
        Pick::Nothing
    }
}
