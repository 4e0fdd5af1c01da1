//! Good dumps with every feature of a database: a dump is bad only if its data cannot be restored.

use super::*;
use checklist::{Unit, Verdict};
use exporter::run::time::unix_now;

/// Statements that create one object of each kind that the restoring server may lack.
const FEATURES: &str = include_str!("features.sql");
const CHECKS: &str = "{name: users, query: SELECT count(*) FROM users, atLeast: 100},
    {name: parts, query: SELECT count(*) FROM measures, atLeast: 3},
    {name: heirs, query: SELECT count(*) FROM cities, atLeast: 2},
    {name: objects, query: SELECT count(*) FROM pg_largeobject_metadata, atLeast: 1},
    {name: hidden, query: SELECT count(*) FROM hidden, atLeast: 2},
    {name: made, query: SELECT max(twice) FROM made, atLeast: 4},
    {name: crypt, query: 'SELECT length(ext.digest(''a'', ''sha256''))', atLeast: 32}";

/// Returns the files of `pg_dump -Fd`: names and content.
fn folder_dump(world: &World) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
    let folder = world.folder.path().join("directory-dump");
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    world.postgres.dump_with(&["-Fd", "-f", &folder.display().to_string()])?;
    let files = std::fs::read_dir(&folder)?.map(|entry| {
        let entry = entry?;
        Ok((entry.file_name().to_string_lossy().into_owned(), std::fs::read(entry.path())?))
    });
    files.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn features_that_the_server_lacks_are_reported_and_do_not_make_a_dump_bad() -> anyhow::Result<()> {
    let world = World::start().await?;
    let space = tempfile::Builder::new().prefix("tablespace").tempdir()?;
    if nix::unistd::geteuid().is_root() {
        let postgres = nix::unistd::User::from_name("postgres")?.context("no user postgres")?;
        std::os::unix::fs::chown(space.path(), Some(postgres.uid.as_raw()), Some(postgres.gid.as_raw()))?;
    }
    world.postgres.execute(&format!("CREATE TABLESPACE elsewhere LOCATION '{}'", space.path().display())).await?;
    world.postgres.execute(FEATURES).await?;
    for format in ["-Fp", "-Fc", "-Ft"] {
        world.configure("pg_dump", "", CHECKS)?;
        world.upload(&world.postgres.dump_as(format)?)?;
        let (code, output) = world.verify()?;
        assert_eq!(code, Some(0), "{format}: {output}");
        for part in [
            "CREATE EVENT TRIGGER",
            "CREATE PUBLICATION everything",
            "CREATE SERVER remote",
            "role \"auditor\" does not exist",
        ] {
            assert!(output.contains(part), "{format}: {part} is not reported: {output}");
        }
        let messages = world.record()?["not_set_up"].as_array().map(Vec::len);
        assert!(messages.is_some_and(|messages| messages >= 4), "{format}: {}", world.record()?);
    }
    // If an object that hides rows cannot be created, the result is unknown.
    let text = String::from_utf8(world.postgres.dump_as("-Fp")?)?;
    let missing = text
        .replace(
            "CREATE EXTENSION IF NOT EXISTS pgcrypto WITH SCHEMA ext",
            "CREATE EXTENSION IF NOT EXISTS not_here WITH SCHEMA ext",
        )
        .replacen("CREATE TABLE public.made (", "CREATE TABLE public.made (\n    x ext.nowhere,", 1);
    world.upload(missing.as_bytes())?;
    let (code, output) = world.verify()?;
    assert!(
        code == Some(2) && output.contains("lacks features that the dump needs") && output.contains("not_here"),
        "{output}"
    );
    assert_eq!(world.record()?["unknown"], true);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn probe_and_restore_agree_on_every_backup_format() -> anyhow::Result<()> {
    let world = World::start().await?;
    let job = || -> anyhow::Result<_> {
        stack::checks::job(&std::fs::read_to_string(world.folder.path().join("checklist.yaml"))?, "backup")
    };
    let judged = async || -> anyhow::Result<(Verdict, String)> {
        let job = job()?;
        job.run().await;
        let state = job.state();
        Ok((state.verdict(unix_now()), state.evidence.to_string()))
    };
    for (dump, format) in
        [("-Fp", "pg_dump"), ("-Fc", "pg_dump"), ("-Ft", "pg_dump"), ("-Fp", "pg_dump.gz"), ("-Ft", "pg_dump.zst")]
    {
        let plain = world.postgres.dump_as(dump)?;
        let bytes = match format {
            "pg_dump.gz" => gzip(&plain)?,
            "pg_dump.zst" => zstd::stream::encode_all(&*plain, 1)?,
            _ => plain,
        };
        world.configure(format, "", USERS)?;
        world.upload(&bytes)?;
        assert_eq!((judged().await?.0, world.verify()?.0), (Verdict::Passed, Some(0)), "{dump} as {format}");
    }
    for (bytes, format) in
        [(b"pg_dump: error: no".to_vec(), "pg_dump"), (gzip(b"no")?, "pg_dump.gz"), (gzip(b"no")?, "pg_dump")]
    {
        world.configure(format, "", USERS)?;
        world.upload(&bytes)?;
        assert_eq!((judged().await?.0, world.verify()?.0), (Verdict::Critical, Some(1)), "{format}");
    }
    // A folder of pg_dump is one backup. Without its table of contents it is incomplete.
    world.s3.remove("backups", world.key())?;
    for (name, bytes) in folder_dump(&world)? {
        world.s3.put("backups", &format!("daily/folder/{name}"), &bytes)?;
    }
    for format in ["pg_dump", "any"] {
        if format == "pg_dump" {
            world.configure(format, "", USERS)?;
            let (code, output) = world.verify()?;
            assert!(code == Some(0) && output.contains("users 200"), "{output}");
        }
        let (verdict, messages) = judged().await?;
        assert!(verdict == Verdict::Passed && messages.contains("1 backup; newest daily/folder"), "{messages}");
    }
    world.s3.remove("backups", "daily/folder/toc.dat")?;
    let (verdict, messages) = judged().await?;
    assert!(verdict == Verdict::Critical && messages.contains("without its table of contents"), "{messages}");
    let (code, output) = world.verify()?;
    assert!(code == Some(1) && output.contains("without its table of contents"), "{output}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_files_of_pg_basebackup_are_one_backup_and_no_dump() -> anyhow::Result<()> {
    let world = World::start().await?;
    let folder = world.folder.path().join("base-backup");
    world.postgres.base_backup(&folder)?;
    let mut bytes = 0;
    // The WAL is uploaded last.
    for name in ["base.tar.gz", "backup_manifest", "pg_wal.tar.gz"] {
        let content = std::fs::read(folder.join(name))?;
        bytes += content.len();
        world.s3.put("backups", &format!("daily/2026-11-28/{name}"), &content)?;
        tokio::time::sleep(Duration::from_millis(1100)).await;
    }
    world.configure("pg_dump.gz", "", USERS)?;
    let yaml = std::fs::read_to_string(world.folder.path().join("checklist.yaml"))?;
    // Any format, and no test of a restore.
    let keys = yaml.split(", format:").next().unwrap_or_default().replace("\n  - {", " [{");
    let any = format!("{keys}}}]\n");
    let job = stack::checks::job(&any, "backup")?;
    job.run().await;
    let (verdict, messages) = (job.state().verdict(unix_now()), job.state().evidence.to_string());
    let found = format!("1 backup; newest daily/2026-11-28, {}", Unit::Bytes.human(bytes as f64));
    assert!(verdict == Verdict::Passed && messages.contains(&found), "{found}: {messages}");
    let (code, output) = world.verify()?;
    assert!(code == Some(1) && output.contains("daily/2026-11-28 is not a dump of pg_dump"), "{output}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn probe_and_restore_agree_on_a_backup_that_is_split_into_parts() -> anyhow::Result<()> {
    let world = World::start().await?;
    let judged = async || -> anyhow::Result<(Verdict, String)> {
        let yaml = std::fs::read_to_string(world.folder.path().join("checklist.yaml"))?;
        let job = stack::checks::job(&yaml, "backup")?;
        job.run().await;
        let state = job.state();
        Ok((state.verdict(unix_now()), state.evidence.to_string()))
    };
    let plain = world.postgres.dump_as("-Fp")?;
    let numbers: [fn(usize) -> String; 3] = [
        |n| format!(".a{}", char::from(b'a' + u8::try_from(n).unwrap_or(0))),
        |n| format!("{n:02}"),
        |n| format!(".part{}", n + 1),
    ];
    for (format, ending, bytes) in [
        ("pg_dump.gz", "sql.gz", gzip(&plain)?),
        ("pg_dump.zst", "sql.zst", zstd::stream::encode_all(&*plain, 1)?),
        ("pg_dump", "dump", world.postgres.dump_as("-Fc")?),
    ] {
        for number in numbers {
            world.configure(format, "", USERS)?;
            let size = bytes.len().div_ceil(5).max(1);
            let key = |n: usize| format!("daily/shop.{ending}{}", number(n));
            for (n, part) in bytes.chunks(size).enumerate() {
                world.s3.put("backups", &key(n), part)?;
            }
            world.s3.put("backups", &format!("daily/shop.{ending}.sha256"), b"abc")?;
            let (verdict, messages) = judged().await?;
            let found = format!("1 backup; newest daily/shop.{ending} in 5 parts");
            assert!(verdict == Verdict::Passed && messages.contains(&found), "{messages}");
            let (code, output) = world.verify()?;
            assert!(code == Some(0) && output.contains("users 200"), "{output}");
            for (lost, words) in [(2, "is missing"), (0, "missing")] {
                world.s3.remove("backups", &key(lost))?;
                let (verdict, messages) = judged().await?;
                assert!(verdict == Verdict::Critical && messages.contains(words), "{messages}");
                let (code, output) = world.verify()?;
                assert!(code == Some(1) && output.contains(words), "{output}");
            }
            for n in [1, 3, 4] {
                world.s3.remove("backups", &key(n))?;
            }
            world.s3.remove("backups", &format!("daily/shop.{ending}.sha256"))?;
        }
    }
    Ok(())
}
