//! Files that the configuration of a server names: rule files, certificates, keys, tokens. One that is not there is
//! reported, as promtool does.

use super::report::{Level, Report};
use super::target_files;
use super::yaml::{Kind, Node};
use std::path::{Path, PathBuf};

/// The keys whose value is the name of a file that the server reads.
const KEYS: [&str; 12] = [
    "cert_file",
    "key_file",
    "ca_file",
    "client_ca_file",
    "bearer_token_file",
    "credentials_file",
    "password_file",
    "username_file",
    "client_secret_file",
    "auth_password_file",
    "api_url_file",
    "service_key_file",
];
/// Those of a scrape that promtool looks for.
const OF_SCRAPES: [&str; 4] = ["cert_file", "key_file", "bearer_token_file", "credentials_file"];
/// The largest file in bytes in which a certificate is looked for.
const LARGEST: u64 = 1 << 20;

/// Reports files of a server's configuration that are not there.
pub(super) fn of_server(root: &Node, report: &mut Report<'_>) {
    let Some(folder) = folder(report) else { return };
    target_files::check(root, &folder, report);
    let id = if root.get("receivers").is_some() { "RG036" } else { "RG008" };
    let mut found = Vec::new();
    // promtool takes every name without `*` as that of one file.
    let one = |name: &&Node| !name.text().is_some_and(|name| name.contains('*'));
    found.extend(
        root.get("rule_files")
            .map(Node::items)
            .unwrap_or_default()
            .iter()
            .filter(one)
            .map(|name| (name, "rule_files", true)),
    );
    named(root, &mut Vec::new(), &mut found);
    for (node, key, refused) in found {
        let Some(name) = node.text().filter(|name| !name.is_empty()) else { continue };
        let path = folder.join(name);
        if path.exists() {
            if let Some(why) = other_kind(key, &path) {
                // promtool reads them for a web server only.
                let level = if root.get("tls_server_config").is_some() { Level::Error } else { Level::Warning };
                report.add(id, level, node, format!("{name} {why}"), "exchange cert_file and key_file");
            }
            continue;
        }
        // Nothing checks the files of Alertmanager before it sends a notification.
        if is_external(name) || (id == "RG036" && Path::new(name).is_absolute()) {
            let message = format!("{name} is not on this machine; it must be on the server");
            report.add(id, Level::Info, node, message, "promtool check config, on the server");
            continue;
        }
        let level = if refused { Level::Error } else { Level::Warning };
        report.add(
            id,
            level,
            node,
            format!("there is no file {name}"),
            "a relative name begins at the folder of this file",
        );
    }
}

/// Reports names and patterns in the `rule_files` of a rule test to which no file belongs. promtool runs the test
/// without the rules, and a test that expects nothing passes.
pub(super) fn of_test(root: &Node, report: &mut Report<'_>) {
    let Some(folder) = folder(report) else { return };
    for node in root.get("rule_files").map(Node::items).unwrap_or_default() {
        let Some(name) = node.text().filter(|name| !name.is_empty() && !is_external(name)) else { continue };
        let path = folder.join(name);
        let some =
            path.exists() || glob::glob(&path.to_string_lossy()).is_ok_and(|mut found| found.any(|path| path.is_ok()));
        if !some {
            let message = format!("there is no file {name}: promtool runs the test without its rules");
            report.add("RG041", Level::Warning, node, message, "a test that expects nothing passes then");
        }
    }
}

/// Returns the folder of the linted file, where relative names begin. `None` for a text that is not in a file.
fn folder(report: &Report<'_>) -> Option<PathBuf> {
    let own = Path::new(report.file());
    own.is_file().then(|| own.parent().unwrap_or(Path::new("")).to_owned())
}

/// Whether a file is in a folder that this machine does not have. Then it is probably on another machine.
fn is_external(name: &str) -> bool {
    let path = Path::new(name);
    path.is_absolute() && !path.parent().is_some_and(Path::exists)
}

/// Returns what is wrong if a file has a key where a certificate must be, or a certificate where a key must be. Files
/// without any block of PEM may be placeholders.
fn other_kind(key: &str, path: &Path) -> Option<&'static str> {
    if !["cert_file", "key_file"].contains(&key) || path.metadata().ok()?.len() > LARGEST {
        return None;
    }
    let text = std::fs::read_to_string(path).ok()?;
    let blocks = || text.lines().filter_map(|line| line.trim().strip_prefix("-----BEGIN ")?.strip_suffix("-----"));
    let certificates = blocks().filter(|kind| *kind == "CERTIFICATE").count();
    let keys = blocks().filter(|kind| kind.ends_with("PRIVATE KEY")).count();
    match (key, certificates, keys) {
        ("cert_file", 0, 1..) => Some("has a private key and no certificate"),
        ("key_file", 1.., 0) => Some("has a certificate and no private key"),
        _ => None,
    }
}

/// Collects the values of [`KEYS`] with their keys, and whether promtool refuses the configuration without the file.
fn named<'a>(node: &'a Node, above: &mut Vec<&'a str>, found: &mut Vec<(&'a Node, &'a str, bool)>) {
    match &node.kind {
        Kind::Scalar(..) => {}
        Kind::List(items) => items.iter().for_each(|item| named(item, above, found)),
        Kind::Map(entries) => {
            for (key, value) in entries {
                let Some(key) = key.text() else { continue };
                if KEYS.contains(&key) {
                    let of_web = above.first() == Some(&"tls_server_config");
                    let others = above.iter().any(|part| *part == "oauth2" || part.ends_with("_sd_configs"));
                    let of_cluster = above.contains(&"kubernetes_sd_configs") && above.last() == Some(&"tls_config");
                    let of_scrape = above.first() == Some(&"scrape_configs") && OF_SCRAPES.contains(&key);
                    found.push((value, key, of_web || (of_scrape && (!others || of_cluster))));
                } else {
                    above.push(key);
                    named(value, above, found);
                    above.pop();
                }
            }
        }
    }
}
