//! Writes the result of `rules-gen test --rules` as text and as JSON.

use crate::review::rule_tests::Outcome;
use crate::terminal::{Colour, Style};
use serde_json::{Value, json};
use std::fmt::Write as _;

// Writing to a String cannot fail.
pub(super) fn text(outcome: &Outcome, mutate: bool, style: Style) -> String {
    let mut text = String::new();
    let red = |word: &str| style.paint(Colour::Red, word);
    for (name, why) in &outcome.failed {
        let _ = writeln!(text, "{} {name}\n{why}\n", red("FAILED"));
    }
    for (name, why) in &outcome.unread {
        let _ = writeln!(text, "{} {name} {why}", red("UNREADABLE"));
    }
    for (alert, place) in &outcome.never_fire {
        let _ = writeln!(text, "{} {alert} ({place}) has no case in which it fires", red("UNCOVERED"));
    }
    for (alert, place) in &outcome.never_quiet {
        let _ = writeln!(text, "{alert} ({place}) has no case in which it does not fire");
    }
    let mut bad: Vec<&str> = outcome.failed.iter().map(|(name, _)| name.as_str()).collect();
    bad.dedup();
    let _ = writeln!(text, "{} of {} test files pass", outcome.tests.saturating_sub(bad.len()), outcome.tests);
    let seen = outcome.alerts - outcome.never_fire.len();
    let _ = writeln!(text, "{seen} of {} alerts have a case in which they fire", outcome.alerts);
    if !mutate {
        return text;
    }
    for (name, why) in &outcome.not_mutated {
        let _ = writeln!(text, "{} {name}: {why}", red("NOT MUTATED"));
    }
    for (name, mutant) in &outcome.survivors {
        let _ = writeln!(text, "{} {name}: {}, {}", red("SURVIVED"), mutant.kind, mutant.place);
    }
    for (kind, all, noticed) in outcome.mutants.kinds() {
        let _ = writeln!(text, "{kind:<18} {noticed:>5} of {all}");
    }
    let _ = writeln!(text, "{:.1}% of the mutants are detected", outcome.mutants.rate() * 100.0);
    text
}

pub(super) fn report(outcome: &Outcome) -> Value {
    let places = |all: &[(String, String)], what: &str, at: &str| -> Vec<Value> {
        all.iter().map(|(name, place)| json!({what: name, at: place})).collect()
    };
    let mutants = outcome.mutants.kinds().iter();
    let mutants = mutants.map(|(kind, all, noticed)| json!({"kind": kind.to_string(), "all": all, "noticed": noticed}));
    let survivors = outcome.survivors.iter();
    let survivors =
        survivors.map(|(rule, one)| json!({"rule": rule, "kind": one.kind.to_string(), "place": one.place}));
    json!({
        "tests": outcome.tests,
        "failed": places(&outcome.failed, "test", "why"),
        "unread": places(&outcome.unread, "file", "why"),
        "alerts": outcome.alerts,
        "never_fire": places(&outcome.never_fire, "alert", "place"),
        "never_quiet": places(&outcome.never_quiet, "alert", "place"),
        "not_mutated": places(&outcome.not_mutated, "rules", "why"),
        "mutants": mutants.collect::<Vec<_>>(),
        "rate": outcome.mutants.rate(),
        "survivors": survivors.collect::<Vec<_>>(),
    })
}
