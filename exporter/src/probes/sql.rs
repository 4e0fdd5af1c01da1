//! Every check that is a handful of SELECTs: a row is the labels of its metrics, then a value for each of them.

use crate::probe::{Failure, Probe};
use crate::sources::postgres::{Database, Facts, Reads, SqlRequest};
use checklist::config::{LeftOut, Postgres, literal, quoted};
use checklist::{Access, Limits, Metric, Object, Reason, Samples, Signal, TargetKind, Threshold};
use futures::FutureExt;
use futures::future::BoxFuture;
use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio_postgres::Row;

/// The signals whose values count since the server's statistics were reset.
const SINCE_A_RESET: &[&str] = &["indexes", "maintenance", "seq_scans"];

/// The latest time without a zone that is not in the future: in five minutes by the clock, or by the clock of an hour ago,
/// which differs within the hour that a change of time doubles.
pub const AHEAD: &str = "greatest((now() + interval '5 minutes')::timestamp, \
                         (now() - interval '1 hour')::timestamp + interval '65 minutes')";

/// One SELECT.
#[derive(Debug, Clone)]
pub struct Statement {
    /// The text, with `{table}` and `{table.column}` for the application's names. A line that ends in `-- since 14` is
    /// left out for older servers.
    pub sql: Cow<'static, str>,
    /// What its rows are.
    pub gives: Gives,
    /// The limits that are its parameters.
    pub parameters: &'static [&'static Threshold],
    /// Whether it is asked.
    pub when: fn(&Facts) -> bool,
    /// What its rows are evidence of.
    pub counts: Option<(Object, Count)>,
    /// How long its rows are good enough, for what is expensive and changes slowly.
    pub reuse: Duration,
}

/// What the rows of a statement are.
#[derive(Debug, Clone, Copy)]
pub enum Gives {
    /// Texts for the labels, then a double for each of the metrics, which have the same labels; NULL sets nothing.
    Values(&'static [&'static Metric]),
    /// How many objects should have been judged and were not, and a sentence about them.
    Gap(Object, Reason),
    /// A sentence for people that changes no verdict.
    Note,
    /// A sentence about something that is not as checklist.yaml says: nothing more is asked.
    Mistake,
}

/// How many objects a statement's rows speak of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    /// One object a row.
    Rows,
    /// The sum of the rows' first values.
    FirstValue,
    /// One more column after the values, the same in every row.
    Column,
}

/// A statement without parameters, asked on every run.
pub const fn select(sql: &'static str, metrics: &'static [&'static Metric]) -> Statement {
    statement(Cow::Borrowed(sql), Gives::Values(metrics))
}

const fn statement(sql: Cow<'static, str>, gives: Gives) -> Statement {
    Statement { sql, gives, parameters: &[], when: |_| true, counts: None, reuse: Duration::ZERO }
}

/// A statement about what the others do not see.
pub const fn gap(sql: &'static str, object: Object, reason: Reason) -> Statement {
    statement(Cow::Borrowed(sql), Gives::Gap(object, reason))
}

/// A statement that only tells people something.
pub const fn note(sql: &'static str) -> Statement {
    statement(Cow::Borrowed(sql), Gives::Note)
}

impl Statement {
    /// Gives it parameters.
    #[must_use]
    pub const fn with(mut self, parameters: &'static [&'static Threshold]) -> Self {
        self.parameters = parameters;
        self
    }

    /// Asks it only of some servers.
    #[must_use]
    pub const fn when(mut self, fits: fn(&Facts) -> bool) -> Self {
        self.when = fits;
        self
    }

    /// Asks it at most once in a time.
    #[must_use]
    pub const fn every(mut self, reuse: Duration) -> Self {
        self.reuse = reuse;
        self
    }

    /// Each of its rows is one object that was looked at.
    #[must_use]
    pub const fn each_is(mut self, object: Object) -> Self {
        self.counts = Some((object, Count::Rows));
        self
    }

    /// Its rows count objects that were looked at.
    #[must_use]
    pub const fn counts(mut self, object: Object) -> Self {
        self.counts = Some((object, Count::FirstValue));
        self
    }

    /// It says in a column of its own how many objects it looked at.
    #[must_use]
    pub const fn of_all(mut self, object: Object) -> Self {
        self.counts = Some((object, Count::Column));
        self
    }

    fn metrics(&self) -> &'static [&'static Metric] {
        match self.gives {
            Gives::Values(metrics) => metrics,
            Gives::Gap(..) | Gives::Note | Gives::Mistake => &[],
        }
    }

    /// The text for a server.
    pub fn text(&self, facts: &Facts) -> String {
        let major = facts.major();
        let fits = |line: &&str| match line.rsplit_once("-- since ").map(|(_, version)| version.trim().parse::<i32>()) {
            Some(Ok(version)) => major >= version,
            _ => true,
        };
        let text: Vec<&str> = self.sql.lines().filter(fits).collect();
        let mut text = text.join("\n");
        if let Some(statements) = &facts.statements {
            text = text.replace("{pg_stat_statements}", &quoted(&statements.schema));
            text = text.replace("{total_exec_time}", if statements.planned { "total_exec_time" } else { "total_time" });
        }
        if let Some(schema) = &facts.tuples {
            text = text.replace("{pgstattuple}", &quoted(schema));
        }
        text
    }
}

