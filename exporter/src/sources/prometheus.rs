//! Responses of Prometheus' HTTP API: data, or an error, which some servers send with the HTTP status 200. Servers of
//! several stores, such as Thanos, answer with the data that they have and warn about the rest.

use super::null::or_empty;
use checklist::Reason;
use checklist::config::Endpoint;
use clients::Failure;
use clients::failure::one_line;
use clients::http::{fetch_good, json, place};
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
    let response = fetch_good(endpoint, path, max_body).await?;
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
    format!("the server answered in part: {}", one_line(warning).chars().take(MAX_SHOWN).collect::<String>())
}
