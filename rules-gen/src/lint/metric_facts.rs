//! What is known about metrics: from the catalog, from a scrape, and from a live server.

use checklist::self_metrics::{PER_CHECK, PER_PROCESS, PER_SIGNAL, PER_TARGET, RULES_INFO, STANDARD};
use checklist::{Config, Kind, Metric, SIGNALS};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// Labels that Prometheus or prometheus-operator adds to scraped series.
pub const OF_TARGETS: [&str; 12] = [
    "job",
    "instance",
    "namespace",
    "pod",
    "service",
    "endpoint",
    "container",
    "node",
    "cluster",
    "prometheus",
    "replica",
    "__name__",
];

/// Labels that servers add to series which they send on, so that another server may find them on a recorded series.
pub const OF_SERVERS: [&str; 15] = [
    "cluster",
    "datacenter",
    "dc",
    "env",
    "environment",
    "k8s_cluster",
    "monitor",
    "prometheus",
    "prometheus_replica",
    "receive",
    "region",
    "replica",
    "site",
    "tenant",
    "tenant_id",
];

/// The largest number of values of a label that a scrape is trusted to show completely. With more, they are probably
/// names or numbers, and others will follow.
pub const FEW: usize = 20;

/// The type of a metric, as in a `# TYPE` line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// A value that only increases, or restarts at zero.
    Counter,
    /// A value that goes up and down.
    Gauge,
    /// A classic histogram with `_bucket`, `_sum` and `_count`, or a native one.
    Histogram,
    /// A summary with quantiles.
    Summary,
}

/// What is known about a metric.
#[derive(Debug, Clone, Default)]
pub struct Fact {
    pub kind: Option<Type>,
    /// The labels of the metric, without those of the target.
    pub labels: BTreeSet<String>,
    /// All values of a label, where they are known: ids of the catalog's checks, and labels with few values in a
    /// scrape.
    pub values: BTreeMap<String, Arc<BTreeSet<String>>>,
    /// Whether the metric has no series while everything is healthy.
    pub sparse: bool,
    /// The boundaries of the histogram's buckets.
    pub boundaries: BTreeSet<String>,
}

/// The labels of recorded series, by the name of the series.
pub type RecordedLabels = HashMap<String, BTreeSet<String>>;

/// Everything that is known about metrics. A copy shares the facts with the original.
#[derive(Debug, Clone, Default)]
pub struct MetricFacts {
    metrics: Arc<HashMap<String, Fact>>,
    /// The labels of series that linted rules record.
    recorded: Arc<RecordedLabels>,
    /// Whether all existing metrics are known, so that an unknown name is a mistake.
    pub complete: bool,
}

impl MetricFacts {
    /// Returns the metrics of the catalog and of the operator's own queries.
    pub fn catalog(config: Option<&Config>) -> Self {
        let mut metrics = HashMap::new();
        let mut add = |metric: &Metric, own: &[&str], checks: &Arc<BTreeSet<String>>| {
            let values = own.contains(&"check").then(|| ("check".to_owned(), Arc::clone(checks)));
            let fact = Fact {
                kind: Some(match metric.kind {
                    Kind::Counter => Type::Counter,
                    Kind::Histogram => Type::Histogram,
                    Kind::Gauge | Kind::Fact => Type::Gauge,
                }),
                labels: metric.labels.iter().chain(own).map(|label| (*label).to_owned()).collect(),
                values: values.into_iter().collect(),
                sparse: metric.sparse,
                boundaries: BTreeSet::new(),
            };
            // A classic histogram has three series names. A native histogram has the name of the metric.
            for part in ["_bucket", "_sum", "_count"].into_iter().filter(|_| metric.kind == Kind::Histogram) {
                let mut fact = Fact { kind: Some(Type::Counter), ..fact.clone() };
                fact.labels.extend((part == "_bucket").then(|| "le".to_owned()));
                metrics.insert(format!("{}{part}", metric.name), fact);
            }
            metrics.insert(metric.name.to_owned(), fact);
        };
        let own = config.into_iter().flat_map(Config::signals);
        let signals: Vec<_> = SIGNALS.iter().copied().chain(own).collect();
        let checks: Arc<BTreeSet<String>> = Arc::new(signals.iter().map(|signal| signal.id.to_owned()).collect());
        for metric in signals.iter().flat_map(|signal| signal.metrics).chain(PER_CHECK) {
            add(metric, &["check", "target"], &checks);
        }
        for metric in PER_TARGET {
            add(metric, &["target"], &checks);
        }
        for metric in PER_SIGNAL {
            add(metric, &["check"], &checks);
        }
        for metric in PER_PROCESS.iter().chain(STANDARD).chain([&&RULES_INFO]) {
            add(metric, &[], &checks);
        }
        Self { metrics: Arc::new(metrics), ..Self::default() }
    }

