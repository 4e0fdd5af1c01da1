//! Buckets that are empty, missing, forbidden or huge.

use super::{job, outcome, reason};
use checklist::Reason;
use stack::http::{response, serve};
use stack::s3::{ACCESS_KEY, S3, SECRET_KEY};
use tempfile::TempDir;

fn s3_yaml(port: u16, bucket: &str, key: &str, folder: &TempDir) -> anyhow::Result<String> {
    std::fs::write(folder.path().join("id"), ACCESS_KEY)?;
    let secret = folder.path().join(format!("key-{}", key.len()));
    std::fs::write(&secret, key)?;
    Ok(format!(
        "backups:\n  - name: daily\n    bucket: {bucket}\n    prefix: daily/\n    endpoint: http://127.0.0.1:{port}\n    pathStyle: true\n    format: pg_dump\n    accessKeyIdFile: {}/id\n    secretAccessKeyFile: {}\n",
        folder.path().display(),
        secret.display()
    ))
}

#[tokio::test(flavor = "multi_thread")]
async fn empty_missing_forbidden_and_huge_buckets_give_the_right_verdict() -> anyhow::Result<()> {
    for s3 in S3::each().await? {
        empty_missing_or_forbidden(&s3).await?;
    }
    let folder = TempDir::new()?;
    let many =
        serve(None, |request| async move { hundred_thousand(request.uri().query().unwrap_or_default()) }).await?;
    let yaml = s3_yaml(many.port, "full", SECRET_KEY, &folder)?.replace("format: pg_dump", "format: any");
    let (failed, text) = outcome(&job(&yaml, "backup")).await;
    assert_eq!(failed, None);
    assert!(
        text.contains("checklist_backup_objects{check=\"backup\",target=\"daily\",backup=\"daily\"} 100000"),
        "{text}"
    );
    Ok(())
}

async fn empty_missing_or_forbidden(s3: &S3) -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    s3.put("full", "other/x", b"PGDMP")?;
    let empty = outcome(&job(&s3_yaml(s3.port, "full", SECRET_KEY, &folder)?, "backup")).await;
    assert_eq!(empty.0, None, "an empty prefix is an answer");
    assert!(
        empty.1.contains("checklist_backup_present{check=\"backup\",target=\"daily\",backup=\"daily\"} 0"),
        "{}",
        empty.1
    );
    assert!(empty.1.contains("checklist_check_passed{check=\"backup\",target=\"daily\"} 0"));
    assert!(!empty.1.contains("checklist_backup_last_timestamp_seconds{"), "no invented time");
    s3.put("full", "daily/a.dump", b"pg_dump: error: connection refused")?;
    let text = outcome(&job(&s3_yaml(s3.port, "full", SECRET_KEY, &folder)?, "backup")).await.1;
    assert!(
        text.contains("checklist_backup_header_valid{check=\"backup\",target=\"daily\",backup=\"daily\"} 0"),
        "{text}"
    );
    s3.put("full", "daily/b.dump", b"")?;
    assert_eq!(
        reason(&s3_yaml(s3.port, "full", SECRET_KEY, &folder)?, "backup").await,
        None,
        "an empty object is an answer"
    );
    assert_eq!(reason(&s3_yaml(s3.port, "missing", SECRET_KEY, &folder)?, "backup").await, Some(Reason::NotFound));
    assert_eq!(reason(&s3_yaml(s3.port, "full", "wrong", &folder)?, "backup").await, Some(Reason::Auth));
    assert_eq!(
        reason(&s3_yaml(stack::process::free_port()?, "full", SECRET_KEY, &folder)?, "backup").await,
        Some(Reason::Connect)
    );
    let denied = serve(None, |_| async {
        response(403, "application/xml", "<Error><Code>AccessDenied</Code><Message>no</Message></Error>")
    })
    .await?;
    assert_eq!(reason(&s3_yaml(denied.port, "full", SECRET_KEY, &folder)?, "backup").await, Some(Reason::Permission));
    Ok(())
}

