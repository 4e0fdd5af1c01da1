//! The settings of servers as HTTP clients: authentication, proxies, TLS and tracing. Prometheus and Alertmanager share
//! them.

use super::schema::{Findings, Kind, PLAIN, Table, is_on, is_there};
use serde_json::{Map, Value};

/// The keys of `tls_config`.
pub static TLS: Table = Table {
    keys: &[
        (
            Kind::Text,
            "ca ca_file ca_ref cert cert_file cert_ref key key_file key_ref server_name min_version max_version",
        ),
        (Kind::Bool, "insecure_skip_verify"),
    ],
    at_most_one: &["ca ca_file ca_ref", "cert cert_file cert_ref", "key key_file key_ref"],
    values: &[("min_version", "TLS10 TLS11 TLS12 TLS13"), ("max_version", "TLS10 TLS11 TLS12 TLS13")],
    more: Some(pair),
    ..PLAIN
};

/// Checks that a certificate has its key, and that inline certificates are PEM.
fn pair(of: &Map<String, Value>, findings: &mut Findings) {
    for key in ["ca", "cert"] {
        if is_there(of, key) && of.get(key).and_then(Value::as_str).is_none_or(|text| !text.contains("-----BEGIN")) {
            findings.under(key, |findings| {
                findings.refuse(format!("the value is not a PEM certificate; use {key}_file to name a file"));
            });
        }
    }
    let [certificate, key] = ["cert", "key"].map(|of_what| {
        [of_what.to_owned(), format!("{of_what}_file"), format!("{of_what}_ref")].iter().any(|name| is_there(of, name))
    });
    if certificate != key {
        findings.refuse("certificate and key must be set together");
    }
}

static BASIC: Table = Table {
    keys: &[(Kind::Text, "username username_file username_ref password password_file password_ref")],
    at_most_one: &["username username_file username_ref", "password password_file password_ref"],
    ..PLAIN
};

static AUTHORIZATION: Table = Table {
    keys: &[(Kind::Text, "type credentials credentials_file credentials_ref")],
    at_most_one: &["credentials credentials_file credentials_ref"],
    more: Some(no_basic),
    ..PLAIN
};

fn no_basic(of: &Map<String, Value>, findings: &mut Findings) {
    let kind = of.get("type").and_then(Value::as_str).unwrap_or_default();
    if kind.trim().eq_ignore_ascii_case("basic") {
        findings.under("type", |findings| findings.refuse("use basic_auth for basic authentication"));
    }
}

static OAUTH2: Table = Table {
    keys: &[
        (
            Kind::Text,
            "client_id client_secret client_secret_file client_secret_ref token_url no_proxy grant_type \
             client_certificate_key_id client_certificate_key client_certificate_key_file client_certificate_key_ref \
             signature_algorithm iss audience",
        ),
        (Kind::AnyUrl, "proxy_url"),
        (Kind::Texts, "scopes"),
        (Kind::TextMap, "endpoint_params"),
        (Kind::MapOf(&Kind::Texts), "proxy_connect_header"),
        (Kind::Any, "claims"),
        (Kind::Bool, "proxy_from_environment"),
        (Kind::Table(&TLS), "tls_config"),
    ],
    needs: &["client_id", "token_url"],
    more: Some(oauth2),
    ..PLAIN
};

/// Checks the secret of the client, which is a private key when the grant type says so.
fn oauth2(of: &Map<String, Value>, findings: &mut Findings) {
    proxies(of, findings);
    let by_key = of.get("grant_type").and_then(Value::as_str) == Some("urn:ietf:params:oauth:grant-type:jwt-bearer");
    let secret = if by_key { "client_certificate_key" } else { "client_secret" };
    let names = ["", "_file", "_ref"].map(|ending| format!("{secret}{ending}"));
    let there: Vec<&String> = names.iter().filter(|name| is_there(of, name)).collect();
    if let [first, second, ..] = there.as_slice() {
        findings.under(second, |findings| findings.refuse(format!("only one of {first} and {second} may be set")));
    }
    let algorithm = of.get("signature_algorithm").and_then(Value::as_str).unwrap_or("RS256");
    if by_key && !["", "RS256", "RS384", "RS512"].contains(&algorithm) {
        findings.under("signature_algorithm", |findings| {
            findings.refuse(format!("{algorithm:?} is not one of RS256, RS384, RS512"));
        });
    }
}

/// The keys of a header's values.
static HEADER: Table = Table { keys: &[(Kind::Texts, "values secrets files")], ..PLAIN };

/// The keys of `http_config`.
pub static HTTP: Table = Table {
    keys: &[
        (Kind::Text, "bearer_token bearer_token_file no_proxy"),
        (Kind::AnyUrl, "proxy_url"),
        (Kind::Bool, "enable_http2 follow_redirects proxy_from_environment"),
        (Kind::MapOf(&Kind::Table(&HEADER)), "http_headers"),
        (Kind::MapOf(&Kind::Texts), "proxy_connect_header"),
        (Kind::Table(&AUTHORIZATION), "authorization"),
        (Kind::Table(&BASIC), "basic_auth"),
        (Kind::Table(&OAUTH2), "oauth2"),
        (Kind::Table(&TLS), "tls_config"),
    ],
    at_most_one: &["authorization basic_auth oauth2 bearer_token bearer_token_file"],
    more: Some(client),
    ..PLAIN
};

/// Headers that the HTTP client sets, so that they cannot be configured.
const RESERVED: [&str; 18] = [
    "authorization",
    "host",
    "content-encoding",
    "content-length",
    "content-type",
    "user-agent",
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "www-authenticate",
    "accept-encoding",
    "x-prometheus-remote-write-version",
    "x-prometheus-remote-read-version",
    "x-prometheus-scrape-timeout-seconds",
    "x-amz-date",
    "x-amz-security-token",
    "x-amz-content-sha256",
];

fn client(of: &Map<String, Value>, findings: &mut Findings) {
    proxies(of, findings);
    reserved_headers(of, "http_headers", findings);
}

/// Refuses headers that the client sets, in the table under a key.
pub(super) fn reserved_headers(of: &Map<String, Value>, key: &str, findings: &mut Findings) {
    let headers = of.get(key).and_then(Value::as_object);
    for name in headers.iter().flat_map(|headers| headers.keys()) {
        if RESERVED.contains(&name.to_ascii_lowercase().as_str()) {
            findings.under(key, |findings| {
                findings.refuse(format!("the header {name} cannot be set, because the HTTP client sets it"));
            });
        }
    }
}

fn proxies(of: &Map<String, Value>, findings: &mut Findings) {
    let [address, environment, except, header] =
        ["proxy_url", "proxy_from_environment", "no_proxy", "proxy_connect_header"].map(|key| is_on(of, key));
    if environment && (address || except) {
        findings.refuse("proxy_from_environment cannot be combined with proxy_url or no_proxy");
    } else if except && !address {
        findings.refuse("no_proxy needs proxy_url");
    } else if header && !address && !environment {
        findings.refuse("proxy_connect_header needs proxy_url or proxy_from_environment");
    }
}

/// The keys of `tracing`.
pub static TRACING: Table = Table {
    keys: &[
        (Kind::Text, "client_type endpoint compression"),
        (Kind::Number, "sampling_fraction"),
        (Kind::Any, "headers http_headers"),
        (Kind::Bool, "insecure"),
        (Kind::Table(&TLS), "tls_config"),
        (Kind::Duration, "timeout"),
    ],
    needs: &["endpoint"],
    values: &[("client_type", "http grpc"), ("compression", "gzip")],
    ..PLAIN
};
