//! `PrometheusRule` objects against the constraints of the operator's custom resource definition, and the namespace
//! file against Mimir's reader.

use crate::definitions::mistakes;
use checklist::Config;
use regex::Regex;
use serde_json::Value;
use std::collections::BTreeSet;

const EXAMPLE: &str = include_str!("../../../examples/checklist.yaml");
/// The size in bytes above which the operator refuses a rendered spec: half of what a Secret may hold.
const MAX_SPEC: usize = 524_288;

fn objects(yaml: &str) -> Vec<Value> {
    let config = Config::parse("checklist.yaml", yaml).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    rules_gen::outputs::prometheus_rule::prometheus_rules(&config, &rules_gen::rules::groups(&config))
}

#[test]
#[cfg_attr(not(has_operator_definitions), ignore = "no definitions of prometheus-operator (make parts)")]
fn objects_are_valid_against_the_operators_crds() {
    let mut object = objects(EXAMPLE).remove(0);
    assert_eq!(mistakes("PrometheusRule", "", &object), [""; 0]);
    object["spec"]["groups"][0]["rules"][0]["keepFiringFor"] = "5m".into();
    assert_eq!(mistakes("PrometheusRule", "", &object).len(), 1, "an unknown field is a mistake");
}

#[test]
fn rules_beyond_the_operators_size_limit_are_split_by_group() {
    assert_eq!(objects(EXAMPLE).len(), 1);
    let target = |n: u32| {
        let (name, limit) = (format!("service-{n}"), 500 + n % 3);
        format!(
            "  - {{name: {name}, url: 'https://{name}.example.com/health', thresholds: {{health.duration: {{warning: {limit}ms}}}}}}\n"
        )
    };
    let targets: String = (0..4_000).map(target).collect();
    let objects = objects(&format!("health:\n{targets}backups: [{{name: b, bucket: bkt}}]\n"));
    assert!(objects.len() > 2, "{}", objects.len());
    let names: BTreeSet<String> = objects.iter().map(|object| object["metadata"]["name"].to_string()).collect();
    assert_eq!(names.len(), objects.len());
    let mut groups = BTreeSet::new();
    let is_name = |name: &str| name.len() < 254 && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    for object in &objects {
        assert!(object["metadata"]["name"].as_str().is_some_and(is_name), "{}", object["metadata"]);
        let rendered = serde_yaml::to_string(&object["spec"]).unwrap();
        assert!(rendered.len() <= MAX_SPEC, "the spec has {} bytes", rendered.len());
        for group in object["spec"]["groups"].as_array().unwrap() {
            assert!(groups.insert(group["name"].to_string()), "{} is there twice", group["name"]);
        }
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
