//! Whom the pods may talk to: the ports of the configured targets, DNS, and nobody else.

use crate::outputs::kubernetes::names::{NAME, Part};
use checklist::config::{Endpoint, Kubernetes, RecordPlace, ReportPlace, S3Prefix};
use checklist::{Access, Config};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use url::{Host, Url};

/// Where the exporter answers inside a cluster.
pub const METRICS_PORT: u16 = 9876;
/// The API server behind its Service: policies see the port of the server, not of the Service.
const API_SERVER: [u16; 2] = [443, 6443];
/// The kubelet's own API.
const KUBELET: u16 = 10250;
const HTTPS: u16 = 443;
/// Where pods ask for credentials of AWS: the machine's metadata service, and the agent of pod identities.
const AWS_CREDENTIALS: [&str; 4] = ["169.254.169.254/32", "169.254.170.23/32", "fd00:ec2::254/128", "fd00:ec2::23/128"];

/// One policy for the exporter and one for the pods of its jobs, as a list.
pub fn policies(config: &Config) -> Value {
    let metrics = json!([{"ports": [{"port": METRICS_PORT, "protocol": "TCP"}]}]);
    let items = [
        policy(NAME, Part::Exporter, &metrics, &of_checks(config)),
        policy(&format!("{NAME}-jobs"), Part::Job, &json!([]), &of_jobs(config)),
    ];
    json!({"apiVersion": "v1", "kind": "List", "items": items})
}

fn policy(name: &str, part: Part, ingress: &Value, reach: &Reach) -> Value {
    json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": name},
        "spec": {
            "podSelector": {"matchLabels": part.labels()},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": ingress,
            "egress": reach.rules(),
        },
    })
}

/// What the exporter itself contacts.
fn of_checks(config: &Config) -> Reach {
    let mut reach = Reach::default();
    reach.leases(config);
    let checks = config.checks();
    let looked_at =
        |list: &str, name: &str| checks.iter().any(|check| check.signal.kind.key() == list && check.target == name);
    let asked = |cluster: &&Kubernetes| looked_at("kubernetes", &cluster.name) || !cluster.web_audiences.is_empty();
    for cluster in config.kubernetes.iter().filter(asked) {
        for port in API_SERVER {
            reach.add(Peer::Anyone, port);
        }
        let stats = |access: &Access| matches!(access, Access::Kubernetes(_, "nodes/stats", _));
        let asked = |signal: &&str| config.signal(signal).is_some_and(|signal| signal.access.iter().any(stats));
        let mut here = checks.iter().filter(|check| check.target == cluster.name).map(|check| check.signal.id);
        if here.any(|signal| asked(&signal)) {
            reach.add(Peer::Anyone, KUBELET);
        }
    }
    for target in config.health.iter().filter(|target| looked_at("health", &target.name)) {
        reach.endpoint(&target.endpoint);
    }
    for target in config.backups.iter().filter(|target| looked_at("backups", &target.name)) {
        reach.bucket(&target.place);
    }
    for target in config.postgres.iter().filter(|target| looked_at("postgres", &target.name)) {
        reach.add(Peer::of(&target.host), target.port);
    }
    for target in config.certificates.iter().filter(|target| looked_at("certificates", &target.name)) {
        reach.add(Peer::of(&target.host), target.port);
    }
    for (list, servers) in [("alertmanagers", &config.alertmanagers), ("prometheus", &config.prometheus)] {
        for target in servers.iter().filter(|target| looked_at(list, &target.name)) {
            reach.endpoint(&target.endpoint);
        }
    }
    for report in config.reports.iter().filter(|report| looked_at("reports", &report.name)) {
        match &report.place {
            ReportPlace::S3(place) => reach.bucket(place),
            ReportPlace::Http(endpoint) => reach.endpoint(endpoint),
            ReportPlace::File(_) | ReportPlace::Directory(_) => {}
        }
    }
    reach.records(config);
    reach
}

