//! Detects changed credentials of a cluster. Tokens and certificates are rotated by rewriting their files. In a
//! pod, the client reads its token file again by itself. Every other file is read only when a client is made.

use crate::probe::Failure;
use checklist::Reason;
use clients::file;
use kube::config::Kubeconfig;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

/// The certificate authority that Kubernetes mounts into every pod.
pub(super) const IN_CLUSTER_CA: &str = "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt";
/// Maximum size of a file in bytes. A bundle of authorities has some hundred kilobytes.
pub(super) const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// Returns a hash of the content of every file that the client is made from.
///
/// # Errors
/// Fails when the files cannot be read within five seconds.
pub(super) async fn fingerprint(kubeconfig: Option<&Path>) -> Result<u64, Failure> {
    let own = kubeconfig.map(Path::to_owned);
    let read = file::aside(kubeconfig.unwrap_or(Path::new(IN_CLUSTER_CA)), file::PATIENCE, move || {
        let mut content = DefaultHasher::new();
        for file in files(own.as_deref()) {
            // The code that uses the file reports that it is missing.
            file::read_now(&file, MAX_BYTES).map(|content| content.bytes).ok().hash(&mut content);
        }
        content.finish()
    });
    let what = |error| Failure::new(Reason::Timeout, format!("cannot read the credentials of the cluster: {error}"));
    read.await.map_err(what)
}

/// Returns the kubeconfig and the files that it names, or the authority of the pod.
fn files(kubeconfig: Option<&Path>) -> Vec<PathBuf> {
    let Some(path) = kubeconfig else { return vec![PathBuf::from(IN_CLUSTER_CA)] };
    let mut files = vec![path.to_owned()];
    // `Kubeconfig::read_from` would block on a named pipe, which `read_now` refuses.
    if file::read_now(path, MAX_BYTES).is_ok()
        && let Ok(kubeconfig) = Kubeconfig::read_from(path)
    {
        let clusters = kubeconfig.clusters.into_iter().filter_map(|named| named.cluster?.certificate_authority);
        let users = kubeconfig.auth_infos.into_iter().filter_map(|named| named.auth_info);
        let users = users.flat_map(|user| [user.client_certificate, user.client_key, user.token_file]);
        files.extend(clusters.chain(users.flatten()).map(PathBuf::from));
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_rewritten_token_ca_or_certificate_changes_the_fingerprint() -> std::io::Result<()> {
        let folder = tempfile::tempdir()?;
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("ca.pem"), "one")?;
        std::fs::write(at("token"), "one")?;
        let kubeconfig = "apiVersion: v1\nkind: Config\ncurrent-context: c\n\
            clusters: [{name: c, cluster: {server: \"https://127.0.0.1:1\", certificate-authority: ca.pem}}]\n\
            users: [{name: u, user: {tokenFile: token}}]\ncontexts: [{name: c, context: {cluster: c, user: u}}]\n";
        std::fs::write(at("kubeconfig"), kubeconfig)?;
        let path = at("kubeconfig");
        let now = || fingerprint(Some(&path));
        let mut seen = Vec::new();
        for (file, content) in [("ca.pem", "two"), ("token", "two"), ("kubeconfig", &format!("{kubeconfig}\n"))] {
            seen.push(now().await.unwrap_or_default());
            std::fs::write(at(file), content)?;
        }
        seen.push(now().await.unwrap_or_default());
        assert_eq!(seen.last().copied(), now().await.ok(), "what stays as it is has the same one");
        seen.dedup();
        assert_eq!(seen.len(), 4);
        Ok(())
    }
}
