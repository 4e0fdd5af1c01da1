//! The clock by which leases are judged.

use nix::time::{ClockId, clock_gettime};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A monotonic clock. Nobody can set it, and it goes on while the machine is suspended.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Duration + Send + Sync>);

impl Clock {
    /// The kernel's `CLOCK_BOOTTIME`; where a sandbox has none, `CLOCK_MONOTONIC`, which stands still while suspended.
    pub fn system() -> Self {
        if clock_gettime(ClockId::CLOCK_BOOTTIME).is_err() {
            let begun = Instant::now();
            return Self::of(move || begun.elapsed());
        }
        // What was answered once is answered always; the end of time would end every lease.
        Self::of(|| clock_gettime(ClockId::CLOCK_BOOTTIME).map_or(Duration::MAX, Duration::from))
    }

    /// A clock of one's own, for tests.
    pub fn of(now: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// The time since some beginning.
    pub fn now(&self) -> Duration {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}
