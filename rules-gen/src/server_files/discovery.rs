//! The service discoveries of Prometheus (`*_sd_configs`): the keys and requirements of each.

use super::http_client::{HTTP, TLS};
use super::schema::{Findings, Kind, PLAIN, Table, is_there, scalar};
use super::spelling::is_watched_file;
use serde_json::{Map, Value};

/// The lists of service discoveries in a scrape configuration or an Alertmanager entry.
pub(super) static DISCOVERY: Table = Table {
    keys: &[
        (Kind::Tables(&STATIC), "static_configs"),
        (Kind::Tables(&AWS), "aws_sd_configs"),
        (Kind::Tables(&AZURE), "azure_sd_configs"),
        (Kind::Tables(&CONSUL), "consul_sd_configs"),
        (Kind::Tables(&DIGITALOCEAN), "digitalocean_sd_configs"),
        (Kind::Tables(&DNS), "dns_sd_configs"),
        (Kind::Tables(&DOCKER), "docker_sd_configs"),
        (Kind::Tables(&DOCKERSWARM), "dockerswarm_sd_configs"),
        (Kind::Tables(&EC2), "ec2_sd_configs"),
        (Kind::Tables(&CLUSTERS), "ecs_sd_configs elasticache_sd_configs msk_sd_configs rds_sd_configs"),
        (Kind::Tables(&EUREKA), "eureka_sd_configs"),
        (Kind::Tables(&FILE), "file_sd_configs"),
        (Kind::Tables(&GCE), "gce_sd_configs"),
        (Kind::Tables(&HETZNER), "hetzner_sd_configs"),
        (Kind::Tables(&BY_URL), "http_sd_configs"),
        (Kind::Tables(&IONOS), "ionos_sd_configs"),
        (Kind::Tables(&KUBERNETES), "kubernetes_sd_configs"),
        (Kind::Tables(&KUMA), "kuma_sd_configs"),
        (Kind::Tables(&AMAZON), "lightsail_sd_configs"),
        (Kind::Tables(&LINODE), "linode_sd_configs"),
        (Kind::Tables(&MARATHON), "marathon_sd_configs"),
        (Kind::Tables(&ZOOKEEPER), "nerve_sd_configs serverset_sd_configs"),
        (Kind::Tables(&NOMAD), "nomad_sd_configs"),
        (Kind::Tables(&OCI), "oci_sd_configs"),
        (Kind::Tables(&OPENSTACK), "openstack_sd_configs"),
        (Kind::Tables(&OUTSCALE), "outscale_sd_configs"),
        (Kind::Tables(&OVHCLOUD), "ovhcloud_sd_configs"),
        (Kind::Tables(&PUPPETDB), "puppetdb_sd_configs"),
        (Kind::Tables(&SCALEWAY), "scaleway_sd_configs"),
        (Kind::Tables(&STACKIT), "stackit_sd_configs"),
        (Kind::Tables(&TRITON), "triton_sd_configs"),
        (Kind::Tables(&UYUNI), "uyuni_sd_configs"),
        (Kind::Tables(&CLOUD), "vultr_sd_configs"),
    ],
    ..PLAIN
};

static STATIC: Table =
    Table { keys: &[(Kind::Texts, "targets"), (Kind::TextMap, "labels")], more: Some(static_labels), ..PLAIN };

fn static_labels(of: &Map<String, Value>, findings: &mut Findings) {
    if of.get("labels").and_then(Value::as_object).is_some_and(|labels| labels.contains_key("")) {
        findings.under("labels", |findings| findings.refuse("a label has no name"));
    }
}

/// Checks the addresses of static targets with `address`. With `relabel_configs` a target may be anything, because they
/// write the address: exporters that probe URLs are configured so.
pub(super) fn static_targets(of: &Map<String, Value>, findings: &mut Findings, address: fn(&Value, &mut Findings)) {
    if of.get("relabel_configs").and_then(Value::as_array).is_some_and(|rules| !rules.is_empty()) {
        return;
    }
    findings.each(of, "static_configs", |group, findings| {
        let Some(group) = group.as_object() else { return };
        findings.each(group, "targets", address);
    });
}

static REFRESH: Table = Table { keys: &[(Kind::Duration, "refresh_interval")], ..PLAIN };
/// The keys of the discoveries that ask an API over HTTP and find hosts without a port.
static CLOUD: Table = Table { keys: &[(Kind::Whole, "port")], inline: &[&REFRESH, &HTTP], ..PLAIN };

