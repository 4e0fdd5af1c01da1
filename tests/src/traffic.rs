//! The metrics of the application itself: a counter of requests and a histogram of their durations.

use crate::http::{Server, response, serve};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// The application as Prometheus scrapes it.
pub struct Traffic {
    pub port: u16,
    state: Arc<Mutex<State>>,
    _server: Server,
}

struct State {
    begun: Instant,
    /// Requests in addition to the steady ten per second: fast ones, failed ones, slow ones.
    fast: f64,
    failed: f64,
    slow: f64,
}

impl Traffic {
    /// Starts with ten fast requests per second.
    pub async fn start() -> anyhow::Result<Self> {
        let state = Arc::new(Mutex::new(State { begun: Instant::now(), fast: 0.0, failed: 0.0, slow: 0.0 }));
        let shared = Arc::clone(&state);
        let server = serve(None, move |_| {
            let text = shared.lock().unwrap_or_else(PoisonError::into_inner).text();
            async move { response(200, "text/plain; version=0.0.4", text) }
        })
        .await?;
        Ok(Self { port: server.port, state, _server: server })
    }

    /// Adds requests of each kind.
    pub fn add(&self, fast: f64, failed: f64, slow: f64) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.fast += fast;
        state.failed += failed;
        state.slow += slow;
    }
}

impl State {
    fn text(&self) -> String {
        let fast = (10.0 * self.begun.elapsed().as_secs_f64() + self.fast).round();
        let (good, all) = (fast + self.slow, fast + self.slow + self.failed);
        let mut text = String::from("# TYPE http_requests_total counter\n");
        for (status, count) in [("200", good), ("500", self.failed)] {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "http_requests_total{{status=\"{status}\"}} {count}");
        }
        text += "# TYPE http_request_duration_seconds histogram\n";
        let quick = fast + self.failed;
        for (bound, count) in [("0.1", quick), ("1", quick), ("2", quick), ("5", all), ("+Inf", all)] {
            let _ = writeln!(text, "http_request_duration_seconds_bucket{{le=\"{bound}\"}} {count}");
        }
        let _ = writeln!(
            text,
            "http_request_duration_seconds_sum {}\nhttp_request_duration_seconds_count {all}",
            0.05 * quick + 4.0 * self.slow
        );
        text
    }
}
