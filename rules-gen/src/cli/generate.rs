//! `rules-gen generate`: which of the files, in whose form, and where to.

use crate::cli::{ConfigFile, EXIT_CODES};
use crate::outputs::stale_files::leftovers;
use crate::outputs::{Output, differences, write};
use crate::terminal::{Progress, note, print, say};
use anyhow::Context;
use clap::ValueEnum;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Writes rules, routes, dashboards, runbooks, rule tests and rights.
#[derive(Debug, clap::Args)]
#[command(after_help = format!("\
Examples:
  rules-gen generate --config checklist.yaml --out generated
  rules-gen generate --out generated --check
  rules-gen generate --only rules,alertmanager --target-format operator --out - | kubectl apply -f -

--target-format says who reads the files: prometheus takes plain rule files, alertmanager.yaml and dashboards as JSON;
operator takes PrometheusRule, AlertmanagerConfig, ConfigMap and GrafanaDashboard objects; mimir takes a namespace file
for mimirtool. Without it every form is written.

{EXIT_CODES}"))]
pub struct Arguments {
    #[command(flatten)]
    config: ConfigFile,
    /// The folder to write to, or - for one stream of YAML documents on standard output.
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
    /// Change nothing, name what differs.
    #[arg(long)]
    check: bool,
    /// Only these kinds of files.
    #[arg(long, value_enum, value_delimiter = ',', value_name = "KINDS")]
    only: Vec<Kind>,
    /// Only what this one reads.
    #[arg(long, value_enum, value_name = "FORMAT")]
    target_format: Option<Format>,
}

/// What a file is for; the name of its folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// Alerts and recorded series.
    Rules,
    /// Dashboards.
    Dashboards,
    /// Routes and receivers.
    Alertmanager,
    /// What to do about each alert.
    Runbooks,
    /// Tests of the rules.
    Tests,
    /// The least rights of the exporter.
    Access,
    /// The other objects of its deployment, and the kustomize component of all.
    Kubernetes,
}

/// Who reads the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Prometheus, Alertmanager and Grafana themselves.
    Prometheus,
    /// Their operators in Kubernetes.
    Operator,
    /// Mimir and Cortex.
    Mimir,
}

impl Kind {
    fn folder(self) -> &'static str {
        match self {
            Self::Rules => "rules",
            Self::Dashboards => "dashboards",
            Self::Alertmanager => "alertmanager",
            Self::Runbooks => "runbooks",
            Self::Tests => "tests",
            Self::Access => "access",
            Self::Kubernetes => "kubernetes",
        }
    }

    fn has(self, path: &Path) -> bool {
        path.starts_with(self.folder()) || self == Self::Kubernetes && path == Path::new("kustomization.yaml")
    }
}

impl Format {
    /// Whether it reads the file. What is nobody's own form is for everyone.
    pub fn reads(self, path: &Path) -> bool {
        let name = path.to_string_lossy();
        match name.as_ref() {
            "rules/checklist.yaml" => self == Self::Prometheus,
            "rules/mimir.yaml" => self == Self::Mimir,
            "alertmanager/alertmanager.yaml" => self != Self::Operator,
            "rules/prometheusrule.yaml"
            | "alertmanager/alertmanagerconfig.yaml"
            | "dashboards/configmaps.yaml"
            | "dashboards/grafanadashboards.yaml"
            | "kustomization.yaml" => self == Self::Operator,
            name if name.starts_with("kubernetes/") => self == Self::Operator,
            name if name.starts_with("dashboards/") => self != Self::Operator,
            _ => true,
        }
    }
}

/// Runs the verb.
///
/// # Errors
/// An invalid checklist, and files that cannot be written.
pub fn command(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let ((config, text), source) = (arguments.config.read()?, arguments.config.name());
    let progress = Progress::new();
    progress.tell("making the files");
    let mut outputs = crate::outputs::generate(&config, &source)?;
    let (only, format) = (&arguments.only, arguments.target_format);
    if (only.is_empty() || only.contains(&Kind::Kubernetes)) && format.is_none_or(|format| format == Format::Operator) {
        outputs.extend(crate::outputs::kubernetes::files(&config, &source, &text)?);
    }
    progress.end();
    outputs.retain(|output| chosen(&output.path, only, format));
    for text in notes(&config, &outputs) {
        note(&text);
    }
    if arguments.out == Path::new("-") {
        anyhow::ensure!(!arguments.check, "--check compares a folder, not a stream");
        let (text, left_out) = stream(&outputs);
        print(&text)?;
        if left_out > 0 {
            note(&format!("note: {left_out} files are no YAML and were left out"));
        }
        return Ok(ExitCode::SUCCESS);
    }
    let ours = |path: &Path| Kind::value_variants().iter().any(|kind| kind.has(path)) && chosen(path, only, format);
    let left = leftovers(&outputs, &arguments.out, ours)?;
    if !arguments.check {
        write(&outputs, &arguments.out)?;
        for path in left {
            let place = arguments.out.join(path);
            std::fs::remove_file(&place).with_context(|| format!("cannot remove {}", place.display()))?;
            note(&format!("removed {}: an earlier run wrote it, and it is not generated any more", place.display()));
        }
        return Ok(ExitCode::SUCCESS);
    }
    let mut differences = differences(&outputs, &arguments.out);
    let told_of = |path: &PathBuf| format!("{} is left over from an earlier run", arguments.out.join(path).display());
    differences.extend(left.iter().map(told_of));
    for difference in &differences {
        say(difference);
    }
    if differences.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    note(&format!(
        "run: rules-gen generate --config {} --out {}",
        arguments.config.config.display(),
        arguments.out.display()
    ));
    Ok(ExitCode::from(1))
}

/// What a run that went well should still be told.
fn notes(config: &checklist::Config, outputs: &[Output]) -> Vec<String> {
    let has = |path: &str| outputs.iter().any(|output| output.path == Path::new(path));
    let (file, object) = (has("alertmanager/alertmanager.yaml"), has("alertmanager/alertmanagerconfig.yaml"));
    let mut notes = Vec::new();
    for severity in ["critical", "warning"].into_iter().filter(|_| file || object) {
        if crate::outputs::alert_routes::receiver(config, severity) == "nobody" {
            notes.push(format!(
                "note: nobody is told of {severity} alerts: checklist.yaml names no receiver for them under alerting:"
            ));
        }
    }
    for window in crate::outputs::alertmanager_config::left_out(config).filter(|_| object) {
        notes.push(format!(
            "note: the maintenance window {} is in {}; AlertmanagerConfig knows UTC only and leaves it out",
            window.name, window.time_zone
        ));
    }
    notes
}

fn chosen(path: &Path, only: &[Kind], format: Option<Format>) -> bool {
    (only.is_empty() || only.iter().any(|kind| kind.has(path))) && format.is_none_or(|format| format.reads(path))
}

/// Everything that is YAML (JSON is) as one stream, and how many files are not.
pub fn stream(outputs: &[Output]) -> (String, usize) {
    let mut text = String::new();
    let mut left_out = 0;
    for Output { path, content } in outputs {
        let yaml = path.extension().is_some_and(|ending| ending == "yaml" || ending == "json");
        if !yaml {
            left_out += 1;
            continue;
        }
        let name = path.display();
        text += &format!("---\n# {name}\n{content}");
    }
    (text, left_out)
}
