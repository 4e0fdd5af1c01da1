//! The generated rule tests notice mutants of the rules.

use checklist::Config;
use rules_gen::cli::test;
use rules_gen::rules::unit_tests::mutants::Kind;
use rules_gen::rules::{self, unit_tests};
use rules_gen::terminal::Progress;
use std::path::Path;

const EXAMPLE: &str = include_str!("../../examples/checklist.yaml");

#[test]
#[ignore = "takes five minutes; run with --ignored"]
fn every_rule_is_tested_and_95_percent_of_the_mutants_are_detected() -> anyhow::Result<()> {
    let config = Config::parse("checklist.yaml", EXAMPLE)?;
    let tests = unit_tests::all(&rules::groups(&config))?;
    let outcome = test::run(&tests, Path::new("promtool"), true, &Progress::silent())?;
    assert!(outcome.failed.is_empty(), "{:#?}", outcome.failed);
    assert!(outcome.uncovered.is_empty(), "{:#?}", outcome.uncovered);
    assert_eq!(outcome.mutants.kinds().len(), Kind::ALL.len());
    assert!(outcome.mutants.kinds().iter().all(|(_, all, _)| *all > 100), "{:?}", outcome.mutants);
    assert!(outcome.mutants.rate() >= 0.95, "{}: {:#?}", outcome.mutants.rate(), outcome.survivors);
    // Only few mutants are excluded, and each with a reason.
    assert!(outcome.equivalent.len() <= 3, "{:#?}", outcome.equivalent);
    Ok(())
}
