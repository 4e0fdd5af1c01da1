//! The newest object under a prefix, and the first bytes of it.

use crate::failure::Failure;
use crate::secret;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_s3::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::RequestId;
use bytes::Bytes;
use checklist::Reason;
use checklist::config::S3Prefix;
use secrecy::ExposeSecret;
use std::path::Path;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::sync::OnceCell;

/// A listing beyond 500,000 keys costs more than the check is worth; a dated prefix is the way out.
const MAX_PAGES: usize = 500;

/// A prefix in a bucket.
pub struct Bucket {
    target: S3Prefix,
    /// The default chain's client is kept: it caches what the metadata service gave it.
    from_chain: OnceCell<Client>,
}

/// What lies under the prefix.
#[derive(Debug, Default)]
pub struct Listing {
    /// The newest object, if there is any.
    pub newest: Option<Object>,
    /// How many there are.
    pub objects: u64,
}

/// One object.
#[derive(Debug, Clone)]
pub struct Object {
    /// Its key.
    pub key: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// When it was last modified, Unix seconds.
    pub modified: f64,
}

impl Bucket {
    /// Nothing is contacted yet.
    pub fn new(target: S3Prefix) -> Self {
        Self { target, from_chain: OnceCell::new() }
    }

    /// Lists the prefix page by page and keeps only the newest object.
    pub async fn listing(&self) -> Result<Listing, Failure> {
        let mut listing = Listing::default();
        let newest = |object: Object| {
            listing.objects += 1;
            if listing.newest.as_ref().is_none_or(|newest| object.modified >= newest.modified) {
                listing.newest = Some(object);
            }
        };
        self.each(newest).await?;
        Ok(listing)
    }

    /// Lists the prefix page by page; folders are no objects.
    async fn each(&self, mut take: impl FnMut(Object)) -> Result<(), Failure> {
        let client = self.client().await?;
        let doing = || format!("listing s3://{}/{}", self.target.bucket, self.target.prefix);
        let mut pages =
            client.list_objects_v2().bucket(&self.target.bucket).prefix(&self.target.prefix).into_paginator().send();
        for _ in 0..MAX_PAGES {
            let Some(page) = pages.next().await else { return Ok(()) };
            let page = page.map_err(|error| failure(&error).while_doing(doing()))?;
            for object in page.contents() {
                let (Some(key), Some(modified)) = (object.key(), object.last_modified()) else { continue };
                if key.ends_with('/') {
                    continue;
                }
                let bytes = object.size().and_then(|size| u64::try_from(size).ok()).unwrap_or(0);
                take(Object { key: key.to_owned(), bytes, modified: modified.as_secs_f64() });
            }
        }
        let advice = format!("more than {MAX_PAGES} pages of keys: let the prefix name the year or month");
        Err(Failure::new(Reason::Limit, advice).while_doing(doing()))
    }

    /// The first `length` bytes of an object, or all of a shorter one.
    pub async fn header(&self, object: &Object, length: u64) -> Result<Bytes, Failure> {
        if object.bytes == 0 {
            return Ok(Bytes::new());
        }
        let client = self.client().await?;
        let doing = || format!("reading s3://{}/{}", self.target.bucket, object.key);
        let end = length.min(object.bytes) - 1;
        let answer = client.get_object().bucket(&self.target.bucket).key(&object.key).range(format!("bytes=0-{end}"));
        let mut body = answer.send().await.map_err(|error| failure(&error).while_doing(doing()))?.body;
        // A server that ignores the range sends everything: the first piece is enough.
        let mut header = Vec::new();
        while (header.len() as u64) < end + 1 {
            match body.try_next().await {
                Ok(Some(piece)) => header.extend_from_slice(&piece),
                Ok(None) => break,
                Err(error) => return Err(Failure::new(Reason::Connect, error.to_string()).while_doing(doing())),
            }
        }
        header.truncate(usize::try_from(length).unwrap_or(usize::MAX));
        Ok(header.into())
    }

    /// Writes an object to a file, piece by piece, unless it is larger than `most` bytes.
    pub async fn download(&self, object: &Object, to: &Path, most: u64) -> Result<(), Failure> {
        let doing = || format!("reading s3://{}/{}", self.target.bucket, object.key);
        let too_large = || Failure::new(Reason::Limit, format!("it is larger than {most} bytes")).while_doing(doing());
        if object.bytes > most {
            return Err(too_large());
        }
        let client = self.client().await?;
        let answer = client.get_object().bucket(&self.target.bucket).key(&object.key).send().await;
        let mut body = answer.map_err(|error| failure(&error).while_doing(doing()))?.body;
        let local = |error: std::io::Error| {
            Failure::new(Reason::Config, format!("cannot write {}: {error}", to.display())).while_doing(doing())
        };
        let mut file = tokio::fs::File::create(to).await.map_err(local)?;
        let mut total = 0;
        loop {
            match body.try_next().await {
                Ok(Some(piece)) => {
                    total += piece.len() as u64;
                    if total > most {
                        return Err(too_large());
                    }
                    file.write_all(&piece).await.map_err(local)?;
                }
                Ok(None) => return file.flush().await.map_err(local),
                Err(error) => return Err(Failure::new(Reason::Connect, error.to_string()).while_doing(doing())),
            }
        }
    }

