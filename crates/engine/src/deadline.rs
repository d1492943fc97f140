//! Coarse timers: one store to set, no heap, fired by a tick of the worker.
//!
//! A timer never fires early and at most two ticks late. Timers belong to one thread.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// Milliseconds between two ticks.
pub const TICK_MS: u64 = 50;

/// How many are woken before others get on.
const AT_ONCE: usize = 32;

const NEVER: u64 = u64::MAX;

/// All timers of a worker.
#[derive(Default)]
pub struct Deadlines {
    now_ms: Cell<u64>,
    slots: RefCell<Slots>,
}

/// Dense, so that a tick over idle connections reads eight bytes each.
#[derive(Default)]
struct Slots {
    due: Vec<u64>,
    wakers: Vec<Option<Waker>>,
    free: Vec<u32>,
}

/// One timer; cleared and given back when dropped.
pub struct Timer {
    owner: Rc<Deadlines>,
    slot: u32,
}

impl Deadlines {
    /// The coarse time of the last tick, in milliseconds.
    pub fn now_ms(&self) -> u64 {
        self.now_ms.get()
    }

    /// Moves time on. Whoever waited for it is woken by `wake_due`.
    pub fn tick(&self, now_ms: u64) {
        self.now_ms.set(now_ms);
    }

    /// Wakes some of those whose time has come, from this slot on; says where to go on if there may be more.
    ///
    /// Thousands whose time came together would otherwise make everybody else wait for all of them.
    pub fn wake_due(&self, from: usize) -> Option<usize> {
        let (slots, now_ms) = (self.slots.borrow(), self.now_ms.get());
        let mut woken = 0;
        for (slot, (due, waker)) in slots.due.iter().zip(&slots.wakers).enumerate().skip(from) {
            if *due <= now_ms
                && let Some(waker) = waker
            {
                if woken == AT_ONCE {
                    return Some(slot);
                }
                waker.wake_by_ref();
                woken += 1;
            }
        }
        None
    }

    /// Wakes whoever waits, whatever for.
    pub fn wake_all(&self) {
        for waker in self.slots.borrow().wakers.iter().flatten() {
            waker.wake_by_ref();
        }
    }

    /// A timer that is not set.
    pub fn timer(self: &Rc<Self>) -> Timer {
        let mut slots = self.slots.borrow_mut();
        let slot = slots.free.pop().unwrap_or_else(|| {
            slots.due.push(NEVER);
            slots.wakers.push(None);
            (slots.due.len() - 1) as u32
        });
        Timer { owner: Rc::clone(self), slot }
    }
}

impl Timer {
    /// The coarse time, in milliseconds.
    pub fn now_ms(&self) -> u64 {
        self.owner.now_ms.get()
    }

    /// Fires after so many milliseconds; 0 clears it.
    pub fn set(&self, after_ms: u64) {
        let due = if after_ms == 0 {
            NEVER
        } else {
            self.owner.now_ms.get().saturating_add(after_ms).saturating_add(TICK_MS)
        };
        self.store(due);
    }

    /// Never fires.
    pub fn clear(&self) {
        self.store(NEVER);
    }

    /// Whether its time has come.
    pub fn expired(&self) -> bool {
        let slots = self.owner.slots.borrow();
        slots.due.get(self.slot as usize).is_some_and(|due| *due <= self.owner.now_ms.get())
    }

    /// Ready when its time has come; otherwise the task is woken then.
    pub fn poll(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.expired() {
            return Poll::Ready(());
        }
        let mut slots = self.owner.slots.borrow_mut();
        if let Some(place) = slots.wakers.get_mut(self.slot as usize) {
            match place {
                Some(waker) if waker.will_wake(cx.waker()) => {}
                _ => *place = Some(cx.waker().clone()),
            }
        }
        Poll::Pending
    }

    fn store(&self, due: u64) {
        if let Some(place) = self.owner.slots.borrow_mut().due.get_mut(self.slot as usize) {
            *place = due;
        }
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        let mut slots = self.owner.slots.borrow_mut();
        if let Some(due) = slots.due.get_mut(self.slot as usize) {
            *due = NEVER;
        }
        if let Some(waker) = slots.wakers.get_mut(self.slot as usize) {
            *waker = None;
        }
        slots.free.push(self.slot);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn a_timer_fires_no_earlier_than_asked_and_within_two_ticks() {
        let deadlines = Rc::new(Deadlines::default());
        deadlines.tick(1000);
        let timer = deadlines.timer();
        timer.set(100);
        deadlines.tick(1100);
        assert!(!timer.expired());
        deadlines.tick(1100 + TICK_MS);
        assert!(timer.expired());
        timer.clear();
        assert!(!timer.expired());
    }

    #[test]
    fn a_dropped_timer_is_reused_and_wakes_nobody() {
        let deadlines = Rc::new(Deadlines::default());
        let first = deadlines.timer();
        first.set(1);
        drop(first);
        let second = deadlines.timer();
        deadlines.tick(10_000);
        assert!(!second.expired());
        assert_eq!(second.slot, 0);
    }

    #[test]
    fn many_whose_time_has_come_are_woken_a_few_at_a_time_and_each_once() {
        let deadlines = Rc::new(Deadlines::default());
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(Arc::clone(&woken));
        let timers: Vec<_> = (0..AT_ONCE * 3).map(|_| deadlines.timer()).collect();
        for timer in &timers {
            timer.set(1);
            assert!(timer.poll(&mut Context::from_waker(&waker)).is_pending());
        }
        deadlines.tick(1000);
        let (mut from, mut steps) = (Some(0), 0);
        while let Some(slot) = from {
            from = deadlines.wake_due(slot);
            steps += 1;
            assert!(woken.0.load(Ordering::Relaxed) <= steps * AT_ONCE);
        }
        assert_eq!((steps, woken.0.load(Ordering::Relaxed)), (3, timers.len()));
    }

    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl std::task::Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}
