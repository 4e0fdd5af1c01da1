//! The signal `alerts`: active alerts and silences, read from Alertmanager's API v2.

use crate::probe::{Failure, Probe, miss};
use crate::run::time::unix_now;
use crate::sources::null::or_empty;
use checklist::config::Alertmanager;
use checklist::signals::alerts::{ALERTS, OLDEST, SILENCE_END, SILENCES};
use checklist::{Object, Reason, Samples};
use clients::AHEAD;
use clients::http::fetch_json;
use futures::FutureExt;
use futures::future::BoxFuture;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;

/// Maximum size of a response in bytes, enough for some thousand alerts.
const MAX_BODY: usize = clients::http::MOST;

/// The probe of the signal `alerts`.
pub struct Alerts(pub Alertmanager);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Alert {
    #[serde(deserialize_with = "or_empty")]
    labels: BTreeMap<String, String>,
    starts_at: jiff::Timestamp,
    status: AlertStatus,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AlertStatus {
    #[serde(default, deserialize_with = "or_empty")]
    silenced_by: Vec<String>,
    #[serde(default, deserialize_with = "or_empty")]
    inhibited_by: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Silence {
    ends_at: jiff::Timestamp,
    status: SilenceStatus,
}

#[derive(Deserialize)]
struct SilenceStatus {
    state: String,
}

impl Alert {
    /// Returns the label `severity`, with every value that is not one of ours replaced by `other`, so that the number
    /// of series is bounded.
    fn level(&self) -> &'static str {
        let severity = self.labels.get("severity").map_or("", String::as_str);
        let known = ["critical", "warning", "info", "none"];
        known.into_iter().find(|known| known.eq_ignore_ascii_case(severity)).unwrap_or("other")
    }

    const fn state(&self) -> &'static str {
        if !self.status.silenced_by.is_empty() {
            "silenced"
        } else if !self.status.inhibited_by.is_empty() {
            "inhibited"
        } else {
            "active"
        }
    }
}

/// The states of a silence.
const STATES: [&str; 3] = ["active", "pending", "expired"];

impl Silence {
    /// Returns what is wrong about a silence whose state is unknown or does not fit its end, such as an active one that
    /// ended in the year 1, the zero time of programs in Go. Nobody knows how long it lasts.
    fn contradiction(&self, now: jiff::Timestamp) -> Option<String> {
        let (state, end) = (self.status.state.as_str(), self.ends_at);
        let advice = "compare the clocks of Alertmanager and of this machine";
        match state {
            "active" | "pending" if end < now - AHEAD => {
                Some(format!("a silence is {state} and ended {end}: {advice}"))
            }
            "expired" if end > now + AHEAD => Some(format!("a silence is {state} and ends {end}: {advice}")),
            _ if STATES.contains(&state) => None,
            _ => Some(format!("a silence has the state {state:?}, which is none of active, pending and expired")),
        }
    }
}

impl Alerts {
    /// Fetches a list. Returns `None` and adds evidence if the server answers, but not with this list.
    async fn list<T: DeserializeOwned>(
        &self,
        path: &str,
        object: Object,
        samples: &mut Samples,
    ) -> Result<Option<Vec<T>>, Failure> {
        // Programs in Go write an empty list as null.
        match fetch_json::<Option<Vec<T>>>(&self.0.endpoint, path, MAX_BODY).await {
            Ok(list) => Ok(Some(list.unwrap_or_default())),
            Err(failure) => miss(samples, object, failure).map(|()| None),
        }
    }
}

impl Probe for Alerts {
    fn probe(&self, mut samples: Samples) -> BoxFuture<'_, Result<Samples, Failure>> {
        async move {
            if let Some(alerts) = self.list("/api/v2/alerts", Object::Alert, &mut samples).await? {
                judge_alerts(&alerts, &mut samples);
            }
            if let Some(silences) = self.list("/api/v2/silences", Object::Silence, &mut samples).await? {
                judge_silences(&silences, &mut samples);
            }
            Ok(samples)
        }
        .boxed()
    }
}

fn judge_alerts(alerts: &[Alert], samples: &mut Samples) {
    samples.saw(Object::Alert, alerts.len());
    let mut counts: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for state in ["active", "silenced", "inhibited"] {
        counts.insert(("critical", state), 0);
        counts.insert(("warning", state), 0);
    }
    for alert in alerts {
        *counts.entry((alert.level(), alert.state())).or_default() += 1;
    }
    if let Some(count) = counts.get(&("other", "active")) {
        let which = "with a severity that is none of critical, warning, info and none";
        samples.evidence.note(format!("{} {which}", Object::Alert.counted(*count)));
    }
    for ((level, state), count) in counts {
        samples.set(&ALERTS, [level, state], count);
    }
    let untaken = alerts.iter().filter(|alert| alert.level() == "critical" && alert.state() == "active");
    let latest = unix_now() + AHEAD.as_secs_f64();
    let starts: Vec<f64> = untaken.map(|alert| alert.starts_at.as_duration().as_secs_f64()).collect();
    let ahead = starts.iter().filter(|at| **at > latest).count();
    if ahead > 0 {
        let which = "that begin in the future: compare the clocks of Prometheus and of this machine";
        let what = format!("{} {which}", Object::Alert.counted(ahead as u64));
        samples.missed(Object::Alert, Reason::Decode, what);
    }
    if let Some(oldest) = starts.into_iter().filter(|at| *at <= latest).reduce(f64::min) {
        samples.set(&OLDEST, [], oldest);
    }
}

fn judge_silences(silences: &[Silence], samples: &mut Samples) {
    for state in STATES {
        let count = silences.iter().filter(|silence| silence.status.state == state).count();
        samples.set(&SILENCES, [state], count);
    }
    let now = jiff::Timestamp::now();
    let (mut judged, mut longest) = (0_u64, None);
    for silence in silences {
        if let Some(what) = silence.contradiction(now) {
            samples.missed(Object::Silence, Reason::Decode, what);
            continue;
        }
        judged += 1;
        if silence.status.state == "active" {
            longest = longest.max(Some(silence.ends_at));
        }
    }
    samples.evidence.saw(Object::Silence, judged);
    if let Some(end) = longest {
        samples.set(&SILENCE_END, [], end.as_duration().as_secs_f64());
    }
}
