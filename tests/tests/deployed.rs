//! rules-gen with live servers: comparison with deployed rules, lints that use Prometheus, and routes through a real
//! Alertmanager.

use checklist::Config;
use serde_json::{Value, json};
use stack::cluster::Cluster;
use stack::http::{Server, response, serve};
use stack::monitoring::{Alertmanager, Prometheus};
use stack::process::free_port;
use stack::recorder::Recorder;
use stack::waiting::eventually;
use std::path::Path;
use std::process::Command;

const EXAMPLE: &str = include_str!("../../examples/checklist.yaml");

/// Runs rules-gen. Returns the exit code, standard output and standard error.
fn rules_gen(folder: &Path, arguments: &[&str]) -> anyhow::Result<(Option<i32>, String, String)> {
    let mut command = Command::new(stack::stack::program("rules-gen")?);
    command.args(arguments).current_dir(folder).env_remove("KUBECONFIG");
    let output = tokio::task::block_in_place(|| command.output())?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok((output.status.code(), text(&output.stdout), text(&output.stderr)))
}

/// Returns a folder with the example checklist and its generated files.
fn generated() -> anyhow::Result<tempfile::TempDir> {
    let folder = tempfile::Builder::new().prefix("checklist-deployed").tempdir()?;
    std::fs::write(folder.path().join("checklist.yaml"), EXAMPLE)?;
    let config = Config::parse("checklist.yaml", EXAMPLE)?;
    rules_gen::outputs::file::write(
        &rules_gen::outputs::generate(&config, "checklist.yaml")?,
        &folder.path().join("generated"),
    )?;
    Ok(folder)
}