static AMAZON: Table = Table {
    keys: &[(Kind::Text, "endpoint region access_key secret_key profile role_arn external_id")],
    inline: &[&CLOUD],
    ..PLAIN
};
static EC2: Table = Table { keys: &[(Kind::Tables(&FILTER), "filters")], inline: &[&AMAZON], ..PLAIN };
static CLUSTERS: Table = Table {
    keys: &[(Kind::Texts, "clusters"), (Kind::Whole, "request_concurrency"), (Kind::Tables(&DOCKER_FILTER), "filters")],
    inline: &[&AMAZON],
    ..PLAIN
};
static AWS: Table = Table {
    keys: &[(Kind::Text, "role"), (Kind::Texts, "clusters"), (Kind::Tables(&DOCKER_FILTER), "filters")],
    inline: &[&AMAZON],
    needs: &["role"],
    values: &[("role", "ec2 ecs elasticache lightsail msk rds")],
    ..PLAIN
};
static FILTER: Table = Table { keys: &[(Kind::Text, "name"), (Kind::Texts, "values")], needs: &["values"], ..PLAIN };
static DOCKER_FILTER: Table = Table { keys: &[(Kind::Text, "name"), (Kind::Texts, "values")], ..PLAIN };

static AZURE: Table = Table {
    keys: &[(
        Kind::Text,
        "environment subscription_id tenant_id client_id client_secret authentication_method resource_group",
    )],
    inline: &[&CLOUD],
    needs: &["subscription_id"],
    values: &[("authentication_method", "OAuth ManagedIdentity SDK WorkloadIdentity")],
    more: Some(azure),
    ..PLAIN
};

fn azure(of: &Map<String, Value>, findings: &mut Findings) {
    if of.get("authentication_method").is_none_or(|method| method == "OAuth") {
        for key in ["tenant_id", "client_id", "client_secret"].into_iter().filter(|key| !is_there(of, key)) {
            findings.refuse(format!("{key} is missing; the authentication method OAuth needs it"));
        }
    }
}

static CONSUL: Table = Table {
    keys: &[
        (
            Kind::Text,
            "server path_prefix token datacenter namespace partition tag_separator scheme username password filter \
             health_filter",
        ),
        (Kind::Bool, "allow_stale"),
        (Kind::Texts, "services tags"),
        (Kind::TextMap, "node_meta"),
    ],
    inline: &[&REFRESH, &HTTP],
    at_most_one: &["token authorization", "token oauth2", "username basic_auth", "password basic_auth"],
    more: Some(consul),
    ..PLAIN
};

fn consul(of: &Map<String, Value>, findings: &mut Findings) {
    if of.get("server").and_then(Value::as_str).is_some_and(|server| server.trim().is_empty()) {
        findings.under("server", |findings| findings.refuse("the value is empty: remove the key, or write host:port"));
    }
}

static DIGITALOCEAN: Table =
    Table { keys: &[(Kind::Text, "role")], inline: &[&CLOUD], values: &[("role", "droplets databases")], ..PLAIN };

static DNS: Table = Table {
    keys: &[(Kind::Texts, "names"), (Kind::Text, "type"), (Kind::Whole, "port")],
    inline: &[&REFRESH],
    needs: &["names"],
    more: Some(dns),
    ..PLAIN
};

fn dns(of: &Map<String, Value>, findings: &mut Findings) {
    let kind = of.get("type").and_then(Value::as_str).unwrap_or("SRV").to_uppercase();
    if !["SRV", "A", "AAAA", "MX", "NS"].contains(&kind.as_str()) {
        findings.under("type", |findings| findings.refuse(format!("{kind:?} is not one of SRV, A, AAAA, MX, NS")));
    } else if kind != "SRV" && of.get("port").and_then(Value::as_f64).is_none_or(|port| port == 0.0) {
        findings.refuse(format!("port is missing: records of type {kind} contain no port"));
    }
}

static DOCKER: Table = Table {
    keys: &[
        (Kind::Text, "host host_networking_host"),
        (Kind::Tables(&DOCKER_FILTER), "filters"),
        (Kind::Bool, "match_first_network"),
    ],
    inline: &[&CLOUD],
    needs: &["host"],
    ..PLAIN
};
static DOCKERSWARM: Table = Table {
    keys: &[(Kind::Text, "host role"), (Kind::Tables(&DOCKER_FILTER), "filters")],
    inline: &[&CLOUD],
    needs: &["host", "role"],
    values: &[("role", "services nodes tasks")],
    ..PLAIN
};
static EUREKA: Table =
    Table { keys: &[(Kind::Url, "server")], inline: &[&REFRESH, &HTTP], needs: &["server"], ..PLAIN };

