//! The exporter with the generated rights only: no request is refused, and every granted right is used. Both are read
//! from the audit log of the API server.

use crate::{Exporter, configuration, grant, install, url};
use serde_json::{Value, json};
use stack::cluster::{Api, Cluster};
use stack::http::request;
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
    let scraper = scraper(&api, &namespace).await?;
    exporter.passes(Some(&scraper)).await?;

    // A user without the permission and a token with another audience are refused.
    let status_of = async |token: &str| -> anyhow::Result<u16> {
        let bearer = format!("Bearer {token}");
        Ok(request(&url(exporter.port, "/metrics"), None, &[("authorization", &bearer)]).await?.0)
    };
    assert_eq!(status_of(&account_token(&api, &namespace, "default", "checklist-exporter").await?).await?, 403);
    assert_eq!(status_of(&account_token(&api, &namespace, "scraper", "another").await?).await?, 401);

    // The lease existed already. The exporter creates it again after it was deleted.
    let lease = format!("/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/checklist-exporter");
    eventually("the exporter holds the lease", || async { Ok(api.get(&lease).await.is_ok()) }).await?;
    api.delete(&lease).await?;
    eventually("the lease is made again", || async { Ok(api.get(&lease).await.is_ok()) }).await?;
    let renewed = api.get(&lease).await?["spec"]["renewTime"].clone();
    eventually("the lease is renewed", || async { Ok(api.get(&lease).await?["spec"]["renewTime"] != renewed) }).await?;

    let events = cluster.audit(&namespace, "checklist-exporter")?;
    assert!(events.len() > 50, "only {} events", events.len());
    let refused: Vec<&Value> = events
        .iter()
        .filter(|event| [401, 403].map(|code| json!(code)).contains(&event["responseStatus"]["code"]))
        .collect();
    assert!(refused.is_empty(), "{refused:#?}");
    let mut checked = 0;
    for item in list["items"].as_array().into_iter().flatten() {
        for right in rights(item) {
            // The kubelet asks the API server about this right, and the check of the disks has passed.
            if right.resource == "nodes/stats" {
                continue;
            }
            assert!(events.iter().any(|event| right.is_used_by(event)), "granted and never used: {right:?}");
            checked += 1;
        }
    }
    assert!(checked > 20, "only {checked} rights were looked at");
    // Secrets are read by name, and only their metadata.
    let secrets: Vec<&Value> = events.iter().filter(|event| event["objectRef"]["resource"] == "secrets").collect();
    assert!(!secrets.is_empty() && secrets.iter().all(|event| event["verb"] == "get"), "{secrets:#?}");
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

/// Creates a service account that may read `/metrics`. Returns its token for the exporter.
async fn scraper(api: &Api, namespace: &str) -> anyhow::Result<String> {
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "scraper"}});
    api.create(&format!("/api/v1/namespaces/{namespace}/serviceaccounts"), &account).await?;
    let metadata = json!({"name": format!("scraper-{namespace}")});
    let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": metadata,
        "rules": [{"nonResourceURLs": ["/metrics"], "verbs": ["get"]}]});
    let binding = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": metadata,
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": metadata["name"]},
        "subjects": [{"kind": "ServiceAccount", "name": "scraper", "namespace": namespace}]});
    api.create("/apis/rbac.authorization.k8s.io/v1/clusterroles", &role).await?;
    api.create("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", &binding).await?;
    account_token(api, namespace, "scraper", "checklist-exporter").await
}

async fn account_token(api: &Api, namespace: &str, account: &str, audience: &str) -> anyhow::Result<String> {
    let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token");
    let request =
        json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"audiences": [audience]}});
    let made = api.create(&path, &request).await?;
    Ok(made["status"]["token"].as_str().unwrap_or_default().to_owned())
}

/// A verb on a resource; `name` is set where the rule has names.
#[derive(Debug)]
struct Right {
    namespace: Option<String>,
    group: String,
    resource: String,
    name: Option<String>,
    verb: String,
}

fn rights(item: &Value) -> Vec<Right> {
    let texts = |value: &Value| -> Vec<String> {
        value.as_array().into_iter().flatten().filter_map(|one| one.as_str().map(str::to_owned)).collect()
    };
    let mut all = Vec::new();
    for rule in item["rules"].as_array().into_iter().flatten() {
        let names = texts(&rule["resourceNames"]);
        let names: Vec<Option<String>> =
            if names.is_empty() { vec![None] } else { names.into_iter().map(Some).collect() };
        for (group, resource, verb) in texts(&rule["apiGroups"]).into_iter().flat_map(|group| {
            let verbs = texts(&rule["verbs"]);
            texts(&rule["resources"]).into_iter().flat_map(move |resource| {
                let group = group.clone();
                verbs.clone().into_iter().map(move |verb| (group.clone(), resource.clone(), verb))
            })
        }) {
            for name in &names {
                all.push(Right {
                    namespace: item["metadata"]["namespace"].as_str().map(str::to_owned),
                    group: group.clone(),
                    resource: resource.clone(),
                    name: name.clone(),
                    verb: verb.clone(),
                });
            }
        }
    }
    all
}

impl Right {
    fn is_used_by(&self, event: &Value) -> bool {
        let object = &event["objectRef"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let resource = match object["subresource"].as_str() {
            Some(part) => format!("{}/{part}", text(&object["resource"])),
            None => text(&object["resource"]),
        };
        event["verb"] == self.verb.as_str()
            && text(&object["apiGroup"]) == self.group
            && resource == self.resource
            && self.namespace.as_ref().is_none_or(|namespace| text(&object["namespace"]) == *namespace)
            && self.name.as_ref().is_none_or(|name| text(&object["name"]) == *name)
            && event["responseStatus"]["code"].as_u64().is_some_and(|code| code < 400)
    }
}