/// Compares a place with the example, and with a checklist that has another limit and one alert less.
fn compare(folder: &Path, place: &[&str]) -> anyhow::Result<()> {
    let diff = [&["diff", "--config", "checklist.yaml"], place].concat();
    let (code, printed, complaint) = rules_gen(folder, &diff)?;
    anyhow::ensure!(code == Some(0) && printed.ends_with("rules, no difference\n"), "{place:?}: {printed}{complaint}");
    let other = EXAMPLE.replace("disk.usage: {warning: 70%,", "disk.usage: {warning: 65%,");
    let other = other.replace("alerting:\n", "alerting:\n  alerts: {ChecklistPodStuck: {enabled: false}}\n");
    std::fs::write(folder.join("other.yaml"), other)?;
    let diff = [&["diff", "--config", "other.yaml"], place].concat();
    let (code, printed, complaint) = rules_gen(folder, &diff)?;
    anyhow::ensure!(code == Some(1), "{place:?}: {printed}{complaint}");
    for part in [
        "~ alert ChecklistVolumeFilling (warning)\n    - expr: ",
        " > 0.7\n    + expr: ",
        "- alert ChecklistPodStuck (warning)",
        // The fingerprint of the configuration is a label of a recording rule.
        "labels.fingerprint",
        "0 to add, 1 to remove, ",
    ] {
        anyhow::ensure!(printed.contains(part), "{place:?}: {part:?} is not in:\n{printed}");
    }
    let (_, printed, _) = rules_gen(folder, &[&diff[..], &["--output", "json"]].concat())?;
    let whole: Value = serde_json::from_str(&printed)?;
    anyhow::ensure!(whole["removed"] == 1 && whole["added"] == 0, "{printed}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn diff_reports_differences_from_prometheus_and_an_unreachable_prometheus_is_no_verdict() -> anyhow::Result<()> {
    let folder = generated()?;
    let port = free_port()?;
    let rules = folder.path().join("generated/rules/checklist.yaml");
    let prometheus = Prometheus::start(port, &[], &[], 9, &rules, folder.path()).await?;
    let place = format!("prometheus=http://127.0.0.1:{port}");
    compare(folder.path(), &["--against", &place])?;
    compare(folder.path(), &["--against", "dir=generated/rules/checklist.yaml"])?;
    compare(folder.path(), &["--against", "dir=generated/rules/mimir.yaml"])?;
    drop(prometheus);
    let (code, _, complaint) = rules_gen(folder.path(), &["diff", "--against", &place])?;
    assert_eq!(code, Some(3), "{complaint}");
    let (code, _, complaint) = rules_gen(folder.path(), &["diff", "--against", "dir=nowhere"])?;
    assert_eq!(code, Some(2), "{complaint}");
    Ok(())
}

/// Lets an account of a namespace list `PrometheusRule` objects in the whole cluster.
fn reader(namespace: &str) -> String {
    format!(
        "apiVersion: v1\nkind: ServiceAccount\nmetadata: {{name: reader}}\n\
         ---\napiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {{name: reader-{namespace}}}\n\
         rules: [{{apiGroups: [monitoring.coreos.com], resources: [prometheusrules], verbs: [list]}}]\n\
         ---\napiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\n\
         metadata: {{name: reader-{namespace}}}\n\
         roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: reader-{namespace}}}\n\
         subjects: [{{kind: ServiceAccount, name: reader, namespace: {namespace}}}]\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(
    not(all(has_cluster, has_operator)),
    ignore = "no kube-apiserver or no definitions of prometheus-operator (make parts)"
)]
async fn prometheus_rule_objects_are_compared_page_by_page_and_without_the_enforced_namespace() -> anyhow::Result<()> {
    let folder = generated()?;
    let cluster = Cluster::shared().await?;
    cluster.define_operator_kinds().await?;
    let (api, namespace) = (cluster.admin().await?, cluster.namespace("rules").await?);
    let other = cluster.namespace("other").await?;
    cluster.apply(&namespace, &reader(&namespace))?;
    std::fs::write(folder.path().join("kubeconfig"), cluster.kubeconfig(&cluster.token(&namespace, "reader").await?))?;
    let text = std::fs::read_to_string(folder.path().join("generated/rules/prometheusrule.yaml"))?;
    let mut object: Value = serde_yaml::from_str(&text)?;
    // What the operator adds when it enforces a namespace label.
    for rule in object["spec"]["groups"].as_array_mut().into_iter().flatten() {
        for rule in rule["rules"].as_array_mut().into_iter().flatten() {
            rule["labels"]["namespace"] = json!(namespace);
        }
    }
    object["metadata"]["namespace"] = json!(namespace);
    let collection = |namespace: &str| format!("/apis/monitoring.coreos.com/v1/namespaces/{namespace}/prometheusrules");
    api.create(&collection(&namespace), &object).await?;
    // More objects of other teams than one page has. They come before ours.
    for n in 0..120 {
        let group =
            json!({"name": format!("theirs-{n}"), "rules": [{"alert": format!("Theirs{n}"), "expr": "up == 0"}]});
        let theirs = json!({"apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule",
            "metadata": {"name": format!("a{n}")}, "spec": {"groups": [group]}});
        api.create(&collection(&namespace), &theirs).await?;
        if n == 0 {
            api.create(&collection(&other), &theirs).await?;
        }
    }
    let place = ["--against", "k8s", "--kubeconfig", "kubeconfig"];
    let within = ["--namespace", namespace.as_str()];
    let everything = |kubeconfig: &str, more: &[&str]| {
        let place = ["diff", "--against", "k8s", "--all", "--output", "json", "--kubeconfig", kubeconfig];
        rules_gen(folder.path(), &[&place[..], more].concat())
    };
    compare(folder.path(), &[&place[..], &within].concat())?;
    compare(folder.path(), &place)?;
    for (more, theirs) in [(&within[..], 120), (&[][..], 121)] {
        let (code, printed, complaint) = everything("kubeconfig", more)?;
        let whole: Value = serde_json::from_str(&printed)?;
        assert_eq!((code, &whole["removed"]), (Some(1), &json!(theirs)), "{complaint}");
    }
    let requests = cluster.audit(&namespace, "reader")?;
    let continued = |event: &&Value| event["requestURI"].as_str().is_some_and(|path| path.contains("continue="));
    assert!(requests.iter().filter(continued).count() >= 4, "the list had one page: {requests:#?}");
    // An account without a role.
    let stranger = cluster.token(&namespace, "default").await?;
    std::fs::write(folder.path().join("stranger"), cluster.kubeconfig(&stranger))?;
    for more in [&within[..], &[]] {
        let (code, printed, complaint) = everything("stranger", more)?;
        let is_refused = complaint.contains("cannot list PrometheusRule objects") && complaint.contains("forbidden");
        assert!(code == Some(3) && printed.is_empty() && is_refused, "{code:?} {printed} {complaint}");
    }
    cluster.remove(&other).await?;
    cluster.remove(&namespace).await
}

/// Starts a ruler API that has rules of two tenants in Mimir's format.
async fn mimir(text: String) -> anyhow::Result<Server> {
    serve(None, move |request| {
        let tenant = request.headers().get("x-scope-orgid").and_then(|value| value.to_str().ok()).map(str::to_owned);
        let (path, text) = (request.uri().path().to_owned(), text.clone());
        async move {
            match (path.as_str(), tenant.as_deref()) {
                ("/prometheus/config/v1/rules", Some("shop")) => response(200, "application/yaml", text),
                ("/prometheus/config/v1/rules", Some("empty")) => response(404, "text/plain", "no rule groups found\n"),
                ("/prometheus/config/v1/rules", None) => response(401, "text/plain", "no org id\n"),
                _ => response(500, "text/plain", "the ring is empty\n"),
            }
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_namespaces_of_mimir_are_compared_for_one_tenant() -> anyhow::Result<()> {
    let folder = generated()?;
    let text = std::fs::read_to_string(folder.path().join("generated/rules/checklist.yaml"))?;
    let rules: Value = serde_yaml::from_str(&text)?;
    let mut groups = rules["groups"].clone();
    for group in groups.as_array_mut().into_iter().flatten() {
        group["interval"] = json!("1m");
    }
    // A rule of another team has the name of one of ours.
    let theirs = json!([{"name": "theirs", "rules": [{"alert": "ChecklistPodStuck", "expr": "up == 0"}]}]);
    let server = mimir(serde_yaml::to_string(&json!({"ops-checklist": groups, "theirs": theirs}))?).await?;
    let place = format!("mimir=http://127.0.0.1:{}/prometheus", server.port);
    compare(folder.path(), &["--against", &place, "--tenant", "shop", "--namespace", "ops-checklist"])?;
    let diff = ["diff", "--against", &place, "--output", "json"];
    let count = |tenant: &[&str]| -> anyhow::Result<(Option<i32>, Value, String)> {
        let (code, printed, complaint) = rules_gen(folder.path(), &[&diff[..], tenant].concat())?;
        Ok((code, serde_json::from_str(&printed).unwrap_or_default(), complaint))
    };
    let (code, whole, complaint) = count(&["--tenant", "shop"])?;
    assert_eq!((code, &whole["removed"]), (Some(1), &json!(1)), "the other namespace is seen too: {complaint}");
    let (code, whole, complaint) = count(&["--tenant", "empty"])?;
    assert_eq!((code, &whole["added"]), (Some(1), &whole["generated"]), "{complaint}");
    assert_eq!(count(&[])?.0, Some(3), "Mimir wants a tenant");
    assert_eq!(count(&["--tenant", "other"])?.0, Some(3));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_lint_reads_metrics_labels_links_and_rule_health_from_servers() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let page = serve(None, |request| {
        let there = matches!(request.uri().path(), "/metrics" | "/runbooks/good.md");
        async move {
            let text = "load{host=\"a\",disk=\"x\"} 1\nload{host=\"a\",disk=\"y\"} 1\nlimit{host=\"a\"} 2\n";
            if there { response(200, "text/plain; version=0.0.4", text) } else { response(404, "text/plain", "") }
        }
    })
    .await?;
    // This expression parses but cannot be evaluated: two series of the left side match one of the right side.
    let broken = "groups: [{name: g, rules: [{record: 'host:load:ratio', expr: load / on (host) limit}]}]\n";
    let running = folder.path().join("running.yaml");
    std::fs::write(&running, broken)?;
    let port = free_port()?;
    let prometheus = Prometheus::start(port, &[page.port], &[], 9, &running, folder.path()).await?;
    eventually("the rule is evaluated", || async { Ok(!prometheus.broken_rules().await?.is_empty()) }).await?;
    let links = format!("http://127.0.0.1:{}/runbooks", page.port);
    let rule = |name: &str, expr: &str, link: &str| {
        format!(
            "  - alert: {name}\n    expr: {expr}\n    for: 5m\n    labels: {{severity: warning}}\n    annotations: {{summary: It is bad., description: 'It is bad on {{{{ $labels.host }}}}.', runbook_url: '{links}/{link}'}}\n"
        )
    };
    let text = format!(
        "groups:\n- name: g\n  rules:\n{}{}{}",
        rule("LoadHigh", "max by (host) (load) > 5", "good.md#loadhigh"),
        rule("LaodHigh", "max by (host) (laod) > 5", "gone.md#laodhigh"),
        rule("LimitLow", "max by (host) (limit{disk=\"x\"}) < 5", "good.md"),
    );
    std::fs::write(folder.path().join("rules.yaml"), text)?;
    let url = format!("http://127.0.0.1:{port}");
    let lint = ["lint", "--live", &url, "--output", "json", "rules.yaml"];
    let (code, printed, complaint) = rules_gen(folder.path(), &lint)?;
    let findings: Vec<Value> =
        serde_json::from_str(&printed).map_err(|error| anyhow::anyhow!("{error}: {printed}{complaint}"))?;
    let mut found: Vec<(&str, &str)> = findings
        .iter()
        .map(|one| (one["id"].as_str().unwrap_or_default(), one["subject"].as_str().unwrap_or_default()))
        .collect();
    found.sort_unstable();
    let wanted = [("RG010", "LaodHigh"), ("RG010", "LimitLow"), ("RG033", "LaodHigh"), ("RG070", "host:load:ratio")];
    assert_eq!(found, wanted, "{findings:#?}");
    assert_eq!(code, Some(1));
    assert!(printed.contains("did you mean load?") && printed.contains("limit has no label disk"), "{printed}");
    drop(prometheus);
    let (code, printed, complaint) = rules_gen(folder.path(), &lint)?;
    assert!(code == Some(3) && printed.is_empty(), "{printed}{complaint}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_route_test_is_delivered_and_a_broken_route_is_detected() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let recorder = Recorder::start().await?;
    let (path, port) = (folder.path().display(), free_port()?);
    std::fs::write(folder.path().join("pagerduty-key"), "0123456789abcdef0123456789abcdef")?;
    std::fs::write(folder.path().join("slack-url"), recorder.slack_url())?;
    let yaml = format!(
        "certificates: [{{name: a, address: 'localhost:443'}}]\nalerting:\n  pagerduty: {{routingKeyFile: {path}/pagerduty-key, url: '{}'}}\n  slack: {{webhookUrlFile: {path}/slack-url}}\n  grouping: {{wait: 1s, interval: 1s, repeat: 1h}}\n",
        recorder.pagerduty_url()
    );
    std::fs::write(folder.path().join("checklist.yaml"), &yaml)?;
    let config = Config::parse("checklist.yaml", &yaml)?;
    rules_gen::outputs::file::write(&rules_gen::outputs::generate(&config, "checklist.yaml")?, folder.path())?;
    let routes = folder.path().join("alertmanager/alertmanager.yaml");
    let url = format!("http://127.0.0.1:{port}");
    let test = |within: &str| {
        rules_gen(folder.path(), &["route-test", "--live", &url, "--config", "checklist.yaml", "--within", within])
    };
    let alertmanager = Alertmanager::start(port, &routes, folder.path()).await?;
    let (code, printed, complaint) = test("120")?;
    assert!(code == Some(0) && printed.matches(": delivered after").count() == 2, "{printed}{complaint}");
    for receiver in ["pagerduty", "slack"] {
        recorder.wait(receiver, |message| message.receiver == receiver).await?;
    }
    drop(alertmanager);
    let (code, _, complaint) = test("5")?;
    assert_eq!(code, Some(3), "{complaint}");
    // A wrong route takes the critical alerts.
    let text = std::fs::read_to_string(&routes)?;
    let mut broken: Value = serde_yaml::from_str(&text)?;
    broken["route"]["routes"] = json!([{"receiver": "nobody", "matchers": ["severity=\"critical\""]}]);
    std::fs::write(&routes, serde_yaml::to_string(&broken)?)?;
    let _alertmanager = Alertmanager::start(port, &routes, folder.path()).await?;
    let (code, printed, complaint) = test("120")?;
    assert!(code == Some(1) && printed.contains("critical: NOT delivered"), "{printed}{complaint}");
    assert!(printed.contains("warning: delivered after"), "{printed}");
    Ok(())
}
