//! Decides the verdict of each line of the written checklist from what the queries returned.

use super::collect::{Key, Offender, Sample, Seen, expected};
use super::model::{Incident, Line, Reading, Verdict};
use super::people::People;
use super::period::Kind;
use super::texts::{apart, limits, steady};
use checklist::condition::threshold::Direction;
use checklist::lines::{LINES, Line as Written, Watched};
use checklist::spaced;
use checklist::{Alert, Config, PanelQuery, Severity, Signal, Threshold, Unit, Value};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// The largest number of violations that are named one by one. Beyond it only their number is given.
const NAMED: usize = 5;

/// Returns the signals that watch the lines of a report, each once, in the order of the lines.
pub fn signals(config: &Config, kind: Kind) -> Vec<&'static Signal> {
    let mut known: Vec<&'static Signal> = Vec::new();
    for line in LINES.iter().filter(|line| kind.has(line.cadence)) {
        let Watched::Signals(ids) = line.watched else { continue };
        for signal in ids.iter().filter_map(|id| config.signal(id)) {
            if !known.iter().any(|one| one.id == signal.id) {
                known.push(signal);
            }
        }
    }
    known
}

/// Returns every line of a report with its verdict.
pub fn lines(config: &Config, kind: Kind, seen: &Seen, incidents: &[Incident], people: &People) -> Vec<Line> {
    let of_kind = LINES.iter().filter(|line| kind.has(line.cadence));
    of_kind
        .map(|written| match written.watched {
            Watched::Signals(ids) => of_signals(config, written, ids, seen, incidents),
            Watched::Task(id) => people.line(written, id),
        })
        .collect()
}

fn of_signals(config: &Config, written: &'static Written, ids: &[&str], seen: &Seen, incidents: &[Incident]) -> Line {
    let mut line = Line::unjudged(written, ids.iter().map(|id| (*id).to_owned()).collect());
    let (mut looks, mut blind, mut targets): (Vec<Timestamp>, _, _) = (Vec::new(), false, 0);
    for signal in ids.iter().filter_map(|id| config.signal(id)) {
        let probed = config.probed(signal);
        for target in config.targets(signal) {
            targets += 1;
            let key = (signal.id.to_owned(), target.clone());
            line.readings.extend(readings(config, signal, &target, seen));
            let (verdict, why) = judged(config, signal, &target, seen);
            line.verdict = line.verdict.max(verdict);
            line.why.extend(why);
            // An alert waits until a finding has lasted; the exporter's verdict does not.
            if verdict == Verdict::Ok && seen.passed.get(&key).is_some_and(|passed| *passed < 1.0) {
                line.verdict = line.verdict.max(Verdict::Warning);
                line.why.push(format!("{} {target}: the last run did not pass, and no alert is due yet", signal.id));
            }
            let looked = seen.looked.get(&key);
            looks.extend(looked.copied());
            blind |= looked.is_none();
            let expects = expected(config, signal).next().is_some();
            if let Some(why) = cannot(probed.contains(&target), expects, &key, seen) {
                line.verdict = line.verdict.max(Verdict::CannotTell);
                line.why.push(why);
            }
        }
    }
    // A line is as fresh as its least recent check.
    line.evidence = if blind { None } else { looks.into_iter().min() };
    if targets == 0 {
        line.verdict = Verdict::CannotTell;
        line.why.push("no target for it is configured".to_owned());
    }
    // The line about alerts counts every alert of the period, whichever signal it belongs to.
    if ids.contains(&"alerts") && !incidents.is_empty() {
        line.verdict = line.verdict.max(Verdict::Warning);
        line.why.push(format!("{} alerts fired within the period", incidents.len()));
    }
    let fired = incidents.iter().filter(|incident| ids.contains(&incident.check.as_str()) && incident.end.is_some());
    let over: BTreeSet<String> = fired.map(|incident| spaced(&incident.alert)).collect();
    if !over.is_empty() {
        line.verdict = line.verdict.max(Verdict::Warning);
        line.why
            .push(format!("fired within the period and resolved: {}", over.into_iter().collect::<Vec<_>>().join(", ")));
    }
    line
}

/// Returns the reason why a target has no verdict, if it has none.
fn cannot(probed: bool, expects: bool, key: &Key, seen: &Seen) -> Option<String> {
    let (check, target) = key;
    if !probed {
        let there = seen.looked.contains_key(key);
        return (!there)
            .then(|| format!("{check} {target}: Prometheus has none of the external metrics that it needs"));
    }
    match seen.probe.get(key) {
        None => Some(format!("{check} {target}: no exporter reported it")),
        Some(success) if *success < 1.0 => {
            let never = if seen.looked.contains_key(key) { "" } else { " and never succeeded" };
            Some(format!("{check} {target}: the probe fails{never}"))
        }
        Some(_) if !seen.passed.contains_key(key) => Some(format!("{check} {target}: the exporter reports no verdict")),
        Some(_) if expects && !seen.there.contains(key) => {
            Some(format!("{check} {target}: Prometheus has no metrics of it"))
        }
        Some(_) => None,
    }
}

