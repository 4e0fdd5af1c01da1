//! Every kind of receiver: amtool accepts the generated file, and the operator's object fits its schema.

#![expect(clippy::unwrap_used, reason = "a test fails by its panic")]

#[path = "deploy/definitions.rs"]
mod definitions;

use checklist::Config;
use definitions::mistakes;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;

const TARGETS: &str = "health: [{name: web, url: 'https://web/'}]\n";
const EVERYTHING: &str = r#"alerting:
  runbookBaseUrl: https://runbooks.example.com
  pagerduty: {routingKeyFile: /s/pagerduty-key, url: "https://events.example.com"}
  slack: {webhookUrlFile: /s/slack-url, channel: ops}
  email: {to: ops@example.com, from: am@example.com, smarthost: "smtp.example.com:587", username: u, passwordFile: /s/smtp-password, severities: [warning]}
  webhook: {url: "https://hooks.example.com/x", severities: [critical]}
  heartbeat: {url: "https://beats.example.com/x", interval: 5m}
  maintenance:
    - {name: night, weekdays: ["saturday:sunday"], times: [{from: "22:00", to: "02:00"}]}
    - {name: lunch, times: [{from: "12:00", to: "13:00"}], timeZone: Europe/Berlin}
  alertmanagerConfig: {namespace: monitoring, labels: {alertmanager: main}}
"#;

