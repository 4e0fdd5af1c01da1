//! The fake kubelet of the only node: serves the statistics of its volumes.

use super::state::{NAMESPACE, TOKEN};
use crate::http::{Server, response, serve};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, PoisonError};

/// The running kubelet.
pub struct Kubelet {
    /// The TLS server.
    pub server: Server,
    used: Arc<Mutex<f64>>,
}

impl Kubelet {
    /// Starts with the database's volume 40% full.
    pub async fn start(tls: tokio_rustls::TlsAcceptor) -> anyhow::Result<Self> {
        let used = Arc::new(Mutex::new(0.4));
        let shared = Arc::clone(&used);
        let server = serve(Some(tls), move |request| {
            let share = *shared.lock().unwrap_or_else(PoisonError::into_inner);
            async move {
                let token = request.headers().get("authorization").and_then(|value| value.to_str().ok());
                if token != Some(&format!("Bearer {TOKEN}")) {
                    return response(401, "text/plain", "Unauthorized");
                }
                response(200, "application/json", summary(share).to_string())
            }
        })
        .await?;
        Ok(Self { server, used })
    }

    /// Sets the used share of the volume, 0 to 1.
    pub fn fill(&self, share: f64) {
        *self.used.lock().unwrap_or_else(PoisonError::into_inner) = share;
    }
}

fn summary(share: f64) -> Value {
    let size = 100.0 * 1_073_741_824.0;
    let (used, available) = ((size * share).round(), (size * (1.0 - share)).round());
    let whole = |bytes: f64| serde_json::Number::from_u128(format!("{bytes}").parse().unwrap_or_default());
    json!({"node": {"nodeName": "node-1"}, "pods": [{"podRef": {"name": "postgres-0", "namespace": NAMESPACE}, "volume": [
        {"name": "data", "usedBytes": whole(used), "availableBytes": whole(available), "capacityBytes": whole(size),
         "inodes": 6_553_600, "inodesUsed": 120_000, "pvcRef": {"name": "data-postgres-0", "namespace": NAMESPACE}},
        {"name": "token", "usedBytes": 12, "availableBytes": 1000}]}]})
}
