//! Rules that every signal of the catalog must keep.

use checklist::condition::limits::number;
use checklist::self_metrics::{PER_CHECK, PER_PROCESS, PER_SIGNAL, PER_TARGET};
use checklist::{Alert, Kind, Levels, Limits, Metric, SIGNALS, Scope, Severity, Threshold, Value, When};
use std::collections::{BTreeMap, BTreeSet};

fn metrics() -> Vec<&'static Metric> {
    let own = SIGNALS.iter().flat_map(|signal| signal.metrics).copied();
    own.chain([PER_CHECK, PER_SIGNAL, PER_TARGET, PER_PROCESS].into_iter().flatten().copied()).collect()
}

#[test]
fn ids_metric_names_alert_names_and_threshold_keys_are_unique() {
    let mut seen = BTreeSet::new();
    let ids = SIGNALS.iter().map(|signal| signal.id.to_owned());
    let names = metrics().into_iter().map(|metric| metric.name.to_owned());
    let alerts = SIGNALS.iter().flat_map(|signal| signal.alerts).map(|alert| alert.name.to_owned());
    let keys = SIGNALS.iter().flat_map(|signal| signal.thresholds).map(|threshold| threshold.key.to_owned());
    for name in ids.chain(names).chain(alerts).chain(keys) {
        assert!(seen.insert(name.clone()), "{name} is there twice");
    }
}

#[test]
fn every_probed_signal_declares_the_objects_that_its_probe_reads() {
    for signal in SIGNALS {
        assert_eq!(signal.kind.is_probed(), !signal.looks.is_empty(), "{}", signal.id);
        let objects: BTreeSet<_> = signal.looks.iter().map(|looks| looks.object).collect();
        assert_eq!(objects.len(), signal.looks.len(), "{} declares a kind twice", signal.id);
    }
}

#[test]
fn a_critical_alert_inhibits_the_slower_warnings_of_its_signal() {
    for signal in SIGNALS {
        let severities = |alert: &Alert| match alert.when.threshold() {
            Some(threshold) => threshold.default.each().map(|(severity, _)| severity).collect::<Vec<_>>(),
            None => vec![alert.severity],
        };
        for page in signal.alerts.iter().filter(|alert| !alert.covers.is_empty()) {
            for name in page.covers {
                let covered = signal.alerts.iter().find(|alert| alert.name == *name);
                let covered = covered.unwrap_or_else(|| panic!("{}: no {name} in {}", page.name, signal.id));
                // The covered alert must be about the same object and may be a page. But a warning must not cover a
                // page.
                let (own, slower) = (severities(page), severities(covered));
                assert!(!slower.is_empty(), "{name} has no severity");
                assert!(own.iter().max() >= slower.iter().max(), "{} hides the page {name}", page.name);
                // An inhibition compares labels, so both alerts need them.
                let labels = |alert: &Alert| {
                    alert.when.metrics().into_iter().flat_map(|m| m.labels).copied().collect::<BTreeSet<_>>()
                };
                assert!(labels(page).is_subset(&labels(covered)), "{} and {name} are about other things", page.name);
            }
        }
    }
}

#[test]
fn metric_names_follow_the_conventions_of_prometheus() {
    for metric in metrics() {
        let name = metric.name;
        // A colon in the name marks a recorded metric.
        assert!(name.starts_with("checklist_") || name.starts_with("checklist:"), "{name}");
        assert!(name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "_:".contains(c)), "{name}");
        assert_eq!(name.ends_with("_total"), metric.kind == Kind::Counter, "{name}");
        for suffix in ["_count", "_sum", "_bucket", "_minutes", "_hours", "_percent"] {
            assert!(!name.ends_with(suffix), "{name}");
        }
        assert!(metric.help.ends_with('.') && !metric.help.contains(['\n', '\\', '"']), "{name}: {}", metric.help);
        for label in metric.labels {
            assert!(
                !["type", "env", "cluster", "check", "target", "instance", "job"].contains(label),
                "{name}: {label}"
            );
        }
    }
}

#[test]
fn every_signal_has_metrics_alerts_panels_and_a_runbook_with_its_headings() {
    for signal in SIGNALS {
        assert!(!signal.metrics.is_empty() && !signal.alerts.is_empty() && !signal.panels.is_empty(), "{}", signal.id);
        let headings: Vec<&str> = signal.runbook.lines().filter_map(|line| line.strip_prefix("## ")).collect();
        assert_eq!(headings, ["Impact", "Check", "Fix", "Silence"], "{}", signal.id);
        // The alerts named under "Silence" are those that must not be silenced.
        let silence = signal.runbook.split_once("## Silence").map(|(_, messages)| messages).unwrap_or_default();
        for name in silence.split('`').filter(|word| word.starts_with("Checklist")) {
            assert!(signal.alerts.iter().any(|alert| alert.name == name), "{} has no alert {name}", signal.id);
        }
    }
}

