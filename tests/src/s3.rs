//! An S3 server in the process, with its buckets in a temporary folder.

use anyhow::Context;
use hyper_util::rt::{TokioExecutor, TokioIo};
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use std::path::PathBuf;
use std::time::SystemTime;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// The access key id.
pub const ACCESS_KEY: &str = "rounds";
/// The secret access key.
pub const SECRET_KEY: &str = "rounds-secret";

/// The server.
pub struct S3 {
    /// Its port.
    pub port: u16,
    folder: TempDir,
    task: JoinHandle<()>,
}

impl Drop for S3 {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl S3 {
    /// Starts to listen, without buckets.
    pub async fn start() -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("checklist-s3").tempdir()?;
        let files = s3s_fs::FileSystem::new(folder.path()).map_err(|error| anyhow::anyhow!("s3s-fs: {error:?}"))?;
        let mut builder = S3ServiceBuilder::new(files);
        builder.set_auth(SimpleAuth::from_single(ACCESS_KEY, SECRET_KEY));
        let service = builder.build();
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let port = listener.local_addr()?.port();
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let service = service.clone();
                connections.spawn(async move {
                    let server = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
                    // A client that closes early is no concern of the server.
                    let _ = server.serve_connection(TokioIo::new(stream), service).await;
                });
                while connections.try_join_next().is_some() {}
            }
        });
        Ok(Self { port, folder, task })
    }

    /// Writes an object; the bucket is made if needed.
    pub fn put(&self, bucket: &str, key: &str, bytes: &[u8]) -> anyhow::Result<()> {
        let path = self.path(bucket, key);
        std::fs::create_dir_all(path.parent().context("no parent")?)?;
        Ok(std::fs::write(path, bytes)?)
    }

    /// Removes an object.
    pub fn remove(&self, bucket: &str, key: &str) -> anyhow::Result<()> {
        Ok(std::fs::remove_file(self.path(bucket, key))?)
    }

    /// Sets when an object was modified.
    pub fn modified(&self, bucket: &str, key: &str, at: SystemTime) -> anyhow::Result<()> {
        Ok(std::fs::File::options().write(true).open(self.path(bucket, key))?.set_modified(at)?)
    }

    fn path(&self, bucket: &str, key: &str) -> PathBuf {
        self.folder.path().join(bucket).join(key)
    }
}
