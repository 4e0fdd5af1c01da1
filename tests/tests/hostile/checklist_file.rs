//! A checklist.yaml that is deleted, or replaced by something that is not a regular file.

use stack::web::{World, plain, status};
use std::path::Path;

const LOADED: &str = "checklist_config_last_reload_successful";

fn put(what: &str, file: &Path) -> anyhow::Result<()> {
    match what {
        "gone" => {}
        "folder" => std::fs::create_dir(file)?,
        "loop" => std::os::unix::fs::symlink(file, file)?,
        "no UTF-8" => std::fs::write(file, b"health: [\xff\xfe]\n")?,
        "pipe" => nix::unistd::mkfifo(file, nix::sys::stat::Mode::S_IRWXU)?,
        // Two gigabytes that take no space on the disk.
        _ => std::fs::File::create(file)?.set_len(2 * 1024 * 1024 * 1024)?,
    }
    Ok(())
}

async fn is_reported(what: &'static str) -> anyhow::Result<()> {
    let mut world = World::start("").await?;
    world.until(&format!("{LOADED} 1")).await?;
    let file = world.folder.path().join("checklist.yaml");
    let whole = std::fs::read(&file)?;
    std::fs::remove_file(&file)?;
    put(what, &file)?;
    world.until(&format!("{LOADED} 0")).await.map_err(|error| error.context(what))?;
    let log = world.process.log();
    assert!(log.contains("the previous configuration stays"), "{what}: {log}");
    assert_eq!(status(&plain(world.port, "/probe?check=certificates", "").await?), "200", "{what}: the checks go on");
    if what == "folder" {
        std::fs::remove_dir(&file)?;
    } else {
        let _ = std::fs::remove_file(&file);
    }
    std::fs::write(&file, whole)?;
    world.until(&format!("{LOADED} 1")).await.map_err(|error| error.context(what))?;
    assert!(world.resident("").await? < 128.0 * 1024.0 * 1024.0, "{what}");
    assert!(world.process.stop(), "{what}: it ends as asked");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreadable_checklist_yaml_is_reported_and_the_exporter_keeps_running() -> anyhow::Result<()> {
    let all = ["gone", "folder", "loop", "no UTF-8", "pipe", "huge"].map(is_reported);
    for result in futures::future::join_all(all).await {
        result?;
    }
    Ok(())
}
