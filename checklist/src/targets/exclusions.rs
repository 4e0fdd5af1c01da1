//! The key `exclude:` of clusters and databases: objects that are not judged, such as preview environments, services
//! without pods on purpose, and archive tables.

mod series;

pub(crate) use series::{without_objects, without_tables};

use super::name_pattern::NamePattern;
use super::tables::literal;
use super::target::Sourced;
use crate::reader::keys::{Key, Kind, Rule, Section, words};
use crate::reader::table::Table;
use std::collections::BTreeMap;

/// The kinds of Kubernetes objects that can be excluded.
const KINDS: [(&str, &str); 8] = [
    ("Pod", "Pod"),
    ("Deployment", "Deployment"),
    ("StatefulSet", "StatefulSet"),
    ("DaemonSet", "DaemonSet"),
    ("Job", "Job"),
    ("Service", "Service"),
    ("HorizontalPodAutoscaler", "HorizontalPodAutoscaler"),
    ("PersistentVolumeClaim", "PersistentVolumeClaim"),
];

/// Labels or annotations of an object.
pub type Texts = BTreeMap<Box<str>, Box<str>>;

/// An entry of `exclude:` for a cluster. It excludes the objects that match all of its keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exclusion {
    kind: Option<&'static str>,
    namespace: Option<NamePattern>,
    name: Option<NamePattern>,
    label: Option<Mark>,
    annotation: Option<Mark>,
}

/// A label or an annotation: its key, and a pattern of its value. `None`: any value.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Mark(String, Option<NamePattern>);

impl Mark {
    /// Parses `key` or `key=pattern`.
    fn new(text: &str) -> Self {
        match text.split_once('=') {
            Some((key, value)) => Self(key.trim().to_owned(), Some(NamePattern::new(value.trim()))),
            None => Self(text.trim().to_owned(), None),
        }
    }

    fn is_on(&self, texts: &Texts) -> bool {
        let fits = |value: &str| self.1.as_ref().is_none_or(|pattern| pattern.matches(value));
        texts.get(&*self.0).is_some_and(|value| fits(value))
    }
}

/// The properties of a Kubernetes object that exclusions look at.
#[derive(Debug, Clone, Copy)]
pub struct Described<'a> {
    pub kind: &'a str,
    pub namespace: &'a str,
    pub name: &'a str,
    /// For a pod, kind and name of the workload that owns it.
    pub workload: Option<(&'a str, &'a str)>,
    pub labels: &'a Texts,
    pub annotations: &'a Texts,
}

impl Exclusion {
    /// Returns whether an object is excluded. A pod is excluded together with its workload.
    pub fn fits(&self, object: Described<'_>) -> bool {
        let named = |name: &str| self.name.as_ref().is_none_or(|pattern| pattern.matches(name));
        let of_workload = object.workload.is_some_and(|(_, name)| named(name));
        let goes_with = |kind| object.workload.is_some_and(|(of, name)| of == kind && named(name));
        let kind_and_name = match self.kind {
            Some(kind) if kind != object.kind => self.name.is_some() && goes_with(kind),
            _ => named(object.name) || of_workload,
        };
        kind_and_name
            && self.namespace.as_ref().is_none_or(|pattern| pattern.matches(object.namespace))
            && self.label.as_ref().is_none_or(|mark| mark.is_on(object.labels))
            && self.annotation.as_ref().is_none_or(|mark| mark.is_on(object.annotations))
    }
}

static OBJECTS: Section = Section {
    what: "an entry",
    keys: &[&[
        Key::new(
            "kind",
            Kind::Choice(&words(&KINDS)),
            "The kind of object; a workload that is excluded by its name excludes its pods too.",
        )
        .otherwise("every kind")
        .example("Service"),
        Key::new("namespace", Kind::Text, "The namespace: `*` matches any characters, `?` one character.")
            .otherwise("every watched namespace")
            .example("'preview-*'"),
        Key::new("name", Kind::Text, "The name, with `*` and `?`; of a pod its own or that of its workload.")
            .otherwise("every name")
            .example("'*-ro'"),
        Key::new("label", Kind::Text, "A label, as `key` or `key=value`; the value may have `*` and `?`.")
            .otherwise("any labels or none")
            .example("env=preview"),
        Key::new("annotation", Kind::Text, "An annotation, written as a label is.")
            .otherwise("any annotations or none")
            .example("example.com/unwatched"),
    ]],
    rules: &[Rule::Any(
        &["namespace", "name", "label", "annotation"],
        "an entry needs at least one of namespace, name, label and annotation: a whole kind cannot be excluded",
    )],
};

static OBJECT: Kind = Kind::Table(&OBJECTS);

/// The key `exclude:` of a cluster.
pub(super) const OF_CLUSTER: Key = Key::new(
    "exclude",
    Kind::List(&OBJECT, false),
    "Objects that are not evaluated: an object is excluded if every key of one entry matches it. Checks with `sources` know no labels and no annotations.",
)
.example("[{kind: Service, name: '*-ro'}, {label: env=preview}]");

