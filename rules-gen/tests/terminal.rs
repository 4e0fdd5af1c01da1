//! Terminal output: progress after one second, notes unless --quiet, colours by --color, and no logins in messages.

use std::io::Write;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

const EXAMPLE: &str = include_str!("../../examples/checklist.yaml");

fn run(folder: &Path, arguments: &[&str]) -> std::io::Result<Output> {
    Command::new(env!("CARGO_BIN_EXE_rules-gen")).args(arguments).current_dir(folder).output()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Returns what a terminal shows of a command, whose standard input is a pipe that ends after `open_for`.
fn on_a_terminal(folder: &Path, arguments: &str, open_for: Duration) -> std::io::Result<String> {
    let line = format!("cat | {} {arguments}", env!("CARGO_BIN_EXE_rules-gen"));
    let mut child = Command::new("script")
        .args(["-qec", &line, "/dev/null"])
        .env("SHELL", "/bin/sh")
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut input = child.stdin.take();
    std::thread::sleep(open_for);
    if let Some(mut input) = input.take() {
        // End of transmission (Ctrl-D), which a terminal reads as the end of the file.
        input.write_all(&[4])?;
    }
    let output = child.wait_with_output()?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Starts a server that accepts a request, sends nothing for a while, and closes the connection. Returns its address.
fn slow() -> std::io::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = format!("http://{}", listener.local_addr()?);
    std::thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            std::thread::spawn(move || {
                std::thread::sleep(Duration::from_millis(1700));
                drop(connection);
            });
        }
    });
    Ok(address)
}

#[test]
fn a_verb_shows_its_progress_on_a_terminal_after_a_second() -> std::io::Result<()> {
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join("checklist.yaml"), EXAMPLE)?;
    let address = slow()?;
    let long = Duration::from_millis(1700);
    for (arguments, doing, open_for) in [
        ("lint -".to_owned(), "reading the files", long),
        (format!("diff --against prometheus={address}"), "the deployed rules", Duration::ZERO),
        (format!("report daily --prometheus {address}"), "querying Prometheus", Duration::ZERO),
        (format!("noise --prometheus {address}"), "ALERTS", Duration::ZERO),
        (format!("backtest --prometheus {address}"), "the start of the history", Duration::ZERO),
        (format!("route-test --live {address} --config checklist.yaml"), "Alertmanager", Duration::ZERO),
    ] {
        let shown = on_a_terminal(folder.path(), &arguments, open_for)?;
        let messages = format!("\r\u{1b}[K{doing}");
        assert!(shown.contains(&messages), "{arguments}: {shown:?}");
        let (_, after) = shown.split_once(&messages).unwrap_or_default();
        assert!(after.contains("\r\u{1b}[K"), "{arguments}: the line is not wiped: {shown:?}");
    }
    let arguments = format!("diff --quiet --against prometheus={address}");
    let shown = on_a_terminal(folder.path(), &arguments, Duration::ZERO)?;
    assert!(!shown.contains("the deployed rules") && shown.contains(&address), "{shown:?}");
    let piped = run(folder.path(), &["diff", "--against", &format!("prometheus={address}")])?;
    assert!(!stderr(&piped).contains("the deployed rules") && piped.status.code() == Some(3), "{piped:?}");
    std::fs::write(folder.path().join("rules.yaml"), "groups: []\n")?;
    let shown = on_a_terminal(folder.path(), "lint rules.yaml", Duration::ZERO)?;
    assert!(!shown.contains("files"), "what is over sooner says nothing: {shown:?}");
    Ok(())
}

