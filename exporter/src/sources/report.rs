//! Reports that other programs write: from a file, a folder, a prefix in a bucket, or an HTTP address.

use crate::probe::Failure;
use bytes::Bytes;
use checklist::Reason;
use checklist::config::{Report as Target, ReportPlace};
use clients::http::fetch_good;
use clients::s3::Bucket;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// A Trivy report of a large image is some megabytes.
const MAX_BYTES: u64 = 64 * 1024 * 1024;
/// Reports in one folder.
const MAX_FILES: usize = 100;

/// One report as it was found.
#[derive(Debug)]
pub struct Document {
    /// The name of the target, or of the file within its folder.
    pub name: String,
    /// Its content.
    pub bytes: Bytes,
    /// When it was written, Unix seconds, if its place says so.
    pub modified: Option<f64>,
}

/// Reads every report of a target, at least one.
pub async fn read(target: &Target) -> Result<Vec<Document>, Failure> {
    let named = |bytes, modified| vec![Document { name: target.name.clone(), bytes, modified }];
    match &target.place {
        ReportPlace::File(path) => {
            let (bytes, modified) = file(path).await?;
            Ok(named(bytes, Some(modified)))
        }
        ReportPlace::Directory(path) => directory(path).await,
        ReportPlace::S3(prefix) => {
            let bucket = Bucket::new(prefix.clone());
            let place = format!("s3://{}/{}", prefix.bucket, prefix.prefix);
            let newest = bucket.listing().await?.newest;
            let newest = newest.ok_or_else(|| Failure::new(Reason::NotFound, format!("no report under {place}")))?;
            Ok(named(bucket.whole(&newest, MAX_BYTES).await?, Some(newest.modified)))
        }
        ReportPlace::Http(endpoint) => {
            let most = usize::try_from(MAX_BYTES).unwrap_or(usize::MAX);
            let answer = fetch_good(endpoint, "", most).await?;
            Ok(named(answer.body, answer.modified))
        }
    }
}

async fn directory(path: &Path) -> Result<Vec<Document>, Failure> {
    let mut entries = tokio::fs::read_dir(path).await.map_err(|error| unreadable(path, &error))?;
    let mut files: Vec<PathBuf> = Vec::new();
    while let Some(entry) = entries.next_entry().await.map_err(|error| unreadable(path, &error))? {
        let path = entry.path();
        // Hidden files are being written, or are Kubernetes' own links of a mounted ConfigMap.
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        if !hidden && path.extension().is_some_and(|extension| extension == "json") {
            files.push(path);
        }
    }
    if files.is_empty() {
        return Err(Failure::new(Reason::NotFound, format!("no file in {} ends in .json", path.display())));
    }
    if files.len() > MAX_FILES {
        return Err(Failure::new(Reason::Limit, format!("{} has more than {MAX_FILES} reports", path.display())));
    }
    files.sort();
    let mut documents = Vec::new();
    for path in files {
        let (bytes, modified) = file(&path).await?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        documents.push(Document { name, bytes, modified: Some(modified) });
    }
    Ok(documents)
}

async fn file(path: &Path) -> Result<(Bytes, f64), Failure> {
    let unreadable = |error| unreadable(path, &error);
    let metadata = tokio::fs::metadata(path).await.map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(Failure::new(Reason::Config, format!("{} is not a file", path.display())));
    }
    if metadata.len() > MAX_BYTES {
        return Err(Failure::new(Reason::Limit, format!("{} is larger than {MAX_BYTES} bytes", path.display())));
    }
    let modified = metadata.modified().map_err(unreadable)?;
    let bytes = tokio::fs::read(path).await.map_err(unreadable)?;
    Ok((bytes.into(), modified.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()))
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    let reason = match error.kind() {
        std::io::ErrorKind::NotFound => Reason::NotFound,
        std::io::ErrorKind::PermissionDenied => Reason::Permission,
        _ => Reason::Config,
    };
    Failure::new(reason, format!("cannot read {}: {error}", path.display()))
}
