//! A backup is downloaded and restored over TLS, and only from servers with a trusted certificate authority.

use super::*;
use stack::peers::Authority;

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(has_versitygw), ignore = "no versitygw (make parts)")]
async fn bucket_and_given_server_are_reached_over_tls_and_a_foreign_authority_is_refused() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let authority = Authority::new(folder.path())?;
    let world = World::around(Postgres::start().await?, S3::gateway_with_tls(&authority).await?)?;
    let scratch = Postgres::start().await?;
    scratch.execute(&format!("CREATE ROLE restorer LOGIN CREATEDB PASSWORD '{PASSWORD}'")).await?;
    world.upload(&world.postgres.dump()?)?;
    let password = world.folder.path().join("password");
    let place = |ca: &Path| format!("endpoint: 'https://localhost:{}', caFile: {}", world.s3.port, ca.display());
    let server = |ca: &Path| {
        format!(
            "server: {{host: localhost, port: {}, database: postgres, user: restorer, passwordFile: {}, \
             tls: verify-full, caFile: {}}},",
            scratch.port,
            password.display(),
            ca.display()
        )
    };
    let (bucket, database) = (authority.ca_file.as_path(), scratch.ca_file.as_path());
    world.configure_at(&place(bucket), "pg_dump", &server(database), USERS)?;
    let (code, printed) = world.verify()?;
    assert!(code == Some(0) && printed.contains("users 200"), "{printed}");
    // Each server gets the certificate authority of the other one, which has the same name: the result is unknown.
    for (place, server) in [(place(database), server(database)), (place(bucket), server(bucket))] {
        world.configure_at(&place, "pg_dump", &server, USERS)?;
        let (code, printed) = world.verify()?;
        assert!(code == Some(2) && printed.contains("the certificate was rejected"), "{printed}");
        assert!(!printed.contains("NOT good"), "{printed}");
    }
    Ok(())
}
