//! The state of the fake API server, shared by its request handlers.

use crate::http::{Body, response};
use crate::rights::{self, Right};
use hyper::Response;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::broadcast;

/// The bearer token that the API server and the kubelet accept.
pub const TOKEN: &str = "checklist-token";
/// The user that the token belongs to.
pub const USER: &str = "system:serviceaccount:stack:checklist-exporter";
/// The namespace of the application.
pub const NAMESPACE: &str = "llm-orchestrator";

pub(super) struct Api {
    pub(super) world: Mutex<World>,
    pub(super) events: broadcast::Sender<Event>,
}

#[derive(Clone)]
pub(super) enum Event {
    /// An object has changed: collection, event type, object.
    Changed(String, &'static str, Value),
    /// Every watch gets `410 Gone`.
    Expired,
    /// Every watch ends in the middle of an event.
    Dropped,
}

#[derive(Default)]
pub(super) struct World {
    pub(super) version: u64,
    pub(super) oldest: u64,
    /// Objects by the path of their collection, then by name.
    pub(super) objects: BTreeMap<String, BTreeMap<String, Value>>,
    pub(super) refuse: Option<u16>,
    pub(super) lists: u64,
    pub(super) no_audit_lines: bool,
    /// The rights of the user. While there are none, every request is allowed.
    pub(super) rights: Vec<Right>,
    pub(super) reviews: Reviews,
    /// Every request so far.
    pub(super) requests: BTreeSet<rights::Request>,
}

/// The state of reviews.
#[derive(Default)]
pub(super) struct Reviews {
    /// User name and audience by token.
    pub(super) people: BTreeMap<String, (String, String)>,
    /// Granted rights: user name, verb and path.
    pub(super) grants: BTreeSet<(String, String, String)>,
    /// Number of reviews so far, by kind.
    pub(super) requests: BTreeMap<&'static str, usize>,
    /// Status and body to answer instead.
    pub(super) instead: Option<(u16, String)>,
}

impl Api {
    pub(super) fn lock(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl World {
    /// Whether the user may make a request.
    pub(super) fn grants(&self, request: &rights::Request) -> bool {
        self.rights.is_empty() || self.rights.iter().any(|right| right.grants(request))
    }
}

/// Returns a `Status` object of the API server for an error.
pub(super) fn status(code: u16, message: &str) -> Value {
    let reason = match code {
        400 => "BadRequest",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "NotFound",
        405 => "MethodNotAllowed",
        409 if message.ends_with("already exists") => "AlreadyExists",
        409 => "Conflict",
        410 => "Expired",
        422 => "Invalid",
        429 => "TooManyRequests",
        503 => "ServiceUnavailable",
        _ => "InternalError",
    };
    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": code, "message": message, "reason": reason})
}

pub(super) fn refusal(code: u16, message: &str) -> Response<Body> {
    response(code, "application/json", status(code, message).to_string())
}
