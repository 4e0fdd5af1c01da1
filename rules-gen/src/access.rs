//! The least rights that the configured checks need: Kubernetes roles, a SQL script, an IAM policy.

pub mod command;

use crate::{Output, header, network, yaml};
use checklist::config::{BackupFormat, Postgres, RecordPlace, ReportPlace, S3Prefix, quoted};
use checklist::{Access, Config, Signal};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// The name of every object and role.
pub(crate) const NAME: &str = "checklist-exporter";
/// The service account of the proofs' jobs, which may take their leases and nothing else: a dump runs code of who wrote it.
pub(crate) const JOBS: &str = "checklist-exporter-jobs";

/// Every file of rights for a configuration; `source` is its file name, for the headers.
///
/// # Errors
/// When something cannot be written as YAML or JSON.
pub fn files(config: &Config, source: &str) -> anyhow::Result<Vec<Output>> {
    let header = header(source);
    let mut files = Vec::new();
    for cluster in &config.kubernetes {
        files.push(yaml(&format!("kubernetes-{}.yaml", cluster.name), &header, &kubernetes(config, &cluster.name))?);
    }
    for database in &config.postgres {
        let path = format!("postgres-{}.sql", database.name).into();
        files.push(Output { path, content: sql(config, database, source) });
    }
    let policies = [("s3-policy", s3(config)), ("s3-policy-records", s3_records(config))];
    for (name, policy) in policies.into_iter().filter(|(_, policy)| policy["Statement"] != json!([])) {
        let content = format!("{}\n", serde_json::to_string_pretty(&policy)?);
        files.push(Output { path: format!("{name}.json").into(), content });
    }
    files.push(yaml("networkpolicy.yaml", &header, &network::policies(config))?);
    Ok(files)
}

/// Objects of Kubernetes for one cluster of checklist.yaml, as a list.
pub fn kubernetes(config: &Config, cluster: &str) -> Value {
    let signals = probed_on(config, "kubernetes", cluster);
    let Some(target) = config.kubernetes.iter().find(|target| target.name == cluster) else { return json!([]) };
    // What has no namespace can only be granted cluster-wide.
    let is_cluster_wide =
        |group: &str, resource: &str| resource.starts_with("nodes") && (group.is_empty() || group == "metrics.k8s.io");
    let mut wide: Rights = BTreeMap::new();
    let mut local: Rights = BTreeMap::new();
    let needs_secrets = signals.iter().any(|signal| signal.id == "secrets");
    for access in signals.iter().flat_map(|signal| signal.access) {
        if let Access::Kubernetes(group, resource, verbs) = access {
            // Secrets are granted by name, below.
            if *resource != "secrets" {
                let rights = if is_cluster_wide(group, resource) { &mut wide } else { &mut local };
                rights.entry((*group, *resource)).or_default().extend(*verbs);
            }
        }
    }
    if !target.web_audiences.is_empty() {
        // Who asks the web side, and whether they may.
        wide.insert(("authentication.k8s.io", "tokenreviews"), BTreeSet::from(["create"]));
        wide.insert(("authorization.k8s.io", "subjectaccessreviews"), BTreeSet::from(["create"]));
    }
    let service_account = json!({"kind": "ServiceAccount", "name": NAME, "namespace": target.exporter_namespace});
    let mut objects = vec![json!({
        "apiVersion": "v1", "kind": "ServiceAccount",
        "metadata": {"name": NAME, "namespace": target.exporter_namespace},
    })];
    if !wide.is_empty() {
        objects.push(json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
            "metadata": {"name": NAME}, "rules": rules(&wide),
        }));
        objects.push(binding("ClusterRoleBinding", "ClusterRole", NAME, None, &service_account));
    }
    let leases = leases(config, cluster);
    let of_secrets: BTreeSet<&str> =
        target.secrets.iter().filter(|_| needs_secrets).map(|secret| secret.namespace.as_str()).collect();
    let namespaces: BTreeSet<&str> =
        target.namespaces.iter().map(String::as_str).chain(of_secrets.iter().copied()).collect();
    let of_leases = leases.as_ref().map(|leases| leases.namespace.as_str());
    let namespaces: BTreeSet<&str> = namespaces.into_iter().chain(of_leases).collect();
    for namespace in namespaces {
        let mut all =
            if target.namespaces.iter().any(|watched| watched == namespace) { rules(&local) } else { Vec::new() };
        let names: Vec<&str> = target
            .secrets
            .iter()
            .filter(|secret| secret.namespace == namespace)
            .map(|secret| secret.name.as_str())
            .collect();
        if of_secrets.contains(namespace) {
            all.push(json!({"apiGroups": [""], "resources": ["secrets"], "resourceNames": names, "verbs": ["get"]}));
        }
        if let Some(leases) = leases.as_ref().filter(|leases| leases.namespace == namespace) {
            all.extend(lease_rules(&leases.exporter));
        }
        if !all.is_empty() {
            objects.push(role(NAME, namespace, &all));
            objects.push(binding("RoleBinding", "Role", NAME, Some(namespace), &service_account));
        }
    }
    if let Some(Leases { namespace, jobs, .. }) = leases.filter(|leases| !leases.jobs.is_empty()) {
        let account = json!({"kind": "ServiceAccount", "name": JOBS, "namespace": namespace});
        objects.push(json!({
            "apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": JOBS, "namespace": namespace},
        }));
        objects.push(role(JOBS, &namespace, &lease_rules(&jobs)));
        objects.push(binding("RoleBinding", "Role", JOBS, Some(&namespace), &account));
    }
    json!({"apiVersion": "v1", "kind": "List", "items": objects})
}

