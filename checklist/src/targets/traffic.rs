//! `traffic:`

/// The application's own HTTP metrics, by the names that they have in Prometheus.
#[derive(Debug, Clone)]
pub struct Traffic {
    /// The value of the label `target`.
    pub name: String,
    /// The counter of requests.
    pub requests: String,
    /// The histogram of durations in seconds, without `_bucket`.
    pub duration: String,
    /// Label matchers that select the application, without braces.
    pub selector: String,
    /// Label matchers that select its failed requests.
    pub errors: String,
    /// Whether the histogram is a native one.
    pub native: bool,
}
