//! Measures how many findings of each lint are right: on rules as they are common in public repositories, rewritten in
//! our own words (`precision/`), and on the examples of all lints. Each rule is marked with the lints that are right
//! about it.

use rules_gen::lint::configuration::{self, Configuration};
use rules_gen::lint::definition::{Check, Example};
use rules_gen::lint::files::Source;
use rules_gen::lint::report::{Finding, Level};
use rules_gen::lint::{Options, checks, run};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// The right and wrong findings of a lint, and the rules that it missed.
#[derive(Default)]
struct Score {
    right: usize,
    wrong: Vec<String>,
    missed: Vec<String>,
}

fn findings(files: &[(String, String)], version: Option<(u32, u32)>) -> Vec<Finding> {
    let (own, files): (Vec<_>, Vec<_>) = files.iter().partition(|(name, _)| name == configuration::NAME);
    let read = |(name, text): &(String, String)| Configuration::parse(name.as_ref(), text, true, checks::id);
    let configurations = own.iter().map(|file| read(file).unwrap_or_else(|error| panic!("{error:?}"))).collect();
    let source = |(name, text): &(String, String)| Source { name: name.clone(), named: true, text: Ok(text.clone()) };
    let sources: Vec<Source> = files.into_iter().map(source).collect();
    let mut findings = run(&sources, &Options { version, configurations, ..Options::default() }).findings;
    findings.retain(|finding| finding.level >= Level::Warning);
    findings
}

/// Returns the first line of every rule in a file, and the lints in its mark.
fn marks(text: &str) -> BTreeMap<usize, BTreeSet<&str>> {
    let rule = |line: &&str| ["- alert:", "- record:"].iter().any(|start| line.trim_start().starts_with(start));
    let numbered = text.lines().enumerate().filter(|(_, line)| rule(line));
    numbered
        .map(|(at, line)| (at + 1, line.split_once(" # ").map_or("", |(_, marks)| marks).split_whitespace().collect()))
        .collect()
}

#[test]
fn at_least_95_percent_of_the_findings_of_each_lint_are_correct() -> std::io::Result<()> {
    let mut scores: BTreeMap<String, Score> =
        checks::ALL.iter().map(|lint| (lint.id.to_owned(), Score::default())).collect();
    let mut rules = 0;
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/precision"))? {
        let path = entry?.path();
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
        for (line, marked) in &marks {
            for id in marked.iter().filter(|id| !seen.contains(&(*line, **id))) {
                scores.entry((*id).to_owned()).or_default().missed.push(format!("{}:{line}", path.display()));
            }
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
        for finding in lint.fine.iter().filter(|example| !matches!(example, Example::Scrape(_))).flat_map(of) {
            scores.entry(finding.id.to_owned()).or_default().wrong.push(format!("{}: {}", lint.id, finding.message));
        }
    }
    assert!(rules > 240, "only {rules} rules are judged");
    println!("{rules} rules of common kinds, and the examples of {} lints", checks::ALL.len());
    for (id, score) in &scores {
        let all = score.right + score.wrong.len();
        let lint = checks::ALL.iter().find(|lint| lint.id == *id).unwrap_or_else(|| panic!("{id} is not in the list"));
        if all == 0 {
            println!("{id}: no warnings");
            continue;
        }
        println!("{id}: {} of {all} findings are right, {} missed", score.right, score.missed.len());
        assert!(score.right * 20 >= all * 19, "{id}: wrong about {:#?}", score.wrong);
        assert!(score.missed.is_empty(), "{id} misses {:#?}", score.missed);
        assert!(!matches!(lint.check, Check::Server));
    }
    assert!(scores.values().filter(|score| score.right > 0).count() > 25);
    Ok(())
}
