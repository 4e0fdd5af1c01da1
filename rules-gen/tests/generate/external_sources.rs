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
