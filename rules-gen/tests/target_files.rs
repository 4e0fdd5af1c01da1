//! Compares the check of files of targets (`file_sd_configs`) with the oldest and newest promtool, which read them with
//! the configuration.

use rules_gen::lint::files::Source;
use rules_gen::lint::report::{Finding, Level};
use rules_gen::lint::{Options, run};
use std::path::Path;
use std::process::Command;

type Outcome = Result<(), Box<dyn std::error::Error>>;

/// Files of targets: the name and the text of each.
const FILES: [(&str, &str); 29] = [
    ("good.json", "[{\"targets\": [\"a:1\"], \"labels\": {\"a\": \"b\"}}]"),
    ("none.json", "[]"),
    ("empty.json", ""),
    ("open.json", "[{\"targets\": [\"a:1\"]}"),
    ("object.json", "{\"targets\": [\"a:1\"]}"),
    ("null.json", "[null]"),
    ("key.json", "[{\"target\": [\"a:1\"]}]"),
    ("source.json", "[{\"targets\": [\"a:1\"], \"source\": \"x\"}]"),
    ("number.json", "[{\"targets\": [\"a:1\"], \"labels\": {\"a\": 5}}]"),
    ("boolean.json", "[{\"targets\": [\"a:1\"], \"labels\": {\"a\": true}}]"),
    ("port.json", "[{\"targets\": [9100]}]"),
    ("url.json", "[{\"targets\": [\"http://a:1\"]}]"),
    ("text.json", "[{\"targets\": \"a:1\"}]"),
    ("list.json", "[{\"targets\": [\"a:1\"], \"labels\": {\"a\": [\"b\"]}}]"),
    ("good.yml", "- targets: [a:1]\n  labels: {a: b}\n"),
    ("number.yml", "- targets: [a:1]\n  labels: {a: 5, b: true}\n"),
    ("empty.yml", ""),
    ("comment.yaml", "# none yet\n"),
    ("key.yml", "- target: [a:1]\n"),
    ("source.yml", "- targets: [a:1]\n  source: x\n"),
    ("twice.yml", "- targets: [a:1]\n  targets: [b:1]\n"),
    ("text.yml", "- targets: a:1\n"),
    ("name.yml", "- targets: [a:1]\n  labels: {'': c}\n"),
    ("path.yml", "- targets: ['a:1/metrics']\n"),
    ("blank.yml", "- targets: ['']\n"),
    ("null.yml", "- targets: [~]\n"),
    ("object.yml", "targets: [a:1]\n"),
    ("open.yml", "- targets: [a:1\n"),
    ("second.yml", "- targets: [a:1]\n---\n- target: [b:1]\n"),
];

fn errors(file: &Path) -> std::io::Result<Vec<Finding>> {
    let source = Source { name: file.display().to_string(), named: true, text: Ok(std::fs::read_to_string(file)?) };
    let mut findings = run(&[source], &Options::default()).findings;
    findings.retain(|one| one.level == Level::Error);
    Ok(findings)
}

#[test]
fn files_of_targets_are_refused_as_by_promtool() -> Outcome {
    let folder = tempfile::tempdir()?;
    let newest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/parts/bin/promtool");
    let tools = [Path::new("promtool").to_owned()].into_iter().chain(newest.exists().then_some(newest));
    let tools: Vec<_> = tools.collect();
    let file = folder.path().join("prometheus.yml");
    for (name, text) in FILES {
        std::fs::write(folder.path().join(name), text)?;
        for config in [
            format!("scrape_configs: [{{job_name: a, file_sd_configs: [{{files: [{name}]}}]}}]\n"),
            format!("alerting: {{alertmanagers: [{{file_sd_configs: [{{files: [{name}]}}]}}]}}\n"),
        ] {
            std::fs::write(&file, &config)?;
            let found = errors(&file)?;
            for tool in &tools {
                let taken = Command::new(tool).args(["check", "config"]).arg(&file).output()?.status.success();
                assert_eq!(taken, found.is_empty(), "{}: {config}{text}\n{found:?}", tool.display());
            }
        }
    }
    Ok(())
}

#[test]
fn an_error_in_a_file_of_targets_is_reported_with_its_place() -> Outcome {
    let folder = tempfile::tempdir()?;
    std::fs::create_dir(folder.path().join("targets"))?;
    std::fs::write(folder.path().join("targets/a.yml"), "- targets: [a:1]\n")?;
    std::fs::write(folder.path().join("targets/b.yml"), "- targets: [a:1]\n- targets: [b:1]\n  label: {a: b}\n")?;
    let file = folder.path().join("prometheus.yml");
    std::fs::write(&file, "scrape_configs:\n- job_name: a\n  file_sd_configs: [{files: ['targets/*.yml']}]\n")?;
    let found = errors(&file)?;
    let [one] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((one.place.line, one.place.column), (3, 30));
    let message = "Prometheus refuses the targets of targets/b.yml:3:3: unknown key label (did you mean labels?)";
    assert_eq!(one.message, message);
    Ok(())
}

/// With `relabel_configs` a target may be anything, because they write the address.
#[test]
fn a_target_that_is_relabelled_need_not_be_an_address() -> Outcome {
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join("urls.yml"), "- targets: ['https://example.org/health']\n")?;
    let file = folder.path().join("prometheus.yml");
    let rules = "relabel_configs: [{source_labels: [__address__], target_label: __param_target}, {target_label: __address__, replacement: 'b:9115'}]";
    std::fs::write(
        &file,
        format!("scrape_configs: [{{job_name: a, file_sd_configs: [{{files: [urls.yml]}}], {rules}}}]\n"),
    )?;
    assert_eq!(errors(&file)?, []);
    assert!(Command::new("promtool").args(["check", "config"]).arg(&file).output()?.status.success());
    Ok(())
}
