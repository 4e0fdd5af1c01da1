//! Generates all files from a configuration. Each output has a file of its own here, and [`ALL`] lists the outputs.

pub mod access;
pub mod alert_routes;
pub mod alertmanager;
pub mod alertmanager_config;
pub mod alertmanager_merge;
pub mod configuration;
pub mod docs;
pub mod file;
pub mod grafana;
pub mod kubernetes;
pub mod mimir;
pub mod output;
pub mod prometheus;
pub mod prometheus_rule;
pub mod readme;
pub mod rule_tests;
pub mod runbooks;
pub mod schema;
pub mod stale_files;

use crate::lint::template;
use crate::outputs::file::File;
use crate::outputs::output::{DASHBOARDS, Input, Kind, Output};
use checklist::Config;

/// Every output, in the order in which the generated README lists them.
pub const ALL: &[&dyn Output] = &[
    &prometheus::RuleFile,
    &prometheus_rule::PrometheusRules,
    &mimir::NamespaceFile,
    &alertmanager::Configuration,
    &alertmanager_config::AlertmanagerConfig,
    &grafana::Dashboards,
    &grafana::objects::Kustomization,
    &grafana::objects::ConfigMaps,
    &grafana::objects::GrafanaDashboards,
    &runbooks::Runbooks,
    &rule_tests::RuleTests,
    &access::Access,
    &kubernetes::Deployment,
];

/// Generates all files except those of [`Kind::Kubernetes`], which contain the text of checklist.yaml. `source` is the
/// name of that file, for the headers.
pub fn generate(config: &Config, source: &str) -> anyhow::Result<Vec<File>> {
    let outputs: Vec<&dyn Output> =
        ALL.iter().copied().filter(|output| output.about().kind != Kind::Kubernetes).collect();
    files(&Input::new(config, source, ""), &outputs)
}

/// Generates the files of some outputs, sorted by path. The same input gives the same bytes.
pub fn files(input: &Input<'_>, outputs: &[&dyn Output]) -> anyhow::Result<Vec<File>> {
    expressions_parse(input)?;
    templates_parse(input)?;
    let mut files = Vec::new();
    for output in outputs {
        for mut file in output.files(input)? {
            if let Ok(inside) = file.path.strip_prefix(DASHBOARDS) {
                file.path = input.dashboards.join(inside);
            }
            files.push(file);
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

fn expressions_parse(input: &Input<'_>) -> anyhow::Result<()> {
    for rule in input.groups.iter().flat_map(|group| &group.rules) {
        promql::parse(&rule.expr).map_err(|errors| {
            let why = crate::promql::mistakes(&errors, &rule.expr);
            anyhow::anyhow!("the expression of {} does not parse: {why}", rule.alert)
        })?;
    }
    Ok(())
}

/// Checks all templates. They contain texts from checklist.yaml, which may have braces that Prometheus or Alertmanager
/// cannot parse.
fn templates_parse(input: &Input<'_>) -> anyhow::Result<()> {
    for rule in input.groups.iter().flat_map(|group| &group.rules) {
        for (name, text) in rule.labels.iter().chain(&rule.annotations) {
            template::read(text).map_err(|why| {
                anyhow::anyhow!(
                    "{name} of {} would be {text:?}, which is not a template that Prometheus accepts ({why}): \
                     write {{{{\"{{{{\"}}}} for two braces",
                    rule.alert
                )
            })?;
        }
    }
    if let Some(channel) = input.config.alerting.slack.as_ref().and_then(|slack| slack.channel.as_ref()) {
        template::read(channel)
            .map_err(|why| anyhow::anyhow!("alerting: slack: channel: {channel:?} is not a valid template ({why})"))?;
    }
    Ok(())
}
