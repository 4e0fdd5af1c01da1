//! The servers of the cluster: the arguments of each, and a request that shows when it is ready.

use super::api::Api;
use crate::parts::{Ready, Service};
use crate::peers::Authority;
use crate::process::free_port;
use futures::FutureExt;
use rcgen::KeyPair;
use std::path::Path;
use std::sync::Arc;

/// Bearer token of the cluster's administrator.
pub(super) const ADMIN: &str = "administrator-of-the-tests";
/// The configuration of kwok: life cycles of nodes and pods.
const STAGES: &str = include_str!("stages.yaml");
/// The audit policy: records only requests of service accounts, without those of kube-system.
const AUDIT: &str = "apiVersion: audit.k8s.io/v1
kind: Policy
rules:
- {level: None, userGroups: [system:serviceaccounts:kube-system]}
- {level: Metadata, userGroups: [system:serviceaccounts], omitStages: [RequestReceived]}
- {level: None}
";

pub(super) fn write_files(folder: &Path, authority: &Authority) -> anyhow::Result<()> {
    let accounts = KeyPair::generate()?;
    let (server, server_key) = authority.pem("kubernetes.default.svc")?;
    let (aggregator, aggregator_key) = authority.pem("aggregator")?;
    for (name, text) in [
        ("accounts.key", accounts.serialize_pem()),
        ("accounts.pub", accounts.public_key_pem()),
        ("server.crt", server),
        ("server.key", server_key),
        ("aggregator.crt", aggregator),
        ("aggregator.key", aggregator_key),
        ("tokens.csv", format!("{ADMIN},administrator,1,system:masters\n")),
        ("audit-policy.yaml", AUDIT.to_owned()),
        ("stages.yaml", STAGES.to_owned()),
        ("audit.log", String::new()),
        // A copy, so that client certificates stay valid when the server gets a certificate of another authority.
        ("clients.pem", std::fs::read_to_string(&authority.ca_file)?),
    ] {
        std::fs::write(folder.join(name), text)?;
    }
    Ok(())
}

pub(super) fn kubeconfig(port: u16, ca_file: &Path, token: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: stack\n\
         clusters: [{{name: stack, cluster: {{server: 'https://127.0.0.1:{port}', certificate-authority: {}}}}}]\n\
         users: [{{name: stack, user: {{token: {token}}}}}]\n\
         contexts: [{{name: stack, context: {{cluster: stack, user: stack}}}}]\n",
        ca_file.display()
    )
}

pub(super) fn etcd(folder: &Path) -> anyhow::Result<Service> {
    let (client, peer) = (format!("http://127.0.0.1:{}", free_port()?), format!("http://127.0.0.1:{}", free_port()?));
    let health = format!("{client}/health");
    let ready: Ready = Arc::new(move || {
        let health = health.clone();
        async move { crate::http::is_up(&health).await }.boxed()
    });
    Ok(Service::new("etcd", folder, client.clone(), ready)?
        .arg(format!("--data-dir={}", folder.join("etcd").display()))
        .arg(format!("--listen-client-urls={client}"))
        .arg(format!("--advertise-client-urls={client}"))
        .arg(format!("--listen-peer-urls={peer}"))
        .arg(format!("--initial-advertise-peer-urls={peer}"))
        .arg(format!("--initial-cluster=default={peer}"))
        .args(&["--unsafe-no-fsync", "--log-level=warn"]))
}

