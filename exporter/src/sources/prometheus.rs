//! Responses of Prometheus' HTTP API: data, or an error, which some servers send with the HTTP status 200. Servers of
//! several stores, such as Thanos, answer with the data that they have and warn about the rest.

use super::null::or_empty;
use checklist::Reason;
use checklist::config::Endpoint;
use clients::Failure;
use clients::failure::one_line;
use clients::http::{fetch, json, place, refusal};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// The maximum length of a warning in characters that a sentence repeats.
const MAX_SHOWN: usize = 200;

/// The data of a successful response.
pub struct ApiResponse<T> {
    pub data: T,
    /// The sentence for people about what the server could not read, if it answered in part.
    pub partial: Option<String>,
}

/// All of a response except its data.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope {
    status: String,
    #[serde(default, deserialize_with = "or_empty")]
    error_type: String,
    #[serde(default, deserialize_with = "or_empty")]
    error: String,
    #[serde(default, deserialize_with = "or_empty")]
    warnings: Vec<String>,
}

#[derive(Deserialize)]
struct Content<T> {
    data: T,
}

/// Sends a GET to the API and returns the data of the response.
///
/// # Errors
/// The server cannot be asked, or answers with an error, or not with this data.
pub async fn ask<T: DeserializeOwned>(
    endpoint: &Endpoint,
    path: &str,
    max_body: usize,
) -> Result<ApiResponse<T>, Failure> {
    let response = fetch(endpoint, path, max_body).await?;
    if let Some(failure) = refusal(&response) {
        // An agent, for example, says that it has no such API.
        let words = serde_json::from_slice::<Envelope>(&response.body).map(|envelope| shortened(&envelope.error));
        let words = words.ok().filter(|words| !words.is_empty()).map(|words| format!(": {words}")).unwrap_or_default();
        let failure = Failure::new(failure.reason, failure.message + &words);
        return Err(failure.while_doing(format_args!("GET {}", place(endpoint, path))));
    }
    // The data of an error, which may be there, can have another shape.
    let Envelope { status, error_type, error, warnings } = json(endpoint, path, &response)?;
    if status != "success" {
        let words = [error_type, error].into_iter().filter(|text| !text.is_empty());
        let words = std::iter::once(format!("the response has the status {status}")).chain(words);
        let failure = Failure::new(Reason::Protocol, words.collect::<Vec<_>>().join(": "));
        return Err(failure.while_doing(format_args!("GET {}", place(endpoint, path))));
    }
    let Content { data } = json(endpoint, path, &response)?;
    Ok(ApiResponse { data, partial: warnings.first().map(|first| partial(first)) })
}

fn partial(warning: &str) -> String {
    format!("the server answered in part: {}", shortened(warning))
}

/// Returns the beginning of a message on one line.
pub fn shortened(text: &str) -> String {
    one_line(text).chars().take(MAX_SHOWN).collect()
}
