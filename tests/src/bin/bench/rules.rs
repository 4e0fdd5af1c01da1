//! rules-gen beside promtool: linting many rules, generating for many targets.

use rules_gen::lint::files::Source;
use rules_gen::lint::{Options, run};
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// Prints both.
pub(crate) fn rules() -> anyhow::Result<()> {
    for count in [1_000, 10_000, 100_000] {
        lint(count)?;
    }
    for targets in [100, 1_000] {
        generate(targets)?;
    }
    Ok(())
}

/// So many rules in files of a hundred, each with an expression of its own.
fn lint(count: usize) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let mut sources = Vec::new();
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
        let name = format!("{file}.yaml");
        std::fs::write(folder.path().join(&name), &text)?;
        sources.push(Source { name, named: true, text: Ok(text) });
    }
    let begun = Instant::now();
    let findings = run(&sources, &Options::default()).findings.len();
    let ours = begun.elapsed();
    let theirs = promtool(folder.path(), "promtool check rules *.yaml")?;
    print_beside(&format!("lint of {count} rules ({findings} findings)"), ours, theirs);
    Ok(())
}

/// Every kind of target that comes in numbers.
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
    let theirs = promtool(folder.path(), "promtool check rules rules/checklist.yaml")?;
    print_beside(&format!("generate for {targets} targets ({} files)", outputs.len()), ours, theirs);
    Ok(())
}

fn promtool(folder: &Path, command: &str) -> anyhow::Result<Duration> {
    let begun = Instant::now();
    let output = Command::new("sh").args(["-c", command]).current_dir(folder).output()?;
    anyhow::ensure!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(begun.elapsed())
}

fn print_beside(what: &str, ours: Duration, theirs: Duration) {
    let ratio = theirs.as_secs_f64() / ours.as_secs_f64();
    println!("{what}: {ours:.2?}; promtool check rules on the files: {theirs:.2?} ({ratio:.1} times as long)");
}
