//! A web configuration that is only partly written, or that other users can read.

use anyhow::{Context, ensure};
use stack::waiting::eventually;
use stack::web::{ANN, World, plain, status, users};
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

const IN_FORCE: &str = "checklist_web_config_last_reload_successful";

/// Whether the server accepts a client with these versions of TLS and a certificate with this name.
async fn is_accepted(world: &World, name: &str, versions: &[&'static rustls::SupportedProtocolVersion]) -> bool {
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
    let attempt = async {
        let mut roots = rustls::RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(&world.authority.ca_file)? {
            roots.add(certificate?)?;
        }
        let (certificate, key) = world.authority.pem(name)?;
        let config = rustls::ClientConfig::builder_with_provider(clients::trust::provider())
            .with_protocol_versions(versions)?
            .with_root_certificates(roots)
            .with_client_auth_cert(
                vec![CertificateDer::from_pem_slice(certificate.as_bytes())?],
                PrivateKeyDer::from_pem_slice(key.as_bytes())?,
            )?;
        let stream = TcpStream::connect(("127.0.0.1", world.port)).await?;
        let stream = TlsConnector::from(Arc::new(config)).connect(ServerName::try_from("localhost")?, stream).await?;
        stack::web::exchange(stream, "/metrics", ANN).await
    };
    attempt.await.is_ok_and(|response: String| status(&response) == "200")
}

#[tokio::test]
async fn a_web_configuration_truncated_at_any_line_is_reported_and_gives_no_access() -> anyhow::Result<()> {
    let whole = format!(
        "{}tls_server_config:\n  cert_file: server.pem\n  key_file: server.key\n  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.pem\n  min_version: TLS13\n  client_allowed_sans: [prometheus]\n",
        users()?
    );
    let world = World::start(&whole).await?;
    let known = Some(("prometheus", &world.authority));
    let scrape = || async { world.tls(known).await };
    assert!(scrape().await?.contains(&format!("{IN_FORCE} 1\n")));
    // This attempt differs from those below only in the name and the version, and succeeds.
    assert!(is_accepted(&world, "prometheus", &[&rustls::version::TLS13]).await, "a valid client is refused");
    let stay_out = async |end: usize| -> anyhow::Result<()> {
        for versions in [&[&rustls::version::TLS12][..], &[&rustls::version::TLS13]] {
            ensure!(!is_accepted(&world, "mallory", versions).await, "mallory is accepted after {end} lines");
        }
        ensure!(!is_accepted(&world, "prometheus", &[&rustls::version::TLS12]).await, "TLS 1.2 after {end} lines");
        let bare = world.tls(None).await;
        ensure!(bare.as_ref().map_or(true, String::is_empty), "no certificate after {end} lines: {bare:?}");
        let response = world.tls_as(known, "").await?;
        ensure!(status(&response) == "401", "no login after {end} lines: {response}");
        Ok(())
    };
    let file = world.folder.path().join("web.yaml");
    let lines: Vec<&str> = whole.split_inclusive('\n').collect();
    for end in [0, 1, 5, 6, 7] {
        std::fs::write(&file, lines[..end].concat())?;
        eventually("a metric reports the file", || async {
            stay_out(end).await?;
            Ok(scrape().await?.contains(&format!("{IN_FORCE} 0\n")))
        })
        .await
        .with_context(|| format!("after {end} lines: {}", world.process.log()))?;
        stay_out(end).await?;
        std::fs::write(&file, &whole)?;
        eventually("the whole file is good again", || async {
            Ok(scrape().await?.contains(&format!("{IN_FORCE} 1\n")))
        })
        .await?;
    }
    let log = world.process.log();
    for what in ["no longer requires TLS", "client_allowed_sans", "min_version"] {
        assert!(log.contains(what), "{what} is not in the log: {log}");
    }
    Ok(())
}

#[tokio::test]
async fn a_key_file_that_others_can_read_or_write_is_reported() -> anyhow::Result<()> {
    let world = World::start("tls_server_config: {cert_file: server.pem, key_file: server.key}\n").await?;
    let warning = |mode: &str| format!("server.key: its mode is {mode}");
    for (mode, shown) in [(0o664, "664"), (0o604, "604")] {
        let key = world.folder.path().join("server.key");
        std::fs::set_permissions(&key, Permissions::from_mode(mode))?;
        // The warning is logged when the file is read: at the start, and when it changes.
        stack::web::certify(&world.authority, world.folder.path(), "localhost")?;
        world.until_logged(&warning(shown)).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_named_pipe_instead_of_the_web_configuration_blocks_nothing() -> anyhow::Result<()> {
    let mut world = World::start(&users()?).await?;
    let file = world.folder.path().join("web.yaml");
    std::fs::remove_file(&file)?;
    nix::unistd::mkfifo(&file, nix::sys::stat::Mode::S_IRWXU)?;
    world.until(&format!("{IN_FORCE} 0")).await?;
    assert_eq!(status(&plain(world.port, "/metrics", "").await?), "401");
    assert_eq!(status(&plain(world.health, "/-/healthy", "").await?), "200");
    assert!(world.process.stop(), "it ends as asked");
    Ok(())
}
