//! An S3 client for the objects under a prefix of a bucket: listing, reading, creating.

mod base_backup;
mod connector;
mod names;
mod newest;
mod object;
mod refusal;
mod split;

use crate::failure::Failure;
use crate::{secret, trust};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{
    BehaviorVersion, Credentials, Region, RequestChecksumCalculation, ResponseChecksumValidation,
};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::{ByteStream, DateTime};
use aws_sdk_s3::types::EncodingType;
use bytes::Bytes;
use checklist::Reason;
use checklist::config::S3Prefix;
use connector::Connector;
pub use newest::{Choice, Found};
pub use object::{Form, Newest, Object};
use refusal::failure;
use secrecy::ExposeSecret;
use std::path::Path;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::sync::OnceCell;

/// The limit of a listing, in pages of 1,000 keys. Listing more costs more than the check is worth; the user can choose
/// a dated prefix.
const MAX_PAGES: usize = 500;
/// Maximum number of parts of a split backup that are read for its first bytes. One part is usually enough.
const MAX_HEADER_PARTS: usize = 64;

/// A prefix in a bucket, with the client for it.
pub struct Bucket {
    target: S3Prefix,
    /// The configuration of the default credential chain. It is kept because it caches the credentials of the metadata
    /// service.
    from_chain: OnceCell<aws_config::SdkConfig>,
}

impl Bucket {
    /// Makes the client. Nothing is contacted yet.
    pub fn new(target: S3Prefix) -> Self {
        Self { target, from_chain: OnceCell::new() }
    }

    /// Returns the address of the prefix, for messages.
    pub fn place(&self) -> String {
        format!("s3://{}/{}", self.target.bucket, self.target.prefix)
    }

    /// Lists the prefix page by page and keeps only the newest of the chosen objects. `now` is in Unix seconds.
    ///
    /// # Errors
    /// The listing fails or cannot be completed.
    pub async fn newest(&self, choice: Choice<'_>, now: f64) -> Result<Found, Failure> {
        let mut chosen = newest::Listing::new(&self.target.prefix, choice, now);
        self.each(&self.target.prefix, |object| chosen.take(object)).await?;
        Ok(chosen.finish())
    }

    /// Lists all objects under the prefix, in the order of their keys.
    ///
    /// # Errors
    /// The listing fails or cannot be completed.
    pub async fn objects(&self) -> Result<Vec<Object>, Failure> {
        self.objects_under(&self.target.prefix).await
    }

    /// Lists all objects under another prefix of the bucket.
    ///
    /// # Errors
    /// The listing fails or cannot be completed.
    pub async fn objects_under(&self, prefix: &str) -> Result<Vec<Object>, Failure> {
        let mut objects = Vec::new();
        self.each(prefix, |object| objects.push(object)).await?;
        Ok(objects)
    }

    /// Lists a prefix page by page. Keys that end in `/` stand for folders and are left out.
    async fn each(&self, prefix: &str, mut take: impl FnMut(Object)) -> Result<(), Failure> {
        let client = self.client().await?;
        let refuse = |reason, why: String| {
            Failure::new(reason, why).while_doing(format_args!("listing s3://{}/{prefix}", self.target.bucket))
        };
        let mut token: Option<String> = None;
        for _ in 0..MAX_PAGES {
            let page = client
                .list_objects_v2()
                .bucket(&self.target.bucket)
                .prefix(prefix)
                // Ask for encoded keys, because keys may contain characters that XML cannot represent.
                .encoding_type(EncodingType::Url)
                .set_continuation_token(token.clone());
            let page = page.send().await.map_err(|error| self.failed(&error, "listing", prefix))?;
            let encoded = page.encoding_type() == Some(&EncodingType::Url);
            for object in page.contents() {
                // The zero time of programs in Go is not a time.
                let modified = object.last_modified().map(DateTime::as_secs_f64).filter(|at| *at > 0.0);
                let bytes = object.size().and_then(|size| u64::try_from(size).ok());
                let (Some(key), Some(modified), Some(bytes)) = (object.key(), modified, bytes) else {
                    return Err(refuse(Reason::Decode, "an object has no key, no time or no size".to_owned()));
                };
                let key = if encoded { decoded(key) } else { key.to_owned() };
                if !key.starts_with(prefix) {
                    return Err(refuse(Reason::Protocol, format!("the server lists {key}, which has another prefix")));
                }
                if !key.ends_with('/') {
                    take(Object { key, bytes, modified });
                }
            }
            let next = page.next_continuation_token().filter(|next| !next.is_empty());
            if !page.is_truncated().unwrap_or(next.is_some()) {
                return Ok(());
            }
            if next.is_none() || next == token.as_deref() {
                let what = "the list is incomplete: the server announces more pages without a continuation token";
                return Err(refuse(Reason::Protocol, what.to_owned()));
            }
            token = next.map(str::to_owned);
        }
        let advice = format!("more than {MAX_PAGES} pages of keys: use a prefix with the year or month");
        Err(refuse(Reason::Limit, advice))
    }