/// Returns the verdict of a target, and the alerts whose expressions return it.
fn judged(config: &Config, signal: &Signal, target: &str, seen: &Seen) -> (Verdict, Vec<String>) {
    let here = |o: &&Offender| o.signal.id == signal.id && o.labels.get("target").is_some_and(|is| is == target);
    let mut worst: BTreeMap<(&str, String), &Offender> = BTreeMap::new();
    for offender in seen.offenders.iter().filter(here) {
        let place = worst.entry((offender.alert.name, apart(&offender.labels))).or_insert(offender);
        if offender.severity > place.severity {
            *place = offender;
        }
    }
    let verdict = worst.values().map(|offender| offender.severity.into()).max().unwrap_or(Verdict::Ok);
    let mut list: Vec<_> = worst.into_iter().collect();
    list.sort_by(|a, b| (std::cmp::Reverse(a.1.severity), &a.0).cmp(&(std::cmp::Reverse(b.1.severity), &b.0)));
    let count = list.len();
    let mut why: Vec<String> = Vec::new();
    for ((_, of), offender) in list.into_iter().take(NAMED) {
        let mut text = format!("{}: {} {target} {of}", offender.severity, offender.alert.summary.trim_end_matches('.'));
        if let Some(threshold) = offender.alert.when.threshold() {
            let limit = config.limits(signal, target).of(threshold).at(offender.severity);
            let value = threshold.unit.human(offender.value);
            let limit = limit.map(|limit| threshold.unit.human(limit)).unwrap_or_default();
            text = format!("{} ({value}, limit {limit})", text.trim_end());
        }
        why.push(text.trim_end().to_owned());
    }
    if count > NAMED {
        why.push(format!("and {} more of {} {target}", count - NAMED, signal.id));
    }
    (verdict, why)
}

/// Returns the worst value of each alert with a limit. A signal without such alerts has the values of its panels.
fn readings(config: &Config, signal: &'static Signal, target: &str, seen: &Seen) -> Vec<Reading> {
    let levels = config.limits(signal, target);
    let mut readings = Vec::new();
    for (at, alert) in signal.alerts.iter().enumerate() {
        let Some((_, threshold)) = alert.when.value() else { continue };
        let Some(worst) = worst(&seen.values, signal, at, target, threshold.direction) else { continue };
        let levels = levels.of(threshold);
        let verdict = against(&levels, threshold.direction, worst.value);
        readings.push(reading(worst, measured(signal, alert, threshold), threshold.unit, levels, verdict));
    }
    if !readings.is_empty() {
        return readings;
    }
    for (at, panel) in signal.panels.iter().enumerate() {
        let direction = match panel.query {
            PanelQuery::Value(Value::Until(_)) => Direction::Below,
            _ => panel.threshold.map_or(Direction::Above, |threshold| threshold.direction),
        };
        let Some(worst) = worst(&seen.panels, signal, at, target, direction) else { continue };
        let limits = panel.threshold.map(|threshold| levels.of(threshold)).unwrap_or_default();
        let verdict = against(&limits, direction, worst.value);
        readings.push(reading(worst, panel.title.to_lowercase(), panel.unit(), limits, verdict));
    }
    readings
}

/// Compares a value with limits. Without a limit every value is fine.
fn against(levels: &checklist::Levels, direction: Direction, value: f64) -> Verdict {
    let beyond = |level: f64| match direction {
        Direction::Above => value > level,
        Direction::Below => value < level,
    };
    levels.each().find(|(_, level)| beyond(*level)).map_or(Verdict::Ok, |(severity, _)| severity.into())
}

/// Returns the name of a measured value, from the key of its limit: `disk usage`, `backup age`. If two alerts share a
/// limit, they keep their own names.
fn measured(signal: &Signal, alert: &Alert, threshold: &Threshold) -> String {
    let same = |other: &&Alert| other.when.threshold().is_some_and(|limit| limit.key == threshold.key);
    if signal.alerts.iter().filter(same).count() > 1 {
        return spaced(alert.name);
    }
    threshold.key.replace(['.', '_'], " ").replace(" max ", " ")
}

/// The worst value of an alert or panel of a signal on one target.
fn worst<'a>(values: &'a [Sample], signal: &Signal, at: usize, target: &str, bad: Direction) -> Option<&'a Sample> {
    let here = |one: &&Sample| {
        one.signal.id == signal.id && one.at == at && one.labels.get("target").is_some_and(|is| is == target)
    };
    // Equal values are ordered by their labels, so that the same answers give the same report.
    let by_value = |a: &&Sample, b: &&Sample| a.value.total_cmp(&b.value).then_with(|| b.labels.cmp(&a.labels));
    let values = values.iter().filter(here);
    match bad {
        Direction::Above => values.max_by(by_value),
        Direction::Below => values.min_by(|a, b| a.value.total_cmp(&b.value).then_with(|| a.labels.cmp(&b.labels))),
    }
}

