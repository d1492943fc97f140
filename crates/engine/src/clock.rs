//! The only door to time: monotonic microseconds since the process began, and the date for logs and cookies.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A monotonic clock with one origin for all threads.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    origin: Instant,
}

impl Clock {
    /// A clock that starts at one second, so that 0 can mean "never".
    #[allow(clippy::disallowed_methods, reason = "this is the door")]
    pub fn start() -> Self {
        let now = Instant::now();
        Self { origin: now.checked_sub(Duration::from_secs(1)).unwrap_or(now) }
    }

    /// Microseconds since the origin.
    pub fn micros(&self) -> u64 {
        self.origin.elapsed().as_micros() as u64
    }

    /// Milliseconds since the origin.
    pub fn millis(&self) -> u64 {
        self.micros() / 1000
    }
}

/// Lets the calling thread rest; for threads that no request waits for.
pub fn pause(duration: Duration) {
    std::thread::park_timeout(duration);
}

/// Seconds since 1970, for cookies only.
pub fn wall_seconds() -> u32 {
    (wall_micros() / 1_000_000) as u32
}

/// Microseconds since 1970, for logs only.
#[allow(clippy::disallowed_methods, reason = "this is the door")]
pub fn wall_micros() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_micros() as u64)
}
