//! Tells the tests at build time whether the newest Prometheus is in target/parts (scripts/build-parts), so that the test
//! that needs it is reported as ignored where it is missing, with the reason.

use std::path::Path;

fn main() {
    let prometheus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/parts/bin/prometheus");
    println!("cargo::rerun-if-changed=build.rs");
    // What is not there yet would make every build a new one.
    let watched = prometheus.ancestors().find(|folder| folder.exists()).unwrap_or(&prometheus);
    println!("cargo::rerun-if-changed={}", watched.display());
    println!("cargo::rustc-check-cfg=cfg(has_newest_prometheus)");
    if prometheus.exists() {
        println!("cargo::rustc-cfg=has_newest_prometheus");
    }
}
