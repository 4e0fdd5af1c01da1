//! The configured queries on the restored database.

use super::database::{Database, is_of_the_server};
use super::error::{BackupFault, NotProved};
use super::restore::Restored;
use super::session::ServerError;
use anyhow::{Context, anyhow, ensure};
use checklist::config::{Expect, Sanity};
use clients::AHEAD;
use jiff::Timestamp;
use std::collections::BTreeMap;

/// Runs all queries and then judges the results. Every result is stored in `answers` or `newest`, also if it is bad.
pub(super) async fn run(
    database: &Database,
    restored: &Restored,
    checks: &[Sanity],
    answers: &mut BTreeMap<String, f64>,
    newest: &mut BTreeMap<String, f64>,
) -> Result<(), NotProved> {
    let mut session = database.connect().await?;
    // With this setting the server reports an error where row security would hide rows, instead of returning too few.
    session.run(b"SET row_security = off").await??;
    let mut worst = Ok(());
    for check in checks {
        let sql = match check.expect {
            Expect::AtLeast(_) => check.query.clone(),
            // Accepts every type of time, also a date.
            Expect::NotOlderThan(_) => {
                let query = check.query.trim().trim_end_matches(';');
                format!("SELECT extract(epoch FROM ({query})::timestamptz)")
            }
        };
        let result = session.run(sql.as_bytes()).await?;
        let rows = result.map_err(|error| fault_of(&check.name, &error, restored))?;
        // Several rows are joined. That is not a number, and the message shows them.
        let text = rows.into_iter().map(Option::unwrap_or_default).collect::<Vec<_>>().join("\n");
        let number = || {
            let number = text.parse().ok().filter(|number: &f64| number.is_finite());
            number.with_context(|| format!("check {} returned {text:?}, which is not a number", check.name))
        };
        let verdict = match check.expect {
            Expect::NotOlderThan(_) if text.is_empty() => Err(anyhow::anyhow!("check {} returned no row", check.name)),
            Expect::AtLeast(_) => number().map(|value| {
                answers.insert(check.name.clone(), value);
            }),
            Expect::NotOlderThan(_) => number().map(|value| {
                newest.insert(check.name.clone(), value);
            }),
        };
        worst = worst.and(verdict.and_then(|()| compare(check, text.parse().unwrap_or(f64::NAN))));
    }
    worst.bad_backup()
}

/// Classifies the error of a query. The backup is bad if it lacks what the query needs, unless the statement itself is
/// wrong, or this server lacked something during the restore.
fn fault_of(check: &str, error: &ServerError, restored: &Restored) -> NotProved {
    let failure = anyhow!("check {check}: {error}");
    // A syntax error, or insufficient privilege.
    let unanswerable = matches!(error.code.as_str(), "42601" | "42501");
    let hidden = error.code.starts_with("42") && restored.lacks_something();
    if is_of_the_server(error) || unanswerable || hidden {
        NotProved::CannotTell(failure)
    } else {
        NotProved::BadBackup(failure)
    }
}

fn compare(check: &Sanity, value: f64) -> anyhow::Result<()> {
    let name = &check.name;
    match check.expect {
        Expect::AtLeast(least) => ensure!(value >= least, "check {name} returned {value}, expected at least {least}"),
        Expect::NotOlderThan(oldest) => {
            let age = Timestamp::now().as_duration().as_secs_f64() - value;
            let hours = |seconds: f64| format!("{:.1} h", seconds / 3_600.0);
            let limit = oldest.as_secs_f64();
            ensure!(age >= -AHEAD.as_secs_f64(), "check {name}: the newest row is {} in the future", hours(-age));
            ensure!(age <= limit, "check {name}: the newest row is {} old, more than {}", hours(age), hours(limit));
        }
    }
    Ok(())
}