/// Returns one page of a listing of 100,000 keys. The continuation token is the number of the next key.
fn hundred_thousand(query: &str) -> hyper::Response<stack::http::Body> {
    let token = url::form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == "continuation-token");
    let from: u32 = token.and_then(|(_, value)| value.parse().ok()).unwrap_or(0);
    let keys: Vec<String> = (from..from + 1000)
        .map(|n| format!("<Contents><Key>daily/{n:06}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified><Size>{n}</Size></Contents>"))
        .collect();
    let more = from + 1000 < 100_000;
    let next =
        if more { format!("<NextContinuationToken>{}</NextContinuationToken>", from + 1000) } else { String::new() };
    let body = format!("<ListBucketResult><IsTruncated>{more}</IsTruncated>{next}{}</ListBucketResult>", keys.concat());
    response(200, "application/xml", body)
}

/// Runs the check. Returns the verdict, the reasons and the evidence.
async fn judged(yaml: &str) -> (checklist::Verdict, String, String) {
    let job = job(yaml, "backup");
    let (_, text) = outcome(&job).await;
    let state = job.state();
    (state.verdict(exporter::run::time::unix_now()), format!("{}; {}", state.evidence, state.evidence.gaps()), text)
}

#[tokio::test(flavor = "multi_thread")]
async fn files_next_to_a_backup_neither_hide_it_nor_count_as_one() -> anyhow::Result<()> {
    for s3 in S3::each().await? {
        objects_next_to_a_backup(&s3).await.map_err(|error| error.context(s3.name()))?;
    }
    Ok(())
}

