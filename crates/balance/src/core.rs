//! What a group does under its lock: take slots, queue requests, hand slots on, leave servers out.
//!
//! Every method leaves this rule true: nobody waits while a slot that he may have is free. So a newcomer never
//! overtakes a waiter, and a slot given back goes to whoever waited longest for it.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use crate::budget::Budget;
use crate::eject::{self, Cause};
use crate::lease::{Ask, Outcome, OutcomeKind};
use crate::members::{Members, Pick};
use crate::queue::{Fate, Queues, Wakes};
use crate::server::Server;
use crate::spec::{Eject, GroupEvent, GroupSpec};

/// Events kept until someone asks for them.
const MAX_EVENTS: usize = 1024;

pub(crate) struct Core {
    pub members: Members,
    pub queues: Queues,
    pub budget: Budget,
    pub events: VecDeque<GroupEvent>,
    eject: Option<Eject>,
    max_queue: usize,
    /// Servers left out for failures, and servers in slow start: the tick looks after them.
    out: Vec<usize>,
    ramps: Vec<usize>,
    retired: bool,
    now_ms: u64,
    /// Something changed that the tick must see to.
    pub restless: bool,
}

/// What a request gets; the group wraps it.
pub(crate) enum Choice {
    Slot { id: usize, trial: bool },
    Wait(usize),
    QueueFull,
    NoServer,
}

impl Core {
    pub fn new(spec: &GroupSpec, servers: Arc<[Arc<Server>]>, seed: u64) -> Self {
        Self {
            queues: Queues::new(servers.len()),
            members: Members::new(spec, servers, seed),
            budget: Budget::new(spec.retry_budget_percent),
            events: VecDeque::new(),
            eject: spec.eject,
            max_queue: if spec.max_queue == 0 { usize::MAX } else { spec.max_queue as usize },
            out: Vec::new(),
            ramps: Vec::new(),
            retired: false,
            now_ms: 0,
            restless: true,
        }
    }

    /// See all servers as they are, including what an earlier group left them with.
    pub fn begin(&mut self) {
        for id in 0..self.members.servers.len() {
            self.look_after(id);
        }
        self.members.update_all(self.now_ms);
        self.spare_the_last();
        // Nobody waits yet.
        self.move_limits(0, &mut Wakes::default());
    }

    pub fn acquire(&mut self, ask: &Ask<'_>, now_ms: u64, wakes: &mut Wakes) -> Choice {
        self.now_ms = self.now_ms.max(now_ms);
        if self.members.follows_load() {
            self.move_limits(1, wakes);
        }
        if ask.tried.is_empty() {
            self.budget.note_request(now_ms);
        }
        if let Some(choice) = ask.sticky.and_then(|id| self.stay(id, ask)) {
            return choice;
        }
        match self.members.pick(ask, false, now_ms) {
            Pick::Taken(id) => self.slot(id),
            Pick::Full(id) => self.wait(Some(id), ask),
            Pick::Nothing if !self.members.has_other_than(ask.tried) => Choice::NoServer,
            Pick::Nothing if self.queues.common_len() >= self.max_queue => Choice::QueueFull,
            Pick::Nothing => self.wait(None, ask),
        }
    }

    /// A request on server `id` ended, its slot is free.
    pub fn release(
        &mut self,
        id: usize,
        trial: bool,
        outcome: Outcome,
        now_ms: Option<u64>,
        wakes: &mut Wakes,
    ) {
        let Some(server) = self.members.servers.get(id).map(Arc::clone) else { return };
        let now_ms = now_ms.unwrap_or(self.now_ms).max(self.now_ms);
        self.now_ms = now_ms;
        server.give_back();
        if self.members.follows_load() {
            self.move_limits(0, wakes);
        }
        self.members.observe(id, outcome, now_ms);
        if trial {
            self.end_trial(id, &server, outcome.kind, wakes);
        } else if server.ejected_until() == 0
            && let Some(cause) = eject::count(&server, outcome.kind, self.eject, now_ms)
        {
            self.punish(id, &server, cause, wakes);
        }
        self.hand_on(id, wakes);
    }

    /// Weight, state or record of server `id` changed, perhaps by way of another group.
    pub fn changed(&mut self, id: usize, wakes: &mut Wakes) {
        self.restless = true;
        self.look_after(id);
        self.members.update(id, self.now_ms);
        self.move_limits(0, wakes);
        self.spare_the_last();
        if self.queues.is_empty() {
            return;
        }
        if !self.members.keeps_clients(id) {
            let servers = Arc::clone(&self.members.servers);
            self.queues.displace(id, &servers);
        }
        self.hand_on(id, wakes);
        self.serve_common(wakes);
    }

    /// Slow start begins for server `id`, unless it has none.
    pub fn begin_ramp(&mut self, id: usize, now_ms: u64) {
        self.advance(now_ms);
        if let Some(server) = self.members.servers.get(id)
            && server.slow_start_ms() > 0
        {
            server.ramp_from.store(self.now_ms.saturating_add(1), Relaxed);
            self.ramps.retain(|ramp| *ramp != id);
            self.ramps.push(id);
            self.restless = true;
        }
    }

