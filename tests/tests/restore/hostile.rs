//! Dumps with statements that affect more than the database into which they are restored.

use super::*;
use std::os::unix::fs::MetadataExt;

/// Returns a plain SQL dump of the application's database, with more text at its beginning.
fn with(world: &World, more: &str) -> anyhow::Result<Vec<u8>> {
    let text = String::from_utf8(world.postgres.dump_as("-Fp")?)?;
    Ok(text.replacen("SET statement_timeout", &format!("{more}\nSET statement_timeout"), 1).into_bytes())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_that_drops_its_database_touches_no_database_of_that_name() -> anyhow::Result<()> {
    let world = World::start().await?;
    let scratch = Postgres::start().await?;
    scratch.execute("CREATE TABLE precious AS SELECT 1 AS one").await?;
    // A database with this name belongs to the restoring role, which has every right on its own server.
    scratch.execute(&format!("CREATE ROLE restorer LOGIN CREATEDB PASSWORD '{PASSWORD}'")).await?;
    let server = format!(
        "server: {{host: 127.0.0.1, port: {}, database: postgres, user: restorer, passwordFile: {}/password, tls: disable}},",
        scratch.port,
        world.folder.path().display()
    );
    let dump = world.postgres.dump_with(&["-Fp", "-C", "--clean"])?;
    assert!(String::from_utf8_lossy(&dump).contains("DROP DATABASE"), "the dump proves nothing");
    for server in [server.as_str(), ""] {
        world.configure("pg_dump", server, USERS)?;
        world.upload(&dump)?;
        let (code, output) = world.verify()?;
        assert!(code == Some(0) && output.contains("users 200"), "{output}");
        assert!(output.contains("skipped on purpose: settings of the database"), "{output}");
        world.upload(&world.postgres.dump_with(&["-Fc", "-C", "--clean"])?)?;
        assert_eq!(world.verify()?.0, Some(0));
    }
    let kept: i32 = scratch.client().await?.query_one("SELECT one FROM precious", &[]).await?.try_get(0)?;
    assert_eq!(kept, 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_that_pg_dump_never_writes_are_refused_and_rows_are_never_executed() -> anyhow::Result<()> {
    let world = World::start().await?;
    let mark = world.folder.path().join("mark");
    let touch = mark.display();
    world.configure("pg_dump", "", USERS)?;
    for (more, part) in [
        (format!("\\! touch {touch}"), "the psql command \\!"),
        (format!("\\o |touch {touch}"), "the psql command \\o"),
        (format!("COPY (SELECT 1) TO PROGRAM 'touch {touch}';"), "COPY with a file or a program"),
        ("ALTER SYSTEM SET shared_preload_libraries = 'x';".to_owned(), "ALTER SYSTEM"),
        ("\\connect one\nSELECT 1;\n\\connect two".to_owned(), "several databases"),
    ] {
        world.upload(&with(&world, &more)?)?;
        let (code, output) = world.verify()?;
        assert!(code == Some(1) && output.contains(part), "{more}: {output}");
    }
    // Statements that need more rights than the owner of one database has.
    for more in [
        format!("DO $$ BEGIN EXECUTE $x$COPY (SELECT 1) TO PROGRAM 'touch {touch}'$x$; END $$;"),
        "CREATE ROLE thief SUPERUSER;".to_owned(),
    ] {
        world.upload(&with(&world, &more)?)?;
        let (code, output) = world.verify()?;
        assert!(code == Some(0), "{more}: {output}");
    }
    // The rows of a missing table are not statements; psql would run them.
    let rows = format!("COPY public.nowhere (a) FROM stdin;\n\\! touch {touch}\nDROP TABLE users CASCADE;\n\\.\n");
    world.upload(&with(&world, &rows)?)?;
    let (code, output) = world.verify()?;
    assert!(code == Some(1) && output.contains("COPY public.nowhere"), "{output}");
    assert!(!mark.exists(), "a command of the dump was run");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pg_dumpall_dump_is_refused_before_anything_runs() -> anyhow::Result<()> {
    let world = World::start().await?;
    let all = world.postgres.dump_all()?;
    for (format, bytes) in [("pg_dump", all.clone()), ("pg_dump.gz", gzip(&all)?), ("gzip", gzip(&all)?)] {
        world.configure(format, "", USERS)?;
        world.upload(&bytes)?;
        let (code, output) = world.verify()?;
        assert!(code == Some(2) && output.contains("is a dump of pg_dumpall, which is not supported"), "{output}");
        assert!(!output.contains("download seconds="), "{output}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(is_root), ignore = "not root")]
async fn root_switches_to_nobody_and_never_to_the_owner_of_a_database() -> anyhow::Result<()> {
    let world = World::start().await?;
    world.configure("pg_dump", "", SLOW)?;
    world.upload(&world.postgres.dump()?)?;
    let mut command = world.command(&world.work())?;
    let mut process = Process::start(&mut command, "proof", world.folder.path(), Signal::SIGTERM)?;
    let log = world.folder.path().join("proof.log");
    process
        .wait_until(|| async { std::fs::read_to_string(&log).is_ok_and(|log| log.contains("restore seconds=")) })
        .await?;
    let nobody = nix::unistd::User::from_name("nobody")?.context("no user nobody")?.uid.as_raw();
    let mut seen = 0;
    for entry in std::fs::read_dir("/proc")?.flatten() {
        if std::fs::read_link(entry.path().join("cwd")).is_ok_and(|cwd| cwd.starts_with(world.work())) {
            assert_eq!(std::fs::metadata(entry.path())?.uid(), nobody, "{}", entry.path().display());
            seen += 1;
        }
    }
    assert!(seen > 1, "no server was seen");
    process.stop();
    Ok(())
}
