//! Two exporters and one lease of a real Kubernetes: the database never receives costly queries from both at once,
//! whatever happens to the holder.

use nix::sys::signal::Signal;
use stack::cluster::Passage;
use stack::http::request;
use stack::process::Process;
use stack::replicas::{LEASE, Replicas, now};
use stack::stack::program;
use stack::waiting::{eventually, found};
use std::process::Command;

/// Checks that the last query of the first exporter came before the first query of the second one, after a time.
fn handed_over(replicas: &Replicas, from: usize, to: usize, after: f64) -> anyhow::Result<()> {
    let last = replicas.acts(from).last().copied().unwrap_or_default();
    let first = replicas.acts(to).into_iter().find(|at| *at > after);
    anyhow::ensure!(
        first.is_some_and(|first| last < first),
        "the last of the old is {last}, the first of the new {first:?}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(has_cluster), ignore = "no kube-apiserver (make parts)")]
async fn one_replica_runs_the_costly_checks_until_it_ends_and_then_the_other_one() -> anyhow::Result<()> {
    let mut replicas = Replicas::start().await?;
    let first = replicas.holder().await?;
    let second = 1 - first;
    replicas.acts_after(first, 0.0).await?;
    replicas.some_rounds().await?;
    assert_eq!(replicas.acts(second), Vec::<f64>::new(), "both make the costly checks");
    // Only the holder exposes the costly checks. Both report the state of the lease, and both run every other check.
    for (which, held) in [(first, 1), (second, 0)] {
        let metrics = replicas.both[which].metrics().await?;
        assert!(metrics.contains(&format!("\nchecklist_lease_held {held}\n")), "{metrics}");
        assert_eq!(metrics.contains("check=\"heavy\""), held == 1, "{metrics}");
        assert_eq!(metrics.contains("checklist_lease_last_renewal_timestamp_seconds "), held == 1, "{metrics}");
        assert!(metrics.contains("checklist_probe_success{check=\"tasks\""), "{metrics}");
        let port = replicas.both[which].port;
        let (status, _) = request(&format!("http://127.0.0.1:{port}/probe?check=heavy"), None, &[]).await?;
        assert_eq!(status, if held == 1 { 200 } else { 409 });
        assert_eq!(request(&format!("http://127.0.0.1:{port}/-/ready"), None, &[]).await?.0, 200);
        let (_, page) = request(&format!("http://127.0.0.1:{port}/"), None, &[]).await?;
        assert_eq!(String::from_utf8_lossy(&page).contains("Run by the holder of the lease"), held == 0);
    }
    // The holder creates a deleted lease again, and no other process takes it in between.
    replicas.delete_lease(LEASE).await?;
    replicas.wait_for_holder(LEASE, |holder| holder.is_some()).await?;
    assert_eq!(replicas.holder().await?, first);
    replicas.some_rounds().await?;
    assert_eq!(replicas.acts(second), Vec::<f64>::new());
    // On SIGTERM the lease is released, and the other process takes it at its next attempt.
    let at = now();
    assert!(replicas.both[first].process.stop(), "it ends with success");
    replicas.acts_after(second, at).await?;
    handed_over(&replicas, first, second, at)?;
    assert_eq!(replicas.holder().await?, second);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(has_cluster), ignore = "no kube-apiserver (make parts)")]
async fn a_killed_holder_is_replaced_when_its_lease_expires() -> anyhow::Result<()> {
    let replicas = Replicas::start().await?;
    let first = replicas.holder().await?;
    replicas.acts_after(first, 0.0).await?;
    let at = now();
    replicas.both[first].signal(Signal::SIGKILL)?;
    let ends = replicas.lease_end(LEASE).await?;
    let taken = replicas.acts_after(1 - first, at).await?;
    handed_over(&replicas, first, 1 - first, at)?;
    assert!(taken >= ends, "the lease was taken {} s before its end", ends - taken);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(has_cluster), ignore = "no kube-apiserver (make parts)")]
