//! The keys of `remote_write`, `remote_read`, `storage`, `otlp` and `runtime` in prometheus.yml, and the ways to log in
//! at cloud providers.

use super::http_client::{HTTP, reserved_headers};
use super::relabel::RELABEL;
use super::schema::{Findings, Kind, PLAIN, Table, is_on, is_there, scalar};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

pub(super) static WRITE: Table = Table {
    keys: &[
        (Kind::AnyUrl, "url"),
        (Kind::Text, "name protobuf_message"),
        (Kind::Duration, "remote_timeout"),
        (Kind::TextMap, "headers"),
        (Kind::Tables(&RELABEL), "write_relabel_configs"),
        (
            Kind::Bool,
            "send_exemplars send_native_histograms round_robin_dns failed_request_logging convert_nhcb_to_classic",
        ),
        (Kind::Table(&QUEUE), "queue_config"),
        (Kind::Table(&METADATA), "metadata_config"),
        (Kind::Table(&SIGV4), "sigv4"),
        (Kind::Table(&AZURE_AD), "azuread"),
        (Kind::Table(&GOOGLE), "google_iam"),
    ],
    inline: &[&HTTP],
    needs: &["url"],
    values: &[("protobuf_message", "prometheus.WriteRequest io.prometheus.write.v2.Request")],
    more: Some(write),
    ..PLAIN
};

fn write(of: &Map<String, Value>, findings: &mut Findings) {
    one_login(of, findings);
    reserved_headers(of, "headers", findings);
}

/// Refuses a second way to log in, beside one of a cloud provider. An empty table counts.
pub(super) fn one_login(of: &Map<String, Value>, findings: &mut Findings) {
    let logins = ["basic_auth", "authorization", "oauth2", "sigv4", "azuread", "google_iam"];
    let there: Vec<&str> =
        logins.into_iter().filter(|key| of.get(*key).is_some_and(|value| !value.is_null())).collect();
    // The table of HTTP settings refuses two of its own.
    if let [first, second, ..] = there.as_slice()
        && !["authorization", "oauth2"].contains(second)
    {
        findings.under(second, |findings| findings.refuse(format!("only one of {first} and {second} may be set")));
    }
}

static QUEUE: Table = Table {
    keys: &[
        (Kind::Whole, "capacity max_shards min_shards max_samples_per_send"),
        (Kind::Duration, "batch_send_deadline min_backoff max_backoff sample_age_limit"),
        (Kind::Bool, "retry_on_http_429"),
    ],
    ..PLAIN
};

static METADATA: Table = Table {
    keys: &[(Kind::Bool, "send"), (Kind::Duration, "send_interval"), (Kind::Whole, "max_samples_per_send")],
    ..PLAIN
};

/// The signature of requests to Amazon.
pub static SIGV4: Table = Table {
    keys: &[
        (Kind::Text, "region access_key secret_key profile role_arn external_id session_name service_name"),
        (Kind::TextMap, "tags"),
        (Kind::Bool, "use_fips_sts_endpoint"),
    ],
    more: Some(sigv4),
    ..PLAIN
};

fn sigv4(of: &Map<String, Value>, findings: &mut Findings) {
    if is_there(of, "access_key") != is_there(of, "secret_key") {
        findings.refuse("access_key and secret_key must be set together");
    }
    let name = of.get("session_name").and_then(Value::as_str).unwrap_or_default();
    let letter = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    let fits = name.is_empty() || ((2..=64).contains(&name.len()) && name.chars().all(letter));
    if !fits {
        findings.under("session_name", |findings| {
            findings.refuse("the name must have 2 to 64 letters, digits and characters of _+=,.@-");
        });
    }
    for key in ["external_id", "session_name", "tags"] {
        let given =
            of.get(key).is_some_and(|value| value.as_object().map_or(is_there(of, key), |tags| !tags.is_empty()));
        if given && !is_there(of, "role_arn") {
            findings.under(key, |findings| findings.refuse(format!("{key} has an effect only with role_arn")));
        }
    }
}

static AZURE_AD: Table = Table {
    keys: &[
        (Kind::Table(&IDENTITY), "managed_identity"),
        (Kind::Table(&WORKLOAD), "workload_identity"),
        (Kind::Table(&AZURE_OAUTH), "oauth"),
        (Kind::Table(&SDK), "sdk"),
        (Kind::Table(&CERTIFICATE), "certificate"),
        (Kind::Text, "cloud scope"),
    ],
    values: &[("cloud", "AzurePublic AzureGovernment AzureChina")],
    more: Some(azure),
    ..PLAIN
};
static IDENTITY: Table = Table { keys: &[(Kind::Text, "client_id")], more: Some(client_id), ..PLAIN };
static WORKLOAD: Table = Table {
    keys: &[(Kind::Text, "client_id tenant_id token_file_path")],
    needs: &["client_id", "tenant_id"],
    more: Some(client_id),
    ..PLAIN
};
static AZURE_OAUTH: Table = Table {
    keys: &[(Kind::Text, "client_id client_secret tenant_id")],
    needs: &["client_id", "client_secret", "tenant_id"],
    more: Some(client_id),
    ..PLAIN
};
static SDK: Table = Table { keys: &[(Kind::Text, "tenant_id")], ..PLAIN };
static CERTIFICATE: Table = Table {
    keys: &[
        (Kind::Text, "client_id tenant_id certificate_path certificate_key_path certificate_password"),
        (Kind::Bool, "send_certificate_chain"),
    ],
    needs: &["client_id", "tenant_id", "certificate_path"],
    more: Some(client_id),
    ..PLAIN
};

