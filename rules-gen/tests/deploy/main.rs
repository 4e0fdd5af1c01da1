//! The deployment: kustomize and Helm give the same objects, and each is valid for Kubernetes.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by its panic")]

mod definitions;
mod image;
mod objects;
mod schema;
mod secrets;

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The namespace of the example overlay.
const NAMESPACE: &str = "llm-orchestrator";
/// A configuration without a cluster of its own, with records in a bucket, variables, an address, and two restores with
/// similar names.
const OUTSIDE: &str = "
backups:
  - {name: Big_One, bucket: bkt, format: pg_dump, restore: {checks: [{name: n, query: SELECT 1}]}, endpoint: 'https://10.1.2.3:9000', region: r, accessKeyIdEnv: S3_ID, secretAccessKeyEnv: S3_KEY, thresholds: {restore.max_age: {warning: 9d}}}
  - {name: big-one, bucket: bkt, format: pg_dump, restore: {server: {host: scratch.lab.svc, database: d, user: u, passwordEnv: SCRATCH}, checks: [{name: n, query: SELECT 1}]}, endpoint: 'https://minio.storage.svc', region: r, accessKeyIdEnv: S3_ID, secretAccessKeyEnv: S3_KEY}
postgres:
  - {name: db, host: '2001:db8::1', port: 6432, database: d, user: u, passwordFile: /etc/checklist/secrets/pw}
tasks: {since: 2026-01-01, s3: {bucket: bkt, prefix: r/, endpoint: 'https://minio.storage.svc', region: r, accessKeyIdEnv: S3_ID, secretAccessKeyEnv: S3_KEY}}
";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Runs a program that must succeed, and returns what it printed.
fn printed(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("it prints UTF-8")
}

/// The objects by kind, namespace and name.
type Objects = BTreeMap<(String, String, String), Value>;

fn objects(text: &str) -> Objects {
    let documents: Vec<Option<Value>> =
        serde_yaml::from_multiple(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let mut all = Objects::new();
    for mut object in documents.into_iter().flatten() {
        let wide = ["ClusterRole", "ClusterRoleBinding"].contains(&object["kind"].as_str().unwrap_or_default());
        // Helm installs an object without a namespace into the namespace of the release.
        if !wide && object["metadata"]["namespace"].is_null() {
            object["metadata"]["namespace"] = json!(NAMESPACE);
        }
        let part = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let meta = &object["metadata"];
        let key = (part(&object["kind"]), part(&meta["namespace"]), part(&meta["name"]));
        assert!(all.insert(key.clone(), object).is_none(), "{key:?} is there twice");
    }
    all
}

fn kustomize(folder: &Path) -> Objects {
    objects(&printed(Command::new("kubectl").arg("kustomize").arg(folder)))
}

/// Renders the chart with a folder of generated files.
fn helm(generated: &Path) -> Objects {
    helm_with(generated, |_| ())
}

/// Like [`helm`], with changed values.
fn helm_with(generated: &Path, change: impl Fn(&mut Value)) -> Objects {
    let folder = tempfile::tempdir().expect("a folder");
    let chart = folder.path().join("ops-checklist");
    printed(Command::new("cp").arg("-r").arg(root().join("deploy/helm/ops-checklist")).arg(&chart));
    copy_generated(generated, &chart);
    let file = chart.join("values.yaml");
    let mut values: Value = serde_yaml::from_str(&std::fs::read_to_string(&file).expect("there")).expect("YAML");
    change(&mut values);
    std::fs::write(&file, values.to_string()).expect("written");
    let mut helm = Command::new(root().join("target/parts/bin/helm"));
    objects(&printed(helm.args(["template", "checklist", "--namespace", NAMESPACE]).arg(&chart)))
}

/// Copies generated files into a chart. The dashboards of the repository are in a folder beside `deploy`.
fn copy_generated(generated: &Path, chart: &Path) {
    printed(Command::new("cp").arg("-r").arg(generated).arg(chart.join("generated")));
    if !generated.join("dashboards").exists() {
        printed(Command::new("cp").arg("-r").arg(root().join("dashboards")).arg(chart.join("generated")));
    }
}

/// Generates the files for a configuration, and returns a copy of the example overlay for them.
fn generated(yaml: &str, folder: &Path) -> PathBuf {
    // kustomize takes an absolute path for a remote one, so the folders must be arranged as in the repository.
    std::fs::write(folder.join("checklist.yaml"), yaml).expect("written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_rules-gen"));
    printed(command.current_dir(folder).args(["generate", "--config", "checklist.yaml", "--out", "generated"]));
    printed(Command::new("cp").arg("-r").arg(root().join("deploy/kustomize")).arg(folder));
    let overlay = folder.join("kustomize/overlays/example/kustomization.yaml");
    let text = std::fs::read_to_string(&overlay).expect("the overlay is there");
    std::fs::write(&overlay, format!("{text}namespace: {NAMESPACE}\n")).expect("written");
    folder.join("kustomize/overlays/example")
}

