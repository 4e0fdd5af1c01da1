//! A namespace with kube-prometheus: the operator reconciles our objects on a real API server, and a real Prometheus
//! and Alertmanager run on the configuration that it writes. Only the addresses of pods, which do not run here, are
//! replaced by local ones.

use anyhow::{Context, ensure};
use base64::Engine;
use futures::FutureExt;
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use stack::cluster::{Api, Cluster, printed};
use stack::http::is_up;
use stack::monitoring::{Alertmanager, Prometheus, Release};
use stack::parts::{Part, Ready, Service, program as part};
use stack::process::{Process, free_port};
use stack::recorder::Recorder;
use stack::stack::program;
use stack::waiting::eventually;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

fn deploy() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy")
}

/// Starts the operator outside of the cluster, for one namespace.
async fn operator(cluster: &Cluster, namespace: &str, folder: &Path) -> anyhow::Result<Service> {
    let address = format!("127.0.0.1:{}", free_port()?);
    let health = format!("http://{address}/healthz");
    let ready: Ready = Arc::new(move || {
        let health = health.clone();
        async move { is_up(&health).await }.boxed()
    });
    let mut operator = Service::new("prometheus-operator", folder, address.clone(), ready)?
        .arg(format!("--web.listen-address={address}"))
        .arg(format!("--namespaces={namespace}"))
        .env("KUBECONFIG", cluster.admin_kubeconfig().display().to_string());
    operator.start().await?;
    Ok(operator)
}

/// Starts the exporter for an application that does not answer, with all generated files.
async fn exporter(folder: &Path, recorder: &Recorder) -> anyhow::Result<(Process, u16)> {
    let text = format!(
        "health: [{{name: shop, url: 'http://127.0.0.1:9/'}}]\nchecks: {{health: {{interval: 1s}}}}\n\
         alerting:\n  runbookBaseUrl: https://runbooks.example.com\n  \
         pagerduty: {{routingKeyFile: /etc/alertmanager/secrets/pagerduty-key, url: '{}'}}\n  \
         slack: {{webhookUrlFile: /etc/alertmanager/secrets/slack-url, channel: '#ops'}}\n  \
         grouping: {{wait: 1s, interval: 1s, repeat: 1h}}\n  \
         alerts: {{ChecklistHealthUnreachable: {{for: 1s}}}}\n",
        recorder.pagerduty_url()
    );
    std::fs::write(folder.join("checklist.yaml"), text)?;
    let mut command = Command::new(program("rules-gen")?);
    command.current_dir(folder).args(["generate", "--target-format", "operator", "--only", "rules,alertmanager"]);
    printed(&command.args(["--config", "checklist.yaml", "--out", "generated"]).output()?)?;
    let port = free_port()?;
    let mut command = Command::new(program("checklist-exporter")?);
    command.arg("run").arg("--config").arg(folder.join("checklist.yaml"));
    command.args(["--listen", &format!("127.0.0.1:{port}")]);
    let mut process = Process::start(&mut command, "exporter", folder, Signal::SIGTERM)?;
    process.wait_until(|| async move { is_up(&format!("http://127.0.0.1:{port}/-/healthy")).await }).await?;
    Ok((process, port))
}

/// Returns a gzipped entry of a secret.
async fn unpacked(api: &Api, namespace: &str, secret: &str, key: &str) -> anyhow::Result<String> {
    let secret = api.get(&format!("/api/v1/namespaces/{namespace}/secrets/{secret}")).await?;
    let data = secret["data"][key].as_str().with_context(|| format!("no {key}"))?;
    let packed = base64::engine::general_purpose::STANDARD.decode(data)?;
    let mut text = String::new();
    flate2::read::GzDecoder::new(packed.as_slice()).read_to_string(&mut text)?;
    Ok(text)
}

