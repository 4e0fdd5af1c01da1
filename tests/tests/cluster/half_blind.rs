//! Every check of a cluster while a part is refused to it, as in `half_blind/main.rs`. The rights are the generated
//! ones without some of them.

use crate::situations::{bare, claim, scaler, workload};
use crate::{entry, signals};
use checklist::signals::pods::NOT_READY;
use checklist::{Config, Object, Reason};
use exporter::run::time::unix_now;
use serde_json::{Value, json};
use stack::cluster::{Api, Cluster};
use stack::rights::rights;
use stack::tried::Tried;
use stack::waiting::eventually;
use tempfile::NamedTempFile;

/// A namespace with an exporter's rights on it.
struct Place<'a> {
    cluster: &'a Cluster,
    namespace: String,
    kubeconfig: NamedTempFile,
}

impl<'a> Place<'a> {
    /// Creates a namespace with these objects.
    async fn new(cluster: &'a Cluster, objects: &str) -> anyhow::Result<Self> {
        let namespace = cluster.namespace("half").await?;
        if !objects.is_empty() {
            cluster.apply(&namespace, &objects.replace("NS", &namespace))?;
        }
        Ok(Self { cluster, namespace, kubeconfig: NamedTempFile::new()? })
    }

    /// Waits until a field of an object of this namespace has a value.
    async fn wait(&self, api: &Api, path: &str, field: &str, value: &Value) -> anyhow::Result<()> {
        let (group, rest) = path.rsplit_once("NS").unwrap_or(("", path));
        let path = format!("{group}{}{rest}", self.namespace);
        eventually(&path, || async { Ok(api.get(&path).await?.pointer(field) == Some(value)) }).await
    }

    /// Grants what the checks need with `more` keys of the cluster's entry, as far as `keep` returns the rules.
    async fn grant(&self, api: &Api, more: &str, keep: impl Fn(Value) -> Option<Value>) -> anyhow::Result<()> {
        const ACCOUNT: &str = "checklist-exporter";
        let config = Config::parse("checklist.yaml", &self.yaml(&[], more))?;
        let mut list = rules_gen::outputs::access::kubernetes(&config, "stack");
        for item in list["items"].as_array_mut().into_iter().flatten() {
            if let Some(rules) = item.get_mut("rules").and_then(Value::as_array_mut) {
                *rules = std::mem::take(rules).into_iter().filter_map(&keep).collect();
            }
        }
        self.cluster.apply(&self.namespace, &list.to_string())?;
        let user = format!("system:serviceaccount:{}:{ACCOUNT}", self.namespace);
        for right in rights(&list) {
            let (resource, part) = right.resource.split_once('/').unwrap_or((&right.resource, ""));
            let question = json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": {
                "user": user, "resourceAttributes": {"verb": right.verb, "group": right.group, "resource": resource,
                    "subresource": part, "namespace": right.namespace, "name": right.name}}});
            let path = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
            eventually("the right is in force", || async {
                Ok(api.create(path, &question).await?["status"]["allowed"] == true)
            })
            .await?;
        }
        let token = self.cluster.token(&self.namespace, ACCOUNT).await?;
        Ok(std::fs::write(self.kubeconfig.path(), self.cluster.kubeconfig(&token))?)
    }

    /// Returns a checklist.yaml for this namespace and others.
    fn yaml(&self, others: &[&str], more: &str) -> String {
        let namespaces = [&[self.namespace.as_str()], others].concat();
        entry(self.cluster, self.kubeconfig.path(), &namespaces, more)
    }
}

/// Keeps all rules but those for these resources, each with its API group.
fn without(refused: &[(&str, &str)]) -> impl Fn(Value) -> Option<Value> {
    |rule: Value| {
        let is_refused = refused
            .iter()
            .any(|(group, resource)| rule["apiGroups"] == json!([group]) && rule["resources"] == json!([resource]));
        (!is_refused).then_some(rule)
    }
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(has_cluster), ignore = "no kube-apiserver (make parts)")]
async fn no_check_passes_while_a_part_of_the_cluster_is_refused_and_faults_in_the_rest_are_found() -> anyhow::Result<()>
{
    let mut tried = Tried::default();
    let cluster = Cluster::shared().await?;
    let api = cluster.admin().await?;
    a_forbidden_namespace(&mut tried, cluster, &api).await?;
    a_forbidden_list(&mut tried, cluster, &api).await?;
    forbidden_figures_of_nodes(&mut tried, cluster, &api).await?;
    a_forbidden_secret_and_log(&mut tried, cluster, &api).await?;
    assert!(tried.wrong.is_empty(), "\n{}", tried.wrong.join("\n"));
    // A new signal must be part of this test.
    for (what, ids) in [("a good half", &tried.good), ("a fault", &tried.bad)] {
        let untried: Vec<&str> = signals().map(|signal| signal.id).filter(|id| !ids.contains(*id)).collect();
        assert!(untried.is_empty(), "no half-blind cluster with {what} has the checks {untried:?}");
    }
    Ok(())
}