fn compare(one: &Objects, other: &Objects) {
    let names = |objects: &Objects| objects.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(one), names(other));
    for (name, object) in one {
        assert_eq!(&schema::normal(object), &schema::normal(&other[name]), "{name:?}");
    }
}

#[test]
fn the_committed_deployment_matches_the_generated_one() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rules-gen"));
    let arguments = [
        "generate",
        "--config",
        "examples/checklist.yaml",
        "--out",
        "deploy/generated",
        "--dashboards",
        "dashboards",
        "--check",
    ];
    printed(command.current_dir(root()).args(arguments));
}

#[test]
#[cfg_attr(
    not(all(has_helm, has_operator_definitions)),
    ignore = "no helm or no definitions of prometheus-operator (make parts)"
)]
fn kustomize_and_helm_give_the_same_valid_objects() {
    let objects = kustomize(&root().join("deploy/kustomize/overlays/example"));
    let kinds: Vec<&str> = objects.keys().map(|(kind, ..)| kind.as_str()).collect();
    for kind in [
        "ClusterRole",
        "ClusterRoleBinding",
        "ConfigMap",
        "CronJob",
        "Deployment",
        "NetworkPolicy",
        "PersistentVolumeClaim",
        "PodDisruptionBudget",
        "PrometheusRule",
        "Role",
        "RoleBinding",
        "Service",
        "ServiceAccount",
        "ServiceMonitor",
    ] {
        assert!(kinds.contains(&kind), "there is no {kind}");
    }
    assert!(!kinds.contains(&"Secret"), "secrets are referred to and never contained");
    objects.values().for_each(schema::check);
    compare(&objects, &helm(&root().join("deploy/generated")));
    assert_eq!(kustomize(&root().join("deploy/kustomize/base")).len(), 4);
}

#[test]
#[cfg_attr(
    not(all(has_helm, has_operator_definitions)),
    ignore = "no helm or no definitions of prometheus-operator (make parts)"
)]
fn token_reviews_have_their_rights_and_a_network_policy_to_the_api_server() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = "kubernetes:
  - {name: c, namespaces: [llm-orchestrator], webAudiences: [checklist-exporter]}
";
    let objects = kustomize(&generated(config, folder.path()));
    objects.values().for_each(schema::check);
    compare(&objects, &helm(&folder.path().join("generated")));
    let rules =
        &objects[&("ClusterRole".to_owned(), String::new(), format!("checklist-exporter-{NAMESPACE}"))]["rules"];
    for right in ["tokenreviews", "subjectaccessreviews"] {
        let granted = |rule: &Value| rule["resources"] == json!([right]) && rule["verbs"] == json!(["create"]);
        assert!(rules.as_array().expect("rules").iter().any(granted), "{rules}");
    }
    let find = |kind: &str| &objects[&(kind.to_owned(), NAMESPACE.to_owned(), "checklist-exporter".to_owned())];
    assert!(find("NetworkPolicy")["spec"]["egress"].to_string().contains("6443"));
    // Probes have no token, so they use the port that only answers health requests.
    let container = &find("Deployment")["spec"]["template"]["spec"]["containers"][0];
    for probe in ["livenessProbe", "readinessProbe"] {
        assert_eq!(container[probe]["httpGet"]["port"], "health");
    }
}

