//! Sets `cfg(has_newest_prometheus)` when target/parts holds the newest Prometheus (built by scripts/build-parts).
//! Without it, the test that needs this server is reported as ignored, with the reason.

use std::path::Path;

fn main() {
    let prometheus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/parts/bin/prometheus");
    println!("cargo::rerun-if-changed=build.rs");
    // Watch the nearest folder that exists: cargo rebuilds on every run when a watched path does not exist.
    let watched = prometheus.ancestors().find(|folder| folder.exists()).unwrap_or(&prometheus);
    println!("cargo::rerun-if-changed={}", watched.display());
    println!("cargo::rustc-check-cfg=cfg(has_newest_prometheus)");
    if prometheus.exists() {
        println!("cargo::rustc-cfg=has_newest_prometheus");
    }
}
