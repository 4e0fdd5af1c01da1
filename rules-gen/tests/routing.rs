//! Compares routing with amtool on random route trees and labels, and checks the errors of wrong configurations.

mod random;

use random::Random;
use rules_gen::routing::Configuration;
use rules_gen::server::Labels;
use std::fmt::Write as _;
use std::process::Command;

fn one<'a>(random: &mut Random, of: &[&'a str]) -> &'a str {
    of[usize::try_from(random.below(of.len() as u64)).unwrap_or_default()]
}

const LABELS: [&str; 4] = ["severity", "team", "a", "job"];
const VALUES: [&str; 7] = ["critical", "warning", "db", "x", "x.y", "two words", "x,y"];
const PATTERNS: [&str; 7] = ["crit.*", "warning|critical", ".+", "", "x.y", "(?i)DB", "[a-d]+"];

fn matchers(random: &mut Random, indent: &str) -> String {
    let mut text = String::new();
    let (label, value) = (one(random, &LABELS), one(random, &VALUES));
    match random.below(6) {
        0 => text += &format!("{indent}match: {{{label}: '{value}'}}\n"),
        1 => text += &format!("{indent}match_re: {{{label}: '{}'}}\n", one(random, &PATTERNS)),
        2 => text += &format!("{indent}matchers: ['{label} = \"{value}\"', '{} != \"db\"']\n", one(random, &LABELS)),
        3 => text += &format!("{indent}matchers: ['{{{label}=~\"{}\",team!=\"x,y\"}}']\n", one(random, &PATTERNS)),
        4 => text += &format!("{indent}matchers: ['{label}!~{}']\n", one(random, &["crit.*", "x.y", "d."])),
        _ => {}
    }
    text
}

fn routes(random: &mut Random, depth: usize, text: &mut String) {
    let indent = "  ".repeat(depth + 1);
    let count = 1 + random.below(3);
    let _ = writeln!(text, "{indent}routes:");
    for _ in 0..count {
        let inner = format!("{indent}  ");
        let _ = writeln!(text, "{indent}- group_wait: 1s");
        *text += &matchers(random, &inner);
        if random.below(3) > 0 {
            let _ = writeln!(text, "{inner}receiver: r{}", random.below(5));
        }
        if random.below(2) == 0 {
            let _ = writeln!(text, "{inner}continue: true");
        }
        if depth < 3 && random.below(2) == 0 {
            routes(random, depth + 1, text);
        }
    }
}

#[test]
fn receivers_agree_with_amtool_on_random_trees() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("alertmanager.yml");
    let mut random = Random(0xA1E4_7000_0000_0007);
    let (mut compared, mut several) = (0, 0);
    for _ in 0..40 {
        let mut text =
            "receivers: [{name: r0}, {name: r1}, {name: r2}, {name: r3}, {name: r4}]\nroute:\n  receiver: r0\n"
                .to_owned();
        routes(&mut random, 0, &mut text);
        std::fs::write(&file, &text)?;
        let parsed = Configuration::parse(&text)?;
        for _ in 0..15 {
            let mut labels = Labels::from([("alertname".to_owned(), "A".to_owned())]);
            for label in LABELS {
                if random.below(3) > 0 {
                    labels.insert(label.to_owned(), one(&mut random, &VALUES).to_owned());
                }
            }
            let own: Vec<&str> = parsed.receivers(&labels).iter().map(|receiver| receiver.name.as_str()).collect();
            let mut command = Command::new("amtool");
            command.args(["config", "routes", "test"]).arg(format!("--config.file={}", file.display()));
            command.args(labels.iter().map(|(name, value)| format!("{name}=\"{value}\"")));
            let output = command.output()?;
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            assert_eq!(String::from_utf8(output.stdout)?.trim(), own.join(","), "{labels:?} in\n{text}");
            compared += 1;
            several += usize::from(own.len() > 1);
        }
    }
    assert!(several > 50, "only {several} of {compared} label sets had several receivers");
    println!("{compared} label sets in 40 trees, {several} with several receivers: no difference");
    Ok(())
}