#[test]
#[cfg_attr(
    not(all(has_helm, has_operator_definitions)),
    ignore = "no helm or no definitions of prometheus-operator (make parts)"
)]
fn kustomize_and_helm_mount_a_web_configuration_identically() {
    let folder = tempfile::tempdir().expect("a folder");
    let example = std::fs::read_to_string(root().join("examples/checklist.yaml")).expect("there");
    let overlay = generated(&example, folder.path());
    let file = overlay.join("kustomization.yaml");
    let text = std::fs::read_to_string(&file).expect("it is there");
    let scheme = r#"patches: [{target: {kind: ServiceMonitor}, patch: '[{"op": "add", "path": "/spec/endpoints/0/scheme", "value": "https"}]'}]
"#;
    let text = text.replace("[../../../generated]", "[../../../generated, ../../components/web]") + scheme;
    std::fs::write(&file, text).expect("written");
    let objects = kustomize(&overlay);
    objects.values().for_each(schema::check);
    let chart = helm_with(&folder.path().join("generated"), |values| {
        values["webSecret"] = json!("checklist-exporter-web");
        values["serviceMonitor"]["more"] = json!({"scheme": "https"});
    });
    compare(&objects, &chart);
    let pod = &objects[&("Deployment".to_owned(), NAMESPACE.to_owned(), "checklist-exporter".to_owned())]["spec"];
    assert!(pod.to_string().contains("\"--web-config\",\"/etc/checklist-web/web.yaml\""), "{pod}");
}

#[test]
#[cfg_attr(
    not(all(has_helm, has_operator_definitions)),
    ignore = "no helm or no definitions of prometheus-operator (make parts)"
)]
fn shards_are_a_stateful_set_whose_pods_take_their_index_from_their_name() {
    let objects = kustomize(&root().join("deploy/kustomize/overlays/sharded"));
    objects.values().for_each(schema::check);
    compare(&objects, &helm_with(&root().join("deploy/generated"), |values| values["shards"] = json!(3)));
    let find = |kind: &str| &objects[&(kind.to_owned(), NAMESPACE.to_owned(), "checklist-exporter".to_owned())];
    let set = &find("StatefulSet")["spec"];
    let arguments = set["template"]["spec"]["containers"][0]["args"].as_array().unwrap();
    assert_eq!(arguments[arguments.len() - 2..], [json!("--shards"), json!(set["replicas"].to_string())]);
    assert_eq!(find("PodDisruptionBudget")["spec"]["maxUnavailable"], 1);
    assert!(!objects.keys().any(|(kind, ..)| kind == "Deployment"));
}

#[test]
fn leases_are_granted_by_name_and_verification_jobs_get_no_other_right() {
    let objects = kustomize(&root().join("deploy/kustomize/overlays/example"));
    let find = |kind: &str, name: &str| &objects[&(kind.to_owned(), NAMESPACE.to_owned(), name.to_owned())];
    let leases = |role: &str| -> Vec<Value> {
        let rules = find("Role", role)["rules"].as_array().unwrap();
        rules.iter().filter(|rule| rule["resources"] == json!(["leases"])).cloned().collect()
    };
    let rule = |verbs: &[&str]| json!({"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": verbs});
    let named = |names: &[&str]| {
        let mut rule = rule(&["get", "update"]);
        rule["resourceNames"] = json!(names);
        rule
    };
    assert_eq!(leases("checklist-exporter"), [rule(&["create"]), named(&["checklist-exporter"])]);
    let proofs = ["checklist-exporter-verify-alerts", "checklist-exporter-verify-backup-monthly"];
    assert_eq!(find("Role", "checklist-exporter-jobs")["rules"], json!([named(&proofs)]));
    // The job may not create its lease, so the lease must be among the objects.
    for proof in proofs {
        assert_eq!(find("Lease", proof)["spec"], json!(null));
    }
    for ((kind, _, name), object) in &objects {
        if kind == "CronJob" {
            let pod = &object["spec"]["jobTemplate"]["spec"]["template"]["spec"];
            let elects = !name.contains("report");
            assert_eq!(pod["automountServiceAccountToken"], json!(elects), "{name}");
            assert_eq!(pod["serviceAccountName"] == "checklist-exporter-jobs", elects, "{name}");
        }
    }
    let egress = find("NetworkPolicy", "checklist-exporter-jobs")["spec"]["egress"].to_string();
    assert!(egress.contains("6443"), "{egress}");
}

