//! What several kinds of targets share: secrets, authorities, endpoints, buckets, and forms of texts.

use crate::reader::keys::{Form, Key, Kind, Rule};
use crate::reader::table::Table;
use crate::yaml::{is_path, is_plain};
use std::path::{Path, PathBuf};

/// Where a secret is read from. It is read each time it is needed, and its value is never part of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretRef {
    /// The first line of a file.
    File(PathBuf),
    /// An environment variable.
    Env(String),
}

impl SecretRef {
    /// Returns the file or variable for messages, never the value: a name that may be the secret itself, written in the
    /// wrong place, is not shown.
    pub fn origin(&self) -> String {
        let variable =
            |name: &str| name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
        match self {
            Self::File(path) if path.to_str().is_some_and(is_path) => format!("file {}", path.display()),
            Self::File(_) => "a file whose name is hidden, because it may be the secret itself; a path that begins with / or ./ is shown".to_owned(),
            Self::Env(name) if variable(name) && is_plain(name) => format!("environment variable {name}"),
            Self::Env(_) => "an environment variable whose name is hidden, because it may be the secret itself".to_owned(),
        }
    }
}

/// Makes the two keys of a secret: for a file and for a variable.
macro_rules! secret_keys {
    ($file:literal, $env:literal, $what:literal, $example:literal) => {
        [
            Key::new(
                $file,
                Kind::Path,
                concat!("The file whose first line is ", $what, "; it is read again when it changes."),
            )
            .example(concat!("/etc/checklist/secrets/", $example)),
            Key::new(
                $env,
                Kind::Variable,
                concat!("The environment variable that holds ", $what, ", instead of a file."),
            )
            .example("CHECKLIST_SECRET"),
        ]
    };
}
pub(crate) use secret_keys;

/// Reads a secret from one of its two keys.
pub(crate) fn secret(table: &Table<'_>, file_key: &'static str, env_key: &'static str) -> Option<SecretRef> {
    let file = table.path(file_key).map(SecretRef::File);
    file.or(table.text(env_key).map(SecretRef::Env))
}

pub(crate) const CA_FILE: Key = Key::new("caFile", Kind::Path, "The file with the CA certificates to trust, in PEM.")
    .otherwise("those of the system")
    .example("/etc/checklist/private/ca.pem");

/// An HTTP endpoint with its credentials.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// The address, `http://` or `https://`.
    pub url: String,
    pub bearer_token: Option<SecretRef>,
    /// The file with the authorities to trust. `None`: those of the system.
    pub ca_file: Option<PathBuf>,
}

/// The keys of an endpoint.
pub(crate) const ENDPOINT: &[Key] = &[
    Key::new("url", Kind::Form(&HTTP), "The URL of the target.")
        .required()
        .example("https://health.example.com/health"),
    TOKEN[0],
    TOKEN[1],
    CA_FILE,
];
/// The keys of an endpoint where other places are possible, too, so that `url` is optional.
pub(crate) const ENDPOINT_OR_OTHER: &[Key] = &[
    Key::new("url", Kind::Form(&HTTP), "A URL that is read with GET.")
        .example("https://reports.example.com/audit.json"),
    TOKEN[0],
    TOKEN[1],
    CA_FILE,
];
const TOKEN: [Key; 2] = secret_keys!("bearerTokenFile", "bearerTokenEnv", "the bearer token that is sent", "token");
/// The rules of an endpoint.
pub(crate) const ENDPOINT_RULES: &[Rule] = &[Rule::NotBoth(
    "bearerTokenFile",
    "bearerTokenEnv",
    "bearerTokenFile and bearerTokenEnv are mutually exclusive: keep one of them",
)];

pub(crate) fn endpoint(table: &Table<'_>) -> Option<Endpoint> {
    let url = table.text("url");
    let bearer_token = secret(table, "bearerTokenFile", "bearerTokenEnv");
    let ca_file = table.path("caFile");
    if ca_file.is_some() && url.as_deref().is_some_and(|url| url.starts_with("http://")) {
        table.mistake_at("caFile", UNUSED_CA);
    }
    Some(Endpoint { url: url?, bearer_token, ca_file })
}

/// The message for a `caFile` of a connection that does not verify certificates.
pub(crate) const UNUSED_CA: &str = "caFile has no effect: this connection does not verify certificates";

