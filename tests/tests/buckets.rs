//! Buckets of an S3 server that is not ours: versitygw, with TLS of a private authority.

use anyhow::Context;
use checklist::config::{S3Prefix, SecretRef};
use checklist::{Config, Verdict};
use clients::s3::{Bucket, Choice};
use exporter::run::time::unix_now;
use stack::parts::{Part, Service};
use stack::peers::Authority;
use stack::process::free_port;
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;

const KEYS: (&str, &str) = ("rounds", "rounds-secret");

/// The gateway over a folder; buckets are folders in it.
async fn gateway(folder: &Path, authority: &Authority) -> anyhow::Result<(u16, Service)> {
    let port = free_port()?;
    let (certificate, key) = authority.pem("localhost")?;
    for (name, text) in [("cert", certificate.as_str()), ("key", &key), ("id", KEYS.0), ("secret", KEYS.1)] {
        std::fs::write(folder.join(name), text)?;
    }
    std::fs::create_dir_all(folder.join("data/backups"))?;
    let ready = Arc::new(move || -> futures::future::BoxFuture<'static, bool> {
        Box::pin(async move { tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok() })
    });
    let path = |name: &str| folder.join(name).display().to_string();
    let mut service = Service::new("versitygw", folder, format!("https://localhost:{port}"), ready)?
        .args(&["--access", KEYS.0, "--secret", KEYS.1, "--port", &format!("127.0.0.1:{port}")])
        .args(&["--cert", &path("cert"), "--key", &path("key"), "posix", &path("data")]);
    service.start().await?;
    Ok((port, service))
}

fn prefix(folder: &Path, port: u16, authority: &Authority) -> S3Prefix {
    let secret = |name: &str| SecretRef::File(folder.join(name));
    S3Prefix {
        bucket: "backups".to_owned(),
        prefix: "daily/".to_owned(),
        endpoint: Some(format!("https://localhost:{port}")),
        region: "us-east-1".to_owned(),
        path_style: true,
        credentials: Some((secret("id"), secret("secret"))),
        ca_file: Some(authority.ca_file.clone()),
    }
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(has_versitygw), ignore = "no versitygw (make parts)")]
async fn backups_and_records_lie_on_a_server_that_is_not_ours() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let path = folder.path();
    let authority = Authority::new(path)?;
    let (port, mut service) = gateway(path, &authority).await?;
    let place = prefix(path, port, &authority);
    let bucket = Bucket::new(place.clone());
    let create = async |key: &str, text: &str| bucket.create(key, text.into()).await.map_err(anyhow::Error::from);
    // Keys with everything that a file system allows.
    for key in ["daily/a b+c&d=e%41.dump", "daily/\u{e4}'\"<>.dump", "daily/sub/x.dump"] {
        create(key, "PGDMP and data").await?;
    }
    create("daily/sub/x.dump.sha256", "abc").await?;
    let found = bucket.newest(Choice::default(), unix_now()).await.map_err(anyhow::Error::from)?;
    assert_eq!((found.count, found.left_out), (3, 1), "{found:?}");
    let keys: Vec<String> = bucket.objects().await.map_err(anyhow::Error::from)?.into_iter().map(|o| o.key).collect();
    assert!(
        keys.iter().any(|key| key == "daily/a b+c&d=e%41.dump")
            && keys.iter().any(|key| key == "daily/\u{e4}'\"<>.dump"),
        "{keys:?}"
    );
    let newest = found.newest.and_then(|newest| newest.begin).context("none")?;
    let header = bucket.header(&newest, 5).await.map_err(anyhow::Error::from)?;
    assert_eq!(&header[..], b"PGDMP");
    // Created once, and a lost answer is no conflict.
    create("daily/sub/x.dump", "PGDMP and data").await?;
    let conflict = create("daily/sub/x.dump", "another").await;
    assert!(conflict.is_err_and(|error| error.to_string().contains("412")));
    // More keys than a page has.
    for n in 0..1_005 {
        std::fs::write(path.join(format!("data/backups/daily/{n:04}.dump")), "PGDMP")?;
    }
    assert_eq!(bucket.objects().await.map_err(anyhow::Error::from)?.len(), 1_009);
    // Keys that do not fit, another region, a bucket that is not there, and an authority that nobody trusts.
    std::fs::write(path.join("wrong"), "wrong")?;
    let wrong = SecretRef::File(path.join("wrong"));
    let id = SecretRef::File(path.join("id"));
    for (place, reason, part) in [
        (S3Prefix { credentials: Some((id, wrong)), ..place.clone() }, "auth", "SignatureDoesNotMatch"),
        (S3Prefix { region: "eu-west-1".to_owned(), ..place.clone() }, "config", "set region: us-east-1"),
        (S3Prefix { bucket: "nowhere".to_owned(), ..place.clone() }, "not_found", "NoSuchBucket"),
        (S3Prefix { ca_file: None, ..place.clone() }, "tls", "UnknownIssuer"),
    ] {
        let failure = Bucket::new(place).objects().await.err().context("it passed")?;
        assert_eq!(failure.reason.to_string(), reason, "{failure}");
        assert!(failure.message.contains(part), "{failure}");
        for debug in ["{ ", "Error(", "kind:", "source:"] {
            assert!(!failure.message.contains(debug), "{failure}");
        }
    }
    // The check itself, while the server is away too.
    let yaml = format!(
        "backups: [{{name: daily, bucket: backups, prefix: daily/, endpoint: 'https://localhost:{port}', pathStyle: true, \
         caFile: {}, accessKeyIdFile: {1}/id, secretAccessKeyFile: {1}/secret, format: pg_dump}}]\n",
        authority.ca_file.display(),
        path.display()
    );
    let mut jobs = exporter::run::checks::Checks::default().jobs(&Config::parse("checklist.yaml", &yaml)?, &[]);
    let job = jobs.pop().context("no check")?;
    job.run().await;
    assert_eq!(job.state().verdict(unix_now()), Verdict::Passed, "{:?}", job.state().failure);
    service.stop();
    job.run().await;
    assert_eq!(job.state().verdict(unix_now()), Verdict::CannotTell);
    service.start().await?;
    job.run().await;
    assert_eq!(job.state().verdict(unix_now()), Verdict::Passed, "{:?}", job.state().failure);
    Ok(())
}
