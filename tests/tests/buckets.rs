//! Buckets on a third-party S3 server: versitygw, with TLS and a private certificate authority.

use anyhow::Context;
use aws_sdk_s3::types::{BucketVersioningStatus, CompletedMultipartUpload, CompletedPart, VersioningConfiguration};
use checklist::config::{S3Prefix, SecretRef};
use checklist::{Reason, Verdict};
use clients::s3::{Bucket, Choice};
use exporter::run::time::unix_now;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use stack::checks;
use stack::parts::Part;
use stack::peers::Authority;
use stack::s3::{ACCESS_KEY, S3, SECRET_KEY};
use stack::waiting::eventually;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(has_versitygw), ignore = "no versitygw (make parts)")]
async fn backups_and_task_records_work_on_a_third_party_s3_server() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let path = folder.path();
    let authority = Authority::new(path)?;
    let mut s3 = S3::gateway_with_tls(&authority).await?;
    s3.put("backups", "elsewhere", b"")?;
    let port = s3.port;
    let place = S3Prefix {
        endpoint: Some(format!("https://localhost:{port}")),
        ca_file: Some(authority.ca_file.clone()),
        ..as_user(&s3, path, ACCESS_KEY)?
    };
    let bucket = Bucket::new(place.clone());
    let create = async |key: &str, text: &str| bucket.create(key, text.into()).await.map_err(anyhow::Error::from);
    // Keys with special characters that a file system allows.
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
    // The object is created once. A lost response is not reported as a conflict.
    create("daily/sub/x.dump", "PGDMP and data").await?;
    let conflict = create("daily/sub/x.dump", "another").await;
    assert!(conflict.is_err_and(|error| error.to_string().contains("412")));
    // More keys than one page of a listing has.
    for n in 0..1_005 {
        s3.put("backups", &format!("daily/{n:04}.dump"), b"PGDMP")?;
    }
    assert_eq!(bucket.objects().await.map_err(anyhow::Error::from)?.len(), 1_009);
    // Wrong keys, another region, a missing bucket, and an untrusted certificate authority.
    std::fs::write(path.join("wrong"), "wrong")?;
    let wrong = SecretRef::File(path.join("wrong"));
    let id = SecretRef::File(path.join("id"));
    for (place, reason, part) in [
        (S3Prefix { credentials: Some((id, wrong)), ..place.clone() }, "auth", "SignatureDoesNotMatch"),
        (S3Prefix { region: "eu-west-1".to_owned(), ..place.clone() }, "config", "set region: us-east-1"),
        (S3Prefix { bucket: "nowhere".to_owned(), ..place.clone() }, "not_found", "NoSuchBucket"),
        (S3Prefix { ca_file: None, ..place.clone() }, "tls", "not issued by a trusted CA"),
    ] {
        let failure = Bucket::new(place).objects().await.err().context("it passed")?;
        assert_eq!(failure.reason.to_string(), reason, "{failure}");
        assert!(failure.message.contains(part), "{failure}");
        for debug in ["{ ", "Error(", "kind:", "source:"] {
            assert!(!failure.message.contains(debug), "{failure}");
        }
    }
    // The check itself, also while the server is stopped.
    let yaml = format!(
        "backups: [{{name: daily, bucket: backups, prefix: daily/, endpoint: 'https://localhost:{port}', pathStyle: true, \
         caFile: {}, accessKeyIdFile: {1}/id, secretAccessKeyFile: {1}/secret, format: pg_dump}}]\n",
        authority.ca_file.display(),
        path.display()
    );
    let job = checks::job(&yaml, "backup")?;
    job.run().await;
    assert_eq!(job.state().verdict(unix_now()), Verdict::Passed, "{:?}", job.state().failure);
    let service = s3.service().context("no program")?;
    service.stop();
    job.run().await;
    assert_eq!(job.state().verdict(unix_now()), Verdict::CannotTell);
    service.start().await?;
    job.run().await;
    assert_eq!(job.state().verdict(unix_now()), Verdict::Passed, "{:?}", job.state().failure);
    Ok(())
}

