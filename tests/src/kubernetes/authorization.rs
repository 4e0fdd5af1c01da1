//! What a request asks for, as the authorizer of an API server sees it, and the text of a refusal.

use super::state::USER;
use crate::rights::Request;
use hyper::Method;

/// Returns what a request asks for, before it is answered. Returns `None` for a path without a resource.
pub(super) fn asked(method: &Method, path: &str, watches: bool) -> Option<Request> {
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let (group, rest) = match parts.as_slice() {
        ["api", _, rest @ ..] => ("", rest),
        ["apis", group, _, rest @ ..] => (*group, rest),
        _ => return None,
    };
    let (namespace, rest) = match rest {
        ["namespaces", namespace, rest @ ..] => (Some(*namespace), rest),
        rest => (None, rest),
    };
    let (resource, name) = match rest {
        // For authorization a namespace is an object within itself, so that a Role in it can grant reading it.
        [] => ("namespaces".to_owned(), namespace),
        [resource] => ((*resource).to_owned(), None),
        [resource, name] => ((*resource).to_owned(), Some(*name)),
        [resource, name, part] => (format!("{resource}/{part}"), Some(*name)),
        _ => return None,
    };
    let verb = match (method.as_str(), name, watches) {
        ("GET", Some(_), _) => "get",
        ("GET", None, true) => "watch",
        ("GET", None, false) => "list",
        ("POST", None, _) => "create",
        ("PUT", Some(_), _) => "update",
        _ => return None,
    };
    let [namespace, name] = [namespace, name].map(|text| text.map(str::to_owned));
    Some(Request { verb: verb.to_owned(), group: group.to_owned(), resource, namespace, name, status: 0 })
}

/// Returns the error message of the API server for a forbidden request.
pub(super) fn forbidden(request: &Request) -> String {
    let Request { verb, group, resource, .. } = request;
    // The resource with its group, such as `leases.coordination.k8s.io`.
    let kind = resource.split('/').next().unwrap_or_default();
    let kind = if group.is_empty() { kind.to_owned() } else { format!("{kind}.{group}") };
    let what = request.name.as_ref().map_or_else(|| kind.clone(), |name| format!("{kind} \"{name}\""));
    let place = match &request.namespace {
        Some(namespace) => format!("in the namespace \"{namespace}\""),
        None => "at the cluster scope".to_owned(),
    };
    format!(
        "{what} is forbidden: User \"{USER}\" cannot {verb} resource \"{resource}\" in API group \"{group}\" {place}"
    )
}
