//! Servers on PostgreSQL's port that are not PostgreSQL, or are not ready.

use super::{check, database};
use checklist::Reason;
use stack::postgres::Postgres;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Starts a server that sends these bytes to every client, repeatedly if `again` is set.
async fn saying(what: Vec<u8>, again: bool) -> anyhow::Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let what = what.clone();
            tokio::spawn(async move {
                let mut buffer = [0; 1024];
                let _ = stream.read(&mut buffer).await;
                while stream.write_all(&what).await.is_ok() && again {}
                let _ = stream.read(&mut buffer).await;
            });
        }
    });
    Ok(port)
}

fn error(code: &str, message: &str) -> Vec<u8> {
    let body = format!("SFATAL\0VFATAL\0C{code}\0M{message}\0\0");
    let length = u32::try_from(body.len() + 4).unwrap_or(0).to_be_bytes();
    [b"E", &length[..], body.as_bytes()].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn another_protocol_is_recognized_at_its_first_bytes_and_uses_no_memory() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let notice = [&b"N"[..], &1004_u32.to_be_bytes(), &[b'x'; 1000]].concat();
    for (what, again) in [
        (b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n".to_vec(), false),
        (b"SSH-2.0-OpenSSH_9.2\r\n".to_vec(), false),
        (vec![b'R'; 1 << 20], true),
        (notice, true),
    ] {
        let seen = check(&database(saying(what, again).await?, &folder, "")?, "connections").await;
        assert_eq!(seen.reason, Some(Reason::Protocol), "{}", seen.words);
        assert!(seen.words.len() < 1000, "{}", seen.words);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgres_error_has_the_reason_of_its_sqlstate() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    for (code, message, reason) in [
        ("57P03", "the database system is starting up", Reason::Connect),
        ("53300", "sorry, too many clients already", Reason::Connect),
        ("53200", "out of memory", Reason::Connect),
        ("55000", "database \"d\" is not currently accepting connections", Reason::Connect),
        ("57P04", "the database was dropped", Reason::Connect),
        ("0A000", "unsupported frontend protocol", Reason::Protocol),
        ("28P01", "password authentication failed", Reason::Auth),
        ("08P01", "server login failed: FATAL password authentication failed", Reason::Auth),
        ("08P01", "no more connections allowed (max_client_conn)", Reason::Connect),
        ("3D000", "database does not exist: certificate timed out", Reason::NotFound),
    ] {
        let seen = check(&database(saying(error(code, message), false).await?, &folder, "")?, "connections").await;
        assert_eq!(seen.reason, Some(reason), "{code}: {}", seen.words);
        assert!(seen.words.contains(code), "{}", seen.words);
    }
    // The message of a server is shown as one line of at most a kilobyte.
    let long = format!("line\nof{}", " many words".repeat(10_000));
    let seen = check(&database(saying(error("XX000", &long), false).await?, &folder, "")?, "connections").await;
    assert!(seen.words.len() < 1500 && !seen.words.contains('\n'), "{}", seen.words.len());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_message_of_twenty_megabytes_closes_only_the_connection() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let postgres = Postgres::start().await?;
    postgres.execute("CREATE FUNCTION public.shout() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION '%', repeat('x', 20000000); END $$").await?;
    let yaml = database(postgres.port, &folder, "")?;
    let seen = check(&super::query(&yaml, "SELECT public.shout() AS value", "above: {warning: 1}"), "own").await;
    assert_eq!(seen.reason, Some(Reason::Limit), "{}", seen.words);
    assert!(seen.words.len() < 1000, "{}", seen.words.len());
    let wide = "SELECT repeat('x', 900000) AS n, 1 AS value FROM generate_series(1, 100)";
    let seen = check(&super::query(&yaml, wide, "labels: [n], above: {warning: 1}"), "own").await;
    assert_eq!(seen.reason, Some(Reason::Limit), "{}", seen.words);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_are_accepted_in_the_notations_of_libpq() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let postgres = Postgres::start().await?;
    let yaml = database(postgres.port, &folder, "")?;
    for host in ["\"[::1],127.0.0.1\"", "\"127.0.0.1,::1\"", "localhost"] {
        let seen = check(&yaml.replace("host: 127.0.0.1", &format!("host: {host}")), "connections").await;
        assert_eq!(seen.reason, None, "{host}: {}", seen.words);
    }
    // A blank at the end of a password is a part of it.
    postgres.execute("ALTER ROLE checklist PASSWORD 'ends with '").await?;
    std::fs::write(folder.path().join("password"), "ends with \n")?;
    let seen = check(&yaml, "connections").await;
    assert_eq!(seen.reason, None, "{}", seen.words);
    let seen = check(&yaml.replace("host: 127.0.0.1", "host: nowhere.invalid"), "connections").await;
    assert_eq!(seen.reason, Some(Reason::Dns), "{}", seen.words);
    Ok(())
}
