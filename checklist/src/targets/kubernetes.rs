//! The list `kubernetes:`.

use super::exclusions::{self, Exclusion};
use super::kind::TargetKind;
use super::parts::{NAMESPACE, Needs, OBJECT_NAME, Peer};
use super::target::{List, OWN, Sourced, Target};
use crate::reader::found::Found;
use crate::reader::keys::{Key, Kind, Rule, Section};
use crate::reader::table::Table;
use crate::yaml::{Place, quote};
use std::path::PathBuf;

/// A cluster, or a part of it that consists of some namespaces.
#[derive(Debug, Clone)]
pub struct Kubernetes {
    /// The value of the label `target`.
    pub name: String,
    /// The kubeconfig. `None`: the service account of the pod.
    pub kubeconfig: Option<PathBuf>,
    /// The context in the kubeconfig. `None`: its current context.
    pub context: Option<String>,
    /// The namespaces to watch. Never empty.
    pub namespaces: Vec<String>,
    /// The namespace of the exporter's service account in this cluster. By default the first watched one.
    pub exporter_namespace: String,
    /// Whether to accept the self-signed serving certificates of kubelets.
    pub kubelet_insecure_skip_verify: bool,
    /// A label selector of the nodes whose kubelets are asked. `None`: all nodes.
    pub kubelet_node_selector: Option<String>,
    /// Whether a namespace may be without workloads and pods.
    pub may_be_empty: bool,
    /// The authority of the kubelets' serving certificates. `None`: that of the cluster.
    pub kubelet_ca_file: Option<PathBuf>,
    /// Objects that are not judged.
    pub excluded: Vec<Exclusion>,
    /// Secrets that must be rotated.
    pub secrets: Vec<RotatedSecret>,
    /// Pods that write audit lines to their logs.
    pub audit_logs: Vec<AuditLogs>,
    /// The audiences of service account tokens that are accepted as login to the exporter's web server. Empty: no token
    /// is accepted.
    pub web_audiences: Vec<String>,
}

/// A Secret that must be rotated. The exporter reads only its metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RotatedSecret {
    pub namespace: String,
    pub name: String,
    /// The annotation with the time of the last rotation (RFC 3339). `None`: the time of creation counts.
    pub annotation: Option<String>,
}

/// Pods whose logs contain audit lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditLogs {
    pub namespace: String,
    /// The label selector of the pods.
    pub selector: String,
    /// The container, when a pod has several.
    pub container: Option<String>,
    /// A text that every audit line contains.
    pub marker: String,
}

const OF_ENTRY: Key = Key::new("namespace", Kind::Form(&NAMESPACE), "The namespace of the secret.")
    .otherwise("the watched one, if there is only one")
    .example("production");

static SECRET: Section = Section {
    what: "an entry",
    keys: &[&[
        Key::new("name", Kind::Form(&OBJECT_NAME), "The name of the secret.").required().example("jwt-secret"),
        OF_ENTRY,
        Key::new(
            "annotation",
            Kind::Text,
            "The annotation with the time of the last rotation (RFC 3339), instead of the time of its creation.",
        )
        .example("example.com/rotated-at"),
    ]],
    rules: &[],
};

static AUDIT_LOG: Section = Section {
    what: "an entry",
    keys: &[&[
        OF_ENTRY,
        Key::new("selector", Kind::Text, "The label selector of the pods.").required().example("app=web"),
        Key::new("container", Kind::Text, "The container, where a pod has several.")
            .otherwise("the only one of the pod")
            .example("web"),
        Key::new("marker", Kind::Text, "A string that every audit line contains.")
            .default("AUDIT:")
            .example("'[audit]'"),
    ]],
    rules: &[],
};

static KUBELET: Section = Section {
    what: "kubelet",
    keys: &[&[
        Key::new(
            "insecureSkipVerify",
            Kind::Flag,
            "Whether to accept any serving certificate of the kubelets, such as self-signed ones.",
        )
        .default("false")
        .example("true"),
        Key::new("caFile", Kind::Path, "The file with the authority of the kubelets' serving certificates, in PEM.")
            .otherwise("the authority of the cluster")
            .example("/etc/checklist/private/kubelet-ca.pem"),
        Key::new("nodeSelector", Kind::Text, "A label selector of the nodes whose kubelets are queried.")
            .otherwise("all")
            .example("node-role=worker"),
    ]],
    rules: &[],
};

impl Target for Kubernetes {
    fn name(&self) -> &str {
        &self.name
    }

    fn kinds(&self) -> Vec<TargetKind> {
        let logs = (!self.audit_logs.is_empty()).then_some(TargetKind::PodLogs);
        let secrets = (!self.secrets.is_empty()).then_some(TargetKind::Secrets);
        std::iter::once(TargetKind::Kubernetes).chain(logs).chain(secrets).collect()
    }

    fn needs(&self) -> Needs<'_> {
        Needs::default().file(self.kubeconfig.as_ref()).file(self.kubelet_ca_file.as_ref()).peer(Peer::Kubernetes)
    }
}

