//! The reports of the written checklist, from Prometheus and the records of people's tasks.

pub mod capacity;
pub mod collect;
pub mod csv;
pub mod forecast;
pub mod html;
pub mod incidents;
pub mod markdown;
pub mod model;
pub mod people;
pub mod period;
pub mod slack;
pub mod svg;
pub mod texts;
pub mod trend;
pub mod verdicts;

use crate::server::Server;
use crate::terminal::Progress;
use checklist::Config;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use model::{Report, SCHEMA};
use period::{Kind, Period};

/// Makes the report that ends at a time.
///
/// # Errors
/// [`NoVerdict`] when Prometheus does not answer a query.
pub async fn make(
    config: &Config,
    kind: Kind,
    server: &Server,
    at: Timestamp,
    progress: &Progress,
) -> anyhow::Result<Report> {
    let clock = config.tasks.as_ref().map_or(TimeZone::UTC, |tasks| tasks.zone.clone());
    let period = Period::until(kind, at, &clock)?;
    let signals = verdicts::signals(config, kind);
    let seen = collect::seen(server, config, &signals, at, progress).await?;
    progress.show("alerts and tasks");
    let alerts = incidents::incidents(server, config, kind, &period).await?;
    let people = people::People::read(config, kind, &period).await;
    let alerts_unknown = incidents::unknown(server, kind, &period).await?;
    let mut lines = verdicts::lines(config, kind, &seen, &alerts, &people);
    if let Some(why) = &alerts_unknown {
        for line in lines.iter_mut().filter(|line| line.watched.iter().any(|id| id == "alerts")) {
            line.verdict = line.verdict.max(model::Verdict::CannotTell);
            line.why.push(why.clone());
        }
    }
    progress.show("trends");
    let trends = trend::trends(server, config, &signals, &period).await?;
    let days = match kind {
        Kind::Weekly => trend::days(server, config, &period).await?,
        _ => Vec::new(),
    };
    progress.show("capacity");
    let capacity = match kind {
        Kind::Quarterly => Some(capacity::capacity(server, config, at, &clock).await?),
        _ => None,
    };
    Ok(Report {
        schema: SCHEMA,
        cadence: kind.as_str(),
        title: kind.title(),
        before: period.before,
        from: period.from,
        until: period.until,
        zone: clock.iana_name().unwrap_or("UTC").to_owned(),
        clock,
        lines,
        days,
        alerts,
        alerts_unknown,
        tasks: people.tasks,
        actions: people.actions,
        overrides: people.overrides,
        trends,
        capacity,
        remarks: people.remarks,
    })
}
