//! API servers that answer without end, slowly or wrongly.

use super::*;
use crate::sources::kubernetes::limits::Limits;
use crate::sources::kubernetes::objects::Service;
use crate::sources::kubernetes::room::Room;
use kube::client::ClientBuilder;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Starts an API server that answers every connection by a function.
async fn serve<F, R>(response: F) -> anyhow::Result<Bounded>
where
    F: Fn(TcpStream, String) -> R + Send + 'static,
    R: Future<Output = std::io::Result<()>> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let mut config = kube::Config::new(format!("http://{}", listener.local_addr()?).parse()?);
    config.default_retry = false;
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut buffer = vec![0; 4096];
            let Ok(read) = stream.read(&mut buffer).await else { continue };
            tokio::spawn(response(stream, String::from_utf8_lossy(&buffer[..read]).into_owned()));
        }
    });
    let client = ClientBuilder::try_from(config)?.with_layer(&Limits).build();
    Ok(Bounded { client, room: Room::new() })
}

async fn page(stream: &mut TcpStream, body: &str) -> std::io::Result<()> {
    let head = format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await
}

async fn reason(api: &Bounded) -> Option<Reason> {
    list::<Service>(api, "/api/v1/services", &Which::default()).await.err().map(|failure| failure.reason)
}

#[tokio::test]
async fn endless_list_and_watch_responses_time_out() -> anyhow::Result<()> {
    let body = serve(|mut stream, _| async move {
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
        loop {
            stream.write_all(&[b' '; 8_192]).await?;
        }
    });
    assert_eq!(reason(&body.await?).await, Some(Reason::Limit), "a body");
    let refusal = serve(|mut stream, _| async move {
        stream.write_all(b"HTTP/1.1 500 No\r\n\r\n").await?;
        loop {
            stream.write_all(&[b'e'; 8_192]).await?;
        }
    });
    assert_eq!(reason(&refusal.await?).await, Some(Reason::Protocol), "a refusal");
    let informational = serve(|mut stream, _| async move {
        loop {
            stream.write_all(b"HTTP/1.1 102 Processing\r\n\r\n").await?;
        }
    });
    assert_eq!(reason(&informational.await?).await, Some(Reason::Protocol), "informational answers");
    let empty = serve(|mut stream, _| async move {
        page(&mut stream, "{\"metadata\": {\"continue\": \"more\"}, \"items\": []}").await
    });
    assert_eq!(reason(&empty.await?).await, Some(Reason::Protocol), "empty pages");
    let torn = serve(|mut stream, _| async move {
        page(&mut stream, "{\"metadata\": {\"remainingItemCount\": 7}, \"items\": [{\"metadata\": {\"name\": \"a\"}}]}")
            .await
    });
    assert_eq!(reason(&torn.await?).await, Some(Reason::Protocol), "a first page without the others");
    let circle = serve(|mut stream, _| async move {
        page(&mut stream, "{\"metadata\": {\"continue\": \"more\"}, \"items\": [{\"metadata\": {\"name\": \"a\"}}]}")
            .await
    });
    assert_eq!(reason(&circle.await?).await, Some(Reason::Protocol), "the same page again and again");
    let full = serve(|mut stream, _| async move {
        // Each page has new names.
        let now = jiff::Timestamp::now().as_nanosecond();
        let object = |n: usize| {
            let name = format!("{now}-{n}");
            format!(
                "{{\"metadata\": {{\"name\": \"{name}\"}}, \"spec\": {{\"selector\": {{\"a\": \"{}\"}}}}}}",
                "b".repeat(20_000)
            )
        };
        let items: Vec<String> = (0..100).map(object).collect();
        page(&mut stream, &format!("{{\"metadata\": {{\"continue\": \"{now}\"}}, \"items\": [{}]}}", items.join(",")))
            .await
    });
    assert_eq!(reason(&full.await?).await, Some(Reason::Limit), "pages");
    Ok(())
}

#[tokio::test]
async fn a_list_page_that_is_too_large_is_requested_in_smaller_pages() -> anyhow::Result<()> {
    let api = serve(|mut stream, request| async move {
        let limit: usize = request
            .split_once("limit=")
            .and_then(|(_, rest)| rest.split([' ', '&']).next()?.parse().ok())
            .unwrap_or_default();
        let object =
            |n: usize| format!("{{\"metadata\": {{\"name\": \"s{n}\"}}, \"status\": \"{}\"}}", "x".repeat(200_000));
        let items: Vec<String> = (0..limit).map(object).collect();
        page(&mut stream, &format!("{{\"metadata\": {{}}, \"items\": [{}]}}", items.join(","))).await
    });
    let store = list::<Service>(&api.await?, "/api/v1/services", &Which::default()).await?;
    assert_eq!(store.objects.len(), 10, "a hundred would be twenty megabytes");
    Ok(())
}

#[tokio::test]
async fn after_an_unreadable_event_the_cached_objects_are_not_returned() -> anyhow::Result<()> {
    let lists = Arc::new(AtomicUsize::new(0));
    let api = serve(move |mut stream, request| {
        let lists = Arc::clone(&lists);
        async move {
            if request.contains("watch=1") {
                stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n{\"type\": \"ADDED\", \"object\": 7}\n").await
            } else if lists.fetch_add(1, Ordering::SeqCst) == 0 {
                page(&mut stream, "{\"metadata\": {\"resourceVersion\": \"1\"}, \"items\": []}").await
            } else {
                // The relist that would repair the state never arrives.
                std::future::pending().await
            }
        }
    })
    .await?;
    let watch = Watch::<Service>::new(api, "/api/v1/services".to_owned(), Which::default());
    let fails = async {
        loop {
            match watch.read(Duration::MAX).await {
                Ok(present) => drop(present),
                Err(failure) => break failure.reason,
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    assert_eq!(tokio::time::timeout(Duration::from_secs(20), fails).await?, Reason::Decode);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn relists_back_off_if_the_server_ends_every_watch_at_once() -> anyhow::Result<()> {
    let lists = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&lists);
    let api = serve(move |mut stream, request| {
        counted.fetch_add(usize::from(!request.contains("watch=1")), Ordering::SeqCst);
        async move { page(&mut stream, "{\"metadata\": {\"resourceVersion\": \"1\"}, \"items\": []}").await }
    })
    .await?;
    let watch = Watch::<Service>::new(api, "/api/v1/services".to_owned(), Which::default());
    assert!(watch.read(Duration::MAX).await.is_ok());
    tokio::time::sleep(Duration::from_mins(5)).await;
    assert!((2..=30).contains(&lists.load(Ordering::SeqCst)), "{lists:?} lists within five minutes");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_sends_slowly_for_ever_times_out() -> anyhow::Result<()> {
    let api = serve(|mut stream, _| async move {
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
        loop {
            stream.write_all(b" ").await?;
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    })
    .await?;
    let store = Store::<Service>::new(&api.room);
    let state = RwLock::new(WatchState { store, listed: true, heard: Instant::now(), failure: None });
    let begun = tokio::time::Instant::now();
    let ended = watch(&api, "/api/v1/services", &Which::default(), &state).await.err();
    assert_eq!(ended.map(|failure| failure.reason), Some(Reason::Timeout));
    assert_eq!(begun.elapsed().as_secs(), u64::from(WATCH_SECONDS) + 15);
    Ok(())
}
