//! `TokenReview` and `SubjectAccessReview`: whom a token belongs to, and which paths a user may use.

use super::authorization::asked;
use super::state::{Api, TOKEN, refusal};
use crate::http::{Body, response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::{Method, Request, Response};
use serde_json::{Value, json};
use std::sync::Arc;

pub(super) const TOKENS: &str = "/apis/authentication.k8s.io/v1/tokenreviews";
pub(super) const ACCESS: &str = "/apis/authorization.k8s.io/v1/subjectaccessreviews";

/// Whether a request asks for a review.
pub(super) fn is_review<T>(request: &Request<T>) -> bool {
    [TOKENS, ACCESS].contains(&request.uri().path())
}

pub(super) async fn respond(api: &Arc<Api>, request: Request<Incoming>) -> Response<Body> {
    let (head, body) = request.into_parts();
    let kind = if head.uri.path() == TOKENS { TOKENS } else { ACCESS };
    let Ok(body) = body.collect().await else { return refusal(400, "no body") };
    let Ok(mut review) = serde_json::from_slice::<Value>(&body.to_bytes()) else { return refusal(400, "no JSON") };
    let mut world = api.lock();
    if let Some(code) = world.refuse {
        return refusal(code, "refused by the test");
    }
    let token = head.headers.get("authorization").and_then(|value| value.to_str().ok());
    if token != Some(&format!("Bearer {TOKEN}")) {
        return refusal(401, "Unauthorized");
    }
    if head.method != Method::POST {
        return refusal(405, "reviews are only created");
    }
    if !asked(&Method::POST, kind, false).is_some_and(|asked| world.grants(&asked)) {
        return refusal(403, "no role grants this");
    }
    *world.reviews.requests.entry(kind).or_default() += 1;
    if let Some((status, body)) = &world.reviews.instead {
        return response(
            *status,
            "application/json",
            body.replace("TOKEN", review["spec"]["token"].as_str().unwrap_or("")),
        );
    }
    let spec = &review["spec"];
    let status = if kind == TOKENS {
        let audiences: Vec<&str> =
            spec["audiences"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        match world.reviews.people.get(spec["token"].as_str().unwrap_or_default()) {
            Some((name, audience)) if audiences.contains(&audience.as_str()) => json!({
                "authenticated": true, "audiences": [audience],
                "user": {"username": name, "uid": "1", "groups": ["system:authenticated"], "extra": {"x": ["y"]}},
            }),
            // The error message of a real API server.
            _ => json!({"user": {}, "error": "[invalid bearer token, token audiences are invalid]"}),
        }
    } else {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let attributes = &spec["nonResourceAttributes"];
        let question = (text(&spec["user"]), text(&attributes["verb"]), text(&attributes["path"]));
        // The exporter must pass on the whole user, with uid, groups and extra. Otherwise nothing is allowed.
        let whole = spec["groups"][0] == "system:authenticated" && spec["uid"] == "1" && spec["extra"]["x"][0] == "y";
        json!({"allowed": whole && world.reviews.grants.contains(&question)})
    };
    review["status"] = status;
    response(201, "application/json", review.to_string())
}