/// What a statement found.
#[derive(Debug, Clone, Default)]
struct Found {
    /// Labels and values of its rows.
    rows: Vec<(Vec<String>, Vec<Option<f64>>)>,
    /// Objects that it looked at.
    seen: f64,
    /// How many it did not see, and what to say.
    notes: Vec<(f64, String)>,
}

/// A check made of statements.
pub struct Sql {
    database: Arc<Database>,
    signal: &'static Signal,
    reads: Reads,
    statements: Vec<(Statement, Vec<f64>)>,
    kept: Mutex<Vec<Option<Kept>>>,
}

/// What was found, and when it was asked for.
type Kept = (Instant, Arc<Found>);

/// Fills in the conditions of what is judged.
fn left_out(sql: &str, out: &LeftOut) -> String {
    [
        ("{kept_tables}", out.tables("n.nspname", "c.relname")),
        ("{kept_indexes}", out.tables("s.schemaname", "s.relname")),
        ("{kept_applications}", out.applications("application_name")),
        ("{kept_sessions}", out.roles("usename")),
        ("{kept_roles}", out.roles("r.rolname")),
    ]
    .into_iter()
    .fold(sql.to_owned(), |sql, (place, condition)| sql.replace(place, &condition))
}

/// Columns whose hour counts: a date has none.
const HOURS: [&str; 2] = ["timestamp", "updated_at"];

/// The statement that finds columns of the application that hold no times, before others misread them.
fn times(signal: &Signal, fill: &dyn Fn(&str) -> String) -> Option<Statement> {
    let columns = signal.access.iter().flat_map(|access| match access {
        Access::SqlColumns(table, columns) => columns.iter().map(|column| (*table, *column)).collect(),
        _ => Vec::new(),
    });
    let is_time = |column: &str| column.ends_with("_at") || HOURS.contains(&column);
    let rows = columns.filter(|(_, column)| is_time(column)).map(|(table, column)| {
        let name = fill(&format!("{{{table}.{column}}}"));
        format!("({}, {}, {})", literal(&fill(&format!("{{{table}}}"))), literal(&name), HOURS.contains(&column))
    });
    let rows: Vec<String> = rows.collect();
    let sql = include_str!("times.sql").replace("{columns}", &rows.join(", "));
    (!rows.is_empty()).then(|| statement(Cow::Owned(sql), Gives::Mistake))
}

impl Sql {
    /// The check of a catalog signal, with the limits that hold for its target. `others` are the databases that are
    /// told by targets of their own; nothing when another target tells what belongs to the server.
    pub fn new(
        database: Arc<Database>,
        signal: &'static Signal,
        statements: &[Statement],
        limits: &Limits,
        others: Option<&[&Postgres]>,
    ) -> Self {
        let names = database.tables();
        let others = match others {
            None => "false".to_owned(),
            Some([]) => "true".to_owned(),
            Some(others) => {
                let list: Vec<String> = others.iter().map(|other| literal(&other.database)).collect();
                format!("datname NOT IN ({})", list.join(", "))
            }
        };
        let filled = statements.iter().map(|statement| {
            let values = statement.parameters.iter().map(|threshold| limits.value(threshold)).collect();
            let sql = names.fill(&statement.sql).replace("{others}", &others).replace("{ahead}", AHEAD);
            let sql = left_out(&sql, database.left_out());
            (Statement { sql: Cow::Owned(sql), ..statement.clone() }, values)
        });
        let times = times(signal, &|place| names.fill(place));
        let statements: Vec<_> = times.map(|times| (times, Vec::new())).into_iter().chain(filled).collect();
        let reads = if signal.kind == TargetKind::Application { Reads::Tables } else { Reads::Catalogs };
        Self { database, signal, reads, kept: Mutex::new(vec![None; statements.len()]), statements }
    }

