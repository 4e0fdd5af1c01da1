//! Every query of the generated dashboards returns data on the real stack.

use checklist::self_metrics::{PER_CHECK, PER_PROCESS, PER_TARGET};
use stack::stack::Stack;
use stack::waiting::{PATIENCE, eventually};
use std::time::{Duration, Instant};

/// Runs every query of every generated dashboard as Grafana sends it with all variables set to "All". A panel that
/// shows problems is empty in a healthy system: then the query is run without its comparison, unless its metric is
/// sparse.
#[tokio::test(flavor = "multi_thread")]
async fn every_query_of_every_dashboard_returns_data() -> anyhow::Result<()> {
    let stack = Stack::start().await?;
    let _client = stack.postgres.client().await?;
    let mut queries = Vec::new();
    for entry in std::fs::read_dir(stack.folder().join("generated/dashboards"))? {
        let path = entry?.path();
        if path.extension().is_none_or(|ending| ending != "json") {
            continue;
        }
        let dashboard: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&path)?)?;
        for panel in dashboard["panels"].as_array().into_iter().flatten() {
            for target in panel["targets"].as_array().into_iter().flatten() {
                let expr = target["expr"].as_str().unwrap_or_default();
                let open = ["job", "instance", "check", "target"]
                    .iter()
                    .fold(expr.replace("$__rate_interval", "1m"), |expr, name| expr.replace(&format!("${name}"), ".+"));
                queries.push((format!("{} {}", dashboard["uid"], panel["title"]), open));
            }
        }
    }
    assert!(queries.len() > 60, "only {} queries were found", queries.len());
    let own = || PER_CHECK.iter().chain(PER_TARGET).chain(PER_PROCESS);
    let sparse =
        || checklist::SIGNALS.iter().flat_map(|signal| signal.metrics).chain(own()).filter(|metric| metric.sparse);
    // This Prometheus started a minute ago. So comparisons with the past use the present instead, and subqueries sample
    // every second instead of every few minutes.
    let at_present = |expr: &str| -> String {
        let expr = &expr.replace(":1m]", ":1s]").replace(":5m]", ":1s]");
        let (begin, rest) = expr.split_once(" offset ").unwrap_or((expr, ""));
        let of_duration = |c: char| c.is_ascii_digit() || "smhdw".contains(c);
        let rest = rest.split(" offset ").map(|part| part.trim_start_matches(of_duration));
        [begin].into_iter().chain(rest).collect()
    };
    let mut empty = Vec::new();
    let until = Instant::now() + PATIENCE;
    for (place, expr) in &queries {
        let bare = at_present(expr.strip_suffix(" > 0").unwrap_or(expr));
        if sparse().any(|metric| bare.contains(&format!("{metric}{{"))) {
            stack.prometheus.query(expr).await?;
            continue;
        }
        // Rates need two scrapes, and recorded series two evaluations.
        while stack.prometheus.query(&bare).await?.is_empty() {
            if Instant::now() > until {
                empty.push(format!("{place}: {expr}"));
                break;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
    assert!(empty.is_empty(), "{empty:#?}");
    // The overview shows each check of checklist.yaml once, whether the exporter or Prometheus judges it.
    let text = std::fs::read_to_string(stack.folder().join("checklist.yaml"))?;
    let config = checklist::Config::parse("checklist.yaml", &text)?;
    let checks: usize = config.signals().map(|signal| config.targets(signal).len()).sum();
    let every_check = queries.iter().find(|(place, _)| place.contains("\"Every check\"")).map(|(_, expr)| expr);
    let every_check = every_check.map(String::as_str).unwrap_or_default();
    let shown = async || anyhow::Ok(stack.prometheus.query(every_check).await?.len());
    eventually("each check is once on the overview", || async { Ok(shown().await? == checks) }).await
}
