//! A real API server judges every object, where the folder `KUBEBUILDER_ASSETS` has one: etcd, kube-apiserver and kubectl
//! (`setup-envtest use --print path` downloads them).

use super::{Objects, said};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Of the operator's definitions the API server knows nothing; `schema` judges them.
const OF_THE_OPERATOR: [&str; 2] = ["PrometheusRule", "ServiceMonitor"];
const TOKEN: &str = "administrator-of-a-test";

/// A child that ends with its handle.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// etcd, and an API server without controllers: objects are judged, nothing runs.
pub(crate) struct Server {
    kubectl: PathBuf,
    address: String,
    // In this order they end.
    _api: Running,
    _etcd: Running,
    folder: TempDir,
}

impl Server {
    /// Starts both; nothing without `KUBEBUILDER_ASSETS`.
    pub(crate) fn start() -> Option<Self> {
        let assets = PathBuf::from(std::env::var_os("KUBEBUILDER_ASSETS")?);
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        let (client, peer, port) = (free_port(), free_port(), free_port());
        let etcd_address = format!("http://127.0.0.1:{client}");
        let etcd = start(
            Command::new(assets.join("etcd"))
                .arg(format!("--data-dir={}", at("etcd").display()))
                .arg(format!("--listen-client-urls={etcd_address}"))
                .arg(format!("--advertise-client-urls={etcd_address}"))
                .arg(format!("--listen-peer-urls=http://127.0.0.1:{peer}"))
                .arg("--unsafe-no-fsync"),
            &at("etcd.log"),
        );
        said(Command::new("openssl").args(["genrsa", "-out"]).arg(at("accounts.key")).arg("2048"));
        std::fs::write(at("tokens.csv"), format!("{TOKEN},admin,1,system:masters\n")).expect("written");
        let key = at("accounts.key");
        let api = start(
            Command::new(assets.join("kube-apiserver"))
                .arg(format!("--etcd-servers={etcd_address}"))
                .arg(format!("--secure-port={port}"))
                .args([
                    "--bind-address=127.0.0.1",
                    "--service-cluster-ip-range=10.0.0.0/24",
                    "--authorization-mode=RBAC",
                ])
                .arg(format!("--cert-dir={}", at("certificates").display()))
                .arg(format!("--token-auth-file={}", at("tokens.csv").display()))
                .arg("--service-account-issuer=https://localhost")
                .arg(format!("--service-account-key-file={}", key.display()))
                .arg(format!("--service-account-signing-key-file={}", key.display()))
                // No controller makes the accounts that it waits for.
                .arg("--disable-admission-plugins=ServiceAccount"),
            &at("api.log"),
        );
        let server = Self {
            kubectl: assets.join("kubectl"),
            address: format!("https://127.0.0.1:{port}"),
            _api: api,
            _etcd: etcd,
            folder,
        };
        let begun = Instant::now();
        while !server.kubectl(&["get", "--raw", "/readyz"]).output().expect("kubectl runs").status.success() {
            let log = server.folder.path().join("api.log");
            let log = || std::fs::read_to_string(&log).unwrap_or_default();
            assert!(begun.elapsed() < Duration::from_mins(2), "the API server is not ready:\n{}", log());
            std::thread::sleep(Duration::from_millis(200));
        }
        Some(server)
    }

    fn kubectl(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.kubectl);
        command.args(["--server", &self.address, "--token", TOKEN, "--insecure-skip-tls-verify"]).args(arguments);
        command
    }

    /// Lets the server judge every object that it can know.
    pub(crate) fn check(&self, objects: &Objects) {
        let mut namespaces: Vec<&str> = objects.keys().map(|(_, namespace, _)| namespace.as_str()).collect();
        namespaces.sort_unstable();
        namespaces.dedup();
        for namespace in namespaces.into_iter().filter(|name| !["", "default"].contains(name)) {
            said(&mut self.kubectl(&["create", "namespace", namespace]));
        }
        for ((kind, _, name), object) in
            objects.iter().filter(|((kind, ..), _)| !OF_THE_OPERATOR.contains(&kind.as_str()))
        {
            let file = self.folder.path().join("object.json");
            std::fs::write(&file, object.to_string()).expect("written");
            let path = file.display().to_string();
            let arguments = ["apply", "--server-side", "--dry-run=server", "--validate=strict", "--filename", &path];
            let output = self.kubectl(&arguments).output().expect("kubectl runs");
            assert!(output.status.success(), "{kind} {name}: {}", String::from_utf8_lossy(&output.stderr));
        }
    }
}

fn start(command: &mut Command, log: &Path) -> Running {
    let file = std::fs::File::create(log).expect("a log");
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(file).spawn();
    Running(child.unwrap_or_else(|error| panic!("{command:?}: {error}")))
}

fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr()).expect("a free port").port()
}
