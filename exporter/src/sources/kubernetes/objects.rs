//! The objects of the API other than pods, with the few fields that checks need. Other fields are skipped while
//! decoding.

mod autoscalers;
mod claims;
mod cron_jobs;
pub mod jobs;
mod nodes;
mod services;
mod workloads;

use super::cached::{ApiObject, CachedObject, Interner, Metadata};
use checklist::config::Texts;
use std::fmt;

pub use autoscalers::Autoscaler;
pub use claims::Claim;
pub use cron_jobs::CronJob;
pub use jobs::Job;
pub use nodes::{Node, NodeUsage, PodUsage};
pub use services::{Service, Slice};
pub use workloads::{Workload, WorkloadKind};

/// Seconds within which the cluster's controllers describe a new object. They need some of them, unless they are upgraded
/// meanwhile.
pub const DESCRIBED_WITHIN: f64 = 600.0;

/// Implements the traits for small objects, which are cached as they are decoded. Braces after a name contain what
/// its [`CachedObject`] has beside that.
macro_rules! small_objects {
    ($($name:ident $({$($more:tt)*})?),*) => {$(
        impl ApiObject for $name {
            fn metadata(&self) -> &Metadata {
                &self.metadata
            }
        }

        impl CachedObject for $name {
            type Wire = Self;

            fn from_wire(mut raw: Self, _: &mut Interner) -> Self {
                raw.metadata.annotations = Texts::new();
                raw
            }

            fn bytes(&self) -> usize {
                size_of::<Self>() + written(self)
            }

            $($($more)*)?
        }
    )*};
}

/// Returns the length of a value's debug output, as an estimate of the size of its strings.
fn written(value: &impl fmt::Debug) -> usize {
    struct Count(usize);
    impl fmt::Write for Count {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            self.0 += text.len();
            Ok(())
        }
    }
    let mut count = Count(0);
    let _ = fmt::Write::write_fmt(&mut count, format_args!("{value:?}"));
    count.0
}

small_objects!(Service, Slice, Workload, Node, Autoscaler, Claim, NodeUsage, PodUsage, Job {
    fn of_workload(&self) -> Option<(&'static str, &str)> {
        self.cron_job().map(|name| ("Job", name))
    }
});
