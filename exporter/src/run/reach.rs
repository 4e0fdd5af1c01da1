//! Reachability of targets. If a target is unreachable, all its checks fail for the same reason, and one alert covers
//! them.

use crate::run::state::State;
use checklist::Reason;
use checklist::self_metrics::{TARGET_REACHABLE, TARGET_UNREACHABLE};
use checklist::{Metric, Signal};
use std::collections::BTreeMap;

/// Kind and name of a target.
pub type Target = (&'static str, String);

/// What the last runs of a target's checks say about its reachability.
#[derive(Debug, Default)]
struct Sight {
    /// End of the newest run in Unix seconds, and the reason if it did not reach the target.
    newest: Option<(f64, Option<Reason>)>,
    /// Whether the last run of any check got a response.
    any_through: bool,
    /// The newest failure that may be due to an unreachable target: time in Unix seconds, and the reason.
    lost: Option<(f64, Reason)>,
}

/// Returns the target of a check, or `None` if the check does not connect to one.
pub fn target(signal: &Signal, name: &str) -> Option<Target> {
    Some((signal.kind.reaches()?, name.to_owned()))
}

/// Returns each target whose checks have run, with the reason if it is unreachable. A target is unreachable if the
/// newest run of any of its checks did not reach it, or if no check got a response in time.
pub fn of(states: &[&State]) -> BTreeMap<Target, Option<Reason>> {
    let mut sights: BTreeMap<Target, Sight> = BTreeMap::new();
    for state in states {
        let Some((at, failed)) = state.last_run() else { continue };
        let Some(target) = target(state.check.signal, &state.check.target) else { continue };
        let sight = sights.entry(target).or_default();
        if sight.newest.is_none_or(|(newest, _)| at >= newest) {
            sight.newest = Some((at, failed.filter(|reason| reason.is_of_the_way())));
        }
        match failed.filter(|reason| reason.may_be_of_the_way()) {
            None => sight.any_through = true,
            Some(reason) if sight.lost.is_none_or(|(lost, _)| at >= lost) => sight.lost = Some((at, reason)),
            Some(_) => {}
        }
    }
    let reason_of = |sight: Sight| {
        let newest = sight.newest.and_then(|(_, reason)| reason);
        let all = sight.lost.filter(|_| !sight.any_through).map(|(_, reason)| reason);
        newest.or(all)
    };
    sights.into_iter().map(|(target, sight)| (target, reason_of(sight))).collect()
}

/// Returns the series of a metric about targets: the labels, and the value.
pub fn series<'a>(
    metric: &Metric,
    reaches: &'a BTreeMap<Target, Option<Reason>>,
) -> Vec<(Vec<(&'static str, &'a str)>, f64)> {
    let one = |((kind, target), reason): (&'a Target, &Option<Reason>)| {
        let mut labels = vec![("kind", *kind)];
        let value = if *metric == TARGET_REACHABLE {
            f64::from(u8::from(reason.is_none()))
        } else {
            debug_assert!(*metric == TARGET_UNREACHABLE);
            let reason = (*reason)?;
            labels.extend([("reason", reason.as_str()), ("words", reason.words())]);
            1.0
        };
        labels.push(("target", target));
        Some((labels, value))
    };
    reaches.iter().filter_map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::Failure;
    use checklist::Limits;
    use checklist::config::Check;
    use std::time::Duration;

    fn state(signal: &'static Signal, name: &str, runs: &[(f64, Option<Reason>)]) -> State {
        let mut state = State::new(Check::of(signal, name), Limits::default());
        for (at, failed) in runs {
            let result = failed.map_or_else(|| Ok(signal.samples()), |reason| Err(Failure::new(reason, "no")));
            state.record(result, *at, Duration::ZERO);
        }
        state
    }

    fn seen(states: &[State]) -> BTreeMap<Target, Option<Reason>> {
        of(&states.iter().collect::<Vec<_>>())
    }

    #[test]
    fn reachability_of_a_target_comes_from_the_newest_run_of_any_of_its_checks() {
        let [connections, sizes, pods] = ["connections", "database_size", "pods"]
            .map(|id| checklist::signals::by_id(id).unwrap_or_else(|| panic!("{id}")));
        let shop = ("postgres", "shop".to_owned());
        let states = [
            state(connections, "shop", &[(1.0, None), (5.0, Some(Reason::Connect))]),
            state(sizes, "shop", &[(2.0, None)]),
            state(connections, "other", &[(1.0, None)]),
            state(pods, "shop", &[(1.0, Some(Reason::Permission))]),
        ];
        let all = seen(&states);
        assert_eq!(all[&shop], Some(Reason::Connect));
        assert_eq!(all[&("postgres", "other".to_owned())], None);
        assert_eq!(all[&("kubernetes", "shop".to_owned())], None, "a refused right is not a lost way");
        let back = [state(connections, "shop", &[(5.0, Some(Reason::Connect))]), state(sizes, "shop", &[(6.0, None)])];
        assert_eq!(seen(&back)[&shop], None);
        let slow = state(connections, "shop", &[(5.0, Some(Reason::Timeout))]);
        assert_eq!(seen(&[slow])[&shop], Some(Reason::Timeout), "nobody gets an answer");
        let one_slow = [
            state(connections, "shop", &[(5.0, Some(Reason::Timeout))]),
            state(sizes, "shop", &[(4.0, Some(Reason::Lock))]),
        ];
        assert_eq!(seen(&one_slow)[&shop], None, "a lock is an answer");
        assert!(seen(&[state(connections, "shop", &[])]).is_empty());
    }

    #[test]
    fn the_unreachable_reason_is_a_separate_series() {
        let connections = checklist::signals::by_id("connections").unwrap_or_else(|| panic!("connections"));
        let all = seen(&[state(connections, "shop", &[(5.0, Some(Reason::Dns))])]);
        let reachable = series(&TARGET_REACHABLE, &all);
        assert_eq!(reachable, [(vec![("kind", "postgres"), ("target", "shop")], 0.0)]);
        let why = series(&TARGET_UNREACHABLE, &all);
        let labels =
            vec![("kind", "postgres"), ("reason", "dns"), ("words", "name does not resolve"), ("target", "shop")];
        assert_eq!(why, [(labels, 1.0)]);
    }
}
