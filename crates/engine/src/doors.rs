//! When a process that drains has nothing left: nobody accepts any more, and no connection is left.
//!
//! Knows neither sockets nor time: a worker holds a [`Door`] for every socket that it accepts on or was told to.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::stats::Current;
use crate::sync::AtomicU64;

/// How many sockets are accepted on, over all threads.
#[derive(Default)]
pub struct Doors(Arc<AtomicU64>);

/// One socket that is accepted on while this lives.
pub struct Door(Arc<AtomicU64>);

impl Doors {
    /// From now on there is one more.
    pub fn open(&self) -> Door {
        self.0.fetch_add(1, Ordering::Relaxed);
        Door(Arc::clone(&self.0))
    }

    /// Whether nothing is left and, as long as no door is opened, nothing comes: a connection is counted before the
    /// door by which it came is closed, so the doors are looked at first.
    pub fn nothing_left(&self, connections: &Current) -> bool {
        self.0.load(Ordering::Acquire) == 0 && connections.now() == 0
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Release);
    }
}
