//! Sets `cfg` flags for the tests: which schemas and programs of other projects this machine has (from
//! scripts/install-schemas and scripts/build-parts). A test without its schema or program is then reported as ignored,
//! with the reason.

use std::path::Path;

fn main() {
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target");
    let modules = target.join("schemas/node_modules");
    let part = |path: &str| target.join("parts").join(path);
    let [promtool, amtool, helm, definitions] = ["bin/promtool", "bin/amtool", "bin/helm", "definitions"].map(part);
    println!("cargo::rerun-if-changed=build.rs");
    for path in [&modules, &promtool, &amtool, &helm, &definitions] {
        // Cargo rebuilds every time when a watched path is missing, so the nearest folder that exists is watched.
        let watched = path.ancestors().find(|folder| folder.exists()).unwrap_or(path);
        println!("cargo::rerun-if-changed={}", watched.display());
    }
    flag("has_newest_promtool", promtool.exists());
    flag("has_newest_amtool", amtool.exists());
    flag("has_helm", helm.exists());
    flag("has_operator_definitions", definitions.exists());
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
