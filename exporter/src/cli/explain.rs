//! `check --explain`: the plan of every SQL statement, and a warning where a large table is read whole.

use crate::probes::sql::Sql;
use crate::run::job::Job;
use checklist::{Access, Config};
use std::sync::Arc;

/// Rows from which a sequential scan is worth a warning.
const LARGE: f64 = 100_000.0;

/// The plans of the SQL checks among the jobs as text, and the number of warnings.
pub async fn explain(config: &Config, jobs: &[Arc<Job>]) -> (String, usize) {
    let (mut text, mut warnings) = (String::new(), 0);
    for job in jobs {
        let (signal, target) = {
            let state = job.state();
            (state.check.signal, state.check.target.clone())
        };
        let Some(sql) = crate::run::checks::sql(config, signal, &target) else { continue };
        text += &format!("{} on {target}\n", signal.id);
        for access in signal.access {
            if let Access::SqlIndex(table, columns) = access {
                text += &format!("  needs an index on {table} ({})\n", columns.join(", "));
            }
        }
        match plans(&sql, &mut text).await {
            Ok(scans) => warnings += scans,
            Err(failure) => {
                text += &format!("  CANNOT TELL: {failure}\n");
                warnings += 1;
            }
        }
    }
    (text, warnings)
}

async fn plans(sql: &Sql, text: &mut String) -> Result<usize, crate::probe::Failure> {
    let mut warnings = 0;
    for (statement, parameters) in sql.statements() {
        if let Some(question) = statement.when {
            let answer = sql.database().query(question, &[]).await?;
            if !answer.first().is_some_and(|row| row.try_get(0).unwrap_or(false)) {
                continue;
            }
        }
        // EXPLAIN takes no parameters; ours are numbers.
        let mut filled = statement.sql.to_string();
        for (at, value) in parameters.iter().enumerate() {
            filled = filled.replace(&format!("${}", at + 1), &format!("({value})"));
        }
        for row in sql.database().query(&format!("EXPLAIN {filled}"), &[]).await? {
            let line: String = row.try_get(0).unwrap_or_default();
            text.push_str(&format!("    {line}\n"));
            let Some(table) = scanned(&line) else { continue };
            let size = "SELECT reltuples::float8 FROM pg_catalog.pg_class WHERE oid = to_regclass($1)";
            let rows = sql.database().query(size, &[&table]).await?;
            let rows = rows.first().and_then(|row| row.try_get::<_, f64>(0).ok()).unwrap_or(0.0);
            if rows > LARGE {
                text.push_str(&format!("    WARNING: reads {table} whole, which has {rows:.0} rows\n"));
                warnings += 1;
            }
        }
    }
    Ok(warnings)
}

/// The table of a line like `->  Seq Scan on audit_events  (cost=…`.
fn scanned(line: &str) -> Option<String> {
    let rest = line.split_once("Seq Scan on ")?.1;
    Some(rest.split_whitespace().next()?.to_owned())
}
