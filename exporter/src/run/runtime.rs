//! The two tokio runtimes of `run`: one with a single thread for the checks, and one for the HTTP server, so that a
//! large response of a target never delays a scrape. With several threads for the checks, the allocator would have
//! several arenas, each of which keeps the memory of the largest responses that it has held.

use checklist::Reason;
use clients::Failure;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::JoinSet;

/// Creates the runtime of the checks.
///
/// # Errors
/// Fails when the operating system cannot start a thread.
pub fn of_checks() -> std::io::Result<Runtime> {
    Builder::new_multi_thread().worker_threads(1).thread_name("checks").enable_all().build()
}

/// Creates the runtime of the HTTP server, which runs on the calling thread.
///
/// # Errors
/// Fails when the operating system cannot create the event loop.
pub fn of_server() -> std::io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

/// Runs work on the runtime of the checks, because connections to targets belong to that runtime. Dropping the future
/// aborts the work.
///
/// # Errors
/// Fails when the work panicked, or the program is stopping.
pub async fn there<T: Send + 'static>(
    checks: &Handle,
    work: impl Future<Output = T> + Send + 'static,
) -> Result<T, Failure> {
    let mut one = JoinSet::new();
    one.spawn_on(work, checks);
    let done = one.join_next().await.transpose();
    done.ok().flatten().ok_or_else(|| Failure::new(Reason::Panic, "the task panicked, or the program is stopping"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::time::Duration;

    #[test]
    fn a_check_that_never_yields_does_not_hold_up_the_server() -> anyhow::Result<()> {
        let (checks, server) = (of_checks()?, of_server()?);
        let (release, held) = std::sync::mpsc::channel::<()>();
        let blocked = checks.spawn(async move { held.recv().is_err() });
        let result = server.block_on(async { tokio::spawn(async { 7 }).await })?;
        assert!(result == 7 && !blocked.is_finished());
        drop(release);
        assert!(server.block_on(blocked)?);
        assert!(
            server
                .block_on(there(checks.handle(), async { panic!("on purpose") }))
                .is_err_and(|failure: Failure| { failure.reason == Reason::Panic })
        );
        // Dropping the future aborts the work.
        let kept = Arc::new(());
        let own = Arc::clone(&kept);
        let work = async move {
            std::future::pending::<()>().await;
            drop(own);
        };
        server.block_on(async {
            assert!(tokio::time::timeout(Duration::from_millis(5), there(checks.handle(), work)).await.is_err());
            while Arc::strong_count(&kept) > 1 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        });
        Ok(())
    }
}
