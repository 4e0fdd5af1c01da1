//! The option `check --explain`: prints the plan of every SQL statement, and warns about sequential scans of large
//! tables.

use crate::run::checks::SqlCheck;
use crate::run::job::Job;
use crate::sources::postgres::{Database, SqlRequest};
use checklist::config::literal;
use checklist::{Access, Config};
use std::sync::Arc;
use tokio_postgres::Row;

/// Number of rows above which a sequential scan of a table is a warning.
const LARGE: f64 = 100_000.0;

/// Asks for the plans of the SQL checks among the jobs. Returns the plans as text, and the number of warnings. A plan
/// that could not be had counts as a warning.
pub async fn explain(config: &Config, jobs: &[Arc<Job>]) -> (String, usize) {
    let (mut text, mut warnings) = (String::new(), 0);
    for job in jobs {
        let (signal, target) = {
            let state = job.state();
            (state.check.signal, state.check.target.clone())
        };
        let Some(check) = crate::run::checks::sql_check(config, signal, &target) else { continue };
        text += &format!("{} on {target}\n", signal.id);
        for access in signal.access {
            if let Access::SqlIndex(table, columns) = access {
                text += &format!("  needs an index on {table} ({})\n", columns.join(", "));
            }
        }
        match plans(&check, &mut text).await {
            Ok(scans) => warnings += scans,
            Err(failure) => {
                text += &format!("  CANNOT TELL: {failure}\n");
                warnings += 1;
            }
        }
    }
    if text.is_empty() {
        text += "none of these checks runs SQL\n";
    }
    (text, warnings)
}

async fn plans(check: &SqlCheck, text: &mut String) -> Result<usize, crate::probe::Failure> {
    let mut warnings = 0;
    match check {
        SqlCheck::Catalog(sql) => {
            let facts = sql.database().facts().await?;
            for (statement, parameters) in sql.statements().iter().filter(|(statement, _)| (statement.when)(&facts)) {
                // EXPLAIN cannot be sent with parameters, so their values are written into the statement. All
                // parameters are numbers.
                let mut filled = statement.text(&facts);
                for (at, value) in parameters.iter().enumerate() {
                    filled = filled.replace(&format!("${}", at + 1), &format!("({value})"));
                }
                let explain = format!("EXPLAIN {filled}");
                let request =
                    SqlRequest { sql: &explain, parameters: &[], reads: sql.reads_of(statement), schemas: &[] };
                warnings += print_plan(sql.database(), sql.database().query(request).await?, text).await?;
            }
        }
        SqlCheck::Own(own) => {
            let rows = own.rows(&format!("EXPLAIN {}", own.statement().await?)).await?;
            warnings += print_plan(own.database(), rows, text).await?;
        }
    }
    Ok(warnings)
}

/// Appends a plan to `text`. Returns how many large tables it scans sequentially.
async fn print_plan(database: &Database, rows: Vec<Row>, text: &mut String) -> Result<usize, crate::probe::Failure> {
    let mut warnings = 0;
    for row in rows {
        let line: String = row.try_get(0).unwrap_or_default();
        text.push_str(&format!("    {line}\n"));
        let Some(table) = scanned(&line) else { continue };
        // A plan names tables without their schema. If several tables have this name, the size of the largest one
        // counts.
        let name = literal(table.trim_matches('"'));
        let size =
            format!("SELECT max(reltuples)::float8 FROM pg_catalog.pg_class WHERE relkind = 'r' AND relname = {name}");
        let rows = database.query(SqlRequest::of_catalogs(&size)).await?;
        let rows = rows.first().and_then(|row| row.try_get::<_, Option<f64>>(0).ok().flatten()).unwrap_or(0.0);
        if rows > LARGE {
            text.push_str(&format!("    WARNING: sequential scan of {table}, which has {rows:.0} rows\n"));
            warnings += 1;
        }
    }
    Ok(warnings)
}

/// Returns the table name in a line of a plan like `->  Seq Scan on audit_events  (cost=…`.
fn scanned(line: &str) -> Option<String> {
    let rest = line.split_once("Seq Scan on ")?.1;
    Some(rest.split_whitespace().next()?.to_owned())
}