async fn a_forbidden_namespace(tried: &mut Tried, cluster: &Cluster, api: &Api) -> anyhow::Result<()> {
    const CHECKS: [&str; 6] = ["pods", "restarts", "hpa", "pvc", "disk", "utilization"];
    let hidden = cluster.namespace("hidden").await?;
    let gap = format!("namespace {hidden}: ");
    let volume = "---\napiVersion: v1\nkind: PersistentVolume\nmetadata: {name: NS-data}\nspec: {capacity: {storage: 1Gi}, accessModes: [ReadWriteOnce], storageClassName: '', hostPath: {path: /nowhere}, claimRef: {namespace: NS, name: data}}\n";
    let bounds = "minReplicas: 2, maxReplicas: 2, metrics: [{type: Resource, resource: {name: cpu, target: {type: AverageValue, averageValue: 10}}}]";
    let good = [
        bare("fine", "", ""),
        claim("data", ""),
        volume.to_owned(),
        workload("Deployment", "pinned", 2, "", ""),
        scaler("pinned", "pinned", bounds),
    ];
    let good = Place::new(cluster, &good.concat()).await?;
    cluster.kubelet.fill(&good.namespace, "data", 0.4);
    cluster.metrics.uses(&good.namespace, 10, 1024 * 1024);
    good.wait(api, "/api/v1/namespaces/NS/pods/fine", "/status/phase", &json!("Running")).await?;
    good.wait(api, "/api/v1/namespaces/NS/persistentvolumeclaims/data", "/status/phase", &json!("Bound")).await?;
    let deployment = "/apis/apps/v1/namespaces/NS/deployments/pinned";
    good.wait(api, deployment, "/status/readyReplicas", &json!(2)).await?;
    let autoscaler = "/apis/autoscaling/v2/namespaces/NS/horizontalpodautoscalers/";
    good.wait(api, &format!("{autoscaler}pinned"), "/status/conditions/1/status", &json!("True")).await?;
    good.grant(api, "", Some).await?;
    // Without the other namespace, the checks pass.
    for check in CHECKS {
        let job = stack::checks::job(&good.yaml(&[], ""), check)?;
        job.run().await;
        let state = job.state();
        let words = format!("{} | {}", state.why(), state.seen());
        assert_eq!(state.verdict(unix_now()), checklist::Verdict::Passed, "{check}: {words}");
        tried.cannot_tell(&good.yaml(&[&hidden], ""), check, &[&gap]).await?;
    }
    let bad = [
        bare("stuck", "situation: image-pull", ""),
        bare("ended", "situation: crash-loop", ""),
        claim("waits", "no-such-class"),
        scaler("lost", "no-such-deployment", "minReplicas: 1, maxReplicas: 2"),
    ];
    let bad = Place::new(cluster, &bad.concat()).await?;
    cluster.kubelet.fill(&bad.namespace, "waits", 0.95);
    cluster.metrics.uses(&bad.namespace, 10, 63 * 1024 * 1024);
    let waiting = "/status/containerStatuses/0/state/waiting/reason";
    bad.wait(api, "/api/v1/namespaces/NS/pods/stuck", waiting, &json!("ImagePullBackOff")).await?;
    bad.wait(api, "/api/v1/namespaces/NS/pods/ended", waiting, &json!("CrashLoopBackOff")).await?;
    bad.wait(api, &format!("{autoscaler}lost"), "/status/conditions/0/status", &json!("False")).await?;
    bad.grant(api, "", Some).await?;
    let yaml = bad.yaml(&[&hidden], "");
    for (check, finding) in CHECKS.into_iter().zip(["stuck", "OOMKilled", "lost", "waits", "waits", "ended"]) {
        tried.finds(&yaml, check, &[&gap, finding]).await?;
    }
    // It is one gap in what was seen, not a failure of the run.
    let pods = stack::checks::job(&yaml, "pods")?;
    pods.run().await;
    let state = pods.state();
    assert!(state.failure.is_none(), "the other namespace was judged: {}", state.why());
    let unseen: Vec<_> = state.evidence.unseen().map(|gap| (gap.object, gap.reason)).collect();
    assert_eq!(unseen, [(Object::Namespace, Reason::Permission)]);
    let not_ready = |series: &&checklist::Series| series.metric.name == NOT_READY.name;
    assert_eq!(state.exposed(unix_now()).filter(not_ready).count(), 2, "what was seen is exposed");
    for namespace in [&hidden, &good.namespace, &bad.namespace] {
        cluster.remove(namespace).await?;
    }
    Ok(())
}

