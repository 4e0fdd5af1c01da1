//! `alerting:`.

use super::shapes::{any_case, by_name, choice, duration, flag, object, one_of, text, url};
use checklist::SIGNALS;
use checklist::config::{META_ALERTS, WEEKDAYS};
use serde_json::{Map, Value, json};

pub(super) fn section() -> Value {
    let labels = || by_name(&json!({"type": ["string", "number", "boolean"]}));
    let meta = |secret: bool| {
        let mut fields = vec![("name", text()), ("namespace", text()), ("labels", labels())];
        if secret {
            fields.push(("secret", text()));
        }
        object(&[], fields)
    };
    object(
        &[],
        [
            ("labels", labels()),
            ("runbookBaseUrl", url()),
            ("grafanaBaseUrl", url()),
            ("pagerduty", object(&["routingKeyFile"], [("routingKeyFile", text()), ("url", url())])),
            ("slack", object(&["webhookUrlFile"], [("webhookUrlFile", text()), ("channel", text())])),
            ("email", email()),
            ("webhook", address(("severities", severities()))),
            ("heartbeat", address(("interval", duration()))),
            ("maintenance", json!({"type": "array", "items": maintenance()})),
            ("reports", reports()),
            ("grouping", object(&[], [("wait", duration()), ("interval", duration()), ("repeat", duration())])),
            ("alerts", alerts()),
            ("prometheusRule", meta(false)),
            ("alertmanagerConfig", meta(true)),
            ("dashboards", object(&[], [("namespace", text()), ("folder", text()), ("instanceSelector", labels())])),
        ],
    )
}

fn severities() -> Value {
    json!({"type": "array", "uniqueItems": true, "items": choice(&["critical", "warning"])})
}

fn email() -> Value {
    let mut email = object(
        &["to", "from", "smarthost"],
        [
            ("to", text()),
            ("from", text()),
            ("smarthost", json!({"type": "string", "pattern": ".:[0-9]+$"})),
            ("username", text()),
            ("passwordFile", text()),
            ("requireTls", flag()),
            ("severities", severities()),
        ],
    );
    email["dependentRequired"] = json!({"username": ["passwordFile"], "passwordFile": ["username"]});
    email
}

fn address(more: (&'static str, Value)) -> Value {
    let mut address = object(&[], [("url", url()), ("urlFile", text()), more]);
    address["oneOf"] = one_of(&["url", "urlFile"]);
    address
}

fn reports() -> Value {
    let mut reports = object(&[], [("webhookUrlFile", text()), ("directory", text())]);
    reports["anyOf"] = super::at_least_one(&["webhookUrlFile", "directory"]);
    reports
}

fn maintenance() -> Value {
    let day = format!("(?:{})", WEEKDAYS.map(any_case).join("|"));
    let clock = || json!({"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$"});
    let time = object(&["from", "to"], [("from", clock()), ("to", clock())]);
    let mut window = object(
        &["name"],
        [
            ("name", text()),
            ("weekdays", json!({"type": "array", "items": {"type": "string", "pattern": format!("^{day}(:{day})?$")}})),
            ("times", json!({"type": "array", "items": time})),
            ("timeZone", text()),
        ],
    );
    window["anyOf"] = super::at_least_one(&["weekdays", "times"]);
    window
}

fn alerts() -> Value {
    let change = object(&[], [("for", duration()), ("keepFiringFor", duration()), ("enabled", flag())]);
    let names = SIGNALS.iter().flat_map(|signal| signal.alerts).map(|alert| alert.name).chain(META_ALERTS);
    let known: Map<String, Value> = names.map(|name| (name.to_owned(), change.clone())).collect();
    let mut alerts = object(&[], known);
    // The alerts of the operator's own checks.
    alerts["patternProperties"] = json!({"^ChecklistQuery[A-Z]": change});
    alerts
}
