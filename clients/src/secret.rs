//! Secrets are read each time they are needed, so that a rotated file works at once.

use crate::failure::Failure;
use checklist::Reason;
use checklist::config::SecretRef;
use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;
use std::io::Read;

/// Larger than any password or token; a wrong path to a big file must not fill the memory.
const MAX_BYTES: u64 = 64 * 1024;

/// The first line of the file, or the environment variable.
///
/// # Errors
/// [`Reason::Config`] with the path or name when it cannot be read or is empty.
pub fn read(secret: &SecretRef) -> Result<SecretString, Failure> {
    let text = match secret {
        SecretRef::File(path) => std::fs::File::open(path).and_then(|file| {
            // Room for everything at the start: a buffer that grows leaves copies behind.
            let room = file.metadata()?.len().min(MAX_BYTES) + 1;
            let mut text = Zeroizing::new(String::with_capacity(usize::try_from(room).unwrap_or_default()));
            file.take(MAX_BYTES).read_to_string(&mut text).map(|_| text)
        }),
        SecretRef::Env(name) => {
            std::env::var(name).map(Zeroizing::new).map_err(|_| std::io::Error::other("it is not set"))
        }
    };
    let text = text.map_err(|error| {
        Failure::new(Reason::Config, format!("cannot read the secret in {}: {error}", secret.origin()))
    })?;
    match text.lines().next().map(str::trim_end) {
        Some(line) if !line.is_empty() => Ok(SecretString::from(line.to_owned())),
        _ => Err(Failure::new(Reason::Config, format!("the secret in {} is empty", secret.origin()))),
    }
}
