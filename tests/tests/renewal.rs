//! Renewed tokens, passwords, keys, certificates and authorities are used without a reload, by every kind of target.
//! Each target refuses the old credential and accepts the content of the renewed file.

use exporter::run::job::Job;
use hyper::Request;
use serde_json::json;
use stack::checks::{self, jobs};
use stack::cluster::Cluster;
use stack::http::{response, serve};
use stack::parts::Part;
use stack::peers::{Authority, acceptor, self_signed_authority};
use stack::postgres::{APPLICATION_PASSWORD, PASSWORD, Postgres};
use stack::s3::S3;
use stack::waiting::eventually;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tempfile::TempDir;

/// Runs the checks once. Returns those that failed, with the reason.
async fn refused(jobs: &[Arc<Job>]) -> BTreeSet<String> {
    let mut refused = BTreeSet::new();
    for job in jobs {
        job.run().await;
        let state = job.state();
        println!("{}: {} | {}", state.check.signal.id, state.why(), state.seen());
        let failure = state.failure.as_ref().filter(|failure| failure.reason.is_of_the_way());
        let reason = failure.map(|failure| failure.reason.to_string());
        // An application that refuses the token reports it in the status of its page.
        let reason = reason.or_else(|| state.seen().contains("the status is 401").then(|| "auth".to_owned()));
        refused.extend(reason.map(|reason| format!("{} {reason}", state.check.signal.id)));
    }
    refused
}

fn all<const N: usize>(names: [&str; N], reason: &str) -> BTreeSet<String> {
    names.map(|name| format!("{name} {reason}")).into()
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_and_cas_of_http_servers_are_reloaded() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let at = |name: &str| folder.path().join(name).display().to_string();
    let (tls, presented) = acceptor(Authority::new(folder.path())?.issue("localhost", 60)?)?;
    std::fs::write(at("token"), "one")?;
    let valid = Arc::new(Mutex::new("Bearer one"));
    let right = Arc::clone(&valid);
    let server = serve(Some(tls), move |request: Request<_>| {
        let wanted = *right.lock().unwrap_or_else(PoisonError::into_inner);
        let given = request.headers().get("authorization").and_then(|value| value.to_str().ok());
        let status = if given == Some(wanted) { 200 } else { 401 };
        async move { response(status, "application/json", "{}") }
    })
    .await?;
    let place =
        format!("url: 'https://localhost:{}', bearerTokenFile: {}, caFile: {}", server.port, at("token"), at("ca.pem"));
    let yaml = format!(
        "health: [{{name: h, {place}}}]\nalertmanagers: [{{name: a, {place}}}]\nprometheus: [{{name: p, {place}}}]\n\
         reports: [{{name: r, format: trivy, {place}}}]\ncertificates: [{{name: c, address: 'localhost:{}', caFile: {}}}]\n",
        server.port,
        at("ca.pem")
    );
    let jobs = jobs(&yaml)?;
    let nobody = BTreeSet::new();
    assert_eq!(refused(&jobs).await, nobody);
    // The server accepts another token: each check that sends the old one is refused.
    *valid.lock().unwrap_or_else(PoisonError::into_inner) = "Bearer two";
    assert_eq!(refused(&jobs).await, all(["alerts", "dashboards", "health", "images", "rules"], "auth"));
    std::fs::write(at("token"), "two")?;
    assert_eq!(refused(&jobs).await, nobody);
    // A new certificate authority with the same name.
    presented.set(Authority::new(folder.path())?.issue("localhost", 60)?);
    assert_eq!(refused(&jobs).await, nobody);
    let verified = checks::job(&yaml, "certificates")?;
    verified.run().await;
    assert_eq!(verified.state().why(), "", "the certificate of the new authority");
    std::fs::create_dir(at("other"))?;
    presented.set(Authority::new(&folder.path().join("other"))?.issue("localhost", 60)?);
    assert_eq!(refused(&jobs).await, all(["alerts", "dashboards", "health", "images", "rules"], "tls"));
    verified.run().await;
    assert!(verified.state().why().contains("rejected"), "{}", verified.state().why());
    std::fs::copy(at("other/ca.pem"), at("ca.pem"))?;
    assert_eq!(refused(&jobs).await, nobody);
    verified.run().await;
    assert_eq!(verified.state().why(), "");
    Ok(())
}

