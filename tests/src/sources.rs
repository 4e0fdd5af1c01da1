//! Compares metrics of our probes with those of another exporter about the same servers: replays recorded pages of each
//! to a real Prometheus, and compares the alerts of the generated rules.

use crate::life::board::{Labels, Tracks};
use crate::life::evaluate::{self, Firing, Span};
use crate::life::remote_write;
use crate::monitoring::Prometheus;
use crate::process::free_port;
use anyhow::Context;
use checklist::{Config, Signal};
use rules_gen::review::rule_set::{self, Kind, ListedRule};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Minutes for which each page except the last is replayed.
const EACH: usize = 90;
/// Minutes for which the last page is replayed. It is longer than the `for` of these alerts.
const LAST: usize = 300;
/// Time of the first minute, Unix seconds.
const BEGIN: f64 = 1_767_225_600.0;

/// Another exporter that can replace some of our probes (`sources:` in checklist.yaml).
#[derive(Debug)]
pub struct Other {
    /// Name of the exporter and of its program.
    pub name: &'static str,
    /// The checks for which it has metrics.
    pub checks: &'static [&'static str],
    /// Name under which the pages of our own probes are recorded.
    pub probes: &'static str,
    /// Name of the list of targets, and its entries, to which keys can be appended.
    targets: (&'static str, &'static [&'static str]),
    /// Thresholds for both configurations.
    pub limits: &'static str,
    /// Prefixes of the series that are recorded.
    kept: &'static [&'static str],
}

/// The exporter for objects of a Kubernetes cluster.
pub static KUBE_STATE_METRICS: Other = Other {
    name: "kube-state-metrics",
    checks: &["pods", "restarts", "hpa", "pvc"],
    probes: "probes-of-kubernetes",
    targets: ("kubernetes", &["name: stack, namespaces: [shop]"]),
    limits: "",
    kept: &[
        "checklist_container_",
        "checklist_hpa_",
        "checklist_job_",
        "checklist_pod",
        "checklist_service_",
        "checklist_volume_claim_",
        "checklist_workload_",
        "kube_cronjob_",
        "kube_daemonset_status_",
        "kube_deployment_spec_replicas",
        "kube_deployment_status_replicas",
        "kube_endpoint_address",
        "kube_endpoint_info",
        "kube_endpointslice_endpoints",
        "kube_endpointslice_info",
        "kube_horizontalpodautoscaler_",
        "kube_job_complete",
        "kube_job_created",
        "kube_job_failed",
        "kube_job_owner",
        "kube_persistentvolumeclaim_",
        "kube_pod_completion_time",
        "kube_pod_container_status_last_",
        "kube_pod_container_status_restarts_",
        "kube_pod_container_status_waiting_",
        "kube_pod_created",
        "kube_pod_info",
        "kube_pod_init_container_info",
        "kube_pod_init_container_status_",
        "kube_pod_owner",
        "kube_pod_restart_policy",
        "kube_pod_status_phase",
        "kube_pod_status_ready{",
        "kube_pod_status_unschedulable",
        "kube_service_",
        "kube_statefulset_replicas",
        "kube_statefulset_status_replicas_ready",
    ],
};

/// The exporter for PostgreSQL servers.
pub static POSTGRES_EXPORTER: Other = Other {
    name: "postgres_exporter",
    checks: &["connections", "database_size", "seq_scans"],
    probes: "probes-of-postgres",
    targets: (
        "postgres",
        &[
            "name: db, host: shop, database: orchestrator, user: u, application: false",
            "name: second, host: shop, database: second, user: u, application: false",
        ],
    ),
    limits: "thresholds: {seq_scans.min_table_size: 1MiB, database_size.limit: 64MiB}\n",
    kept: &[
        "checklist_postgres_",
        "pg_database_",
        "pg_roles_",
        "pg_settings_max_connections",
        "pg_settings_reserved",
        "pg_settings_superuser_reserved",
        "pg_stat_activity_",
        "pg_stat_user_tables_",
    ],
};