/// Reads `exclude:` of a cluster.
pub(super) fn of_cluster(table: &Table<'_>) -> Vec<Exclusion> {
    let pattern = |entry: &Table<'_>, key: &'static str| entry.text(key).map(|text| NamePattern::new(&text));
    let mark = |entry: &Table<'_>, key: &'static str| entry.text(key).map(|text| Mark::new(&text));
    let one = |entry: Table<'_>| Exclusion {
        kind: entry.choice("kind", &KINDS),
        namespace: pattern(&entry, "namespace"),
        name: pattern(&entry, "name"),
        label: mark(&entry, "label"),
        annotation: mark(&entry, "annotation"),
    };
    table.tables("exclude").into_iter().map(one).collect()
}

/// Reports entries that select by a label or an annotation for checks on metrics of another exporter: these metrics
/// have neither. An entry for objects that such a check does not judge is fine.
pub(super) fn check_sourced(excluded: &[Exclusion], table: &Table<'_>, checks: &[Sourced]) {
    for (entry, exclusion) in table.tables("exclude").into_iter().zip(excluded) {
        let concerned = checks.iter().filter(|check| check.metrics.iter().any(|metric| exclusion.concerns(metric)));
        let concerned: Vec<&str> = concerned.map(|check| check.id).collect();
        if exclusion.needs_metadata() && !concerned.is_empty() {
            let key = if exclusion.label.is_some() { "label" } else { "annotation" };
            entry.mistake_at(
                key,
                format!(
                    "{key} cannot exclude objects from {}: the metrics of the other exporter (sources) do not have it; exclude by namespace or name, or let checklist-exporter make these checks",
                    concerned.join(", ")
                ),
            );
        }
    }
}

/// The value of `exclude:` for a database.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LeftOut {
    tables: Vec<String>,
    roles: Vec<String>,
    applications: Vec<String>,
}

static DATABASE: Section = Section {
    what: "exclude",
    keys: &[&[
        Key::new(
            "tables",
            Kind::List(&Kind::Text, false),
            "Tables, and their indexes: `*` matches any characters, `?` one character; a pattern with a dot is matched with `schema.table`.",
        )
        .example("['archive.*', 'events_20??']"),
        Key::new("roles", Kind::List(&Kind::Text, false), "Roles whose statements and queries may be slow.")
            .example("[reporting]"),
        Key::new(
            "applications",
            Kind::List(&Kind::Text, false),
            "Values of application_name whose queries may take long; dumps and maintenance are always excluded.",
        )
        .example("['metabase*']"),
    ]],
    rules: &[],
};

/// The key `exclude:` of a database.
pub(super) const OF_DATABASE: Key =
    Key::new("exclude", Kind::Table(&DATABASE), "What is not evaluated in the database.")
        .example("{tables: ['archive.*']}");

/// Reads `exclude:` of a database.
pub(super) fn of_database(table: &Table<'_>) -> LeftOut {
    let Some(table) = table.table("exclude") else { return LeftOut::default() };
    LeftOut { tables: table.texts("tables"), roles: table.texts("roles"), applications: table.texts("applications") }
}

impl LeftOut {
    /// Returns an SQL condition that is true for tables that are judged. `schema` and `table` are SQL expressions.
    pub fn tables(&self, schema: &str, table: &str) -> String {
        let whole = format!("{schema} || '.' || {table}");
        none_of(&self.tables, |pattern| if pattern.contains('.') { whole.clone() } else { table.to_owned() })
    }

    /// Like [`Self::tables`], for roles.
    pub fn roles(&self, role: &str) -> String {
        none_of(&self.roles, |_| role.to_owned())
    }

    /// Like [`Self::tables`], for applications.
    pub fn applications(&self, application: &str) -> String {
        none_of(&self.applications, |_| application.to_owned())
    }
}

/// Returns an SQL condition that is true when no pattern matches. `of` returns the SQL expression to compare for a
/// pattern.
fn none_of(patterns: &[String], of: impl Fn(&str) -> String) -> String {
    let like = |pattern: &String| format!("coalesce({}, '') NOT LIKE {}", of(pattern), literal(&like(pattern)));
    let all: Vec<String> = patterns.iter().map(like).collect();
    if all.is_empty() { "true".to_owned() } else { format!("({})", all.join(" AND ")) }
}

