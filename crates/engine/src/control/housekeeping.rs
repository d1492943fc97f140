//! What happens by the clock: groups tick, rates are measured, events are told, draining ends.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use tenbin_balance::GroupEvent;

use super::plane::Plane;
use crate::stats::{SLICE_SECONDS, second, slice};
use crate::tables::{Backend, Tables};
use crate::wire::{Event, NoticeLevel};
use crate::worker::Shared;

const TICK: Duration = Duration::from_millis(100);
const TICKS_A_SECOND: u64 = 10;

/// Starts the thread.
pub fn start(plane: Arc<Plane>) -> io::Result<()> {
    std::thread::Builder::new().name("housekeeping".into()).spawn(move || run(&plane))?;
    Ok(())
}

fn run(plane: &Plane) {
    // A channel that nobody sends on is a clock that cannot be set back.
    let (_silent, clock) = channel::<()>();
    let (mut ticks, mut quiet) = (0_u64, 0_u64);
    while clock.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
        ticks += 1;
        descriptors(&plane.shared);
        if let Some(tables) = plane.shared.tables.latest() {
            tick(plane, &tables);
            let is_second = ticks.is_multiple_of(TICKS_A_SECOND);
            plane.memory.lock().tick(&plane.shared, &tables, is_second);
            if is_second {
                second(&tables);
                let now = plane.shared.clock.millis();
                tables.stick.values().for_each(|table| table.get().sweep(now));
            }
            if ticks.is_multiple_of(TICKS_A_SECOND * SLICE_SECONDS) {
                slice(&tables);
            }
        }
        let until = plane.drain_until.load(Ordering::Relaxed);
        let nothing_left = || plane.shared.doors.nothing_left(&plane.shared.process.connections);
        // One tick more than needed, in which the workers hand over their last log lines.
        quiet = if until > 0 && nothing_left() { quiet + 1 } else { 0 };
        if until > 0 && (quiet > 1 || plane.shared.clock.millis() >= until) {
            plane.exit();
        }
    }
}

fn tick(plane: &Plane, tables: &Tables) {
    let now = plane.shared.clock.millis();
    for backend in &tables.backends {
        backend.group.tick(now);
        tell_events(&plane.shared, backend, now);
    }
}

/// Notices when there may be more descriptors or fewer, and when accepting goes on.
fn descriptors(shared: &Shared) {
    shared.capacity.look();
    if let Some(paused) = shared.capacity.paused_for(shared.clock.millis()) {
        let text = format!("accepting goes on after {:.1} s", paused.as_secs_f64());
        shared.notices.say(NoticeLevel::Info, text);
    }
}

/// Tells what has happened to the servers of a backend since the last time.
pub fn tell_events(shared: &Shared, backend: &Backend, now: u64) {
    for event in backend.group.events() {
        if !shared.notices.tell(translate(&backend.spec.name, event, now)) {
            shared.process.events_dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn translate(backend: &str, event: GroupEvent, now: u64) -> Event {
    let backend = backend.to_owned();
    match event {
        GroupEvent::Ejected { server, reason, until } | GroupEvent::PassiveDown { server, reason, until } => {
            Event::Ejected { backend, server, reason, until: until.saturating_sub(now) }
        }
        GroupEvent::Readmitted { server, reason } => Event::Readmitted { backend, server, reason, until: 0 },
    }
}
