//! `kubernetes:`

use super::read_parts::{NAMESPACE, is_dns_label, is_dns_subdomain, namespace};
use super::reader::{Found, Table};
use crate::targets::{AuditLogs, Kubernetes, RotatedSecret};
use crate::yaml::Place;
use crate::yaml::tree::Tree;
use std::path::PathBuf;

pub(super) fn kubernetes(table: &mut Table<'_>, name: String, found: &Found) -> Option<Kubernetes> {
    let kubeconfig = table.text("kubeconfig").map(PathBuf::from);
    let context = table.text("context");
    if let (Some(_), None, Some(node)) = (&context, &kubeconfig, table.node("context")) {
        table.mistake(node.place, "context has no meaning without kubeconfig: inside a cluster there is only one");
    }
    let mut namespaces = Vec::new();
    for node in table.list("namespaces") {
        match &node.tree {
            Tree::Text(text) if namespaces.contains(text) => {
                table.mistake(node.place, format!("the namespace {text} is listed twice"));
            }
            Tree::Text(text) if is_dns_label(text) => namespaces.push(text.clone()),
            _ => table.mistake(node.place, NAMESPACE),
        }
    }
    if namespaces.is_empty() {
        table.mistake(table.place, "the field namespaces is missing: list at least one namespace");
    }
    let exporter_namespace = namespace(table, "exporterNamespace").unwrap_or_default();
    let mut insecure = None;
    let mut ca_file = None;
    let mut node_selector = None;
    if let Some(mut kubelet) = table.table("kubelet") {
        insecure = kubelet.flag("insecureSkipVerify");
        ca_file = kubelet.text("caFile").map(PathBuf::from);
        node_selector = kubelet.text("nodeSelector");
        if let (Some(true), Some(node)) = (insecure, kubelet.node("caFile")) {
            kubelet.mistake(node.place, "caFile is never looked at while insecureSkipVerify is true: keep one of them");
        }
        kubelet.finish();
    }
    let may_be_empty = table.flag("mayBeEmpty").unwrap_or(false);
    let secrets = each(table, "secrets", found, |entry| {
        let name = entry.required("name");
        if let (Some(text), Some(node)) = (&name, entry.node("name"))
            && !is_dns_subdomain(text)
        {
            entry.mistake(node.place, "the name of a secret has lower-case letters, digits, dashes and dots");
        }
        let namespace = namespace_or_only(entry, &namespaces);
        let annotation = entry.text("annotation");
        Some(RotatedSecret { namespace: namespace?, name: name?, annotation })
    });
    let audit_logs = each(table, "auditLogs", found, |entry| {
        let namespace = namespace_or_only(entry, &namespaces);
        let selector = entry.required("selector");
        let container = entry.text("container");
        let marker = entry.text("marker").unwrap_or_else(|| "AUDIT:".to_owned());
        Some(AuditLogs { namespace: namespace?, selector: selector?, container, marker })
    });
    let web_audiences = web_audiences(table);
    (!namespaces.is_empty()).then(|| Kubernetes {
        name,
        kubeconfig,
        context,
        namespaces,
        exporter_namespace,
        kubelet_insecure_skip_verify: insecure.unwrap_or(false),
        kubelet_ca_file: ca_file,
        kubelet_node_selector: node_selector,
        may_be_empty,
        secrets,
        audit_logs,
        web_audiences,
    })
}

/// Where the exporter's service account is: in the first watched namespace, unless `exporterNamespace` says otherwise.
/// Entries without a kubeconfig are parts of the one cluster that the exporter runs in, once.
pub(super) fn homes(clusters: &mut [Kubernetes], place: Place, found: &Found) {
    let own: Vec<&Kubernetes> = clusters.iter().filter(|cluster| cluster.kubeconfig.is_none()).collect();
    let mut named = own.iter().map(|cluster| &cluster.exporter_namespace).filter(|name| !name.is_empty());
    let first = named.next();
    if let (Some(first), Some(other)) = (first, named.find(|name| Some(*name) != first)) {
        found.mistake(place, format!("exporterNamespace is {first} and {other}, but the exporter runs in one of them"));
    }
    let home = first.or_else(|| own.first()?.namespaces.first()).cloned();
    for cluster in clusters {
        match &home {
            Some(home) if cluster.kubeconfig.is_none() => cluster.exporter_namespace.clone_from(home),
            _ if cluster.exporter_namespace.is_empty() => {
                cluster.exporter_namespace = cluster.namespaces.first().cloned().unwrap_or_default();
            }
            _ => {}
        }
    }
}

fn web_audiences(table: &mut Table<'_>) -> Vec<String> {
    let mut audiences = Vec::new();
    for node in table.list("webAudiences") {
        match &node.tree {
            Tree::Text(text) if !text.trim().is_empty() => audiences.push(text.clone()),
            _ => table.mistake(node.place, "an audience is a text, such as checklist-exporter"),
        }
    }
    audiences
}

/// The entries of a list of tables.
fn each<T>(
    table: &mut Table<'_>,
    key: &'static str,
    found: &Found,
    read: impl Fn(&mut Table<'_>) -> Option<T>,
) -> Vec<T> {
    let one = |node| {
        let mut entry = Table::of(node, "an entry", found)?;
        let read = read(&mut entry);
        entry.finish();
        read
    };
    table.list(key).iter().filter_map(one).collect()
}

/// The namespace of an entry; the watched one when there is only one.
fn namespace_or_only(entry: &mut Table<'_>, watched: &[String]) -> Option<String> {
    match watched {
        _ if entry.node("namespace").is_some() => namespace(entry, "namespace"),
        [only] => Some(only.clone()),
        _ => {
            entry.mistake(entry.place, "the field namespace is missing: several are watched");
            None
        }
    }
}
