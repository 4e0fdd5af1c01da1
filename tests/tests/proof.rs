//! docs/proof.md says what is claimed and how it is proved, and nothing is claimed without proof.

use std::path::Path;

#[test]
fn every_supported_version_has_its_proof_and_the_page_is_as_it_is_generated() -> anyhow::Result<()> {
    let page = stack::proof::page()?;
    let claims = stack::proof::claims()?;
    let supported = stack::proof::supported()?;
    assert!(supported.len() > 5, "{supported:?}");
    let unproved: Vec<&String> = supported.iter().filter(|version| !claims.contains(version)).collect();
    assert!(unproved.is_empty(), "claimed in README and not proved: {unproved:?}");
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/proof.md");
    if std::env::var_os("WRITE_PROOF").is_some() {
        std::fs::write(&file, &page)?;
    }
    assert_eq!(std::fs::read_to_string(&file)?, page, "make generate writes it");
    Ok(())
}