async fn a_suspended_holder_runs_no_costly_checks_when_resumed() -> anyhow::Result<()> {
    let replicas = Replicas::start().await?;
    let first = replicas.holder().await?;
    let second = 1 - first;
    replicas.acts_after(first, 0.0).await?;
    replicas.both[first].signal(Signal::SIGSTOP)?;
    let at = now();
    replicas.acts_after(second, at).await?;
    // The process is continued several times, and could continue a query each time.
    for _ in 0..5 {
        replicas.both[first].signal(Signal::SIGCONT)?;
        // A round of its election, in which it could act.
        let before = replicas.both[first].rounds().await?;
        eventually("it goes on", || async { Ok(replicas.both[first].rounds().await? > before) }).await?;
        replicas.both[first].signal(Signal::SIGSTOP)?;
    }
    replicas.both[first].signal(Signal::SIGCONT)?;
    replicas.some_rounds().await?;
    handed_over(&replicas, first, second, at)?;
    assert_eq!(replicas.holder().await?, second);
    let metrics = replicas.both[first].metrics().await?;
    assert!(metrics.contains("\nchecklist_lease_held 0\n") && !metrics.contains("check=\"heavy\""), "{metrics}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(has_cluster), ignore = "no kube-apiserver (make parts)")]
async fn a_holder_that_loses_the_api_stops_before_another_starts() -> anyhow::Result<()> {
    let replicas = Replicas::start().await?;
    let first = replicas.holder().await?;
    let second = 1 - first;
    replicas.acts_after(first, 0.0).await?;
    // The first process gets no responses from the API server; the other one does.
    replicas.both[first].door.set(Passage::Silent);
    let at = now();
    let ends = replicas.lease_end(LEASE).await?;
    let taken = replicas.acts_after(second, at).await?;
    handed_over(&replicas, first, second, at)?;
    let last = replicas.acts(first).last().copied().unwrap_or_default();
    assert!(last < ends && ends <= taken, "last act {last}, end of the lease {ends}, first act of the other {taken}");
    assert!(taken - last > 2.0, "the old one acted until {} s before the new one", taken - last);
    assert!(!replicas.both[first].holds().await?, "both say that they hold the lease");
    // When its requests are answered again, it does not take the lease back.
    replicas.both[first].door.set(Passage::Open);
    replicas.some_rounds().await?;
    handed_over(&replicas, first, second, at)?;
    assert_eq!(replicas.holder().await?, second);
    // An outage for both: no process acts, and afterwards one of them does.
    for replica in &replicas.both {
        replica.door.set(Passage::Closed);
    }
    eventually("nobody holds the lease", || async {
        Ok(!replicas.both[first].holds().await? && !replicas.both[second].holds().await?)
    })
    .await?;
    // The check that was running with the lease is over.
    replicas.some_rounds().await?;
    let quiet = now();
    replicas.some_rounds().await?;
    for which in [first, second] {
        assert!(replicas.acts(which).iter().all(|act| *act < quiet), "{which} acts without a lease");
        assert!(!replicas.both[which].holds().await?);
    }
    for replica in &replicas.both {
        replica.door.set(Passage::Open);
    }
    // The lease still names its last holder, and either of them may be the next one.
    let again = found("one of them holds the lease", || async {
        for which in [first, second] {
            if replicas.both[which].holds().await? {
                return Ok(Some(which));
            }
        }
        Ok(None)
    })
    .await?;
    replicas.acts_after(again, quiet).await?;
    assert!(replicas.acts(1 - again).iter().all(|act| *act < quiet), "both act");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(has_cluster), ignore = "no kube-apiserver (make parts)")]
async fn a_verification_names_the_process_that_runs_it_and_runs_if_there_is_none() -> anyhow::Result<()> {
    let replicas = Replicas::start().await?;
    let prove = |pod: &str| {
        let mut command = Command::new(program("checklist-exporter")?);
        command.args(["verify-alerts", "--within", "300", "--config"]).arg(&replicas.both[0].config);
        command.env("POD_NAME", pod);
        anyhow::Ok(command)
    };
    let lease = "checklist-exporter-verify-alerts";
    replicas.free_lease(lease).await?;
    // An Alertmanager that accepts connections and never responds keeps the first process busy.
    let (port, _silent) = stack::peers::silent().await?;
    let config = &replicas.both[0].config;
    std::fs::write(config, std::fs::read_to_string(config)?.replace("127.0.0.1:9'", &format!("127.0.0.1:{port}'")))?;
    let folder = tempfile::tempdir()?;
    let mut first = Process::start(&mut prove("first")?, "first", folder.path(), Signal::SIGTERM)?;
    replicas.wait_for_holder(lease, |holder| holder.is_some_and(|name| name.starts_with("first_"))).await?;
    let mut command = prove("second")?;
    let second = tokio::task::spawn_blocking(move || command.output()).await??;
    let printed = String::from_utf8_lossy(&second.stderr).into_owned();
    assert_eq!(second.status.code(), Some(3), "{printed}");
    assert!(
        printed.contains("first_") && printed.contains(&format!("holds the lease {}/{lease}", replicas.namespace)),
        "{printed}"
    );
    // When it is stopped it releases the lease, and the other process runs.
    first.stop();
    replicas.wait_for_holder(lease, |holder| holder.is_none()).await?;
    let mut third = Process::start(&mut prove("third")?, "third", folder.path(), Signal::SIGTERM)?;
    replicas.wait_for_holder(lease, |holder| holder.is_some_and(|name| name.starts_with("third_"))).await?;
    third.stop();
    Ok(())
}
