//! Compares the parser with Prometheus. `corpus.tsv` records which servers accept each of thousands of expressions. The
//! parser must agree with the file, and real servers must still agree with it.

use promql::table::{EXPERIMENTAL_FUNCTIONS, FILL_MODIFIERS, UNQUOTED_NAMES};
use promql::{Version, parse};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

type Outcome = Result<(), Box<dyn std::error::Error>>;

/// The servers of the corpus' columns: version and feature flags.
const COLUMNS: [(Version, &[&str]); 6] = [
    (Version(2, 42), &[]),
    (Version(2, 55), &[]),
    (Version(2, 55), &[EXPERIMENTAL_FUNCTIONS]),
    (Version(3, 16), &[]),
    (Version(3, 16), &[EXPERIMENTAL_FUNCTIONS]),
    (Version(3, 16), &[EXPERIMENTAL_FUNCTIONS, FILL_MODIFIERS, UNQUOTED_NAMES]),
];

/// Returns every expression, with whether the server of each column accepts it.
fn corpus() -> Vec<(String, Vec<bool>)> {
    let lines = include_str!("corpus.tsv").lines().filter(|line| !line.starts_with('#'));
    let row = |line: &str| {
        let (outcomes, expr) = line.split_once('\t')?;
        Some((serde_json::from_str(expr).ok()?, outcomes.chars().map(|outcome| outcome == '+').collect()))
    };
    lines.map(|line| row(line).unwrap_or_else(|| panic!("no row: {line}"))).collect()
}

#[test]
fn every_expression_of_the_corpus_is_accepted_or_refused_as_by_prometheus() {
    let corpus = corpus();
    for (column, (version, features)) in COLUMNS.into_iter().enumerate() {
        let accepted = |expr: &str| parse(expr).is_ok_and(|query| query.missing_in(version, features).next().is_none());
        let wrong: Vec<&String> =
            corpus.iter().filter(|(expr, outcomes)| accepted(expr) != outcomes[column]).map(|(expr, _)| expr).collect();
        let count = corpus.iter().filter(|(_, outcomes)| outcomes[column]).count();
        println!("{version} {features:?}: {} expressions, {count} accepted, {} disagree", corpus.len(), wrong.len());
        assert!(wrong.is_empty(), "{version} {features:?}: {wrong:#?}");
    }
}

#[test]
fn printed_expressions_parse_to_the_same_tree() {
    for (expr, _) in corpus() {
        let Ok(query) = parse(&expr) else { continue };
        let printed = query.expr.to_string();
        let again = parse(&printed).unwrap_or_else(|errors| panic!("{expr}\n{printed}\n{errors:?}"));
        assert_eq!(again.expr, query.expr, "{expr}\n{printed}");
        assert_eq!(again.expr.to_string(), printed);
    }
}

#[test]
fn every_part_of_an_expression_has_its_position() {
    for (expr, _) in corpus() {
        let Ok(query) = parse(&expr) else { continue };
        query.expr.walk(&mut |part, above| {
            let text = part.span.of(&expr);
            assert!(!text.is_empty(), "{expr}: {part} has no place");
            if let Some(parent) = above.last() {
                let inside = parent.span.start <= part.span.start && part.span.end <= parent.span.end;
                assert!(inside, "{expr}: {part} is outside of {parent}");
            }
            // The text of a part alone parses to that part, except for an operand whose sign belongs to its parent.
            if let Ok(alone) = parse(text) {
                assert_eq!(alone.expr, *part, "{expr}: {text}");
            }
        });
    }
}

#[test]
fn the_corpus_agrees_with_prometheus_2() -> Outcome {
    compare_with(Path::new("prometheus"), &[(0, &[])])
}

#[test]
#[cfg_attr(not(has_newest_prometheus), ignore = "no Prometheus 3 in target/parts (make parts)")]
fn the_corpus_agrees_with_prometheus_3() -> Outcome {
    let program = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/parts/bin/prometheus"));
    compare_with(&program, &[(3, &[]), (4, COLUMNS[4].1), (5, COLUMNS[5].1)])
}

fn compare_with(program: &Path, columns: &[(usize, &[&str])]) -> Outcome {
    for (column, features) in columns {
        let mut server = Server::start(program, features)?;
        let corpus = corpus();
        let mut wrong = Vec::new();
        for (expr, outcomes) in &corpus {
            if server.reads(expr)? != outcomes[*column] {
                wrong.push(expr);
            }
        }
        println!("{} {features:?}: {} expressions, {} disagree", program.display(), corpus.len(), wrong.len());
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
    Ok(())
}

/// A running Prometheus that scrapes nothing.
struct Server {
    child: Child,
    connection: BufReader<TcpStream>,
    _folder: tempfile::TempDir,
}

impl Server {
    fn start(program: &Path, features: &[&str]) -> Result<Self, Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        std::fs::write(folder.path().join("prometheus.yml"), "global: {}\n")?;
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let mut command = Command::new(program);
        command.arg(format!("--config.file={}", folder.path().join("prometheus.yml").display()));
        command.arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()));
        command.arg(format!("--web.listen-address={address}"));
        command.args(features.iter().map(|feature| format!("--enable-feature={feature}")));
        let mut child = command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("{} is needed: {error}", program.display()))?;
        let connection = loop {
            if let Ok(stream) = TcpStream::connect(address) {
                stream.set_nodelay(true)?;
                break BufReader::new(stream);
            }
            if let Some(status) = child.try_wait()? {
                return Err(format!("{} ended with {status}", program.display()).into());
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        let mut server = Self { child, connection, _folder: folder };
        // The server listens before it is ready.
        while server.request("GET", "/-/ready", "")? != 200 {
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(server)
    }

    /// Returns whether the server parses the expression.
    fn reads(&mut self, expr: &str) -> Result<bool, Box<dyn std::error::Error>> {
        let encoded: String = expr.bytes().map(|byte| format!("%{byte:02X}")).collect();
        match self.request("POST", "/api/v1/format_query", &format!("query={encoded}"))? {
            200 => Ok(true),
            400 => Ok(false),
            status => Err(format!("{status} for {expr}").into()),
        }
    }

    /// Sends a request, reads the whole response and returns its status.
    fn request(&mut self, method: &str, path: &str, body: &str) -> Result<u16, Box<dyn std::error::Error>> {
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: {length}\r\n\r\n{body}"
        );
        self.connection.get_mut().write_all(request.as_bytes())?;
        let mut line = String::new();
        self.connection.read_line(&mut line)?;
        let status = line.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or("no status")?;
        let (mut length, mut chunked) = (0, false);
        loop {
            line.clear();
            self.connection.read_line(&mut line)?;
            let header = line.trim().to_ascii_lowercase();
            if header.is_empty() {
                break;
            }
            if let Some(value) = header.strip_prefix("content-length:") {
                length = value.trim().parse()?;
            }
            chunked |= header == "transfer-encoding: chunked";
        }
        loop {
            if chunked {
                line.clear();
                self.connection.read_line(&mut line)?;
                length = usize::from_str_radix(line.trim(), 16)?;
            }
            let mut body = vec![0; length + if chunked { 2 } else { 0 }];
            self.connection.read_exact(&mut body)?;
            if !chunked || length == 0 {
                return Ok(status);
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The process may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
