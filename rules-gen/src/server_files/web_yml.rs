//! What Prometheus, Alertmanager and exporters refuse in their web configuration (`--web.config.file`).

use super::schema::{Findings, Kind, PLAIN, Refusal, Table, is_there, scalar};
use checklist::yaml::hint;
use regex::Regex;
use serde_json::{Map, Value};

static TOP: Table = Table {
    keys: &[
        (Kind::Table(&TLS), "tls_server_config"),
        (Kind::Table(&HTTP), "http_server_config"),
        (Kind::TextMap, "basic_auth_users"),
        (Kind::Table(&RATE), "rate_limit"),
    ],
    more: Some(passwords),
    ..PLAIN
};

static RATE: Table = Table { keys: &[(Kind::Whole, "burst"), (Kind::GoDuration, "interval")], ..PLAIN };

static TLS: Table = Table {
    keys: &[
        (Kind::Text, "cert cert_file key key_file client_auth_type client_ca client_ca_file min_version max_version"),
        (Kind::Texts, "cipher_suites curve_preferences client_allowed_sans"),
        (Kind::Bool, "prefer_server_cipher_suites"),
    ],
    values: &[
        ("min_version", "TLS10 TLS11 TLS12 TLS13"),
        ("max_version", "TLS10 TLS11 TLS12 TLS13"),
        (
            "client_auth_type",
            "NoClientCert RequestClientCert RequireAnyClientCert RequireClientCert VerifyClientCertIfGiven \
             RequireAndVerifyClientCert",
        ),
    ],
    more: Some(tls),
    ..PLAIN
};

/// The cipher suites that some version of Go calls secure.
const CIPHERS: [&str; 17] = [
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_RSA_WITH_AES_128_CBC_SHA",
    "TLS_RSA_WITH_AES_256_CBC_SHA",
    "TLS_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_RSA_WITH_AES_256_GCM_SHA384",
];
const CURVES: [&str; 4] = ["CurveP256", "CurveP384", "CurveP521", "X25519"];

/// Checks that TLS has a certificate with its key, that client certificates are asked for where authorities are named,
/// and the names of ciphers, curves and versions.
fn tls(of: &Map<String, Value>, findings: &mut Findings) {
    let any = |keys: &[&str]| keys.iter().any(|key| is_there(of, key));
    // Other keys alone do not enable TLS.
    if any(&["cert", "cert_file", "key", "key_file", "client_ca", "client_ca_file", "client_auth_type"]) {
        for (text, file) in [("cert", "cert_file"), ("key", "key_file")] {
            if !any(&[text, file]) {
                findings.refuse(format!("{text} or {file} is missing"));
            }
        }
    }
    let kind = of.get("client_auth_type").and_then(Value::as_str).unwrap_or_default();
    if any(&["client_ca", "client_ca_file"]) && ["", "NoClientCert"].contains(&kind) {
        findings.refuse("client_auth_type is missing, so no client is asked for a certificate of these authorities");
    }
    for key in ["min_version", "max_version"] {
        if of.get(key).is_some_and(|version| version == "") {
            findings.under(key, |findings| findings.refuse("the value is empty: remove the key"));
        }
    }
    for (key, known) in [("cipher_suites", &CIPHERS[..]), ("curve_preferences", &CURVES[..])] {
        findings.each(of, key, |name, findings| {
            let name = scalar(name).unwrap_or_default();
            if !known.contains(&name.as_str()) {
                findings.refuse(format!("{name:?} is not one of {}{}", known.join(", "), hint(&name, known)));
            }
        });
    }
}

static HTTP: Table = Table { keys: &[(Kind::Bool, "http2"), (Kind::Table(&HEADERS), "headers")], ..PLAIN };

static HEADERS: Table = Table {
    keys: &[(
        Kind::Text,
        "Content-Security-Policy X-Frame-Options X-Content-Type-Options X-XSS-Protection Strict-Transport-Security",
    )],
    values: &[("X-Frame-Options", "deny sameorigin"), ("X-Content-Type-Options", "nosniff")],
    more: Some(headers),
    ..PLAIN
};

fn headers(of: &Map<String, Value>, findings: &mut Findings) {
    for key in ["X-Frame-Options", "X-Content-Type-Options"] {
        if of.get(key).is_some_and(|value| value == "") {
            findings.under(key, |findings| findings.refuse("the value is empty: remove the key"));
        }
    }
}

/// Checks that passwords are bcrypt hashes and not plain text.
fn passwords(of: &Map<String, Value>, findings: &mut Findings) {
    let Some(users) = of.get("basic_auth_users").and_then(Value::as_object) else { return };
    let hash = Regex::new(r"^\$2[^$]?\$(0[4-9]|[12][0-9]|3[01])\$[./A-Za-z0-9]{53}$").ok();
    for (user, word) in users {
        let hashed = word.as_str().is_some_and(|word| hash.as_ref().is_some_and(|hash| hash.is_match(word)));
        if !hashed {
            findings.under("basic_auth_users", |findings| {
                findings.under(user, |findings| {
                    findings.refuse("the value is not a bcrypt hash (create one with htpasswd -nBC 10 NAME)");
                });
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
