//! The exporter with the generated rights only: no request is refused, and every granted right is used. Both are read
//! from the audit log of the API server.

use crate::{Exporter, configuration, grant, url};
use stack::application::install;
use stack::cluster::Cluster;
use stack::http::request;
use stack::rights::{Request, Right, rights};
use stack::waiting::eventually;

const MORE: &str = ", auditLogs: [{selector: app=orchestrator}], secrets: [{name: jwt-secret}, {name: postgres-credentials}], webAudiences: [checklist-exporter]";
const REST: &str = "highAvailability: {kubernetes: stack}\nqueries: []\n";

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(has_cluster), ignore = "no kube-apiserver (make parts)")]
async fn no_request_of_the_exporter_is_refused_and_every_granted_right_is_used() -> anyhow::Result<()> {
    let cluster = Cluster::shared().await?;
    let api = cluster.admin().await?;
    let namespace = cluster.namespace("rights").await?;
    install(cluster, &api, &namespace).await?;
    let folder = tempfile::tempdir()?;
    let list = grant(cluster, &namespace, &configuration(cluster, folder.path(), &[&namespace], MORE, REST))?;
    let token = cluster.token(&namespace, "checklist-exporter").await?;
    let exporter = Exporter::start(cluster, &[&namespace], &token, MORE, REST).await?;
    cluster.may_get(&namespace, "scraper", "/metrics").await?;
    let scraper = cluster.token_for(&namespace, "scraper", &["checklist-exporter"]).await?;
    exporter.passes(Some(&scraper)).await?;

    // A user without the permission and a token with another audience are refused.
    let status_of = async |token: &str| -> anyhow::Result<u16> {
        let bearer = format!("Bearer {token}");
        Ok(request(&url(exporter.port, "/metrics"), None, &[("authorization", &bearer)]).await?.0)
    };
    assert_eq!(status_of(&cluster.token_for(&namespace, "default", &["checklist-exporter"]).await?).await?, 403);
    assert_eq!(status_of(&cluster.token_for(&namespace, "scraper", &["another"]).await?).await?, 401);

    // The lease existed already. The exporter creates it again after it was deleted.
    let lease = format!("/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/checklist-exporter");
    eventually("the exporter holds the lease", || async { Ok(api.get(&lease).await.is_ok()) }).await?;
    api.delete(&lease).await?;
    eventually("the lease is made again", || async { Ok(api.get(&lease).await.is_ok()) }).await?;
    let renewed = api.get(&lease).await?["spec"]["renewTime"].clone();
    eventually("the lease is renewed", || async { Ok(api.get(&lease).await?["spec"]["renewTime"] != renewed) }).await?;

    let events = cluster.audit(&namespace, "checklist-exporter")?;
    assert!(events.len() > 50, "only {} events", events.len());
    let requests: Vec<Request> = events.iter().filter_map(Request::of_event).collect();
    let refused: Vec<_> = requests.iter().filter(|request| request.is_refused()).collect();
    assert!(refused.is_empty(), "{refused:#?}");
    // The kubelet asks the API server about the statistics of nodes, and the check of the disks has passed.
    let granted: Vec<Right> = rights(&list).into_iter().filter(|right| right.resource != "nodes/stats").collect();
    assert!(granted.len() > 20, "only {} rights were looked at", granted.len());
    for right in &granted {
        let used = requests.iter().any(|request| request.status < 400 && right.grants(request));
        assert!(used, "granted and never used: {right:?}");
    }
    // Secrets are read by name, and only their metadata.
    let secrets: Vec<_> = requests.iter().filter(|request| request.resource == "secrets").collect();
    assert!(!secrets.is_empty() && secrets.iter().all(|request| request.verb == "get"), "{secrets:#?}");
    cluster.remove(&namespace).await
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(has_cluster), ignore = "no kube-apiserver (make parts)")]
async fn a_revoked_right_fails_only_the_check_that_needs_it() -> anyhow::Result<()> {
    let cluster = Cluster::shared().await?;
    let api = cluster.admin().await?;
    let namespace = cluster.namespace("taken").await?;
    install(cluster, &api, &namespace).await?;
    let folder = tempfile::tempdir()?;
    let more = ", secrets: [{name: jwt-secret}]";
    grant(cluster, &namespace, &configuration(cluster, folder.path(), &[&namespace], more, ""))?;
    let token = cluster.token(&namespace, "checklist-exporter").await?;
    let exporter = Exporter::start(cluster, &[&namespace], &token, more, "").await?;
    exporter.passes_all_but(&["pod_logs"]).await?;
    let binding = format!("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/checklist-exporter-{namespace}");
    api.delete(&binding).await?;
    for check in ["disk", "utilization"] {
        eventually("the check says that it may not look", || async {
            let page = exporter.metrics(None).await?;
            Ok(page.contains(&format!("checklist_probe_success{{check=\"{check}\",target=\"stack\"}} 0")))
        })
        .await?;
    }
    let page = exporter.metrics(None).await?;
    for check in ["pods", "restarts", "hpa", "pvc", "secrets"] {
        assert!(
            page.contains(&format!("checklist_probe_success{{check=\"{check}\",target=\"stack\"}} 1")),
            "{check}: {page}"
        );
    }
    for check in ["disk", "utilization"] {
        let denied =
            format!("checklist_probe_failures_total{{check=\"{check}\",target=\"stack\",reason=\"permission\"}}");
        let count = page.lines().find_map(|line| line.strip_prefix(&denied)).unwrap_or_default().trim();
        assert!(count.parse::<f64>().is_ok_and(|count| count >= 1.0), "{check}: {page}");
    }
    cluster.remove(&namespace).await
}
