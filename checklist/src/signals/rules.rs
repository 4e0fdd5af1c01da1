//! The alert rules in Prometheus: whether they are those of this checklist.yaml, and can be evaluated. Checklist:
//! fourth Monday 1, "Review alert definitions".

use crate::condition::history::SAMPLES;
use crate::prelude::*;

pub static DEPLOYED: Metric = Metric::gauge(
    "checklist_rules_deployed",
    "Whether Prometheus has the group of rules (1) or not (0).",
    &["rule_set"],
);
pub static MATCH: Metric = Metric::gauge(
    "checklist_rules_match",
    "Whether the rules in Prometheus are all of those generated from this checklist.yaml and catalog, and no others (1), or not (0).",
    &[],
);
pub static FAILING: Metric =
    Metric::gauge("checklist_rules_failing", "Rules of any group whose last evaluation failed.", &[]);

static BROKEN: Threshold = Threshold::above(
    "rules.failing",
    "rules that fail",
    Unit::Count,
    "A rule whose evaluation fails never fires, so one is too many.",
)
.critical(0.0);

pub static SIGNAL: Signal = Signal {
    id: "rules",
    title: "Alert rules",
    cadence: Cadence::Monthly,
    section: "Monitoring Review",
    stake: Stake::Live,
    kind: TargetKind::Prometheus,
    max_series: 200,
    looks: &[Looks::at_some(Object::Rule)],
    metrics: &[&DEPLOYED, &MATCH, &FAILING],
    thresholds: &[&BROKEN],
    alerts: &[
        Alert {
            name: "ChecklistRulesMissing",
            when: When::Zero(of(&DEPLOYED)),
            summary: "Alert rules are not deployed.",
            description: "Prometheus {{ $labels.target }} does not have the rules {{ $labels.rule_set }}.",
            ..WARNING
        },
        Alert {
            name: "ChecklistRulesDiffer",
            when: When::Zero(of(&MATCH)),
            // Whoever changes checklist.yaml deploys the rules next.
            pending: minutes(60),
            summary: "The alert rules in Prometheus do not match checklist.yaml.",
            description: "The rules in Prometheus {{ $labels.target }} are not all of this checklist.yaml and version: some are missing, or of another one.",
            ..WARNING
        },
        Alert {
            name: "ChecklistRulesFailing",
            at_once: Some(When::Beyond(Value::Of(of(&FAILING)), &BROKEN)),
            when: When::History(History {
                expr: |scope, limits, severity| {
                    // A rule may fail at every other evaluation.
                    let (now, limit) = (scope.max(&FAILING), limits.level(&BROKEN, severity));
                    let lately = scope.over("max_over_time", &FAILING, "5m");
                    let changes = scope.over("changes", &FAILING, "15m");
                    format!("{now} > {limit} or ({lately} > {limit} and {changes} >= 4)")
                },
                threshold: Some(&BROKEN),
                metrics: &[&FAILING],
                case: |given| {
                    let bad = given.limit + 1.0;
                    let times = 15 + usize::try_from(given.pending.as_secs() / 240).unwrap_or(0);
                    let alternating = vec![format!("{bad} {}+0x2", given.limit); times].join(" ");
                    let short = format!("{0}+0x5 {bad}+0x1 {0}+0x{SAMPLES}", given.limit);
                    let fails = step(&FAILING, given.limit, 8, bad);
                    // At the eighth minute it has changed four times.
                    let case = Case::new(vec![fails], vec![steady(&FAILING, given.limit)])
                        .after(minutes(8))
                        .fires("fires when every other evaluation fails", vec![input(&FAILING, alternating)])
                        .quiet("does not fire on two failed evaluations", vec![input(&FAILING, short)]);
                    Case { sampled: Some(minutes(1)), ..case }
                },
            }),
            summary: "Alert rules cannot be evaluated.",
            description: "{value} rules of Prometheus {{ $labels.target }} fail to evaluate and never fire.",
            ..CRITICAL
        },
    ],
    panels: &[
        Panel {
            title: "Failing rules",
            description: "Rules whose last evaluation failed.",
            drawing: Drawing::Stat,
            query: PanelQuery::Value(Value::Of(of(&FAILING))),
            threshold: Some(&BROKEN),
            ..PANEL
        },
        Panel {
            title: "Rules in Prometheus",
            description: "Whether every rule group is loaded, and all are generated from this checklist.yaml.",
            drawing: Drawing::Whether,
            query: PanelQuery::Expression(
                |scope| {
                    let all = format!("min without (rule_set) ({})", scope.max(&DEPLOYED));
                    format!(
                        "label_replace({all}, \"fact\", \"are there\", \"\", \"\") or {}",
                        scope.named("fact", &[(&MATCH, "match checklist.yaml")])
                    )
                },
                &[&DEPLOYED, &MATCH],
            ),
            legend: &["target", "fact"],
            ..PANEL
        },
    ],
    runbook: include_str!("rules.md"),
    ..BASE
};