/// Who writes which leases of a cluster.
struct Leases {
    namespace: String,
    exporter: Vec<String>,
    jobs: Vec<String>,
}

fn leases(config: &Config, cluster: &str) -> Option<Leases> {
    let (section, target, namespace) = config.election().filter(|(_, target, _)| target.name == cluster)?;
    let mut leases =
        Leases { namespace: namespace.to_owned(), exporter: vec![section.lease.clone()], jobs: section.proof_leases() };
    if target.kubeconfig.is_some() {
        // From outside, exporter and proofs come with the same kubeconfig.
        leases.exporter.append(&mut leases.jobs);
    }
    Some(leases)
}

/// A lease that does not exist yet has no name by which it could be granted.
fn lease_rules(names: &[String]) -> [Value; 2] {
    let leases =
        |verbs: &[&str]| json!({"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": verbs});
    let mut by_name = leases(&["get", "update"]);
    by_name["resourceNames"] = json!(names);
    [leases(&["create"]), by_name]
}

fn role(name: &str, namespace: &str, rules: &[Value]) -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
        "metadata": {"name": name, "namespace": namespace}, "rules": rules,
    })
}

/// Verbs by API group and resource.
type Rights = BTreeMap<(&'static str, &'static str), BTreeSet<&'static str>>;

fn rules(rights: &Rights) -> Vec<Value> {
    let rule = |((group, resource), verbs): (&(&str, &str), &BTreeSet<&str>)| json!({"apiGroups": [group], "resources": [resource], "verbs": verbs});
    rights.iter().map(rule).collect()
}

fn binding(kind: &str, role: &str, name: &str, namespace: Option<&str>, subject: &Value) -> Value {
    let mut metadata = json!({"name": name});
    if let Some(namespace) = namespace {
        metadata["namespace"] = json!(namespace);
    }
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": metadata, "subjects": [subject],
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": role, "name": name},
    })
}

/// The signals that the exporter itself makes on a target of a list.
fn probed_on(config: &Config, list: &str, target: &str) -> Vec<&'static Signal> {
    let here = |signal: &&'static Signal| {
        signal.kind.key() == list && config.probed(signal).iter().any(|probed| probed == target)
    };
    config.signals().filter(here).collect()
}

/// The script for one database, to be run by its owner; it can be run again. It sets no password.
pub fn sql(config: &Config, target: &Postgres, source: &str) -> String {
    let role = quoted(&target.user);
    let signals = probed_on(config, "postgres", &target.name);
    let mut roles: BTreeSet<&str> = BTreeSet::new();
    let mut columns: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for access in signals.iter().flat_map(|signal| signal.access) {
        match access {
            Access::SqlRole(name) => {
                roles.insert(name);
            }
            Access::SqlColumns(table, names) => columns.entry(table).or_default().extend(*names),
            _ => {}
        }
    }
    let mut text = format!(
        "-- Generated by rules-gen from {source} for the target {}, do not edit.\n\
         -- Run it in the database {} as its owner, then: \\password {}\n\
         DO $$ BEGIN CREATE ROLE {role} LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;\n\
         ALTER ROLE {role} CONNECTION LIMIT 5;\n\
         ALTER ROLE {role} SET default_transaction_read_only = on;\n",
        target.name, target.database, target.user,
    );
    // Writing to a String cannot fail.
    let _ = writeln!(text, "GRANT CONNECT ON DATABASE {} TO {role};", quoted(&target.database));
    for name in roles {
        let _ = writeln!(text, "GRANT {name} TO {role};");
    }
    let names = target.tables.clone().unwrap_or_default();
    let mut schemas: BTreeSet<String> = BTreeSet::new();
    for (table, own) in columns {
        let table_name = names.table(table);
        if let Some((schema, _)) = table_name.split_once("\".\"") {
            schemas.insert(format!("{schema}\""));
        }
        let list: Vec<String> = own.iter().map(|column| names.column(table, column)).collect();
        let _ = writeln!(text, "GRANT SELECT ({}) ON {table_name} TO {role};", list.join(", "));
    }
    for schema in schemas {
        let _ = writeln!(text, "GRANT USAGE ON SCHEMA {schema} TO {role};");
    }
    for query in config.queries.iter().filter(|query| config.probed(query.signal).contains(&target.name)) {
        let _ = writeln!(text, "-- Own check {}: grant what its query reads.", query.signal.id);
    }
    text
}

