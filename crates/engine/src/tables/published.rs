//! How new tables reach the threads: published once, noticed by a number that each request looks at.
//!
//! Knows nothing of what is published. The order of the two writes and of the two reads is what matters here; it is
//! tried by `models`.

use std::cell::{Cell, RefCell};
use std::ops::Deref;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Tables;
use crate::sync::{ArcSwapOption, AtomicU64};

/// What is in force, for all threads.
pub struct Published<T = Tables> {
    value: ArcSwapOption<T>,
    /// Moves on after `value` has.
    version: AtomicU64,
}

/// One thread's view of what is published: looking costs one load of a number that hardly ever changes.
pub struct Followed<T = Tables> {
    held: RefCell<Held<T>>,
    version: Cell<u64>,
}

/// A thread's own reference; cloning it touches nothing that other threads share.
#[allow(clippy::redundant_allocation, reason = "the outer count is this thread's own")]
pub struct Held<T = Tables>(Rc<Arc<T>>);

impl<T> Published<T> {
    /// Nothing yet.
    pub fn new() -> Self {
        Self { value: ArcSwapOption::empty(), version: AtomicU64::new(0) }
    }

    /// Puts a value in force. Only one thread at a time may.
    pub fn publish(&self, value: Arc<T>) {
        self.value.store(Some(value));
        // Whoever sees the number sees the value, or a newer one.
        self.version.fetch_add(1, Ordering::Release);
    }

    /// What is in force.
    pub fn latest(&self) -> Option<Arc<T>> {
        self.value.load_full()
    }

    /// How often something was published.
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }
}

impl<T> Followed<T> {
    /// Begins with a value of that version or a newer one.
    pub fn new(value: Arc<T>, version: u64) -> Self {
        Self { held: RefCell::new(Held::new(value)), version: Cell::new(version) }
    }

    /// What is in force: never older than what was returned before.
    pub fn current(&self, published: &Published<T>) -> Held<T> {
        // The number comes first: a value published in between only makes this thread look once more.
        let version = published.version();
        if version != self.version.get()
            && let Some(value) = published.latest()
        {
            self.held.replace(Held::new(value));
            self.version.set(version);
        }
        self.last()
    }

    /// What `current` returned last.
    pub fn last(&self) -> Held<T> {
        self.held.borrow().clone()
    }

    /// The version of that.
    pub fn version(&self) -> u64 {
        self.version.get()
    }
}

impl<T> Held<T> {
    /// Holds this for one thread.
    pub fn new(value: Arc<T>) -> Self {
        Self(Rc::new(value))
    }
}

impl<T> Clone for Held<T> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

impl<T> Deref for Held<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}
