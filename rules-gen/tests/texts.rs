//! The texts that people read: every alert with its annotations rendered by Prometheus, and the notifications rendered
//! by Alertmanager. `cargo test --test texts -- --nocapture` prints them.

use anyhow::{Context, ensure};
use checklist::Config;
use rules_gen::outputs::prometheus::rule_file;
use rules_gen::rules::model::{Group, Rule};
use rules_gen::rules::{self, unit_tests};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

const EXAMPLE: &str = include_str!("../../examples/checklist.yaml");
/// The largest number of characters in a title. A phone shows only some lines of a PagerDuty title.
const LONGEST: usize = 330;

/// Labels or annotations.
type Texts = BTreeMap<String, String>;

/// An alert as Prometheus sends it.
#[derive(Debug)]
struct Fired {
    labels: Texts,
    annotations: Texts,
}

/// Parses `name="value", …` with Go's quoting.
fn texts(line: &str) -> anyhow::Result<Texts> {
    let inner = line.split_once('{').and_then(|(_, rest)| rest.rsplit_once('}')).context("no braces")?.0;
    let (mut all, mut rest) = (Texts::new(), inner);
    while let Some((name, quoted)) = rest.split_once("=\"") {
        let mut escaped = false;
        let end = quoted.find(|c| {
            let closes = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            closes
        });
        let end = end.context("an open quote")?;
        let value: String = serde_json::from_str(&format!("\"{}\"", &quoted[..end]))?;
        all.insert(name.trim_start_matches([',', ' ']).to_owned(), value);
        rest = &quoted[end + 1..];
    }
    Ok(all)
}

/// Returns the alerts that fire in the first case of each rule's test. promtool prints them with their annotations,
/// because the test is changed to expect none.
fn fired(folder: &Path) -> anyhow::Result<Vec<Fired>> {
    let config = Config::parse("checklist.yaml", EXAMPLE)?;
    let tests = unit_tests::all(&rules::groups(&config))?;
    let mut files = Vec::new();
    for (at, test) in tests.iter().enumerate() {
        let group = Group { name: "test".to_owned(), records: Vec::new(), rules: vec![test.rule.clone()] };
        let mut one = test.test.clone();
        one["rule_files"] = json!([format!("{at}.rules.yaml")]);
        let mut case = one["tests"][0].clone();
        let last = case["alert_rule_test"].as_array().and_then(|steps| steps.last()).cloned().unwrap_or_default();
        case["alert_rule_test"] =
            json!([{"eval_time": last["eval_time"], "alertname": last["alertname"], "exp_alerts": []}]);
        one["tests"] = json!([case]);
        std::fs::write(folder.join(format!("{at}.rules.yaml")), rule_file(&[group]).to_string())?;
        std::fs::write(folder.join(format!("{at}.test.yaml")), one.to_string())?;
        files.push(format!("{at}.test.yaml"));
    }
    let output = Command::new("promtool").args(["test", "rules"]).args(&files).current_dir(folder).output();
    let output = output.context("promtool is needed (make test installs it)")?;
    let printed = String::from_utf8([output.stdout, output.stderr].concat())?;
    let of = |begin: &'static str| printed.lines().map(str::trim).filter(move |line| line.starts_with(begin));
    let all: Vec<Fired> = of("Labels:{")
        .zip(of("Annotations:{"))
        .map(|(labels, annotations)| Ok(Fired { labels: texts(labels)?, annotations: texts(annotations)? }))
        .collect::<anyhow::Result<_>>()?;
    let rendered = |rule: &Rule| {
        let has = |fired: &Fired, name: &str, value: &str| fired.labels.get(name).is_some_and(|label| label == value);
        let severity = rule.labels.get("severity").map_or("", String::as_str);
        all.iter().any(|fired| has(fired, "alertname", &rule.alert) && has(fired, "severity", severity))
    };
    let missing: Vec<&str> =
        tests.iter().filter(|test| !rendered(&test.rule)).map(|test| test.rule.alert.as_str()).collect();
    ensure!(missing.is_empty() && all.len() >= tests.len(), "{missing:?} were not rendered: {printed}");
    Ok(all)
}