/// Backups, reports and records on a real S3 server.
#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(has_versitygw), ignore = "no versitygw (make parts)")]
async fn keys_and_ca_of_a_bucket_are_reloaded() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let at = |name: &str| folder.path().join(name).display().to_string();
    let mut s3 = S3::gateway_with_tls(&Authority::new(folder.path())?).await?;
    s3.put("all", "daily/one.dump", b"PGDMP and data")?;
    s3.put("all", "scans/one.json", br#"{"ArtifactName": "img", "Results": []}"#)?;
    s3.administrator("first")?;
    for (name, text) in [("id", "first"), ("secret", stack::s3::SECRET_KEY)] {
        std::fs::write(at(name), text)?;
    }
    let place = |prefix: &str| {
        format!(
            "bucket: all, prefix: {prefix}, endpoint: 'https://localhost:{}', pathStyle: true, caFile: {}, accessKeyIdFile: {}, secretAccessKeyFile: {}",
            s3.port,
            at("ca.pem"),
            at("id"),
            at("secret")
        )
    };
    let yaml = format!(
        "backups: [{{name: b, format: pg_dump, {}}}]\nreports: [{{name: r, format: trivy, s3: {{{}}}}}]\n\
         tasks: {{since: 2026-01-01, s3: {{{}}}}}\n",
        place("daily/"),
        place("scans/"),
        place("tasks/")
    );
    let jobs: Vec<Arc<Job>> =
        jobs(&yaml)?.into_iter().filter(|job| job.state().check.signal.id != "override").collect();
    let nobody = BTreeSet::new();
    assert_eq!(refused(&jobs).await, nobody);
    s3.new_secret("first", "another-secret")?;
    assert_eq!(refused(&jobs).await, all(["backup", "images", "tasks"], "auth"));
    std::fs::write(at("secret"), "another-secret")?;
    assert_eq!(refused(&jobs).await, nobody);
    // Another user with another key id.
    s3.administrator("second")?;
    s3.remove_user("first")?;
    assert_eq!(refused(&jobs).await, all(["backup", "images", "tasks"], "auth"));
    for (name, text) in [("id", "second"), ("secret", stack::s3::SECRET_KEY)] {
        std::fs::write(at(name), text)?;
    }
    assert_eq!(refused(&jobs).await, nobody);
    // A new certificate authority: first the server gets its certificate, then the file is replaced.
    std::fs::create_dir(at("other"))?;
    s3.renew(&Authority::new(&folder.path().join("other"))?).await?;
    assert_eq!(refused(&jobs).await, all(["backup", "images", "tasks"], "tls"));
    std::fs::copy(at("other/ca.pem"), at("ca.pem"))?;
    assert_eq!(refused(&jobs).await, nobody);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn passwords_and_ca_of_a_database_are_reloaded() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let at = |name: &str| folder.path().join(name).display().to_string();
    let postgres = Postgres::start().await?;
    std::fs::write(at("password"), PASSWORD)?;
    std::fs::write(at("rows-password"), APPLICATION_PASSWORD)?;
    let yaml = format!(
        "postgres: [{{name: d, host: localhost, port: {}, database: orchestrator, user: checklist, passwordFile: {}, caFile: {}, \
         applicationUser: rows, applicationPasswordFile: {}}}]\n",
        postgres.port,
        at("password"),
        postgres.ca_file.display(),
        at("rows-password")
    );
    let rights = format!(
        "CREATE ROLE rows LOGIN PASSWORD '{APPLICATION_PASSWORD}'; GRANT SELECT ON users TO rows; \
         REVOKE ALL ON ALL TABLES IN SCHEMA public FROM checklist"
    );
    postgres.execute(&rights).await?;
    let jobs = [checks::job(&yaml, "connections")?, checks::job(&yaml, "users")?];
    let nobody = BTreeSet::new();
    assert_eq!(refused(&jobs).await, nobody);
    let thrown_out =
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename IN ('checklist', 'rows')";
    // An open connection stays; a new one needs the new password.
    for (role, file, check) in [("checklist", "password", "connections"), ("rows", "rows-password", "users")] {
        postgres.execute(&format!("ALTER ROLE {role} PASSWORD 'another'")).await?;
        postgres.execute(thrown_out).await?;
        eventually("the old password is not good", || async { Ok(refused(&jobs).await == all([check], "auth")) })
            .await?;
        std::fs::write(at(file), "another")?;
        assert_eq!(refused(&jobs).await, nobody, "{role}");
    }
    postgres.renew().await?;
    postgres.execute(thrown_out).await?;
    eventually("the new certificate is presented and trusted", || async { Ok(refused(&jobs).await.is_empty()) }).await
}

