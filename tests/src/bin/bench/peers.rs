//! Finds the programs to compare with: in the folder of the variable PEERS, else on PATH.

use std::path::PathBuf;

/// Finds a program as `name` in the folder PEERS, or as `packaged`, the name of the distribution's package, on PATH.
pub(crate) fn find(name: &str, packaged: &str) -> Option<PathBuf> {
    let given = std::env::var_os("PEERS").map(PathBuf::from).map(|folder| folder.join(name));
    if let Some(path) = given.filter(|path| path.is_file()) {
        return Some(path);
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join(packaged)).find(|path| path.is_file());
    if found.is_none() {
        crate::report!("  {name} is neither in PEERS nor installed");
    }
    found
}

/// Returns the median of several measurements.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}
