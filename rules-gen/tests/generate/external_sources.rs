//! Alerts on the metrics of other exporters: they fire for the same faults, and not for ordinary objects.

use super::{EXTERNAL, generate, succeeds};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;

/// Values by series, in the notation of promtool. `{K,` in a series stands for the labels of the cluster.
type Input = BTreeMap<String, String>;

/// Runs promtool on the generated rules with these series.
fn promtool(folder: &Path, input: &Input, expected: &[Value]) -> std::io::Result<()> {
    let own = "{cluster=\"prod\", namespace=\"app\",";
    let series = |(series, values): (&String, &String)| json!({"series": series.replace("{K,", own), "values": values});
    let test = json!({
        "rule_files": ["rules/checklist.yaml"],
        "evaluation_interval": "1m",
        "tests": [{
            "interval": "1m",
            "input_series": input.iter().map(series).collect::<Vec<_>>(),
            "promql_expr_test": expected,
        }],
    });
    std::fs::write(folder.join("external.test.yaml"), test.to_string())?;
    succeeds("promtool", &["test", "rules", "external.test.yaml"], folder);
    Ok(())
}

#[test]
fn the_same_alerts_fire_on_metrics_of_other_exporters() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    generate(EXTERNAL, folder.path());
    let faults: BTreeMap<String, Input> = serde_yaml::from_str(include_str!("faults.yaml"))?;
    for (alert, input) in faults {
        let fires = format!("count(ALERTS{{alertname={alert:?}, alertstate=\"firing\"}}) > bool 0");
        let expected = json!({"expr": fires, "eval_time": "40m", "exp_samples": [{"labels": "{}", "value": 1}]});
        promtool(folder.path(), &input, &[expected])?;
    }
    Ok(())
}

#[test]
fn no_alert_fires_on_ordinary_pages_of_kube_state_metrics() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    generate(EXTERNAL, folder.path());
    let input: Input = serde_yaml::from_str(include_str!("ordinary.yaml"))?;
    let fires =
        "ALERTS{alertstate=\"firing\", check=~\"pods|restarts|hpa|pvc\", alertname!~\".*(Source|Check)Missing\"}";
    let expected = ["20m", "50m", "85m"].map(|at| json!({"expr": fires, "eval_time": at, "exp_samples": []}));
    promtool(folder.path(), &input, &expected)?;
    Ok(())
}

/// Seconds of a day. The time of promtool begins with 0, so the last runs are before that.
const DAY: i64 = 86_400;

#[test]
fn cron_jobs_that_do_not_start_or_do_not_end_are_reported() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    generate(EXTERNAL, folder.path());
    let constant = |value: i64| format!("{value}x60");
    for (policy, active, suspended, last, period, reason) in [
        ("Allow", 0, 0, DAY / 2, DAY, None),
        ("Allow", 0, 0, 3 * DAY, DAY, Some("NotStarted")),
        ("Allow", 0, 1, 3 * DAY, DAY, None),
        ("Forbid", 0, 0, 3 * DAY, DAY, Some("NotStarted")),
        // A long run may skip the next.
        ("Forbid", 1, 0, 2 * DAY, DAY, None),
        ("Forbid", 1, 0, 3 * DAY, DAY, Some("StillRunning")),
        ("Forbid", 1, 1, 3 * DAY, DAY, None),
        ("Allow", 1, 0, 3 * DAY, DAY, Some("NotStarted")),
        ("Forbid", 1, 0, 10 * DAY, 7 * DAY, None),
        ("Forbid", 1, 0, 15 * DAY, 7 * DAY, Some("StillRunning")),
    ] {
        let series = |name: &str, more: &str| format!("{name}{{K, cronjob=\"nightly\"{more}}}");
        let input = Input::from([
            (series("kube_cronjob_info", &format!(", concurrency_policy={policy:?}")), constant(1)),
            (series("kube_cronjob_spec_suspend", ""), constant(suspended)),
            (series("kube_cronjob_status_active", ""), constant(active)),
            (series("kube_cronjob_status_last_schedule_time", ""), constant(-last)),
            (series("kube_cronjob_next_schedule_time", ""), constant(period - last)),
        ]);
        let sample = |reason| json!({"labels": format!("{{reason={reason:?}}}"), "value": 1});
        let samples: Vec<Value> = reason.into_iter().map(sample).collect();
        let failed =
            json!({"expr": "sum by (reason) (checklist_job_failed)", "eval_time": "40m", "exp_samples": samples});
        let is_firing = "count(ALERTS{alertname=\"ChecklistJobFailed\", alertstate=\"firing\"}) or vector(0)";
        let count = i32::from(reason.is_some());
        let firing = json!({"expr": is_firing, "eval_time": "40m", "exp_samples": [{"labels": "{}", "value": count}]});
        promtool(folder.path(), &input, &[failed, firing])?;
    }
    Ok(())
}