/// The kubelet's certificate authority is configured separately from that of the API server.
#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(has_cluster), ignore = "no kube-apiserver (make parts)")]
async fn the_ca_of_the_kubelets_is_reloaded_and_may_be_their_own_certificate() -> anyhow::Result<()> {
    // No other test of this file asks the kubelets of this cluster.
    let cluster = Cluster::shared().await?;
    let namespace = cluster.namespace("renewal").await?;
    let token = cluster.administrator(&namespace).await?;
    cluster.apply(
        &namespace,
        "apiVersion: v1\nkind: Pod\nmetadata: {name: one}\nspec: {containers: [{name: main, image: x}]}\n",
    )?;
    cluster.kubelet.fill(&namespace, "data", 0.4);
    let folder = TempDir::new()?;
    let at = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(at("kubeconfig"), cluster.kubeconfig(&token))?;
    std::fs::copy(cluster.ca_file(), at("ca.pem"))?;
    let yaml = format!(
        "kubernetes: [{{name: k, kubeconfig: {}, namespaces: [{namespace}], kubelet: {{caFile: {}}}}}]\n",
        at("kubeconfig"),
        at("ca.pem")
    );
    let disk = checks::job(&yaml, "disk")?;
    let looks = || async {
        disk.run().await;
        let state = disk.state();
        let unseen: Vec<String> = state.evidence.unseen().map(|gap| gap.reason.to_string()).collect();
        println!("{unseen:?} {} | {}", state.why(), state.seen());
        Ok(state.failure.is_none() && unseen.is_empty())
    };
    eventually("the kubelet is asked", looks).await?;
    std::fs::create_dir(at("other"))?;
    cluster.renew_kubelets(Authority::new(&folder.path().join("other"))?.issue("localhost", 60)?);
    eventually("an authority that is not configured is not trusted", || async { Ok(!looks().await?) }).await?;
    std::fs::copy(at("other/ca.pem"), at("ca.pem"))?;
    eventually("the new one is trusted", looks).await?;
    // A certificate of no authority, which each kubelet makes for itself by default.
    cluster.renew_kubelets(self_signed_authority(folder.path(), "localhost")?);
    eventually("an unknown certificate is not trusted", || async { Ok(!looks().await?) }).await?;
    std::fs::copy(at("own.pem"), at("ca.pem"))?;
    eventually("the certificate itself is trusted", looks).await?;
    cluster.remove(&namespace).await
}

