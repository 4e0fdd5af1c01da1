//! Tells the tests at build time which schemas of others this machine has (scripts/install-schemas), so that a test without
//! its schema is reported as ignored, with the reason.

use std::path::Path;

fn main() {
    let modules = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/schemas/node_modules");
    println!("cargo::rerun-if-changed=build.rs");
    // A folder that is not there yet would make every build a new one.
    let watched = modules.ancestors().find(|folder| folder.exists()).unwrap_or(&modules);
    println!("cargo::rerun-if-changed={}", watched.display());
    let path = std::env::var_os("PATH").unwrap_or_default();
    let has_node = std::env::split_paths(&path).any(|folder| folder.join("node").exists());
    flag("has_grafana_schema", has_node && modules.join("@grafana/schema").exists());
    flag("has_sarif_schema", modules.join("@microsoft/jest-sarif").exists());
}

fn flag(name: &str, holds: bool) {
    println!("cargo::rustc-check-cfg=cfg({name})");
    if holds {
        println!("cargo::rustc-cfg={name}");
    }
}
