//! Reads the deployed rules from a server, a cluster or files.

use crate::review::rule_set::{self, ListedRule};
use crate::server::{Login, NoVerdict, Server, address};
use anyhow::Context;
use kube::api::{Api, ApiResource, DynamicObject, ListParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::GroupVersionKind;
use kube::{Client, Config};
use serde_json::Value;
use std::path::PathBuf;
use std::time::Duration;

const DEADLINE: Duration = Duration::from_secs(30);
/// The number of objects in one page of a list request.
const PAGE: u32 = 100;

/// The arguments that say where the deployed rules are.
#[derive(Debug, clap::Args)]
pub struct Deployed {
    /// What is deployed: prometheus=URL, mimir=URL, k8s, or dir=PATH (a folder or a file).
    #[arg(long, value_name = "PLACE", value_parser = Place::parse)]
    pub against: Place,
    /// k8s: only objects of this namespace; mimir: only this rule namespace.
    #[arg(long, value_name = "NAME")]
    pub namespace: Option<String>,
    /// k8s: the kubeconfig instead of the usual one.
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// k8s: the context of the kubeconfig.
    #[arg(long, value_name = "NAME")]
    pub context: Option<String>,
    #[command(flatten)]
    pub login: Login,
}

/// The value of `--against`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// The rules API of Prometheus or Thanos at this URL.
    Prometheus(String),
    /// The configuration API of the ruler of Mimir or Cortex at this URL.
    Mimir(String),
    /// The `PrometheusRule` objects of a cluster.
    Kubernetes,
    /// A file or folder.
    Directory(PathBuf),
}

impl Place {
    fn parse(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some(("prometheus", url)) => address(url).map(Self::Prometheus),
            Some(("mimir", url)) => address(url).map(Self::Mimir),
            Some(("dir", path)) if !path.is_empty() => Ok(Self::Directory(path.into())),
            None if text == "k8s" => Ok(Self::Kubernetes),
            _ => Err("allowed: prometheus=URL, mimir=URL, k8s, dir=PATH".to_owned()),
        }
    }
}

/// Reads every deployed rule.
pub async fn deployed(place: &Deployed) -> anyhow::Result<Vec<ListedRule>> {
    let server = |url: &str| Server { url: url.to_owned(), login: place.login.clone() };
    match &place.against {
        Place::Directory(path) => rule_set::read_path(path),
        Place::Prometheus(url) => {
            let rules = server(url).rule_groups().await?;
            Ok(rule_set::document_rules(&rules).map_err(|error| unreadable(url, &error))?)
        }
        Place::Mimir(url) => {
            let rules = server(url).get_yaml("/config/v1/rules").await?;
            let wanted = match &place.namespace {
                Some(namespace) => Value::from_iter([(namespace.clone(), rules[namespace].clone())]),
                None => rules,
            };
            Ok(rule_set::document_rules(&wanted).map_err(|error| unreadable(url, &error))?)
        }
        Place::Kubernetes => of_cluster(place).await,
    }
}

fn unreadable(url: &str, error: &anyhow::Error) -> NoVerdict {
    NoVerdict::new(format!("the rules in the response of {url} cannot be read: {error:#}"))
}

async fn of_cluster(place: &Deployed) -> anyhow::Result<Vec<ListedRule>> {
    // An error means that a provider is installed already, which is as good.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let options = KubeConfigOptions { context: place.context.clone(), ..KubeConfigOptions::default() };
    let config = match &place.kubeconfig {
        Some(path) => {
            let read = Kubeconfig::read_from(path).with_context(|| format!("cannot read {}", path.display()))?;
            Config::from_custom_kubeconfig(read, &options).await?
        }
        None if place.context.is_some() => Config::from_kubeconfig(&options).await?,
        None => Config::infer().await.context("no kubeconfig and not inside a cluster")?,
    };
    let server = config.cluster_url.to_string();
    let client = Client::try_from(config)?;
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("monitoring.coreos.com", "v1", "PrometheusRule"));
    let api: Api<DynamicObject> = match &place.namespace {
        Some(namespace) => Api::namespaced_with(client, namespace, &resource),
        None => Api::all_with(client, &resource),
    };
    let mut rules = Vec::new();
    let mut parameters = ListParams::default().limit(PAGE);
    loop {
        let page = tokio::time::timeout(DEADLINE, api.list(&parameters)).await;
        let page = page.map_err(|_| NoVerdict::new(format!("{server} gave no response within {DEADLINE:?}")))?;
        let page = page.map_err(|error| NoVerdict::new(format!("cannot list PrometheusRule objects: {error}")))?;
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
