//! The web configuration file of Prometheus' exporter-toolkit, described in its docs/web-configuration.md.

use crate::probe::Failure;
use checklist::Reason;
use hyper::header::{HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Maximum cost of a bcrypt hash. Verifying a login takes 2^cost rounds, which above this limit takes seconds.
const MAX_COST: u32 = 14;
/// The response headers that the toolkit lets an operator set.
const HEADERS: [&str; 5] = [
    "content-security-policy",
    "strict-transport-security",
    "x-content-type-options",
    "x-frame-options",
    "x-xss-protection",
];

/// A valid web configuration.
#[derive(Debug, Default)]
pub struct WebConfig {
    /// The section `tls_server_config`, with paths resolved relative to the file's folder.
    pub tls: Option<Tls>,
    /// The section `basic_auth_users`: user names and bcrypt hashes.
    pub users: BTreeMap<String, SecretString>,
    /// The section `http_server_config.headers`.
    pub headers: Vec<(HeaderName, HeaderValue)>,
}

/// The section `tls_server_config`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// PEM file of the server's certificate and its chain.
    pub cert_file: PathBuf,
    /// PEM file of the server's key.
    pub key_file: PathBuf,
    /// Whether clients must show a certificate.
    #[serde(default)]
    pub client_auth_type: ClientAuth,
    /// PEM file of the authorities that issue client certificates.
    pub client_ca_file: Option<PathBuf>,
    /// Names of which a client's certificate must have one.
    #[serde(default)]
    pub client_allowed_sans: Vec<String>,
    /// The oldest version of TLS; TLS 1.2 by default.
    #[serde(default)]
    pub min_version: Version,
    /// The newest version of TLS.
    pub max_version: Option<Version>,
    /// Cipher suites of TLS 1.2 by their Go names; empty allows all safe ones.
    #[serde(default)]
    pub cipher_suites: Vec<String>,
    /// Curves by their Go names; empty allows all.
    #[serde(default)]
    pub curve_preferences: Vec<String>,
    /// Accepted for compatibility and ignored: the server always uses its own order.
    #[serde(default)]
    #[expect(dead_code, reason = "read so that a file of the toolkit is accepted")]
    prefer_server_cipher_suites: Option<bool>,
}

/// The names of Go's `tls.ClientAuthType`, in the order of how much they require.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Deserialize)]
pub enum ClientAuth {
    /// No client certificate is requested.
    #[default]
    NoClientCert,
    /// Requested and not verified: refused here.
    RequestClientCert,
    /// Required and not verified: refused here.
    RequireAnyClientCert,
    /// Optional, and verified if given.
    VerifyClientCertIfGiven,
    /// Required and verified.
    RequireAndVerifyClientCert,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Default, Deserialize)]
