//! Records as objects under a prefix of a bucket. An object is created once and never changed.

use super::contents::{Contents, MAX_BYTES};
use crate::failure::Failure;
use crate::s3::{Bucket, Object};
use bytes::Bytes;
use checklist::Reason;
use checklist::config::{S3Prefix, digest};
use futures::StreamExt;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// The limit of an object in bytes. A record with a long note takes some kilobytes; a larger object, such as a dump, is
/// no record.
const MAX_RECORD: u64 = 64 * 1024;
/// The number of concurrent requests.
const AT_ONCE: usize = 8;

/// The identity of an object: endpoint, bucket, key, size and time. Size and time differ when an object was replaced.
type Key = (Option<String>, String, String, u64, u64);

/// A cache of objects that were read, because they never change and several checks read the same ones.
static SEEN: Mutex<BTreeMap<Key, Bytes>> = Mutex::new(BTreeMap::new());

/// Reads every record, and lists foreign objects.
pub(super) async fn read(prefix: &S3Prefix) -> Result<Contents, Failure> {
    let bucket = Bucket::new(prefix.clone());
    let name = |object: &Object| format!("s3://{}/{}", prefix.bucket, object.key);
    let mut contents = Contents::default();
    let (mut ours, mut total) = (Vec::new(), 0);
    for object in bucket.objects().await? {
        if object.bytes > MAX_RECORD {
            contents.foreign.push((name(&object), format!("the record is larger than {MAX_RECORD} bytes")));
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
    let texts: Vec<Result<Bytes, Failure>> = futures::stream::iter(reads).buffered(AT_ONCE).collect().await;
    // An object that cannot be read does not hide the others, unless there are no others.
    let is_of_all = |failure: &Failure| failure.reason.is_of_the_way() || texts.iter().all(Result::is_err);
    if let Some(failure) = texts.iter().filter_map(|text| text.as_ref().err()).find(|failure| is_of_all(failure)) {
        return Err(failure.clone());
    }
    let mut kept = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
    // Remove objects of this prefix that no longer exist.
    kept.retain(|(endpoint, bucket, name, ..), _| {
        *endpoint != prefix.endpoint || *bucket != prefix.bucket || !name.starts_with(&prefix.prefix)
    });
    for (object, text) in ours.iter().zip(texts) {
        let text = text.map(|bytes| {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            kept.insert(key(object), bytes);
            text
        });
        contents.texts.push((name(object), text));
    }
    Ok(contents)
}

async fn text(bucket: &Bucket, object: Object, known: Option<Bytes>) -> Result<Bytes, Failure> {
    match known {
        Some(bytes) => Ok(bytes),
        None => bucket.whole(&object, MAX_RECORD).await,
    }
}

/// Creates the object of a record. An existing object is not overwritten but an error.
pub(super) async fn create(prefix: &S3Prefix, at: Timestamp, line: String) -> anyhow::Result<()> {
    // The time puts the keys in order. The hash keeps two records of the same second apart.
    let key = format!("{}{}-{}.json", prefix.prefix, at.strftime("%Y%m%dT%H%M%SZ"), digest(&line));
    Bucket::new(prefix.clone()).create(&key, line.into_bytes()).await.map_err(anyhow::Error::from)
}