    /// A whole object, unless it is larger than `most` bytes.
    pub async fn whole(&self, object: &Object, most: u64) -> Result<Bytes, Failure> {
        let doing = format!("reading s3://{}/{}", self.target.bucket, object.key);
        if object.bytes > most {
            let limit = format!("{} bytes are more than {most}", object.bytes);
            return Err(Failure::new(Reason::Limit, limit).while_doing(doing));
        }
        self.header(object, most).await
    }

    /// Every object under the prefix, in the order of their keys.
    pub async fn objects(&self) -> Result<Vec<Object>, Failure> {
        let mut objects = Vec::new();
        self.each(|object| objects.push(object)).await?;
        Ok(objects)
    }

    /// Creates an object; one that is there already is left as it is, and is an error.
    pub async fn create(&self, key: &str, bytes: Vec<u8>) -> Result<(), Failure> {
        let client = self.client().await?;
        let put = client.put_object().bucket(&self.target.bucket).key(key).if_none_match("*").body(bytes.into());
        let doing = format!("creating s3://{}/{key}", self.target.bucket);
        put.send().await.map(|_| ()).map_err(|error| failure(&error).while_doing(doing))
    }

    async fn client(&self) -> Result<Client, Failure> {
        let Some((id, key)) = &self.target.credentials else {
            return Ok(self
                .from_chain
                .get_or_init(|| async { Client::from_conf(self.configure(None).await) })
                .await
                .clone());
        };
        // Read on every run, so that rotated keys work at once.
        let (id, key) = (secret::read(id)?, secret::read(key)?);
        let credentials = Credentials::new(id.expose_secret(), key.expose_secret(), None, None, "checklist.yaml");
        Ok(Client::from_conf(self.configure(Some(credentials)).await))
    }

    async fn configure(&self, credentials: Option<Credentials>) -> aws_sdk_s3::Config {
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .region(Region::new(self.target.region.clone()))
            .retry_config(RetryConfig::standard().with_max_attempts(2))
            .timeout_config(
                TimeoutConfig::builder()
                    .connect_timeout(Duration::from_secs(5))
                    .operation_attempt_timeout(Duration::from_secs(20))
                    .build(),
            );
        if let Some(credentials) = credentials {
            loader = loader.credentials_provider(credentials);
        }
        if let Some(endpoint) = &self.target.endpoint {
            loader = loader.endpoint_url(endpoint);
        }
        aws_sdk_s3::config::Builder::from(&loader.load().await).force_path_style(self.target.path_style).build()
    }
}

fn failure<E>(error: &SdkError<E, aws_sdk_s3::config::http::HttpResponse>) -> Failure
where
    E: std::error::Error + ProvideErrorMetadata + 'static,
{
    let status = error.raw_response().map(|response| response.status().as_u16());
    let code = error.as_service_error().and_then(ProvideErrorMetadata::code).unwrap_or_default();
    let reason = match (code, status) {
        ("InvalidAccessKeyId" | "SignatureDoesNotMatch" | "ExpiredToken" | "InvalidToken", _) | (_, Some(401)) => {
            Reason::Auth
        }
        ("AccessDenied" | "AllAccessDisabled", _) | (_, Some(403)) => Reason::Permission,
        ("NoSuchBucket" | "NoSuchKey", _) | (_, Some(404)) => Reason::NotFound,
        (_, Some(_)) => Reason::Protocol,
        (_, None) => without_answer(error),
    };
    let what = match (code, status) {
        ("", None) => DisplayErrorContext(error).to_string(),
        (code, status) => {
            let id = error.request_id().unwrap_or("none");
            format!("the server answered {} {code} (request id {id})", status.unwrap_or_default())
        }
    };
    Failure::new(reason, what)
}

fn without_answer<E, R>(error: &SdkError<E, R>) -> Reason {
    match error {
        SdkError::TimeoutError(_) => Reason::Timeout,
        SdkError::DispatchFailure(dispatch) if dispatch.is_timeout() => Reason::Timeout,
        SdkError::DispatchFailure(dispatch) => {
            let text =
                dispatch.as_connector_error().map(|error| DisplayErrorContext(error).to_string()).unwrap_or_default();
            match text {
                text if text.contains("dns") || text.contains("lookup") => Reason::Dns,
                text if text.contains("certificate") || text.contains("tls") => Reason::Tls,
                _ => Reason::Connect,
            }
        }
        SdkError::ConstructionFailure(_) => Reason::Config,
        _ => Reason::Decode,
    }
}
