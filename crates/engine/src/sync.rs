//! What threads share and `models` try: the types of `std` and `arc-swap`, or loom's with `--cfg tenbin_loom`.

#[cfg(not(tenbin_loom))]
pub use std::sync::atomic::{AtomicI64, AtomicU64};

#[cfg(not(tenbin_loom))]
pub use arc_swap::ArcSwapOption;

#[cfg(tenbin_loom)]
pub use loom::sync::atomic::{AtomicI64, AtomicU64};

#[cfg(tenbin_loom)]
pub use modelled::ArcSwapOption;

#[cfg(tenbin_loom)]
mod modelled {
    use std::sync::{Arc, Mutex};

    use loom::sync::atomic::{AtomicUsize, Ordering};

    /// What the engine relies on in `arc-swap`, and no more: a load returns a whole value that was stored, perhaps an old
    /// one, together with all that was written before it was stored.
    pub struct ArcSwapOption<T> {
        stored: Mutex<Vec<Arc<T>>>,
        /// How many were stored when the one in force was.
        newest: AtomicUsize,
    }

    impl<T> ArcSwapOption<T> {
        pub fn empty() -> Self {
            Self { stored: Mutex::default(), newest: AtomicUsize::new(0) }
        }

        pub fn store(&self, value: Option<Arc<T>>) {
            let count = self.stored.lock().map_or(0, |mut stored| {
                stored.extend(value);
                stored.len()
            });
            self.newest.store(count, Ordering::Release);
        }

        pub fn load_full(&self) -> Option<Arc<T>> {
            let place = self.newest.load(Ordering::Acquire).checked_sub(1)?;
            self.stored.lock().ok()?.get(place).cloned()
        }
    }
}