impl Other {
    /// Returns a checklist.yaml with our probes or, if `as_source` is set, with this exporter as the source of its
    /// checks.
    pub fn configuration(&self, as_source: bool) -> String {
        self.with(&if as_source { self.as_source() } else { String::new() })
    }

    /// Returns the key that makes this exporter the source of its checks.
    fn as_source(&self) -> String {
        let sources: Vec<String> = self.checks.iter().map(|check| format!("{check}: {}", self.name)).collect();
        format!(", sources: {{{}}}", sources.join(", "))
    }

    /// Returns a checklist.yaml with more keys for every target.
    fn with(&self, more: &str) -> String {
        let entries: String = self.targets.1.iter().map(|entry| format!("  - {{{entry}{more}}}\n")).collect();
        format!("{}:\n{entries}{}", self.targets.0, self.limits)
    }

    /// Replays pages one after the other and returns the periods in which alerts fire.
    pub async fn alerts(&self, as_source: bool, pages: &[Page]) -> anyhow::Result<Vec<Firing>> {
        alerts(&self.configuration(as_source), self.checks, pages).await
    }

    /// Like [`Self::alerts`] with this exporter as the source, without the objects that `exclude` describes.
    ///
    /// # Errors
    /// Fails as [`Self::alerts`] does.
    pub async fn alerts_without(&self, exclude: &str, pages: &[Page]) -> anyhow::Result<Vec<Firing>> {
        let yaml = self.with(&format!("{}, exclude: {exclude}", self.as_source()));
        alerts(&yaml, self.checks, pages).await
    }

    /// Returns the releases in target/parts/peers as pairs of name and program. Each release is in a folder of its
    /// name.
    pub fn releases(&self) -> Vec<(String, PathBuf)> {
        let Ok(folders) = std::fs::read_dir(crate::parts::folder().join("peers")) else { return Vec::new() };
        let mut found: Vec<(String, PathBuf)> = folders
            .flatten()
            .map(|folder| (folder.file_name().to_string_lossy().into_owned(), folder.path().join(self.name)))
            .filter(|(_, program)| program.is_file())
            .collect();
        found.sort();
        found
    }

    /// If the variable RECORD is set, records pages for the test that replays them without the exporter. A page has the
    /// time in its first line, and the series that rules may read.
    pub fn record(&self, name: &str, pages: &[Page]) -> anyhow::Result<()> {
        if std::env::var_os("RECORD").is_none() {
            return Ok(());
        }
        let folder = kept().join(name);
        std::fs::create_dir_all(&folder)?;
        for (at, page) in pages.iter().enumerate() {
            let is_kept = |line: &&str| self.kept.iter().any(|start| line.starts_with(start));
            let lines: Vec<&str> = page.text.lines().filter(is_kept).collect();
            let text = format!("# read at {:.3}\n{}\n", page.at, lines.join("\n"));
            std::fs::write(folder.join(format!("{}.txt", at + 1)), text)?;
        }
        Ok(())
    }
}

/// The metrics of an exporter at one time, in the text format without comments.
#[derive(Debug, Clone)]
pub struct Page {
    /// The samples, one per line.
    pub text: String,
    /// Time of the scrape, Unix seconds.
    pub at: f64,
}

impl Page {
    /// Creates a page that was scraped just now.
    pub fn new(text: &str) -> Self {
        let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
        Self { text: lines.collect::<Vec<_>>().join("\n"), at: jiff::Timestamp::now().as_duration().as_secs_f64() }
    }
}

