//! Files of targets that `file_sd_configs` names. promtool reads them with the configuration; a running Prometheus
//! keeps the targets that it had when it cannot read one.

use super::place::{ParseError, Place};
use super::report::{Level, Report};
use super::yaml::{self, Node, alone};
use super::{embedded, refusals};
use crate::server_files::target_groups::{self, Reading};
use serde_json::Value;
use std::path::Path;

/// Reports files of targets that Prometheus cannot read. `folder` is that of the configuration.
pub(super) fn check(root: &Node, folder: &Path, report: &mut Report<'_>) {
    let alertmanagers = root.get("alerting").and_then(|alerting| alerting.get("alertmanagers"));
    for (list, scraped) in [(root.get("scrape_configs"), true), (alertmanagers, false)] {
        for of in list.map(Node::items).unwrap_or_default() {
            let relabelled = of.get("relabel_configs").is_some_and(|rules| !rules.items().is_empty());
            let discoveries = of.get("file_sd_configs").map(Node::items).unwrap_or_default();
            for name in discoveries.iter().filter_map(|one| one.get("files")).flat_map(Node::items) {
                named(name, folder, Reading { json: false, relabelled, scraped }, report);
            }
        }
    }
}

/// Checks the files that a name or a pattern with `*` means.
fn named(node: &Node, folder: &Path, reading: Reading, report: &mut Report<'_>) {
    let Some(name) = node.text().filter(|name| !name.is_empty()) else { return };
    let Ok(paths) = glob::glob(&folder.join(name).to_string_lossy()) else { return };
    for path in paths.flatten().filter(|path| path.is_file()) {
        let shown = path.strip_prefix(folder).unwrap_or(&path).display().to_string();
        let json = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("json"));
        let mistakes = match std::fs::read_to_string(&path) {
            Ok(text) => mistakes(&text, Reading { json, ..reading }),
            Err(error) => vec![format!(": it cannot be read: {error}")],
        };
        for mistake in mistakes {
            let message = format!("Prometheus refuses the targets of {shown}{mistake}");
            report.add("RG008", Level::Error, node, message, "correct that file");
        }
    }
}

/// Returns the mistakes in a file of targets, each with its place: `:1:5: unknown key target`.
fn mistakes(text: &str, reading: Reading) -> Vec<String> {
    let refused = |place: Place, why: &str| format!(":{}:{}: {why}", place.line, place.column);
    let whole = match whole(text, reading) {
        Ok(whole) => whole,
        Err(error) => return vec![refused(error.place, &error.message)],
    };
    let (documents, _) = yaml::documents(text);
    let Some(root) = documents.first() else { return Vec::new() };
    let refusals = target_groups::check(&whole, reading);
    refusals.iter().map(|refusal| refused(refusals::place(root, refusal).place, &refusal.why)).collect()
}

/// Parses a file of targets. Of a YAML file only the first document is read.
fn whole(text: &str, reading: Reading) -> Result<Value, ParseError> {
    if reading.json {
        return serde_json::from_str(text).map_err(|error| embedded::of_json(&error));
    }
    let (documents, malformed) = yaml::documents(text);
    let Some(first) = documents.first() else { return malformed.map_or(Ok(Value::Null), Err) };
    let moved = |error: checklist::yaml::Error| {
        let line = first.place.line + error.place.line.saturating_sub(1);
        ParseError { place: Place { line, ..error.place }, message: error.message }
    };
    checklist::yaml::parse(alone(text, first)).map_err(moved)
}