pub(super) fn api_server(folder: &Path, port: u16, etcd: &str, kubeconfig: &str) -> anyhow::Result<Service> {
    let at = |name: &str| folder.join(name).display().to_string();
    let kubeconfig = kubeconfig.to_owned();
    let ready: Ready = Arc::new(move || {
        let kubeconfig = kubeconfig.clone();
        async move {
            let Ok(api) = Api::new(&kubeconfig).await else { return false };
            api.text("/readyz").await.is_ok()
        }
        .boxed()
    });
    let account = "--service-account";
    Ok(Service::new("kube-apiserver", folder, format!("https://127.0.0.1:{port}"), ready)?
        .arg(format!("--etcd-servers={etcd}"))
        .arg(format!("--secure-port={port}"))
        // Without a default route the API server cannot find an address to advertise.
        .args(&["--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", "--authorization-mode=RBAC"])
        .args(&["--service-cluster-ip-range=10.0.0.0/16", "--allow-privileged=true", "--endpoint-reconciler-type=none"])
        .arg("--delete-collection-workers=8")
        .arg(format!("--tls-cert-file={}", at("server.crt")))
        .arg(format!("--tls-private-key-file={}", at("server.key")))
        .arg(format!("--token-auth-file={}", at("tokens.csv")))
        .arg(format!("{account}-issuer=https://kubernetes.default.svc"))
        .arg(format!("{account}-key-file={}", at("accounts.pub")))
        .arg(format!("{account}-signing-key-file={}", at("accounts.key")))
        .arg(format!("--client-ca-file={}", at("clients.pem")))
        .arg(format!("--requestheader-client-ca-file={}", at("ca.pem")))
        .args(&["--requestheader-allowed-names=aggregator", "--requestheader-username-headers=X-Remote-User"])
        .args(&["--requestheader-group-headers=X-Remote-Group", "--requestheader-extra-headers-prefix=X-Remote-Extra-"])
        .arg(format!("--proxy-client-cert-file={}", at("aggregator.crt")))
        .arg(format!("--proxy-client-key-file={}", at("aggregator.key")))
        .arg(format!("--kubelet-certificate-authority={}", at("ca.pem")))
        .arg("--kubelet-preferred-address-types=InternalIP")
        .arg(format!("--audit-policy-file={}", at("audit-policy.yaml")))
        .arg(format!("--audit-log-path={}", at("audit.log")))
        .arg("--audit-log-mode=blocking"))
}

/// Returns a control plane component that serves `/healthz` on a port of its own.
fn component(name: &'static str, folder: &Path) -> anyhow::Result<Service> {
    let at = |name: &str| folder.join(name).display().to_string();
    let address = format!("https://127.0.0.1:{}", free_port()?);
    let (port, ca) = (address.rsplit(':').next().unwrap_or_default().to_owned(), folder.join("ca.pem"));
    let health = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: x\n\
         clusters: [{{name: x, cluster: {{server: '{address}', certificate-authority: {}}}}}]\n\
         users: [{{name: x, user: {{}}}}]\ncontexts: [{{name: x, context: {{cluster: x, user: x}}}}]\n",
        ca.display()
    );
    let ready: Ready = Arc::new(move || {
        let health = health.clone();
        async move {
            let Ok(api) = Api::new(&health).await else { return false };
            api.text("/healthz").await.is_ok()
        }
        .boxed()
    });
    Ok(Service::new(name, folder, address, ready)?
        .arg(format!("--kubeconfig={}", at("admin.kubeconfig")))
        .arg(format!("--secure-port={port}"))
        .args(&["--bind-address=127.0.0.1", "--leader-elect=false"])
        .arg(format!("--tls-cert-file={}", at("server.crt")))
        .arg(format!("--tls-private-key-file={}", at("server.key"))))
}

pub(super) fn controllers(folder: &Path) -> anyhow::Result<Service> {
    let at = |name: &str| folder.join(name).display().to_string();
    Ok(component("kube-controller-manager", folder)?
        .arg(format!("--service-account-private-key-file={}", at("accounts.key")))
        .arg(format!("--root-ca-file={}", at("ca.pem")))
        .args(&["--kube-api-qps=1000", "--kube-api-burst=2000", "--horizontal-pod-autoscaler-sync-period=1s"])
        .args(&["--pvclaimbinder-sync-period=1s", "--horizontal-pod-autoscaler-downscale-stabilization=1s"])
        // The autoscaler counts the usage of a new pod at once.
        .args(&[
            "--horizontal-pod-autoscaler-initial-readiness-delay=0s",
            "--horizontal-pod-autoscaler-cpu-initialization-period=0s",
        ]))
}

pub(super) fn scheduler(folder: &Path) -> anyhow::Result<Service> {
    Ok(component("kube-scheduler", folder)?.args(&["--kube-api-qps=1000", "--kube-api-burst=2000"]))
}

pub(super) fn kwok(folder: &Path) -> anyhow::Result<Service> {
    let at = |name: &str| folder.join(name).display().to_string();
    let address = format!("http://127.0.0.1:{}", free_port()?);
    let health = format!("{address}/healthz");
    let ready: Ready = Arc::new(move || {
        let health = health.clone();
        async move { crate::http::is_up(&health).await }.boxed()
    });
    let server = address.trim_start_matches("http://").to_owned();
    Ok(Service::new("kwok", folder, address, ready)?
        .arg(format!("--kubeconfig={}", at("admin.kubeconfig")))
        .arg(format!("--config={}", at("stages.yaml")))
        .arg(format!("--server-address={server}"))
        // kwok renews a lease for each node; nodes without one become NotReady.
        .args(&["--manage-all-nodes=true", "--node-lease-duration-seconds=40", "--cidr=10.1.0.0/16"])
        .env("HOME", folder.display().to_string()))
}
