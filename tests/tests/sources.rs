//! Other exporters instead of our probes: recorded pages of real releases are replayed to a real Prometheus.
//! `cluster/sources.rs` and `postgres/sources.rs` create the situations where a release is installed, and record the
//! pages when the variable RECORD is set.

use stack::life::evaluate::Firing;
use stack::sources::{
    KUBE_STATE_METRICS, Other, POSTGRES_EXPORTER, Page, differences, is_known, kept, names, replayed,
};

/// Compares every recorded release with our probes, for which each of these alerts fired. Two alerts need more than
/// these pages: `ChecklistContainerRestartsOften` needs ongoing restarts, and `ChecklistDatabaseFullSoon` three days.
/// Their rule tests show them.
async fn compare(other: &Other, alerts: &[&str]) -> anyhow::Result<()> {
    let ours = other.alerts(false, &replayed(other.probes)?).await?;
    assert_eq!(names(&ours).into_iter().collect::<Vec<_>>(), alerts);
    let (mut releases, mut wrong) = (0, Vec::new());
    for folder in std::fs::read_dir(kept())? {
        let name = folder?.file_name().to_string_lossy().into_owned();
        if name.starts_with(other.name) {
            let theirs = other.alerts(true, &replayed(&name)?).await?;
            let differences = differences(&ours, &theirs).into_iter().map(|line| format!("{name}: {line}"));
            wrong.extend(differences.filter(|line| !is_known(line)));
            releases += 1;
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(releases >= 2, "today's and an older one: {releases}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn recorded_pages_of_kube_state_metrics_cause_the_same_alerts_as_the_probes() -> anyhow::Result<()> {
    let alerts = [
        "ChecklistAutoscalerAtMax",
        "ChecklistAutoscalerOftenAtMax",
        "ChecklistAutoscalerUnable",
        "ChecklistContainerOutOfMemory",
        "ChecklistContainerRestarted",
        "ChecklistJobFailed",
        "ChecklistPodNotReady",
        "ChecklistPodStuck",
        "ChecklistServiceWithoutEndpoints",
        "ChecklistVolumeClaimNotBound",
        "ChecklistWorkloadDown",
        "ChecklistWorkloadReplicasMissing",
    ];
    compare(&KUBE_STATE_METRICS, &alerts).await
}

#[tokio::test(flavor = "multi_thread")]
async fn recorded_pages_of_postgres_exporter_cause_the_same_alerts_as_the_probes() -> anyhow::Result<()> {
    let alerts = [
        "ChecklistConnectionsHigh",
        "ChecklistConnectionsIdle",
        "ChecklistDatabaseConnectionsHigh",
        "ChecklistIdleInTransaction",
        "ChecklistRoleConnectionsHigh",
        "ChecklistSequentialScans",
    ];
    compare(&POSTGRES_EXPORTER, &alerts).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_without_a_resource_causes_no_alert_about_it() -> anyhow::Result<()> {
    for release in ["kube-state-metrics-2.14.0", "kube-state-metrics-2.20.0"] {
        // Without endpoint slices and the older endpoints, which not every release exposes by default.
        let without = |page: Page| {
            let lines = page.text.lines().filter(|line| !line.starts_with("kube_endpoint"));
            Page { text: lines.collect::<Vec<_>>().join("\n"), ..page }
        };
        let pages: Vec<Page> = replayed(release)?.into_iter().map(without).collect();
        let alerts = KUBE_STATE_METRICS.alerts(true, &pages).await?;
        assert!(names(&alerts).contains("ChecklistPodStuck"), "{:?}", names(&alerts));
        assert!(!names(&alerts).contains("ChecklistServiceWithoutEndpoints"), "{release}");
    }
    Ok(())
}

/// Names of the labels that name the object of an alert.
const OBJECTS: [&str; 4] = ["workload", "pod", "service", "table"];

#[tokio::test(flavor = "multi_thread")]
async fn excluded_objects_cause_no_alert_with_another_exporter_as_the_source() -> anyhow::Result<()> {
    // The names of the objects begin with these; the rest of a pod's name is random.
    let cases: [(&Other, &str, &str, &[&str]); 2] = [
        (
            &KUBE_STATE_METRICS,
            "kube-state-metrics-2.20.0",
            "[{name: crashes}, {kind: StatefulSet, name: 'ord*'}]",
            &["crashes", "ordered"],
        ),
        (&POSTGRES_EXPORTER, "postgres_exporter-0.20.1", "{tables: ['public.lar*']}", &["large"]),
    ];
    for (other, release, exclude, stems) in cases {
        let pages = replayed(release)?;
        let (all, rest) = (other.alerts(true, &pages).await?, other.alerts_without(exclude, &pages).await?);
        let object = |alert: &Firing| OBJECTS.iter().find_map(|label| alert.labels.get(*label)).cloned();
        let is_excluded = |alert: &&Firing| {
            object(alert)
                .is_some_and(|name| stems.iter().any(|stem| name == *stem || name.starts_with(&format!("{stem}-"))))
        };
        assert!(all.iter().filter(is_excluded).count() >= stems.len(), "{release}: alerts without exclude");
        assert_eq!(all.iter().filter(|alert| !is_excluded(alert)).count(), rest.len(), "{release}");
        assert!(!rest.iter().any(|alert| is_excluded(&alert)), "{release}");
        assert!(rest.iter().all(|alert| all.contains(alert)), "{release}: an alert that was not there before");
    }
    Ok(())
}
