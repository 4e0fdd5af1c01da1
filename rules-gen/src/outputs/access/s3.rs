//! The IAM policies for buckets.

use checklist::Config;
use checklist::config::{BackupFormat, RecordPlace, ReportPlace, S3Prefix};
use serde_json::{Value, json};

/// Returns the policy for the exporter and for restores. It may list objects below the prefixes, and read them only
/// where their content is checked.
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

/// Returns the policy for jobs and people who add records. It allows no deletion.
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

/// Escapes the wildcards of IAM policies in a prefix.
fn literal(prefix: &str) -> String {
    prefix.chars().fold(String::new(), |text, c| {
        if "*?$".contains(c) { text + &format!("${{{c}}}") } else { text + &c.to_string() }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_s3_policy_grants_only_what_the_checks_read() -> anyhow::Result<()> {
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
