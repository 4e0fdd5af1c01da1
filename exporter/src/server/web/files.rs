//! Reads the files of the web configuration together: their content, a digest of their bytes, and warnings about file
//! modes that let others read or write secrets.

use super::config::WebConfig;
use super::watching::Digest;
use clients::Failure;
use clients::file::{self, read_now};
use secrecy::zeroize::Zeroizing;
use sha2::{Digest as _, Sha256};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Maximum size of the web configuration in bytes. It names a handful of users.
const MAX_CONFIG: u64 = 1024 * 1024;
/// Maximum size of a PEM file in bytes. A bundle of authorities has some hundred kilobytes.
const MAX_PEM: u64 = 4 * 1024 * 1024;
const OTHERS_READ: u32 = 0o004;
const OTHERS_WRITE: u32 = 0o022;

/// The files of the web configuration at one moment.
pub struct Look {
    /// Digest of the bytes of every file.
    pub digest: Digest,
    /// The parsed configuration, or what is wrong with it.
    pub config: Result<WebConfig, Failure>,
}

impl Look {
    /// Reads the web configuration and all files that it names. Named pipes and folders are refused, because reading a
    /// pipe could block.
    pub fn at(path: &Path) -> Self {
        let mut digest = Sha256::new();
        let mut add = |path: &Path, most: u64| {
            let read = read_now(path, most).map(|content| Zeroizing::new(content.bytes));
            digest.update(path.as_os_str().as_encoded_bytes());
            match &read {
                Ok(bytes) => {
                    digest.update((bytes.len() as u64).to_le_bytes());
                    digest.update(bytes.as_slice());
                }
                Err(error) => digest.update(format!("{:?}", error.kind())),
            }
            read
        };
        let read = add(path, MAX_CONFIG).map_err(|error| file::failure(path, &error));
        let config = read.and_then(|bytes| WebConfig::parse(path, &bytes));
        for file in config.iter().flat_map(WebConfig::files) {
            // The code that uses the file reports the failure.
            let _ = add(&file, MAX_PEM);
        }
        Self { digest: digest.finalize().into(), config }
    }
}

/// Returns warnings for the log about secret files that other users may read or write.
pub fn exposed(path: &Path, config: &WebConfig) -> Vec<String> {
    let hashes = (!config.users.is_empty()).then_some(path);
    let key = config.tls.as_ref().map(|tls| tls.key_file.as_path());
    let what = |file: &Path| {
        let mode = std::fs::metadata(file).ok()?.permissions().mode();
        let may = match (mode & OTHERS_WRITE != 0, mode & OTHERS_READ != 0) {
            (true, _) => "users other than the owner can write to",
            (_, true) => "every user can read",
            _ => return None,
        };
        Some(format!("{may} {}: its mode is {:o}; use 440", file.display(), mode & 0o777))
    };
    key.into_iter().chain(hashes).filter_map(what).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{Permissions, set_permissions, write};

    #[test]
    fn the_digest_covers_every_file_and_loose_file_modes_are_reported() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let [web, key] = ["web.yaml", "server.key"].map(|name| folder.path().join(name));
        write(&web, "tls_server_config: {cert_file: server.pem, key_file: server.key}\n")?;
        let mut digests = vec![Look::at(&web).digest];
        for (name, content) in [("server.pem", "one"), ("server.key", "one"), ("server.key", "two")] {
            write(folder.path().join(name), content)?;
            digests.push(Look::at(&web).digest);
        }
        assert_eq!(digests.last(), Some(&Look::at(&web).digest), "what stays as it is has the same one");
        digests.sort_unstable();
        digests.dedup();
        assert_eq!(digests.len(), 4);
        let config = Look::at(&web).config.map_err(|failure| anyhow::anyhow!(failure.message))?;
        for (mode, warnings) in [(0o400, 0), (0o440, 0), (0o640, 0), (0o644, 1), (0o660, 1), (0o602, 1)] {
            set_permissions(&key, Permissions::from_mode(mode))?;
            assert_eq!(exposed(&web, &config).len(), warnings, "{mode:o}");
        }
        Ok(())
    }

    #[test]
    fn a_named_pipe_instead_of_a_file_does_not_block() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let web = folder.path().join("web.yaml");
        nix::unistd::mkfifo(&web, nix::sys::stat::Mode::S_IRWXU)?;
        assert!(Look::at(&web).config.is_err_and(|failure| failure.message.contains("it is not a regular file")));
        Ok(())
    }
}