pub enum Version {
    /// 1.0: refused here.
    TLS10,
    /// 1.1: refused here.
    TLS11,
    /// 1.2.
    #[default]
    TLS12,
    /// 1.3.
    TLS13,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    tls_server_config: Option<Tls>,
    http_server_config: Option<Http>,
    #[serde(default)]
    basic_auth_users: BTreeMap<String, SecretString>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Http {
    /// The toolkit's switch for HTTP/2, accepted and ignored: the server speaks HTTP/1.1 only.
    #[serde(default)]
    #[expect(dead_code, reason = "read so that a file of the toolkit is accepted")]
    http2: Option<bool>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
}

impl WebConfig {
    /// Parses and validates the content of a file.
    ///
    /// # Errors
    /// The message says what is wrong and where. It never contains a hash or a key.
    pub fn parse(path: &Path, content: &[u8]) -> Result<Self, Failure> {
        let wrong = |why: String| Failure::new(Reason::Config, format!("{}: {why}", path.display()));
        let text = std::str::from_utf8(content).map_err(|_| wrong("the file is not UTF-8".to_owned()))?;
        let options = serde_yaml::options! { with_snippet: false, emit_comments: false };
        let file: Option<File> =
            serde_yaml::from_str_with_options(text, options).map_err(|error| wrong(error.to_string()))?;
        let Some(file) = file else { return Ok(Self::default()) };
        for (user, hash) in &file.basic_auth_users {
            let cost = cost(hash.expose_secret()).ok_or_else(|| {
                wrong(format!(
                    "basic_auth_users: the password of {user} is not a bcrypt hash; htpasswd -nBC 10 {user} makes one"
                ))
            })?;
            if cost > MAX_COST {
                return Err(wrong(format!(
                    "basic_auth_users: the hash of {user} has cost {cost}, so a login would take seconds; use cost 10"
                )));
            }
        }
        let mut headers = Vec::new();
        for (name, value) in file.http_server_config.map(|http| http.headers).unwrap_or_default() {
            let known = HEADERS.iter().find(|known| known.eq_ignore_ascii_case(&name));
            let known = known
                .ok_or_else(|| wrong(format!("headers: {name} cannot be set; allowed: {}", HEADERS.join(", "))))?;
            let value = HeaderValue::from_str(&value).map_err(|_| {
                wrong(format!("headers: the value of {name} contains characters that are not allowed in a header"))
            })?;
            headers.push((HeaderName::from_static(known), value));
        }
        let folder = path.parent().unwrap_or(Path::new("."));
        let tls = file.tls_server_config.map(|tls| tls.checked(folder)).transpose().map_err(wrong)?;
        Ok(Self { tls, users: file.basic_auth_users, headers })
    }

    /// Returns the files that the configuration names.
    pub fn files(&self) -> Vec<PathBuf> {
        let tls = self.tls.iter();
        tls.flat_map(|tls| [Some(&tls.cert_file), Some(&tls.key_file), tls.client_ca_file.as_ref()])
            .flatten()
            .cloned()
            .collect()
    }
}

impl Tls {
    fn checked(mut self, folder: &Path) -> Result<Self, String> {
        self.cert_file = folder.join(&self.cert_file);
        self.key_file = folder.join(&self.key_file);
        self.client_ca_file = self.client_ca_file.map(|file| folder.join(file));
        let verifies = match self.client_auth_type {
            ClientAuth::RequestClientCert | ClientAuth::RequireAnyClientCert => {
                return Err("client_auth_type: this type does not verify certificates; use RequireAndVerifyClientCert"
                    .to_owned());
            }
            ClientAuth::NoClientCert => false,
            ClientAuth::VerifyClientCertIfGiven | ClientAuth::RequireAndVerifyClientCert => true,
        };
        if verifies && self.client_ca_file.is_none() {
            return Err(
                "client_auth_type needs client_ca_file, the authorities that issue client certificates".to_owned()
            );
        }
        if !verifies && (self.client_ca_file.is_some() || !self.client_allowed_sans.is_empty()) {
            return Err(
                "client_ca_file and client_allowed_sans need client_auth_type: RequireAndVerifyClientCert".to_owned()
            );
        }
        if self.min_version < Version::TLS12 || self.max_version.is_some_and(|version| version < Version::TLS12) {
            return Err("TLS 1.0 and 1.1 are insecure and not supported; use TLS12 or TLS13".to_owned());
        }
        if self.max_version.is_some_and(|version| version < self.min_version) {
            return Err("max_version is older than min_version".to_owned());
        }
        Ok(self)
    }
}

/// Returns the cost of a bcrypt hash (`$2y$10$` and 53 characters), or `None` if the text is not a bcrypt hash.
pub(super) fn cost(hash: &str) -> Option<u32> {
    let rest = ["$2a$", "$2b$", "$2y$"].iter().find_map(|prefix| hash.strip_prefix(prefix))?;
    let (cost, rest) = rest.split_once('$')?;
    let good = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '/';
    (rest.len() == 53 && rest.chars().all(good)).then(|| cost.parse().ok())?.filter(|cost| *cost >= 4)
}