static FILE: Table =
    Table { keys: &[(Kind::Texts, "files")], inline: &[&REFRESH], needs: &["files"], more: Some(file), ..PLAIN };

fn file(of: &Map<String, Value>, findings: &mut Findings) {
    findings.each(of, "files", |name, findings| {
        let name = scalar(name).unwrap_or_default();
        if !is_watched_file(&name) {
            findings.refuse(format!(
                "{name:?} is not a .json, .yml or .yaml file name; a * is allowed in the file name only"
            ));
        }
    });
}

static GCE: Table = Table {
    keys: &[(Kind::Text, "project zone filter tag_separator"), (Kind::Whole, "port")],
    inline: &[&REFRESH],
    needs: &["project", "zone"],
    ..PLAIN
};
static HETZNER: Table = Table {
    keys: &[(Kind::Text, "role label_selector")],
    inline: &[&CLOUD],
    needs: &["role"],
    values: &[("role", "robot hcloud")],
    ..PLAIN
};
static BY_URL: Table = Table { keys: &[(Kind::Url, "url")], inline: &[&REFRESH, &HTTP], needs: &["url"], ..PLAIN };
static IONOS: Table =
    Table { keys: &[(Kind::Text, "datacenter_id")], inline: &[&CLOUD], needs: &["datacenter_id"], ..PLAIN };

static KUBERNETES: Table = Table {
    keys: &[
        (Kind::Text, "api_server role kubeconfig_file"),
        (Kind::Table(&NAMESPACES), "namespaces"),
        (Kind::Tables(&SELECTOR), "selectors"),
        (Kind::Table(&ATTACHED), "attach_metadata"),
    ],
    inline: &[&HTTP],
    needs: &["role"],
    values: &[("role", "pod service endpoints endpointslice node ingress")],
    more: Some(kubernetes),
    ..PLAIN
};
static NAMESPACES: Table = Table { keys: &[(Kind::Bool, "own_namespace"), (Kind::Texts, "names")], ..PLAIN };
static SELECTOR: Table = Table { keys: &[(Kind::Text, "role label field")], needs: &["role"], ..PLAIN };
static ATTACHED: Table = Table { keys: &[(Kind::Bool, "node namespace deployment job cronjob")], ..PLAIN };

fn kubernetes(of: &Map<String, Value>, findings: &mut Findings) {
    let [server, file] = ["api_server", "kubeconfig_file"].map(|key| is_there(of, key));
    let http = || HTTP.keys.iter().flat_map(|(_, names)| names.split_whitespace());
    let custom = http().filter(|key| !["follow_redirects", "enable_http2"].contains(key)).find(|key| is_there(of, key));
    if server && file {
        findings.refuse("only one of kubeconfig_file and api_server may be set");
    } else if let Some(key) = custom.filter(|_| file) {
        findings.under(key, |findings| {
            findings.refuse("kubeconfig_file already defines the connection: remove this key or kubeconfig_file");
        });
    } else if let Some(key) = custom.filter(|_| !server) {
        let why = "the key has an effect only with api_server; without api_server, Prometheus uses the service account of its pod";
        findings.under(key, |findings| findings.refuse(why));
    }
    if (server || file) && of.get("namespaces").is_some_and(|of| of["own_namespace"] == true) {
        findings.under("namespaces", |findings| findings.refuse("own_namespace is the namespace of the Prometheus pod, so it cannot be combined with api_server or kubeconfig_file"));
    }
    let role = of.get("role").and_then(Value::as_str).unwrap_or_default();
    let allowed = match role {
        "pod" => "pod node",
        "endpointslice" => "pod service endpointslice",
        "endpoints" => "pod service endpoints",
        other => other,
    };
    let mut seen: Vec<String> = Vec::new();
    findings.each(of, "selectors", |selector, findings| {
        let own = selector["role"].as_str().unwrap_or_default().to_owned();
        if seen.contains(&own) {
            findings.refuse(format!("two selectors have the role {own}: combine them into one"));
        } else if !allowed.split(' ').any(|role| role == own) {
            findings
                .refuse(format!("the role {role} allows only selectors of the roles {}", allowed.replace(' ', ", ")));
        }
        let fields = selector["field"].as_str().unwrap_or_default();
        if let Some(field) = fields.split(',').find(|field| !field.trim().is_empty() && !field.contains('=')) {
            findings.under("field", |findings| findings.refuse(format!("{field:?} is not of the form name=value")));
        }
        seen.push(own);
    });
}

