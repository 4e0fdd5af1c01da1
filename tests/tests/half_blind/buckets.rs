//! Buckets of which only a part may be listed or read, on two S3 servers with a policy and on one whose second page is
//! refused.

use crate::Tried;
use crate::files::{records, yaml_of_records};
use serde_json::{Value, json};
use stack::http::{response, serve};
use stack::s3::{ACCESS_KEY, S3, SECRET_KEY};
use std::path::Path;
use std::time::{Duration, SystemTime};
use tempfile::TempDir;

pub(super) async fn try_all(tried: &mut Tried) -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    a_forbidden_backup(tried, folder.path()).await?;
    a_forbidden_page(tried, folder.path()).await?;
    a_forbidden_record(tried, folder.path()).await
}

/// Returns the keys of checklist.yaml for a server and a user.
fn place(folder: &Path, port: u16, user: &str) -> anyhow::Result<String> {
    let (id, key) = (folder.join(user), folder.join("key"));
    std::fs::write(&id, user)?;
    std::fs::write(&key, SECRET_KEY)?;
    Ok(format!(
        "endpoint: 'http://127.0.0.1:{port}', pathStyle: true, accessKeyIdFile: {}, secretAccessKeyFile: {}",
        id.display(),
        key.display()
    ))
}

fn allow(action: &str, resource: &str, prefix: Option<&str>) -> Value {
    let mut statement = json!({"Effect": "Allow", "Action": action, "Resource": format!("arn:aws:s3:::{resource}")});
    if let Some(prefix) = prefix {
        statement["Condition"] = json!({"StringLike": {"s3:prefix": prefix}});
    }
    statement
}

async fn a_forbidden_backup(tried: &mut Tried, folder: &Path) -> anyhow::Result<()> {
    for s3 in S3::each().await? {
        s3.put("backups", "daily/new.dump", b"PGDMP and more")?;
        s3.put("backups", "weekly/new.dump", b"PGDMP and more")?;
        let is_real = s3.name() == "versitygw";
        let user = if is_real { "lister" } else { ACCESS_KEY };
        if is_real {
            s3.user(user, "backups", &["s3:ListBucket"]).await?;
        } else {
            s3.grant(json!({"Statement": [allow("s3:ListBucket", "backups", Some("daily/*"))]}));
        }
        let keys = place(folder, s3.port, user)?;
        let backup = |prefix: &str| {
            format!("backups: [{{name: b, bucket: backups, prefix: {prefix}/, {keys}, format: pg_dump}}]\n")
        };
        tried.cannot_tell(&backup("daily"), "backup", &["reading s3://backups/daily/new.dump: "]).await?;
        s3.modified("backups", "daily/new.dump", SystemTime::now() - Duration::from_hours(5 * 24))?;
        tried.finds(&backup("daily"), "backup", &["reading s3://backups/daily/new.dump: ", "5d"]).await?;
        if !is_real {
            tried.cannot_tell(&backup("weekly"), "backup", &["listing s3://backups/weekly/: "]).await?;
        }
    }
    Ok(())
}

/// A listing whose first page is shown and whose second page is not: the newest backup may be on either.
async fn a_forbidden_page(tried: &mut Tried, folder: &Path) -> anyhow::Result<()> {
    for status in [403, 500] {
        let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string();
        let server = serve(None, move |request: hyper::Request<_>| {
            let is_next = request.uri().query().is_some_and(|query| query.contains("continuation-token"));
            let page = format!(
                "<ListBucketResult><Name>backups</Name><IsTruncated>true</IsTruncated>\
                 <NextContinuationToken>next</NextContinuationToken><Contents><Key>daily/a.dump</Key>\
                 <LastModified>{now}</LastModified><Size>100</Size></Contents></ListBucketResult>"
            );
            let error = "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>";
            async move {
                if is_next {
                    response(status, "application/xml", error)
                } else {
                    response(200, "application/xml", page)
                }
            }
        })
        .await?;
        let keys = place(folder, server.port, ACCESS_KEY)?;
        let yaml = format!("backups: [{{name: b, bucket: backups, prefix: daily/, {keys}, format: any}}]\n");
        tried.cannot_tell(&yaml, "backup", &["listing s3://backups/daily/: "]).await?;
    }
    Ok(())
}

/// A record that may be listed and not be read.
async fn a_forbidden_record(tried: &mut Tried, folder: &Path) -> anyhow::Result<()> {
    let s3 = S3::start().await?;
    let list = || allow("s3:ListBucket", "*", None);
    for (name, is_good) in [("good", true), ("bad", false)] {
        for (at, record) in records(is_good).iter().enumerate() {
            s3.put(name, &format!("t/1{at}.json"), format!("{record}\n").as_bytes())?;
        }
        s3.put(name, "t/2.json", b"{}\n")?;
        s3.grant(json!({"Statement": [list(), allow("s3:GetObject", &format!("{name}/t/1*"), None)]}));
        let keys = place(folder, s3.port, ACCESS_KEY)?;
        let yaml = yaml_of_records(&format!("s3: {{bucket: {name}, prefix: t/, {keys}}}"));
        let gap = format!("reading s3://{name}/t/2.json: ");
        for check in ["restore", "alert_path", "override"] {
            if is_good {
                tried.cannot_tell(&yaml, check, &[&gap]).await?;
            } else {
                tried.finds(&yaml, check, &[&gap]).await?;
            }
        }
        tried.finds(&yaml, "tasks", &[&gap]).await?;
    }
    // If no record can be read, nothing is known about any task.
    s3.put("unread", "t/1.json", b"{}\n")?;
    s3.grant(json!({"Statement": [list()]}));
    let keys = place(folder, s3.port, ACCESS_KEY)?;
    let yaml = yaml_of_records(&format!("s3: {{bucket: unread, prefix: t/, {keys}}}"));
    for check in ["restore", "alert_path", "override", "tasks"] {
        tried.cannot_tell(&yaml, check, &["reading s3://unread/t/1.json: "]).await?;
    }
    Ok(())
}
