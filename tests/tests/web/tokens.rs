//! Tokens of Kubernetes as logins. The reviews are those of a real API server, or of the fake one where there is none.

use checklist::Config;
use stack::cluster::{Cluster, Door, Passage};
use stack::kubernetes::{Kubelet, Kubernetes, NAMESPACE};
use stack::peers::{Authority, acceptor};
use stack::waiting::eventually;
use stack::web::{ANN, World, plain, status, users};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const AUDIENCE: &str = "checklist-exporter";

/// The API server that reviews the tokens.
enum Server {
    Real { cluster: &'static Cluster, namespace: String, door: Door },
    Fake(Kubernetes),
}

impl Server {
    /// Returns the number of token reviews and of access reviews so far.
    fn reviews(&self) -> anyhow::Result<(usize, usize)> {
        match self {
            Self::Real { cluster, namespace, .. } => {
                let events = cluster.audit(namespace, AUDIENCE)?;
                let of = |kind: &str| events.iter().filter(|event| event["objectRef"]["resource"] == kind).count();
                Ok((of("tokenreviews"), of("subjectaccessreviews")))
            }
            Self::Fake(server) => Ok(server.reviews()),
        }
    }

    /// Makes the server fail for the exporter, or serve again.
    fn serves(&self, serves: bool) {
        match self {
            Self::Real { door, .. } => door.set(if serves { Passage::Open } else { Passage::Closed }),
            Self::Fake(server) => server.refuse((!serves).then_some(500)),
        }
    }
}

/// Tokens of a user who may read /metrics and of one who may not, and a token of the first for another audience.
struct Tokens {
    scraper: String,
    guest: String,
    other: String,
}

fn lists(namespace: &str) -> String {
    format!(
        "kubernetes:\n  - {{name: k, kubeconfig: kubeconfig, namespaces: [{namespace}], webAudiences: [{AUDIENCE}]}}\n"
    )
}

/// Returns exactly the generated rights.
fn rights(namespace: &str) -> anyhow::Result<serde_json::Value> {
    Ok(rules_gen::outputs::access::kubernetes(&Config::parse("checklist.yaml", &lists(namespace))?, "k"))
}

/// Starts the fake API server with two users, and the exporter that verifies their tokens.
async fn on_fake(web: &str) -> anyhow::Result<(Kubernetes, World)> {
    let folder = TempDir::new()?;
    let kubelet = Kubelet::start(acceptor(Authority::new(folder.path())?.issue("localhost", 60)?)?.0).await?;
    let kubernetes = Kubernetes::start(kubelet).await?;
    kubernetes.grant(&rights(NAMESPACE)?);
    kubernetes.token("scraper-token", "scraper", AUDIENCE);
    kubernetes.token("guest-token", "guest", AUDIENCE);
    kubernetes.token("other-token", "scraper", "https://kubernetes.default.svc");
    kubernetes.let_use("scraper", "get", "/metrics");
    let world = World::start_with(web, &[("kubeconfig", &kubernetes.kubeconfig())], &lists(NAMESPACE)).await?;
    Ok((kubernetes, world))
}

/// Starts the exporter with an API server that reviews tokens.
async fn with_tokens(web: &str) -> anyhow::Result<(Server, Tokens, World)> {
    if !stack::application::is_real() {
        let (kubernetes, world) = on_fake(web).await?;
        let [scraper, guest, other] = ["scraper", "guest", "other"].map(|name| format!("{name}-token"));
        return Ok((Server::Fake(kubernetes), Tokens { scraper, guest, other }, world));
    }
    let cluster = Cluster::shared().await?;
    let namespace = cluster.namespace("web").await?;
    cluster.apply(&namespace, &rights(&namespace)?.to_string())?;
    cluster.may_get(&namespace, "scraper", "/metrics").await?;
    let tokens = Tokens {
        scraper: cluster.token_for(&namespace, "scraper", &[AUDIENCE]).await?,
        guest: cluster.token_for(&namespace, "default", &[AUDIENCE]).await?,
        other: cluster.token_for(&namespace, "scraper", &["https://kubernetes.default.svc"]).await?,
    };
    let door = cluster.door().await?;
    let kubeconfig = cluster.kubeconfig_at(&door, &cluster.token(&namespace, AUDIENCE).await?);
    let world = World::start_with(web, &[("kubeconfig", &kubeconfig)], &lists(&namespace)).await?;
    Ok((Server::Real { cluster, namespace, door }, tokens, world))
}

fn bearer(token: &str) -> String {
    format!("Authorization: Bearer {token}\r\n")
}

#[tokio::test]
async fn a_token_gives_access_only_where_its_user_is_authorized() -> anyhow::Result<()> {
    let (server, Tokens { scraper, guest, other }, world) = with_tokens(&users()?).await?;
    for (path, login, expected) in [
        ("/metrics", bearer(&scraper), "200"),
        ("/", bearer(&scraper), "403"),
        ("/metrics/", bearer(&scraper), "403"),
        ("/metrics?check=x", bearer(&scraper), "200"),
        ("/-/healthy", bearer(&scraper), "403"),
        ("/metrics", bearer(&guest), "403"),
        ("/metrics", bearer(&other), "401"),
        ("/metrics", bearer("nobody"), "401"),
        ("/metrics", bearer(""), "401"),
        ("/metrics", bearer(&"x".repeat(9_000)), "401"),
        ("/metrics", format!("Authorization: Negotiate {scraper}\r\n"), "401"),
        ("/metrics", String::new(), "401"),
        ("/metrics", ANN.to_owned(), "200"),
        ("/", ANN.to_owned(), "200"),
        ("/", "Authorization: Basic YW5uOndyb25n\r\n".to_owned(), "401"),
    ] {
        let response = plain(world.port, path, &login).await?;
        assert_eq!(status(&response), expected, "{path} {login}: {response}");
        assert_eq!(response.contains("checklist_build_info"), expected == "200" && path != "/", "{path} {login}");
        let challenges = response.to_lowercase().matches("www-authenticate: b").count();
        assert_eq!(challenges, if expected == "401" { 2 } else { 0 }, "{response}");
    }
    let mut stream = TcpStream::connect(("127.0.0.1", world.port)).await?;
    let reload = format!("POST /-/reload HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{}\r\n", bearer(&scraper));
    stream.write_all(reload.as_bytes()).await?;
    let mut response = String::new();
    stream.read_to_string(&mut response).await?;
    assert_eq!(status(&response), "403", "who may get may not post");
    // Only the permissions that the generated files grant were asked for, and scrapes share cached reviews.
    let before = server.reviews()?;
    for _ in 0..20 {
        assert_eq!(status(&plain(world.port, "/metrics", &bearer(&scraper)).await?), "200");
    }
    assert!(before.0 > 0 && before.1 > 0, "{before:?}");
    assert_eq!(server.reviews()?, before, "the answer of a minute ago holds");
    Ok(())
}

/// On the fake API server: a real one sends no such responses.
#[tokio::test]
async fn without_a_token_review_access_is_denied() -> anyhow::Result<()> {
    let (kubernetes, world) = on_fake("").await?;
    let scrape = |token: &str| {
        let login = bearer(token);
        async move { plain(world.port, "/metrics", &login).await }
    };
    let listed =
        ["{\"status\": {\"authenticated\": true}}", "{}", "[]", "no json", "{\"status\": {\"allowed\": true}}"];
    let yes_to_all = "{\"metadata\": {}, \"spec\": {}, \"status\": {\"authenticated\": true, \"audiences\": [\"checklist-exporter\"], \"user\": {\"username\": \"TOKEN\"}, \"allowed\": false}}";
    for (n, (code, body)) in listed.iter().map(|body| (201, *body)).chain([(500, "{}"), (403, "TOKEN")]).enumerate() {
        kubernetes.answer_reviews_with(Some((code, body)));
        let response = scrape(&format!("scraper-token-{n}")).await?;
        assert!(["401", "503"].contains(&status(&response)), "{code} {body}: {response}");
        assert!(!response.contains("checklist_build_info"), "{response}");
    }
    kubernetes.answer_reviews_with(Some((201, yes_to_all)));
    assert_eq!(status(&scrape("known-and-not-allowed").await?), "403");
    Ok(())
}

#[tokio::test]
async fn a_granted_permission_outlives_the_api_server_for_a_minute_and_no_other_access_is_given() -> anyhow::Result<()>
{
    let (server, Tokens { scraper, guest, .. }, world) = with_tokens("").await?;
    let scrape = |token: &str| {
        let login = bearer(token);
        async move { plain(world.port, "/metrics", &login).await }
    };
    server.serves(false);
    assert_eq!(status(&scrape(&scraper).await?), "503", "no decision is possible");
    server.serves(true);
    assert_eq!(status(&scrape(&scraper).await?), "200", "no failure is remembered");
    server.serves(false);
    assert_eq!(status(&scrape(&scraper).await?), "200");
    assert_eq!(status(&scrape(&guest).await?), "503");
    assert_eq!(status(&plain(world.port, "/metrics", "").await?), "401");
    let log = world.process.log();
    assert!(log.contains("token reviews fail") && log.contains("token reviews work again"), "{log}");
    assert!(!log.contains(&scraper) && !log.contains(&guest), "a token is in the log: {log}");
    // With another audience in checklist.yaml, the tokens are refused.
    let text = std::fs::read_to_string(world.folder.path().join("checklist.yaml"))?;
    let text = text.replace("[checklist-exporter]", "[somebody-else]");
    std::fs::write(world.folder.path().join("checklist.yaml"), text)?;
    server.serves(true);
    eventually("the previous audience is refused", || async { Ok(status(&scrape(&scraper).await?) == "401") }).await
}

#[tokio::test]
async fn a_checklist_without_web_audiences_after_a_reload_gives_no_access() -> anyhow::Result<()> {
    let (_server, Tokens { scraper, .. }, world) = with_tokens("").await?;
    let file = world.folder.path().join("checklist.yaml");
    let whole = std::fs::read_to_string(&file)?;
    // The file as it is while it is written, or after somebody deleted the line.
    for text in [whole.replace(", webAudiences: [checklist-exporter]", ""), String::new()] {
        std::fs::write(&file, text)?;
        eventually("a metric reports it", || async {
            assert_eq!(status(&plain(world.port, "/metrics", "").await?), "401");
            let scrape = plain(world.port, "/metrics", &bearer(&scraper)).await?;
            assert_eq!(status(&scrape), "200", "{scrape}");
            Ok(scrape.contains("checklist_config_last_reload_successful 0"))
        })
        .await?;
        assert_eq!(status(&plain(world.port, "/metrics", "").await?), "401");
    }
    assert!(world.process.log().contains("no longer has webAudiences"), "{}", world.process.log());
    Ok(())
}