static ENTRY: Section = Section {
    what: "a target",
    keys: &[OWN, &[
        Key::new("kubeconfig", Kind::Path, "The kubeconfig to log in with.")
            .otherwise("the service account of the exporter's pod")
            .example("/etc/checklist/private/kubeconfig"),
        Key::new("context", Kind::Text, "The context within the kubeconfig.")
            .otherwise("its current context")
            .example("production"),
        Key::new("namespaces", Kind::List(&Kind::Form(&NAMESPACE), true), "The namespaces that are watched.")
            .required()
            .example("[production, ingress]"),
        Key::new(
            "exporterNamespace",
            Kind::Form(&NAMESPACE),
            "The namespace of the exporter's service account in this cluster.",
        )
        .otherwise("the first watched one")
        .example("monitoring"),
        Key::new("kubelet", Kind::Table(&KUBELET), "How the certificates of the kubelets are verified, which have the statistics of volumes.")
            .example("{insecureSkipVerify: true}"),
        Key::new("mayBeEmpty", Kind::Flag, "Whether a namespace may have no workloads and no pods.")
            .default("false")
            .example("true"),
        exclusions::OF_CLUSTER,
        Key::new(
            "secrets",
            Kind::List(&Kind::Table(&SECRET), false),
            "Secrets that are rotated; only their metadata is read.",
        )
        .example("[{name: jwt-secret}]"),
        Key::new("auditLogs", Kind::List(&Kind::Table(&AUDIT_LOG), false), "Pods that write audit events to their logs.")
            .example("[{selector: app=web}]"),
        Key::new(
            "webAudiences",
            Kind::List(&Kind::Text, false),
            "Audiences, one of which a bearer token must have to log in to the pages of the exporter; only one cluster can have this key.",
        )
        .example("[checklist-exporter]"),
    ]],
    rules: &[Rule::Needs(
        "context",
        "kubeconfig",
        "context needs kubeconfig: inside a cluster there is only one context",
    )],
};

impl List for Kubernetes {
    const LIST: &'static str = "kubernetes";
    const ABOUT: &'static str = "Clusters, or sets of namespaces in a cluster.";
    const EXAMPLE: &'static str = "[{name: production, namespaces: [shop]}]";
    const ENTRY: &'static Section = &ENTRY;

    fn check_sourced(&self, table: &Table<'_>, checks: &[Sourced]) {
        exclusions::check_sourced(&self.excluded, table, checks);
    }

    fn read(table: &Table<'_>, name: String) -> Option<Self> {
        let namespaces = table.texts("namespaces");
        for (at, node) in table.list("namespaces").iter().enumerate() {
            if let Some(twice) = node.scalar().filter(|text| namespaces.iter().take(at).any(|known| known == text)) {
                table.mistake(node.place, format!("the namespace {} is listed twice", quote(twice)));
            }
        }
        let kubelet = table.table("kubelet");
        let insecure = kubelet.is_some_and(|kubelet| kubelet.flag("insecureSkipVerify"));
        let ca_file = kubelet.and_then(|kubelet| kubelet.path("caFile"));
        if let (true, Some(_), Some(kubelet)) = (insecure, &ca_file, kubelet) {
            kubelet.mistake_at("caFile", "caFile has no effect while insecureSkipVerify is true: keep one of them");
        }
        let secret = |entry: Table<'_>| {
            let (namespace, annotation) = (namespace_or_only(&entry, &namespaces), entry.text("annotation"));
            Some(RotatedSecret { namespace: namespace?, name: entry.text("name")?, annotation })
        };
        let audit_log = |entry: Table<'_>| {
            let (namespace, container) = (namespace_or_only(&entry, &namespaces), entry.text("container"));
            let (selector, marker) = (entry.text("selector"), entry.text("marker"));
            Some(AuditLogs { namespace: namespace?, selector: selector?, container, marker: marker? })
        };
        Some(Self {
            name,
            kubeconfig: table.path("kubeconfig"),
            context: table.text("context"),
            exporter_namespace: table.text("exporterNamespace").unwrap_or_default(),
            kubelet_insecure_skip_verify: insecure,
            kubelet_ca_file: ca_file,
            kubelet_node_selector: kubelet.and_then(|kubelet| kubelet.text("nodeSelector")),
            may_be_empty: table.flag("mayBeEmpty"),
            excluded: exclusions::of_cluster(table),
            secrets: table.tables("secrets").into_iter().filter_map(secret).collect(),
            audit_logs: table.tables("auditLogs").into_iter().filter_map(audit_log).collect(),
            web_audiences: table.texts("webAudiences"),
            namespaces,
        })
    }
}

/// Checks rules between the entries, and sets the namespace of the exporter's service account: the first watched
/// namespace, unless `exporterNamespace` is written. All entries without a kubeconfig are parts of the one cluster that
/// the exporter runs in.
pub(crate) fn together(clusters: &mut [Kubernetes], place: Place, found: &Found) {
    if clusters.iter().filter(|cluster| !cluster.web_audiences.is_empty()).count() > 1 {
        found.mistake(place, "only one cluster can have webAudiences");
    }
    let own: Vec<&Kubernetes> = clusters.iter().filter(|cluster| cluster.kubeconfig.is_none()).collect();
    let mut named = own.iter().map(|cluster| &cluster.exporter_namespace).filter(|name| !name.is_empty());
    let first = named.next();
    if let (Some(first), Some(other)) = (first, named.find(|name| Some(*name) != first)) {
        found.mistake(
            place,
            format!("exporterNamespace is both {first} and {other}, but the exporter runs in one namespace"),
        );
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

/// Returns the namespace of an entry. When it is not written, the watched namespace, provided there is only one.
fn namespace_or_only(entry: &Table<'_>, watched: &[String]) -> Option<String> {
    match watched {
        _ if entry.node("namespace").is_some() => entry.text("namespace"),
        [only] => Some(only.clone()),
        // The missing namespaces were reported already.
        [] => None,
        _ => {
            entry.mistake(entry.place, "the field namespace is required, because several namespaces are watched");
            None
        }
    }
}