async fn objects_next_to_a_backup(s3: &S3) -> anyhow::Result<()> {
    use checklist::Verdict::{CannotTell, Critical, Passed, Warning};
    let folder = TempDir::new()?;
    let yaml = s3_yaml(s3.port, "full", SECRET_KEY, &folder)?;
    let now = std::time::SystemTime::now();
    let hours = |hours: u64| std::time::Duration::from_secs(3600 * hours);
    s3.put("full", "daily/a.dump", b"PGDMP and data")?;
    s3.modified("full", "daily/a.dump", now - hours(1))?;
    for other in [
        "a.dump.sha256",
        "a.dump.md5",
        "a.dump.asc",
        "job.log",
        "a.dump.sha512.asc",
        "a.dump.SHA1",
        "a.dump.json",
        "MD5SUMS",
        "b.dump.partial",
    ] {
        s3.put("full", &format!("daily/{other}"), b"abc  a.dump")?;
    }
    let (verdict, messages, text) = judged(&yaml).await;
    assert!(
        verdict == Passed
            && messages.contains("newest daily/a.dump")
            && messages.contains("9 objects with other names"),
        "{messages}"
    );
    assert!(text.contains("checklist_backup_objects{check=\"backup\",target=\"daily\",backup=\"daily\"} 1"), "{text}");
    // A manifest is recognized by its pattern.
    s3.put("full", "daily/a.manifest", b"{}")?;
    assert_eq!(judged(&yaml).await.0, Critical);
    for patterns in ["match: ['*.dump']", "exclude: ['*.manifest', '*.log', 'a.dump.*', MD5SUMS, '*.partial']"] {
        let (verdict, messages, _) = judged(&format!("{yaml}    {patterns}\n")).await;
        assert!(verdict == Passed && messages.contains("newest daily/a.dump"), "{patterns}: {messages}");
    }
    s3.remove("full", "daily/a.manifest")?;
    // A log file of today does not hide that the dump is nine days old.
    s3.modified("full", "daily/a.dump", now - hours(9 * 24))?;
    assert_eq!(judged(&yaml).await.0, Critical);
    // A time in the future gives no age.
    s3.put("full", "daily/b.dump", b"PGDMP and data")?;
    s3.modified("full", "daily/b.dump", now + hours(40 * 24))?;
    let (verdict, messages, text) = judged(&yaml).await;
    assert!(
        verdict == Critical && messages.contains("1 with a time in the future are ignored, such as daily/b.dump"),
        "{messages}"
    );
    s3.modified("full", "daily/a.dump", now - hours(1))?;
    assert_eq!(judged(&yaml).await.0, Warning, "{text}");
    s3.remove("full", "daily/b.dump")?;
    // An empty file is bad, whatever the configured format.
    s3.put("full", "daily/a.dump", b"")?;
    let (verdict, messages, text) = judged(&yaml.replace("format: pg_dump", "format: any")).await;
    assert!(
        verdict == Critical
            && text.contains("checklist_backup_last_bytes{check=\"backup\",target=\"daily\",backup=\"daily\"} 0"),
        "{messages}"
    );
    // gzip of empty input, as it is left when the program in front of gzip failed.
    let nothing = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default()).finish()?;
    s3.put("full", "daily/a.dump", &nothing)?;
    for format in ["any", "gzip"] {
        let (verdict, messages, _) = judged(&yaml.replace("format: pg_dump", &format!("format: {format}"))).await;
        assert!(verdict == Critical && messages.contains("there is nothing within gzip"), "{format}: {messages}");
    }
    // An object that may be listed but not read still has an age and a size.
    s3.put("full", "daily/a.dump", b"PGDMP and data")?;
    if s3.name() == "versitygw" {
        s3.user("lists", "full", &["s3:ListBucket"]).await?;
        std::fs::write(folder.path().join("id"), "lists")?;
    } else {
        s3.grant(serde_json::json!({"Statement": [
            {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::full"},
        ]}));
    }
    let (verdict, messages, text) = judged(&yaml).await;
    assert!(
        verdict == CannotTell && messages.contains("reading s3://full/daily/a.dump: the server responded with 403"),
        "{messages}"
    );
    assert!(text.contains("checklist_backup_last_timestamp_seconds{"), "{text}");
    assert!(
        text.contains("checklist_backup_last_bytes{check=\"backup\",target=\"daily\",backup=\"daily\"} 14"),
        "{text}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_incomplete_bucket_listing_is_a_failure() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let output = async |yaml: String| {
        let job = job(&yaml, "backup");
        job.run().await;
        let failure = job.state().failure.clone();
        failure.map(|failure| (failure.reason, failure.message))
    };
    let same = "<NextContinuationToken>same</NextContinuationToken>";
    let truncated = format!("<IsTruncated>true</IsTruncated>{same}");
    for more in ["<IsTruncated>true</IsTruncated>", &truncated, same] {
        let one = format!(
            "<ListBucketResult>{more}<Contents><Key>daily/a</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified><Size>9</Size></Contents></ListBucketResult>"
        );
        let torn = serve(None, move |_| {
            let one = one.clone();
            async move { response(200, "application/xml", one) }
        })
        .await?;
        let (reason, message) =
            output(s3_yaml(torn.port, "full", SECRET_KEY, &folder)?).await.unwrap_or_else(|| panic!("it passed"));
        assert!(reason == Reason::Protocol && message.contains("the list is incomplete"), "{message}");
    }
    // The response of S3 for a bucket in another region.
    let other_region = "<Error><Code>AuthorizationHeaderMalformed</Code><Message>The authorization header is malformed; the region 'us-east-1' is wrong; expecting 'eu-west-1'</Message><Region>eu-west-1</Region></Error>";
    let server = serve(None, move |_| async move { response(400, "application/xml", other_region) }).await?;
    let (reason, message) =
        output(s3_yaml(server.port, "full", SECRET_KEY, &folder)?).await.unwrap_or_else(|| panic!("it passed"));
    assert!(reason == Reason::Config && message.contains("set region: eu-west-1"), "{message}");
    // Reading an endless body stops after some megabytes.
    let piece = bytes::Bytes::from(vec![b' '; 1 << 20]);
    let server = serve(None, move |_| {
        let piece = piece.clone();
        async move {
            let frames = futures::stream::repeat_with(move || Ok(hyper::body::Frame::data(piece.clone())));
            hyper::Response::new(http_body_util::BodyExt::boxed_unsync(http_body_util::StreamBody::new(frames)))
        }
    })
    .await?;
    let (_, message) =
        output(s3_yaml(server.port, "full", SECRET_KEY, &folder)?).await.unwrap_or_else(|| panic!("it passed"));
    assert!(message.contains("the response is larger than the limit"), "{message}");
    // Endless informational responses stop too. The message contains no internals of the client.
    let endless = endless("HTTP/1.1 102 Processing\r\n\r\n").await?;
    let (reason, message) =
        output(s3_yaml(endless, "full", SECRET_KEY, &folder)?).await.unwrap_or_else(|| panic!("it passed"));
    assert!(reason == Reason::Protocol && message.contains("without a complete response head"), "{message}");
    for debug in ["{ ", "Error(", "kind:", "source:"] {
        assert!(!message.contains(debug), "{message}");
    }
    Ok(())
}