/// A prefix in a bucket with its credentials.
#[derive(Debug, Clone)]
pub struct S3Prefix {
    pub bucket: String,
    /// The prefix of keys, without a leading slash.
    pub prefix: String,
    /// The endpoint of an S3-compatible service (`MinIO`, Ceph). `None`: AWS.
    pub endpoint: Option<String>,
    /// The region that requests are signed for.
    pub region: String,
    /// Whether the bucket is in the path of the URL instead of in the host name.
    pub path_style: bool,
    /// The access key id and the secret key. `None`: AWS' default credential chain.
    pub credentials: Option<(SecretRef, SecretRef)>,
    /// The file with the authorities to trust. `None`: those of the system.
    pub ca_file: Option<PathBuf>,
}

/// The keys of a prefix in a bucket.
pub(crate) const S3: &[Key] = &[
    Key::new("bucket", Kind::Form(&BUCKET), "The bucket.").required().example("backups"),
    Key::new("prefix", Kind::Form(&PREFIX), "The prefix of the keys of the objects.")
        .otherwise("the whole bucket")
        .example("daily/"),
    Key::new("endpoint", Kind::Form(&HTTP), "The URL of a service other than AWS, such as MinIO or Ceph.")
        .otherwise("that of AWS")
        .example("https://minio.example.com:9000"),
    Key::new("region", Kind::Text, "The region that requests are signed for.")
        .default("us-east-1")
        .example("eu-central-1"),
    Key::new("pathStyle", Kind::Flag, "Whether the bucket is in the path of the address and not in its host name.")
        .default("false")
        .example("true"),
    KEY_ID[0],
    KEY_ID[1],
    SECRET_KEY[0],
    SECRET_KEY[1],
    CA_FILE,
];
const KEY_ID: [Key; 2] = secret_keys!("accessKeyIdFile", "accessKeyIdEnv", "the id of the access key", "access-key-id");
const SECRET_KEY: [Key; 2] = secret_keys!(
    "secretAccessKeyFile",
    "secretAccessKeyEnv",
    "the secret access key; without both, the AWS default credential chain is used",
    "secret-access-key"
);
/// The rules of a prefix in a bucket.
pub(crate) const S3_RULES: &[Rule] = &[
    Rule::NotBoth(
        "accessKeyIdFile",
        "accessKeyIdEnv",
        "accessKeyIdFile and accessKeyIdEnv are mutually exclusive: keep one of them",
    ),
    Rule::NotBoth(
        "secretAccessKeyFile",
        "secretAccessKeyEnv",
        "secretAccessKeyFile and secretAccessKeyEnv are mutually exclusive: keep one of them",
    ),
];

pub(crate) fn s3_prefix(table: &Table<'_>) -> Option<S3Prefix> {
    let id = secret(table, "accessKeyIdFile", "accessKeyIdEnv");
    let key = secret(table, "secretAccessKeyFile", "secretAccessKeyEnv");
    if id.is_some() != key.is_some() {
        table.mistake(
            table.place,
            "accessKeyId and secretAccessKey must be set together, or none of them for the AWS default chain",
        );
    }
    let (endpoint, ca_file) = (table.text("endpoint"), table.path("caFile"));
    if ca_file.is_some() && endpoint.as_deref().is_some_and(|endpoint| endpoint.starts_with("http://")) {
        table.mistake_at("caFile", UNUSED_CA);
    }
    Some(S3Prefix {
        prefix: table.text("prefix").unwrap_or_default(),
        endpoint,
        ca_file,
        region: table.text("region")?,
        path_style: table.flag("pathStyle"),
        credentials: id.zip(key),
        bucket: table.text("bucket")?,
    })
}