/// What the proofs and the reports contact.
fn of_jobs(config: &Config) -> Reach {
    let mut reach = Reach::default();
    reach.leases(config);
    for backup in &config.backups {
        let Some(restore) = &backup.restore else { continue };
        reach.bucket(&backup.place);
        // A given server is compared with every database that it must not be.
        for target in restore.server.iter().flat_map(|server| [server].into_iter().chain(&config.postgres)) {
            reach.add(Peer::of(&target.host), target.port);
        }
    }
    for server in config.alertmanagers.iter().chain(config.prometheus.first()) {
        reach.endpoint(&server.endpoint);
    }
    if config.alerting.reports.as_ref().is_some_and(|reports| reports.webhook_url_file.is_some()) {
        // The address is a secret: only how such addresses begin is known.
        reach.add(Peer::Anyone, HTTPS);
    }
    reach.records(config);
    reach
}

/// Who is contacted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Peer {
    /// A name outside: a policy knows no names, so only the port is bound.
    Anyone,
    Block(String),
    Namespace(String),
}

impl Peer {
    fn of(host: &str) -> Self {
        if let Ok(address) = host.parse::<IpAddr>() {
            return Self::Block(format!("{address}/{}", if address.is_ipv4() { 32 } else { 128 }));
        }
        let labels: Vec<&str> = host.trim_end_matches('.').split('.').collect();
        match labels.as_slice() {
            [_, namespace, "svc"] | [_, namespace, "svc", "cluster", "local"] => {
                Self::Namespace((*namespace).to_owned())
            }
            _ => Self::Anyone,
        }
    }

    fn selector(&self) -> Option<Value> {
        match self {
            Self::Anyone => None,
            Self::Block(cidr) => Some(json!([{"ipBlock": {"cidr": cidr}}])),
            Self::Namespace(name) => {
                Some(json!([{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}}]))
            }
        }
    }
}

/// Ports by peer.
#[derive(Debug, Default)]
struct Reach(BTreeMap<Peer, BTreeSet<u16>>);

impl Reach {
    fn add(&mut self, peer: Peer, port: u16) {
        self.0.entry(peer).or_default().insert(port);
    }

    fn url(&mut self, url: &str) {
        // What is no address was refused when checklist.yaml was read.
        let Ok(url) = Url::parse(url) else { return };
        let (Some(host), Some(port)) = (url.host(), url.port_or_known_default()) else { return };
        let host = match host {
            Host::Domain(name) => name.to_owned(),
            Host::Ipv4(address) => address.to_string(),
            Host::Ipv6(address) => address.to_string(),
        };
        self.add(Peer::of(&host), port);
    }

    fn endpoint(&mut self, endpoint: &Endpoint) {
        self.url(&endpoint.url);
    }

    fn bucket(&mut self, place: &S3Prefix) {
        match &place.endpoint {
            Some(endpoint) => self.url(endpoint),
            None => self.add(Peer::Anyone, HTTPS),
        }
        if place.credentials.is_none() {
            self.add(Peer::Anyone, HTTPS);
            for block in AWS_CREDENTIALS {
                self.add(Peer::Block(block.to_owned()), 80);
            }
        }
    }

    fn leases(&mut self, config: &Config) {
        for port in config.election().into_iter().flat_map(|_| API_SERVER) {
            self.add(Peer::Anyone, port);
        }
    }

    fn records(&mut self, config: &Config) {
        if let Some(RecordPlace::S3(place)) = config.tasks.as_ref().map(|tasks| &tasks.place) {
            self.bucket(place);
        }
    }

    fn rules(&self) -> Vec<Value> {
        let dns = json!({"ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]});
        let rule = |(peer, ports): (&Peer, &BTreeSet<u16>)| {
            let ports: Vec<Value> = ports.iter().map(|port| json!({"port": port, "protocol": "TCP"})).collect();
            match peer.selector() {
                Some(to) => json!({"to": to, "ports": ports}),
                None => json!({"ports": ports}),
            }
        };
        std::iter::once(dns).chain(self.0.iter().map(rule)).collect()
    }
}
