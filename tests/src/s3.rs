//! S3 servers with their buckets in a temporary folder: s3s-fs within the process, which can enforce an IAM policy on
//! its one user, and the real server versitygw.

use crate::parts::{Part, Service};
use crate::peers::Authority;
use crate::process::free_port;
use anyhow::{Context, ensure};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode, Uri};
use hyper_util::rt::{TokioExecutor, TokioIo};
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// The access key id.
pub const ACCESS_KEY: &str = "rounds";
/// The secret access key.
pub const SECRET_KEY: &str = "rounds-secret";

/// A running S3 server. Dropping it ends it.
pub struct S3 {
    pub port: u16,
    rights: Arc<Mutex<Rights>>,
    /// The server ends before its folder is removed, because of the order of the fields.
    server: Server,
    folder: TempDir,
}

enum Server {
    /// s3s-fs, in the process.
    Here(JoinHandle<()>),
    /// versitygw.
    Gateway(Service),
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Self::Here(task) = self {
            task.abort();
        }
    }
}

impl S3 {
    /// Starts s3s-fs without buckets.
    pub async fn start() -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("checklist-s3").tempdir()?;
        let files = s3s_fs::FileSystem::new(folder.path()).map_err(|error| anyhow::anyhow!("s3s-fs: {error:?}"))?;
        let mut builder = S3ServiceBuilder::new(files);
        builder.set_auth(SimpleAuth::from_single(ACCESS_KEY, SECRET_KEY));
        let service = builder.build();
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let port = listener.local_addr()?.port();
        let rights = Arc::new(Mutex::new(Rights::default()));
        let allowance = Arc::clone(&rights);
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (service, allowance) = (service.clone(), Arc::clone(&allowance));
                connections.spawn(async move {
                    let server = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
                    let service = service_fn(move |request: Request<Incoming>| {
                        let known = S3Request::of(request.method(), request.uri());
                        let allowed = allowance.lock().unwrap_or_else(PoisonError::into_inner).allow(known);
                        let service = service.clone();
                        async move {
                            if allowed { hyper::service::Service::call(&service, request).await } else { Ok(denied()) }
                        }
                    });
                    // A client that closes the connection early is not an error.
                    let _ = server.serve_connection(TokioIo::new(stream), service).await;
                });
                while connections.try_join_next().is_some() {}
            }
        });
        Ok(Self { port, rights, server: Server::Here(task), folder })
    }

    /// Starts versitygw without buckets. Versions of objects are in a folder beside the buckets.
    pub async fn gateway() -> anyhow::Result<Self> {
        Self::versitygw(None).await
    }

    /// Starts versitygw with TLS, by a certificate of an authority for `localhost`.
    pub async fn gateway_with_tls(authority: &Authority) -> anyhow::Result<Self> {
        Self::versitygw(Some(authority)).await
    }

    async fn versitygw(authority: Option<&Authority>) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("checklist-s3").tempdir()?;
        let port = free_port()?;
        for name in ["versions", "users", "data"] {
            std::fs::create_dir(folder.path().join(name))?;
        }
        let ready = Arc::new(move || -> futures::future::BoxFuture<'static, bool> {
            Box::pin(async move { tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok() })
        });
        let path = |name: &str| folder.path().join(name).display().to_string();
        let address = format!("{}://localhost:{port}", if authority.is_some() { "https" } else { "http" });
        // Changes of users take effect at once.
        let mut service = Service::new("versitygw", folder.path(), address, ready)?.arg("--iam-cache-disable").args(&[
            "--access",
            ACCESS_KEY,
            "--secret",
            SECRET_KEY,
            "--port",
            &format!("127.0.0.1:{port}"),
        ]);
        if let Some(authority) = authority {
            certify(folder.path(), authority)?;
            service = service.args(&["--cert", &path("cert"), "--key", &path("key")]);
        }
        service =
            service.args(&["--iam-dir", &path("users"), "posix", "--versioning-dir", &path("versions"), &path("data")]);
        service.start().await?;
        Ok(Self { port, rights: Arc::default(), server: Server::Gateway(service), folder })
    }

    /// Starts one server of each kind that is installed.
    pub async fn each() -> anyhow::Result<Vec<Self>> {
        let mut all = vec![Self::start().await?];
        if crate::parts::program("versitygw").is_ok() {
            all.push(Self::gateway().await?);
        }
        Ok(all)
    }

    /// The name of the server program.
    pub const fn name(&self) -> &'static str {
        match self.server {
            Server::Here(_) => "s3s-fs",
            Server::Gateway(_) => "versitygw",
        }
    }

    /// The process of the server; `None` for s3s-fs.
    pub const fn service(&mut self) -> Option<&mut Service> {
        match &mut self.server {
            Server::Here(_) => None,
            Server::Gateway(service) => Some(service),
        }
    }

    /// Returns a client with all rights, for a server without TLS.
    pub fn client(&self) -> Client {
        let config = aws_sdk_s3::config::Builder::new()
            .behavior_version(BehaviorVersion::latest())
            .endpoint_url(format!("http://127.0.0.1:{}", self.port))
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::new(ACCESS_KEY, SECRET_KEY, None, None, "tests"))
            .force_path_style(true)
            .build();
        Client::from_conf(config)
    }

    /// Adds a user to versitygw, whose secret is [`SECRET_KEY`] too, and allows it some actions on a bucket.
    pub async fn user(&self, name: &str, bucket: &str, actions: &[&str]) -> anyhow::Result<()> {
        self.administer(&["create-user", "--access", name, "--secret", SECRET_KEY, "--role", "user"])?;
        let resources = [format!("arn:aws:s3:::{bucket}"), format!("arn:aws:s3:::{bucket}/*")];
        let of_bucket = |action: &&&str| action.starts_with("s3:List");
        let statement = |actions: Vec<&&str>, resource: &str| serde_json::json!({"Effect": "Allow", "Principal": {"AWS": [name]}, "Action": actions, "Resource": resource});
        let (lists, others): (Vec<&&str>, Vec<&&str>) = actions.iter().partition(of_bucket);
        let all = [(lists, &resources[0]), (others, &resources[1])];
        let statements: Vec<Value> = all
            .into_iter()
            .filter(|(actions, _)| !actions.is_empty())
            .map(|(actions, resource)| statement(actions, resource))
            .collect();
        let policy = serde_json::json!({"Version": "2012-10-17", "Statement": statements}).to_string();
        self.client().put_bucket_policy().bucket(bucket).policy(policy).send().await?;
        Ok(())
    }

    /// Adds a user with all rights to versitygw, whose secret is [`SECRET_KEY`] too.
    pub fn administrator(&self, name: &str) -> anyhow::Result<()> {
        self.administer(&["create-user", "--access", name, "--secret", SECRET_KEY, "--role", "admin"])
    }

    /// Removes a user from versitygw.
    pub fn remove_user(&self, name: &str) -> anyhow::Result<()> {
        self.administer(&["delete-user", "--access", name])
    }

    /// Changes the secret of a user of versitygw.
    pub fn new_secret(&self, name: &str, secret: &str) -> anyhow::Result<()> {
        self.administer(&["update-user", "--access", name, "--secret", secret])
    }

    /// Runs an administrative command of versitygw.
    fn administer(&self, arguments: &[&str]) -> anyhow::Result<()> {
        let address = match &self.server {
            Server::Gateway(service) => service.address(),
            Server::Here(_) => anyhow::bail!("s3s-fs has one user"),
        };
        let output = Command::new(crate::parts::program("versitygw")?)
            .args(["admin", "--access", ACCESS_KEY, "--secret", SECRET_KEY, "--allow-insecure"])
            .args(["--endpoint-url", address])
            .args(arguments)
            .output()?;
        ensure!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        Ok(())
    }

    /// Replaces the certificate of versitygw by one of another authority.
    pub async fn renew(&mut self, authority: &Authority) -> anyhow::Result<()> {
        certify(self.folder.path(), authority)?;
        let service = self.service().context("no program")?;
        service.stop();
        service.start().await
    }

    /// Allows from now on only the actions that a policy grants. Only s3s-fs enforces it.
    pub fn grant(&self, policy: Value) {
        self.rights.lock().unwrap_or_else(PoisonError::into_inner).policy = Some(policy);
    }

    /// Returns every request so far: action, resource and prefix.
    pub fn requests(&self) -> BTreeSet<S3Request> {
        self.rights.lock().unwrap_or_else(PoisonError::into_inner).requests.clone()
    }

    /// Writes an object. Creates the bucket if it does not exist.
    pub fn put(&self, bucket: &str, key: &str, bytes: &[u8]) -> anyhow::Result<()> {
        let path = self.path(bucket, key);
        std::fs::create_dir_all(path.parent().context("no parent")?)?;
        Ok(std::fs::write(path, bytes)?)
    }

    /// Removes an object.
    pub fn remove(&self, bucket: &str, key: &str) -> anyhow::Result<()> {
        Ok(std::fs::remove_file(self.path(bucket, key))?)
    }

    /// Removes every object of a bucket.
    pub fn clear(&self, bucket: &str) -> anyhow::Result<()> {
        let path = self.path(bucket, "");
        if path.exists() {
            std::fs::remove_dir_all(&path)?;
        }
        Ok(std::fs::create_dir_all(path)?)
    }

    /// Sets the modification time of an object.
    pub fn modified(&self, bucket: &str, key: &str, at: SystemTime) -> anyhow::Result<()> {
        Ok(std::fs::File::options().write(true).open(self.path(bucket, key))?.set_modified(at)?)
    }

    fn path(&self, bucket: &str, key: &str) -> PathBuf {
        let root = match self.server {
            Server::Here(_) => self.folder.path().to_owned(),
            Server::Gateway(_) => self.folder.path().join("data"),
        };
        root.join(bucket).join(key)
    }
}

