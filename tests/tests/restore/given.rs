//! A given restore server: it is used only if the restore cannot damage anything there, and what a run left there is
//! reported and removed.

use super::*;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

const SECRET: &str = "restores-only";

/// Starts a server beside the source, with a role that owns nothing and may create databases.
async fn scratch() -> anyhow::Result<Postgres> {
    let scratch = Postgres::start().await?;
    scratch.execute(&format!("CREATE ROLE restorer LOGIN CREATEDB PASSWORD '{SECRET}'")).await?;
    Ok(scratch)
}

/// Returns the key `server:` of a restore.
fn server(world: &World, port: u16, user: &str) -> anyhow::Result<String> {
    let file = world.folder.path().join("scratch-password");
    std::fs::write(&file, SECRET)?;
    let file = file.display();
    Ok(format!(
        "server: {{host: 127.0.0.1, port: {port}, database: postgres, user: {user}, passwordFile: {file}, tls: disable}},"
    ))
}

/// Returns the number of databases and roles on a server that restores created.
async fn ours(postgres: &Postgres) -> anyhow::Result<i64> {
    let query = "SELECT (SELECT count(*) FROM pg_database WHERE datname LIKE 'checklist_restore%')
        + (SELECT count(*) FROM pg_roles WHERE rolname LIKE 'checklist_restore%')";
    Ok(postgres.client().await?.query_one(query, &[]).await?.try_get(0)?)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_given_restore_server_is_refused_if_it_is_the_source_or_could_be_damaged() -> anyhow::Result<()> {
    let world = World::start().await?;
    let scratch = scratch().await?;
    world.upload(&world.postgres.dump()?)?;
    world.configure("pg_dump", &server(&world, scratch.port, "restorer")?, USERS)?;
    let (code, output) = world.verify()?;
    assert!(code == Some(0) && output.contains("users 200"), "{output}");
    assert_eq!(ours(&scratch).await?, 0, "the database is dropped");
    let many = "{name: users, query: SELECT count(*) FROM users, atLeast: 900}";
    world.configure("pg_dump", &server(&world, scratch.port, "restorer")?, many)?;
    assert_eq!((world.verify()?.0, ours(&scratch).await?), (Some(1), 0));
    // A superuser, or the owner of another database, could damage existing data.
    world.configure("pg_dump", &server(&world, scratch.port, "postgres")?, USERS)?;
    let (code, output) = world.verify()?;
    assert!(code == Some(2) && output.contains("could also change orchestrator"), "{output}");
    scratch.execute("CREATE DATABASE theirs OWNER restorer").await?;
    world.configure("pg_dump", &server(&world, scratch.port, "restorer")?, USERS)?;
    let (code, output) = world.verify()?;
    assert!(code == Some(2) && output.contains("could also change theirs"), "{output}");
    scratch.execute("DROP DATABASE theirs").await?;
    // The source under another name is recognized, and nothing is created there.
    world.postgres.execute(&format!("CREATE ROLE restorer LOGIN CREATEDB PASSWORD '{SECRET}'")).await?;
    world.configure("pg_dump", &server(&world, world.postgres.port, "restorer")?, USERS)?;
    let (code, output) = world.verify()?;
    assert!(code == Some(2) && output.contains("is the source orchestrator itself"), "{output}");
    assert_eq!(ours(&world.postgres).await?, 0);
    // The command is stopped while it queries the source.
    world.configure("pg_dump", &server(&world, scratch.port, "restorer")?, SLOW)?;
    let mut process = world.end_after("restore", &AtomicBool::new(false), Signal::SIGTERM).await?;
    assert_eq!(process.wait()?, Some(2), "{}", process.log());
    assert_eq!((ours(&scratch).await?, left(&world.work())?.len()), (0, 0));
    // A source that does not respond could be the same server.
    let config = world.folder.path().join("checklist.yaml");
    let text = std::fs::read_to_string(&config).context("no configuration")?;
    let nobody = text.replace(&format!("host: localhost, port: {}", world.postgres.port), "host: localhost, port: 9");
    std::fs::write(&config, nobody)?;
    let (code, output) = world.verify()?;
    assert!(code == Some(2) && output.contains("is not the source"), "{output}");
    Ok(())
}

/// The state of a network path.
#[derive(Clone, Copy, PartialEq)]
enum State {
    Open,
    /// Nothing passes, and the connections seem to be alive.
    Blocked,
    /// The connections have ended, and no new ones are accepted.
    Cut,
}

/// Starts a proxy to a port. The path is blocked before it is cut: a run that sees one of its connections end could
/// otherwise still remove everything through another one.
async fn way(to: u16) -> anyhow::Result<(u16, watch::Sender<State>)> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let port = listener.local_addr()?.port();
    let (state, seen) = watch::channel(State::Open);
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let mut seen = seen.clone();
            if *seen.borrow() != State::Open {
                continue;
            }
            tokio::spawn(async move {
                let Ok(mut server) = TcpStream::connect(("127.0.0.1", to)).await else { return };
                let mut blocked = seen.clone();
                let is_blocked = async { blocked.wait_for(|state| *state != State::Open).await.is_ok() };
                tokio::select! {
                    _ = tokio::io::copy_bidirectional(&mut client, &mut server) => {}
                    _ = is_blocked => {
                        let _ = seen.wait_for(|state| *state == State::Cut).await;
                    }
                }
            });
        }
    });
    Ok((port, state))
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_of_a_lost_connection_are_reported_and_removed_by_the_next_run() -> anyhow::Result<()> {
    let world = World::start().await?;
    let scratch = scratch().await?;
    let (port, path) = way(scratch.port).await?;
    world.upload(&world.postgres.dump()?)?;
    world.configure("pg_dump", &server(&world, port, "restorer")?, SLOW)?;
    let mut command = world.command(&world.work())?;
    let mut process = Process::start(&mut command, "proof", world.folder.path(), Signal::SIGKILL)?;
    let log = world.folder.path().join("proof.log");
    process
        .wait_until(|| async { std::fs::read_to_string(&log).is_ok_and(|log| log.contains("restore seconds=")) })
        .await?;
    path.send(State::Blocked)?;
    tokio::time::sleep(Duration::from_millis(200)).await;
    path.send(State::Cut)?;
    assert_eq!(process.wait()?, Some(2), "{}", process.log());
    let output = process.log();
    assert!(output.contains("NOT REMOVED: the database checklist_restore_"), "{output}");
    assert!(output.contains(&format!("127.0.0.1:{port}")), "{output}");
    let record = world.record()?;
    assert!(
        record["unknown"] == true && record["left"][0].as_str().is_some_and(|left| left.contains("checklist_restore_")),
        "{record}"
    );
    assert_eq!(ours(&scratch).await?, 1);
    // The database of a restore that is running is kept, because its lock is held.
    path.send(State::Open)?;
    world.configure("pg_dump", &server(&world, port, "restorer")?, USERS)?;
    let (code, output) = world.verify()?;
    assert!(code == Some(0) && output.contains("which a killed run has left"), "{output}");
    assert_eq!(ours(&scratch).await?, 0);
    Ok(())
}
