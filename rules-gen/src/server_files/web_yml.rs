//! What Prometheus, Alertmanager and exporters refuse in their web configuration (`--web.config.file`).

use super::schema::{Findings, Kind, PLAIN, Refusal, Table, is_there};
use regex::Regex;
use serde_json::{Map, Value};

static TOP: Table = Table {
    keys: &[
        (Kind::Table(&TLS), "tls_server_config"),
        (Kind::Table(&HTTP), "http_server_config"),
        (Kind::TextMap, "basic_auth_users"),
        (Kind::Any, "rate_limit"),
    ],
    more: Some(passwords),
    ..PLAIN
};

static TLS: Table = Table {
    keys: &[
        (Kind::Text, "cert cert_file key key_file client_auth_type client_ca client_ca_file min_version max_version"),
        (Kind::Texts, "cipher_suites curve_preferences client_allowed_sans"),
        (Kind::Bool, "prefer_server_cipher_suites"),
    ],
    at_most_one: &["cert cert_file", "key key_file", "client_ca client_ca_file"],
    values: &[
        ("min_version", "TLS10 TLS11 TLS12 TLS13"),
        ("max_version", "TLS10 TLS11 TLS12 TLS13"),
        (
            "client_auth_type",
            "NoClientCert RequestClientCert RequireAnyClientCert VerifyClientCertIfGiven RequireAndVerifyClientCert",
        ),
    ],
    more: Some(client),
    ..PLAIN
};

/// Checks that a certificate and its key are given, and that client certificates can be verified: without certificate authorities the server would refuse every
/// client.
fn client(of: &Map<String, Value>, findings: &mut Findings) {
    // An empty table does not enable TLS.
    if of.keys().any(|key| is_there(of, key)) {
        for (text, file) in [("cert", "cert_file"), ("key", "key_file")] {
            if !is_there(of, text) && !is_there(of, file) {
                findings.refuse(format!("{text} or {file} is missing"));
            }
        }
    }
    let kind = of.get("client_auth_type").and_then(Value::as_str).unwrap_or_default();
    let authority = is_there(of, "client_ca") || is_there(of, "client_ca_file");
    if ["VerifyClientCertIfGiven", "RequireAndVerifyClientCert"].contains(&kind) && !authority {
        findings.refuse(format!("client_ca_file is missing, which {kind} needs"));
    }
}

static HTTP: Table = Table { keys: &[(Kind::Bool, "http2"), (Kind::Table(&HEADERS), "headers")], ..PLAIN };

static HEADERS: Table = Table {
    keys: &[(
        Kind::Text,
        "Content-Security-Policy X-Frame-Options X-Content-Type-Options X-XSS-Protection Strict-Transport-Security",
    )],
    values: &[("X-Frame-Options", "deny sameorigin"), ("X-Content-Type-Options", "nosniff")],
    ..PLAIN
};

/// Checks that passwords are bcrypt hashes and not plain text.
fn passwords(of: &Map<String, Value>, findings: &mut Findings) {
    let Some(users) = of.get("basic_auth_users").and_then(Value::as_object) else { return };
    let hash = Regex::new(r"^\$2[abxy]?\$[0-9]{2}\$[./A-Za-z0-9]{53}$").ok();
    for (user, word) in users {
        let hashed = word.as_str().is_some_and(|word| hash.as_ref().is_some_and(|hash| hash.is_match(word)));
        if !hashed {
            findings.under("basic_auth_users", |findings| {
                findings.under(user, |findings| findings.refuse("this is not a bcrypt hash (htpasswd -nBC 10 NAME)"));
            });
        }
    }
}

/// Returns everything that the server refuses, in the order of the file.
pub fn check(whole: &Value) -> Vec<Refusal> {
    let mut findings = Findings::default();
    findings.table(whole, &TOP);
    findings.all
}