/// Returns a bucket of the server with the keys of a user.
fn as_user(s3: &S3, folder: &Path, user: &str) -> anyhow::Result<S3Prefix> {
    for (name, text) in [("id", user), ("secret", SECRET_KEY)] {
        std::fs::write(folder.join(name), text)?;
    }
    let secret = |name: &str| SecretRef::File(folder.join(name));
    Ok(S3Prefix {
        bucket: "backups".to_owned(),
        prefix: "daily/".to_owned(),
        endpoint: Some(format!("http://127.0.0.1:{}", s3.port)),
        region: "us-east-1".to_owned(),
        path_style: true,
        credentials: Some((secret("id"), secret("secret"))),
        ca_file: None,
    })
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(has_versitygw), ignore = "no versitygw (make parts)")]
async fn a_multipart_object_is_one_backup_and_a_delete_marker_hides_it() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let s3 = S3::gateway().await?;
    let client = s3.client();
    client.create_bucket().bucket("backups").send().await?;
    let versions = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
    client.put_bucket_versioning().bucket("backups").versioning_configuration(versions).send().await?;
    let bucket = Bucket::new(as_user(&s3, folder.path(), ACCESS_KEY)?);
    let newest = async || bucket.newest(Choice::default(), unix_now()).await.map_err(anyhow::Error::from);
    client.put_object().bucket("backups").key("daily/old.dump").body(b"PGDMP old".to_vec().into()).send().await?;
    // Two parts, of which the first has the smallest size that S3 allows. An unfinished upload is no object.
    let (first, last) = ([b"PGDMP".to_vec(), vec![b'x'; 5 << 20]].concat(), b"the end".to_vec());
    let of = |key: &'static str| client.create_multipart_upload().bucket("backups").key(key).send();
    let (done, begun) = (of("daily/parts.dump").await?, of("daily/zz-begun.dump").await?);
    let mut parts = Vec::new();
    for (number, body) in (1..).zip([first.clone(), last.clone()]) {
        let part = client.upload_part().bucket("backups").key("daily/parts.dump").part_number(number);
        let part = part.set_upload_id(done.upload_id.clone()).body(body.into()).send().await?;
        parts.push(CompletedPart::builder().part_number(number).set_e_tag(part.e_tag).build());
    }
    let piece = client.upload_part().bucket("backups").key("daily/zz-begun.dump").part_number(1);
    piece.set_upload_id(begun.upload_id).body(first.clone().into()).send().await?;
    let all = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
    let complete = client.complete_multipart_upload().bucket("backups").key("daily/parts.dump");
    complete.set_upload_id(done.upload_id).multipart_upload(all).send().await?;
    let found = newest().await?;
    let one = found.newest.and_then(|newest| newest.begin).context("none")?;
    let bytes = first.len() + last.len();
    assert_eq!((found.count, one.key.as_str(), one.bytes), (2, "daily/parts.dump", bytes as u64));
    let file = folder.path().join("fetched");
    bucket.download(std::slice::from_ref(&one), &file, u64::MAX).await.map_err(anyhow::Error::from)?;
    assert!(std::fs::read(&file)? == [first, last].concat(), "it is not what was uploaded");
    // A new version of a key is one object. A deleted key is no object, although its versions still exist.
    client.put_object().bucket("backups").key("daily/parts.dump").body(b"PGDMP newer".to_vec().into()).send().await?;
    let found = newest().await?;
    assert_eq!((found.count, found.newest.map(|newest| newest.bytes)), (2, Some(11)));
    client.delete_object().bucket("backups").key("daily/parts.dump").send().await?;
    let found = newest().await?;
    assert_eq!((found.count, found.newest.map(|newest| newest.name)), (1, Some("daily/old.dump".to_owned())));
    client.delete_object().bucket("backups").key("daily/old.dump").send().await?;
    let kept = client.list_object_versions().bucket("backups").send().await?;
    assert!(kept.versions().len() >= 3 && kept.delete_markers().len() == 2, "{kept:?}");
    assert_eq!(newest().await?.count, 0, "what was deleted is not a backup");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(has_versitygw), ignore = "no versitygw (make parts)")]