#[test]
#[cfg_attr(
    not(all(has_helm, has_operator_definitions)),
    ignore = "no helm or no definitions of prometheus-operator (make parts)"
)]
fn without_a_kubernetes_target_no_rights_and_no_token_are_granted() {
    let folder = tempfile::tempdir().expect("a folder");
    let overlay = generated(OUTSIDE, folder.path());
    let objects = kustomize(&overlay);
    objects.values().for_each(schema::check);
    compare(&objects, &helm(&folder.path().join("generated")));
    assert!(objects.keys().all(|(kind, ..)| !kind.contains("Role") && kind != "PersistentVolumeClaim"));
    let find = |kind: &str, name: &str| &objects[&(kind.to_owned(), NAMESPACE.to_owned(), name.to_owned())];
    let pod = &find("Deployment", "checklist-exporter")["spec"]["template"]["spec"];
    assert_eq!(pod["automountServiceAccountToken"], json!(false));
    assert_eq!(pod["containers"][0]["env"][0]["valueFrom"]["secretKeyRef"]["key"], "S3_ID");
    let weekly = &find("CronJob", "checklist-exporter-restore-big-one")["spec"];
    assert_eq!(weekly["schedule"], "17 1 * * 1", "a proof may be nine days old");
    assert_eq!(find("CronJob", "checklist-exporter-restore-big-one-1")["spec"]["schedule"], "17 2 1 * *");
    let egress = find("NetworkPolicy", "checklist-exporter")["spec"]["egress"].to_string();
    for part in
        ["\"10.1.2.3/32\"", "\"2001:db8::1/128\"", "6432", "\"kubernetes.io/metadata.name\":\"storage\"", "9000"]
    {
        assert!(egress.contains(part), "{part} is not in {egress}");
    }
    assert!(!egress.contains("6443") && !egress.contains("10250") && !egress.contains("169.254"), "{egress}");
    // The restore job connects to the given server, and to the databases that it is compared with.
    assert!(!egress.contains("\"lab\""), "the exporter has no business with it: {egress}");
    let proofs = find("NetworkPolicy", "checklist-exporter-jobs")["spec"]["egress"].to_string();
    assert!(proofs.contains("\"lab\"") && proofs.contains("5432") && proofs.contains("6432"), "{proofs}");
    let proof =
        &find("CronJob", "checklist-exporter-restore-big-one-1")["spec"]["jobTemplate"]["spec"]["template"]["spec"];
    assert!(proof["containers"][0]["env"].to_string().contains("\"SCRATCH\""), "{proof}");
}

#[test]
#[cfg_attr(
    not(all(has_helm, has_operator_definitions)),
    ignore = "no helm or no definitions of prometheus-operator (make parts)"
)]
fn objects_with_a_namespace_keep_it_and_others_get_that_of_the_exporter() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = "kubernetes:
  - {name: c, namespaces: [one], exporterNamespace: llm-orchestrator, secrets: [{name: s}]}
  - {name: d, namespaces: [two], secrets: [{name: t, namespace: one}]}
  - {name: far, namespaces: [three], kubeconfig: /etc/checklist/secrets/far}
";
    let overlay = generated(config, folder.path());
    let file = overlay.join("kustomization.yaml");
    let text = std::fs::read_to_string(&file).expect("it is there");
    // The component sets the namespace of all objects here, and the overlay does not.
    std::fs::write(&file, text.replace(&format!("namespace: {NAMESPACE}\n"), "")).expect("written");
    let objects = kustomize(&overlay);
    objects.values().for_each(schema::check);
    compare(&objects, &helm(&folder.path().join("generated")));
    let rules = &objects[&("Role".to_owned(), "one".to_owned(), "checklist-exporter".to_owned())]["rules"];
    assert!(rules.to_string().contains("[\"s\"]") && rules.to_string().contains("[\"t\"]"), "{rules}");
    for ((kind, namespace, _), object) in &objects {
        match kind.as_str() {
            "Role" => assert!(["one", "two"].contains(&namespace.as_str()), "{namespace}"),
            "RoleBinding" => assert_eq!(object["subjects"][0]["namespace"], NAMESPACE),
            "ClusterRole" | "ClusterRoleBinding" => assert_eq!(namespace, ""),
            _ => assert_eq!(namespace, NAMESPACE, "{kind}"),
        }
    }
}
