//! On the same samples, the exporter's verdict equals the result of the alert's expression in a real Prometheus.

use checklist::condition::threshold::Direction;
use checklist::condition::value::Computed;
use checklist::config::Check;
use checklist::{Limits, Metric, SIGNALS, Samples, Scope, Severity, Signal, Value, When};
use exporter::run::state::State;
use exporter::run::status::ProcessStatus;
use exporter::run::time::unix_now;
use exporter::server::exposition::collector::States;
use exporter::server::exposition::format::{Encoding, Format};
use exporter::server::exposition::snapshot::Snapshot;
use stack::http::{json, response, serve};
use stack::monitoring::Prometheus;
use stack::process::free_port;
use stack::waiting::eventually;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// A small random number generator, so that a failure can be repeated with its seed.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }

    fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[usize::try_from(self.below(choices.len() as u64)).unwrap_or(0)]
    }
}

/// Whether the condition is decided by one moment. Conditions about duration or change need a history.
fn judged_at_once(when: &When) -> bool {
    !when.needs_history() && !matches!(when, When::Lasting(..) | When::Fewer(..))
}

/// Returns values on both sides of every limit of a metric, far enough from it that the running clock does not matter.
fn values(signal: &Signal, metric: &Metric, now: f64) -> Vec<f64> {
    let mut values = vec![0.0, 1.0, 3.0];
    for alert in signal.alerts {
        let mut around = |limits: Vec<f64>, of: &dyn Fn(f64) -> f64| {
            values.extend(limits.iter().flat_map(|limit| [of(0.8 * limit - 90.0), of(1.25 * limit + 90.0)]));
        };
        let levels =
            |threshold: &checklist::Threshold| threshold.default.each().map(|(_, limit)| limit).collect::<Vec<_>>();
        match alert.when {
            When::Beyond(value, threshold) if value.selectors().iter().any(|s| s.metric == metric) => match value {
                Value::Of(_) => {
                    values.extend(levels(threshold).iter().flat_map(|limit| [0.8 * limit, 1.25 * limit + 1.0]));
                }
                Value::Age(_) => around(levels(threshold), &|age| now - age),
                Value::Until(_) => around(levels(threshold), &|left| now + left),
                Value::Share(..) => values
                    .extend(levels(threshold).iter().flat_map(|limit| [100.0 * 0.8 * limit, 100.0, 125.0 * limit])),
            },
            When::Expiring { begin, end, lead, .. } if *begin == *metric || *end == *metric => {
                around(levels(lead), &|left| now + left);
                values.push(now - 400.0 * 86_400.0);
            }
            _ => {}
        }
    }
    values
}

fn samples(signal: &'static Signal, random: &mut Random, now: f64) -> Samples {
    let mut samples = signal.samples();
    // The label values that the alerts select, and others.
    let mut words: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for alert in signal.alerts {
        if let When::Beyond(Value::Of(one) | Value::Age(one) | Value::Until(one), _)
        | When::Zero(one)
        | When::Failing(one) = alert.when
        {
            for (name, values) in one.matchers {
                words.entry(name).or_default().extend(*values);
            }
        }
        if let When::Beyond(Value::Share(part, whole), _) = alert.when {
            for (name, values) in part.matchers.iter().chain(whole.matchers) {
                words.entry(name).or_default().extend(*values);
            }
        }
    }
    for metric in signal.metrics {
        let pool = values(signal, metric, now);
        for _ in 0..6 {
            let labels: Vec<&str> = metric
                .labels
                .iter()
                .map(|label| {
                    let known = words.get(label).filter(|_| random.below(4) > 0);
                    random.of(known.map_or(&["a", "b"][..], Vec::as_slice))
                })
                .collect();
            samples.put(metric, &labels, random.of(&pool));
        }
    }
    samples
}