/// Each failure of the S3 client has a message of our own.
#[tokio::test(flavor = "multi_thread")]
async fn responses_that_are_not_s3_are_reported_without_library_jargon() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let one = |fields: &str| {
        let object = format!("<Contents><Key>daily/a</Key>{fields}</Contents>");
        (200, format!("<ListBucketResult>{object}</ListBucketResult>").into_bytes())
    };
    for ((status, body), reason, part) in [
        ((200, b"".to_vec()), Reason::Decode, "not a response of S3"),
        ((200, b"hello".to_vec()), Reason::Decode, "not a response of S3"),
        ((200, b"<ListBucketResult><Contents><Key>\xff".to_vec()), Reason::Decode, "not a response of S3"),
        ((204, b"".to_vec()), Reason::Decode, "the server responded with 204"),
        (one("<LastModified>yesterday</LastModified><Size>1</Size>"), Reason::Decode, "not a response of S3"),
        (one("<LastModified>2026-01-01T00:00:00Z</LastModified><Size>big</Size>"), Reason::Decode, "not a response of S3"),
        (one("<Size>1</Size>"), Reason::Decode, "no key, no time or no size"),
        (one("<LastModified>2026-01-01T00:00:00Z</LastModified>"), Reason::Decode, "no key, no time or no size"),
        // The zero time of Go programs, and a server that ignores the prefix.
        (one("<LastModified>0001-01-01T00:00:00Z</LastModified><Size>1</Size>"), Reason::Decode, "no time"),
        (
            (200, b"<ListBucketResult><Contents><Key>weekly/a</Key><LastModified>2026-01-01T00:00:00Z</LastModified><Size>9</Size></Contents></ListBucketResult>".to_vec()),
            Reason::Protocol,
            "weekly/a, which has another prefix",
        ),
        ((301, b"".to_vec()), Reason::Config, "the server responded with 301"),
        ((400, b"\x00\x01".to_vec()), Reason::Protocol, "the server responded with 400"),
        ((403, b"<html>no</html>".to_vec()), Reason::Permission, "the server responded with 403"),
        ((404, b"<Error><Code>NoSuchBucket</Code></Error>".to_vec()), Reason::NotFound, "404 NoSuchBucket"),
        ((503, b"<Error><Code>SlowDown</Code></Error>".to_vec()), Reason::Protocol, "503 SlowDown"),
    ] {
        let server = serve(None, move |_| {
            let body = body.clone();
            async move { response(status, "application/xml", body) }
        })
        .await?;
        let backup = job(&s3_yaml(server.port, "full", SECRET_KEY, &folder)?, "backup");
        backup.run().await;
        let failure = backup.state().failure.clone().unwrap_or_else(|| panic!("{status} {part}: it passed"));
        assert!(failure.reason == reason && failure.message.contains(part), "{status} {part}: {failure}");
        for debug in ["{ ", "Error(", "Some(", "kind:", "source:", "unhandled", "::"] {
            assert!(!failure.message.contains(debug), "{status}: {failure}");
        }
    }
    Ok(())
}

/// Starts a server that repeats one response without end. Returns its port.
async fn endless(output: &'static str) -> anyhow::Result<u16> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
    let port = listener.local_addr()?.port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut request = [0; 1024];
                let _ = stream.read(&mut request).await;
                while stream.write_all(output.repeat(1000).as_bytes()).await.is_ok() {}
            });
        }
    });
    Ok(port)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_whose_response_was_lost_is_stored_once_without_a_conflict() -> anyhow::Result<()> {
    use checklist::config::{S3Prefix, SecretRef};
    use clients::s3::Bucket;
    let folder = TempDir::new()?;
    let s3 = S3::start().await?;
    s3.put("records", "other", b"x")?;
    std::fs::write(folder.path().join("id"), ACCESS_KEY)?;
    std::fs::write(folder.path().join("key"), SECRET_KEY)?;
    let secret = |name: &str| SecretRef::File(folder.path().join(name));
    let bucket = Bucket::new(S3Prefix {
        bucket: "records".to_owned(),
        prefix: "r/".to_owned(),
        endpoint: Some(format!("http://127.0.0.1:{}", s3.port)),
        region: "us-east-1".to_owned(),
        path_style: true,
        credentials: Some((secret("id"), secret("key"))),
        ca_file: None,
    });
    bucket.create("r/one", b"the record".to_vec()).await.map_err(anyhow::Error::from)?;
    // The result for a client that retries after a lost response.
    bucket.create("r/one", b"the record".to_vec()).await.map_err(anyhow::Error::from)?;
    let conflict = bucket.create("r/one", b"another one".to_vec()).await;
    assert!(conflict.is_err_and(|failure| failure.message.contains("412")));
    Ok(())
}