fn azure(of: &Map<String, Value>, findings: &mut Findings) {
    let logins = ["managed_identity", "workload_identity", "oauth", "sdk", "certificate"];
    let there: Vec<&str> =
        logins.into_iter().filter(|key| of.get(*key).is_some_and(|value| !value.is_null())).collect();
    match there.as_slice() {
        [_] => {}
        [] => findings.refuse(format!("one of {} is missing", logins.join(", "))),
        [first, second, ..] => {
            findings.under(second, |findings| findings.refuse(format!("only one of {first} and {second} may be set")));
        }
    }
}

/// Checks that a client id is a UUID.
fn client_id(of: &Map<String, Value>, findings: &mut Findings) {
    let text = of.get("client_id").and_then(Value::as_str).unwrap_or_default();
    let bare = text.strip_prefix("urn:uuid:").unwrap_or(text).trim_matches(['{', '}']).replace('-', "");
    if !text.is_empty() && (bare.len() != 32 || !bare.bytes().all(|byte| byte.is_ascii_hexdigit())) {
        findings.under("client_id", |findings| findings.refuse("the client id is not a UUID"));
    }
}

static GOOGLE: Table = Table { keys: &[(Kind::Text, "credentials_file")], ..PLAIN };

pub(super) static READ: Table = Table {
    keys: &[
        (Kind::AnyUrl, "url"),
        (Kind::Text, "name"),
        (Kind::Duration, "remote_timeout"),
        (Kind::Count, "chunked_read_limit"),
        (Kind::TextMap, "headers required_matchers"),
        (Kind::Bool, "read_recent filter_external_labels"),
    ],
    inline: &[&HTTP],
    needs: &["url"],
    more: Some(read),
    ..PLAIN
};

fn read(of: &Map<String, Value>, findings: &mut Findings) {
    reserved_headers(of, "headers", findings);
}

pub(super) static STORAGE: Table =
    Table { keys: &[(Kind::Table(&TSDB), "tsdb"), (Kind::Table(&EXEMPLARS), "exemplars")], ..PLAIN };
static EXEMPLARS: Table = Table { keys: &[(Kind::Whole, "max_exemplars")], ..PLAIN };
static TSDB: Table = Table {
    keys: &[
        (Kind::Duration, "out_of_order_time_window"),
        (Kind::Number, "stale_series_compaction_threshold"),
        (Kind::Table(&CHUNKS), "chunk_encoding"),
        (Kind::Table(&RETENTION), "retention"),
    ],
    ..PLAIN
};
static CHUNKS: Table = Table { keys: &[(Kind::Text, "floats")], values: &[("floats", "xor xor2")], ..PLAIN };
static RETENTION: Table = Table {
    keys: &[(Kind::Duration, "time"), (Kind::Bytes, "size"), (Kind::Number, "percentage")],
    more: Some(retention),
    ..PLAIN
};

fn retention(of: &Map<String, Value>, findings: &mut Findings) {
    if of.get("percentage").and_then(Value::as_f64).is_some_and(|share| !(0.0..=100.0).contains(&share)) {
        findings.under("percentage", |findings| findings.refuse("a percentage must be between 0 and 100"));
    }
}

pub(super) static OTLP: Table = Table {
    keys: &[
        (Kind::Texts, "promote_resource_attributes ignore_resource_attributes"),
        (Kind::Text, "translation_strategy"),
        (
            Kind::Bool,
            "promote_all_resource_attributes keep_identifying_resource_attributes convert_histograms_to_nhcb \
             promote_scope_metadata label_name_underscore_sanitization label_name_preserve_multiple_underscores",
        ),
    ],
    values: &[(
        "translation_strategy",
        "UnderscoreEscapingWithSuffixes UnderscoreEscapingWithoutSuffixes NoUTF8EscapingWithSuffixes NoTranslation",
    )],
    more: Some(otlp),
    ..PLAIN
};

fn otlp(of: &Map<String, Value>, findings: &mut Findings) {
    let list = |key: &str| of.get(key).and_then(Value::as_array).is_some_and(|list| !list.is_empty());
    let all = is_on(of, "promote_all_resource_attributes");
    if all && list("promote_resource_attributes") {
        findings.under("promote_resource_attributes", |findings| {
            findings
                .refuse("promote_all_resource_attributes already includes every attribute: remove one of the two keys");
        });
    }
    if !all && list("ignore_resource_attributes") {
        findings.under("ignore_resource_attributes", |findings| {
            findings.refuse("this key needs promote_all_resource_attributes: true");
        });
    }
    for key in ["promote_resource_attributes", "ignore_resource_attributes"] {
        let mut seen = BTreeSet::new();
        findings.each(of, key, |name, findings| {
            let name = scalar(name).unwrap_or_default();
            if name.is_empty() {
                findings.refuse("an attribute has no name");
            } else if !seen.insert(name.clone()) {
                findings.refuse(format!("{name} is repeated"));
            }
        });
    }
}

pub(super) static RUNTIME: Table = Table { keys: &[(Kind::Whole, "gogc"), (Kind::Text, "log_level")], ..PLAIN };
