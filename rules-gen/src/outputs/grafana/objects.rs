//! Dashboards as Kubernetes objects: `ConfigMap`s for Grafana's sidecar and `GrafanaDashboard`s for its operator.

use super::Dashboard;
use checklist::Config;
use serde_json::{Map, Value, json};

fn metadata(config: &Config, uid: &str) -> Map<String, Value> {
    let mut metadata = Map::from_iter([("name".to_owned(), json!(uid))]);
    if let Some(namespace) = &config.alerting.dashboards.namespace {
        metadata.insert("namespace".to_owned(), json!(namespace));
    }
    metadata
}

/// One `ConfigMap` per dashboard, with the label and the annotation that Grafana's sidecar looks for.
///
/// # Errors
/// Never for what is generated here.
pub fn config_maps(config: &Config, dashboards: &[Dashboard]) -> anyhow::Result<Vec<Value>> {
    dashboards.iter().map(|dashboard| of(config, metadata(config, &dashboard.uid), dashboard)).collect()
}

/// The same in the namespace of whoever applies them. One for each dashboard, because kubectl keeps what it applies in
/// an annotation, which may have 256 KiB.
///
/// # Errors
/// Never for what is generated here.
pub fn applied(config: &Config, dashboards: &[Dashboard]) -> anyhow::Result<Value> {
    let named = |uid: &str| Map::from_iter([("name".to_owned(), json!(uid))]);
    let maps = dashboards.iter().map(|dashboard| of(config, named(&dashboard.uid), dashboard));
    let items = maps.collect::<anyhow::Result<Vec<_>>>()?;
    Ok(json!({"apiVersion": "v1", "kind": "List", "items": items}))
}

fn of(config: &Config, mut metadata: Map<String, Value>, dashboard: &Dashboard) -> anyhow::Result<Value> {
    metadata.insert("labels".to_owned(), json!({"grafana_dashboard": "1"}));
    if let Some(folder) = &config.alerting.dashboards.folder {
        metadata.insert("annotations".to_owned(), json!({"grafana_folder": folder}));
    }
    let data = json!({format!("{}.json", dashboard.uid): dashboard.json()?});
    Ok(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}))
}

/// One `GrafanaDashboard` per dashboard.
///
/// # Errors
/// Never for what is generated here.
pub fn grafana_dashboards(config: &Config, dashboards: &[Dashboard]) -> anyhow::Result<Vec<Value>> {
    let settings = &config.alerting.dashboards;
    let mut labels = settings.instance_selector.clone();
    if labels.is_empty() {
        // The label of the operator's own examples.
        labels.insert("dashboards".to_owned(), "grafana".to_owned());
    }
    let object = |dashboard: &Dashboard| {
        let mut spec = json!({"instanceSelector": {"matchLabels": labels}, "json": dashboard.json()?});
        if let Some(folder) = &settings.folder {
            spec["folder"] = json!(folder);
        }
        Ok(json!({
            "apiVersion": "grafana.integreatly.org/v1beta1",
            "kind": "GrafanaDashboard",
            "metadata": metadata(config, &dashboard.uid),
            "spec": spec,
        }))
    };
    dashboards.iter().map(object).collect()
}
