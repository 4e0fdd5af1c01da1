//! Reads reports of other programs (such as Trivy) from a file, a folder, a prefix in a bucket, or an HTTP address.

use crate::probe::Failure;
use crate::run::time::unix_now;
use bytes::Bytes;
use checklist::Reason;
use checklist::config::{Report as Target, ReportPlace};
use clients::file::{self, Content, PATIENCE};
use clients::http::fetch_good;
use clients::s3::{Bucket, Choice};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// Maximum size of a report in bytes. A Trivy report of a large image has some megabytes. Only one is in memory at a
/// time.
const MAX_BYTES: u64 = 32 * 1024 * 1024;
/// Maximum number of reports in a folder.
const MAX_FILES: usize = 100;

/// The content of one report.
#[derive(Debug)]
pub struct Document {
    /// Name of the target, or of the file (without extension) in its folder.
    pub name: String,
    pub bytes: Bytes,
    /// Time of the last change in Unix seconds, if the source has one.
    pub modified: Option<f64>,
}

/// Reads all reports of a target and passes each to `take` before it reads the next. A file of a folder that cannot be
/// read is passed as a failure and does not hide the others. There is at least one report, or an error.
pub async fn each(target: &Target, mut take: impl FnMut(Result<Document, Failure>)) -> Result<(), Failure> {
    let named = |bytes, modified| Ok(Document { name: target.name.clone(), bytes, modified });
    match &target.place {
        ReportPlace::File(path) => take(Ok(from_file(path, target.name.clone()).await?)),
        ReportPlace::Directory(path) => {
            for path in files(path).await? {
                let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
                take(from_file(&path, name).await);
            }
        }
        ReportPlace::S3(prefix) => {
            let bucket = Bucket::new(prefix.clone());
            let found = bucket.newest(Choice::default(), unix_now()).await?;
            if let Some((name, _)) = &found.furthest {
                let what = format!("{} reports are of the future and left out, such as {name}", found.future);
                take(Err(Failure::new(Reason::Decode, what)));
            }
            let newest = found.newest.and_then(|newest| newest.begin);
            let nothing = || Failure::new(Reason::NotFound, format!("no report found under {}", bucket.place()));
            let newest = newest.ok_or_else(nothing)?;
            take(named(bucket.whole(&newest, MAX_BYTES).await?, Some(newest.modified)));
        }
        ReportPlace::Http(endpoint) => {
            let most = usize::try_from(MAX_BYTES).unwrap_or(usize::MAX);
            let response = fetch_good(endpoint, "", most).await?;
            take(named(response.body, response.modified));
        }
    }
    Ok(())
}

/// Lists the reports of a folder, sorted by name.
async fn files(path: &Path) -> Result<Vec<PathBuf>, Failure> {
    let own = path.to_owned();
    let listed = file::aside(path, PATIENCE, move || {
        let entries: Vec<PathBuf> =
            std::fs::read_dir(own)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
        Ok(entries)
    });
    let mut files = listed.await.flatten().map_err(|error| file::failure(path, &error))?;
    files.retain(|path| {
        // Hidden files are either still being written, or links that Kubernetes makes in a mounted ConfigMap.
        let hidden = path.file_name().is_none_or(|name| name.to_string_lossy().starts_with('.'));
        !hidden && path.extension().is_some_and(|extension| extension == "json")
    });
    if files.is_empty() {
        return Err(Failure::new(Reason::NotFound, format!("no .json file in {}", path.display())));
    }
    if files.len() > MAX_FILES {
        return Err(Failure::new(Reason::Limit, format!("{} has more than {MAX_FILES} reports", path.display())));
    }
    files.sort();
    Ok(files)
}

async fn from_file(path: &Path, name: String) -> Result<Document, Failure> {
    let Content { bytes, modified } = file::read(path, MAX_BYTES).await.map_err(|error| file::failure(path, &error))?;
    let modified = modified.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    Ok(Document { name, bytes: bytes.into(), modified: Some(modified) })
}
