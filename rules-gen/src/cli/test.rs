//! `rules-gen test`: runs rule tests with promtool, and shows with mutants whether they notice broken rules.

mod own_tests;

use crate::cli::{ConfigFile, EXIT_CODES, Format};
use crate::review::rule_tests;
use crate::rules;
use crate::rules::unit_tests::mutants::{self, Kind, Mutant, Tally};
use crate::rules::unit_tests::{self, RuleTest};
use crate::rules::unit_tests::{equivalent, promtool};
use crate::terminal::{self, Colour, Progress, Style, print};
use anyhow::Context;
use checklist::self_metrics::PER_CHECK;
use serde_json::json;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Runs the generated rule tests, or tests of other rule files, with promtool.
#[derive(Debug, clap::Args)]
#[command(after_help = format!("\
Examples:
  rules-gen test --config checklist.yaml
  rules-gen test --mutate
  rules-gen test --run Backup --mutate --output json
  rules-gen test --rules rules/ tests/ --mutate

Every alert at every level has a case in which it fires and one in which it does not, made from the same entry of
the catalog as the rule. --mutate breaks every rule in every place (a comparison flipped, a metric
swapped, a number times ten, `for` dropped) and counts how many of these mutants the tests detect.

With --rules, any rule files are tested by the promtool tests among them or in their folders: whether the tests pass,
which alerts have no case in which they fire, and with --mutate which broken rules the tests do not detect.

{EXIT_CODES}"))]
pub struct Arguments {
    #[command(flatten)]
    config: ConfigFile,
    /// Rule files and their promtool tests, instead of the generated ones: files, folders and patterns.
    #[arg(long, value_name = "PATH", num_args = 1.., conflicts_with = "run")]
    rules: Vec<String>,
    /// The promtool program.
    #[arg(long, default_value = "promtool", value_name = "PATH")]
    promtool: PathBuf,
    /// Only tests whose name contains this text.
    #[arg(long, value_name = "TEXT", default_value = "")]
    run: String,
    /// Break every rule, and count how many of these mutants the tests detect.
    #[arg(long)]
    mutate: bool,
    /// The lowest share of mutants, in percent, that the tests must detect.
    #[arg(long, default_value_t = 95, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    min_rate: u8,
    /// The output format.
    #[arg(long, value_enum, default_value = "text")]
    output: Format,
}

/// The result of the generated tests.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The number of tests that ran.
    pub tests: usize,
    /// The name of each failed test, and promtool's message.
    pub failed: Vec<(String, String)>,
    /// Rules without a firing case, or without a silent case.
    pub uncovered: Vec<String>,
    /// The number of mutants of each kind.
    pub mutants: Tally,
    /// Mutants that no test noticed: the test and the mutant.
    pub survivors: Vec<(String, Mutant)>,
    /// Mutants that mean the same as the rule, with the reason.
    pub equivalent: Vec<(String, Mutant, &'static str)>,
}

pub fn command(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    if !arguments.rules.is_empty() {
        return own(arguments);
    }
    let config = arguments.config.load()?;
    let progress = Progress::new();
    progress.show("generating the tests");
    let mut tests = unit_tests::all(&rules::groups(&config))?;
    tests.retain(|test| test.name.contains(&arguments.run));
    anyhow::ensure!(!tests.is_empty(), "the name of no test contains {}", arguments.run);
    let outcome = run(&tests, &arguments.promtool, arguments.mutate, &progress)?;
    progress.end();
    let good = outcome.failed.is_empty()
        && outcome.uncovered.is_empty()
        && outcome.mutants.rate() * 100.0 >= f64::from(arguments.min_rate);
    match arguments.output {
        Format::Json => print(&format!("{:#}\n", report(&outcome)))?,
        Format::Text if terminal::is_quiet() && good => {}
        Format::Text => print(&text(&outcome, arguments.mutate, Style::of_stdout()))?,
    }
    Ok(ExitCode::from(u8::from(!good)))
}

/// Runs the tests of rule files that rules-gen did not generate.
fn own(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let progress = Progress::new();
    let outcome = rule_tests::run(&arguments.rules, &arguments.promtool, arguments.mutate, &progress)?;
    progress.end();
    // Where no test was run, nothing was shown.
    let good = outcome.tests > 0
        && outcome.failed.is_empty()
        && outcome.never_fire.is_empty()
        && outcome.unread.is_empty()
        && (!arguments.mutate || outcome.not_mutated.is_empty())
        && outcome.mutants.rate() * 100.0 >= f64::from(arguments.min_rate);
    match arguments.output {
        Format::Json => print(&format!("{:#}\n", own_tests::report(&outcome)))?,
        Format::Text if terminal::is_quiet() && good => {}
        Format::Text => print(&own_tests::text(&outcome, arguments.mutate, Style::of_stdout()))?,
    }
    Ok(ExitCode::from(u8::from(!good)))
}

/// Runs the tests, and with `mutate` also the mutants of their rules.
pub fn run(tests: &[RuleTest], program: &Path, mutate: bool, progress: &Progress) -> anyhow::Result<Outcome> {
    let folder = tempfile::tempdir().context("cannot create a folder for the tests")?;
    let mut outcome = Outcome { tests: tests.len(), ..Outcome::default() };
    let uncovered = |test: &&RuleTest| test.cases.0 == 0 || test.cases.1 == 0 && test.rule.alert != "ChecklistWatchdog";
    outcome.uncovered = tests.iter().filter(uncovered).map(|test| test.name.clone()).collect();
    let files: Vec<String> = tests
        .iter()
        .enumerate()
        .map(|(at, test)| write(folder.path(), &format!("t{at}"), test, None))
        .collect::<anyhow::Result<_>>()?;
    let verdicts = promtool::run(program, folder.path(), &files, &progress.counted("tests"))?;
    for (test, verdict) in tests.iter().zip(verdicts) {
        if let Err(why) = verdict {
            outcome.failed.push((test.name.clone(), why));
        }
    }
    if mutate {
        mutated(tests, program, folder.path(), progress, &mut outcome)?;
    }
    Ok(outcome)
}