/// Adapts the Prometheus configuration of the operator to this machine: discovered targets get local addresses, and the
/// placeholders that the config reloader of a pod would fill are replaced.
fn moved(text: &str, rules: &Path, kubeconfig: &Path, exporter: u16, alertmanager: u16) -> anyhow::Result<String> {
    let text = text.replace("$(SHARD)", "0").replace("$(POD_NAME)", "prometheus-shop-0");
    let mut config: Value = serde_yaml::from_str(&text)?;
    config["rule_files"] = json!([format!("{}/*.yaml", rules.display())]);
    let find = |section: &mut Value, port: u16| -> anyhow::Result<()> {
        for discovery in section["kubernetes_sd_configs"].as_array_mut().context("found in the cluster")? {
            discovery["kubeconfig_file"] = json!(kubeconfig.display().to_string());
        }
        let here = json!({"target_label": "__address__", "replacement": format!("127.0.0.1:{port}")});
        section["relabel_configs"].as_array_mut().context("relabelled")?.push(here);
        // These keys refer to files in a pod.
        for key in ["authorization", "bearer_token_file", "tls_config"] {
            if let Some(section) = section.as_object_mut() {
                section.remove(key);
            }
        }
        Ok(())
    };
    for scrape in config["scrape_configs"].as_array_mut().context("scrapes")? {
        find(scrape, exporter)?;
    }
    for alertmanager_config in config["alerting"]["alertmanagers"].as_array_mut().context("alertmanagers")? {
        find(alertmanager_config, alertmanager)?;
    }
    Ok(config.to_string())
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(
    not(all(has_cluster, has_operator, has_newest_prometheus)),
    ignore = "no kube-apiserver, prometheus-operator or newest Prometheus (make parts)"
)]
async fn the_operator_deploys_our_objects_and_a_critical_alert_is_delivered() -> anyhow::Result<()> {
    let cluster = Cluster::shared().await?;
    let api = cluster.admin().await?;
    cluster.define_operator_kinds().await?;
    let namespace = cluster.namespace("shop").await?;
    let folder = tempfile::Builder::new().prefix("checklist-shop").tempdir()?;
    let recorder = Recorder::start().await?;
    let (_exporter, exporter_port) = exporter(folder.path(), &recorder).await?;
    let mut operator = operator(cluster, &namespace, folder.path()).await?;

    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "ops-checklist-alerting"},
        "stringData": {"pagerduty-key": "0123456789abcdef0123456789abcdef", "slack-url": recorder.slack_url()}});
    api.create(&format!("/api/v1/namespaces/{namespace}/secrets"), &secret).await?;
    cluster.apply(&namespace, &include_str!("shop.yaml").replace("NS", &namespace))?;
    for file in ["rules/prometheusrule.yaml", "alertmanager/alertmanagerconfig.yaml"] {
        cluster.apply(&namespace, &std::fs::read_to_string(folder.path().join("generated").join(file))?)?;
    }
    for file in ["deployment", "service", "servicemonitor"] {
        let file = deploy().join(format!("kustomize/base/{file}.yaml"));
        cluster.apply(&namespace, &std::fs::read_to_string(file)?)?;
    }

    // The written configuration contains our rules, our target and our route.
    let rules = folder.path().join("rules");
    std::fs::create_dir(&rules)?;
    eventually("the operator has written everything", || async {
        // The operator spreads large rules over several ConfigMaps.
        let maps = api.get(&format!("/api/v1/namespaces/{namespace}/configmaps")).await?;
        let name = |map: &Value| map["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        let maps = maps["items"].as_array().cloned().unwrap_or_default();
        let maps: Vec<&Value> = maps.iter().filter(|map| name(map).starts_with("prometheus-shop-rulefiles-")).collect();
        for (name, text) in maps.iter().filter_map(|map| map["data"].as_object()).flatten() {
            std::fs::write(rules.join(name), text.as_str().unwrap_or_default())?;
        }
        let scrapes = unpacked(&api, &namespace, "prometheus-shop", "prometheus.yaml.gz").await.unwrap_or_default();
        let routes = unpacked(&api, &namespace, "alertmanager-shop-generated", "alertmanager.yaml.gz").await;
        Ok(maps.iter().any(|map| map.to_string().contains("ChecklistHealthUnreachable"))
            && scrapes.contains("serviceMonitor/")
            && routes.is_ok_and(|text| text.contains("ops-checklist/pagerduty")))
    })
    .await
    .with_context(|| operator.log())?;
    let release = Release::newest();
    let routes = folder.path().join("alertmanager.yaml");
    std::fs::write(&routes, unpacked(&api, &namespace, "alertmanager-shop-generated", "alertmanager.yaml.gz").await?)?;
    printed(&release.tool("amtool").arg("check-config").arg(&routes).output()?)?;
    let alertmanager = Alertmanager::of(release.clone(), free_port()?, &routes, folder.path()).await?;
    let written = unpacked(&api, &namespace, "prometheus-shop", "prometheus.yaml.gz").await?;
    let config = folder.path().join("prometheus.yaml");
    let text = moved(&written, &rules, &cluster.admin_kubeconfig(), exporter_port, alertmanager.port)?;
    std::fs::write(&config, text)?;
    printed(&release.tool("promtool").args(["check", "config"]).arg(&config).output()?)?;
    let prometheus = Prometheus::of(&release, free_port()?, &config, folder.path()).await?;

    let fires = prometheus.wait("ChecklistHealthUnreachable", "critical", true).await;
    if let Err(error) = fires {
        let at = format!("http://127.0.0.1:{}/api/v1", prometheus.port);
        let targets = stack::http::json(&format!("{at}/targets")).await?;
        let rules = stack::http::json(&format!("{at}/rules?rule_name[]=ChecklistHealthUnreachable")).await?;
        anyhow::bail!("{error}\n{targets:#}\n{rules:#}");
    }
    assert_eq!(prometheus.broken_rules().await?, Vec::<String>::new());
    assert_eq!(prometheus.remarks().await?, Vec::<String>::new());
    // Both pods of the exporter are discovered, each is scraped within half a minute, and together they give one alert.
    eventually("both pods are scraped", || async { Ok(prometheus.query("checklist_build_info").await?.len() == 2) })
        .await?;
    let firing = prometheus.firing().await?;
    let unreachable = |alert: &&Value| alert["labels"]["alertname"] == "ChecklistHealthUnreachable";
    assert_eq!(firing.iter().filter(unreachable).count(), 1, "{firing:#?}");
    let page = |m: &stack::recorder::Message| m.receiver == "pagerduty" && m.fires("ChecklistHealthUnreachable");
    let arrived = recorder.wait("a page", page).await?;
    let text = &arrived.body["payload"]["custom_details"]["description"];
    assert!(text.is_string(), "a mapping that Alertmanager read in the text: {text}");
    ensure!(operator.stop(), "the operator ends with success");
    cluster.remove(&namespace).await
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(has_operator), ignore = "no admission webhook of prometheus-operator (make parts)")]
async fn the_admission_webhook_accepts_every_object_and_refuses_a_broken_one() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let address = format!("127.0.0.1:{}", free_port()?);
    let health = format!("http://{address}/healthz");
    let ready: Ready = Arc::new(move || {
        let health = health.clone();
        async move { is_up(&health).await }.boxed()
    });
    let mut webhook = Service::new("prometheus-admission-webhook", folder.path(), address.clone(), ready)?
        .arg(format!("--web.listen-address={address}"))
        .arg("--web.enable-tls=false");
    webhook.start().await?;
    let review = async |path: &str, object: &Value, resource: &str, version: &str| -> anyhow::Result<Value> {
        let kind = json!({"group": "monitoring.coreos.com", "version": version, "kind": object["kind"]});
        let resource = json!({"group": "monitoring.coreos.com", "version": version, "resource": resource});
        let review = json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {
            "uid": "1", "kind": kind, "resource": resource, "operation": "CREATE", "name": "x", "namespace": "x", "object": object}});
        let url = format!("http://{address}/{path}");
        let headers = [("content-type", "application/json")];
        let (_, body) = stack::http::request(&url, Some(&review.to_string()), &headers).await?;
        Ok(serde_json::from_slice(&body)?)
    };
    let read = |file: &str| -> anyhow::Result<Vec<Value>> {
        let text = std::fs::read_to_string(deploy().join("generated").join(file))?;
        let all: Vec<Option<Value>> = serde_yaml::from_multiple(&text)?;
        Ok(all.into_iter().flatten().collect())
    };
    let rules = read("rules/prometheusrule.yaml")?;
    ensure!(!rules.is_empty(), "no rules");
    for object in &rules {
        let response = review("admission-prometheusrules/validate", object, "prometheusrules", "v1").await?;
        ensure!(response["response"]["allowed"] == true, "{response}");
    }
    for object in read("alertmanager/alertmanagerconfig.yaml")? {
        let response =
            review("admission-alertmanagerconfigs/validate", &object, "alertmanagerconfigs", "v1alpha1").await?;
        ensure!(response["response"]["allowed"] == true, "{response}");
    }
    let mut broken = rules[0].clone();
    broken["spec"]["groups"][0]["rules"][0]["expr"] = json!("up ==");
    let response = review("admission-prometheusrules/validate", &broken, "prometheusrules", "v1").await?;
    ensure!(response["response"]["allowed"] == false, "a broken rule is let in: {response}");
    Ok(())
}

#[test]
#[cfg_attr(not(has_vmalert), ignore = "no vmalert (make parts)")]
fn vmalert_accepts_the_plain_rules_and_refuses_broken_ones() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let check = |rules: &Path| -> anyhow::Result<std::process::Output> {
        let mut command = Command::new(part("vmalert")?);
        command.args(["-dryRun", "-rule.validateTemplates", "-rule.validateExpressions"]);
        Ok(command.arg(format!("-rule={}", rules.display())).output()?)
    };
    printed(&check(&deploy().join("generated/rules/checklist.yaml"))?)?;
    let broken = folder.path().join("broken.yaml");
    std::fs::write(&broken, "groups: [{name: g, rules: [{alert: A, expr: 'up =='}]}]\n")?;
    ensure!(!check(&broken)?.status.success(), "a broken rule is accepted");
    Ok(())
}
