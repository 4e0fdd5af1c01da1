//! Files and commands of a kubeconfig that hang.

use nix::sys::stat::Mode;
use stack::waiting::eventually;
use stack::web::{World, plain, status};
use std::fmt::Write as _;

#[tokio::test(flavor = "multi_thread")]
async fn a_hanging_kubeconfig_command_or_file_does_not_block_other_checks() -> anyhow::Result<()> {
    let pipes = tempfile::TempDir::new()?;
    let pipe = pipes.path().join("pipe");
    nix::unistd::mkfifo(&pipe, Mode::S_IRWXU)?;
    let pipe = pipe.display();
    let mut kubeconfigs = Vec::new();
    for (name, cluster, user) in [
        ("authority", format!(", certificate-authority: '{pipe}'"), "token: t".to_owned()),
        ("token", String::new(), format!("tokenFile: '{pipe}'")),
        ("certificate", String::new(), format!("client-certificate: '{pipe}', client-key: '{pipe}'")),
        (
            "command",
            String::new(),
            "exec: {apiVersion: client.authentication.k8s.io/v1, command: sleep, args: ['60'], interactiveMode: Never}"
                .to_owned(),
        ),
    ] {
        let text = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: c\n\
             clusters: [{{name: c, cluster: {{server: 'https://127.0.0.1:1'{cluster}}}}}]\n\
             users: [{{name: u, user: {{{user}}}}}]\ncontexts: [{{name: c, context: {{cluster: c, user: u}}}}]\n"
        );
        kubeconfigs.push((name, text));
    }
    let files: Vec<(&str, &str)> = kubeconfigs.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let mut lists = "kubernetes:\n".to_owned();
    for (name, _) in &files {
        let _ = writeln!(lists, "  - {{name: {name}, kubeconfig: {name}, namespaces: [shop]}}");
    }
    let mut world = World::start_with("", &files, &lists).await?;
    for (name, _) in &files {
        world.until(&format!("checklist_probe_success{{check=\"pods\",target=\"{name}\"}} 0")).await?;
    }
    // This check runs every second on the same thread.
    let runs = async || -> anyhow::Result<f64> {
        let page = plain(world.port, "/metrics", "").await?;
        let of_check = "checklist_probe_runs_total{check=\"certificates\",target=\"web\"} ";
        Ok(page.lines().find_map(|line| line.strip_prefix(of_check)?.parse().ok()).unwrap_or_default())
    };
    let until = runs().await? + 3.0;
    eventually("the other checks are made", || async { Ok(runs().await? >= until) }).await?;
    assert_eq!(status(&plain(world.port, "/metrics", "").await?), "200");
    assert!(world.process.stop(), "it ends as asked");
    Ok(())
}