#[test]
fn every_verb_accepts_quiet_and_color() -> std::io::Result<()> {
    let folder = tempfile::tempdir()?;
    let program = run(folder.path(), &["--help"])?;
    let help = String::from_utf8_lossy(&program.stdout).into_owned();
    let (_, verbs) = help.split_once("Commands:\n").unwrap_or_default();
    let verbs: Vec<&str> = verbs.lines().take_while(|line| !line.is_empty()).collect();
    let verbs = verbs.iter().filter_map(|line| line.strip_prefix("  ")?.split_whitespace().next());
    let mut seen = 0;
    for verb in verbs.filter(|verb| *verb != "help") {
        let output = run(folder.path(), &[verb, "--help"])?;
        let help = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(help.contains("-q, --quiet") && help.contains("--color <WHEN>"), "{verb}: {help}");
        seen += 1;
    }
    assert!(seen > 12, "{seen} verbs");
    Ok(())
}

#[test]
fn colours_and_notes_follow_options_and_environment() -> std::io::Result<()> {
    let folder = tempfile::tempdir()?;
    let bad = "groups:\n- name: g\n  rules:\n  - {record: 'a:b', expr: 'up =='}\n";
    std::fs::write(folder.path().join("bad.yaml"), bad)?;
    std::fs::write(folder.path().join("helm.yaml"), "{{- if .Values.rules }}\ngroups: []\n{{- end }}\n")?;
    let coloured = |arguments: &[&str]| {
        let output = run(folder.path(), &[&["lint", "bad.yaml"], arguments].concat())?;
        std::io::Result::Ok(output.stdout.contains(&0x1b))
    };
    assert!(!coloured(&[])?, "no terminal, no colours");
    assert!(coloured(&["--color", "always"])?);
    assert!(!coloured(&["--color=never"])?);
    let terminal = |arguments: &str| on_a_terminal(folder.path(), arguments, Duration::ZERO);
    assert!(terminal("lint bad.yaml")?.contains("\u{1b}["));
    assert!(!terminal("lint bad.yaml --color never")?.contains("\u{1b}["));
    assert!(!terminal("--color=never lint bad.yaml")?.contains("\u{1b}["), "before the verb as well");
    let printed = |arguments: &[&str], no_color: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rules-gen"));
        let output = command.args(arguments).env("NO_COLOR", no_color).current_dir(folder.path()).output()?;
        std::io::Result::Ok((output.stdout.contains(&0x1b), stderr(&output)))
    };
    assert!(printed(&["lint", "bad.yaml", "--color", "always"], "1")?.0, "the option is nearer than the environment");
    assert!(printed(&["lint", "helm.yaml"], "")?.1.contains("is a Helm template"));
    assert!(printed(&["lint", "helm.yaml", "-q"], "")?.1.contains("was not linted"), "a reason is no note");
    assert_eq!(run(folder.path(), &["lint", "helm.yaml", "-q"])?.stdout, b"", "nothing is wrong");
    assert!(terminal("lint --nosuch")?.contains("\u{1b}["), "mistakes of usage have colours too");
    assert!(!terminal("lint --nosuch --color never")?.contains("\u{1b}["));
    Ok(())
}

#[test]
fn a_password_in_an_address_is_a_usage_error_and_never_printed() -> std::io::Result<()> {
    let folder = tempfile::tempdir()?;
    for arguments in [
        &["noise", "--prometheus", "ann:s3cret@host"][..],
        &["noise", "--prometheus", "http://ann:s3cret@host"],
        &["noise", "http://ann:s3cret@host"],
        &["lint", "--live=https://ann:s3cret@host", "x.yaml"],
        &["diff", "--against", "prometheus=http://ann:s3cret@host"],
        &["diff", "--against", "mimir=ann:s3cret@host"],
        &["diff", "--against", "mimir=http://"],
        &["route-test", "--config", "x", "--live", "http://ann:s3cret@host"],
        &["ann:s3cret@host"],
    ] {
        let output = run(folder.path(), arguments)?;
        let printed = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {printed}");
        assert!(!printed.contains("s3cret") && !printed.contains("ann"), "{arguments:?}: {printed}");
        assert!(printed.contains("error: "), "{printed}");
    }
    Ok(())
}
