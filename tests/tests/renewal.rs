//! Tokens, passwords, keys, certificates and authorities that are written anew under their names are used without a
//! reload, by every kind of target.

use anyhow::Context;
use checklist::Config;
use exporter::run::checks::Checks;
use exporter::run::job::Job;
use hyper::Request;
use serde_json::json;
use stack::cluster::{Cluster, eventually};
use stack::http::{answer, serve};
use stack::parts::Part;
use stack::peers::{Authority, acceptor};
use stack::postgres::{PASSWORD, Postgres};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tempfile::TempDir;

fn jobs(yaml: &str) -> anyhow::Result<Vec<Arc<Job>>> {
    Ok(Checks::default().jobs(&Config::parse("checklist.yaml", yaml)?, &[]))
}

/// Runs the checks once; why each of them did not get through.
async fn refused(jobs: &[Arc<Job>]) -> Vec<String> {
    let mut refused = Vec::new();
    for job in jobs {
        job.run().await;
        let state = job.state();
        if let Some(failure) = state.failure.as_ref().filter(|failure| failure.reason.is_of_the_way()) {
            refused.push(format!("{}: {failure}", state.check.signal.id));
        }
    }
    refused
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_and_authorities_of_servers_that_speak_http_are_read_again() -> anyhow::Result<()> {
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
        async move { answer(status, "application/json", "{}") }
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
    assert_eq!(refused(&jobs).await, Vec::<String>::new());
    // The server's token is another one: all that send one are refused.
    *valid.lock().unwrap_or_else(PoisonError::into_inner) = "Bearer two";
    assert!(!refused(&jobs).await.is_empty());
    std::fs::write(at("token"), "two")?;
    assert_eq!(refused(&jobs).await, Vec::<String>::new());
    // A new authority under the same name.
    presented.set(Authority::new(&folder.path().join("."))?.issue("localhost", 60)?);
    assert_eq!(refused(&jobs).await, Vec::<String>::new());
    std::fs::create_dir(at("other"))?;
    presented.set(Authority::new(&folder.path().join("other"))?.issue("localhost", 60)?);
    assert!(!refused(&jobs).await.is_empty(), "an authority that nobody was told of is trusted");
    std::fs::copy(at("other/ca.pem"), at("ca.pem"))?;
    assert_eq!(refused(&jobs).await, Vec::<String>::new());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_password_and_the_authority_of_a_database_are_read_again() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let postgres = Postgres::start().await?;
    let password = folder.path().join("password");
    std::fs::write(&password, PASSWORD)?;
    let yaml = format!(
        "postgres: [{{name: d, host: localhost, port: {}, database: orchestrator, user: checklist, passwordFile: {}, caFile: {}}}]\n",
        postgres.port,
        password.display(),
        postgres.ca_file.display()
    );
    let mut jobs = jobs(&yaml)?;
    jobs.retain(|job| job.state().check.signal.id == "connections");
    assert_eq!(refused(&jobs).await, Vec::<String>::new());
    let thrown_out = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'checklist'";
    // A connection that was let in stays; a new one needs the new password.
    postgres.execute("ALTER ROLE checklist PASSWORD 'another'").await?;
    postgres.execute(thrown_out).await?;
    jobs[0].run().await;
    jobs[0].run().await;
    assert!(jobs[0].state().failure.is_some(), "the old password is good");
    std::fs::write(&password, "another")?;
    assert_eq!(refused(&jobs).await, Vec::<String>::new());
    postgres.renew().await?;
    postgres.execute(thrown_out).await?;
    eventually("the new certificate is presented and trusted", || async {
        Ok(refused(&jobs).await.is_empty() && jobs[0].state().failure.is_none())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(has_cluster), ignore = "no kube-apiserver (make parts)")]
async fn a_client_certificate_and_an_authority_of_kubernetes_are_read_again() -> anyhow::Result<()> {
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
    let jobs = jobs(&yaml)?;
    // It lists the nodes in every run: a watch that was let in goes on.
    let job = jobs.iter().find(|job| job.state().check.signal.id == "utilization").context("no check")?;
    let looks = || async {
        job.run().await;
        Ok(job.state().failure.as_ref().is_none_or(|failure| !failure.reason.is_of_the_way()))
    };
    eventually("the certificate is good", looks).await?;
    eventually("the certificate has ended", || async { Ok(!looks().await?) }).await?;
    renew(3600)?;
    eventually("the new one is used", looks).await?;
    // Another authority for the server, under the same name.
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
