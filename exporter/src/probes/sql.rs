//! The signals of PostgreSQL, each made of a few SELECTs. A row holds the labels of the signal's metrics, then one
//! value for each metric.

mod application;

use crate::probe::{Failure, Probe, miss};
use crate::sources::postgres::{Database, Facts, Reads, SqlRequest};
use application::{left_out, named, tables_of, time_columns};
use checklist::config::{Postgres, literal, quoted};
use checklist::{Access, Limits, Metric, Object, Reason, Samples, Signal, TargetKind, Threshold};
use futures::FutureExt;
use futures::future::BoxFuture;
use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio_postgres::Row;

/// Signals whose values are counters since the server's statistics were last reset.
const SINCE_A_RESET: &[&str] = &["indexes", "maintenance", "seq_scans"];

/// SQL for the latest `timestamp` without time zone that does not count as in the future: five minutes ahead. In the
/// hour that the end of daylight saving time repeats, the local clock is ambiguous; the second term allows for that.
pub const AHEAD: &str = "greatest((now() + interval '5 minutes')::timestamp, \
                         (now() - interval '1 hour')::timestamp + interval '65 minutes')";

/// One SELECT of a signal.
#[derive(Debug, Clone)]
pub struct Statement {
    /// The SQL text. `{table}` and `{table.column}` stand for the application's names. A line that ends in
    /// `-- since 14` is left out for servers older than that version.
    pub sql: Cow<'static, str>,
    /// How to read the rows.
    pub gives: Gives,
    /// The thresholds whose values are passed as parameters `$1`, `$2` and so on.
    pub parameters: &'static [&'static Threshold],
    /// Whether to send the statement to a server with these facts.
    pub when: fn(&Facts) -> bool,
    /// The kind of object that the rows are evidence of, and how to count the objects.
    pub counts: Option<(Object, Count)>,
    /// How long a result is reused. Zero means that the statement is sent on every run; expensive statements whose
    /// results change slowly have more.
    pub reuse: Duration,
}

/// How the rows of a statement are read.
#[derive(Debug, Clone, Copy)]
pub enum Gives {
    /// Text columns for the labels, then a `float8` column for each metric. All metrics have the same labels. NULL sets
    /// no sample.
    Values(&'static [&'static Metric]),
    /// A count of objects that could not be judged, and a sentence that says why.
    Gap(Object, Reason),
    /// A sentence for people that does not change the verdict.
    Note,
    /// A sentence about something that is not as checklist.yaml says: no further statement is run.
    Misconfigured,
}

/// How to count the objects that a statement has examined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    /// Each row is one object.
    Rows,
    /// The first value column holds a count; the rows are summed up.
    FirstValue,
    /// An extra column after the values holds the count, the same in every row.
    Column,
}