    /// Time, for what follows.
    pub fn advance(&mut self, now_ms: u64) {
        self.now_ms = self.now_ms.max(now_ms);
    }

    /// Ends of ejections, steps of slow start. Returns when the next tick has something to do.
    pub fn tick(&mut self, now_ms: u64, wakes: &mut Wakes) -> u64 {
        self.advance(now_ms);
        let servers = Arc::clone(&self.members.servers);
        for id in std::mem::take(&mut self.out) {
            let Some(server) = servers.get(id) else { continue };
            if server.ejected_until() == 0 {
                continue;
            }
            if eject::readmit(&server.record, self.now_ms) {
                let on_trial = server.record.on_trial.load(Relaxed);
                self.readmitted(server, if on_trial { "one request decides" } else { "its time is over" });
                self.changed(id, wakes);
            } else {
                self.out.push(id);
            }
        }
        for id in std::mem::take(&mut self.ramps) {
            let Some(server) = servers.get(id) else { continue };
            match server.ramp_from.load(Relaxed).checked_sub(1) {
                None => continue,
                Some(from) if self.now_ms.saturating_sub(from) >= server.slow_start_ms() => {
                    server.ramp_from.store(0, Relaxed);
                }
                Some(_) => self.ramps.push(id),
            }
            self.members.update(id, self.now_ms);
        }
        self.move_limits(0, wakes);
        self.restless = false;
        if self.ramps.is_empty() { self.next_return() } else { self.now_ms }
    }

    /// Everyone who waits is sent on.
    pub fn retire(&mut self, wakes: &mut Wakes) {
        self.retired = true;
        let servers = Arc::clone(&self.members.servers);
        self.queues.settle_all(Fate::Moved, &servers, wakes);
    }

    /// Forget the failures of server `id` (a check found it well).
    pub fn absolve(&mut self, id: usize) {
        if let Some(server) = self.members.servers.get(id) {
            eject::clear(&server.record, self.now_ms);
        }
    }
}

impl Core {
    /// If server `id` is left out or in slow start, the tick sees to it from now on.
    fn look_after(&mut self, id: usize) {
        let Some(server) = self.members.servers.get(id) else { return };
        if server.ejected_until() != 0 && !self.out.contains(&id) {
            self.out.push(id);
        }
        if let Some(from) = server.ramp_from.load(Relaxed).checked_sub(1)
            && !self.ramps.contains(&id)
        {
            self.now_ms = self.now_ms.max(from);
            self.ramps.push(id);
        }
    }

    /// Set the limits that move with what is under way and waits, `newcomers` included. Who waits goes first where one
    /// has grown.
    fn move_limits(&mut self, newcomers: u64, wakes: &mut Wakes) {
        if !self.members.has_moving_limits() {
            return;
        }
        let load = self.members.load() + self.queues.common_len() as u64 + newcomers;
        for id in 0..self.members.servers.len() {
            if self.members.move_limit(id, load, self.now_ms) {
                self.hand_on(id, wakes);
            }
        }
    }

    /// A client that belongs to server `id`: a slot there, or its queue. `None`: it goes elsewhere.
    fn stay(&mut self, id: usize, ask: &Ask<'_>) -> Option<Choice> {
        let server = self.members.servers.get(id)?;
        let room = server.has_queue_room();
        if ask.tried.contains(&id) || !(ask.forced || self.members.keeps_clients(id)) {
            return None;
        }
        if self.members.take(id) {
            return Some(self.slot(id));
        }
        room.then(|| self.wait(Some(id), ask))
    }

    fn slot(&mut self, id: usize) -> Choice {
        Choice::Slot { id, trial: self.begin_trial(id) }
    }

    fn wait(&mut self, place: Option<usize>, ask: &Ask<'_>) -> Choice {
        if self.retired {
            return Choice::Wait(self.queues.join_moved());
        }
        let key = self.queues.join(place, ask.tried, &self.members.servers);
        if let Some(id) = place {
            self.members.refresh(id);
        }
        Choice::Wait(key)
    }

    /// Give free slots of server `id` to those who waited longest for it.
    fn hand_on(&mut self, id: usize, wakes: &mut Wakes) {
        self.members.refresh(id);
        while !self.queues.is_empty() {
            let (own, common) = (self.members.keeps_clients(id), self.members.is_open(id));
            let Some(key) = self.queues.next_for(id, own, common) else { return };
            if !self.members.take(id) {
                return;
            }
            self.grant(key, id, wakes);
        }
    }

    /// Give slots that are free anywhere to those who wait for any; send those away whom nobody can take.
    fn serve_common(&mut self, wakes: &mut Wakes) {
        let servers = Arc::clone(&self.members.servers);
        let source = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        let (mut from, mut all_full) = (0, false);
        while let Some((arrival, key)) = self.queues.common_from(from) {
            from = arrival + 1;
            let Some(tried) = self.queues.get_mut(key).map(|waiter| waiter.tried.clone()) else { continue };
            let ask = Ask { hash: None, source, sticky: None, tried: &tried, forced: false };
            let pick = if all_full { Pick::Nothing } else { self.members.pick(&ask, true, self.now_ms) };
            if let Pick::Taken(id) = pick {
                self.grant(key, id, wakes);
            } else if !self.members.has_other_than(&tried) {
                self.queues.settle(key, Fate::NoServer, &servers, wakes);
            } else {
                all_full |= tried.is_empty();
                if all_full && !self.queues.has_picky() {
                    return;
                }
            }
        }
    }

