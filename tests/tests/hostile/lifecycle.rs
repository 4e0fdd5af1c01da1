//! Reload requests from pages of other sites.

use stack::web::{ANN, World, raw, status, users};

async fn reload(world: &World, host: &str, headers: &str) -> anyhow::Result<String> {
    let request =
        format!("POST /-/reload HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: 0\r\n{headers}\r\n");
    raw(world.port, request.as_bytes()).await
}

#[tokio::test]
async fn without_the_lifecycle_flag_reload_requests_are_refused() -> anyhow::Result<()> {
    let world = World::start(&users()?).await?;
    let response = reload(&world, "localhost", ANN).await?;
    assert_eq!(status(&response), "403");
    assert!(response.contains("--web.enable-lifecycle"), "{response}");
    assert_eq!(status(&reload(&world, "localhost", "").await?), "401");
    assert!(!world.process.log().contains("loaded "), "{}", world.process.log());
    Ok(())
}

#[tokio::test]
async fn with_the_lifecycle_flag_cross_site_and_concurrent_reloads_are_refused() -> anyhow::Result<()> {
    let world = World::start_as("", &[], "", &["--web.enable-lifecycle"]).await?;
    for (host, headers) in [
        ("127.0.0.1", "Origin: https://evil.example\r\n"),
        ("127.0.0.1", "Origin: null\r\n"),
        ("127.0.0.1", "Sec-Fetch-Site: cross-site\r\n"),
        ("evil.example", ""),
        ("evil.example", "Origin: http://evil.example\r\n"),
    ] {
        let response = reload(&world, host, headers).await?;
        assert_eq!(status(&response), "403", "{host} {headers}: {response}");
    }
    assert!(!world.process.log().contains("loaded "), "{}", world.process.log());
    let responses = [reload(&world, "127.0.0.1", "").await?, reload(&world, "127.0.0.1", "").await?];
    assert_eq!(status(&responses[0]), "200", "{}", responses[0]);
    assert_eq!(status(&responses[1]), "429", "{}", responses[1]);
    assert!(responses[1].contains("retry-after: 1"));
    let got = raw(world.port, b"GET /-/reload HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await?;
    assert!(status(&got) == "405" && got.contains("allow: POST"), "{got}");
    Ok(())
}
