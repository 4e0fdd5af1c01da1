//! Benchmarks of rules-gen: linting many rules, compared with promtool and pint, and generating for many targets.

use crate::measurements::version;
use crate::peers::find;
use stack::stack::program;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// Limit for a tenth of the rules. A program that takes longer is not run on all of them.
const LONGEST: Duration = Duration::from_secs(10);
/// Number of runs of each program, in turn. Their median is printed.
const RUNS: usize = 3;

/// Runs and prints both benchmarks.
pub(crate) fn rules() -> anyhow::Result<()> {
    let mut before = BTreeMap::new();
    for count in [1_000, 10_000, 100_000] {
        lint(count, &mut before)?;
    }
    for targets in [100, 1_000] {
        generate(targets)?;
    }
    Ok(())
}

/// Lints `count` rules in files of one hundred. Each rule has an expression of its own.
fn lint(count: usize, before: &mut BTreeMap<&str, Duration>) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    for file in 0..count / 100 {
        let mut text = String::from("groups:\n");
        for group in 0..10 {
            let _ = writeln!(text, "- name: group-{file}-{group}\n  rules:");
            for rule in 0..5 {
                let id = format!("{file}_{group}_{rule}");
                let _ = write!(
                    text,
                    "  - record: job:requests_{id}:rate5m\n    expr: sum by (job, instance) (rate(http_requests_{id}_total{{job=~\"api|web\", code!~\"5..\"}}[5m]))\n  \
                     - alert: Errors{file}x{group}x{rule}\n    expr: |\n      sum by (job) (rate(http_errors_{id}_total{{job=\"api\"}}[5m]))\n        / (sum by (job) (rate(http_requests_{id}_total{{job=\"api\"}}[5m])) > 0) > 0.05\n    \
                     for: 10m\n    labels: {{severity: warning}}\n    annotations:\n      summary: There are many errors.\n      description: \"{{{{ $labels.job }}}}: {{{{ $value | humanizePercentage }}}} of requests fail.\"\n"
                );
            }
        }
        std::fs::write(folder.path().join(format!("{file}.yaml")), &text)?;
    }
    let lint = format!("{} lint --output json .", program("rules-gen")?.display());
    crate::report!("lint of {count} rules: {:.2?}", timed(folder.path(), &lint, true)?);
    for (name, arguments, fails) in [("promtool", "check rules", false), ("pint", "--offline --no-color lint", true)] {
        let Some(program) = find(name, name) else { continue };
        if let Some(tenth) = before.get(name).filter(|tenth| **tenth > LONGEST) {
            crate::report!("  {name} {arguments}: not run, a tenth of the rules took {tenth:.2?}");
            continue;
        }
        let command = format!("{} {arguments} *.yaml", program.display());
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..RUNS {
            ours.push(timed(folder.path(), &lint, true)?);
            theirs.push(timed(folder.path(), &command, fails)?);
        }
        let (ours, theirs) = (median(ours), median(theirs));
        before.insert(name, theirs);
        print_ratio(&format!("{} {arguments}", version(&program)), ours, theirs);
    }
    Ok(())
}

/// Generates everything for a number of targets of four kinds.
fn generate(targets: usize) -> anyhow::Result<()> {
    let mut text = String::from("certificates:\n");
    let each = targets / 4;
    for n in 0..each {
        let _ = writeln!(text, "  - {{name: c{n}, address: 'host{n}:443'}}");
    }
    text += "backups:\n";
    for n in 0..each {
        let _ = writeln!(text, "  - {{name: b{n}, bucket: bucket, prefix: 'p{n}/'}}");
    }
    text += "health:\n";
    for n in 0..each {
        let _ = writeln!(text, "  - {{name: h{n}, url: 'https://host{n}/health'}}");
    }
    text += "postgres:\n";
    for n in 0..each {
        let _ = writeln!(text, "  - {{name: d{n}, host: host{n}, database: d, user: u}}");
    }
    let begun = Instant::now();
    let config = checklist::Config::parse("checklist.yaml", &text)?;
    let outputs = rules_gen::outputs::generate(&config, "checklist.yaml")?;
    let ours = begun.elapsed();
    let folder = tempfile::tempdir()?;
    rules_gen::outputs::file::write(&outputs, folder.path())?;
    crate::report!("generate for {targets} targets ({} files): {ours:.2?}", outputs.len());
    if let Some(program) = find("promtool", "promtool") {
        let theirs = timed(folder.path(), &format!("{} check rules rules/checklist.yaml", program.display()), false)?;
        print_ratio("promtool check rules on the files", ours, theirs);
    }
    Ok(())
}

/// Runs a command and returns how long it took. `finds`: it ends with 1 because it has findings. Any other code is a
/// failure, whose time would mean nothing.
fn timed(folder: &Path, command: &str, finds: bool) -> anyhow::Result<Duration> {
    let begun = Instant::now();
    let output = Command::new("sh").args(["-c", command]).current_dir(folder).output()?;
    let printed = String::from_utf8_lossy(&output.stderr);
    let ended = output.status.success() || finds && output.status.code() == Some(1);
    anyhow::ensure!(ended, "{command}: {printed}");
    Ok(begun.elapsed())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn print_ratio(what: &str, ours: Duration, theirs: Duration) {
    let ratio = theirs.as_secs_f64() / ours.as_secs_f64();
    crate::report!("  {what}: {theirs:.2?}, ours {ours:.2?} ({ratio:.1} times as long)");
}
