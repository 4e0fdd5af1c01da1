//! A client of the API server for tests, with paths and JSON.

use anyhow::Context;
use http_body_util::BodyExt;
use kube::client::Body;
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::Value;
use std::time::Duration;

/// A client with one identity.
#[derive(Clone)]
pub struct Api {
    client: kube::Client,
}

impl Api {
    /// Creates a client with the identity of a kubeconfig.
    pub async fn new(kubeconfig: &str) -> anyhow::Result<Self> {
        let mut config = client_config(kubeconfig).await?;
        config.default_retry = false;
        Ok(Self { client: kube::Client::try_from(config)? })
    }

    /// Sends a request and returns status and body.
    pub async fn request(&self, method: &str, path: &str, kind: &str, body: Vec<u8>) -> anyhow::Result<(u16, String)> {
        let request = http::Request::builder().method(method).uri(path).header("content-type", kind);
        let response = self.client.send(request.body(Body::from(body))?).await?;
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.with_context(|| format!("{method} {path}"))?.to_bytes();
        Ok((status, String::from_utf8_lossy(&body).into_owned()))
    }

    /// Sends a JSON request that must succeed, and returns the response.
    async fn must(&self, method: &str, path: &str, kind: &str, body: &Value) -> anyhow::Result<Value> {
        let sent = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let (status, text) = self.request(method, path, kind, sent).await?;
        anyhow::ensure!((200..300).contains(&status), "{method} {path}: {status} {text}");
        serde_json::from_str(&text).with_context(|| format!("{method} {path}: {text}"))
    }

    /// Gets an object or a list.
    pub async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.must("GET", path, "application/json", &Value::Null).await
    }

    /// Gets a text, such as a log.
    pub async fn text(&self, path: &str) -> anyhow::Result<String> {
        let (status, text) = self.request("GET", path, "application/json", Vec::new()).await?;
        anyhow::ensure!(status == 200, "GET {path}: {status} {text}");
        Ok(text)
    }

    /// Creates an object in a collection.
    pub async fn create(&self, path: &str, object: &Value) -> anyhow::Result<Value> {
        self.must("POST", path, "application/json", object).await
    }

    /// Changes an object by a merge patch.
    pub async fn patch(&self, path: &str, change: &Value) -> anyhow::Result<Value> {
        self.must("PATCH", path, "application/merge-patch+json", change).await
    }

    /// Deletes an object or a collection.
    pub async fn delete(&self, path: &str) -> anyhow::Result<()> {
        self.must("DELETE", path, "application/json", &Value::Null).await.map(|_| ())
    }

    /// Returns the names of the objects in a collection.
    pub async fn names(&self, path: &str) -> anyhow::Result<Vec<String>> {
        let list = self.get(path).await?;
        let name = |object: &Value| object["metadata"]["name"].as_str().map(str::to_owned);
        Ok(list["items"].as_array().into_iter().flatten().filter_map(name).collect())
    }
}

/// Converts the text of a kubeconfig to a client configuration.
async fn client_config(kubeconfig: &str) -> anyhow::Result<kube::Config> {
    let mut config =
        kube::Config::from_custom_kubeconfig(Kubeconfig::from_yaml(kubeconfig)?, &KubeConfigOptions::default()).await?;
    config.read_timeout = Some(Duration::from_mins(5));
    Ok(config)
}
