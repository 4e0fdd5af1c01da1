//! The same month as other exporters would have exposed it: kube-state-metrics, the kubelet, `postgres_exporter` and
//! `blackbox_exporter`. Rule sets of other projects read these series.
//!
//! Nothing happens here: every value is derived from the series of the probes, after ordinary life and all incidents
//! have been written. Names and labels are those of `tests/sources`, which were recorded from released exporters, and
//! of the manuals where nothing was recorded.

mod blackbox_exporter;
mod kube_state_metrics;
mod kubelet;
mod page;
mod pods;
mod postgres_exporter;

use super::board::Board;
use super::shop::{DAY, Shop};
use checklist::self_metrics::{BUILD_INFO, TARGET_REACHABLE};
use page::is_one;

/// Exporters that share the fate of ours: when nothing watches, none of them can be scraped.
const EXPORTERS: [&str; 3] = ["kube-state-metrics", "postgres-exporter", "blackbox-exporter"];

/// Returns what other exporters call an object of the ledger.
pub fn known_as(shop: &Shop, name: &str) -> Vec<String> {
    let mut all = Vec::new();
    match name {
        "main" => all.extend(["alertmanager", "prometheus"].map(str::to_owned)),
        "exporter" => all.extend(EXPORTERS.map(str::to_owned)),
        "daily" => all.extend((0..shop.minutes / DAY).map(kube_state_metrics::dump)),
        _ => {}
    }
    if shop.databases.iter().any(|database| database == name) {
        all.push(postgres_exporter::instance(name));
    }
    if shop.certificates.iter().any(|endpoint| endpoint == name) {
        all.push(blackbox_exporter::endpoint(name));
    }
    if name == "shop" {
        all.push(blackbox_exporter::HEALTH.to_owned());
    }
    all
}

/// Returns the series of all other exporters in the month of the probes.
pub fn month(shop: &Shop, probes: &Board) -> Board {
    let mut board = Board::new(shop.minutes);
    let watched: Vec<bool> = probes.values(BUILD_INFO.name, &[]).iter().map(|value| !value.is_nan()).collect();
    up(&mut board, shop, probes, &watched);
    kube_state_metrics::write(&mut board, shop, probes, &watched);
    kubelet::write(&mut board, probes);
    for database in &shop.databases {
        postgres_exporter::write(&mut board, shop, probes, &watched, database);
    }
    blackbox_exporter::write(&mut board, shop, probes, &watched);
    board
}

