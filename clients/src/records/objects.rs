//! Records as objects under a prefix, each created once and never changed.

use super::contents::{Contents, MAX_BYTES};
use crate::failure::Failure;
use crate::s3::{Bucket, Object};
use bytes::Bytes;
use checklist::Reason;
use checklist::config::{S3Prefix, digest};
use futures::{StreamExt, TryStreamExt};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// A record with a long note is some kilobytes; a dump that someone put here is not fetched.
const MAX_RECORD: u64 = 64 * 1024;
/// Requests at once.
const AT_ONCE: usize = 8;

/// An object, whichever server it lies on: what is replaced all the same has another time or size.
type Key = (Option<String>, String, String, u64, u64);

/// What was read: objects are never changed, and several checks read the same ones.
static SEEN: Mutex<BTreeMap<Key, Bytes>> = Mutex::new(BTreeMap::new());

/// Every record, and objects that are none.
pub(super) async fn read(prefix: &S3Prefix) -> Result<Contents, Failure> {
    let bucket = Bucket::new(prefix.clone());
    let name = |object: &Object| format!("s3://{}/{}", prefix.bucket, object.key);
    let mut contents = Contents::default();
    let (mut ours, mut total) = (Vec::new(), 0);
    for object in bucket.objects().await? {
        if object.bytes > MAX_RECORD {
            contents.foreign.push((name(&object), format!("it is larger than {MAX_RECORD} bytes")));
            continue;
        }
        total += object.bytes;
        if total > MAX_BYTES {
            let limit = format!("the records are more than {MAX_BYTES} bytes");
            return Err(Failure::new(Reason::Limit, limit).while_doing(format_args!("reading {}", name(&object))));
        }
        ours.push(object);
    }
    let key = |object: &Object| {
        let Object { key, bytes, modified } = object;
        (prefix.endpoint.clone(), prefix.bucket.clone(), key.clone(), *bytes, modified.to_bits())
    };
    let seen: BTreeMap<Key, Bytes> = SEEN.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let reads: Vec<_> =
        ours.iter().map(|object| text(&bucket, object.clone(), seen.get(&key(object)).cloned())).collect();
    let texts: Vec<Bytes> = futures::stream::iter(reads).buffered(AT_ONCE).try_collect().await?;
    let mut kept = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
    // What is gone from this prefix is forgotten.
    kept.retain(|(endpoint, bucket, name, ..), _| {
        *endpoint != prefix.endpoint || *bucket != prefix.bucket || !name.starts_with(&prefix.prefix)
    });
    for (object, bytes) in ours.iter().zip(texts) {
        contents.texts.push((name(object), String::from_utf8_lossy(&bytes).into_owned()));
        kept.insert(key(object), bytes);
    }
    Ok(contents)
}

async fn text(bucket: &Bucket, object: Object, known: Option<Bytes>) -> Result<Bytes, Failure> {
    match known {
        Some(bytes) => Ok(bytes),
        None => bucket.whole(&object, MAX_RECORD).await,
    }
}

/// Creates the object of a record; one of the same name is left as it is, and is an error.
pub(super) async fn create(prefix: &S3Prefix, at: Timestamp, line: String) -> anyhow::Result<()> {
    // The time orders the objects, the hash keeps two of one second apart.
    let key = format!("{}{}-{}.json", prefix.prefix, at.strftime("%Y%m%dT%H%M%SZ"), digest(&line));
    Bucket::new(prefix.clone()).create(&key, line.into_bytes()).await.map_err(anyhow::Error::from)
}