    /// Adds the metrics of a scrape. All existing metrics are then considered known.
    pub fn add_scrape(&mut self, text: &str) {
        self.complete = true;
        let metrics = Arc::make_mut(&mut self.metrics);
        let mut kinds: HashMap<&str, Type> = HashMap::new();
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# TYPE ") {
                let Some((name, kind)) = rest.trim().split_once(' ') else { continue };
                let kind = match kind.trim() {
                    "counter" => Type::Counter,
                    "gauge" => Type::Gauge,
                    "histogram" => Type::Histogram,
                    "summary" => Type::Summary,
                    _ => continue,
                };
                kinds.insert(name, kind);
                continue;
            }
            let end = line.find(['{', ' ']).unwrap_or(line.len());
            let (name, rest) = line.split_at(end);
            if name.is_empty() || name.starts_with('#') {
                continue;
            }
            let family = ["_bucket", "_sum", "_count", "_total"].iter().find_map(|ending| name.strip_suffix(ending));
            let kind = match (kinds.get(name), family.and_then(|family| kinds.get(family))) {
                (Some(kind), _) => Some(*kind),
                (None, Some(Type::Histogram | Type::Summary | Type::Counter)) => Some(Type::Counter),
                _ => None,
            };
            let fact = metrics.entry(name.to_owned()).or_default();
            fact.kind = fact.kind.or(kind);
            for (label, value) in labels(rest) {
                if label == "le" {
                    fact.boundaries.insert(value);
                } else {
                    let values = Arc::make_mut(fact.values.entry(label.clone()).or_default());
                    if values.len() <= FEW {
                        values.insert(value);
                    }
                }
                fact.labels.insert(label);
            }
        }
    }

    /// Adds the metric names of a live server. All existing metrics are then considered known.
    pub fn add_names(&mut self, names: impl IntoIterator<Item = String>) {
        self.complete = true;
        let metrics = Arc::make_mut(&mut self.metrics);
        for name in names {
            metrics.entry(name).or_default();
        }
    }

    /// Adds the labels that a metric has on a live server.
    pub fn add_labels(&mut self, metric: &str, labels: impl IntoIterator<Item = String>) {
        Arc::make_mut(&mut self.metrics).entry(metric.to_owned()).or_default().labels.extend(labels);
    }

    pub fn get(&self, name: &str) -> Option<&Fact> {
        self.metrics.get(name)
    }

    /// Returns the labels of series that linted rules record.
    pub const fn recorded(&self) -> &Arc<RecordedLabels> {
        &self.recorded
    }

    pub fn set_recorded(&mut self, labels: Arc<RecordedLabels>) {
        self.recorded = labels;
    }

    /// Returns the type of a metric. If it is unknown, names that end like counters count as counters.
    pub fn kind(&self, name: &str) -> Option<Type> {
        let counter = ["_total", "_count", "_bucket"].iter().any(|ending| name.ends_with(ending));
        self.get(name).and_then(|fact| fact.kind).or(counter.then_some(Type::Counter))
    }

    /// Returns the names of all known metrics.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.metrics.keys().map(String::as_str)
    }
}

/// Parses the label names and values of a line such as `{a="b",c="d"} 1`.
fn labels(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let Some(mut rest) = text.strip_prefix('{') else { return found };
    while let Some((name, after)) = rest.split_once("=\"") {
        let mut value = String::new();
        let mut characters = after.char_indices();
        let end = loop {
            match characters.next() {
                Some((_, '\\')) => value.extend(characters.next().map(|(_, c)| c)),
                Some((at, '"')) => break at + 1,
                Some((_, c)) => value.push(c),
                None => return found,
            }
        };
        found.push((name.trim_matches([',', ' ']).to_owned(), value));
        rest = &after[end..];
        if rest.starts_with('}') {
            break;
        }
    }
    found
}
