//! The key `exclude:` for checks on metrics of another exporter: the series of excluded objects are removed from the
//! expression by the labels that name the object.

use super::{Exclusion, LeftOut};
use crate::metric::Metric;
use crate::targets::name_pattern::NamePattern;

/// Labels that name an object, and its kind.
const OBJECTS: [(&str, &str); 4] = [
    ("service", "Service"),
    ("persistentvolumeclaim", "PersistentVolumeClaim"),
    ("hpa", "HorizontalPodAutoscaler"),
    ("pod", "Pod"),
];

/// The kinds of workloads with a number of pods.
const WORKLOADS: [&str; 3] = ["Deployment", "StatefulSet", "DaemonSet"];

/// A letter of the random part of a pod's name, and of the hash of its `ReplicaSet`
/// (k8s.io/apimachinery, `pkg/util/rand`).
const RANDOM: &str = "[bcdfghjklmnpqrstvwxz2456789]";

impl Exclusion {
    /// Returns whether the entry looks at labels or annotations, which other exporters' metrics do not have.
    pub(in crate::targets) const fn needs_metadata(&self) -> bool {
        self.label.is_some() || self.annotation.is_some()
    }

    /// Returns whether the entry can exclude objects that the series of a metric are about.
    pub(in crate::targets) fn concerns(&self, metric: &Metric) -> bool {
        match Names::of(metric) {
            Names::Objects(_, kind) => self.objects(kind).is_some(),
            Names::Workloads => self.kind.is_none_or(|kind| WORKLOADS.contains(&kind)),
            Names::Jobs => self.objects("Job").is_some(),
            Names::Namespaces | Names::Others => false,
        }
    }

    /// Returns a regular expression of `namespace/name` for the excluded objects of a kind.
    fn objects(&self, kind: &str) -> Option<String> {
        let name = any(self.name.as_ref());
        let own = self.kind.is_none_or(|own| own == kind).then(|| name.clone());
        let of_workload = self.name.as_ref().filter(|_| kind == "Pod").and_then(|_| match self.kind {
            None => Some(format!("{name}-((([0-9]{{8}}|{RANDOM}{{6,10}})-)?{RANDOM}{{5}}|[0-9]+)")),
            Some("Deployment") => Some(format!("{name}-{RANDOM}{{6,10}}-{RANDOM}{{5}}")),
            Some("DaemonSet") => Some(format!("{name}-{RANDOM}{{5}}")),
            Some("StatefulSet") => Some(format!("{name}-[0-9]+")),
            Some("Job") => Some(format!("{name}(-[0-9]{{8}})?(-[0-9]+)?-{RANDOM}{{5}}")),
            Some(_) => None,
        });
        let names: Vec<String> = own.into_iter().chain(of_workload).collect();
        (!names.is_empty()).then(|| format!("{}/({})", any(self.namespace.as_ref()), names.join("|")))
    }

    /// Returns a regular expression of `namespace/kind/name` for the excluded workloads.
    fn workloads(&self) -> String {
        format!("{}/{}/{}", any(self.namespace.as_ref()), self.kind.unwrap_or(".*"), any(self.name.as_ref()))
    }

    /// Returns a regular expression of the namespaces that are excluded with all their objects.
    fn namespaces(&self) -> Option<String> {
        let whole = self.kind.is_none() && self.name.as_ref().is_none_or(|name| name.regex() == ".*");
        self.namespace.as_ref().filter(|_| whole).map(NamePattern::regex)
    }
}

fn any(pattern: Option<&NamePattern>) -> String {
    pattern.map_or_else(|| ".*".to_owned(), NamePattern::regex)
}

/// The objects that the series of a metric are about, by the labels that name them.
enum Names {
    /// Objects of a kind, whose name is in a label.
    Objects(&'static str, &'static str),
    /// Workloads, whose kind is in the label `kind`.
    Workloads,
    Jobs,
    /// Objects of a namespace together, such as the number of its pods.
    Namespaces,
    Others,
}

impl Names {
    fn of(metric: &Metric) -> Self {
        let has = |label: &str| metric.labels.contains(&label);
        match OBJECTS.into_iter().find(|(label, _)| has(label)) {
            Some((label, kind)) => Self::Objects(label, kind),
            None if has("kind") && has("workload") => Self::Workloads,
            // Other exporters' numbers of pods by phase have no workload.
            None if has("workload") && !has("phase") => Self::Jobs,
            None if has("namespace") => Self::Namespaces,
            None => Self::Others,
        }
    }
}