/// Writes a certificate for `localhost` and its key.
fn certify(folder: &Path, authority: &Authority) -> anyhow::Result<()> {
    let (certificate, key) = authority.pem("localhost")?;
    std::fs::write(folder.join("cert"), certificate)?;
    Ok(std::fs::write(folder.join("key"), key)?)
}

/// A request in the terms of an IAM policy.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct S3Request {
    /// The action, such as `s3:ListBucket`; the HTTP method if the request has no known action.
    pub action: String,
    /// The bucket or object, as an ARN.
    pub resource: String,
    /// The prefix of a listing.
    pub prefix: Option<String>,
}

impl S3Request {
    /// Parses a path-style request.
    fn of(method: &Method, uri: &Uri) -> Self {
        let path = uri.path().trim_matches('/');
        let parameter = |name: &str| {
            let mut all = url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
            all.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
        };
        let action = match (method, path.contains('/')) {
            (&Method::GET | &Method::HEAD, true) => "s3:GetObject",
            (&Method::GET, false) if parameter("list-type").is_some() => "s3:ListBucket",
            (&Method::PUT, true) => "s3:PutObject",
            _ => method.as_str(),
        };
        let prefix = (action == "s3:ListBucket").then(|| parameter("prefix").unwrap_or_default());
        Self { action: action.to_owned(), resource: format!("arn:aws:s3:::{path}"), prefix }
    }

