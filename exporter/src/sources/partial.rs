//! Responses of Prometheus' API that are partial: servers of several stores, such as Thanos, answer with what they have
//! and warn about the rest.

use clients::failure::one_line;

/// The maximum length of a warning in characters that a sentence repeats.
const MAX_SHOWN: usize = 200;

/// Returns the sentence for people about the warnings of a response.
pub fn partial(warnings: &[String]) -> String {
    let first = warnings.first().map(|warning| one_line(warning).chars().take(MAX_SHOWN).collect::<String>());
    format!("the server answered in part: {}", first.unwrap_or_default())
}