/// Writes `up` of all jobs that these rule sets ask for. The control plane and the kubelets answer all month.
fn up(board: &mut Board, shop: &Shop, probes: &Board, watched: &[bool]) {
    let mut put = |job: &str, more: &[(&str, &str)], value: &dyn Fn(usize) -> bool| {
        let mut labels = vec![("job", job), ("namespace", "monitoring"), ("service", job)];
        labels.extend(more);
        board.draw("up", &labels, |minute| Some(f64::from(u8::from(value(minute)))));
    };
    for job in ["apiserver", "kube-scheduler", "kube-controller-manager", "prometheus"] {
        put(job, &[("instance", job)], &|_| true);
    }
    for node in shop.nodes() {
        put("kubelet", &[("instance", &node), ("node", &node), ("metrics_path", "/metrics")], &|_| true);
    }
    let reachable = probes.values(TARGET_REACHABLE.name, &[("kind", "alertmanager"), ("target", "main")]);
    put("alertmanager", &[("instance", "alertmanager:9093")], &|minute| is_one(reachable, minute));
    put("kube-state-metrics", &[("instance", "kube-state-metrics:8443")], &|minute| watched[minute]);
    put("blackbox-exporter", &[("instance", "blackbox-exporter:9115")], &|minute| watched[minute]);
    for database in &shop.databases {
        let instance = postgres_exporter::instance(database);
        put("postgres-exporter", &[("instance", &instance)], &|minute| watched[minute]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::life::board::known;
    use crate::life::ledger::Incident;
    use crate::life::shop::Kind;
    use crate::life::{incidents, ordinary};
    use crate::sources;
    use std::collections::{BTreeMap, BTreeSet};

    fn high_traffic() -> (Board, Vec<Incident>) {
        let shop = Shop::new(Kind::HighTraffic, 1);
        let config =
            checklist::Config::parse("shop", &shop.checklist()).unwrap_or_else(|mistakes| panic!("{mistakes}"));
        let mut probes = ordinary::month(&shop, &config);
        let ledger = incidents::happen(&shop, &mut probes);
        (month(&shop, &probes), ledger)
    }

    #[test]
    fn labels_are_those_of_recorded_pages() {
        let mut recorded: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for release in ["kube-state-metrics-2.20.0", "postgres_exporter-0.20.1"] {
            for page in sources::replayed(release).unwrap() {
                for (name, labels, _) in page.text.lines().filter_map(sources::sample) {
                    recorded.entry(name).or_default().extend(labels.into_keys());
                }
            }
        }
        let scrape = ["job", "instance", "namespace", "service"];
        let (board, _) = high_traffic();
        let mut compared = BTreeSet::new();
        for (name, labels) in board.tracks().keys() {
            if let Some(known) = recorded.get(name) {
                let unknown = |label: &&String| !known.contains(*label) && !scrape.contains(&label.as_str());
                let unknown: Vec<&String> = labels.keys().filter(unknown).collect();
                assert!(unknown.is_empty(), "{name}: {unknown:?}");
                compared.insert(name);
            }
        }
        assert!(compared.len() >= 30, "{compared:?}");
    }

    #[test]
    fn an_incident_is_seen_by_every_exporter_that_looks_at_its_object() {
        let (board, ledger) = high_traffic();
        let of = |what: &str| {
            let found = ledger.iter().find(|incident| incident.what == what);
            found.unwrap_or_else(|| panic!("no {what}")).begin + 1
        };
        let value = |name: &str, own: &[(&str, &str)], minute: usize| {
            let has = |labels: &crate::life::board::Labels| {
                own.iter().all(|(name, value)| labels.get(*name).is_some_and(|of| of == value))
            };
            let found = board.named(name).find(|(labels, _)| has(labels));
            known(found.unwrap_or_else(|| panic!("no {name}{own:?}")).1, minute)
        };
        let server = ("instance", "shop.db:9187");
        let down = of("database down");
        assert_eq!(value("pg_up", &[server], down), Some(0.0));
        assert_eq!(value("pg_settings_max_connections", &[server], down), None);
        assert_eq!(value("pg_up", &[("instance", "billing.db:9187")], down), Some(1.0));
        let crash = [("pod", "shop-1"), ("reason", "CrashLoopBackOff")];
        assert_eq!(value("kube_pod_container_status_waiting_reason", &crash, of("crash loop of a pod")), Some(1.0));
        let pull = of("image cannot be pulled");
        assert_eq!(value("kube_pod_status_phase", &[("pod", "shop-new"), ("phase", "Pending")], pull), Some(1.0));
        let progress = [("deployment", "shop"), ("condition", "Progressing"), ("status", "false")];
        assert_eq!(value("kube_deployment_status_condition", &progress, pull), Some(0.0));
        assert_eq!(value("kube_deployment_status_condition", &progress, pull + 10), Some(1.0));
        let node = [("node", "node-6"), ("condition", "Ready"), ("status", "true")];
        assert_eq!(value("kube_node_status_condition", &node, of("node lost, pods wait for room")), Some(0.0));
        let watchers = of("nothing watches");
        assert_eq!(value("up", &[("job", "kube-state-metrics")], watchers), Some(0.0));
        assert_eq!(value("kube_node_status_condition", &node, watchers), None);
        let claim = [("persistentvolumeclaim", "data")];
        assert!(value("kubelet_volume_stats_used_bytes", &claim, watchers).is_some());
        let page = [("instance", blackbox_exporter::HEALTH)];
        assert_eq!(value("probe_success", &page, of("health page does not answer")), Some(0.0));
        let endpoint = [("instance", "endpoint01.example.com:443")];
        assert_eq!(value("probe_success", &endpoint, of("clients refuse the certificate")), Some(0.0));
        let night = of("a night without a backup");
        let failed: Vec<&str> = board
            .named("kube_job_failed")
            .filter(|(_, values)| known(values, night).is_some())
            .filter_map(|(labels, _)| labels.get("job_name").map(String::as_str))
            .collect();
        assert_eq!(failed.len(), 1, "{failed:?}");
        assert_eq!(value("kube_job_status_failed", &[("job_name", failed[0])], night), Some(1.0));
    }
}
