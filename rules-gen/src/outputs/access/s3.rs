//! The policies for buckets.

use checklist::Config;
use checklist::config::{BackupFormat, RecordPlace, ReportPlace, S3Prefix};
use serde_json::{Value, json};

/// The IAM policy of the exporter and of restores: list below the prefixes, read only where what is in an object counts.
pub fn s3(config: &Config) -> Value {
    let backups = config.backups.iter().map(|backup| {
        let reads = backup.format != BackupFormat::Any || backup.restore.is_some();
        (&backup.place, if reads { &["s3:GetObject"][..] } else { &[] })
    });
    let reports = config.reports.iter().filter_map(|report| match &report.place {
        ReportPlace::S3(place) => Some((place, &["s3:GetObject"][..])),
        ReportPlace::File(_) | ReportPlace::Directory(_) | ReportPlace::Http(_) => None,
    });
    policy(backups.chain(reports).chain(records(config).map(|place| (place, &["s3:GetObject"][..]))))
}

/// The IAM policy of whom adds records: the jobs and people. What is recorded is never replaced or removed.
pub fn s3_records(config: &Config) -> Value {
    policy(records(config).map(|place| (place, &["s3:GetObject", "s3:PutObject"][..])))
}

fn records(config: &Config) -> impl Iterator<Item = &S3Prefix> {
    config.tasks.iter().filter_map(|tasks| match &tasks.place {
        RecordPlace::S3(place) => Some(place),
        RecordPlace::Directory(_) => None,
    })
}

fn policy<'a>(places: impl Iterator<Item = (&'a S3Prefix, &'static [&'static str])>) -> Value {
    let statements = places.enumerate().flat_map(|(n, (place, actions))| {
        let bucket = format!("arn:aws:s3:::{}", place.bucket);
        let below = format!("{}*", literal(&place.prefix));
        let list = json!({
            "Sid": format!("List{n}"), "Effect": "Allow", "Action": "s3:ListBucket", "Resource": bucket,
            "Condition": {"StringLike": {"s3:prefix": below}},
        });
        let touch = (!actions.is_empty()).then(|| {
            let resource = format!("{bucket}/{below}");
            json!({"Sid": format!("Read{n}"), "Effect": "Allow", "Action": actions, "Resource": resource})
        });
        std::iter::once(list).chain(touch)
    });
    json!({"Version": "2012-10-17", "Statement": statements.collect::<Vec<_>>()})
}

/// A prefix means itself: its stars are no wildcards of a policy.
fn literal(prefix: &str) -> String {
    prefix.chars().fold(String::new(), |text, c| {
        if "*?$".contains(c) { text + &format!("${{{c}}}") } else { text + &c.to_string() }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_grants_what_is_read_and_no_more() -> anyhow::Result<()> {
        let text = "backups:
  - {name: names, bucket: aaa, prefix: n/}
  - {name: heads, bucket: aaa, prefix: 'h*/', format: gzip}
reports: [{name: r, format: trivy, s3: {bucket: bkt, prefix: r/}}]
tasks: {since: 2026-01-01, s3: {bucket: ccc, prefix: t/}}
";
        let config = Config::parse("checklist.yaml", text)?;
        let grants = |policy: Value| -> Vec<String> {
            let statements = policy["Statement"].as_array().cloned().unwrap_or_default();
            statements
                .iter()
                .map(|s| format!("{} {} {}", s["Action"], s["Resource"], s["Condition"]["StringLike"]["s3:prefix"]))
                .collect()
        };
        assert_eq!(
            grants(s3(&config)),
            [
                r#""s3:ListBucket" "arn:aws:s3:::aaa" "n/*""#,
                r#""s3:ListBucket" "arn:aws:s3:::aaa" "h${*}/*""#,
                r#"["s3:GetObject"] "arn:aws:s3:::aaa/h${*}/*" null"#,
                r#""s3:ListBucket" "arn:aws:s3:::bkt" "r/*""#,
                r#"["s3:GetObject"] "arn:aws:s3:::bkt/r/*" null"#,
                r#""s3:ListBucket" "arn:aws:s3:::ccc" "t/*""#,
                r#"["s3:GetObject"] "arn:aws:s3:::ccc/t/*" null"#,
            ]
        );
        assert_eq!(
            grants(s3_records(&config)),
            [
                r#""s3:ListBucket" "arn:aws:s3:::ccc" "t/*""#,
                r#"["s3:GetObject","s3:PutObject"] "arn:aws:s3:::ccc/t/*" null"#
            ]
        );
        Ok(())
    }
}