/// Creates a statement without parameters that is sent on every run.
pub const fn select(sql: &'static str, metrics: &'static [&'static Metric]) -> Statement {
    statement(Cow::Borrowed(sql), Gives::Values(metrics))
}

const fn statement(sql: Cow<'static, str>, gives: Gives) -> Statement {
    Statement { sql, gives, parameters: &[], when: |_| true, counts: None, reuse: Duration::ZERO }
}

/// Creates a statement that counts the objects which the other statements of the signal cannot see.
pub const fn gap(sql: &'static str, object: Object, reason: Reason) -> Statement {
    statement(Cow::Borrowed(sql), Gives::Gap(object, reason))
}

/// Creates a statement that returns notes for people.
pub const fn note(sql: &'static str) -> Statement {
    statement(Cow::Borrowed(sql), Gives::Note)
}

impl Statement {
    /// Sets the thresholds that are its parameters.
    #[must_use]
    pub const fn with(mut self, parameters: &'static [&'static Threshold]) -> Self {
        self.parameters = parameters;
        self
    }

    /// Restricts it to servers whose facts fulfil a condition.
    #[must_use]
    pub const fn when(mut self, fits: fn(&Facts) -> bool) -> Self {
        self.when = fits;
        self
    }

    /// Sends it at most once in the given time and reuses the result in between.
    #[must_use]
    pub const fn every(mut self, reuse: Duration) -> Self {
        self.reuse = reuse;
        self
    }

    /// Counts each row as one examined object.
    #[must_use]
    pub const fn each_is(mut self, object: Object) -> Self {
        self.counts = Some((object, Count::Rows));
        self
    }

    /// Counts examined objects by the sum of the first value column.
    #[must_use]
    pub const fn counts(mut self, object: Object) -> Self {
        self.counts = Some((object, Count::FirstValue));
        self
    }

    /// Counts examined objects by an extra column after the values.
    #[must_use]
    pub const fn of_all(mut self, object: Object) -> Self {
        self.counts = Some((object, Count::Column));
        self
    }

    fn metrics(&self) -> &'static [&'static Metric] {
        match self.gives {
            Gives::Values(metrics) => metrics,
            Gives::Gap(..) | Gives::Note | Gives::Misconfigured => &[],
        }
    }

    /// Returns the SQL text for a server: without the lines for newer versions, and with the names of installed
    /// extensions.
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

/// The result of a statement.
#[derive(Debug, Clone, Default)]
struct Found {
    rows: Vec<(Vec<String>, Vec<Option<f64>>)>,
    /// Number of objects that the statement examined.
    seen: f64,
    /// Counts of unseen objects with their sentences; the count of a mere note is 0.
    notes: Vec<(f64, String)>,
}

/// The probe of a signal that is made of statements.
pub struct Sql {
    database: Arc<Database>,
    signal: &'static Signal,
    reads: Reads,
    /// Each statement with the values of its parameters.
    statements: Vec<(Statement, Vec<f64>)>,
    /// Results for reuse, in the order of the statements.
    cached: Mutex<Vec<Option<CachedResult>>>,
}

/// A result, and when it was queried.
type CachedResult = (Instant, Arc<Found>);