    /// Whether a statement of a policy allows the request.
    pub fn is_granted_by(&self, statement: &Value) -> bool {
        let any = |value: &Value, fits: &dyn Fn(&str) -> bool| match value {
            Value::Array(all) => all.iter().filter_map(Value::as_str).any(fits),
            one => one.as_str().is_some_and(fits),
        };
        let like = |pattern: &str, text: &str| match pattern.strip_suffix('*') {
            Some(begin) => text.starts_with(begin),
            None => pattern == text,
        };
        let condition = &statement["Condition"]["StringLike"]["s3:prefix"];
        statement["Effect"] == "Allow"
            && any(&statement["Action"], &|action| action == self.action)
            && any(&statement["Resource"], &|pattern| like(pattern, &self.resource))
            && match (condition.as_str(), &self.prefix) {
                (None, _) => true,
                (Some(pattern), Some(prefix)) => like(pattern, prefix),
                (Some(_), None) => false,
            }
    }
}

/// The policy, and the requests so far.
#[derive(Default)]
struct Rights {
    /// The policy to enforce; `None` allows everything.
    policy: Option<Value>,
    requests: BTreeSet<S3Request>,
}

impl Rights {
    fn allow(&mut self, request: S3Request) -> bool {
        let statements = self.policy.as_ref().map(|policy| policy["Statement"].as_array());
        let allowed =
            statements.is_none_or(|all| all.into_iter().flatten().any(|statement| request.is_granted_by(statement)));
        self.requests.insert(request);
        allowed
    }
}

fn denied() -> Response<s3s::Body> {
    let text = "<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>";
    let mut response = Response::new(s3s::Body::from(text.to_owned()));
    *response.status_mut() = StatusCode::FORBIDDEN;
    response
}
