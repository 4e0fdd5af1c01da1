//! Measures how many findings of each lint are right: on rules as they are common in public repositories, rewritten in
//! our own words (`precision/`), on files with one mistake or none (`precision/files`), and on the examples of all
//! lints. Each rule is marked with the lints that are right about it, and with `!` those that could be wrong about it.

use rules_gen::lint::configuration::{self, Configuration};
use rules_gen::lint::definition::{Check, Example};
use rules_gen::lint::files::Source;
use rules_gen::lint::report::{Finding, Level};
use rules_gen::lint::{Options, checks, run};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// The right and wrong findings of a lint, the rules that it missed, and how many rules and files look like its
/// mistakes and are right.
#[derive(Default)]
struct Score {
    right: usize,
    wrong: Vec<String>,
    missed: Vec<String>,
    fine: usize,
}

/// The least number of mistakes of each lint, and of rules that look like them.
const EACH: usize = 4;

/// Files with one mistake, or without any.
#[derive(serde::Deserialize)]
struct Case {
    lint: String,
    right: bool,
    version: Option<String>,
    files: BTreeMap<String, String>,
}

fn findings(files: &[(String, String)], version: Option<(u32, u32)>) -> Vec<Finding> {
    let (own, files): (Vec<_>, Vec<_>) = files.iter().partition(|(name, _)| name == configuration::NAME);
    let read = |(name, text): &(String, String)| Configuration::parse(name.as_ref(), text, true, checks::id);
    let configurations = own.iter().map(|file| read(file).unwrap_or_else(|error| panic!("{error:?}"))).collect();
    let source = |(name, text): &(String, String)| Source { name: name.clone(), named: true, text: Ok(text.clone()) };
    let sources: Vec<Source> = files.into_iter().map(source).collect();
    let retention = Some(15.0 * 86_400.0);
    let options = Options { version, configurations, retention, ..Options::default() };
    let mut findings = run(&sources, &options).findings;
    findings.retain(|finding| finding.level >= Level::Warning);
    findings
}

/// Returns the first line of every rule and of every marked group in a file, and the lints in its mark.
fn marks(text: &str) -> BTreeMap<usize, BTreeSet<&str>> {
    let begins = |line: &str, with: &[&str]| with.iter().any(|start| line.trim_start().starts_with(start));
    let marked =
        |line: &&str| begins(line, &["- alert:", "- record:"]) || (begins(line, &["- name:"]) && line.contains(" # "));
    let numbered = text.lines().enumerate().filter(|(_, line)| marked(line));
    numbered
        .map(|(at, line)| (at + 1, line.split_once(" # ").map_or("", |(_, marks)| marks).split_whitespace().collect()))
        .collect()
}

/// Prints the score of each lint, and returns what is not good enough.
fn bad(scores: &BTreeMap<String, Score>) -> Vec<String> {
    let mut bad = Vec::new();
    for (id, score) in scores {
        let all = score.right + score.wrong.len();
        let lint = checks::ALL.iter().find(|lint| lint.id == *id).unwrap_or_else(|| panic!("{id} is not in the list"));
        // Scrapes and live servers have tests of their own.
        if matches!(lint.check, Check::Server | Check::Scrape(_)) || lint.level == Level::Info {
            println!("{id}: not judged here");
            continue;
        }
        println!(
            "{id}: {} of {all} findings are right, {} missed, {} times it could be wrong",
            score.right,
            score.missed.len(),
            score.fine
        );
        if score.right * 20 < all * 19 {
            bad.push(format!("{id} is wrong about {:#?}", score.wrong));
        }
        if !score.missed.is_empty() {
            bad.push(format!("{id} misses {:#?}", score.missed));
        }
        if score.right < EACH || score.fine < EACH {
            bad.push(format!("{id}: only {} right, and {} times it could be wrong", score.right, score.fine));
        }
    }
    bad
}

#[test]
fn at_least_95_percent_of_the_findings_of_each_lint_are_correct() -> std::io::Result<()> {
    let mut scores: BTreeMap<String, Score> =
        checks::ALL.iter().map(|lint| (lint.id.to_owned(), Score::default())).collect();
    let mut rules = 0;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/precision");
    for entry in fs::read_dir(&folder)? {
        let path = entry?.path();
        if path.is_dir() {
            continue;
        }
        let text = fs::read_to_string(&path)?;
        let marks = marks(&text);
        rules += marks.len();
        let name = path.display().to_string();
        let mut seen: BTreeSet<(usize, &str)> = BTreeSet::new();
        for finding in findings(&[(name, text.clone())], None) {
            let (line, marked) = marks
                .range(..=finding.place.line)
                .next_back()
                .unwrap_or_else(|| panic!("not within a rule: {finding:?}"));
            let score = scores.entry(finding.id.to_owned()).or_default();
            if marked.contains(finding.id) {
                score.right += usize::from(seen.insert((*line, finding.id)));
            } else {
                score.wrong.push(format!("{:?}: {}", finding.subject, finding.message));
            }
        }
        for id in marks.values().flatten().filter_map(|mark| mark.strip_prefix('!')) {
            scores.entry(id.to_owned()).or_default().fine += 1;
        }
        for (line, marked) in &marks {
            let marked = || marked.iter().filter(|id| !id.starts_with('!'));
            for id in marked().filter(|id| !seen.contains(&(*line, **id))) {
                scores.entry((*id).to_owned()).or_default().missed.push(format!("{}:{line}", path.display()));
            }
        }
    }
    let cases: Vec<Case> =
        serde_yaml::from_str(&fs::read_to_string(folder.join("files/cases.yaml"))?).map_err(std::io::Error::other)?;
    for case in cases {
        let version = case.version.as_ref().map(|version| {
            let (major, minor) = version.split_once('.').unwrap_or_else(|| panic!("no version: {version}"));
            (major.parse().unwrap_or_default(), minor.parse().unwrap_or_default())
        });
        let files: Vec<(String, String)> = case.files.into_iter().collect();
        let mut found = false;
        for finding in findings(&files, version) {
            if case.right && finding.id == case.lint {
                found = true;
            } else {
                let message = format!("{}: {} of {files:?}", finding.id, finding.message);
                scores.entry(finding.id.to_owned()).or_default().wrong.push(message);
            }
        }
        let score = scores.entry(case.lint).or_default();
        score.fine += usize::from(!case.right);
        score.right += usize::from(found);
        if case.right && !found {
            score.missed.push(format!("{files:?}"));
        }
    }
    for lint in checks::ALL {
        let of = |example: &Example| {
            let version = if let Example::RulesFor(version, _) = example { Some(*version) } else { None };
            findings(&example.files(), version)
        };
        for example in lint.found.iter().filter(|example| !matches!(example, Example::Scrape(_))) {
            let right = of(example).iter().any(|finding| finding.id == lint.id);
            scores.entry(lint.id.to_owned()).or_default().right += usize::from(right);
        }
        scores.entry(lint.id.to_owned()).or_default().fine += lint.fine.len();
        for finding in lint.fine.iter().filter(|example| !matches!(example, Example::Scrape(_))).flat_map(of) {
            scores.entry(finding.id.to_owned()).or_default().wrong.push(format!("{}: {}", lint.id, finding.message));
        }
    }
    assert!(rules > 240, "only {rules} rules are judged");
    println!("{rules} rules of common kinds, and the examples of {} lints", checks::ALL.len());
    let bad = bad(&scores);
    assert!(bad.is_empty(), "{}", bad.join("\n"));
    assert!(scores.values().filter(|score| score.right > 0).count() > 25);
    Ok(())
}