    /// Returns the first `length` bytes of an object, or the whole object when it is shorter.
    ///
    /// # Errors
    /// The object cannot be read.
    pub async fn header(&self, object: &Object, length: u64) -> Result<Bytes, Failure> {
        if object.bytes == 0 {
            return Ok(Bytes::new());
        }
        let end = length.min(object.bytes) - 1;
        let mut body = self.get(&object.key, Some(format!("bytes=0-{end}"))).await?;
        // A server that ignores the range sends the whole object, of which only the beginning is read.
        let mut header = Vec::new();
        while (header.len() as u64) < end + 1 {
            match body.try_next().await {
                Ok(Some(piece)) => header.extend_from_slice(&piece),
                Ok(None) => break,
                Err(error) => return Err(self.broken(&object.key, &error)),
            }
        }
        header.truncate(usize::try_from(length).unwrap_or(usize::MAX));
        Ok(header.into())
    }

    /// Returns the first `length` bytes of a backup; also of one that is split into parts that are shorter.
    ///
    /// # Errors
    /// An object cannot be read.
    pub async fn beginning(&self, backup: &Newest, length: u64) -> Result<Bytes, Failure> {
        let objects = if backup.parts.is_empty() { backup.begin.as_slice() } else { &backup.parts };
        let mut header = Vec::new();
        for object in objects.iter().take(MAX_HEADER_PARTS) {
            header.extend_from_slice(&self.header(object, length - header.len() as u64).await?);
            if header.len() as u64 >= length {
                break;
            }
        }
        Ok(header.into())
    }

    /// Downloads objects to one file, one after the other and piece by piece.
    ///
    /// # Errors
    /// An object cannot be read, all are larger than `most` bytes, or the file cannot be written.
    pub async fn download(&self, objects: &[Object], to: &Path, most: u64) -> Result<(), Failure> {
        if objects.iter().map(|object| object.bytes).sum::<u64>() > most {
            let what = format!("the file is larger than {most} bytes");
            return Err(Failure::new(Reason::Limit, what).while_doing(format_args!("reading {}", self.place())));
        }
        let local = |error| Failure::new(Reason::Config, format!("cannot write {}: {error}", to.display()));
        let mut file = tokio::fs::File::create(to).await.map_err(local)?;
        for object in objects {
            let mut body = self.get(&object.key, None).await?;
            let mut total = 0;
            while let Some(piece) = body.try_next().await.map_err(|error| self.broken(&object.key, &error))? {
                total += piece.len() as u64;
                if total > object.bytes {
                    break;
                }
                file.write_all(&piece).await.map_err(local)?;
            }
            if total != object.bytes {
                let what = format!(
                    "received {total} bytes of {}: the object was replaced or truncated during the download",
                    object.bytes
                );
                let doing = format!("reading s3://{}/{}", self.target.bucket, object.key);
                return Err(Failure::new(Reason::Connect, what).while_doing(doing));
            }
        }
        file.flush().await.map_err(local)
    }

    /// Returns a whole object.
    ///
    /// # Errors
    /// The object cannot be read or is larger than `most` bytes.
    pub async fn whole(&self, object: &Object, most: u64) -> Result<Bytes, Failure> {
        let doing = format!("reading s3://{}/{}", self.target.bucket, object.key);
        if object.bytes > most {
            let limit = format!("{} bytes are more than the limit of {most}", object.bytes);
            return Err(Failure::new(Reason::Limit, limit).while_doing(doing));
        }
        self.header(object, most).await
    }

