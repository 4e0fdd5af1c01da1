//! Buckets that are empty, missing, forbidden or huge.

use super::{job, outcome, reason};
use checklist::Reason;
use stack::http::{answer, serve};
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
async fn buckets_are_empty_missing_forbidden_or_huge() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let s3 = S3::start().await?;
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
        answer(403, "application/xml", "<Error><Code>AccessDenied</Code><Message>no</Message></Error>")
    })
    .await?;
    assert_eq!(reason(&s3_yaml(denied.port, "full", SECRET_KEY, &folder)?, "backup").await, Some(Reason::Permission));
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

/// One page of a listing of 100,000 keys; the token is the number of the next key.
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
    answer(200, "application/xml", body)
}