#[test]
fn every_expression_parses_and_names_only_metrics_of_its_signal() {
    for signal in SIGNALS {
        let scope = Scope::new(signal.id, vec!["a".to_owned(), "b".to_owned()]);
        let limits = Limits::new(signal.thresholds, |_| None);
        let alerts = signal.alerts.iter().flat_map(|alert| {
            let levels = alert.levels(&limits);
            levels.into_iter().map(|(severity, _)| alert.when.promql(&scope, &limits, severity)).collect::<Vec<_>>()
        });
        let panels = signal.panels.iter().map(|panel| panel.query.promql(&scope).replace("$__rate_interval", "5m"));
        for expr in alerts.chain(panels) {
            promql::parse(&expr).unwrap_or_else(|errors| panic!("{}: {errors:?}\n{expr}", signal.id));
            for word in expr
                .split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != ':')
                .filter(|w| w.starts_with("checklist_") || w.starts_with("checklist:"))
            {
                // An alert may read metrics of another signal when its `metrics` list them.
                let read = signal.alerts.iter().flat_map(|alert| alert.when.metrics());
                let known = signal.metrics.iter().copied().chain(PER_CHECK.iter().copied()).chain(read);
                assert!(
                    known.into_iter().any(|metric| metric.name == word),
                    "{} names {word}, which it does not expose",
                    signal.id
                );
            }
        }
    }
}

