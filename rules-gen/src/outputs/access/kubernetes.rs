//! The Kubernetes roles and service accounts that the exporter and its jobs need in a cluster.

use super::probed::probed_on;
use crate::outputs::kubernetes::names::{JOBS, NAME};
use checklist::config::Kubernetes;
use checklist::{Access, Config, Signal};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Returns the objects for one cluster of checklist.yaml, as a list. All entries without a kubeconfig mean the same
/// cluster and return the same list.
pub fn kubernetes(config: &Config, cluster: &str) -> Value {
    let Some(target) = config.kubernetes.iter().find(|target| target.name == cluster) else { return json!([]) };
    let is_own = target.kubeconfig.is_none();
    let parts =
        config.kubernetes.iter().filter(|part| if is_own { part.kubeconfig.is_none() } else { part.name == cluster });
    let mut grants = Grants::default();
    parts.clone().for_each(|part| grants.add(config, part));
    let home = &target.exporter_namespace;
    let mut jobs = BTreeSet::new();
    if let Some((section, ..)) =
        config.election().filter(|(_, target, _)| parts.clone().any(|part| part.name == target.name))
    {
        let mut names = BTreeSet::from([section.lease.clone()]);
        if is_own {
            jobs = config.proof_leases();
        } else {
            // Outside of the cluster, the exporter and the jobs share a kubeconfig, and so a service account.
            names.extend(config.proof_leases());
        }
        // RBAC cannot restrict `create` by name, because the object has no name yet when the request is authorized.
        grants.role(home, [lease_rule(&["create"], None), lease_rule(&["get", "update"], Some(&names))]);
    }
    let account = |name: &str| json!({"kind": "ServiceAccount", "name": name, "namespace": home});
    let named = |name: &str| json!({"name": name, "namespace": home});
    let mut objects = vec![json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": named(NAME)})];
    if !grants.wide.is_empty() {
        // The name contains the namespace, because another namespace of the cluster may have an exporter too.
        let name = format!("{NAME}-{home}");
        objects.push(role("ClusterRole", &json!({"name": name}), &grants.wide));
        objects.push(binding("ClusterRoleBinding", &json!({"name": name}), "ClusterRole", &account(NAME)));
    }
    for (namespace, rules) in &grants.roles {
        let metadata = json!({"name": NAME, "namespace": namespace});
        objects.push(role("Role", &metadata, rules));
        objects.push(binding("RoleBinding", &metadata, "Role", &account(NAME)));
    }
    if !jobs.is_empty() {
        // The leases are created here, so that the jobs need no right to create. A restore job runs code from the dump.
        let lease =
            |name: &String| json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": named(name)});
        objects.extend(jobs.iter().map(lease));
        objects.push(json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": named(JOBS)}));
        objects.push(role("Role", &named(JOBS), &[lease_rule(&["get", "update"], Some(&jobs))]));
        objects.push(binding("RoleBinding", &named(JOBS), "Role", &account(JOBS)));
    }
    json!({"apiVersion": "v1", "kind": "List", "items": objects})
}

/// The rules of the exporter's service account.
#[derive(Default)]
struct Grants {
    /// The rules of the `ClusterRole`.
    wide: Vec<Value>,
    /// The rules of the `Role` in each namespace.
    roles: BTreeMap<String, Vec<Value>>,
}

impl Grants {
    fn role(&mut self, namespace: &str, rules: impl IntoIterator<Item = Value>) {
        let known = self.roles.entry(namespace.to_owned()).or_default();
        for rule in rules {
            if !known.contains(&rule) {
                known.push(rule);
            }
        }
    }

    /// Adds what the checks of one entry of checklist.yaml need.
    fn add(&mut self, config: &Config, part: &Kubernetes) {
        let signals = probed_on(config, "kubernetes", &part.name);
        let (mut wide, local) = rights(&signals);
        if !part.web_audiences.is_empty() {
            // The exporter verifies the tokens of its HTTP clients, and whether they may read it.
            wide.insert(("authentication.k8s.io", "tokenreviews"), BTreeSet::from(["create"]));
            wide.insert(("authorization.k8s.io", "subjectaccessreviews"), BTreeSet::from(["create"]));
        }
        for rule in rules(&wide) {
            if !self.wide.contains(&rule) {
                self.wide.push(rule);
            }
        }
        for namespace in &part.namespaces {
            if !local.is_empty() {
                self.role(namespace, rules(&local));
            }
        }
        let made = |id: &str| signals.iter().copied().find(|signal| signal.id == id);
        if let Some(logs) = made("pod_logs") {
            for source in part.audit_logs.iter().filter(|source| !part.namespaces.contains(&source.namespace)) {
                self.role(&source.namespace, rules(&rights(&[logs]).1));
            }
        }
        if made("secrets").is_some() {
            let namespaces: BTreeSet<&str> = part.secrets.iter().map(|secret| secret.namespace.as_str()).collect();
            for namespace in namespaces {
                let here = part.secrets.iter().filter(|secret| secret.namespace == namespace);
                let names: Vec<&str> = here.map(|secret| secret.name.as_str()).collect();
                let rule =
                    json!({"apiGroups": [""], "resources": ["secrets"], "resourceNames": names, "verbs": ["get"]});
                self.role(namespace, [rule]);
            }
        }
    }
}

/// Returns what signals need in the whole cluster and in each namespace. Secrets are left out, because they are granted
/// by name.
fn rights(signals: &[&Signal]) -> (Rights, Rights) {
    // A resource without namespace can only be granted by a `ClusterRole`.
    let is_cluster_wide =
        |group: &str, resource: &str| resource.starts_with("nodes") && (group.is_empty() || group == "metrics.k8s.io");
    let (mut wide, mut local) = (Rights::new(), Rights::new());
    for access in signals.iter().flat_map(|signal| signal.access) {
        if let Access::Kubernetes(group, resource, verbs) = access
            && *resource != "secrets"
        {
            let rights = if is_cluster_wide(group, resource) { &mut wide } else { &mut local };
            rights.entry((*group, *resource)).or_default().extend(*verbs);
        }
    }
    (wide, local)
}

fn lease_rule(verbs: &[&str], names: Option<&BTreeSet<String>>) -> Value {
    let mut rule = json!({"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": verbs});
    if let Some(names) = names {
        rule["resourceNames"] = json!(names);
    }
    rule
}

fn role(kind: &str, metadata: &Value, rules: &[Value]) -> Value {
    json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": metadata, "rules": rules})
}

/// Binds a role to a service account. The binding has the name of the role.
fn binding(kind: &str, metadata: &Value, role: &str, subject: &Value) -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": metadata, "subjects": [subject],
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": role, "name": metadata["name"]},
    })
}

