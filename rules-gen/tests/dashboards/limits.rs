//! Targets with different limits have different threshold steps on a panel.

use super::{list, of, panel};
use serde_json::{Value, json};

/// Returns the threshold steps of the query for a target: those of the panel, or of the override for the query.
fn steps<'a>(panel: &'a Value, target: &str) -> Vec<(&'a str, f64)> {
    let reads = |query: &&Value| query["expr"].as_str().is_some_and(|expr| expr.contains(&format!("{target:?}")));
    let query = list(panel, "targets").iter().find(reads).unwrap_or(&panel["targets"][0]);
    let field = &panel["fieldConfig"];
    let own = list(field, "overrides").iter().find(|one| one["matcher"]["options"] == query["refId"]);
    if let Some(own) = own {
        assert_eq!(
            (&own["matcher"]["id"], &own["properties"][0]["id"]),
            (&json!("byFrameRefID"), &json!("thresholds"))
        );
    }
    let thresholds = own.map_or(&field["defaults"]["thresholds"], |own| &own["properties"][0]["value"]);
    let step = |step: &'a Value| Some((step["color"].as_str()?, step["value"].as_f64()?));
    list(thresholds, "steps").iter().filter_map(step).collect()
}

#[test]
fn each_target_has_its_own_threshold_lines_on_a_panel() {
    let yaml = "
backups:
  - {name: first, bucket: bkt, thresholds: {backup.max_age: {warning: 10h, critical: none}}}
  - {name: daily, bucket: bkt}
  - {name: monthly, bucket: bkt, every: 35d}
postgres:
  - {name: small, host: h1, database: d, user: u, thresholds: {connections.usage: {warning: 50%, critical: none}}}
  - {name: large, host: h2, database: d, user: u}
  - {name: other, host: h3, database: d, user: u}
kubernetes:
  - {name: a, namespaces: [x], thresholds: {pods.waiting: {warning: none, critical: 2}}}
  - {name: b, namespaces: [y]}
";
    let (_, all) = of(yaml);
    let age = panel(&all, "Backup age");
    assert_eq!(list(age, "targets").len(), 3);
    assert_eq!(steps(age, "first"), [("orange", 36_000.0)]);
    assert_eq!(steps(age, "daily"), [("orange", 93_600.0), ("red", 180_000.0)]);
    assert_eq!(steps(age, "monthly"), [("orange", 3_031_200.0), ("red", 6_055_200.0)]);
    // In Grafana, a time series draws one set of threshold lines, and a table has one column for each query. So
    // different limits need separate panels.
    let small = panel(&all, "Connections in use: small");
    assert_eq!(steps(small, "small"), [("orange", 0.5)]);
    let others = panel(&all, "Connections in use: large, other");
    assert_eq!(steps(others, "large|other"), [("orange", 0.8), ("red", 0.95)]);
    assert_eq!((list(small, "targets").len(), list(others, "targets").len()), (1, 1));
    assert_eq!(steps(panel(&all, "Stuck pods: a"), "a"), [("red", 2.001)]);
    assert_eq!(steps(panel(&all, "Stuck pods: b"), "b"), [("orange", 0.001)]);
    // With equal limits for all targets, there is a single query.
    assert_eq!(list(panel(&all, "Idle connections"), "targets").len(), 1);
}

/// A configuration with many targets must not give more queries than a browser can show.
#[test]
fn threshold_lines_of_many_groups_are_omitted_but_their_values_are_shown() {
    let one = |at: usize| format!("  - {{name: t{at}, bucket: bkt, every: {}h}}\n", at + 1);
    let (_, all) = of(&format!("backups:\n{}", (0..30).map(one).collect::<String>()));
    let age = panel(&all, "Backup age");
    assert_eq!(list(age, "targets").len(), 9);
    assert_eq!(steps(age, "t7"), [("orange", 36_000.0), ("red", 64_800.0)]);
    let last = age["targets"][8]["expr"].as_str().unwrap();
    let rest = (8..30).map(|at| format!("t{at}")).collect::<Vec<_>>().join("|");
    assert!(last.contains(&format!("{rest:?}")), "{last}");
    assert_eq!(steps(age, &rest), []);
}