/// An address without credentials.
pub(crate) static HTTP: Form = Form {
    right: "an address that begins with http:// or https://, names a host, and has no user or password in it (credentials have keys of their own)",
    pattern: "^https?://[^/@]",
    fits: |text| {
        let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
        rest.is_some_and(|rest| {
            let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
            !authority.is_empty() && !rest.contains(char::is_whitespace) && !authority.contains('@')
        })
    },
};
static PREFIX: Form = Form {
    right: "an S3 key prefix: no slash at the start, at most 1024 bytes, no control characters",
    pattern: "^[^/]",
    fits: |text| !text.starts_with('/') && (1..=1024).contains(&text.len()) && !text.chars().any(char::is_control),
};
/// The name of a bucket by the rules of S3, or the ARN of an access point.
static BUCKET: Form = Form {
    right: "a name that S3 allows: 3 to 63 lower-case letters, digits, dashes and dots, with a letter or digit at both ends",
    pattern: "^([a-z0-9][a-z0-9.-]{1,61}[a-z0-9]|arn:.+)$",
    fits: is_bucket,
};
/// Host and port of a TCP connection.
pub(crate) static HOST_PORT: Form = Form {
    right: "host:port, such as www.example.com:443",
    pattern: ":[0-9]+$",
    fits: |text| host_and_port(text).is_some(),
};
pub(crate) static NAMESPACE: Form = Form {
    right: "a namespace: lower-case letters, digits and dashes",
    pattern: "^[a-z0-9-]{1,63}$",
    fits: is_dns_label,
};
/// The name of most Kubernetes objects: up to 253 characters, DNS labels separated by dots.
pub(crate) static OBJECT_NAME: Form = Form {
    right: "a name of lower-case letters, digits, dashes and dots",
    pattern: "^[a-z0-9.-]{1,253}$",
    fits: is_dns_subdomain,
};

fn is_bucket(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    name.starts_with("arn:")
        || ((3..=63).contains(&name.len())
            && name.chars().all(|c| plain(c) || matches!(c, '-' | '.'))
            && name.starts_with(plain)
            && name.ends_with(plain)
            && !name.contains("..")
            && name.parse::<std::net::Ipv4Addr>().is_err()
            && !["xn--", "sthree-"].iter().any(|begin| name.starts_with(begin)))
}

/// Returns whether the text is a DNS label (RFC 1123): at most 63 lower-case letters, digits and dashes.
pub(crate) fn is_dns_label(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// Returns whether the text is a DNS subdomain (RFC 1123): DNS labels separated by dots, at most 253 characters.
pub(crate) fn is_dns_subdomain(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_dns_label)
}

/// Splits `host:port`. An IPv6 address may have brackets.
pub(crate) fn host_and_port(address: &str) -> Option<(String, u16)> {
    let (host, port) = address.rsplit_once(':')?;
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let port = port.parse().ok().filter(|port| *port > 0)?;
    (!host.is_empty() && !host.contains(['/', '@'])).then(|| (host.to_owned(), port))
}

/// What the exporter connects to for a target.
#[derive(Debug, Clone, Copy)]
pub enum Peer<'a> {
    Host(&'a str, u16),
    /// A URL.
    Url(&'a str),
    /// The API server of the cluster.
    Kubernetes,
    Bucket(&'a S3Prefix),
}

/// What a target needs from its environment: files, variables, directories and peers. Volumes and network policies are
/// generated from it.
#[derive(Debug, Clone, Default)]
pub struct Needs<'a> {
    /// Files with secrets and authorities.
    pub files: Vec<&'a Path>,
    /// Environment variables with secrets.
    pub variables: Vec<&'a str>,
    /// Directories that other programs write into.
    pub folders: Vec<&'a Path>,
    pub peers: Vec<Peer<'a>>,
}

impl<'a> Needs<'a> {
    /// Adds a file, if there is one.
    #[must_use]
    pub fn file(mut self, path: Option<&'a PathBuf>) -> Self {
        self.files.extend(path.map(PathBuf::as_path));
        self
    }

    /// Adds a secret, if there is one.
    #[must_use]
    pub fn secret(mut self, secret: Option<&'a SecretRef>) -> Self {
        match secret {
            Some(SecretRef::File(path)) => self.files.push(path),
            Some(SecretRef::Env(name)) => self.variables.push(name),
            None => {}
        }
        self
    }

    /// Adds a directory, if there is one.
    #[must_use]
    pub fn folder(mut self, path: Option<&'a Path>) -> Self {
        self.folders.extend(path);
        self
    }

    #[must_use]
    pub fn peer(mut self, peer: Peer<'a>) -> Self {
        self.peers.push(peer);
        self
    }

    /// Adds an endpoint with its token and authorities.
    #[must_use]
    pub fn endpoint(self, endpoint: &'a Endpoint) -> Self {
        self.secret(endpoint.bearer_token.as_ref()).file(endpoint.ca_file.as_ref()).peer(Peer::Url(&endpoint.url))
    }

    /// Adds a bucket with its credentials and authorities.
    #[must_use]
    pub fn bucket(self, place: &'a S3Prefix) -> Self {
        let (id, key) = place.credentials.as_ref().map_or((None, None), |(id, key)| (Some(id), Some(key)));
        self.secret(id).secret(key).file(place.ca_file.as_ref()).peer(Peer::Bucket(place))
    }
}