/// Replays pages one after the other with the rules of a configuration, and returns the periods in which alerts of some
/// checks fire.
async fn alerts(yaml: &str, checks: &[&str], pages: &[Page]) -> anyhow::Result<Vec<Firing>> {
    let config = Config::parse("checklist.yaml", yaml).map_err(|mistakes| anyhow::anyhow!("{mistakes}"))?;
    let outputs = rules_gen::outputs::generate(&config, "checklist.yaml")?;
    let file = outputs.iter().find(|output| output.path == Path::new("rules/checklist.yaml")).context("no rules")?;
    let mut rules = rule_set::read(&file.content)?;
    let names: BTreeSet<&str> = signals(checks).flat_map(|signal| signal.alerts).map(|alert| alert.name).collect();
    rules.retain(|rule| match rule.kind {
        Kind::Record => true,
        Kind::Alert => names.contains(rule.name.as_str()),
    });
    let minutes = EACH * pages.len().saturating_sub(1) + LAST;
    let tracks = tracks(pages, &read_by(&rules)?, minutes)?;
    let folder = tempfile::Builder::new().prefix("checklist-sources").tempdir()?;
    let prometheus = Prometheus::with_past(free_port()?, folder.path()).await?;
    #[expect(clippy::cast_possible_truncation, reason = "a whole number")]
    let span = Span { begin: (BEGIN * 1000.0) as i64, minutes, alerts_from: 0 };
    remote_write::send(prometheus.port, &tracks, span.begin, minutes).await?;
    let evaluated = evaluate::firing(prometheus.port, &rules, span, &|_, _| {}).await?;
    anyhow::ensure!(evaluated.broken.is_empty(), "{}", evaluated.broken.join("\n"));
    Ok(evaluated.firing)
}

fn signals(checks: &[&str]) -> impl Iterator<Item = &'static Signal> {
    checklist::SIGNALS.iter().copied().filter(|signal| checks.contains(&signal.id))
}

/// Returns the names of the metrics that rules read.
fn read_by(rules: &[ListedRule]) -> anyhow::Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for rule in rules {
        let query = promql::parse(&rule.expr).map_err(|errors| anyhow::anyhow!("{}: {errors:?}", rule.name))?;
        names.extend(query.expr.selectors().into_iter().filter_map(|selector| selector.metric().map(str::to_owned)));
    }
    Ok(names)
}

/// Returns the series of all pages. Timestamps are moved with their page: what was a minute ago at the scrape is a
/// minute ago when the replay of the page begins. The age of a transaction grows with each minute.
fn tracks(pages: &[Page], names: &BTreeSet<String>, minutes: usize) -> anyhow::Result<Tracks> {
    let mut all = Tracks::new();
    for (at, page) in pages.iter().enumerate() {
        let begin = at * EACH;
        let end = if at + 1 == pages.len() { minutes } else { begin + EACH };
        let moved = BEGIN + begin as f64 * 60.0 - page.at;
        for line in page.text.lines() {
            let (name, mut labels, value) = sample(line).with_context(|| format!("no sample: {line}"))?;
            if !names.contains(&name) {
                continue;
            }
            let is_time = ["_timestamp_seconds", "_timestamp", "_created", "_schedule_time"]
                .iter()
                .any(|end| name.ends_with(end));
            let grows = name == "pg_stat_activity_max_tx_duration" && value > 0.0;
            labels.insert("job".to_owned(), "played".to_owned());
            labels.insert("instance".to_owned(), "played:80".to_owned());
            let track = all.entry((name, labels)).or_insert_with(|| vec![f64::NAN; minutes]);
            for (minute, slot) in track.iter_mut().enumerate().take(end).skip(begin) {
                *slot = match (is_time, grows) {
                    (true, _) => value + moved,
                    (_, true) => value + (minute - begin) as f64 * 60.0,
                    _ => value,
                };
            }
        }
    }
    Ok(all)
}

