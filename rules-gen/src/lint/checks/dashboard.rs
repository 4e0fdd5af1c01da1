//! RG050: mistakes in a Grafana dashboard. The checks are in `dashboards`.

use crate::lint::dashboards;
use crate::lint::definition::{Check, Example, Lint};
use crate::lint::report::Level;

pub(super) static LINT: Lint = Lint {
    id: "RG050",
    title: "dashboard does not follow Grafana's guidelines",
    level: Level::Warning,
    text: "Checks what Grafana's dashboard-linter checks: variables for the data source, job and instance, and queries that use them; variables whose queries parse and are of the right kind, and that are refreshed with the time range; variables in queries that the dashboard does not define, which Grafana leaves as they are; queries of annotations that parse; panels with a title, description, unit, query, ascending thresholds and a type that Grafana still supports; queries that parse, rates over `$__rate_interval`, no counters without `rate()`; `editable: false`. LogQL queries are checked without a parser: closed quotes and brackets, and ranges of `[$__auto]` instead of a fixed time; `target-logql-rule` of dashboard-linter checks more. If rules are linted together with the dashboard, a threshold colour that changes where no alert on the same metrics fires is an info.",
    check: Check::Dashboard(dashboards::check),
    found: &[
        Example::Dashboard(ONE_GRAFANA),
        Example::Dashboard(UNDEFINED),
        Example::Dashboard(ANNOTATION),
        Example::Dashboard(
            r#"
{"title": "Example", "schemaVersion": 39, "editable": false, "templating": {"list": [
  {"type": "datasource", "name": "datasource", "label": "Data source", "query": "prometheus"},
  {"type": "query", "name": "job", "query": "label_values(rate(up[5m]), job)", "refresh": 2, "multi": true, "includeAll": true}]},
 "panels": []}
"#,
        ),
        Example::Dashboard(
            r#"
{"title": "Example", "schemaVersion": 39, "editable": false, "templating": {"list": [
  {"type": "datasource", "name": "datasource", "label": "Data source", "query": "prometheus"},
  {"type": "query", "name": "job", "query": {"query": "label_values(up, job"}, "refresh": 2, "multi": true, "includeAll": true}]},
 "panels": []}
"#,
        ),
        Example::Dashboard(
            r#"
{"title": "Example", "schemaVersion": 39, "editable": false, "templating": {"list": [
  {"type": "datasource", "name": "datasource", "label": "Data source", "query": "prometheus"}]},
 "panels": [{"type": "table", "title": "Up", "description": "What is up.", "targets": [{"expr": "up[5m]"}]}]}
"#,
        ),
        Example::Dashboard(
            r#"
{"title": "Example", "schemaVersion": 39, "editable": false, "templating": {"list": [{"type": "datasource", "name": "datasource", "label": "Data source"}]},
 "panels": [{"type": "graph", "title": "Load", "description": "The load.", "fieldConfig": {"defaults": {"unit": "short"}}, "targets": [{"expr": "node_load1"}]}]}
"#,
        ),
    ],
    fine: &[
        Example::Dashboard(VARIABLES),
        Example::Dashboard(
            r#"
{"title": "Example", "schemaVersion": 39, "editable": false, "templating": {"list": [
  {"type": "datasource", "name": "datasource", "label": "Data source"},
  {"type": "query", "name": "job", "query": "label_values(node_load1, job)", "refresh": 2, "multi": true, "includeAll": true},
  {"type": "query", "name": "instance", "query": "label_values(node_load1{job=~\"$job\"}, instance)", "refresh": 2, "multi": true, "includeAll": true}]},
 "panels": [{"type": "timeseries", "title": "Load", "description": "The load.", "fieldConfig": {"defaults": {"unit": "short"}}, "targets": [{"expr": "node_load1{job=~\"$job\", instance=~\"$instance\"}"}]}]}
"#,
        ),
    ],
};

/// An example with variables in expressions, a base step with a number, variables of Loki, and an instant query over a
/// range, which must give no finding.
const VARIABLES: &str = r#"
{"title": "Variables", "uid": "v", "schemaVersion": 42, "editable": false, "templating": {"list": [
  {"type": "datasource", "name": "datasource", "label": "Data source", "query": "prometheus"},
  {"type": "datasource", "name": "logs", "label": "Data source", "query": "loki"},
  {"type": "custom", "name": "k", "query": "1,2"}, {"type": "custom", "name": "threshold", "query": "1,2"},
  {"type": "custom", "name": "group", "query": "job,instance"}, {"type": "custom", "name": "w", "query": "5,10"},
  {"type": "query", "name": "metric", "query": "label_values({job=~\"$job\"}, __name__)", "refresh": 2},
  {"type": "query", "name": "stream", "datasource": {"uid": "${logs}"}, "query": "label_values({}, stream)", "refresh": 2},
  {"type": "query", "name": "job", "query": "label_values(up, job)", "refresh": 2, "multi": true, "includeAll": true},
  {"type": "query", "name": "instance", "query": "label_values(up, instance)", "refresh": 2, "multi": true, "includeAll": true}]},
 "panels": [{"type": "stat", "title": "T", "description": "D.", "datasource": {"uid": "$datasource"},
  "fieldConfig": {"defaults": {"unit": "short", "thresholds": {"steps": [{"value": 0}, {"value": 80}]}}},
  "targets": [
   {"expr": "up{job=~\"$job\", instance=~\"$instance\"}[5m]", "instant": true},
   {"expr": "topk($k, up{job=~\"$job\", instance=~\"$instance\"})"},
   {"expr": "up{job=~\"$job\", instance=~\"$instance\"} > $threshold"},
   {"expr": "sum by (${group:csv}) (up{job=~\"$job\", instance=~\"$instance\"})"},
   {"expr": "sum by (job) (rate(x_total{job=~\"$job\", instance=~\"$instance\"}[${w}m])) * $__interval_ms / $__range_s"}]}]}
"#;

/// An example with a variable whose data source is fixed.
const ONE_GRAFANA: &str = r#"
{"title": "Fixed", "uid": "f", "schemaVersion": 42, "editable": false, "templating": {"list": [
  {"type": "datasource", "name": "datasource", "label": "Data source", "query": "prometheus"},
  {"type": "query", "name": "job", "datasource": {"type": "prometheus", "uid": "PBFA97CFB590B2093"}, "query": "label_values(up, job)", "refresh": 2}]},
 "panels": []}
"#;

/// An example with a variable that the dashboard does not define.
const UNDEFINED: &str = r#"
{"title": "Undefined", "uid": "u", "schemaVersion": 42, "editable": false, "templating": {"list": [
  {"type": "datasource", "name": "datasource", "label": "Data source", "query": "prometheus"},
  {"type": "custom", "name": "pool", "query": "a,b"}]},
 "panels": [{"type": "stat", "title": "T", "description": "D.", "datasource": {"uid": "$datasource"},
  "fieldConfig": {"defaults": {"unit": "short"}}, "targets": [{"expr": "max(pool_size{pool=~\"$pools\"})"}]}]}
"#;

/// An example with an annotation whose query does not parse.
const ANNOTATION: &str = r#"
{"title": "Annotation", "uid": "a", "schemaVersion": 42, "editable": false, "templating": {"list": [
  {"type": "datasource", "name": "datasource", "label": "Data source", "query": "prometheus"}]},
 "annotations": {"list": [{"name": "Restarts", "datasource": {"uid": "$datasource"}, "expr": "changes(process_start_time_seconds[5m] > 0"}]},
 "panels": []}
"#;