    /// What a statement found: on an earlier run while that is good enough.
    async fn found(&self, at: usize, facts: &Facts) -> Result<Arc<Found>, Failure> {
        let (statement, parameters) = &self.statements[at];
        let kept = || self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((asked, found)) = &kept()[at]
            && asked.elapsed() < statement.reuse
        {
            return Ok(Arc::clone(found));
        }
        let sql = statement.text(facts);
        let reads = if matches!(statement.gives, Gives::Mistake) { Reads::Catalogs } else { self.reads };
        let ask = SqlRequest { sql: &sql, parameters, reads, schemas: &[] };
        let rows = self.database.query(ask).await?;
        let found = read(statement, &rows).map_err(|error| {
            Failure::new(Reason::Decode, format!("check {}: an unexpected column: {error}", self.signal.id))
        })?;
        let found = Arc::new(found);
        if !statement.reuse.is_zero() {
            kept()[at] = Some((Instant::now(), Arc::clone(&found)));
        }
        Ok(found)
    }

    /// Fails when the role may not see what the check judges: the server would show nothing, and nothing is not good.
    fn permitted(&self, facts: &Facts) -> Result<(), Failure> {
        if facts.statistics || !self.signal.access.contains(&Access::SqlRole("pg_read_all_stats")) {
            return Ok(());
        }
        let user = quoted(&facts.user);
        let mut text = format!("the role {user} does not see what other roles do: ");
        let notes = if facts.without_inheriting && facts.major() >= 16 {
            write!(text, "it is a member that does not inherit; GRANT pg_read_all_stats TO {user} WITH INHERIT TRUE")
        } else if facts.without_inheriting {
            write!(text, "it is a member that does not inherit; ALTER ROLE {user} INHERIT")
        } else {
            write!(text, "GRANT pg_read_all_stats TO {user}")
        };
        debug_assert!(notes.is_ok(), "writing to a String cannot fail");
        Err(Failure::new(Reason::Permission, text))
    }

    /// The statements as they are sent, with their parameters.
    pub fn statements(&self) -> &[(Statement, Vec<f64>)] {
        &self.statements
    }

    /// What they read.
    pub const fn reads(&self) -> Reads {
        self.reads
    }

    /// Where they are sent to.
    pub fn database(&self) -> &Arc<Database> {
        &self.database
    }
}

fn read(statement: &Statement, rows: &[Row]) -> Result<Found, tokio_postgres::Error> {
    let mut found = Found::default();
    let metrics = statement.metrics();
    let labels = metrics.first().map_or(0, |metric| metric.labels.len());
    for row in rows {
        match statement.gives {
            Gives::Values(_) => {
                let label = |at| Ok(row.try_get::<_, Option<String>>(at)?.unwrap_or_default());
                let names = (0..labels).map(label).collect::<Result<_, tokio_postgres::Error>>()?;
                let values = labels..labels + metrics.len();
                let values = values.map(|at| row.try_get(at)).collect::<Result<Vec<Option<f64>>, _>>()?;
                match statement.counts {
                    Some((_, Count::Rows)) => found.seen += 1.0,
                    Some((_, Count::FirstValue)) => found.seen += values.first().copied().flatten().unwrap_or_default(),
                    Some((_, Count::Column)) => found.seen = row.try_get(labels + metrics.len())?,
                    None => {}
                }
                found.rows.push((names, values));
            }
            Gives::Gap(..) => found.notes.push((row.try_get(0)?, row.try_get(1)?)),
            Gives::Note | Gives::Mistake => found.notes.push((0.0, row.try_get(0)?)),
        }
    }
    Ok(found)
}

/// A count as the server gives it: a double, whole and not negative.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of rows")]
fn whole(count: f64) -> usize {
    count as usize
}

impl Probe for Sql {
    fn probe(&self, mut samples: Samples) -> BoxFuture<'_, Result<Samples, Failure>> {
        async move {
            let facts = self.database.facts().await?;
            self.permitted(&facts)?;
            for (at, (statement, _)) in self.statements.iter().enumerate() {
                if !(statement.when)(&facts) {
                    continue;
                }
                let found = self.found(at, &facts).await?;
                if let Some((object, _)) = statement.counts {
                    samples.saw(object, whole(found.seen));
                }
                for (labels, values) in &found.rows {
                    for (metric, value) in statement.metrics().iter().zip(values) {
                        if let Some(value) = value.filter(|value| value.is_finite()) {
                            samples.put(metric, labels, value);
                        }
                    }
                }
                for (count, text) in &found.notes {
                    match statement.gives {
                        Gives::Gap(object, reason) => {
                            samples.evidence.missed(object, reason, whole(*count) as u64, text);
                        }
                        Gives::Mistake => return Err(Failure::new(Reason::Config, text)),
                        _ => samples.evidence.note(text),
                    }
                }
            }
            if facts.standby && self.signal.kind != TargetKind::Application {
                samples.evidence.note("a standby: vacuum and statistics of its tables are the primary's");
            }
            if let Some(since) = facts.since.filter(|_| SINCE_A_RESET.contains(&self.signal.id)) {
                samples.evidence.counts_since(since);
            }
            Ok(samples)
        }
        .boxed()
    }
}