/// A kubeconfig that is rewritten with another token.
#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(has_cluster), ignore = "no kube-apiserver (make parts)")]
async fn a_token_in_the_kubeconfig_is_reloaded() -> anyhow::Result<()> {
    let cluster = Cluster::shared().await?;
    let api = cluster.admin().await?;
    let namespace = cluster.namespace("renewal").await?;
    cluster.administrator(&namespace).await?;
    let folder = TempDir::new()?;
    let kubeconfig = folder.path().join("kubeconfig");
    let write = async |secret: &str| -> anyhow::Result<()> {
        let token = cluster.token_of_secret(&namespace, secret).await?;
        replace(&kubeconfig, &cluster.kubeconfig(&token))
    };
    write("first").await?;
    let yaml = format!("kubernetes: [{{name: k, kubeconfig: {}, namespaces: [{namespace}]}}]\n", kubeconfig.display());
    // This check lists the nodes in every run. A watch that is already open would continue with the old token.
    let job = checks::job(&yaml, "utilization")?;
    let reason = || async {
        job.run().await;
        job.state().failure.as_ref().map(|failure| failure.reason.to_string())
    };
    let looks = || async { Ok(!["auth", "permission"].contains(&reason().await.unwrap_or_default().as_str())) };
    eventually("the first token is good", looks).await?;
    api.delete(&format!("/api/v1/namespaces/{namespace}/secrets/first")).await?;
    eventually("the first token is not good", || async { Ok(reason().await.as_deref() == Some("auth")) }).await?;
    write("second").await?;
    eventually("the second is used", looks).await?;
    cluster.remove(&namespace).await
}

/// Replaces a file atomically.
fn replace(file: &Path, text: &str) -> anyhow::Result<()> {
    let new = file.with_extension("new");
    std::fs::write(&new, text)?;
    Ok(std::fs::rename(new, file)?)
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(has_cluster), ignore = "no kube-apiserver (make parts)")]
async fn client_certificate_and_ca_of_kubernetes_are_reloaded() -> anyhow::Result<()> {
    let mut cluster = Cluster::start().await?;
    let namespace = cluster.namespace("renewal").await?;
    cluster.apply(
        &namespace,
        "apiVersion: v1\nkind: Pod\nmetadata: {name: one}\nspec: {containers: [{name: main, image: x}]}\n",
    )?;
    let folder = TempDir::new()?;
    let at = |name: &str| folder.path().join(name).display().to_string();
    let renew = |seconds: u64| -> anyhow::Result<()> {
        let (certificate, key) =
            cluster.client_certificate("rounds", "system:masters", Duration::from_secs(seconds))?;
        std::fs::write(at("client.pem"), certificate)?;
        Ok(std::fs::write(at("client.key"), key)?)
    };
    renew(20)?;
    std::fs::copy(cluster.ca_file(), at("ca.pem"))?;
    let kubeconfig = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: c\n\
         clusters: [{{name: c, cluster: {{server: 'https://127.0.0.1:{}', certificate-authority: {}}}}}]\n\
         users: [{{name: c, user: {{client-certificate: {}, client-key: {}}}}}]\n\
         contexts: [{{name: c, context: {{cluster: c, user: c}}}}]\n",
        cluster.port(),
        at("ca.pem"),
        at("client.pem"),
        at("client.key")
    );
    std::fs::write(at("kubeconfig"), kubeconfig)?;
    let yaml = format!("kubernetes: [{{name: k, kubeconfig: {}, namespaces: [{namespace}]}}]\n", at("kubeconfig"));
    // This check lists the nodes in every run. A watch that is already open would continue with the old token.
    let job = checks::job(&yaml, "utilization")?;
    let looks = || async {
        job.run().await;
        Ok(job.state().failure.as_ref().is_none_or(|failure| !failure.reason.is_of_the_way()))
    };
    eventually("the certificate is good", looks).await?;
    eventually("the certificate has ended", || async { Ok(!looks().await?) }).await?;
    renew(3600)?;
    eventually("the new one is used", looks).await?;
    // Another certificate authority for the server, in the same file.
    cluster.server.stop();
    cluster.new_authority_of_the_server()?;
    cluster.server.start().await?;
    eventually("the old authority is of no use", || async { Ok(!looks().await?) }).await?;
    std::fs::copy(cluster.ca_file(), at("ca.pem"))?;
    eventually("the new one is used", looks).await?;
    let api = cluster.admin().await?;
    assert!(api.get(&format!("/api/v1/namespaces/{namespace}/pods/one")).await?["metadata"]["uid"] != json!(null));
    Ok(())
}