/// Converts a pattern to SQL's LIKE. The wildcards of LIKE are escaped.
fn like(pattern: &str) -> String {
    let mut text = String::new();
    for letter in pattern.chars() {
        match letter {
            '*' => text.push('%'),
            '?' => text.push('_'),
            '%' | '_' | '\\' => text.extend(['\\', letter]),
            other => text.push(other),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exclusions(text: &str) -> Vec<Exclusion> {
        let yaml = format!("kubernetes: [{{name: k, namespaces: [a], exclude: {text}}}]");
        let config = crate::Config::parse("checklist.yaml", &yaml).unwrap_or_else(|mistakes| panic!("{mistakes}"));
        config.kubernetes[0].excluded.clone()
    }

    #[test]
    fn an_object_is_excluded_when_it_matches_every_key_of_an_entry() {
        let labels: Texts = [("env".into(), "preview".into())].into();
        let none = Texts::new();
        let object = |kind, name, workload, labels| Described {
            kind,
            namespace: "a",
            name,
            workload,
            labels,
            annotations: &none,
        };
        let services = exclusions("[{kind: Service, name: '*-ro'}]");
        assert!(services[0].fits(object("Service", "db-ro", None, &none)));
        assert!(
            !services[0].fits(object("Service", "db-rw", None, &none))
                && !services[0].fits(object("Deployment", "db-ro", None, &none))
        );
        let marked = exclusions("[{label: env=prev*}, {label: env}, {label: env=prod}, {annotation: env}]");
        let all: Vec<bool> = marked.iter().map(|one| one.fits(object("Pod", "p", None, &labels))).collect();
        assert_eq!(all, [true, true, false, false]);
        let workload = exclusions("[{kind: Deployment, name: 'preview-*'}]");
        assert!(
            workload[0].fits(object("Pod", "preview-7-abc", Some(("Deployment", "preview-7")), &none)),
            "its pods go with it"
        );
        assert!(!workload[0].fits(object("Pod", "preview-7-abc", Some(("Deployment", "web")), &none)));
        assert!(
            !workload[0].fits(object("Pod", "preview-db-0", Some(("StatefulSet", "preview-db")), &none)),
            "another kind"
        );
        let other_namespace = exclusions("[{namespace: b, name: '*'}]");
        assert!(!other_namespace[0].fits(object("Pod", "p", None, &none)));
    }

    #[test]
    fn a_label_cannot_exclude_objects_from_checks_on_metrics_of_another_exporter() {
        let yaml = "kubernetes: [{name: k, namespaces: [a], sources: {pods: kube-state-metrics}, exclude: [{namespace: b}, {label: env=preview}]}]";
        let mistakes = crate::Config::parse("checklist.yaml", yaml).err().map(|mistakes| mistakes.to_string());
        assert!(mistakes.is_some_and(|text| text.contains(": label cannot exclude objects from pods")));
        // An entry for objects that none of these checks judges has its effect on the other checks.
        for (sources, entry, is_fine) in [
            ("disk: kubelet", "kind: Service, label: a", true),
            ("disk: kubelet", "kind: PersistentVolumeClaim, label: a", false),
            ("disk: kubelet", "label: a", false),
            ("hpa: kube-state-metrics", "kind: Deployment, annotation: a", true),
            ("restarts: kube-state-metrics", "kind: Deployment, label: a", true),
            // By its name, a workload takes its pods with it.
            ("restarts: kube-state-metrics", "kind: Deployment, name: web, label: a", false),
            ("pods: kube-state-metrics", "kind: Job, label: a", false),
            ("pods: kube-state-metrics", "kind: HorizontalPodAutoscaler, label: a", true),
            ("hpa: kube-state-metrics, disk: kubelet", "kind: HorizontalPodAutoscaler, label: a", false),
        ] {
            let yaml =
                format!("kubernetes: [{{name: k, namespaces: [a], sources: {{{sources}}}, exclude: [{{{entry}}}]}}]");
            let config = crate::Config::parse("checklist.yaml", &yaml);
            assert_eq!(config.is_ok(), is_fine, "{yaml} {:?}", config.err().map(|mistakes| mistakes.to_string()));
        }
        let skipped =
            "kubernetes: [{name: k, namespaces: [a], skip: [disk], sources: {disk: kubelet}, exclude: [{label: a}]}]";
        assert!(crate::Config::parse("checklist.yaml", skipped).is_ok());
    }

    #[test]
    fn an_entry_cannot_exclude_a_whole_kind() {
        let yaml = "kubernetes: [{name: k, namespaces: [a], exclude: [{kind: Pod}]}]";
        let mistakes = crate::Config::parse("checklist.yaml", yaml).err().map(|mistakes| mistakes.to_string());
        assert!(mistakes.is_some_and(|text| text.contains("a whole kind cannot be excluded")));
    }

    #[test]
    fn table_patterns_become_sql_conditions_with_escaped_special_characters() {
        let out = LeftOut { tables: vec!["archive.*".into(), "a_b'%?".into()], ..LeftOut::default() };
        assert_eq!(
            out.tables("n", "t"),
            r"(coalesce(n || '.' || t, '') NOT LIKE 'archive.%' AND coalesce(t, '') NOT LIKE E'a\\_b''\\%_')"
        );
        assert_eq!((out.roles("r").as_str(), out.applications("a").as_str()), ("true", "true"));
    }
}