static KUMA: Table = Table {
    keys: &[(Kind::Text, "server client_id"), (Kind::Duration, "fetch_timeout")],
    inline: &[&REFRESH, &HTTP],
    needs: &["server"],
    ..PLAIN
};
static LINODE: Table = Table { keys: &[(Kind::Text, "tag_separator region")], inline: &[&CLOUD], ..PLAIN };
static MARATHON: Table = Table {
    keys: &[(Kind::Texts, "servers"), (Kind::Text, "auth_token auth_token_file")],
    inline: &[&REFRESH, &HTTP],
    needs: &["servers"],
    at_most_one: &["auth_token auth_token_file basic_auth bearer_token bearer_token_file authorization"],
    ..PLAIN
};
static ZOOKEEPER: Table = Table {
    keys: &[(Kind::Texts, "servers paths"), (Kind::Duration, "timeout")],
    needs: &["servers", "paths"],
    ..PLAIN
};
static NOMAD: Table = Table {
    keys: &[(Kind::Text, "namespace region server tag_separator"), (Kind::Bool, "allow_stale")],
    inline: &[&REFRESH, &HTTP],
    ..PLAIN
};
static OCI: Table = Table {
    keys: &[
        (Kind::Text, "auth tenancy user fingerprint key_file key_passphrase key_passphrase_file region"),
        (Kind::Texts, "compartments"),
    ],
    inline: &[&CLOUD],
    needs: &["region"],
    at_most_one: &["key_passphrase key_passphrase_file"],
    values: &[("auth", "api_key instance_principal")],
    ..PLAIN
};
static OPENSTACK: Table = Table {
    keys: &[
        (
            Kind::Text,
            "identity_endpoint username userid password project_name project_id domain_name domain_id \
             application_credential_name application_credential_id application_credential_secret role region \
             availability",
        ),
        (Kind::Whole, "port"),
        (Kind::Bool, "all_tenants"),
        (Kind::Table(&TLS), "tls_config"),
    ],
    inline: &[&REFRESH],
    needs: &["role", "region"],
    values: &[("role", "hypervisor instance loadbalancer"), ("availability", "public internal admin")],
    ..PLAIN
};
static OUTSCALE: Table = Table {
    keys: &[(Kind::Text, "endpoint region access_key secret_key secret_key_file")],
    inline: &[&CLOUD],
    needs: &["region", "access_key", "secret_key secret_key_file"],
    at_most_one: &["secret_key secret_key_file"],
    ..PLAIN
};
static OVHCLOUD: Table = Table {
    keys: &[(Kind::Text, "endpoint application_key application_secret consumer_key service")],
    inline: &[&REFRESH],
    needs: &["application_key", "application_secret", "consumer_key", "service"],
    values: &[("service", "dedicated_server vps")],
    ..PLAIN
};
static PUPPETDB: Table = Table {
    keys: &[(Kind::Url, "url"), (Kind::Text, "query"), (Kind::Bool, "include_parameters")],
    inline: &[&CLOUD],
    needs: &["url", "query"],
    ..PLAIN
};
static SCALEWAY: Table = Table {
    keys: &[
        (Kind::Text, "project_id api_url zone access_key secret_key secret_key_file name_filter role"),
        (Kind::Texts, "tags_filter"),
    ],
    inline: &[&CLOUD],
    needs: &["role", "project_id", "access_key", "secret_key secret_key_file"],
    at_most_one: &["secret_key secret_key_file"],
    values: &[("role", "instance baremetal")],
    ..PLAIN
};
static STACKIT: Table = Table {
    keys: &[
        (Kind::AnyUrl, "endpoint"),
        (
            Kind::Text,
            "project region service_account_key private_key service_account_key_path private_key_path \
         credentials_file_path",
        ),
    ],
    inline: &[&CLOUD],
    needs: &["endpoint region"],
    ..PLAIN
};
static TRITON: Table = Table {
    keys: &[
        (Kind::Text, "account role dns_suffix endpoint"),
        (Kind::Texts, "groups"),
        (Kind::Whole, "port version"),
        (Kind::Table(&TLS), "tls_config"),
    ],
    inline: &[&REFRESH],
    needs: &["account", "dns_suffix", "endpoint"],
    values: &[("role", "container cn")],
    ..PLAIN
};
static UYUNI: Table = Table {
    keys: &[(Kind::Text, "server username password entitlement separator")],
    inline: &[&REFRESH, &HTTP],
    needs: &["server", "username", "password"],
    ..PLAIN
};
