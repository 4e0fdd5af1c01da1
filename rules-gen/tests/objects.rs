//! `PrometheusRule` objects against the constraints of the operator's custom resource definition, and the namespace
//! file against Mimir's reader.

#![expect(clippy::unwrap_used, reason = "a test fails by its panic")]

use checklist::Config;
use regex::Regex;
use serde_json::Value;
use std::collections::BTreeSet;

const EXAMPLE: &str = include_str!("../../examples/checklist.yaml");
/// The size in bytes above which the operator refuses a rendered spec: half of what a Secret may hold.
const MAX_SPEC: usize = 524_288;

fn objects(yaml: &str) -> Vec<Value> {
    let config = Config::parse("checklist.yaml", yaml).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    rules_gen::outputs::prometheus_rule::prometheus_rules(&config, &rules_gen::rules::groups(&config))
}

/// Checks the constraints of the definition for groups and rules, and those of the operator's own validation.
fn conforms(object: &Value) {
    let duration =
        Regex::new(r"^(0|(([0-9]+)y)?(([0-9]+)w)?(([0-9]+)d)?(([0-9]+)h)?(([0-9]+)m)?(([0-9]+)s)?(([0-9]+)ms)?)$")
            .unwrap();
    let name = Regex::new(r"^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$").unwrap();
    let label = Regex::new(r"^[a-zA-Z_][a-zA-Z0-9_]*$").unwrap();
    assert_eq!(
        (&object["apiVersion"], &object["kind"]),
        (&"monitoring.coreos.com/v1".into(), &"PrometheusRule".into())
    );
    assert!(name.is_match(object["metadata"]["name"].as_str().unwrap()), "{}", object["metadata"]);
    for (_, value) in object["metadata"]["labels"].as_object().into_iter().flatten() {
        assert!(value.is_string(), "{value}");
    }
    assert_eq!(object["spec"].as_object().unwrap().keys().collect::<Vec<_>>(), ["groups"]);
    let rendered = serde_yaml::to_string(&object["spec"]).unwrap();
    assert!(rendered.len() <= MAX_SPEC, "the spec has {} bytes", rendered.len());
    let mut names = BTreeSet::new();
    for group in object["spec"]["groups"].as_array().unwrap() {
        let own = group["name"].as_str().unwrap();
        assert!(!own.is_empty() && names.insert(own.to_owned()), "{own} is empty or there twice");
        let known = ["interval", "labels", "limit", "name", "partial_response_strategy", "query_offset", "rules"];
        assert!(group.as_object().unwrap().keys().all(|key| known.contains(&key.as_str())), "{own}");
        for rule in group["rules"].as_array().unwrap() {
            let known = ["alert", "annotations", "expr", "for", "keep_firing_for", "labels", "record"];
            assert!(rule.as_object().unwrap().keys().all(|key| known.contains(&key.as_str())), "{rule}");
            assert!(rule["alert"].is_string() != rule["record"].is_string(), "one of alert and record: {rule}");
            assert!(rule["expr"].as_str().is_some_and(|expr| !expr.is_empty()), "{rule}");
            for key in ["for", "keep_firing_for"] {
                let good = |text: &str| !text.is_empty() && duration.is_match(text);
                assert!(rule[key].is_null() || rule[key].as_str().is_some_and(good), "{key} of {rule}");
                assert!(rule["record"].is_null() || rule[key].is_null(), "a recording rule has no {key}");
            }
            for key in ["labels", "annotations"] {
                for (name, value) in rule[key].as_object().into_iter().flatten() {
                    assert!(label.is_match(name) && name != "__name__" && value.is_string(), "{name} of {rule}");
                }
            }
        }
    }
}

#[test]
fn objects_are_valid_against_the_operators_crds() {
    let objects = objects(EXAMPLE);
    assert_eq!(objects.len(), 1);
    objects.iter().for_each(conforms);
}