/// Both must refuse the same configurations.
#[test]
fn alertmanager_configurations_are_refused_as_by_amtool() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("alertmanager.yml");
    let with = |route: &str| format!("receivers: [{{name: r}}]\nroute: {route}\n");
    let texts = [
        with("{receiver: r}"),
        with("{receiver: nobody}"),
        with("{}"),
        with("{receiver: r, matchers: ['a=b']}"),
        with("{receiver: r, continue: true}"),
        with("{receiver: r, routes: [{matchers: ['a=b'], receiver: other}]}"),
        with("{receiver: r, routes: [{matchers: ['a~b']}]}"),
        with("{receiver: r, routes: [{matchers: ['a=\"b']}]}"),
        with("{receiver: r, routes: [{matchers: ['a=b\"c']}]}"),
        with("{receiver: r, routes: [{matchers: ['a=~\"(\"']}]}"),
        with("{receiver: r, routes: [{matchers: ['a=\"\\d\"', 'b=', 'c=a b']}]}"),
        with("{receiver: r, routes: [{matchers: ['{a=\"b\",}']}]}"),
        with("{receiver: r, routes: [{match: {a: 1}}]}"),
        "receivers: [{name: r}, {name: r}]\nroute: {receiver: r}\n".to_owned(),
        "receivers: [{name: r}]\n".to_owned(),
        with("{receiver: r, grop_by: [x]}"),
        with("{receiver: r, routes: [{matcher: ['a=b']}]}"),
        with("{receiver: r, mute_time_intervals: [x]}"),
        with("{receiver: r, routes: [{matchers: ['a=b'], mute_time_intervals: [x]}]}"),
        with("{receiver: r, routes: [{matchers: ['a=b'], active_time_intervals: [x]}]}"),
        format!("{}time_intervals: [{{name: x, time_intervals: []}}]\n", with("{receiver: r, routes: [{matchers: ['a=b'], active_time_intervals: [x]}]}")),
        with("{receiver: r, group_wait: 5}"),
        with("{receiver: r, group_wait: 0s, group_interval: 1m30s, repeat_interval: 1d}"),
        with("{receiver: r, group_interval: 0s}"),
        with("{receiver: r, routes: [{matchers: ['a=b'], repeat_interval: soon}]}"),
        format!("{}receiver: [{{name: r}}]\n", with("{receiver: r}")),
        format!("{}inhibit_rules: [{{source_matchers: [a=b], target_matcher: [c=d]}}]\n", with("{receiver: r}")),
        "receivers: [{name: r, slack_configs: [{channel: x}]}]\nroute: {receiver: r}\n".to_owned(),
        "receivers: [{name: r, slack_configs: [{channel: x, api_url: 'http://localhost/'}]}]\nroute: {receiver: r}\n".to_owned(),
        "global: {slack_api_url: 'http://localhost/'}\nreceivers: [{name: r, slack_configs: [{channel: x}]}]\nroute: {receiver: r}\n".to_owned(),
        format!(
            "{}inhibit_rules: [{{source_match: {{a: b}}, target_match_re: {{c: '('}}, equal: [x]}}]\n",
            with("{receiver: r}")
        ),
        format!(
            "{}inhibit_rules: [{{source_match: {{a: b}}, target_matchers: ['c=~d'], equal: [x]}}]\n",
            with("{receiver: r}")
        ),
    ];
    for text in texts {
        std::fs::write(&file, &text)?;
        let output = Command::new("amtool").arg("check-config").arg(&file).output()?;
        let own = Configuration::parse(&text);
        assert_eq!(own.is_ok(), output.status.success(), "{text}{own:?}\n{}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}

#[test]
fn a_critical_alert_inhibits_its_own_warning_and_no_other_alert() -> Result<(), Box<dyn std::error::Error>> {
    let config = checklist::Config::parse("checklist.yaml", include_str!("../../examples/checklist.yaml"))?;
    let text = serde_yaml::to_string(&rules_gen::outputs::alertmanager::configuration(&config))?;
    let configuration = Configuration::parse(&text)?;
    let alert = |name: &str, severity: &str, more: &[(&str, &str)]| -> Labels {
        let own = [("alertname", name), ("severity", severity)];
        own.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    let pod = [("check", "disk"), ("target", "production"), ("namespace", "n")];
    let page = alert("ChecklistVolumeFilling", "critical", &pod);
    let shard = alert("ChecklistShardMissing", "critical", &[("check", "exporter")]);
    let held = |one: &Labels, by: &Labels| configuration.inhibited(one, std::slice::from_ref(by)).is_some();
    assert!(held(&alert("ChecklistVolumeFilling", "warning", &pod), &page));
    assert!(!held(&alert("ChecklistVolumeInodesFilling", "warning", &pod), &page), "another thing is wrong too");
    assert!(!held(&alert("ChecklistConfigBroken", "warning", &[("check", "exporter")]), &shard));
    // A page inhibits the warnings that its catalog entry covers, on the same workload.
    let workload = |name: &'static str| {
        [("check", "pods"), ("target", "production"), ("namespace", "n"), ("kind", "Deployment"), ("workload", name)]
            .to_vec()
    };
    let down = alert("ChecklistWorkloadDown", "critical", &workload("web"));
    assert!(held(&alert("ChecklistWorkloadReplicasMissing", "warning", &workload("web")), &down));
    assert!(!held(&alert("ChecklistWorkloadReplicasMissing", "warning", &workload("db")), &down));
    // An application whose pods are all down is one page: that of its users.
    let health = alert("ChecklistHealthUnreachable", "critical", &[("check", "health"), ("target", "orchestrator")]);
    assert!(held(&alert("ChecklistWorkloadDown", "critical", &workload("orchestrator")), &health));
    assert!(!held(&down, &health) && !held(&health, &down));
    // Without `alertname` matchers, alerts of other teams that lack the labels would match as equal.
    let node = alert("KubeNodeDown", "critical", &[]);
    assert!(!held(&alert("VendorLicense", "warning", &[]), &node));
    let emergency = alert("ChecklistEmergencyOverride", "none", &[("check", "override")]);
    assert!(held(&alert("ChecklistTableBloated", "warning", &[("cadence", "weekly")]), &emergency));
    assert!(!held(&alert("OthersReport", "warning", &[("cadence", "weekly")]), &emergency));
    Ok(())
}

#[test]
fn the_example_suite_passes_and_a_wrong_expectation_is_named() -> Result<(), Box<dyn std::error::Error>> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let folder = tempfile::tempdir()?;
    let run = |suite: &std::path::Path| {
        Command::new(env!("CARGO_BIN_EXE_rules-gen"))
            .args(["route-test", "--config"])
            .arg(root.join("deploy/generated/alertmanager/alertmanager.yaml"))
            .arg("--tests")
            .arg(suite)
            .output()
    };
    let output = run(&root.join("examples/routes.yaml"))?;
    let printed = String::from_utf8([output.stdout, output.stderr].concat())?;
    assert!(output.status.success() && !printed.contains("no test case covers"), "{printed}");
    let wrong = folder.path().join("wrong.yaml");
    let case = "tests: [{name: n, alerts: [{labels: {severity: critical}, receivers: [slack], inhibited: true}]}]\n";
    std::fs::write(&wrong, case)?;
    let output = run(&wrong)?;
    let printed = String::from_utf8(output.stdout)?;
    assert_eq!(output.status.code(), Some(1));
    assert!(
        printed.contains("is routed to pagerduty, expected slack") && printed.contains("is not inhibited"),
        "{printed}"
    );
    std::fs::write(&wrong, case.replace("inhibited", "inhibitted"))?;
    assert_eq!(run(&wrong)?.status.code(), Some(2));
    // A case that looks at nothing would pass whatever the routes are.
    std::fs::write(&wrong, "tests: [{name: nothing, alerts: []}]\n")?;
    assert_eq!(run(&wrong)?.status.code(), Some(2));
    Ok(())
}

/// amtool 0.25 decides about the keys that it knows. Keys of newer versions are tested separately.
#[test]
fn keys_of_global_and_receivers_match_amtool() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("alertmanager.yml");
    let receiver = |integrations: &str| format!("receivers: [{{name: r, {integrations}}}]\nroute: {{receiver: r}}\n");
    let global = |keys: &str| format!("global: {{{keys}}}\nreceivers: [{{name: r}}]\nroute: {{receiver: r}}\n");
    let known = [
        global(
            "resolve_timeout: 5m, smtp_require_tls: false, http_config: {follow_redirects: false, proxy_url: 'http://p'}",
        ),
        global(
            "slack_api_url: 'http://s', pagerduty_url: 'http://p', telegram_api_url: 'http://t', webex_api_url: 'http://w'",
        ),
        global("resolve_timeot: 5m"),
        global("http_config: {basic_auht: {username: x}}"),
        global("http_config: {authorization: {credentials: x}, tls_config: {insecure_skip_verify: true}}"),
        receiver("webhook_configs: [{url: 'http://h', max_alerts: 5, send_resolved: false}]"),
        receiver("webhook_configs: [{url: 'http://h', max_alert: 5}]"),
        receiver("webhook_configs: [{max_alerts: 5}]"),
        receiver("webhok_configs: [{url: 'http://h'}]"),
        receiver("webhook_configs: [{url: 'http://h', http_config: {tls: {}}}]"),
        receiver(
            "email_configs: [{to: a@b, from: c@d, smarthost: 'h:25', hello: x, headers: {Subject: x}, html: '', text: t}]",
        ),
        receiver("email_configs: [{from: c@d, smarthost: 'h:25'}]"),
        receiver("email_configs: [{to: a@b, from: c@d, smarthost: 'h:25', require_ssl: true}]"),
        receiver(
            "pagerduty_configs: [{routing_key: k, severity: x, class: c, component: c, group: g, details: {a: b}, images: [], links: []}]",
        ),
        receiver("pagerduty_configs: [{severity: x}]"),
        receiver("pagerduty_configs: [{service_key: k, detail: {a: b}}]"),
        receiver(
            "opsgenie_configs: [{api_key: k, message: m, responders: [], priority: P1, update_alerts: true, entity: e, actions: a, note: n, tags: t}]",
        ),
        receiver("opsgenie_configs: [{api_key: k, team: m}]"),
        receiver(
            "pushover_configs: [{user_key: u, token: t, sound: s, priority: p, retry: 1m, expire: 1h, html: true, url_title: x}]",
        ),
        receiver("pushover_configs: [{token: t}]"),
        receiver("pushover_configs: [{user_key: u, token: t, prio: p}]"),
        receiver("victorops_configs: [{api_key: k, routing_key: r, message_type: m, custom_fields: {a: b}}]"),
        receiver("victorops_configs: [{api_key: k}]"),
        receiver("sns_configs: [{topic_arn: t, sigv4: {region: r}, subject: s, attributes: {a: b}}]"),
        receiver("sns_configs: [{subject: s}]"),
        receiver("telegram_configs: [{bot_token: b, chat_id: 5, parse_mode: HTML, disable_notifications: true}]"),
        receiver("telegram_configs: [{bot_token: b}]"),
        receiver("discord_configs: [{webhook_url: 'http://h', title: t, message: m}]"),
        receiver("discord_configs: [{webhook_url: 'http://h', text: t}]"),
        receiver("webex_configs: [{room_id: r, message: m, http_config: {authorization: {credentials: x}}}]"),
        receiver("webex_configs: [{message: m}]"),
        receiver("wechat_configs: [{api_secret: s, corp_id: c, agent_id: a, to_user: u, message_type: text}]"),
        receiver(
            "slack_configs: [{api_url: 'http://s', channel: c, title: t, text: x, fields: [], actions: [], mrkdwn_in: [text], short_fields: true}]",
        ),
        receiver("slack_configs: [{api_url: 'http://s', chanel: c}]"),
    ];
    let mut refused = 0;
    for text in &known {
        std::fs::write(&file, text)?;
        let output = Command::new("amtool").arg("check-config").arg(&file).output()?;
        let own = Configuration::parse(text);
        assert_eq!(own.is_ok(), output.status.success(), "{text}{own:?}\n{}", String::from_utf8_lossy(&output.stderr));
        refused += usize::from(own.is_err());
    }
    assert_eq!(refused, 19);
    for newer in [
        global("slack_app_token: x, smtp_tls_config: {}, jira_api_url: 'http://j', mattermost_webhook_url: 'http://m'"),
        receiver("msteamsv2_configs: [{webhook_url: 'http://h', title: t}]"),
        receiver("incidentio_configs: [{url: 'http://h', alert_source_token: t}]"),
        receiver("jira_configs: [{api_url: 'http://j', project: p, issue_type: Bug, api_type: cloud}]"),
        receiver(
            "email_configs: [{to: a@b, from: c@d, smarthost: 'h:25', force_implicit_tls: true, auth_secret_file: f}]",
        ),
        receiver("webhook_configs: [{url_file: f, timeout: 5s}]"),
    ] {
        let own = Configuration::parse(&newer);
        assert!(own.is_ok(), "{newer}{own:?}");
    }
    let named = Configuration::parse(&known[6]).map_err(|error| error.to_string());
    let printed = "the receiver \"r\": webhook_configs[0]: unknown key max_alert (did you mean max_alerts?)";
    assert_eq!(named.err().as_deref(), Some(printed));
    Ok(())
}
