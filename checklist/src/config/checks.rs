//! Which checks exist on which targets, and which limits apply to them.

use super::Config;
use super::origin::Origin;
use crate::condition::limits::Limits;
use crate::condition::threshold::Severity;
use crate::condition::value::{Scope, alternatives};
use crate::metric::Metric;
use crate::signal::{Alert, ExternalSource, Signal};
use crate::signals::SIGNALS;
use crate::targets::exclusions::{without_objects, without_tables};
use crate::targets::{Kubernetes, Postgres, TargetKind};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// One signal on one target.
#[derive(Debug, Clone)]
pub struct Check {
    pub signal: &'static Signal,
    /// The name of the target.
    pub target: String,
    /// The time between two runs.
    pub interval: Duration,
    /// The deadline of one run.
    pub timeout: Duration,
    /// The maximum number of series that the check may expose.
    pub series: usize,
}

impl Check {
    /// Makes a check with the settings of the catalog.
    pub fn of(signal: &'static Signal, target: &str) -> Self {
        let Signal { interval, timeout, max_series: series, .. } = *signal;
        Self { signal, target: target.to_owned(), interval, timeout, series }
    }
}

impl Config {
    /// Returns every signal: those of the catalog, then the operator's own.
    pub fn signals(&self) -> impl Iterator<Item = &'static Signal> {
        SIGNALS.iter().copied().chain(self.queries.iter().map(|query| query.signal))
    }

    pub fn signal(&self, id: &str) -> Option<&'static Signal> {
        self.signals().find(|signal| signal.id == id)
    }

    /// Returns every check that the exporter makes, ordered by signal and target.
    pub fn checks(&self) -> Vec<Check> {
        self.signals()
            .flat_map(|signal| {
                let pace = self.pace.get(signal.id).cloned().unwrap_or_default();
                self.probed(signal).into_iter().map(move |target| {
                    let interval = pace.interval.unwrap_or(signal.interval);
                    // A shorter interval shortens the default deadline. An explicit deadline was validated already.
                    let timeout = pace.timeout.unwrap_or_else(|| signal.timeout.min(interval.mul_f64(0.8)));
                    let series = pace.series.unwrap_or(signal.max_series);
                    Check { signal, target, interval, timeout, series }
                })
            })
            .collect()
    }

    /// Drops the configured intervals, for programs that make each check once: there is no next run that a long one
    /// would delay, so each check has its default deadline.
    #[must_use]
    pub fn for_single_runs(mut self) -> Self {
        for pace in self.pace.values_mut() {
            pace.interval = None;
        }
        self
    }

    /// Returns the targets that the exporter itself probes for a signal.
    pub fn probed(&self, signal: &Signal) -> Vec<String> {
        let mut targets = self.targets(signal);
        targets.retain(|target| signal.kind.is_probed() && self.source(signal, target).is_none());
        targets
    }

    /// Returns the other exporter that provides the metrics of a signal on a target, when one is configured.
    pub fn source(&self, signal: &Signal, target: &str) -> Option<&'static ExternalSource> {
        let settings = self.settings.get(&(signal.kind.key(), target.to_owned()))?;
        let source = settings.sources.get(signal.id)?;
        signal.external_sources.iter().find(|external| external.source == source)
    }

    /// Returns the label matchers (without braces) that select a target's series among those of other exporters.
    pub fn selector(&self, signal: &Signal, target: &str) -> String {
        let own = self.settings.get(&(signal.kind.key(), target.to_owned())).and_then(|s| s.selector.clone());
        let namespaces =
            self.cluster(signal, target).map(|cluster| format!("namespace=~{:?}", alternatives(&cluster.namespaces)));
        own.into_iter().chain(namespaces).collect::<Vec<_>>().join(", ")
    }

    /// Returns the cluster that a target of a signal is.
    fn cluster(&self, signal: &Signal, target: &str) -> Option<&Kubernetes> {
        self.kubernetes.iter().find(|cluster| signal.kind.key() == "kubernetes" && cluster.name == target)
    }

    /// Returns the expression that provides a metric of another exporter for a target: with its label matchers, and
    /// without excluded objects.
    pub fn filled(&self, signal: &Signal, target: &str, metric: &Metric, expr: &str) -> String {
        let (own, reported) = match self.database(target).filter(|_| signal.kind == TargetKind::Postgres) {
            None => (String::new(), String::new()),
            Some(database) => {
                let own = format!("datname={:?}", database.database);
                let mut same = self.of_server(database);
                // The first target of a server also covers the databases that no target names.
                let reported = if same.next().is_some_and(|first| first.name == target) {
                    let others: Vec<String> = ["template0".to_owned(), "template1".to_owned()]
                        .into_iter()
                        .chain(same.map(|other| other.database.clone()))
                        .collect();
                    format!("datname!~{:?}", alternatives(&others))
                } else {
                    own.clone()
                };
                (own, reported)
            }
        };
        let places = [("{selector}", self.selector(signal, target)), ("{own}", own), ("{reported}", reported)];
        let filled = places.iter().fold(expr.to_owned(), |expr, (place, matchers)| expr.replace(place, matchers));
        // Without its own matchers, the selector would begin with a comma.
        let filled = filled.replace("{, ", "{");
        let filled = match self.cluster(signal, target) {
            Some(cluster) => without_objects(&cluster.excluded, metric, filled),
            None => filled,
        };
        match self.database(target).filter(|_| signal.kind == TargetKind::Postgres) {
            Some(database) => without_tables(&database.left_out, metric, filled),
            None => filled,
        }
    }

    /// Returns the targets on which a signal is judged.
    pub fn targets(&self, signal: &Signal) -> Vec<String> {
        let skipped = |name: &str| {
            let settings = self.settings.get(&(signal.kind.key(), name.to_owned()));
            settings.is_some_and(|settings| settings.skip.iter().any(|id| id == signal.id))
        };
        let mut names: Vec<String> = self.names(signal).into_iter().filter(|name| !skipped(name)).collect();
        if signal.kind == TargetKind::Server {
            // A signal about a database server is reported once, for the first of the server's databases.
            let mut servers = BTreeSet::new();
            names.retain(|name| self.database(name).is_some_and(|database| servers.insert(database.of_server())));
        }
        names
    }

    /// Returns the targets that stand for the same thing under several names: entries of one cluster, databases of one
    /// server, backups in one bucket, entries of one Alertmanager or Prometheus. Each group has its kind, and the names
    /// in the order of checklist.yaml.
    pub fn same(&self) -> Vec<(&'static str, Vec<&str>)> {
        let clusters = self.kubernetes.iter().map(|cluster| {
            let place = format!("{:?} {:?}", cluster.kubeconfig, cluster.context);
            ("kubernetes", place, cluster.name.as_str())
        });
        let databases = self.postgres.iter().map(|one| ("postgres", one.of_server(), one.name.as_str()));
        let backups = self.backups.iter().map(|one| {
            let place = format!("{:?} {:?}", one.place.endpoint, one.place.bucket);
            ("backup", place, one.name.as_str())
        });
        let address = |url: &str| url.trim_end_matches('/').to_owned();
        let alertmanagers =
            self.alertmanagers.iter().map(|one| ("alertmanager", address(&one.endpoint.url), one.name.as_str()));
        let prometheus =
            self.prometheus.iter().map(|one| ("prometheus", address(&one.endpoint.url), one.name.as_str()));
        let mut groups: BTreeMap<(&'static str, String), Vec<&str>> = BTreeMap::new();
        for (kind, place, name) in clusters.chain(databases).chain(backups).chain(alertmanagers).chain(prometheus) {
            groups.entry((kind, place)).or_default().push(name);
        }
        groups.into_iter().map(|((kind, _), names)| (kind, names)).collect()
    }

    /// Returns whether a target is the first of its group (see [`Self::same`]), and so reports what belongs to the
    /// whole group.
    pub fn is_first(&self, kind: &str, name: &str) -> bool {
        let others = |(of, names): &(&str, Vec<&str>)| *of == kind && names.iter().skip(1).any(|other| *other == name);
        !self.same().iter().any(others)
    }

    pub fn database(&self, name: &str) -> Option<&Postgres> {
        self.postgres.iter().find(|database| database.name == name)
    }

    /// Returns the databases of the same server, in the order of checklist.yaml.
    pub fn of_server<'a>(&'a self, database: &Postgres) -> impl Iterator<Item = &'a Postgres> {
        let server = database.of_server();
        self.postgres.iter().filter(move |other| other.of_server() == server)
    }

    /// Returns the names of the signal's targets, including those that skip the check.
    fn names(&self, signal: &Signal) -> Vec<String> {
        // The results of this proof are recorded in the place of the task records, so it needs `tasks:`.
        if signal.kind == TargetKind::AlertPath && self.tasks.is_none() {
            return Vec::new();
        }
        let targets = self.queries.iter().find(|query| query.signal.id == signal.id).map(|query| &query.targets);
        if let Some(targets) = targets.filter(|targets| !targets.is_empty()) {
            return targets.clone();
        }
        let list = signal.kind.key();
        let here = self.each().into_iter().filter(|(key, _)| *key == list).map(|(_, target)| target);
        here.filter(|target| target.kinds().contains(&signal.kind)).map(|target| target.name().to_owned()).collect()
    }

    /// Returns where the levels of a threshold come from, for a signal on a target.
    pub fn origin(&self, signal: &Signal, target: &str, key: &str) -> Origin {
        let own = self.settings.get(&(signal.kind.key(), target.to_owned()));
        if own.is_some_and(|settings| settings.thresholds.contains_key(key)) {
            Origin::Target
        } else if self.thresholds.contains_key(key) {
            Origin::Global
        } else {
            Origin::Default
        }
    }

    /// Returns the limits for a signal on a target: the target's own, else the global ones, else the defaults.
    pub fn limits(&self, signal: &Signal, target: &str) -> Limits {
        let own = self.settings.get(&(signal.kind.key(), target.to_owned()));
        let limits = Limits::new(signal.thresholds, |key| {
            own.and_then(|settings| settings.thresholds.get(key)).or_else(|| self.thresholds.get(key)).copied()
        });
        let off = |alert: &&'static Alert| self.alert(alert).is_none();
        limits.without(signal.alerts.iter().filter(off).map(|alert| alert.name).collect())
    }

    /// Returns the worst severity that any alert of a signal can have, after the operator's changes.
    pub fn worst(&self, signal: &Signal) -> Severity {
        let counts = |alert: &Alert| self.alert(alert).is_some();
        let all = self.targets(signal).into_iter().map(|target| signal.worst_of(&self.limits(signal, &target), counts));
        all.max().unwrap_or(Severity::Warning)
    }

    /// Returns the targets of a signal, grouped by equal limits. With a single group, its list of targets is empty,
    /// which means all.
    pub fn scopes(&self, signal: &Signal) -> Vec<(Scope, Limits)> {
        let mut groups: Vec<(Scope, Limits)> = Vec::new();
        for target in self.targets(signal) {
            let limits = self.limits(signal, &target);
            match groups.iter_mut().find(|(_, known)| *known == limits) {
                Some((scope, _)) => scope.targets.push(target),
                None => groups.push((Scope::new(signal.id, vec![target]), limits)),
            }
        }
        if let [(scope, _)] = groups.as_mut_slice() {
            scope.targets.clear();
        }
        groups
    }
}
