//! The clock that decides whether a lease is valid.

use nix::time::{ClockId, clock_gettime};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A monotonic clock. It cannot be set, and it goes on while the machine is suspended.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Duration + Send + Sync>);

impl Clock {
    /// Returns the kernel's `CLOCK_BOOTTIME`. Where a sandbox does not offer it, returns `CLOCK_MONOTONIC`, which
    /// stands still while the machine is suspended.
    pub fn system() -> Self {
        if clock_gettime(ClockId::CLOCK_BOOTTIME).is_err() {
            let begun = Instant::now();
            return Self::of(move || begun.elapsed());
        }
        // A clock that has answered once does not fail later. If it did, `Duration::MAX` would make every lease
        // expired.
        Self::of(|| clock_gettime(ClockId::CLOCK_BOOTTIME).map_or(Duration::MAX, Duration::from))
    }

    /// Creates a clock from a function, for tests.
    pub fn of(now: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// Returns the time since an unspecified start.
    pub fn now(&self) -> Duration {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}