async fn missing_s3_permissions_are_reported_by_action() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let s3 = S3::gateway().await?;
    s3.client().create_bucket().bucket("backups").send().await?;
    s3.put("backups", "daily/a.dump", b"PGDMP and data")?;
    s3.user("gets", "backups", &["s3:GetObject", "s3:PutObject"]).await?;
    let bucket = Bucket::new(as_user(&s3, folder.path(), "gets")?);
    let failure = bucket.newest(Choice::default(), unix_now()).await.err().context("it listed")?;
    assert_eq!(failure.reason, Reason::Permission, "{failure}");
    assert!(failure.message.contains("listing s3://backups/daily/"), "{failure}");
    let object = clients::s3::Object { key: "daily/a.dump".to_owned(), bytes: 14, modified: 0.0 };
    assert_eq!(&bucket.header(&object, 5).await.map_err(anyhow::Error::from)?[..], b"PGDMP");
    bucket.create("daily/record", b"one".to_vec()).await.map_err(anyhow::Error::from)?;
    s3.user("lists", "backups", &["s3:ListBucket"]).await?;
    let bucket = Bucket::new(as_user(&s3, folder.path(), "lists")?);
    assert_eq!(bucket.newest(Choice::default(), unix_now()).await.map_err(anyhow::Error::from)?.count, 2);
    for failure in [bucket.header(&object, 5).await.err(), bucket.create("daily/b", b"x".to_vec()).await.err()] {
        let failure = failure.context("it was allowed")?;
        assert_eq!(failure.reason, Reason::Permission, "{failure}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(has_versitygw), ignore = "no versitygw (make parts)")]
async fn concurrent_writers_of_one_key_have_one_winner_and_a_lost_response_is_no_conflict() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let s3 = S3::gateway().await?;
    s3.client().create_bucket().bucket("backups").send().await?;
    let place = as_user(&s3, folder.path(), ACCESS_KEY)?;
    let writes = (0..8).map(|n| {
        let bucket = Bucket::new(place.clone());
        async move { bucket.create("daily/one", format!("writer {n}").into_bytes()).await }
    });
    let ends = futures::future::join_all(writes).await;
    assert_eq!(ends.iter().filter(|end| end.is_ok()).count(), 1, "{ends:?}");
    // The response to the first request is lost, so the client reads the object back.
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let (port, to) = (listener.local_addr()?.port(), s3.port);
    tokio::spawn(async move {
        let mut first = true;
        while let Ok((mut client, _)) = listener.accept().await {
            let Ok(mut server) = TcpStream::connect(("127.0.0.1", to)).await else { continue };
            if std::mem::take(&mut first) {
                let (mut requests, mut client_output) = client.split();
                let (mut responses, mut output) = server.split();
                let lost = async {
                    let mut response = [0; 4096];
                    // The server stored the object, but the client gets no response.
                    let _ = responses.read(&mut response).await;
                };
                tokio::select! {
                    _ = tokio::io::copy(&mut requests, &mut output) => {}
                    () = lost => {}
                }
                let _ = client_output.shutdown().await;
                continue;
            }
            tokio::spawn(async move { tokio::io::copy_bidirectional(&mut client, &mut server).await });
        }
    });
    let far = S3Prefix { endpoint: Some(format!("http://127.0.0.1:{port}")), ..place.clone() };
    Bucket::new(far).create("daily/two", b"mine".to_vec()).await.map_err(anyhow::Error::from)?;
    let there = clients::s3::Object { key: "daily/two".to_owned(), bytes: 4, modified: 0.0 };
    let there = Bucket::new(place.clone()).header(&there, 4).await.map_err(anyhow::Error::from)?;
    assert_eq!(&there[..], b"mine");
    let conflict = Bucket::new(place).create("daily/two", b"other".to_vec()).await;
    assert!(conflict.is_err_and(|failure| failure.message.contains("412")), "another's record was called mine");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(has_versitygw), ignore = "no versitygw (make parts)")]