impl Sql {
    /// Creates the probe of a catalog signal with the thresholds of its target. `others` are the databases of the same
    /// server that are targets themselves. It is `None` when another target reports on the server as a whole; then this
    /// one reports only on its own database.
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
            let sql = left_out(&named(&sql, &names), database.left_out());
            (Statement { sql: Cow::Owned(sql), ..statement.clone() }, values)
        });
        let time_columns = time_columns(signal, &names).map(|sql| statement(Cow::Owned(sql), Gives::Misconfigured));
        let standby = (signal.kind == TargetKind::Application).then(|| standby_behind(signal));
        let of_all = time_columns.into_iter().chain(standby).map(|statement| (statement, Vec::new()));
        let statements: Vec<_> = of_all.chain(filled).collect();
        let reads = if signal.kind == TargetKind::Application { Reads::Tables } else { Reads::Catalogs };
        Self { database, signal, reads, cached: Mutex::new(vec![None; statements.len()]), statements }
    }

    /// Returns the result of a statement, from an earlier run if that is recent enough.
    async fn found(&self, at: usize, facts: &Facts) -> Result<Arc<Found>, Failure> {
        let (statement, parameters) = &self.statements[at];
        let cached = || self.cached.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((queried, found)) = &cached()[at]
            && queried.elapsed() < statement.reuse
        {
            return Ok(Arc::clone(found));
        }
        let sql = statement.text(facts);
        let request = SqlRequest { sql: &sql, parameters, reads: self.reads_of(statement), schemas: &[] };
        let rows = self.database.query(request).await?;
        let found = read(statement, &rows).map_err(|error| {
            Failure::new(Reason::Decode, format!("check {}: an unexpected column: {error}", self.signal.id))
        })?;
        let found = Arc::new(found);
        if !statement.reuse.is_zero() {
            cached()[at] = Some((Instant::now(), Arc::clone(&found)));
        }
        Ok(found)
    }

    /// Fails when the role may not see the statistics that the check needs. The server would return nothing, and an
    /// empty result would look good.
    fn permitted(&self, facts: &Facts) -> Result<(), Failure> {
        if facts.statistics || !self.signal.access.contains(&Access::SqlRole("pg_read_all_stats")) {
            return Ok(());
        }
        let user = quoted(&facts.user);
        let mut text = format!("the role {user} cannot see the activity of other roles: ");
        let notes = if facts.without_inheriting && facts.major() >= 16 {
            write!(text, "its membership does not inherit; run GRANT pg_read_all_stats TO {user} WITH INHERIT TRUE")
        } else if facts.without_inheriting {
            write!(text, "its membership does not inherit; run ALTER ROLE {user} INHERIT")
        } else {
            write!(text, "run GRANT pg_read_all_stats TO {user}")
        };
        debug_assert!(notes.is_ok(), "writing to a String cannot fail");
        Err(Failure::new(Reason::Permission, text))
    }

    /// The statements in the order in which they are sent, with the values of their parameters.
    pub fn statements(&self) -> &[(Statement, Vec<f64>)] {
        &self.statements
    }

    /// Returns what a statement reads: one that looks for mistakes reads catalogs, whatever the signal reads.
    pub const fn reads_of(&self, statement: &Statement) -> Reads {
        if matches!(statement.gives, Gives::Misconfigured) { Reads::Catalogs } else { self.reads }
    }

    /// Adds the failure of a statement to the evidence: a table that is locked or may not be read does not hide what the
    /// other statements see.
    fn miss(&self, statement: &Statement, failure: Failure, samples: &mut Samples) -> Result<(), Failure> {
        let object = match (statement.gives, statement.counts) {
            (Gives::Gap(object, _), _) | (_, Some((object, _))) => object,
            _ => object_of(self.signal),
        };
        let names = self.database.tables();
        let tables = tables_of(self.signal, &names).filter(|table| statement.sql.contains(table));
        let tables = tables.collect::<Vec<_>>().join(", ").replace('"', "");
        let failure = if tables.is_empty() { failure } else { failure.while_doing(format_args!("reading {tables}")) };
        miss(samples, object, failure)
    }

    pub fn database(&self) -> &Arc<Database> {
        &self.database
    }
}

/// Returns the kind of object that a signal mainly looks at.
fn object_of(signal: &Signal) -> Object {
    signal.looks.first().map_or(Object::Row, |looks| looks.object)
}

/// Returns the statement that tells whether the rows of a standby are too old to be judged.
fn standby_behind(signal: &Signal) -> Statement {
    gap(include_str!("standby_behind.sql"), object_of(signal), Reason::Timeout).when(|facts| facts.standby)
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
            Gives::Note | Gives::Misconfigured => found.notes.push((0.0, row.try_get(0)?)),
        }
    }
    Ok(found)
}

/// Converts a count, which the server returns as a `float8`, to an integer.
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
                let found = match self.found(at, &facts).await {
                    Ok(found) => found,
                    Err(failure) => {
                        let is_slow = failure.reason == Reason::Timeout;
                        self.miss(statement, failure, &mut samples)?;
                        // The others would wait as long, until the deadline of the run.
                        if is_slow {
                            break;
                        }
                        continue;
                    }
                };
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
                        Gives::Misconfigured => return Err(Failure::new(Reason::Config, text)),
                        _ => samples.evidence.note(text),
                    }
                }
            }
            if facts.standby && self.signal.kind != TargetKind::Application {
                samples.evidence.note("this server is a standby; vacuum and table statistics are those of the primary");
            }
            if let Some(since) = facts.since.filter(|_| SINCE_A_RESET.contains(&self.signal.id)) {
                samples.evidence.counts_since(since);
            }
            Ok(samples)
        }
        .boxed()
    }
}