    fn grant(&mut self, key: usize, id: usize, wakes: &mut Wakes) {
        let servers = Arc::clone(&self.members.servers);
        let trial = self.begin_trial(id);
        self.queues.settle(key, Fate::Granted { id, trial }, &servers, wakes);
        self.members.refresh(id);
    }

    /// If server `id` is on trial this request is it, and no other gets there until it ends.
    fn begin_trial(&mut self, id: usize) -> bool {
        let Some(server) = self.members.servers.get(id).map(Arc::clone) else { return false };
        if !server.record.on_trial.swap(false, Relaxed) {
            return false;
        }
        if self.members.can_spare(id)
            && let Some(passive) = server.passive()
        {
            self.leave_out(id, |now_ms| eject::take_out(&server.record, passive.fail_timeout_ms, now_ms));
        }
        true
    }

    fn end_trial(&mut self, id: usize, server: &Server, kind: OutcomeKind, wakes: &mut Wakes) {
        match kind {
            OutcomeKind::Success => {
                eject::clear(&server.record, self.now_ms);
                self.readmitted(server, "a request succeeded");
                self.changed(id, wakes);
            }
            OutcomeKind::Aborted => {
                eject::clear(&server.record, self.now_ms);
                server.record.on_trial.store(true, Relaxed);
                self.changed(id, wakes);
            }
            OutcomeKind::Failure => {
                let timeout_ms = server.passive().map_or(0, |passive| passive.fail_timeout_ms);
                let fails = server.record.fails.load(Relaxed).saturating_add(1);
                self.punish(id, server, Cause::Fails { fails, timeout_ms }, wakes);
            }
        }
    }

    /// Leave server `id` out, if the group can do without.
    fn punish(&mut self, id: usize, server: &Server, cause: Cause, wakes: &mut Wakes) {
        if !self.members.can_spare(id) {
            return;
        }
        let name = server.name.clone();
        let event = match (cause, self.eject) {
            (Cause::Fails { fails, timeout_ms }, _) => {
                let until = self.leave_out(id, |now_ms| eject::take_out(&server.record, timeout_ms, now_ms));
                let reason = format!("{fails} failures within {timeout_ms} ms");
                GroupEvent::PassiveDown { server: name, reason, until }
            }
            (Cause::Streak { streak }, Some(rule)) if self.may_eject(rule) => {
                let until = self.leave_out(id, |now_ms| eject::eject(&server.record, rule, now_ms));
                GroupEvent::Ejected { server: name, reason: format!("{streak} failures in a row"), until }
            }
            _ => return,
        };
        self.tell(event);
        self.changed(id, wakes);
    }

    fn leave_out(&mut self, id: usize, take_out: impl FnOnce(u64) -> u64) -> u64 {
        let until = take_out(self.now_ms);
        if !self.out.contains(&id) {
            self.out.push(id);
        }
        self.restless = true;
        self.members.update(id, self.now_ms);
        until
    }

    /// One may always be ejected, further ones up to the percentage.
    fn may_eject(&self, rule: Eject) -> bool {
        let servers = &self.members.servers;
        let is_ejected = |id: &&usize| {
            servers.get(**id).is_some_and(|server| server.record.eject_until.load(Relaxed) != 0)
        };
        let ejected = self.out.iter().filter(is_ejected).count();
        ejected == 0 || (ejected + 1) * 100 <= servers.len() * usize::from(rule.max_percent)
    }

    /// When all who are left are left out for failures, failures no longer count.
    fn spare_the_last(&mut self) {
        if self.out.is_empty() || self.members.has_usable() {
            return;
        }
        let servers = Arc::clone(&self.members.servers);
        for id in std::mem::take(&mut self.out) {
            match servers.get(id) {
                Some(server) if server.is_fit() => {
                    eject::clear(&server.record, self.now_ms);
                    self.members.update(id, self.now_ms);
                    self.readmitted(server, "no other server is usable");
                }
                _ => self.out.push(id),
            }
        }
    }

    fn next_return(&self) -> u64 {
        let until = |id: &usize| {
            let record = &self.members.servers.get(*id)?.record;
            let times = [record.passive_until.load(Relaxed), record.eject_until.load(Relaxed)];
            times.into_iter().filter(|time| *time != 0).min()
        };
        self.out.iter().filter_map(until).min().unwrap_or(u64::MAX)
    }

    fn readmitted(&mut self, server: &Server, reason: &str) {
        self.tell(GroupEvent::Readmitted { server: server.name.clone(), reason: reason.to_owned() });
    }

    fn tell(&mut self, event: GroupEvent) {
        if self.events.len() >= MAX_EVENTS {
            self.events.pop_front();
        }
        self.events.push_back(event);
    }
}
