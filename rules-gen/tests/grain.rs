//! Several names for one thing give one page: sixty databases on one server, backups in one bucket, parts of one
//! cluster.

use anyhow::Context;
use checklist::Config;
use rules_gen::routing::Configuration;
use rules_gen::server::Labels;
use std::collections::BTreeSet;
use std::fmt::Write as _;

fn large() -> anyhow::Result<Config> {
    let mut text = String::from("kubernetes:\n");
    for n in 0..40 {
        writeln!(text, "  - {{name: part{n:02}, namespaces: [team{n}]}}")?;
    }
    text += "postgres:\n";
    for n in 0..60 {
        let own = if n == 0 { "" } else { ", application: false" };
        writeln!(text, "  - {{name: db{n:02}, host: db, database: db{n}, user: checklist{own}}}")?;
    }
    text += "  - {name: elsewhere, host: other, database: d, user: checklist, application: false}\n";
    text += "backups:\n  - {name: daily, bucket: backups, prefix: a/}\n  - {name: weekly, bucket: backups, prefix: b/, every: 7d}\n";
    text += "alertmanagers:\n  - {name: main, url: 'http://am:9093'}\n  - {name: same, url: 'http://am:9093/'}\n";
    text += "alerting: {pagerduty: {routingKeyFile: /key}}\n";
    Config::parse("checklist.yaml", &text).map_err(|mistakes| anyhow::anyhow!("{mistakes}"))
}

/// Returns the groups of alerts that are notified. Each group is one page.
fn pages(routes: &Configuration, alerts: &[Labels]) -> BTreeSet<Vec<String>> {
    let heard = alerts.iter().filter(|alert| routes.inhibited(alert, alerts).is_none());
    heard
        .flat_map(|alert| {
            let value = |name: &String| alert.get(name).cloned().unwrap_or_default();
            routes.routes(alert).into_iter().map(move |route| route.group_by.iter().map(value).collect::<Vec<_>>())
        })
        .collect()
}

#[test]
fn an_unreachable_server_bucket_or_cluster_is_one_notification() -> anyhow::Result<()> {
    let config = large()?;
    let outputs = rules_gen::outputs::generate(&config, "checklist.yaml")?;
    let file = outputs.iter().find(|output| output.path.ends_with("alertmanager.yaml")).context("no routes")?;
    let routes = Configuration::parse(&file.content)?;
    let gone = |kind: &str, names: Vec<String>| -> Vec<Labels> {
        let one = |target: String| {
            let labels = [("alertname", "ChecklistTargetUnreachable"), ("check", "exporter"), ("severity", "critical")];
            let own = [("kind", kind.to_owned()), ("target", target)];
            labels
                .map(|(name, value)| (name, value.to_owned()))
                .into_iter()
                .chain(own)
                .map(|(name, value)| (name.to_owned(), value))
                .collect()
        };
        names.into_iter().map(one).collect()
    };
    let numbered = |stem: &str, count: usize| (0..count).map(|n| format!("{stem}{n:02}")).collect::<Vec<_>>();
    for (kind, names) in [
        ("postgres", numbered("db", 60)),
        ("kubernetes", numbered("part", 40)),
        ("backup", vec!["daily".to_owned(), "weekly".to_owned()]),
        ("alertmanager", vec!["main".to_owned(), "same".to_owned()]),
    ] {
        let count = names.len();
        assert_eq!(pages(&routes, &gone(kind, names.clone())).len(), 1, "{count} of kind {kind}");
        // If only the last one is unreachable, the page names it.
        let last = names.last().cloned().into_iter().collect();
        assert_eq!(pages(&routes, &gone(kind, last)).len(), 1, "the last of kind {kind}");
    }
    let two = gone("postgres", vec!["db00".to_owned(), "elsewhere".to_owned()]);
    assert_eq!(pages(&routes, &two).len(), 2, "two servers are two causes");
    // Signals about a server are judged on one of its databases only.
    let connections = checklist::signals::by_id("connections").context("no connections")?;
    assert_eq!(config.targets(connections), ["db00", "elsewhere"]);
    assert!(config.is_first("kubernetes", "part00") && !config.is_first("kubernetes", "part07"));
    Ok(())
}
