//! Reads secrets from files and variables. A secret is read each time it is needed, so that a rotated file works at
//! once.

use crate::failure::Failure;
use crate::file;
use checklist::Reason;
use checklist::config::SecretRef;
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};

/// The limit in bytes, above any password or token. A wrong path to a large file must not fill the memory.
const MAX_BYTES: u64 = 64 * 1024;

/// Returns a token or a key: the first line without blanks at its ends, which editors leave and no token has.
///
/// # Errors
/// Fails as [`read`] does.
pub async fn token(secret: &SecretRef) -> Result<SecretString, Failure> {
    let text = read(secret).await?;
    match text.expose_secret().trim() {
        "" => Err(empty(secret)),
        trimmed if trimmed.len() < text.expose_secret().len() => Ok(SecretString::from(trimmed.to_owned())),
        _ => Ok(text),
    }
}

fn empty(secret: &SecretRef) -> Failure {
    Failure::new(Reason::Config, format!("the secret in {} is empty", secret.origin()))
}

/// Returns the first line of the file, or of the environment variable. Blanks are part of it: a password may end with
/// one.
///
/// # Errors
/// [`Reason::Config`], with the path or name, when the secret cannot be read or is empty. [`Reason::Timeout`] when the
/// file does not answer in time.
pub async fn read(secret: &SecretRef) -> Result<SecretString, Failure> {
    let text = match secret {
        SecretRef::File(path) => file::read(path, MAX_BYTES).await.map(|content| Zeroizing::new(content.bytes)),
        SecretRef::Env(name) => std::env::var(name)
            .map(|text| Zeroizing::new(text.into_bytes()))
            .map_err(|_| std::io::Error::other("the variable is not set")),
    };
    let refuse = |reason, why: &dyn std::fmt::Display| {
        Failure::new(reason, format!("cannot read the secret in {}: {why}", secret.origin()))
    };
    let text = text.map_err(|error| {
        let hangs = error.kind() == std::io::ErrorKind::TimedOut;
        refuse(if hangs { Reason::Timeout } else { Reason::Config }, &error)
    })?;
    let text = std::str::from_utf8(&text).map_err(|_| refuse(Reason::Config, &"the value is not UTF-8"))?;
    match text.lines().next() {
        Some(line) if !line.is_empty() => Ok(SecretString::from(line.to_owned())),
        _ => Err(empty(secret)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn blanks_are_part_of_a_password_and_of_no_token() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("secret");
        for (content, password, word) in [
            ("plain\n", Some("plain"), Some("plain")),
            ("with blank \r\nnot this\n", Some("with blank "), Some("with blank")),
            (" \n", Some(" "), None),
            ("\nnot this\n", None, None),
        ] {
            std::fs::write(&file, content)?;
            let secret = SecretRef::File(file.clone());
            let shown = |read: Result<SecretString, Failure>| read.ok().map(|text| text.expose_secret().to_owned());
            assert_eq!(shown(read(&secret).await).as_deref(), password, "{content:?}");
            assert_eq!(shown(token(&secret).await).as_deref(), word, "{content:?}");
        }
        Ok(())
    }

    #[tokio::test]
    async fn a_secret_given_instead_of_its_file_or_variable_name_is_not_printed() -> anyhow::Result<()> {
        for (secret, shown) in [
            (SecretRef::File("hunter2".into()), None),
            (SecretRef::File("wJal/hunter2/bPxRfiCY".into()), None),
            (SecretRef::Env("hunter2".to_owned()), None),
            (SecretRef::File("/run/nowhere/password".into()), Some("file /run/nowhere/password: No such file")),
            (SecretRef::File("./nowhere".into()), Some("file ./nowhere: No such file")),
            (
                SecretRef::Env("NOBODY_SET_THIS".to_owned()),
                Some("environment variable NOBODY_SET_THIS: the variable is not set"),
            ),
        ] {
            let Err(Failure { message, .. }) = read(&secret).await else { anyhow::bail!("{secret:?} was read") };
            assert!(!message.contains("hunter2") && message.contains(shown.unwrap_or("hidden")), "{message}");
        }
        Ok(())
    }
}