/// Parses a line of the text format.
pub(crate) fn sample(line: &str) -> Option<(String, Labels, f64)> {
    let (series, value) = line.rsplit_once(' ')?;
    let Some((name, mut rest)) = series.split_once('{') else {
        return Some((series.to_owned(), Labels::new(), value.parse().ok()?));
    };
    let mut labels = Labels::new();
    while let Some((label, after)) = rest.split_once("=\"") {
        let (mut text, mut escaped, mut end) = (String::new(), false, None);
        for (at, c) in after.char_indices() {
            match (escaped, c) {
                (false, '"') => {
                    end = Some(at);
                    break;
                }
                (false, '\\') => escaped = true,
                (true, 'n') => {
                    text.push('\n');
                    escaped = false;
                }
                (_, c) => {
                    text.push(c);
                    escaped = false;
                }
            }
        }
        // An empty label value means the same as no label.
        if !text.is_empty() {
            labels.insert(label.to_owned(), text);
        }
        rest = after[end? + 1..].trim_start_matches(',');
    }
    Some((name.to_owned(), labels, value.parse().ok()?))
}

/// Returns for each alert the periods in which it fires, in minutes. The label `workload` of alerts about pods is
/// dropped: other exporters do not have it, and no alert needs it.
fn times(firing: &[Firing]) -> BTreeMap<Labels, Vec<(usize, usize)>> {
    let mut all: BTreeMap<Labels, Vec<(usize, usize)>> = BTreeMap::new();
    for one in firing {
        let mut labels = one.labels.clone();
        // The label `job` depends on the exporter.
        labels.remove("job");
        if labels.contains_key("pod") {
            labels.remove("workload");
        }
        all.entry(labels).or_default().push((one.begin, one.end));
    }
    for times in all.values_mut() {
        times.sort_unstable();
    }
    all
}

/// Returns the alerts that fire only for one of the exporters or at different times. A difference of one minute is
/// allowed, because the two pages were scraped within a minute.
pub fn differences(ours: &[Firing], theirs: &[Firing]) -> Vec<String> {
    let (ours, theirs) = (times(ours), times(theirs));
    let near = |a: &[(usize, usize)], b: &[(usize, usize)]| {
        a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.0.abs_diff(b.0) <= 1 && a.1.abs_diff(b.1) <= 1)
    };
    let names: BTreeSet<&Labels> = ours.keys().chain(theirs.keys()).collect();
    let none = Vec::new();
    names
        .into_iter()
        .filter_map(|labels| {
            let (a, b) = (ours.get(labels).unwrap_or(&none), theirs.get(labels).unwrap_or(&none));
            (!near(a, b)).then(|| format!("{labels:?}: ours in minutes {a:?}, theirs in {b:?}"))
        })
        .collect()
}

/// Whether a difference is a known limitation of a release: kube-state-metrics before 2.20 reports that a sidecar has
/// terminated, but not when.
pub fn is_known(difference: &str) -> bool {
    let minor =
        difference.strip_prefix("kube-state-metrics-2.").and_then(|rest| rest.split('.').next()?.parse::<u32>().ok());
    minor.is_some_and(|minor| minor < 20)
        && difference.contains("ChecklistContainerRestarted")
        && difference.contains("\"container\": \"first\"")
        && difference.ends_with("theirs in []")
}

/// Returns the names of the alerts that fired.
pub fn names(firing: &[Firing]) -> BTreeSet<&str> {
    firing.iter().filter_map(|one| one.labels.get("alertname").map(String::as_str)).collect()
}

/// Reads recorded pages.
pub fn replayed(name: &str) -> anyhow::Result<Vec<Page>> {
    let mut pages = Vec::new();
    for at in 1..10 {
        let file = kept().join(name).join(format!("{at}.txt"));
        let Ok(text) = std::fs::read_to_string(&file) else { break };
        let (first, lines) = text.split_once('\n').context("an empty page")?;
        let at = first.trim_start_matches("# read at ").parse().with_context(|| file.display().to_string())?;
        pages.push(Page { text: lines.trim_end().to_owned(), at });
    }
    anyhow::ensure!(!pages.is_empty(), "no pages of {name}");
    Ok(pages)
}

/// Returns the folder of the recorded pages.
pub fn kept() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sources")
}