fn labels_of(computed: &Computed) -> BTreeMap<String, String> {
    let filled = computed.labels.iter().filter(|(_, value)| !value.is_empty());
    filled.map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn exporter_and_prometheus_give_the_same_verdicts_on_the_same_samples() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let page = Arc::new(Mutex::new(String::new()));
    let shared = Arc::clone(&page);
    let server = serve(None, move |_| {
        let text = shared.lock().unwrap_or_else(PoisonError::into_inner).clone();
        async move { response(200, "text/plain; version=0.0.4", text) }
    })
    .await?;
    let rules = folder.path().join("rules.yaml");
    std::fs::write(&rules, "groups: []\n")?;
    let prometheus = Prometheus::start(free_port()?, &[server.port], &[], 9, &rules, folder.path()).await?;
    let (mut compared, mut firing) = (0, 0);
    for seed in 1..=6 {
        let mut random = Random(seed);
        let now = unix_now();
        let mut states = Vec::new();
        // A target for each seed: the remaining time of a certificate is the least of half an hour.
        let target = format!("t{seed}");
        for signal in SIGNALS.iter().filter(|signal| signal.kind.is_probed()) {
            let interval = Duration::from_mins(1);
            let check = Check { interval, timeout: Duration::from_secs(9), ..Check::of(signal, &target) };
            let mut state = State::new(check, Limits::new(signal.thresholds, |_| None));
            state.record(Ok(samples(signal, &mut random, now)), now, Duration::ZERO);
            states.push(state);
        }
        let process = ProcessStatus { loaded_at: f64::from(u32::try_from(seed)?), ..ProcessStatus::default() };
        let of_all = States { states: states.iter().cloned().map(Arc::new).collect(), now, process };
        let body = Snapshot::of(of_all).body(Format::Text, Encoding::Identity)?;
        *page.lock().unwrap_or_else(PoisonError::into_inner) = String::from_utf8_lossy(&body).into_owned();
        let messages = format!("checklist_config_last_reload_success_timestamp_seconds == {seed}");
        eventually(&messages, || async { Ok(!prometheus.query(&messages).await?.is_empty()) }).await?;
        for state in &states {
            let signal = state.check.signal;
            let limits = Limits::new(signal.thresholds, |_| None);
            let scope = Scope::new(signal.id, vec![target.clone()]);
            let series: Vec<_> = state.exposed(now).cloned().collect();
            for alert in signal.alerts.iter().filter(|alert| judged_at_once(&alert.when)) {
                // Metrics of the probe itself are not among its samples.
                if alert.when.metrics().iter().any(|metric| !signal.metrics.contains(metric)) {
                    continue;
                }
                for severity in [Severity::Warning, Severity::Critical] {
                    if !alert.levels(&limits).iter().any(|(level, _)| *level == severity) {
                        continue;
                    }
                    let ours: BTreeSet<_> =
                        alert.when.offenders(&series, unix_now(), &limits, severity).iter().map(labels_of).collect();
                    let theirs = vector(&prometheus, &alert.when.promql(&scope, &limits, severity)).await?;
                    assert_eq!(ours, theirs, "seed {seed}: {} {severity}", alert.name);
                    compared += 1;
                    firing += usize::from(!ours.is_empty());
                }
            }
        }
    }
    println!("{compared} verdicts compared, {firing} of them bad");
    assert!(firing > compared / 5, "the samples prove too little: {firing} of {compared}");
    assert!(
        SIGNALS.iter().flat_map(|signal| signal.thresholds).any(|threshold| threshold.direction == Direction::Below)
    );
    Ok(())
}

/// Returns the label sets of an instant query, without the labels that every series has.
async fn vector(prometheus: &Prometheus, expr: &str) -> anyhow::Result<BTreeSet<BTreeMap<String, String>>> {
    let encoded: String = url::form_urlencoded::byte_serialize(expr.as_bytes()).collect();
    let response = json(&format!("http://127.0.0.1:{}/api/v1/query?query={encoded}", prometheus.port)).await?;
    let result = response["data"]["result"].as_array().cloned().ok_or_else(|| anyhow::anyhow!("{expr}: {response}"))?;
    let labels = |one: &serde_json::Value| {
        let all = one["metric"].as_object().cloned().unwrap_or_default();
        let own = all.into_iter().filter(|(name, _)| !["__name__", "check", "target", "job"].contains(&name.as_str()));
        own.filter_map(|(name, value)| Some((name, value.as_str()?.to_owned()))).collect()
    };
    Ok(result.iter().map(labels).collect())
}