/// The verbs for each API group and resource.
type Rights = BTreeMap<(&'static str, &'static str), BTreeSet<&'static str>>;

fn rules(rights: &Rights) -> Vec<Value> {
    let rule = |((group, resource), verbs): (&(&str, &str), &BTreeSet<&str>)| json!({"apiGroups": [group], "resources": [resource], "verbs": verbs});
    rights.iter().map(rule).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_right_to_review_tokens_is_granted_only_with_web_audiences() -> anyhow::Result<()> {
        let rules = |more: &str| -> anyhow::Result<String> {
            let text = format!("kubernetes:\n  - {{name: k, namespaces: [a]{more}}}\n");
            Ok(kubernetes(&Config::parse("checklist.yaml", &text)?, "k").to_string())
        };
        assert!(!rules("")?.contains("reviews"));
        let with = rules(", webAudiences: [x]")?;
        for right in ["tokenreviews", "subjectaccessreviews"] {
            assert!(with.contains(&format!(r#""resources":["{right}"],"verbs":["create"]"#)), "{with}");
        }
        Ok(())
    }

    #[test]
    fn targets_in_one_cluster_share_a_service_account_with_the_rights_of_all() -> anyhow::Result<()> {
        let text = "kubernetes:
  - {name: a, namespaces: [one], exporterNamespace: ops, secrets: [{name: s}]}
  - {name: b, namespaces: [two], auditLogs: [{namespace: logs, selector: app=x}]}
";
        let config = Config::parse("checklist.yaml", text)?;
        let list = kubernetes(&config, "a");
        assert_eq!(list, kubernetes(&config, "b"));
        let items = list["items"].as_array().cloned().unwrap_or_default();
        let named = |kind: &str| -> Vec<String> {
            let of = items.iter().filter(|item| item["kind"] == kind).map(|item| &item["metadata"]);
            of.map(|meta| {
                format!(
                    "{}/{}",
                    meta["namespace"].as_str().unwrap_or_default(),
                    meta["name"].as_str().unwrap_or_default()
                )
            })
            .collect()
        };
        assert_eq!(named("ServiceAccount"), ["ops/checklist-exporter"]);
        assert_eq!(named("ClusterRole"), ["/checklist-exporter-ops"]);
        assert_eq!(named("Role"), ["logs/checklist-exporter", "one/checklist-exporter", "two/checklist-exporter"]);
        let logs = items.iter().find(|item| item["kind"] == "Role" && item["metadata"]["namespace"] == "logs");
        let rules = logs.map(|role| role["rules"].to_string()).unwrap_or_default();
        assert!(rules.contains("pods/log") && !rules.contains("deployments"), "{rules}");
        for subject in items.iter().filter_map(|item| item["subjects"].as_array()).flatten() {
            assert_eq!(subject["namespace"], "ops");
        }
        Ok(())
    }

    #[test]
    fn jobs_may_update_their_leases_but_not_create_leases() -> anyhow::Result<()> {
        let text = "kubernetes: [{name: k, namespaces: [a]}]
highAvailability: {kubernetes: k}
alertmanagers: [{name: a, url: 'http://a'}]
tasks: {since: 2026-01-01, directory: /var/lib/checklist}
backups: [{name: _, bucket: bkt, format: pg_dump, restore: {checks: [{name: n, query: SELECT 1}]}}]
";
        let config = Config::parse("checklist.yaml", text)?;
        let items = kubernetes(&config, "k")["items"].as_array().cloned().unwrap_or_default();
        let of = |kind: &'static str| items.iter().filter(move |item| item["kind"] == kind);
        let leases: Vec<&Value> = of("Lease").map(|item| &item["metadata"]["name"]).collect();
        assert_eq!(leases, ["checklist-exporter-verify-alerts", "checklist-exporter-verify-backup-backup"]);
        let jobs: Vec<&Value> =
            of("Role").filter(|role| role["metadata"]["name"] == JOBS).map(|role| &role["rules"]).collect();
        let rule = json!({
            "apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["get", "update"], "resourceNames": leases,
        });
        assert_eq!(jobs, [&json!([rule])]);
        Ok(())
    }
}