#[test]
fn rules_beyond_the_operators_size_limit_are_split_by_group() {
    let targets: String = (0..4_000)
        .map(|n| format!("  - {{name: service-{n}, url: 'https://service-{n}.example.com/health', thresholds: {{health.duration: {{warning: {}ms}}}}}}\n", 500 + n % 3))
        .collect();
    let objects = objects(&format!("health:\n{targets}backups: [{{name: b, bucket: bkt}}]\n"));
    assert!(objects.len() > 2, "{}", objects.len());
    let names: BTreeSet<String> = objects.iter().map(|object| object["metadata"]["name"].to_string()).collect();
    assert_eq!(names.len(), objects.len());
    for object in &objects {
        conforms(object);
    }
}

/// The types that `mimirtool rules load` and `cortextool rules load` decode: `RuleNamespace` of
/// mimir/pkg/mimirtool/rules/rwrulefmt and its `RuleGroup`, which embed Prometheus' `rulefmt.RuleGroup` and
/// `rulefmt.Rule`. The tools use `KnownFields(true)`, so they refuse other keys. They also refuse a group without a
/// name, and two groups with one name.
mod mimir {
    use serde::Deserialize;
    use std::collections::BTreeMap;

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    pub(crate) struct Namespace {
        pub(crate) namespace: String,
        pub(crate) groups: Vec<Group>,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "the keys are what is tested")]
    pub(crate) struct Group {
        pub(crate) name: String,
        interval: Option<String>,
        query_offset: Option<String>,
        limit: Option<i64>,
        labels: Option<BTreeMap<String, String>>,
        pub(crate) rules: Vec<Rule>,
        evaluation_delay: Option<String>,
        align_evaluation_time_on_interval: Option<bool>,
        source_tenants: Option<Vec<String>>,
        remote_write: Option<Vec<BTreeMap<String, String>>>,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    pub(crate) struct Rule {
        pub(crate) record: Option<String>,
        pub(crate) alert: Option<String>,
        pub(crate) expr: String,
        #[serde(rename = "for")]
        pub(crate) pending: Option<String>,
        pub(crate) keep_firing_for: Option<String>,
        #[serde(default)]
        pub(crate) labels: BTreeMap<String, String>,
        #[serde(default)]
        pub(crate) annotations: BTreeMap<String, String>,
    }
}

#[test]
fn the_mimir_file_parses_with_the_same_groups() {
    let text =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/generated/rules/mimir.yaml")).unwrap();
    let file: mimir::Namespace = serde_yaml::from_str(&text).unwrap();
    assert_eq!(file.namespace, "ops-checklist");
    let duration = Regex::new(r"^([0-9]+(y|w|d|h|m|s|ms))+$").unwrap();
    let mut names = BTreeSet::new();
    for group in &file.groups {
        assert!(!group.name.is_empty() && names.insert(group.name.clone()), "{}", group.name);
        for rule in &group.rules {
            assert!(rule.alert.is_some() != rule.record.is_some() && !rule.expr.is_empty());
            for time in rule.pending.iter().chain(&rule.keep_firing_for) {
                assert!(duration.is_match(time) && rule.record.is_none(), "{time}");
            }
            assert!(rule.record.is_none() || rule.annotations.is_empty());
            assert!(rule.record.is_some() || rule.labels.contains_key("severity"), "{:?}", rule.alert);
        }
    }
    // Wrong keys must fail, or this reader would be less strict than the tool.
    for (from, to) in [("namespace:", "namespaces:"), ("groups:", "gruops:"), ("keep_firing_for:", "keepFiringFor:")] {
        assert!(serde_yaml::from_str::<mimir::Namespace>(&text.replacen(from, to, 1)).is_err(), "{to} is accepted");
    }
    let config = Config::parse("checklist.yaml", EXAMPLE).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let groups = rules_gen::rules::groups(&config);
    let (mimir, plain) = (
        rules_gen::outputs::mimir::namespace_file(&config, &groups),
        rules_gen::outputs::prometheus::rule_file(&groups),
    );
    assert_eq!(mimir["groups"], plain["groups"]);
    assert_eq!(file.groups.len(), plain["groups"].as_array().unwrap().len());
}
