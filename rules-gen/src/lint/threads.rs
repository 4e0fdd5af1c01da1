//! Threads with a large stack, and work on all cores.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread::{Scope, ScopedJoinHandle};

/// The stack size of a thread in bytes. Expressions are visited by recursion. Only the used part takes memory.
const STACK: usize = 64 * 1024 * 1024;

/// Runs `work` on all items with one thread for each core, and returns the results in the order of the items. Each
/// thread takes the next item when it is done, because files differ in size.
pub(super) fn on_all_cores<'a, I: Sync, R: Send>(items: &'a [I], work: &(dyn Fn(&'a I) -> R + Sync)) -> Vec<R> {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let next = AtomicUsize::new(0);
    let take = || {
        let mut done = Vec::new();
        loop {
            let at = next.fetch_add(1, Relaxed);
            let Some(item) = items.get(at) else { return done };
            done.push((at, work(item)));
        }
    };
    let mut all: Vec<(usize, R)> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..cores.min(items.len())).map(|_| thread(scope, take)).collect();
        threads.into_iter().flat_map(result).collect()
    });
    all.sort_unstable_by_key(|(at, _)| *at);
    all.into_iter().map(|(_, result)| result).collect()
}

/// Starts a thread with a large stack.
pub(super) fn thread<'scope, R: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    work: impl FnOnce() -> R + Send + 'scope,
) -> ScopedJoinHandle<'scope, R> {
    let thread = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work);
    thread.unwrap_or_else(|error| panic!("cannot start a thread: {error}"))
}

/// Waits for a thread and returns its result.
pub(super) fn result<R>(thread: ScopedJoinHandle<'_, R>) -> R {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