fn config(alerting: &str) -> Config {
    let text = format!("{TARGETS}{alerting}");
    Config::parse("checklist.yaml", &text).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

fn amtool(arguments: &[&str], folder: &Path) -> String {
    let output = Command::new("amtool").args(arguments).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "amtool {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn routes(configuration: &Value, labels: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("alertmanager.yaml"), configuration.to_string()).unwrap();
    amtool(&["check-config", "alertmanager.yaml"], folder.path());
    let mut arguments = vec!["config", "routes", "test", "--config.file=alertmanager.yaml"];
    arguments.extend(labels.split(' '));
    amtool(&arguments, folder.path())
}

#[test]
fn each_severity_is_routed_to_its_configured_receivers() {
    let all = rules_gen::outputs::alertmanager::configuration(&config(EVERYTHING));
    let email = "alerting: {email: {to: a@b, from: a@b, smarthost: 'h:25'}}\n";
    let email = rules_gen::outputs::alertmanager::configuration(&config(email));
    let mixed = "alerting: {pagerduty: {routingKeyFile: f}, email: {to: a@b, from: a@b, smarthost: 'h:25', severities: [warning]}}\n";
    let mixed = rules_gen::outputs::alertmanager::configuration(&config(mixed));
    let slack = rules_gen::outputs::alertmanager::configuration(&config("alerting: {slack: {webhookUrlFile: f}}\n"));
    let nobody = rules_gen::outputs::alertmanager::configuration(&config(""));
    let watchdog = "severity=none alertname=ChecklistWatchdog";
    for (configuration, labels, receivers) in [
        (&all, "severity=critical", "webhook,pagerduty"),
        (&all, "severity=warning", "email,slack"),
        (&all, watchdog, "heartbeat"),
        (&all, "severity=none alertname=ChecklistEmergencyOverride", "nobody"),
        (&email, "severity=critical", "email,nobody"),
        (&email, "severity=warning", "email,nobody"),
        (&mixed, "severity=critical", "pagerduty"),
        (&mixed, "severity=warning", "email,nobody"),
        (&slack, "severity=critical", "slack"),
        (&slack, watchdog, "nobody"),
        (&nobody, "severity=critical", "nobody"),
    ] {
        assert_eq!(routes(configuration, labels), receivers, "{labels}");
    }
}

#[test]
fn maintenance_windows_mute_only_warnings() {
    let all = rules_gen::outputs::alertmanager::configuration(&config(EVERYTHING));
    for route in all["route"]["routes"].as_array().unwrap() {
        let warning = route["matchers"] == json!(["severity=\"warning\""]);
        let wanted = if warning { json!(["night", "lunch"]) } else { Value::Null };
        assert_eq!(route["mute_time_intervals"], wanted, "{route}");
    }
    assert_eq!(all["time_intervals"][1]["time_intervals"][0]["location"], "Europe/Berlin");
}

#[test]
fn secret_addresses_are_generated_as_file_references_only() {
    let files = "alerting: {webhook: {urlFile: /s/hook-url}, heartbeat: {urlFile: /s/beat-url}}\n";
    let configuration = rules_gen::outputs::alertmanager::configuration(&config(files));
    let receivers = configuration["receivers"].to_string();
    assert!(receivers.contains("\"url_file\":\"/s/hook-url\"") && !receivers.contains("\"url\""), "{receivers}");
    let object = rules_gen::outputs::alertmanager_config::object(&config(files));
    let selector = json!({"name": "ops-checklist-alerting", "key": "beat-url"});
    assert_eq!(object["spec"]["receivers"][2]["webhookConfigs"][0]["urlSecret"], selector);
}

#[test]
#[cfg_attr(not(has_operator_definitions), ignore = "no definitions of prometheus-operator (make parts)")]
fn the_alertmanager_config_object_has_only_fields_of_its_crd() {
    let object = rules_gen::outputs::alertmanager_config::object(&config(EVERYTHING));
    assert_eq!(mistakes("AlertmanagerConfig", "", &object), [""; 0]);
    let spec = &object["spec"];
    // The definition takes anything as a nested route. The operator reads it as a route.
    for route in spec["route"]["routes"].as_array().unwrap() {
        assert_eq!(mistakes("AlertmanagerConfig", "/properties/spec/properties/route", route), [""; 0]);
    }
}

#[test]
fn the_alertmanager_config_object_refers_to_its_own_receivers_and_windows_and_to_no_files() {
    let object = rules_gen::outputs::alertmanager_config::object(&config(EVERYTHING));
    let spec = &object["spec"];
    let names = |list: &Value| -> Vec<String> {
        list.as_array().into_iter().flatten().map(|one| one["name"].as_str().unwrap().to_owned()).collect()
    };
    let (receivers, windows) = (names(&spec["receivers"]), names(&spec["muteTimeIntervals"]));
    assert_eq!(windows, ["night"], "the object has no time zones");
    for route in spec["route"]["routes"].as_array().unwrap() {
        assert!(receivers.iter().any(|name| route["receiver"] == *name), "{route}");
        for window in route["muteTimeIntervals"].as_array().into_iter().flatten() {
            assert!(windows.iter().any(|name| window == name), "{route}");
        }
    }
    let notes = object["metadata"]["annotations"].to_string();
    assert!(notes.contains("alertmanagerConfigMatcherStrategy") && notes.contains("lunch"), "{notes}");
    let text = object.to_string();
    assert!(!text.contains("/s/"), "a path of a file is of no use to the operator: {text}");
}

#[test]
fn mistakes_in_receivers_and_windows_are_reported_with_valid_values() {
    for (alerting, messages) in [
        ("email: {to: a, from: b, smarthost: h}", "smarthost must be host:port"),
        ("email: {to: a, from: b, smarthost: 'h:25', username: u}", "must be set together"),
        ("webhook: {}", "set either url, or urlFile"),
        ("webhook: {url: 'https://a', urlFile: f}", "set either url, or urlFile"),
        ("webhook: {url: 'https://a', severities: [warnin]}", "did you mean warning?"),
        ("heartbeat: {url: 'https://a', interval: 1s}", "interval must be 10s or longer"),
        ("maintenance: [{name: a}]", "would never end"),
        ("maintenance: [{name: a, weekdays: [sunay]}]", "weekdays must be a day such as monday"),
        ("maintenance: [{name: a, times: [{from: '25:00', to: '26:00'}]}]", "must be a time of the day"),
        ("maintenance: [{name: a, times: [{from: '10:00', to: '10:00'}]}]", "from and to must be different"),
        (
            "maintenance: [{name: a, weekdays: [monday], timeZone: Mars}]",
            "timeZone must be a time zone such as Europe/Berlin, not Mars",
        ),
        ("maintenance: [{name: a, weekdays: [monday]}, {name: a, weekdays: [monday]}]", "two windows"),
    ] {
        let text = format!("{TARGETS}alerting: {{{alerting}}}\n");
        let Err(mistakes) = Config::parse("checklist.yaml", &text) else { panic!("{alerting} is accepted") };
        assert!(mistakes.to_string().contains(messages), "{alerting}: {mistakes}");
    }
}