/// Whoever is notified of a value looks at its graph next, and should see the limit there.
#[test]
fn every_alert_value_is_on_a_panel_with_its_own_threshold_line() {
    let mut wrong = Vec::new();
    for signal in SIGNALS {
        let scope = Scope::new(signal.id, Vec::new());
        let draws = |threshold: &Threshold| {
            let key = threshold.key;
            signal.panels.iter().filter(move |panel| panel.threshold.is_some_and(|drawn| drawn.key == key))
        };
        let mut judged = BTreeSet::new();
        for alert in signal.alerts {
            let of = match alert.when {
                When::Enough { part, whole, limit, .. } => Some((Value::Share(part, whole), limit)),
                other => other.value(),
            };
            if let Some((value, threshold)) = of {
                let value = value.promql(&scope);
                judged.insert(threshold.key);
                if !draws(threshold).any(|panel| panel.query.promql(&scope).contains(&value)) {
                    wrong.push(format!("{}: no panel with its limit shows {value}", alert.name));
                }
            }
            let shown: Vec<_> = signal.panels.iter().flat_map(|panel| panel.query.metrics()).collect();
            let unseen = |metric: &&Metric| !shown.contains(metric) && !PER_CHECK.contains(metric);
            let unseen: Vec<_> = alert.when.metrics().into_iter().filter(unseen).map(|metric| metric.name).collect();
            if !unseen.is_empty() {
                wrong.push(format!("{}: on no panel: {unseen:?}", alert.name));
            }
        }
        // A panel must show the same expression as an alert with its threshold: restarts per day do not belong next to a
        // limit of restarts per hour.
        let mut over_time: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        for alert in signal.alerts.iter().filter(|alert| alert.when.needs_history()) {
            let Some(threshold) = alert.when.threshold() else { continue };
            let limits = Limits::default();
            for (severity, limit) in alert.levels(&limits) {
                let expr = alert.when.promql(&scope, &limits, severity);
                let limit = number(limit.unwrap_or(f64::NAN));
                let value = [">", "<"].iter().find_map(|sign| expr.split_once(&format!(" {sign} {limit}")));
                let value = value.map_or(expr.as_str(), |(value, _)| value);
                over_time.entry(threshold.key).or_default().insert(value.to_owned());
            }
        }
        for (key, values) in over_time {
            let drawn = signal.panels.iter().filter(|panel| panel.threshold.is_some_and(|drawn| drawn.key == key));
            let drawn: Vec<_> = drawn.map(|panel| (panel.title, panel.query.promql(&scope))).collect();
            let other = drawn.iter().filter(|(_, query)| !values.iter().any(|value| query.contains(value)));
            wrong.extend(other.map(|(title, _)| format!("{title} shows none of {values:?}")));
            let unseen = values.iter().filter(|value| !drawn.iter().any(|(_, query)| query.contains(*value)));
            wrong.extend(
                unseen.filter(|_| !drawn.is_empty()).map(|value| format!("no panel with its limit shows {value}")),
            );
        }
        for panel in signal.panels {
            let Some(threshold) = panel.threshold.filter(|threshold| judged.contains(threshold.key)) else { continue };
            let own = |alert: &Alert| match alert.when {
                When::Enough { part, whole, limit, .. } => {
                    let share = Value::Share(part, whole).promql(&scope);
                    limit.key == threshold.key && panel.query.promql(&scope).contains(&share)
                }
                When::Beyond(..) | When::Lasting(..) => alert.when.value().is_some_and(|(value, limit)| {
                    limit.key == threshold.key && panel.query.promql(&scope).contains(&value.promql(&scope))
                }),
                // The panel shows a metric that the alert compares with the threshold, among other conditions.
                _ => {
                    alert.when.needs_history()
                        && alert.when.metrics().iter().all(|one| panel.query.metrics().contains(one))
                }
            };
            if !signal.alerts.iter().any(own) {
                wrong.push(format!("{}: {} is the limit of something else", panel.title, threshold.key));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn alerts_are_well_formed_and_their_texts_use_labels_that_exist() {
    for signal in SIGNALS {
        for alert in signal.alerts {
            assert!(alert.name.starts_with("Checklist"), "{}", alert.name);
            assert!(alert.summary.ends_with('.') && !alert.summary.contains("{{"), "{}", alert.name);
            let labels: Vec<&str> = alert.when.metrics().iter().flat_map(|metric| metric.labels).copied().collect();
            for part in alert.description.split("$labels.").skip(1) {
                let label = part.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap_or_default();
                assert!(labels.contains(&label) || label == "target", "{}: {label}", alert.name);
            }
            // A threshold without default levels must be set by the operator.
            let unset = alert.when.threshold().is_some_and(|threshold| threshold.default == Levels::default());
            assert!(unset || !alert.levels(&Limits::default()).is_empty(), "{}", alert.name);
            if let Some(threshold) = alert.when.threshold() {
                let listed = signal.thresholds.iter().any(|known| known.key == threshold.key);
                assert!(listed, "{} is not listed by {}", threshold.key, signal.id);
            }
        }
        for threshold in signal.thresholds {
            let begins = format!("{}.", signal.id);
            assert!(threshold.key.starts_with(&begins) && threshold.reason.ends_with('.'), "{}", threshold.key);
        }
        assert!(signal.worst() >= Severity::Warning);
    }
}

#[test]
fn metrics_of_other_exporters_map_to_all_metrics_that_the_alerts_of_the_signal_use() {
    for signal in SIGNALS {
        for external in signal.external_sources {
            for (metric, expr) in external.records {
                assert!(signal.metrics.contains(metric), "{}: {metric}", signal.id);
                let places = ["{selector}", "{own}", "{reported}"];
                let expr = places.iter().fold((*expr).to_owned(), |expr, place| expr.replace(place, "job=\"x\""));
                let parsed = promql::parse(&expr);
                parsed.unwrap_or_else(|errors| panic!("{} from {}: {errors:?}\n{expr}", metric, external.source));
            }
            let mapped = |metric: &Metric| external.records.iter().any(|(known, _)| **known == *metric);
            let judged = signal.alerts.iter().filter(|alert| alert.when.metrics().into_iter().all(mapped)).count();
            assert!(2 * judged >= signal.alerts.len(), "{} from {}: most alerts are lost", signal.id, external.source);
        }
    }
}

#[test]
fn costly_signals_give_a_reason_and_their_alerts_wait_longer_than_a_failover() {
    let costly: Vec<_> = SIGNALS.iter().filter(|signal| signal.costly.is_some()).collect();
    assert!(!costly.is_empty());
    for signal in costly {
        assert!(signal.costly.is_some_and(|why| why.ends_with('.')), "{}", signal.id);
        for alert in signal.alerts {
            assert!(alert.keep_firing >= checklist::FAILOVER, "{}", alert.name);
        }
        // A counter would start again at 0 with every new holder of the lease.
        assert!(signal.metrics.iter().all(|metric| metric.kind != Kind::Counter), "{}", signal.id);
    }
}

/// The catalog must not contain names of the company that wrote the checklist. Its wording belongs into `examples/` and
/// the fixture.
#[test]
fn task_presets_name_no_program_path_or_document_of_a_single_company() {
    let steps = checklist::tasks::TASKS.iter().flat_map(|task| task.steps).copied();
    let lines = checklist::lines::LINES.iter().map(|line| line.text);
    let runbooks = SIGNALS.iter().map(|signal| signal.runbook);
    let titles = checklist::tasks::TASKS.iter().map(|task| task.title);
    for text in steps.chain(lines).chain(runbooks).chain(titles) {
        for own in ["orchestrator", "docs/runbooks", "plans/", "./target/"] {
            assert!(!text.contains(own), "{own} is in {text}");
        }
    }
}