async fn an_s3_server_restart_does_not_make_a_backup_bad() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let mut s3 = S3::gateway().await?;
    s3.client().create_bucket().bucket("backups").send().await?;
    for n in 0..2_500 {
        s3.put("backups", &format!("daily/{n:05}.dump"), b"PGDMP")?;
    }
    let place = as_user(&s3, folder.path(), ACCESS_KEY)?;
    let yaml = format!(
        "backups: [{{name: daily, bucket: backups, prefix: daily/, endpoint: 'http://127.0.0.1:{}', pathStyle: true, \
         accessKeyIdFile: {1}/id, secretAccessKeyFile: {1}/secret, format: pg_dump}}]\n",
        s3.port,
        folder.path().display()
    );
    let job = checks::job(&yaml, "backup")?;
    let ended = Arc::new(AtomicBool::new(false));
    let (runs, over) = (Arc::clone(&job), Arc::clone(&ended));
    let watching = tokio::spawn(async move {
        let mut verdicts = std::collections::BTreeSet::new();
        while !over.load(Ordering::Relaxed) {
            runs.run().await;
            let state = runs.state();
            verdicts.insert(format!("{:?}", state.verdict(unix_now())));
            if let Some(failure) = &state.failure {
                for debug in ["{ ", "Error(", "kind:", "source:"] {
                    assert!(!failure.message.contains(debug), "{failure}");
                }
            }
        }
        verdicts
    });
    let becomes = async |passes: bool| {
        eventually("the check notices", || async { Ok(job.state().failure.is_none() == passes) }).await
    };
    // The server is stopped during a run, and after a run has failed because of it.
    for is_noticed in [false, false, true] {
        becomes(true).await?;
        let service = s3.service().context("no program")?;
        service.stop();
        if is_noticed {
            becomes(false).await?;
        }
        service.start().await?;
    }
    becomes(true).await?;
    ended.store(true, Ordering::Relaxed);
    let verdicts: Vec<String> = watching.await?.into_iter().collect();
    assert_eq!(verdicts, ["CannotTell", "Passed"]);
    // An interrupted download does not make the dump bad.
    s3.put("backups", "daily/large", &vec![b'x'; 20 << 20])?;
    let (port, held) = held_after(s3.port, 1 << 20).await?;
    let bucket = Bucket::new(S3Prefix { endpoint: Some(format!("http://127.0.0.1:{port}")), ..place });
    let large = clients::s3::Object { key: "daily/large".to_owned(), bytes: 20 << 20, modified: 0.0 };
    let file = folder.path().join("large");
    let download = bucket.download(std::slice::from_ref(&large), &file, u64::MAX);
    let stop = async {
        held.notified().await;
        let id = s3.service().and_then(|service| service.id());
        id.and_then(|id| i32::try_from(id).ok()).map(|id| kill(Pid::from_raw(id), Signal::SIGKILL))
    };
    let (fetched, killed) = tokio::join!(download, stop);
    killed.context("no program")??;
    let failure = fetched.err().context("a part was taken for the whole")?;
    assert_eq!(failure.reason, Reason::Connect, "{failure}");
    Ok(())
}

/// Starts a proxy that forwards this many bytes of the responses, reports it, and then forwards nothing until the
/// server has ended.
async fn held_after(to: u16, bytes: usize) -> anyhow::Result<(u16, Arc<Notify>)> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let (port, held) = (listener.local_addr()?.port(), Arc::new(Notify::new()));
    let notify = Arc::clone(&held);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let Ok(server) = TcpStream::connect(("127.0.0.1", to)).await else { continue };
            let notify = Arc::clone(&notify);
            tokio::spawn(async move {
                let ((mut requests, mut responses), (mut output, mut input)) =
                    (client.into_split(), server.into_split());
                tokio::spawn(async move { tokio::io::copy(&mut requests, &mut input).await });
                let (mut piece, mut handed_on) = (vec![0; 65_536], 0);
                while let Ok(read @ 1..) = output.read(&mut piece).await {
                    if handed_on > bytes {
                        notify.notify_one();
                    } else if responses.write_all(&piece[..read]).await.is_err() {
                        return;
                    }
                    handed_on += read;
                }
            });
        }
    });
    Ok((port, held))
}
