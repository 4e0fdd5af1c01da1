//! Reads the log of a pod as a stream, without keeping it: lines of any length, a bounded number of bytes.

use super::{Watched, failure};
use crate::probe::Failure;
use checklist::Reason;
use checklist::config::AuditLogs;
use clients::AHEAD;
use futures::AsyncReadExt;
use jiff::Timestamp;

/// Maximum number of bytes that one run reads of a pod's log. The next run continues behind them.
const MAX_BYTES: u64 = 16 * 1024 * 1024;
/// Number of bytes of a line that are searched for the marker, which is near the start of a line.
const MAX_LINE: usize = 8 * 1024;

/// The result of reading a log.
#[derive(Debug)]
pub struct Lines {
    /// Number of lines with the marker.
    pub matching: u64,
    /// Time of the newest line with the marker.
    pub newest_match: Option<Timestamp>,
    /// Time from which on the next run reads.
    pub read_to: Timestamp,
    /// Number of lines with a time in the future. They are left out: they would hide the silence until that time.
    pub future: u64,
    /// Whether the log goes on behind the last line that was read.
    pub is_cut: bool,
}

/// Reads the lines of a container that are newer than `since`.
///
/// # Errors
/// Fails when the API server refuses the log, also because the pod is gone, or has several containers and none was named.
pub async fn read_log(
    watched: &Watched,
    source: &AuditLogs,
    pod: &str,
    container: Option<&str>,
    since: Timestamp,
) -> Result<Lines, Failure> {
    // `sinceTime` has whole seconds, so lines that were read before are skipped by their exact time.
    let second = Timestamp::from_second(since.as_second()).unwrap_or(since);
    let container = container.map(|name| format!("&container={name}")).unwrap_or_default();
    let query = format!("timestamps=true&sinceTime={second}&limitBytes={MAX_BYTES}{container}");
    let path = format!("/api/v1/namespaces/{}/pods/{pod}/log", source.namespace);
    let request = http::Request::get(format!("{path}?{query}")).body(Vec::new());
    let request = request.map_err(|error| Failure::new(Reason::Config, format!("{path}: {error}")))?;
    let stream = watched.client.request_stream(request).await.map_err(|error| failure(&error, &path))?;
    let mut stream = std::pin::pin!(stream);
    let mut reader = Reader {
        since,
        latest: Timestamp::now() + AHEAD,
        marker: source.marker.as_bytes(),
        line: Vec::new(),
        lines: Lines { matching: 0, newest_match: None, read_to: since, future: 0, is_cut: false },
    };
    let mut piece = vec![0; 64 * 1024];
    let mut total = 0_u64;
    // The limit is checked here too, because the server may ignore limitBytes.
    while total < MAX_BYTES {
        let read = stream.read(&mut piece).await;
        let read = read.map_err(|error| Failure::new(Reason::Connect, format!("Kubernetes API {path}: {error}")))?;
        if read == 0 {
            break;
        }
        total += read as u64;
        reader.take(&piece[..read]);
    }
    Ok(reader.finish(total >= MAX_BYTES))
}

/// Assembles lines from chunks, and keeps only the start of each line.
struct Reader<'a> {
    since: Timestamp,
    latest: Timestamp,
    marker: &'a [u8],
    line: Vec<u8>,
    lines: Lines,
}

impl Reader<'_> {
    fn take(&mut self, piece: &[u8]) {
        for (at, part) in piece.split(|byte| *byte == b'\n').enumerate() {
            if at > 0 {
                self.end_line();
            }
            let room = MAX_LINE.saturating_sub(self.line.len());
            self.line.extend_from_slice(&part[..part.len().min(room)]);
        }
    }

    /// Returns the lines of this run. `is_cut` is whether the log goes on.
    fn finish(mut self, is_cut: bool) -> Lines {
        self.end_line();
        self.lines.is_cut = is_cut;
        // The next run begins with a whole second. If this second has more than one run reads, it would be read again
        // by every run, so its rest is left out.
        let second = self.since.as_second();
        if is_cut && self.lines.read_to.as_second() == second {
            self.lines.read_to = Timestamp::from_second(second + 1).unwrap_or(self.lines.read_to);
        }
        self.lines
    }

    /// Evaluates a line of the form `2026-01-02T03:04:05.678901234Z the line`.
    fn end_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        let Some(end) = line.iter().position(|byte| *byte == b' ') else { return };
        let Some(at) = std::str::from_utf8(&line[..end]).ok().and_then(|text| text.parse::<Timestamp>().ok()) else {
            return;
        };
        if at <= self.since {
            return;
        }
        if at > self.latest {
            self.lines.future += 1;
            return;
        }
        self.lines.read_to = self.lines.read_to.max(at);
        if !self.marker.is_empty() && line[end..].windows(self.marker.len()).any(|window| window == self.marker) {
            self.lines.matching += 1;
            self.lines.newest_match = self.lines.newest_match.max(Some(at));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_lines_of_any_length_are_counted_across_chunks() -> Result<(), jiff::Error> {
        let since = "2026-01-02T03:04:05.5Z".parse()?;
        let lines = Lines { matching: 0, newest_match: None, read_to: since, future: 0, is_cut: false };
        let latest = "2026-01-02T03:09:00Z".parse()?;
        let mut reader = Reader { since, latest, marker: b"AUDIT:", line: Vec::new(), lines };
        let log = [
            "2026-01-02T03:04:05.4Z AUDIT: read before\n",
            "2026-01-02T03:04:06Z AUDIT: login\n",
            "2026-01-02T03:04:07Z other\n",
            "no time AUDIT:\n",
            "2038-01-01T00:00:00Z AUDIT: of a node whose clock is wrong\n",
            &format!("2026-01-02T03:04:08Z {}\n", "x".repeat(1_000_000)),
            "2026-01-02T03:04:09Z {\"m\": \"AUDIT: key\"}\n",
        ]
        .concat();
        for piece in log.as_bytes().chunks(7) {
            reader.take(piece);
            assert!(reader.line.len() <= MAX_LINE);
        }
        reader.end_line();
        assert_eq!((reader.lines.matching, reader.lines.future), (2, 1));
        assert_eq!(reader.lines.newest_match, Some("2026-01-02T03:04:09Z".parse()?));
        assert_eq!(reader.lines.read_to, "2026-01-02T03:04:09Z".parse()?);
        Ok(())
    }

    #[test]
    fn a_second_with_more_than_one_run_reads_is_not_read_for_ever() -> Result<(), jiff::Error> {
        let since: Timestamp = "2026-01-02T03:04:05.5Z".parse()?;
        let read_to = |log: &str, is_cut: bool| {
            let lines = Lines { matching: 0, newest_match: None, read_to: since, future: 0, is_cut: false };
            let latest = since + jiff::SignedDuration::from_mins(5);
            let mut reader = Reader { since, latest, marker: b"AUDIT:", line: Vec::new(), lines };
            reader.take(log.as_bytes());
            reader.finish(is_cut).read_to.to_string()
        };
        assert_eq!(read_to("2026-01-02T03:04:05.7Z a line of many", true), "2026-01-02T03:04:06Z");
        assert_eq!(
            read_to("2026-01-02T03:04:05.4Z a line that was read before and does not end", true),
            "2026-01-02T03:04:06Z"
        );
        assert_eq!(read_to("2026-01-02T03:04:07.2Z a later one", true), "2026-01-02T03:04:07.2Z");
        assert_eq!(read_to("2026-01-02T03:04:05.7Z the last one\n", false), "2026-01-02T03:04:05.7Z");
        Ok(())
    }
}
