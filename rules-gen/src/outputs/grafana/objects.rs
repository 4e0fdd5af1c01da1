//! The dashboards as Kubernetes objects: `ConfigMap`s for Grafana's sidecar and `GrafanaDashboard`s for its operator.

use super::dashboard::Dashboard;
use super::dashboards;
use crate::outputs::file::{File, documents, yaml};
use crate::outputs::output::{About, Format, Input, Kind, Output};
use checklist::Config;
use serde_json::{Map, Value, json};

/// The file `dashboards/kustomization.yaml`.
pub struct Kustomization;

impl Output for Kustomization {
    fn about(&self) -> About {
        About {
            kind: Kind::Dashboards,
            formats: &[Format::Operator],
            paths: &["dashboards/kustomization.yaml"],
            purpose: "makes a `ConfigMap` of each dashboard for kustomize; the chart reads it too",
        }
    }

    fn files(&self, input: &Input<'_>) -> anyhow::Result<Vec<File>> {
        let dashboards = dashboards(input.config, input.source)?;
        Ok(vec![yaml("dashboards/kustomization.yaml", &input.header(), &kustomization(input.config, &dashboards))?])
    }
}

/// The file `dashboards/configmaps.yaml`.
pub struct ConfigMaps;

impl Output for ConfigMaps {
    fn about(&self) -> About {
        About {
            kind: Kind::Dashboards,
            formats: &[Format::Operator],
            paths: &["dashboards/configmaps.yaml"],
            purpose: "the same dashboards as `ConfigMap` objects for Grafana's sidecar",
        }
    }

    fn files(&self, input: &Input<'_>) -> anyhow::Result<Vec<File>> {
        let objects = config_maps(input.config, &dashboards(input.config, input.source)?)?;
        Ok(vec![documents("dashboards/configmaps.yaml", &input.header(), &objects)?])
    }
}

/// The file `dashboards/grafanadashboards.yaml`.
pub struct GrafanaDashboards;

impl Output for GrafanaDashboards {
    fn about(&self) -> About {
        About {
            kind: Kind::Dashboards,
            formats: &[Format::Operator],
            paths: &["dashboards/grafanadashboards.yaml"],
            purpose: "the same dashboards as `GrafanaDashboard` objects of Grafana's operator",
        }
    }

    fn files(&self, input: &Input<'_>) -> anyhow::Result<Vec<File>> {
        let objects = grafana_dashboards(input.config, &dashboards(input.config, input.source)?)?;
        Ok(vec![documents("dashboards/grafanadashboards.yaml", &input.header(), &objects)?])
    }
}

/// Returns a kustomization with one `ConfigMap` for each dashboard. A single one would be too large, because kubectl
/// keeps an applied object in an annotation of at most 256 KiB. The names have no hash, as Grafana's sidecar would show
/// a renamed file as a new dashboard.
pub fn kustomization(config: &Config, dashboards: &[Dashboard]) -> Value {
    let mut options = json!({"disableNameSuffixHash": true, "labels": {"grafana_dashboard": "1"}});
    if let Some(folder) = &config.alerting.dashboards.folder {
        options["annotations"] = json!({"grafana_folder": folder});
    }
    let map = |dashboard: &Dashboard| json!({"name": dashboard.uid, "files": [format!("{}.json", dashboard.uid)]});
    json!({
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "generatorOptions": options,
        "configMapGenerator": dashboards.iter().map(map).collect::<Vec<_>>(),
    })
}

fn metadata(config: &Config, uid: &str) -> Map<String, Value> {
    let mut metadata = Map::from_iter([("name".to_owned(), json!(uid))]);
    if let Some(namespace) = &config.alerting.dashboards.namespace {
        metadata.insert("namespace".to_owned(), json!(namespace));
    }
    metadata
}

/// Returns one `ConfigMap` for each dashboard, with the label and the annotation that Grafana's sidecar looks for.
pub fn config_maps(config: &Config, dashboards: &[Dashboard]) -> anyhow::Result<Vec<Value>> {
    dashboards.iter().map(|dashboard| of(config, metadata(config, &dashboard.uid), dashboard)).collect()
}

fn of(config: &Config, mut metadata: Map<String, Value>, dashboard: &Dashboard) -> anyhow::Result<Value> {
    metadata.insert("labels".to_owned(), json!({"grafana_dashboard": "1"}));
    if let Some(folder) = &config.alerting.dashboards.folder {
        metadata.insert("annotations".to_owned(), json!({"grafana_folder": folder}));
    }
    let data = json!({format!("{}.json", dashboard.uid): dashboard.json()?});
    Ok(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}))
}

/// Returns one `GrafanaDashboard` for each dashboard.
pub fn grafana_dashboards(config: &Config, dashboards: &[Dashboard]) -> anyhow::Result<Vec<Value>> {
    let settings = &config.alerting.dashboards;
    let mut labels = settings.instance_selector.clone();
    if labels.is_empty() {
        // The label in the operator's examples.
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
