//! An Alertmanager that refuses one of its lists, and servers of Prometheus' API that answer in part.

use crate::Tried;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use stack::http::{Server, response, serve};
use stack::monitoring::loaded_rules;

const ALERTS: &str = "/api/v2/alerts";
const SILENCES: &str = "/api/v2/silences";
const RULES: &str = "/api/v1/rules";
const NAMES: &str = "/api/v1/label/__name__/values";

pub(super) async fn try_all(tried: &mut Tried) -> anyhow::Result<()> {
    a_refused_list(tried).await?;
    a_partial_response(tried).await
}

/// Starts a server that answers each path with a body, and every other path with 403.
async fn server(bodies: Vec<(&'static str, Value)>) -> anyhow::Result<Server> {
    let bodies: Vec<(&str, String)> = bodies.into_iter().map(|(path, body)| (path, body.to_string())).collect();
    serve(None, move |request: hyper::Request<_>| {
        let body = bodies.iter().find(|(path, _)| request.uri().path() == *path).map(|(_, body)| body.clone());
        async move {
            body.map_or_else(|| response(403, "text/plain", "no"), |body| response(200, "application/json", body))
        }
    })
    .await
}

async fn a_refused_list(tried: &mut Tried) -> anyhow::Result<()> {
    let at = |hours: i64| (Timestamp::now() + SignedDuration::from_hours(hours)).to_string();
    let alert = json!([{"labels": {"severity": "critical"}, "startsAt": at(-5), "status": {"silencedBy": [], "inhibitedBy": []}}]);
    let silence = json!([{"endsAt": at(24 * 90), "status": {"state": "active"}}]);
    for (seen, body, unseen, is_good) in [
        (ALERTS, json!([]), SILENCES, true),
        (ALERTS, alert, SILENCES, false),
        (SILENCES, json!([]), ALERTS, true),
        (SILENCES, silence, ALERTS, false),
    ] {
        let server = server(vec![(seen, body), ("/api/v2/status", json!({}))]).await?;
        let yaml = format!("alertmanagers: [{{name: am, url: 'http://127.0.0.1:{}'}}]\n", server.port);
        if is_good {
            tried.cannot_tell(&yaml, "alerts", &[unseen, "403"]).await?;
        } else {
            tried.finds(&yaml, "alerts", &[unseen, "403"]).await?;
        }
    }
    // Nothing was seen: the run has failed.
    let server = server(vec![("/api/v2/status", json!({}))]).await?;
    let yaml = format!("alertmanagers: [{{name: am, url: 'http://127.0.0.1:{}'}}]\n", server.port);
    tried.cannot_tell(&yaml, "alerts", &[ALERTS, SILENCES]).await
}

/// Thanos answers with what its stores have, and warns about a store that does not answer.
async fn a_partial_response(tried: &mut Tried) -> anyhow::Result<()> {
    let yaml = |port: u16, skipped: &str| {
        format!("prometheus: [{{name: main, url: 'http://127.0.0.1:{port}', skip: [{skipped}]}}]\n")
    };
    let lost = "No StoreAPIs matched for this query: store 10.0.0.7:10901 is unavailable";
    let warned = |mut body: Value| {
        body["warnings"] = json!([lost]);
        body
    };
    let whole = loaded_rules(&yaml(9, "dashboards"), "ok", &Timestamp::now().to_string())?;
    let mut part = whole.clone();
    part["data"]["groups"] = json!([whole["data"]["groups"][0]]);
    let mut failing = part.clone();
    failing["data"]["groups"][0]["rules"][0]["health"] = json!("err");
    for body in [whole, part] {
        let server = server(vec![(RULES, warned(body))]).await?;
        tried.cannot_tell(&yaml(server.port, "dashboards"), "rules", &[lost]).await?;
    }
    let bad = server(vec![(RULES, warned(failing))]).await?;
    tried.finds(&yaml(bad.port, "dashboards"), "rules", &[lost]).await?;
    // A metric that is not in the part may be in the rest.
    for names in [json!(["checklist_build_info"]), json!([])] {
        let body = warned(json!({"status": "success", "data": names}));
        let server = server(vec![(NAMES, body)]).await?;
        tried.cannot_tell(&yaml(server.port, "rules"), "dashboards", &[lost]).await?;
    }
    // The server answers only one of the two requests.
    let server =
        server(vec![(RULES, loaded_rules(&yaml(9, "dashboards"), "ok", &Timestamp::now().to_string())?)]).await?;
    tried.cannot_tell(&yaml(server.port, "rules"), "dashboards", &[NAMES, "403"]).await
}
