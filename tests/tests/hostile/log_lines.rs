//! Text of servers and names of targets with special characters: in the log, on a terminal, in a chat message, and in a
//! command.

use stack::http::{response, serve};
use stack::stack::program;
use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;

fn run(folder: &Path, arguments: &[&str]) -> anyhow::Result<Output> {
    // `check` logs errors only, so `run` is used for the log.
    let mut command = Command::new(program("checklist-exporter")?);
    Ok(command.args(arguments).current_dir(folder).env("RUST_LOG", "info").output()?)
}

#[tokio::test(flavor = "multi_thread")]
async fn server_text_forges_no_log_line_and_is_escaped_in_tables() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let printed = "no&#10;2026-01-01T00:00:00Z ERROR forged &#x85;&lt;!channel&gt; &lt;script&gt; @here | a \u{202e}b";
    let body = format!("<Error><Code>SlowDown</Code><Message>{printed}</Message></Error>");
    let server = serve(None, move |_| {
        let body = body.clone();
        async move { response(400, "application/xml", body) }
    })
    .await?;
    std::fs::write(folder.path().join("key"), "x")?;
    let yaml = format!(
        "backups:\n  - {{name: daily, bucket: bkt, prefix: daily/, endpoint: 'http://127.0.0.1:{}', pathStyle: true, accessKeyIdFile: key, secretAccessKeyFile: key}}\n",
        server.port
    );
    std::fs::write(folder.path().join("checklist.yaml"), yaml)?;
    for format in ["table", "markdown", "json", "junit"] {
        let path = folder.path().to_owned();
        let output = tokio::task::spawn_blocking(move || run(&path, &["check", "--format", format])).await??;
        let (out, log) = (String::from_utf8(output.stdout)?, String::from_utf8(output.stderr)?);
        assert!(log.contains("ERROR forged"), "the server was not asked: {log}");
        for (what, text) in [("log", &log), (format, &out)] {
            assert!(
                !text.lines().any(|line| line.trim_start().starts_with("2026-01-01T00:00:00Z ERROR")),
                "{what}: {text}"
            );
            let bad = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
            assert!(!text.contains(bad), "{what}: {text:?}");
        }
        if format == "markdown" {
            for means in ["<!channel>", "<script>", "@here"] {
                assert!(!out.contains(means), "{means}: {out}");
            }
        }
    }
    Ok(())
}

#[test]
fn a_name_that_looks_like_a_command_option_is_refused() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    for list in [
        "certificates: [{name: --help, address: 'a:1'}]",
        "backups: [{name: -v, bucket: bkt}]",
        "postgres: [{name: '-', host: h, database: d, user: u}]",
    ] {
        std::fs::write(folder.path().join("checklist.yaml"), format!("{list}\n"))?;
        let output = run(folder.path(), &["validate", "checklist.yaml"])?;
        let printed = String::from_utf8(output.stderr)?;
        assert_eq!(output.status.code(), Some(2), "{list}: {printed}");
        assert!(printed.contains("does not begin with a dash"), "{list}: {printed}");
    }
    Ok(())
}