fn mutated(
    tests: &[RuleTest],
    program: &Path,
    folder: &Path,
    progress: &Progress,
    outcome: &mut Outcome,
) -> anyhow::Result<()> {
    let (mut files, mut broken) = (Vec::new(), Vec::new());
    // A test that fails on the unchanged rule would count every mutant as noticed.
    for test in tests.iter().filter(|test| !outcome.failed.iter().any(|(name, _)| *name == test.name)) {
        let metrics = test.rule.entry.as_ref().map_or(PER_CHECK, |entry| entry.signal.metrics);
        let metrics: Vec<&str> = metrics.iter().map(|metric| metric.name).collect();
        for mutant in mutants::of(&test.rule.expr, &metrics, !test.rule.times.pending.is_zero()) {
            if let Some(reason) = equivalent::reason(test, &mutant) {
                outcome.equivalent.push((test.name.clone(), mutant, reason));
                continue;
            }
            files.push(write(folder, &format!("m{}", files.len()), test, Some(&mutant))?);
            broken.push((test, mutant));
        }
    }
    let verdicts = promtool::run(program, folder, &files, &progress.counted("mutants"))?;
    outcome.mutants = Tally::new();
    for ((test, mutant), verdict) in broken.into_iter().zip(verdicts) {
        outcome.mutants.count(mutant.kind, verdict.is_err());
        if verdict.is_ok() {
            outcome.survivors.push((test.name.clone(), mutant));
        }
    }
    Ok(())
}

/// Writes a test and its rule, with the change of the mutant. Returns the name of the test file.
fn write(folder: &Path, stem: &str, test: &RuleTest, mutant: Option<&Mutant>) -> anyhow::Result<String> {
    let (mut rules, mut cases) = (test.rules.clone(), test.test.clone());
    cases["rule_files"] = json!([format!("{stem}.rules.yaml")]);
    if let Some(mutant) = mutant {
        let rule = &mut rules["groups"][0]["rules"][0];
        rule["expr"] = json!(mutant.expr);
        if let (Kind::Pending, Some(rule)) = (mutant.kind, rule.as_object_mut()) {
            rule.remove("for");
        }
    }
    let name = format!("{stem}.test.yaml");
    // JSON is valid YAML.
    std::fs::write(folder.join(format!("{stem}.rules.yaml")), rules.to_string())
        .and_then(|()| std::fs::write(folder.join(&name), cases.to_string()))
        .with_context(|| format!("cannot write {name}"))?;
    Ok(name)
}

// Writing to a String cannot fail.
fn text(outcome: &Outcome, mutate: bool, style: Style) -> String {
    let mut text = String::new();
    for (name, why) in &outcome.failed {
        let _ = writeln!(text, "{} {name}\n{why}\n", style.paint(Colour::Red, "FAILED"));
    }
    for name in &outcome.uncovered {
        let _ = writeln!(
            text,
            "{} {name} has no case in which it fires, or none in which it does not",
            style.paint(Colour::Red, "UNCOVERED")
        );
    }
    let passed = outcome.tests - outcome.failed.len();
    let _ = writeln!(text, "{} of {} rules pass their tests", passed, outcome.tests);
    if !mutate {
        return text;
    }
    for (name, mutant) in &outcome.survivors {
        let _ = writeln!(text, "{} {name}: {}, {}", style.paint(Colour::Red, "SURVIVED"), mutant.kind, mutant.place);
    }
    for (name, mutant, reason) in &outcome.equivalent {
        let _ = writeln!(text, "not counted {name}: {}, {}: {reason}", mutant.kind, mutant.place);
    }
    for (kind, all, noticed) in outcome.mutants.kinds() {
        let _ = writeln!(text, "{kind:<18} {noticed:>5} of {all}");
    }
    let rate = format!("{:.1}% of the mutants are detected", outcome.mutants.rate() * 100.0);
    let _ = writeln!(
        text,
        "{}",
        if outcome.survivors.is_empty() { style.paint(Colour::Green, &rate) } else { style.paint(Colour::Bold, &rate) }
    );
    text
}

fn report(outcome: &Outcome) -> serde_json::Value {
    let mutant =
        |name: &str, mutant: &Mutant| json!({"test": name, "kind": mutant.kind.to_string(), "place": mutant.place});
    let survivors: Vec<_> = outcome.survivors.iter().map(|(name, one)| mutant(name, one)).collect();
    let equivalent = outcome.equivalent.iter().map(|(name, one, reason)| {
        let mut value = mutant(name, one);
        value["reason"] = json!(reason);
        value
    });
    json!({
        "tests": outcome.tests,
        "failed": outcome.failed.iter().map(|(name, why)| json!({"test": name, "why": why})).collect::<Vec<_>>(),
        "uncovered": outcome.uncovered,
        "mutants": outcome.mutants.kinds().iter().map(|(kind, all, noticed)| json!({"kind": kind.to_string(), "all": all, "noticed": noticed})).collect::<Vec<_>>(),
        "rate": outcome.mutants.rate(),
        "survivors": survivors,
        "equivalent": equivalent.collect::<Vec<_>>(),
    })
}
