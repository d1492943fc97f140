//! What threads share goes through here, so that the models in `tests/loom.rs` run this code and no copy of it.
//!
//! Ordinarily these are the types of `std` and `parking_lot` themselves and cost nothing. Built with
//! `--cfg tenbin_loom` they are those of loom, which tries every order in which threads can get their turns, and every
//! value that the memory model lets an atomic return. Reference counts, which decide nothing, stay those of `std`.

#[cfg(not(tenbin_loom))]
pub(crate) use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64};

/// Numbers that only ever tell things apart, so that no model needs to know them.
pub(crate) use std::sync::atomic::AtomicU64 as Numbers;

#[cfg(not(tenbin_loom))]
pub(crate) use parking_lot::Mutex;

#[cfg(tenbin_loom)]
pub(crate) use loom::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64};

#[cfg(tenbin_loom)]
pub(crate) use modelled::Mutex;

#[cfg(tenbin_loom)]
mod modelled {
    use loom::sync::{Mutex as Inner, MutexGuard};

    /// Loom's lock with the face of `parking_lot`'s.
    pub(crate) struct Mutex<T>(Inner<T>);

    impl<T> Mutex<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(Inner::new(value))
        }

        #[allow(clippy::unwrap_used, reason = "a model that has panicked is over")]
        pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
            self.0.lock().unwrap()
        }
    }
}
