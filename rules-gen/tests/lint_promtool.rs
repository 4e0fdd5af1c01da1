//! Compares the lints with promtool on thousands of files: what promtool refuses must be an error, and what it accepts
//! must not be a syntax error.

mod random;
mod rule_texts;

use rules_gen::lint::files::Source;
use rules_gen::lint::report::{Finding, Level};
use rules_gen::lint::{Options, run};
use std::process::Command;

fn lint(text: &str, options: &Options) -> Vec<Finding> {
    let source = Source { name: "example.yaml".to_owned(), named: true, text: Ok(text.to_owned()) };
    run(&[source], options).findings
}

/// Returns for each text whether promtool accepts it.
fn promtool(program: &str, texts: &[String]) -> std::io::Result<Vec<bool>> {
    let folder = tempfile::tempdir()?;
    let names: Vec<String> = (0..texts.len()).map(|at| format!("{at:05}.yaml")).collect();
    for (name, text) in names.iter().zip(texts) {
        std::fs::write(folder.path().join(name), text)?;
    }
    // One process checks all files. It continues after an invalid one.
    let output = Command::new("sh")
        .args(["-c", "exec 2>&1; \"$0\" check rules --lint=none [0-9]*.yaml", program])
        .current_dir(folder.path())
        .output()?;
    let printed = String::from_utf8_lossy(&output.stdout);
    let verdict = |name: &String| {
        let section = printed.split_once(&format!("Checking {name}")).map(|(_, after)| after);
        let section = section.unwrap_or_else(|| panic!("promtool is needed (make test installs it): {printed}"));
        section.split("Checking 0").next().is_some_and(|section| section.contains("SUCCESS"))
    };
    Ok(names.iter().map(verdict).collect())
}

/// Files on which promtool's answer is not comparable: if the first line is indented, it reads an empty document and
/// accepts the file.
fn is_known(text: &str) -> bool {
    text.starts_with("  groups:")
}

fn compare(program: &str, version: (u32, u32)) -> std::io::Result<()> {
    let texts = rule_texts::all();
    let mut refused = 0;
    let mut differences = Vec::new();
    let options = Options { version: Some(version), ..Options::default() };
    assert_eq!(promtool(program, &[rule_texts::GOOD.to_owned()])?, [true], "the corpus begins with a good file");
    for (text, accepted) in texts.iter().zip(promtool(program, &texts)?) {
        refused += usize::from(!accepted);
        let syntax = ["RG001", "RG002", "RG003", "RG005", "RG006", "RG032"];
        let findings = lint(text.strip_prefix('\u{feff}').unwrap_or(text), &options);
        // RG032 also reports labels that the expression drops, which promtool does not check.
        let error = findings.iter().find(|finding| {
            finding.level == Level::Error
                && syntax.contains(&finding.id)
                && (finding.id != "RG032" || finding.message.contains("does not parse"))
        });
        if accepted == error.is_some() && !is_known(text) {
            differences.push(format!("promtool {accepted}, {:?} of {text:?}", error.map(|e| &e.message)));
        }
    }
    println!("{} files, {refused} refused, {} differences", texts.len(), differences.len());
    assert!(refused > 300, "only {refused} of {} are bad", texts.len());
    assert!(differences.is_empty(), "{} differences:\n{}", differences.len(), differences.join("\n"));
    Ok(())
}

/// promtool decides: what it refuses must be an error here, and what it accepts must not be a syntax error.
#[test]
fn errors_match_promtool() -> std::io::Result<()> {
    compare("promtool", (2, 42))
}

#[test]
#[cfg_attr(not(has_newest_promtool), ignore = "no promtool 3 in target/parts (make parts)")]
fn errors_match_the_newest_promtool() -> std::io::Result<()> {
    compare(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/parts/bin/promtool"), (3, 16))
}
