//! Network policies: the pods may reach the configured targets and DNS only.

use crate::outputs::kubernetes::names::{NAME, Part};
use checklist::config::{Kubernetes, S3Prefix};
use checklist::targets::{self, Needs, Target};
use checklist::{Access, Config};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use url::{Host, Url};

/// The port on which the exporter serves its metrics.
pub const METRICS_PORT: u16 = 9876;
/// The ports of API servers. A policy matches the port of the server behind the Service, which differs between
/// clusters.
const API_SERVER: [u16; 2] = [443, 6443];
/// The port of the kubelet's API.
const KUBELET: u16 = 10250;
const HTTPS: u16 = 443;
/// The addresses from which pods get AWS credentials: the instance metadata service and the EKS pod identity agent.
const AWS_CREDENTIALS: [&str; 4] = ["169.254.169.254/32", "169.254.170.23/32", "fd00:ec2::254/128", "fd00:ec2::23/128"];

/// Returns a list of two policies: for the exporter and for the pods of its jobs.
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

/// Returns what the exporter connects to.
fn of_checks(config: &Config) -> Reach {
    let mut reach = Reach::default();
    reach.leases(config);
    let checks = config.checks();
    let looked_at =
        |list: &str, name: &str| checks.iter().any(|check| check.signal.kind.key() == list && check.target == name);
    let connects = |list: &str, name: &str| {
        let reviews = |cluster: &Kubernetes| cluster.name == name && !cluster.web_audiences.is_empty();
        looked_at(list, name) || (list == "kubernetes" && config.kubernetes.iter().any(reviews))
    };
    for (list, target) in config.each().into_iter().filter(|(list, target)| connects(list, target.name())) {
        reach.needs(&target.needs());
        let stats = |access: &Access| matches!(access, Access::Kubernetes(_, "nodes/stats", _));
        let here = checks.iter().filter(|check| check.signal.kind.key() == list && check.target == target.name());
        if here.flat_map(|check| check.signal.access).any(stats) {
            reach.add(Peer::Anyone, KUBELET);
        }
    }
    reach.records(config);
    reach
}

/// Returns what the jobs connect to.
fn of_jobs(config: &Config) -> Reach {
    let mut reach = Reach::default();
    reach.leases(config);
    for backup in &config.backups {
        let Some(restore) = &backup.restore else { continue };
        reach.needs(&backup.needs());
        // verify-backup compares the given restore server with every configured database, to be sure that it is none of
        // them.
        for target in restore.server.iter().flat_map(|server| [server].into_iter().chain(&config.postgres)) {
            reach.needs(&target.needs());
        }
    }
    for server in &config.alertmanagers {
        reach.needs(&server.needs());
    }
    if let Some(server) = config.prometheus.first() {
        reach.needs(&server.needs());
    }
    if config.alerting.reports.as_ref().is_some_and(|reports| reports.webhook_url_file.is_some()) {
        // The webhook's address is a secret, so its host is not known here.
        reach.add(Peer::Anyone, HTTPS);
    }
    reach.records(config);
    reach
}

/// A peer of a network policy.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Peer {
    /// A host name outside the cluster. A policy cannot contain names, so any address is allowed, on this port only.
    Anyone,
    /// An address block.
    Block(String),
    /// All pods of a namespace.
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

/// The ports for each peer.
#[derive(Debug, Default)]
struct Reach(BTreeMap<Peer, BTreeSet<u16>>);

impl Reach {
    fn add(&mut self, peer: Peer, port: u16) {
        self.0.entry(peer).or_default().insert(port);
    }

    fn url(&mut self, url: &str) {
        // checklist.yaml was validated before, so every address parses.
        let Ok(url) = Url::parse(url) else { return };
        let (Some(host), Some(port)) = (url.host(), url.port_or_known_default()) else { return };
        let host = match host {
            Host::Domain(name) => name.to_owned(),
            Host::Ipv4(address) => address.to_string(),
            Host::Ipv6(address) => address.to_string(),
        };
        self.add(Peer::of(&host), port);
    }

    fn needs(&mut self, needs: &Needs<'_>) {
        for peer in &needs.peers {
            match peer {
                targets::Peer::Host(host, port) => self.add(Peer::of(host), *port),
                targets::Peer::Url(url) => self.url(url),
                targets::Peer::Bucket(place) => self.bucket(place),
                targets::Peer::Kubernetes => self.api_server(),
            }
        }
    }

    fn api_server(&mut self) {
        for port in API_SERVER {
            self.add(Peer::Anyone, port);
        }
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
        if config.election().is_some() {
            self.api_server();
        }
    }

    fn records(&mut self, config: &Config) {
        config.tasks.iter().for_each(|tasks| self.needs(&tasks.needs()));
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
