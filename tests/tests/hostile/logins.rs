//! Password guessing: known and unknown names look the same, refused logins are counted, and scrapes continue.

use base64::Engine;
use stack::web::{ANN, World, plain, status};
use tokio::task::JoinSet;

/// ann:wrong
const WRONG: &str = "Authorization: Basic YW5uOndyb25n\r\n";

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_and_sixty_concurrent_password_guesses_do_not_delay_scrapes() -> anyhow::Result<()> {
    // With this cost, one verification takes a large part of a second here.
    let world = World::start(&format!("basic_auth_users: {{ann: '{}'}}\n", bcrypt::hash("open sesame", 10)?)).await?;
    assert_eq!(status(&plain(world.port, "/metrics", ANN).await?), "200", "ann is known");
    let port = world.port;
    let mut guesses = JoinSet::new();
    for _ in 0..260 {
        guesses.spawn(async move { plain(port, "/metrics", WRONG).await });
    }
    for _ in 0..20 {
        assert_eq!(status(&plain(port, "/metrics", ANN).await?), "200", "a scrape waits for those who guess");
    }
    let mut responses = Vec::new();
    while let Some(response) = guesses.join_next().await {
        // Beyond the limit of connections one is closed without a response.
        responses.extend(response?.ok().filter(|response| !response.is_empty()));
    }
    let refused: Vec<&String> = responses.iter().filter(|response| status(response) == "429").collect();
    assert!(responses.iter().all(|response| ["401", "429"].contains(&status(response))), "{responses:?}");
    assert!(refused.len() > 100, "{} of {} got 429", refused.len(), responses.len());
    assert!(refused.iter().all(|response| response.contains("retry-after: 1")));
    Ok(())
}

#[tokio::test]
async fn refused_requests_are_counted_by_reason() -> anyhow::Result<()> {
    let long = format!("{}x", "y".repeat(72));
    let world = World::start(&format!(
        "basic_auth_users: {{ann: '{}', bob: '{}'}}\n",
        bcrypt::hash("open sesame", 4)?,
        bcrypt::hash(&long[..72], 4)?
    ))
    .await?;
    let basic = |user: &str, password: &str| {
        let login = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
        format!("Authorization: Basic {login}\r\n")
    };
    assert_eq!(status(&plain(world.port, "/metrics", &basic("bob", &long[..72])).await?), "200");
    // bcrypt would ignore everything after the correct password.
    for bad in [basic("bob", &long), basic("nobody", "x"), WRONG.to_owned(), String::new()] {
        assert_eq!(status(&plain(world.port, "/metrics", &bad).await?), "401", "{bad}");
    }
    world.until("checklist_web_logins_refused_total{reason=\"unauthenticated\"} 4").await?;
    world.until("checklist_web_logins_refused_total{reason=\"forbidden\"} 0").await
}
