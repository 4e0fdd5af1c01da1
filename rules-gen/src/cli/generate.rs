//! `rules-gen generate`: writes the generated files, or checks that they are up to date.

use crate::cli::{ConfigFile, EXIT_CODES};
use crate::outputs::file::{File, differences, place, write};
use crate::outputs::output::{DASHBOARDS, Format, Input, Kind, Output};
use crate::outputs::readme::readme;
use crate::outputs::stale_files::stale_files;
use crate::outputs::{self, alert_routes, alertmanager_config};
use crate::terminal::{Progress, note, print, to_stderr};
use anyhow::Context;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Writes rules, routes, dashboards, runbooks, rule tests and rights.
#[derive(Debug, clap::Args)]
#[command(after_help = format!("\
Examples:
  rules-gen generate --config checklist.yaml --out generated
  rules-gen generate --out generated --check
  rules-gen generate --out deploy/generated --dashboards dashboards
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
    /// The folder for the dashboards, instead of the folder dashboards in the output folder.
    #[arg(long, value_name = "FOLDER")]
    dashboards: Option<PathBuf>,
    /// Write nothing, and name the files that differ.
    #[arg(long)]
    check: bool,
    /// Only these kinds of files.
    #[arg(long, value_enum, value_delimiter = ',', value_name = "KINDS")]
    only: Vec<Kind>,
    /// Only files for this reader.
    #[arg(long, value_enum, value_name = "FORMAT")]
    target_format: Option<Format>,
}

pub fn command(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let ((config, text), source) = (arguments.config.read()?, arguments.config.name());
    let progress = Progress::new();
    progress.show("generating the files");
    let mut input = Input::new(&config, &source, &text);
    if let Some(folder) = &arguments.dashboards {
        input.dashboards = relative(&arguments.out, folder)?;
    }
    let chosen: Vec<&dyn Output> = outputs::ALL.iter().copied().filter(|output| arguments.chooses(*output)).collect();
    let mut files = outputs::files(&input, &chosen)?;
    progress.end();
    for text in notes(&config, &files) {
        note(&text);
    }
    if arguments.out == Path::new("-") {
        anyhow::ensure!(!arguments.check, "--check compares a folder, not a stream");
        let (text, left_out) = stream(&files, arguments.target_format == Some(Format::Operator));
        print(&text)?;
        if left_out > 0 {
            note(&format!("note: {left_out} files are not YAML of that format and were skipped"));
        }
        return Ok(ExitCode::SUCCESS);
    }
    if arguments.only.is_empty() {
        files.push(readme(&input, &chosen));
    }
    let patterns: Vec<PathBuf> = chosen
        .iter()
        .flat_map(|output| output.about().paths)
        .map(|path| {
            Path::new(path)
                .strip_prefix(DASHBOARDS)
                .map_or_else(|_| path.into(), |inside| input.dashboards.join(inside))
        })
        .collect();
    let stale = stale_files(&files, &arguments.out, patterns.iter().map(PathBuf::as_path))?;
    if arguments.check { Ok(arguments.compare(&files, &stale)) } else { arguments.write(&files, &stale) }
}

impl Arguments {
    fn chooses(&self, output: &dyn Output) -> bool {
        let about = output.about();
        let kind = self.only.is_empty() || self.only.contains(&about.kind);
        kind && self.target_format.is_none_or(|format| about.formats.contains(&format))
    }

    fn write(&self, files: &[File], stale: &[PathBuf]) -> anyhow::Result<ExitCode> {
        write(files, &self.out)?;
        for path in stale {
            std::fs::remove_file(path).with_context(|| format!("cannot remove {}", path.display()))?;
            note(&format!("removed {}: an earlier run wrote it, and it is no longer generated", path.display()));
        }
        Ok(ExitCode::SUCCESS)
    }

    fn compare(&self, files: &[File], stale: &[PathBuf]) -> ExitCode {
        let mut differences = differences(files, &self.out);
        differences.extend(
            stale
                .iter()
                .map(|path| format!("{} was written by an earlier run and is no longer generated", path.display())),
        );
        for difference in &differences {
            to_stderr(difference);
        }
        if differences.is_empty() {
            return ExitCode::SUCCESS;
        }
        let folder = self.dashboards.iter().map(|folder| format!(" --dashboards {}", folder.display()));
        note(&format!(
            "run: rules-gen generate --config {} --out {}{}",
            self.config.config.display(),
            self.out.display(),
            folder.collect::<String>()
        ));
        ExitCode::from(1)
    }
}

/// Returns the relative path from one folder to another, with `..` where it leads out.
fn relative(from: &Path, to: &Path) -> anyhow::Result<PathBuf> {
    let absolute = |path: &Path| anyhow::Ok(place(&std::path::absolute(path)?, Path::new("")));
    let (from, to) = (absolute(from)?, absolute(to)?);
    let shared =
        from.ancestors().find(|folder| to.starts_with(folder)).context("the folders are on different file systems")?;
    let up = from.strip_prefix(shared)?.components().map(|_| "..");
    Ok(up.map(Path::new).chain([to.strip_prefix(shared)?]).collect())
}

/// Returns the notes that are printed after a successful run.
fn notes(config: &checklist::Config, files: &[File]) -> Vec<String> {
    let has = |path: &str| files.iter().any(|file| file.path == Path::new(path));
    let (file, object) = (has("alertmanager/alertmanager.yaml"), has("alertmanager/alertmanagerconfig.yaml"));
    let mut notes = Vec::new();
    for severity in ["critical", "warning"].into_iter().filter(|_| file || object) {
        if alert_routes::receiver(config, severity) == "nobody" {
            notes.push(format!(
                "note: {severity} alerts notify nobody: alerting: in checklist.yaml has no receiver for them"
            ));
        }
    }
    for window in alertmanager_config::left_out(config).filter(|_| object) {
        notes.push(format!(
            "note: the maintenance window {} is in {}; it is missing in AlertmanagerConfig, which supports UTC only",
            window.name, window.time_zone
        ));
    }
    notes
}

/// Writes all YAML and JSON files as one stream, and returns how many files were left out. With `objects` only
/// Kubernetes objects are written, as kubectl takes no plain JSON dashboards and no kustomization.
pub fn stream(files: &[File], objects: bool) -> (String, usize) {
    let mut text = String::new();
    let mut left_out = 0;
    for File { path, content } in files {
        let ends = |ending: &str| path.extension().is_some_and(|own| own == ending);
        let is_taken =
            if objects { ends("yaml") && !path.ends_with("kustomization.yaml") } else { ends("yaml") || ends("json") };
        if !is_taken {
            left_out += 1;
            continue;
        }
        text += &format!("---\n# {}\n{content}", path.display());
    }
    (text, left_out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_between_two_folders_is_relative() -> anyhow::Result<()> {
        for (from, to, way) in [
            ("deploy/generated", "dashboards", "../../dashboards"),
            ("out", "out/dashboards", "dashboards"),
            ("a", "./b/../c", "../c"),
        ] {
            assert_eq!(relative(Path::new(from), Path::new(to))?, Path::new(way), "{from} {to}");
        }
        Ok(())
    }
}