/// The IAM policy of the exporter and of restores: list below the prefixes, read only where what is in an object counts.
pub fn s3(config: &Config) -> Value {
    let backups = config.backups.iter().map(|backup| {
        let reads = backup.format != BackupFormat::Any || backup.restore.is_some();
        (&backup.place, if reads { &["s3:GetObject"][..] } else { &[] })
    });
    let reports = config.reports.iter().filter_map(|report| match &report.place {
        ReportPlace::S3(place) => Some((place, &["s3:GetObject"][..])),
        _ => None,
    });
    policy(backups.chain(reports).chain(records(config).map(|place| (place, &["s3:GetObject"][..]))))
}

/// The IAM policy of whom adds records: the jobs and people. What is recorded is never replaced or removed.
pub fn s3_records(config: &Config) -> Value {
    policy(records(config).map(|place| (place, &["s3:GetObject", "s3:PutObject"][..])))
}

fn records(config: &Config) -> impl Iterator<Item = &S3Prefix> {
    config.tasks.iter().filter_map(|tasks| match &tasks.place {
        RecordPlace::S3(place) => Some(place),
        RecordPlace::Directory(_) => None,
    })
}

fn policy<'a>(places: impl Iterator<Item = (&'a S3Prefix, &'static [&'static str])>) -> Value {
    let statements = places.enumerate().flat_map(|(n, (place, actions))| {
        let bucket = format!("arn:aws:s3:::{}", place.bucket);
        let below = format!("{}*", literal(&place.prefix));
        let list = json!({
            "Sid": format!("List{n}"), "Effect": "Allow", "Action": "s3:ListBucket", "Resource": bucket,
            "Condition": {"StringLike": {"s3:prefix": below}},
        });
        let touch = (!actions.is_empty()).then(|| {
            let resource = format!("{bucket}/{below}");
            json!({"Sid": format!("Read{n}"), "Effect": "Allow", "Action": actions, "Resource": resource})
        });
        std::iter::once(list).chain(touch)
    });
    json!({"Version": "2012-10-17", "Statement": statements.collect::<Vec<_>>()})
}

/// A prefix means itself: its stars are no wildcards of a policy.
fn literal(prefix: &str) -> String {
    prefix.chars().fold(String::new(), |text, c| {
        if "*?$".contains(c) { text + &format!("${{{c}}}") } else { text + &c.to_string() }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_grants_what_is_read_and_no_more() -> anyhow::Result<()> {
        let text = "backups:
  - {name: names, bucket: a, prefix: n/}
  - {name: heads, bucket: a, prefix: 'h*/', format: gzip}
reports: [{name: r, format: trivy, s3: {bucket: b, prefix: r/}}]
tasks: {since: 2026-01-01, s3: {bucket: c, prefix: t/}}
";
        let config = Config::parse("checklist.yaml", text)?;
        let grants = |policy: Value| -> Vec<String> {
            let statements = policy["Statement"].as_array().cloned().unwrap_or_default();
            statements
                .iter()
                .map(|s| format!("{} {} {}", s["Action"], s["Resource"], s["Condition"]["StringLike"]["s3:prefix"]))
                .collect()
        };
        assert_eq!(
            grants(s3(&config)),
            [
                r#""s3:ListBucket" "arn:aws:s3:::a" "n/*""#,
                r#""s3:ListBucket" "arn:aws:s3:::a" "h${*}/*""#,
                r#"["s3:GetObject"] "arn:aws:s3:::a/h${*}/*" null"#,
                r#""s3:ListBucket" "arn:aws:s3:::b" "r/*""#,
                r#"["s3:GetObject"] "arn:aws:s3:::b/r/*" null"#,
                r#""s3:ListBucket" "arn:aws:s3:::c" "t/*""#,
                r#"["s3:GetObject"] "arn:aws:s3:::c/t/*" null"#,
            ]
        );
        assert_eq!(
            grants(s3_records(&config)),
            [
                r#""s3:ListBucket" "arn:aws:s3:::c" "t/*""#,
                r#"["s3:GetObject","s3:PutObject"] "arn:aws:s3:::c/t/*" null"#
            ]
        );
        Ok(())
    }

    #[test]
    fn tokens_are_reviewed_only_where_checklist_yaml_asks_for_it() -> anyhow::Result<()> {
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
}