fn reading(seen: &Sample, name: String, unit: Unit, levels: checklist::Levels, verdict: Verdict) -> Reading {
    Reading {
        check: seen.signal.id,
        target: seen.labels.get("target").cloned().unwrap_or_default(),
        name,
        of: apart(&seen.labels),
        value: steady(seen.value),
        human: unit.human(seen.value),
        limit: limits(unit, levels),
        warning: levels.at(Severity::Warning),
        critical: levels.at(Severity::Critical),
        verdict,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> Config {
        let yaml = "backups: [{name: daily, bucket: bkt, prefix: daily/}]\nhealth: [{name: web, url: 'http://h/'}]\n";
        Config::parse("checklist.yaml", yaml).unwrap_or_else(|error| panic!("{error}"))
    }

    fn line(seen: &Seen, incidents: &[Incident], text: &str) -> Line {
        let all = lines(&config(), Kind::Daily, seen, incidents, &People::default());
        all.into_iter().find(|line| line.text == text).unwrap_or_else(|| panic!("{text}"))
    }

    fn looked(check: &str, target: &str, probe: f64, passed: Option<f64>) -> Seen {
        let key = (check.to_owned(), target.to_owned());
        Seen {
            probe: BTreeMap::from([(key.clone(), probe)]),
            passed: passed.map(|passed| (key.clone(), passed)).into_iter().collect(),
            there: BTreeSet::from([key.clone()]),
            looked: BTreeMap::from([(key, Timestamp::UNIX_EPOCH)]),
            ..Seen::default()
        }
    }

    #[test]
    fn a_line_without_evidence_is_not_ticked() {
        let health = "Verify health endpoints";
        let of = |seen: &Seen| {
            let line = line(seen, &[], health);
            (line.verdict, line.why.join(";"))
        };
        assert_eq!(of(&Seen::default()).1, "health web: no exporter reported it");
        let failing = of(&looked("health", "web", 0.0, Some(1.0)));
        assert_eq!(failing.0, Verdict::CannotTell);
        assert_eq!(failing.1, "health web: the probe fails");
        assert_eq!(of(&looked("health", "web", 1.0, None)).0, Verdict::CannotTell);
        assert_eq!(of(&looked("health", "web", 1.0, Some(1.0))), (Verdict::Ok, String::new()));
        let stripped = Seen { there: BTreeSet::new(), ..looked("health", "web", 1.0, Some(1.0)) };
        assert_eq!(of(&stripped).1, "health web: Prometheus has no metrics of it");
        let nothing = line(&Seen::default(), &[], "Check for pod restarts");
        assert_eq!((nothing.verdict, nothing.why[0].as_str()), (Verdict::CannotTell, "no target for it is configured"));
    }

    #[test]
    fn exceeded_limits_and_resolved_alerts_of_the_period_are_listed() {
        let config = config();
        let signal = config.signal("backup").unwrap_or_else(|| panic!("backup"));
        let (at, alert) =
            signal.alerts.iter().enumerate().find(|(_, a)| a.when.value().is_some()).unwrap_or_else(|| panic!());
        let labels: BTreeMap<String, String> =
            [("check", "backup"), ("target", "daily")].map(|(a, b)| (a.to_owned(), b.to_owned())).into();
        let mut seen = looked("backup", "daily", 1.0, Some(0.0));
        seen.values.push(Sample { signal, at, labels: labels.clone(), value: 1e9 });
        seen.offenders.push(Offender { signal, alert, severity: Severity::Critical, labels, value: 1e9 });
        let backups = "Verify backups completed";
        let bad = line(&seen, &[], backups);
        assert_eq!((bad.verdict, bad.readings.len()), (Verdict::Critical, 1));
        assert!(bad.why[0].starts_with("critical: ") && bad.why[0].contains("limit "), "{:?}", bad.why);
        assert!(bad.evidence.is_some());
        let over = Incident {
            alert: alert.name.to_owned(),
            severity: "critical".to_owned(),
            check: "backup".to_owned(),
            target: "daily".to_owned(),
            of: String::new(),
            labels: BTreeMap::new(),
            start: Timestamp::UNIX_EPOCH,
            from_before: false,
            end: Some(Timestamp::UNIX_EPOCH),
            notified: String::new(),
            held_back: None,
        };
        let line = line(&looked("backup", "daily", 1.0, Some(1.0)), &[over], backups);
        assert_eq!(line.verdict, Verdict::Warning);
        assert!(line.why[0].starts_with("fired within the period and resolved: "), "{:?}", line.why);
    }
}