/// A right that is missing for one or two kinds of objects.
async fn a_forbidden_list(tried: &mut Tried, cluster: &Cluster, api: &Api) -> anyhow::Result<()> {
    const PODS: (&str, &str) = ("", "pods");
    const DEPLOYMENTS: (&str, &str) = ("apps", "deployments");
    let (fine, stuck) = (bare("fine", "", ""), bare("stuck", "situation: image-pull", ""));
    let down = workload("Deployment", "web", 2, "unready", "");
    for (objects, refused, finding) in [
        (&fine, &[DEPLOYMENTS][..], ""),
        (&stuck, &[DEPLOYMENTS], "stuck"),
        (&stuck, &[("", "services")], "stuck"),
        (&stuck, &[("discovery.k8s.io", "endpointslices")], "stuck"),
        (&stuck, &[("batch", "cronjobs")], "stuck"),
        (&down, &[PODS], "web"),
        (&down, &[DEPLOYMENTS, PODS], ""),
    ] {
        let place = Place::new(cluster, objects).await?;
        if objects == &down {
            let deployment = "/apis/apps/v1/namespaces/NS/deployments/web";
            place.wait(api, deployment, "/status/unavailableReplicas", &json!(2)).await?;
        } else {
            let (name, phase) = if objects == &fine { ("fine", "Running") } else { ("stuck", "Pending") };
            let pod = format!("/api/v1/namespaces/NS/pods/{name}");
            place.wait(api, &pod, "/status/phase", &json!(phase)).await?;
        }
        place.grant(api, "", without(refused)).await?;
        let mut words = vec![format!("namespace {}: ", place.namespace)];
        for (group, resource) in refused {
            let group = if group.is_empty() { "/api/v1".to_owned() } else { format!("/apis/{group}/v1") };
            words.push(format!("{group}/namespaces/{}/{resource}", place.namespace));
        }
        let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
        if finding.is_empty() {
            tried.cannot_tell(&place.yaml(&[], ""), "pods", &words).await?;
        } else {
            words.push(finding);
            tried.finds(&place.yaml(&[], ""), "pods", &words).await?;
        }
        cluster.remove(&place.namespace).await?;
    }
    Ok(())
}

/// Rights on the metrics of pods, but not on those of nodes, or not on the nodes.
async fn forbidden_figures_of_nodes(tried: &mut Tried, cluster: &Cluster, api: &Api) -> anyhow::Result<()> {
    for (refused, path) in
        [(("metrics.k8s.io", "nodes"), "/apis/metrics.k8s.io/v1beta1/nodes"), (("", "nodes"), "/api/v1/nodes")]
    {
        let place = Place::new(cluster, &bare("busy", "", "")).await?;
        cluster.metrics.uses(&place.namespace, 10, 63 * 1024 * 1024);
        place.wait(api, "/api/v1/namespaces/NS/pods/busy", "/status/phase", &json!("Running")).await?;
        place.grant(api, "", without(&[refused])).await?;
        tried.finds(&place.yaml(&[], ""), "utilization", &[path, "busy"]).await?;
        cluster.remove(&place.namespace).await?;
    }
    Ok(())
}

async fn a_forbidden_secret_and_log(tried: &mut Tried, cluster: &Cluster, api: &Api) -> anyhow::Result<()> {
    let secret = |name: &str| {
        format!(
            "---\napiVersion: v1\nkind: Secret\nmetadata: {{name: {name}, annotations: {{old: '2020-01-01T00:00:00Z'}}}}\n"
        )
    };
    let objects =
        [secret("hidden"), secret("key"), bare("web", "app: web, also: web", ""), bare("mute", "app: web", "")];
    let place = Place::new(cluster, &objects.concat()).await?;
    let other = cluster.namespace("hidden").await?;
    let namespace = &place.namespace;
    for pod in ["web", "mute"] {
        place.wait(api, &format!("/api/v1/namespaces/NS/pods/{pod}"), "/status/phase", &json!("Running")).await?;
    }
    let of_one_pod = |mut rule: Value| {
        if rule["resources"] == json!(["pods/log"]) {
            rule["resourceNames"] = json!(["web"]);
        }
        Some(rule)
    };
    place.grant(api, ", secrets: [{name: key}], auditLogs: [{selector: app=web}]", of_one_pod).await?;
    let gap = format!("secret {namespace}/hidden: ");
    let yaml = place.yaml(&[], ", secrets: [{name: hidden}, {name: key}]");
    tried.cannot_tell(&yaml, "secrets", &[&gap]).await?;
    let yaml = place.yaml(&[], ", secrets: [{name: hidden}, {name: key, annotation: old}]");
    tried.finds(&yaml, "secrets", &[&gap, "key"]).await?;
    let yaml = place.yaml(&[], ", auditLogs: [{selector: app=web}]");
    tried.cannot_tell(&yaml, "pod_logs", &[&format!("log of {namespace}/mute/main: ")]).await?;
    // One group of pods is silent, and the pods of the other may not be listed.
    cluster.kubelet.wrote(namespace, "web", Vec::new());
    let logs = format!("{{selector: also=web, namespace: {namespace}}}, {{selector: app=api, namespace: {other}}}");
    let yaml = place.yaml(&[&other], &format!(", auditLogs: [{logs}]"));
    tried.finds(&yaml, "pod_logs", &[&format!("pods app=api of {other}: "), "also=web"]).await?;
    cluster.remove(&other).await?;
    cluster.remove(namespace).await
}