/// Removes the series of excluded objects of a cluster from the expression of a metric. Entries about labels or
/// annotations of such objects are refused when checklist.yaml is read; others have no effect here.
pub(crate) fn without_objects(excluded: &[Exclusion], metric: &Metric, expr: String) -> String {
    let known = || excluded.iter().filter(|one| !one.needs_metadata());
    let (regexes, labels): (Vec<String>, Vec<&str>) = match Names::of(metric) {
        Names::Objects(label, kind) => {
            (known().filter_map(|one| one.objects(kind)).collect(), vec!["namespace", label])
        }
        Names::Workloads => (known().map(Exclusion::workloads).collect(), vec!["namespace", "kind", "workload"]),
        Names::Jobs => (known().filter_map(|one| one.objects("Job")).collect(), vec!["namespace", "workload"]),
        Names::Namespaces => (known().filter_map(Exclusion::namespaces).collect(), vec!["namespace"]),
        Names::Others => return expr,
    };
    without(expr, &regexes, &labels, "/")
}

/// Removes the series of excluded tables of a database from the expression of a metric.
pub(crate) fn without_tables(excluded: &LeftOut, metric: &Metric, expr: String) -> String {
    if !["schema", "table"].iter().all(|label| metric.labels.contains(label)) {
        return expr;
    }
    let regex = |pattern: &String| {
        let regex = NamePattern::new(pattern).regex();
        if pattern.contains('.') { regex } else { format!("[^.]*\\.{regex}") }
    };
    without(expr, &excluded.tables.iter().map(regex).collect::<Vec<_>>(), &["schema", "table"], ".")
}

/// Removes the series whose labels, joined, match one of the regular expressions. Matchers within the expression would
/// need the label names of each of its metrics; its result always has ours.
fn without(expr: String, regexes: &[String], labels: &[&str], separator: &str) -> String {
    if regexes.is_empty() {
        return expr;
    }
    let joined: String = labels.iter().map(|label| format!(", {label:?}")).collect();
    format!(
        "({expr}) and on ({}, excluded) label_replace(label_join({expr}, \"object\", {separator:?}{joined}), \"excluded\", \"yes\", \"object\", {:?})",
        labels.join(", "),
        regexes.join("|")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_of_excluded_objects_are_removed_by_the_labels_that_name_them() {
        use crate::signals::{pods, restarts};
        let yaml = "kubernetes: [{name: k, namespaces: [a], exclude: [{kind: Service, name: '*-ro'}, {namespace: 'pre-*'}, {kind: StatefulSet, name: db}]}]\n";
        let config = crate::Config::parse("checklist.yaml", yaml).unwrap_or_else(|mistakes| panic!("{mistakes}"));
        let of = |metric: &Metric| without_objects(&config.kubernetes[0].excluded, metric, "x".to_owned());
        let matched = |on: &str, joined: &str, regex: &str| {
            format!(
                "(x) and on ({on}, excluded) label_replace(label_join(x, \"object\", \"/\", {joined}), \"excluded\", \"yes\", \"object\", \"{regex}\")"
            )
        };
        let services = matched("namespace, service", r#""namespace", "service""#, ".*/(.*-ro)|pre-.*/(.*)");
        assert_eq!(of(&pods::ENDPOINTS), services);
        let workloads = matched(
            "namespace, kind, workload",
            r#""namespace", "kind", "workload""#,
            ".*/Service/.*-ro|pre-.*/.*/.*|.*/StatefulSet/db",
        );
        assert_eq!(of(&pods::READY), workloads);
        let pods_of = matched("namespace, pod", r#""namespace", "pod""#, "pre-.*/(.*)|.*/(db-[0-9]+)");
        assert_eq!(of(&restarts::RESTARTS), pods_of);
        let jobs = matched("namespace, workload", r#""namespace", "workload""#, "pre-.*/(.*)");
        assert_eq!(of(&pods::JOB_FAILED), jobs);
        assert_eq!(of(&pods::PODS), matched("namespace", r#""namespace""#, "pre-.*"));
    }

    #[test]
    fn a_table_pattern_without_a_dot_matches_in_every_schema() {
        let excluded = LeftOut { tables: vec!["archive.*".into(), "events_??".into()], ..LeftOut::default() };
        let of = |metric: &Metric| without_tables(&excluded, metric, "x".to_owned());
        assert_eq!(
            of(&crate::signals::seq_scans::SEQ_SCANS),
            r#"(x) and on (schema, table, excluded) label_replace(label_join(x, "object", ".", "schema", "table"), "excluded", "yes", "object", "archive\\..*|[^.]*\\.events_..")"#
        );
        assert_eq!(of(&crate::signals::connections::LIMIT), "x");
    }
}
