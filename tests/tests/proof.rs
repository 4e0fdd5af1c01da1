//! docs/proof.md lists the claims of the documentation and their tests. Every claim has a test.

use std::path::Path;

#[test]
fn every_supported_version_has_a_test_and_the_proof_page_is_up_to_date() -> anyhow::Result<()> {
    let page = stack::proof::page()?;
    let claims = stack::proof::claims()?;
    let supported = stack::proof::supported()?;
    assert!(supported.len() > 5, "{supported:?}");
    let untested: Vec<&String> =
        supported.iter().filter(|version| !claims.iter().any(|(_, text)| text == *version)).collect();
    assert!(untested.is_empty(), "claimed in README and not proved: {untested:?}");
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/proof.md");
    if std::env::var_os("WRITE_PROOF").is_some() {
        std::fs::write(&file, &page)?;
    }
    assert_eq!(std::fs::read_to_string(&file)?, page, "make generate writes it");
    Ok(())
}

#[test]
fn every_claim_of_a_test_in_readme_and_docs_is_in_proof_yaml() -> anyhow::Result<()> {
    let claims = stack::proof::claims()?;
    let mut bare = Vec::new();
    for (name, text) in stack::proof::pages()? {
        let mut in_block = false;
        for line in text.lines() {
            in_block ^= line.starts_with("```");
            let promises = ["A test ", "a test ", "Tests ", "The tests ", "by the tests", "what the tests do"]
                .iter()
                .any(|words| line.contains(words));
            if in_block || line.starts_with('#') || !promises {
                continue;
            }
            if !claims.iter().any(|(place, claim)| *place == name && line.contains(claim.as_str())) {
                bare.push(format!("{name}: {line}"));
            }
        }
    }
    assert!(bare.is_empty(), "no line in tests/proof.yaml:\n{}", bare.join("\n"));
    Ok(())
}

#[test]
fn measurements_in_the_docs_come_from_a_printed_run() -> anyhow::Result<()> {
    // Words that occur only in measured results.
    let measured = [" p50 ", " p99 ", "MiB resident", " of a core", "CPU seconds", "times as long"];
    let mut found = Vec::new();
    for (name, text) in stack::proof::pages()? {
        if name == "docs/figures.md" {
            assert!(text.starts_with("<!-- Printed by `make bench`, do not edit. -->"), "{name} was written by hand");
            continue;
        }
        found.extend(
            text.lines()
                .filter(|line| measured.iter().any(|words| line.contains(words)))
                .map(|line| format!("{name}: {line}")),
        );
    }
    assert!(found.is_empty(), "they belong to docs/figures.md, which make bench writes:\n{}", found.join("\n"));
    Ok(())
}
