//! What several kinds of target have in common: secrets, authorities, endpoints, prefixes.

use super::reader::Table;
use crate::targets::{Endpoint, S3Prefix, SecretRef};
use std::path::PathBuf;

/// `url`, a token and authorities.
pub(super) fn endpoint(table: &mut Table<'_>) -> Option<Endpoint> {
    let url = table.required("url");
    if let (Some(url), Some(node)) = (&url, table.node("url")) {
        if !is_http_url(url) {
            table.mistake(node.place, "url must begin with http:// or https:// and name a host");
        } else if has_login(url) {
            table.mistake(node.place, "url must not contain a user or password; use bearerTokenFile or bearerTokenEnv");
        }
    }
    let bearer_token = secret(table, "bearerTokenFile", "bearerTokenEnv");
    let ca_file = ca_file(table, url.as_deref().is_some_and(|url| url.starts_with("http://")));
    Some(Endpoint { url: url?, bearer_token, ca_file })
}

/// `bucket`, `prefix` and how to reach them.
pub(super) fn s3_prefix(table: &mut Table<'_>) -> Option<S3Prefix> {
    let bucket = table.required("bucket");
    let prefix = table.text("prefix").unwrap_or_default();
    if let (true, Some(node)) = (prefix.starts_with('/'), table.node("prefix")) {
        table.mistake(node.place, "prefix must not begin with a slash: keys of S3 do not");
    }
    let endpoint = table.text("endpoint");
    if let (Some(url), Some(node)) = (&endpoint, table.node("endpoint")) {
        if !is_http_url(url) {
            table.mistake(node.place, "endpoint must begin with http:// or https:// and name a host");
        } else if has_login(url) {
            table.mistake(
                node.place,
                "endpoint must not contain a user or password; use accessKeyIdFile and secretAccessKeyFile",
            );
        }
    }
    let region = table.text("region").unwrap_or_else(|| "us-east-1".to_owned());
    let path_style = table.flag("pathStyle").unwrap_or(false);
    let id = secret(table, "accessKeyIdFile", "accessKeyIdEnv");
    let key = secret(table, "secretAccessKeyFile", "secretAccessKeyEnv");
    if id.is_some() != key.is_some() {
        table.mistake(
            table.place,
            "accessKeyId and secretAccessKey go together: give both, or none for the AWS default chain",
        );
    }
    Some(S3Prefix { bucket: bucket?, prefix, endpoint, region, path_style, credentials: id.zip(key) })
}

/// An address without the slash at its end.
pub(super) fn url(table: &mut Table<'_>, key: &'static str) -> Option<String> {
    let text = table.text(key)?;
    if !(text.starts_with("http://") || text.starts_with("https://")) {
        let place = table.node(key)?.place;
        table.mistake(place, format!("{key} must begin with http:// or https://"));
        return None;
    }
    Some(text.trim_end_matches('/').to_owned())
}

pub(super) fn ca_file(table: &mut Table<'_>, useless: bool) -> Option<PathBuf> {
    let file = table.text("caFile").map(PathBuf::from);
    if let (true, Some(node)) = (useless, table.node("caFile")) {
        table.mistake(node.place, "caFile is never looked at: this connection does not verify certificates");
    }
    file
}

pub(super) fn secret(table: &mut Table<'_>, file_key: &'static str, env_key: &'static str) -> Option<SecretRef> {
    let file = table.text(file_key);
    let env = table.text(env_key);
    if let (Some(_), Some(_), Some(node)) = (&file, &env, table.node(env_key)) {
        table.mistake(node.place, format!("{file_key} and {env_key} exclude each other: keep one of them"));
    }
    file.map(|path| SecretRef::File(path.into())).or(env.map(SecretRef::Env))
}

/// Labels that have a meaning of their own: those of the exporter, of every scrape and of every rule.
pub(super) const RESERVED: [&str; 7] = ["alertname", "cadence", "check", "instance", "job", "severity", "target"];

/// What a namespace is, for whoever wrote something else.
pub(super) const NAMESPACE: &str = "a namespace is a text of lower-case letters, digits and dashes";

/// The name of a namespace; one that Kubernetes would refuse is a mistake, and none.
pub(super) fn namespace(table: &mut Table<'_>, key: &'static str) -> Option<String> {
    let name = table.text(key)?;
    if is_dns_label(&name) {
        return Some(name);
    }
    let place = table.node(key).map_or(table.place, |node| node.place);
    table.mistake(place, NAMESPACE);
    None
}

pub(super) fn is_dns_label(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// Whether Kubernetes takes a text as the name of most objects: up to 253 letters, DNS labels between dots.
pub(super) fn is_dns_subdomain(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_dns_label)
}

/// Whether an address says who asks: it would be shown wherever the address is.
fn has_login(url: &str) -> bool {
    url.split_once("://").is_some_and(|(_, rest)| rest.split('/').next().unwrap_or_default().contains('@'))
}

fn is_http_url(text: &str) -> bool {
    let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/') && !rest.contains(char::is_whitespace))
}

pub(super) fn host_and_port(address: &str) -> Option<(String, u16)> {
    let (host, port) = address.rsplit_once(':')?;
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let port = port.parse().ok().filter(|port| *port > 0)?;
    (!host.is_empty() && !host.contains('/')).then(|| (host.to_owned(), port))
}
