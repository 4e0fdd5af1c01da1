//! Reads secrets from files and variables. A secret is read each time it is needed, so that a rotated file works at
//! once.

use crate::failure::Failure;
use crate::file;
use checklist::Reason;
use checklist::config::SecretRef;
use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;

/// The limit in bytes, above any password or token. A wrong path to a large file must not fill the memory.
const MAX_BYTES: u64 = 64 * 1024;

/// Returns the first line of the file, or the environment variable.
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
    match text.lines().next().map(str::trim_end) {
        Some(line) if !line.is_empty() => Ok(SecretString::from(line.to_owned())),
        _ => Err(Failure::new(Reason::Config, format!("the secret in {} is empty", secret.origin()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
