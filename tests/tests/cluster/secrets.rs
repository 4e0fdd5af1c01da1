//! Times of rotation that are not plausible, and secrets that are missing.

use crate::check;
use checklist::Verdict;
use checklist::signals::secrets::{PRESENT, ROTATED};
use exporter::run::time::unix_now;
use serde_json::json;
use stack::cluster::Cluster;

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(has_cluster), ignore = "no kube-apiserver (make parts)")]
async fn an_implausible_or_missing_secret_does_not_hide_the_others() -> anyhow::Result<()> {
    let cluster = Cluster::shared().await?;
    let api = cluster.admin().await?;
    let namespace = cluster.namespace("secrets").await?;
    for (name, annotations) in [
        ("good", json!({})),
        ("ahead", json!({"rotated": "2038-01-01T00:00:00Z"})),
        ("odd", json!({"rotated": "last week"})),
    ] {
        let secret =
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "annotations": annotations}});
        api.create(&format!("/api/v1/namespaces/{namespace}/secrets"), &secret).await?;
    }
    let each = |name: &str| format!("{{name: {name}, annotation: rotated}}");
    let judged = async |names: &[&str]| {
        let names: Vec<String> = names.iter().map(|name| each(name)).collect();
        let more = format!(", secrets: [{}]", names.join(", "));
        let secrets = check(cluster, &[&namespace], &more, "secrets")?;
        secrets.run().await;
        anyhow::Ok(secrets.state())
    };
    let state = judged(&["ahead", "odd", "good"]).await?;
    assert_eq!(state.verdict(unix_now()), Verdict::CannotTell, "{}", state.seen());
    for part in ["ahead: annotation rotated is a time in the future", "odd: annotation rotated is not an RFC 3339 time"]
    {
        assert!(state.why().contains(part), "{}", state.why());
    }
    let rotated = |series: &&checklist::Series| series.metric.name == ROTATED.name;
    assert_eq!(state.exposed(unix_now()).filter(rotated).count(), 1, "the good one is exposed");
    // A missing secret is a finding, not a failure.
    let state = judged(&["gone", "good"]).await?;
    assert!(state.failure.is_none(), "{}", state.why());
    let exists = state.exposed(unix_now()).filter(|series| series.metric.name == PRESENT.name);
    assert_eq!(exists.map(|series| series.value).collect::<Vec<_>>(), [0.0, 1.0], "{}", state.seen());
    cluster.remove(&namespace).await
}
