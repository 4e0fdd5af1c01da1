//! A checklist.yaml with every kind of target on every hostile peer.

use super::behaviour::{Behaviour, Peer};
use std::fmt::Write as _;
use std::path::Path;

/// The running peers of such a file.
pub struct Matrix {
    /// The peers by name: the given ones, and one for each behaviour.
    pub peers: Vec<(String, Peer)>,
    /// Number of targets in the file.
    pub targets: usize,
}

/// The lists of targets with their entries. `{n}` stands for the name of the peer, `{p}` for its port, `{f}` for the
/// folder.
const KINDS: [(&str, &[&str]); 8] = [
    (
        "health",
        &[
            "{name: plain-{n}, url: 'http://127.0.0.1:{p}/health', expect: {status: healthy}}",
            "{name: tls-{n}, url: 'https://127.0.0.1:{p}/health', expect: {status: healthy}}",
        ],
    ),
    (
        "certificates",
        &["{name: tls-{n}, address: '127.0.0.1:{p}'}", "{name: pg-{n}, address: '127.0.0.1:{p}', startTls: postgres}"],
    ),
    ("prometheus", &["{name: '{n}', url: 'http://127.0.0.1:{p}'}"]),
    ("alertmanagers", &["{name: '{n}', url: 'http://127.0.0.1:{p}'}"]),
    ("reports", &["{name: '{n}', format: trivy, url: 'http://127.0.0.1:{p}/report.json'}"]),
    (
        "backups",
        &[
            "{name: '{n}', bucket: backups, prefix: daily/, endpoint: 'http://127.0.0.1:{p}', pathStyle: true, format: pg_dump, accessKeyIdFile: {f}/secret, secretAccessKeyFile: {f}/secret}",
        ],
    ),
    (
        "postgres",
        &[
            "{name: plain-{n}, host: 127.0.0.1, port: {p}, database: app, user: checklist, passwordFile: {f}/secret, tls: disable, server: plain-{n}}",
            "{name: tls-{n}, host: 127.0.0.1, port: {p}, database: app, user: checklist, passwordFile: {f}/secret, tls: require, server: tls-{n}}",
        ],
    ),
    ("kubernetes", &["{name: '{n}', kubeconfig: {f}/kubeconfig-{n}, namespaces: [shop]}"]),
];

impl Matrix {
    /// Starts a peer for each behaviour, in addition to `more`, and writes `checklist.yaml` and the files that it names
    /// into a folder. Every check has the given interval.
    pub async fn start(folder: &Path, more: Vec<(String, Peer)>, interval: &str) -> anyhow::Result<Self> {
        let mut peers = more;
        for behaviour in Behaviour::ALL {
            peers.push((behaviour.name(), Peer::start(behaviour).await?));
        }
        Self::write(folder, peers, &KINDS, interval)
    }

    /// Writes a file with a cluster on each peer, and no other target.
    pub fn of_clusters(folder: &Path, peers: Vec<(String, Peer)>, interval: &str) -> anyhow::Result<Self> {
        let kinds: Vec<_> = KINDS.into_iter().filter(|(list, _)| *list == "kubernetes").collect();
        Self::write(folder, peers, &kinds, interval)
    }

    fn write(
        folder: &Path,
        peers: Vec<(String, Peer)>,
        kinds: &[(&str, &[&str])],
        interval: &str,
    ) -> anyhow::Result<Self> {
        std::fs::write(folder.join("secret"), "secret\n")?;
        for (name, peer) in &peers {
            let kubeconfig = format!(
                "apiVersion: v1\nkind: Config\ncurrent-context: c\n\
                 clusters: [{{name: c, cluster: {{server: \"http://127.0.0.1:{}\"}}}}]\n\
                 users: [{{name: u, user: {{token: token}}}}]\ncontexts: [{{name: c, context: {{cluster: c, user: u}}}}]\n",
                peer.port
            );
            std::fs::write(folder.join(format!("kubeconfig-{name}")), kubeconfig)?;
        }
        let mut targets = 0;
        let mut text = String::new();
        for (list, entries) in kinds {
            let _ = writeln!(text, "{list}:");
            for (name, peer) in &peers {
                for entry in *entries {
                    let entry = entry
                        .replace("{n}", name)
                        .replace("{p}", &peer.port.to_string())
                        .replace("{f}", &folder.display().to_string());
                    let _ = writeln!(text, "  - {entry}");
                    targets += 1;
                }
            }
        }
        text.push_str("checks:\n");
        for signal in checklist::SIGNALS.iter().filter(|signal| signal.kind.is_probed()) {
            let _ = writeln!(text, "  {}: {{interval: {interval}}}", signal.id);
        }
        std::fs::write(folder.join("checklist.yaml"), text)?;
        Ok(Self { peers, targets })
    }
}
