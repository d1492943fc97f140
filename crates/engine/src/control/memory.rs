//! Whether the limit of memory is kept: from the first snapshot on, then by the clock.

use std::sync::atomic::Ordering;

use crate::capacity::{Gauge, Level, room};
use crate::tables::Tables;
use crate::wire::NoticeLevel;
use crate::worker::Shared;

/// Watches the limit of memory.
#[derive(Default)]
pub struct Memory {
    gauge: Option<Gauge>,
    level: Level,
    /// More than a quarter of the limit is in use: a burst could take the rest within a second.
    is_near: bool,
    /// So many clients since the last look have taken half of the room that it left.
    half_full: u64,
}

impl Memory {
    /// Looks once a second, and more often when a burst could cross the limit before the second is over.
    pub fn tick(&mut self, shared: &Shared, tables: &Tables, is_second: bool) {
        if is_second || self.is_near || shared.process.connections.now() >= self.half_full {
            self.look(shared, tables, is_second);
        }
    }

    /// Measures, and changes what the process takes on when a limit is crossed.
    /// `anew`: finds the limits of control groups, too, which are changed under running processes.
    pub fn look(&mut self, shared: &Shared, tables: &Tables, anew: bool) {
        let known = self.gauge.take().filter(|_| !anew);
        let gauge = self.gauge.insert(known.unwrap_or_else(Gauge::find));
        let limit = gauge.limit(tables.limits.memory, tables.limits.memory_percent);
        let used = gauge.used();
        let capacity = &shared.capacity;
        capacity.memory_limit.store(limit, Ordering::Relaxed);
        capacity.memory_used.store(used, Ordering::Relaxed);
        self.is_near = used > limit / 4 && limit > 0;
        let (clients, room) = (shared.process.connections.now(), room(used, limit, tables.limits.buffer));
        capacity.set_ceiling(room.map(|room| clients + room));
        self.half_full = room.map_or(u64::MAX, |room| clients + room / 2);
        let before = self.level;
        self.level = before.next(used, limit);
        capacity.severe.store(self.level == Level::Severe, Ordering::Relaxed);
        shared.stance.refuse(self.level != Level::Calm);
        let figures = format!("{} of {} MiB of memory in use", used >> 20, limit >> 20);
        match (before, self.level) {
            (Level::Calm, Level::High | Level::Severe) => shared.notices.say(
                NoticeLevel::Warning,
                format!("no new work is taken: {figures}, at most `limits.memory`"),
            ),
            (Level::High | Level::Severe, Level::Calm) => {
                shared.notices.say(NoticeLevel::Info, format!("new work is taken again: {figures}"));
            }
            _ => {}
        }
    }
}
