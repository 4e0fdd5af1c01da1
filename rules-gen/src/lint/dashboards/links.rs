//! RG033: links to dashboards that are not among the linted ones.

use crate::lint::report::{Level, Report};
use checklist::yaml::hint;
use serde_json::Value;
use std::collections::BTreeSet;

/// Returns the `uid`s of all dashboards. `None` when there are no dashboards, or one has no `uid` and gets a random one
/// from Grafana.
pub(in crate::lint) fn uids<'a>(dashboards: impl Iterator<Item = &'a Value>) -> Option<BTreeSet<String>> {
    let uid = |model: &Value| model["uid"].as_str().filter(|uid| !uid.is_empty()).map(ToOwned::to_owned);
    dashboards.map(uid).collect::<Option<BTreeSet<String>>>().filter(|uids| !uids.is_empty())
}

/// Returns the reason why an address leads to no linted dashboard. `None` when it does, or when it is not the address
/// of a dashboard.
pub(in crate::lint) fn leads_nowhere(address: &str, uids: Option<&BTreeSet<String>>) -> Option<String> {
    let uids = uids?;
    let uid = ["/d/", "/d-solo/"].iter().find_map(|path| Some(address.split_once(path)?.1))?;
    let uid = uid.split(['/', '?', '#']).next().unwrap_or_default();
    // Templates and variables are not known before the link is used.
    if uid.is_empty() || uid.contains(['{', '$']) || uids.contains(uid) {
        return None;
    }
    let hint = hint(uid, &uids.iter().map(String::as_str).collect::<Vec<_>>());
    Some(format!("no linted dashboard has the uid {uid}{hint}"))
}

/// Checks the links of a dashboard, or of a panel and its data.
pub(super) fn check(of: &Value, uids: Option<&BTreeSet<String>>, report: &mut Report<'_>) {
    let lists = [&of["links"], &of["fieldConfig"]["defaults"]["links"]];
    for url in lists.into_iter().filter_map(Value::as_array).flatten().filter_map(|link| link["url"].as_str()) {
        if let Some(message) = leads_nowhere(url, uids) {
            let fix = "correct the link, or lint that dashboard too";
            report.near("RG033", Level::Warning, url, format!("broken link: {message}"), fix);
        }
    }
}