    /// Creates an object and never overwrites one. When an object of that key has the same bytes, the creation counts
    /// as done: the request succeeded and its response was lost.
    ///
    /// # Errors
    /// The object cannot be created, or another object has its key.
    pub async fn create(&self, key: &str, bytes: Vec<u8>) -> Result<(), Failure> {
        let client = self.client().await?;
        let body = ByteStream::from(bytes.clone());
        let put = client.put_object().bucket(&self.target.bucket).key(key).if_none_match("*").body(body);
        let Err(error) = put.send().await else { return Ok(()) };
        let failure = self.failed(&error, "creating", key);
        let status = error.raw_response().map(|response| response.status().as_u16());
        // The object exists already, or there was no clear answer. Read the object to find out whether it is this one.
        if matches!(status, None | Some(409 | 412 | 500..)) {
            let ours = Object { key: key.to_owned(), bytes: bytes.len() as u64 + 1, modified: 0.0 };
            if self.header(&ours, ours.bytes).await.is_ok_and(|there| *there == *bytes) {
                return Ok(());
            }
        }
        Err(failure)
    }

    async fn get(&self, key: &str, range: Option<String>) -> Result<ByteStream, Failure> {
        let client = self.client().await?;
        let response = client.get_object().bucket(&self.target.bucket).key(key).set_range(range).send().await;
        response.map(|response| response.body).map_err(|error| self.failed(&error, "reading", key))
    }

    /// Makes the failure for an error of the S3 client.
    fn failed<E>(&self, error: &SdkError<E, aws_sdk_s3::config::http::HttpResponse>, doing: &str, key: &str) -> Failure
    where
        E: std::error::Error + ProvideErrorMetadata + 'static,
    {
        failure(error, &self.target.region).while_doing(format_args!("{doing} s3://{}/{key}", self.target.bucket))
    }

    /// Makes the failure for a response that ended too early.
    fn broken(&self, key: &str, error: &(dyn std::error::Error + 'static)) -> Failure {
        let what = format!("the response ended early: {}", crate::failure::causes(error));
        Failure::new(Reason::Connect, what).while_doing(format_args!("reading s3://{}/{key}", self.target.bucket))
    }

    /// Makes a client with current credentials and authorities.
    async fn client(&self) -> Result<Client, Failure> {
        let base = match &self.target.credentials {
            None => self.from_chain.get_or_init(|| async { self.configure(None).await }).await.clone(),
            Some((id, key)) => {
                // Read the keys on every run, so that rotated keys work at once.
                let (id, key) = (secret::token(id).await?, secret::token(key).await?);
                let keys = Credentials::new(id.expose_secret(), key.expose_secret(), None, None, "checklist.yaml");
                self.configure(Some(keys)).await
            }
        };
        let clear = self.target.endpoint.as_deref().is_some_and(|endpoint| endpoint.starts_with("http://"));
        let tls = if clear { None } else { Some(trust::verified(self.target.ca_file.as_deref()).await?) };
        let config = aws_sdk_s3::config::Builder::from(&base)
            .force_path_style(self.target.path_style)
            // Checksums only where S3 requires them: not every compatible server supports them, and the checksum of a
            // whole object cannot be verified on a part of it.
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
            .http_client(Connector { tls })
            .build();
        Ok(Client::from_conf(config))
    }

    /// Loads the configuration of the AWS SDK. Without credentials the default chain looks for them.
    async fn configure(&self, credentials: Option<Credentials>) -> aws_config::SdkConfig {
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .region(Region::new(self.target.region.clone()))
            .retry_config(RetryConfig::standard().with_max_attempts(2))
            .timeout_config(TimeoutConfig::builder().operation_attempt_timeout(Duration::from_secs(20)).build());
        if let Some(credentials) = credentials {
            loader = loader.credentials_provider(credentials);
        }
        if let Some(endpoint) = &self.target.endpoint {
            loader = loader.endpoint_url(endpoint);
        }
        loader.load().await
    }
}

/// Decodes a key of a listing, in which `%0A` stands for a line break and `+` for a space.
fn decoded(key: &str) -> String {
    let pair = format!("key={key}");
    url::form_urlencoded::parse(pair.as_bytes()).next().map(|(_, key)| key.into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_key_is_decoded_from_a_listing() {
        assert_eq!(decoded("daily/a%2Bb%26c%3Dd+e%0A"), "daily/a+b&c=d e\n");
    }
}