/// Renders a template for one alert, by amtool.
fn rendered(template: &str, fired: &Fired, folder: &Path) -> anyhow::Result<String> {
    let alert = json!({"status": "firing", "labels": fired.labels, "annotations": fired.annotations,
        "startsAt": "2026-11-23T03:10:00Z", "endsAt": "0001-01-01T00:00:00Z", "generatorURL": "", "fingerprint": "1"});
    let group = |name: &str| fired.labels.get(name).cloned().unwrap_or_default();
    let data = json!({"receiver": "pagerduty", "status": "firing", "alerts": [alert],
        "groupLabels": {"check": group("check"), "target": group("target"), "namespace": group("namespace")},
        "commonLabels": fired.labels, "commonAnnotations": fired.annotations, "externalURL": "http://alertmanager:9093"});
    let file = folder.join("data.json");
    std::fs::write(&file, data.to_string())?;
    std::fs::write(folder.join("none.tmpl"), "{{ define \"none\" }}{{ end }}")?;
    let glob = format!("--template.glob={}", folder.join("none.tmpl").display());
    let data = format!("--template.data={}", file.display());
    let output = Command::new("amtool")
        .args(["template", "render", &glob, &data, &format!("--template.text={template}")])
        .output()
        .context("amtool is needed (make test installs it)")?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?.trim_end().to_owned())
}

#[test]
fn every_notification_contains_the_problem_target_severity_and_runbook() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let config = Config::parse("checklist.yaml", EXAMPLE)?;
    let outputs = rules_gen::outputs::generate(&config, "checklist.yaml")?;
    let file =
        outputs.iter().find(|output| output.path.ends_with("alertmanager.yaml")).context("no alertmanager.yaml")?;
    let routes: Value = serde_yaml::from_str(&file.content)?;
    let receiver = |kind: &str, key: &str| {
        let mut all = routes["receivers"].as_array().into_iter().flatten();
        let found = all.find_map(|one| one[kind][0][key].as_str());
        found.map(str::to_owned).with_context(|| format!("no {key} in {kind}"))
    };
    let (title, heading, text) = (
        receiver("pagerduty_configs", "description")?,
        receiver("slack_configs", "title")?,
        receiver("slack_configs", "text")?,
    );
    let mut wrong = Vec::new();
    for fired in fired(folder.path())? {
        let label = |name: &str| fired.labels.get(name).map(String::as_str);
        let name = label("alertname").unwrap_or_default();
        if label("severity") == Some("none") {
            continue;
        }
        // All three are rendered in one call. PagerDuty shows only its title, and Slack the heading and the text.
        let all = rendered(&format!("{title}\u{1}{heading}\u{1}{text}"), &fired, folder.path())?;
        let parts: Vec<&str> = all.split('\u{1}').collect();
        let [page, heading, text] = parts.as_slice() else { anyhow::bail!("{name}: {all}") };
        println!(
            "{name} ({})\n  PagerDuty: {page}\n  Slack:     {heading}\n             {text}\n",
            label("severity").unwrap_or("-")
        );
        let mut expect = |good: bool, what: &str| {
            if !good {
                wrong.push(format!("{name}: {what}: {page:?} / {text:?}"));
            }
        };
        for bad in ["<no value>", "%!", "NaN", "{{", "{value}", "{limit}", "  ", "..", " .", "e+0"] {
            expect(!page.contains(bad), &format!("has {bad:?}"));
        }
        expect(page.len() <= LONGEST, "is too long");
        // In the test series the kind of a workload is `some-kind`.
        let first = page.chars().next().is_some_and(|c| c.is_uppercase() || c.is_ascii_digit());
        let first = first || page.starts_with("some-kind ");
        expect(first && page.ends_with(|c: char| !c.is_whitespace()), "is not a sentence");
        // The text must name the target or something within it.
        let places = fired.labels.iter().filter(|(name, _)| {
            !["alertname", "severity", "check", "cadence", "team", "kind", "limits", "fingerprint"]
                .contains(&name.as_str())
        });
        // The target `people` stands for everybody, so its name says nothing.
        let mut places = places.map(|(_, value)| value.as_str()).filter(|place| *place != "people").peekable();
        expect(places.peek().is_none() || places.any(|place| page.contains(place)), "does not say where");
        expect(
            heading.starts_with(&format!("[FIRING {}] ", label("severity").unwrap_or_default())),
            "does not say how bad",
        );
        expect(text.contains("Since Nov 23 03:10 UTC"), "does not say since when");
        expect(text.contains("https://") || text.contains("http://"), "does not say what next");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}
