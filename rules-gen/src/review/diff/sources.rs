//! Where deployed rules are read from.

use super::Arguments;
use crate::review::rule_set::{self, Known};
use crate::server::{NoVerdict, Server, address};
use anyhow::Context;
use kube::api::{Api, ApiResource, DynamicObject, ListParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::GroupVersionKind;
use kube::{Client, Config};
use serde_json::Value;
use std::path::PathBuf;
use std::time::Duration;

const DEADLINE: Duration = Duration::from_secs(30);
/// Objects of a page.
const PAGE: u32 = 100;

/// What `--against` names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// The rules API of Prometheus or Thanos.
    Prometheus(String),
    /// The configuration API of Mimir's or Cortex's ruler.
    Mimir(String),
    /// `PrometheusRule` objects of a cluster.
    Kubernetes,
    /// Files.
    Directory(PathBuf),
}

impl Place {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some(("prometheus", url)) => address(url).map(Self::Prometheus),
            Some(("mimir", url)) => address(url).map(Self::Mimir),
            Some(("dir", path)) if !path.is_empty() => Ok(Self::Directory(path.into())),
            None if text == "k8s" => Ok(Self::Kubernetes),
            _ => Err("known: prometheus=URL, mimir=URL, k8s, dir=PATH".to_owned()),
        }
    }
}

/// Every deployed rule.
pub(super) async fn deployed(arguments: &Arguments) -> anyhow::Result<Vec<Known>> {
    let server = |url: &str| Server { url: url.to_owned(), login: arguments.login.clone() };
    match &arguments.against {
        Place::Directory(path) => rule_set::read_path(path),
        Place::Prometheus(url) => {
            let rules = server(url).get("/api/v1/rules", &[]).await?;
            Ok(rule_set::document_rules(&rules).map_err(|error| unreadable(url, &error))?)
        }
        Place::Mimir(url) => {
            let rules = server(url).get_yaml("/config/v1/rules").await?;
            let wanted = match &arguments.namespace {
                Some(namespace) => Value::from_iter([(namespace.clone(), rules[namespace].clone())]),
                None => rules,
            };
            Ok(rule_set::document_rules(&wanted).map_err(|error| unreadable(url, &error))?)
        }
        Place::Kubernetes => of_cluster(arguments).await,
    }
}

fn unreadable(url: &str, error: &anyhow::Error) -> NoVerdict {
    NoVerdict(format!("{url} answered with rules that cannot be read: {error:#}"))
}

async fn of_cluster(arguments: &Arguments) -> anyhow::Result<Vec<Known>> {
    // Refused only when another part of the process has chosen already, which is as good.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let options = KubeConfigOptions { context: arguments.context.clone(), ..KubeConfigOptions::default() };
    let config = match &arguments.kubeconfig {
        Some(path) => {
            let read = Kubeconfig::read_from(path).with_context(|| format!("cannot read {}", path.display()))?;
            Config::from_custom_kubeconfig(read, &options).await?
        }
        None if arguments.context.is_some() => Config::from_kubeconfig(&options).await?,
        None => Config::infer().await.context("no kubeconfig and not inside a cluster")?,
    };
    let place = config.cluster_url.to_string();
    let client = Client::try_from(config)?;
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("monitoring.coreos.com", "v1", "PrometheusRule"));
    let api: Api<DynamicObject> = match &arguments.namespace {
        Some(namespace) => Api::namespaced_with(client, namespace, &resource),
        None => Api::all_with(client, &resource),
    };
    let mut rules = Vec::new();
    let mut parameters = ListParams::default().limit(PAGE);
    loop {
        let page = tokio::time::timeout(DEADLINE, api.list(&parameters)).await;
        let page = page.map_err(|_| NoVerdict(format!("{place} gave no answer within {DEADLINE:?}")))?;
        let page = page.map_err(|error| NoVerdict(format!("cannot list PrometheusRule objects: {error}")))?;
        for object in &page.items {
            let found = rule_set::document_rules(&object.data["spec"]);
            let name = object.metadata.name.as_deref().unwrap_or_default();
            rules.extend(found.map_err(|error| unreadable(&format!("PrometheusRule {name}"), &error))?);
        }
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => parameters = parameters.continue_token(&token),
            None => return Ok(rules),
        }
    }
}
