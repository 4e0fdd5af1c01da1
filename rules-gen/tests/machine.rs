//! Compares the state machine of the backtest with that of Prometheus, which promtool runs, on random sequences.

mod random;

use random::Random;
use rules_gen::review::backtest::{Machine, State, Waits};
use std::fmt::Write as _;
use std::process::Command;

const CASES: usize = 400;
/// The number of cases in one file. Every test evaluates all rules of its file, so small files are faster.
const A_FILE: usize = 20;
const STEPS: usize = 60;
const MINUTE: i64 = 60_000;

/// A random sequence of evaluations: true, false and missing, which promtool writes as 1, 0 and `stale`.
fn states(random: &mut Random) -> Vec<Option<bool>> {
    let mut states = Vec::new();
    while states.len() < STEPS {
        let what = match random.below(5) {
            0 | 1 => Some(true),
            2 | 3 => Some(false),
            _ => None,
        };
        let length = 1 + random.below(8);
        states.extend((0..length).map(|_| what));
    }
    states.truncate(STEPS);
    states
}

#[test]
fn the_alert_state_machine_agrees_with_promtool_on_random_series() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let mut random = Random(0x5EED_CAFE_F00D_0001);
    let (mut fired, mut kept) = (0, 0);
    let mut files = vec![(String::new(), String::new()); CASES.div_ceil(A_FILE)];
    for case in 0..CASES {
        let (rules, tests) = &mut files[case / A_FILE];
        // `for` is not always a whole number of evaluations.
        let waits = Waits {
            pending: i64::try_from(random.below(8))? * MINUTE / if case % 5 == 0 { 2 } else { 1 },
            keep_firing: i64::try_from(random.below(7))? * MINUTE / if case % 7 == 0 { 2 } else { 1 },
        };
        let states = states(&mut random);
        writeln!(rules, "  - alert: A{case}\n    expr: m{case} == 1")?;
        writeln!(rules, "    for: {}s", waits.pending / 1000)?;
        if waits.keep_firing > 0 {
            writeln!(rules, "    keep_firing_for: {}s", waits.keep_firing / 1000)?;
        }
        // `stale` ends a series at once. A plain gap would be bridged for the five minutes of the lookback delta.
        let values: Vec<&str> = states
            .iter()
            .map(|value| match value {
                Some(true) => "1",
                Some(false) => "0",
                None => "stale",
            })
            .collect();
        writeln!(tests, "- interval: 1m\n  input_series: [{{series: m{case}, values: '{}'}}]", values.join(" "))?;
        writeln!(tests, "  alert_rule_test:")?;
        let mut machine = Machine::new(waits);
        for (step, value) in (0..).zip(&states) {
            let at = i64::from(step) * MINUTE;
            // Both ways to pass evaluations must give the same result.
            if *value == Some(true) || case % 2 == 0 {
                machine.evaluate(at, *value == Some(true));
            } else {
                machine.quiet([at]);
            }
            let fires = matches!(machine.state(), State::Firing { .. });
            fired += usize::from(fires);
            kept += usize::from(fires && *value != Some(true));
            let alerts = if fires { "[{exp_labels: {}}]" } else { "[]" };
            writeln!(tests, "  - {{eval_time: {step}m, alertname: A{case}, exp_alerts: {alerts}}}")?;
        }
    }
    assert!(fired > 2_000 && kept > 300, "the histories are too dull: {fired} firing, {kept} kept");
    let mut promtool = Command::new("promtool");
    promtool.args(["test", "rules"]).current_dir(folder.path());
    for (at, (rules, tests)) in files.iter().enumerate() {
        let rules = format!("groups:\n- name: g\n  rules:\n{rules}");
        std::fs::write(folder.path().join(format!("rules-{at}.yaml")), rules)?;
        let whole = format!("rule_files: [rules-{at}.yaml]\nevaluation_interval: 1m\ntests:\n{tests}");
        std::fs::write(folder.path().join(format!("tests-{at}.yaml")), whole)?;
        promtool.arg(format!("tests-{at}.yaml"));
    }
    let output = promtool.output()?;
    let printed = [output.stdout, output.stderr].concat();
    let printed: String = String::from_utf8_lossy(&printed).chars().take(3_000).collect();
    assert!(output.status.success(), "{printed}");
    println!("{CASES} histories of {STEPS} evaluations, {fired} firing, {kept} of them kept firing: no difference");
    Ok(())
}
