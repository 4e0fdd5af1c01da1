//! Output of the benchmark: prints the results and writes docs/figures.md from them.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, PoisonError};

/// The sections so far: title, and the lines printed below it.
static REPORTED: Mutex<Vec<(String, Vec<String>)>> = Mutex::new(Vec::new());

/// Begins a section with a title.
pub(crate) fn section(title: &str) {
    println!("\n{title}");
    REPORTED.lock().unwrap_or_else(PoisonError::into_inner).push((title.to_owned(), Vec::new()));
}

/// Prints a line and keeps it for the page.
pub(crate) fn report(line: String) {
    println!("{line}");
    if let Some((_, lines)) = REPORTED.lock().unwrap_or_else(PoisonError::into_inner).last_mut() {
        lines.push(line);
    }
}

/// Returns the first line of a program's version output.
pub(crate) fn version(program: &Path) -> String {
    let run = |argument: &str| Command::new(program).arg(argument).output().ok();
    let printed = run("--version").filter(|output| output.status.success()).or_else(|| run("version"));
    let text = printed.map(|output| [output.stdout, output.stderr].concat()).unwrap_or_default();
    let line = String::from_utf8_lossy(&text).lines().next().unwrap_or_default().trim().to_owned();
    let line = line.split(" (").next().unwrap_or_default();
    let name = program.file_name().unwrap_or_default().to_string_lossy();
    // Some print their version alone.
    if line.contains(&*name) { line.to_owned() } else { format!("{name} {line}") }
}

/// Writes all sections to the page docs/figures.md.
pub(crate) fn write(file: &Path) -> anyhow::Result<()> {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let field = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        line.split_once(':').map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
    };
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut page = format!(
        "<!-- Printed by `make bench`, do not edit. -->\n\n# Figures\n\nA release build of {} {} on {cores} cores ({}), {}, on {}. \
         `make bench` prints these for your machine, beside whatever of postgres_exporter, kube-state-metrics, \
         blackbox_exporter, pint and promtool lies in the folder of `make bench PEERS=FOLDER`.\n",
        env!("CARGO_PKG_NAME"),
        env!("CARGO_PKG_VERSION"),
        field(&read("/proc/cpuinfo"), "model name"),
        field(&read("/etc/os-release").replace('=', ":"), "PRETTY_NAME").trim_matches('"'),
        jiff::tz::TimeZone::UTC.to_datetime(jiff::Timestamp::now()).date()
    )
    .replace("stack ", "ops-checklist ");
    for (title, lines) in REPORTED.lock().unwrap_or_else(PoisonError::into_inner).iter() {
        // Writing to a String cannot fail.
        let _ = write!(page, "\n## {title}\n\n```text\n{}\n```\n", lines.join("\n"));
    }
    Ok(std::fs::write(file, page)?)
}
