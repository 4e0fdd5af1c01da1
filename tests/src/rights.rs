//! Rights that roles grant, and requests to an API server as its authorizer sees them.

use serde_json::Value;

/// A verb on a resource that a role grants.
#[derive(Debug, Clone)]
pub struct Right {
    /// The namespace of the role; `None` for the whole cluster.
    pub namespace: Option<String>,
    /// Group of the API; empty for the core group.
    pub group: String,
    /// The resource, such as `pods/log`.
    pub resource: String,
    /// The only object, where the rule has names.
    pub name: Option<String>,
    /// Such as `get`, `list`, `watch`.
    pub verb: String,
}

/// A request to an API server.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Request {
    pub verb: String,
    pub group: String,
    /// The resource, such as `pods/log`.
    pub resource: String,
    pub namespace: Option<String>,
    pub name: Option<String>,
    /// Status of the response.
    pub status: u16,
}

/// Returns every right that the roles of a list grant.
pub fn rights(list: &Value) -> Vec<Right> {
    let texts = |value: &Value| -> Vec<String> {
        value.as_array().into_iter().flatten().filter_map(|one| one.as_str().map(str::to_owned)).collect()
    };
    let mut all = Vec::new();
    for item in list["items"].as_array().into_iter().flatten() {
        let namespace = item["metadata"]["namespace"].as_str().map(str::to_owned);
        for rule in item["rules"].as_array().into_iter().flatten() {
            let names = match rule.get("resourceNames") {
                None => vec![None],
                Some(names) => texts(names).into_iter().map(Some).collect(),
            };
            for (group, resource) in texts(&rule["apiGroups"])
                .iter()
                .flat_map(|group| texts(&rule["resources"]).into_iter().map(move |resource| (group.clone(), resource)))
            {
                for (verb, name) in texts(&rule["verbs"])
                    .iter()
                    .flat_map(|verb| names.iter().map(move |name| (verb.clone(), name.clone())))
                {
                    let (namespace, group, resource) = (namespace.clone(), group.clone(), resource.clone());
                    all.push(Right { namespace, group, resource, name, verb });
                }
            }
        }
    }
    all
}

impl Right {
    /// Whether this right is enough for a request.
    pub fn grants(&self, request: &Request) -> bool {
        let fits = |right: &Option<String>, asked: &Option<String>| right.is_none() || right == asked;
        self.verb == request.verb
            && self.group == request.group
            && self.resource == request.resource
            && fits(&self.namespace, &request.namespace)
            && fits(&self.name, &request.name)
    }
}

impl Request {
    /// Reads an event of an API server's audit log. Returns `None` for an event without an object, such as discovery.
    pub fn of_event(event: &Value) -> Option<Self> {
        let object = event.get("objectRef")?;
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let resource = text(&object["resource"])?;
        Some(Self {
            verb: text(&event["verb"])?,
            group: text(&object["apiGroup"]).unwrap_or_default(),
            resource: text(&object["subresource"]).map_or(resource.clone(), |part| format!("{resource}/{part}")),
            namespace: text(&object["namespace"]),
            name: text(&object["name"]),
            status: event["responseStatus"]["code"].as_u64().and_then(|code| code.try_into().ok()).unwrap_or_default(),
        })
    }

    /// Whether the API server did not let the user do this.
    pub fn is_refused(&self) -> bool {
        [401, 403].contains(&self.status)
    }
}
