//! Persistent volume claims.

use crate::sources::kubernetes::cached::Metadata;
use crate::sources::kubernetes::quantity;
use crate::sources::null::or_empty;
use serde::Deserialize;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Claim {
    pub(super) metadata: Metadata,
    #[serde(deserialize_with = "or_empty")]
    spec: ClaimSpec,
    #[serde(deserialize_with = "or_empty")]
    status: ClaimStatus,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
#[serde(rename_all = "camelCase")]
struct ClaimSpec {
    #[serde(deserialize_with = "or_empty")]
    resources: ClaimResources,
    volume_mode: Option<Box<str>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ClaimResources {
    #[serde(deserialize_with = "or_empty")]
    requests: ClaimRequests,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ClaimRequests {
    storage: Option<Box<str>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ClaimStatus {
    phase: Box<str>,
}

impl Claim {
    /// Whether the claim is bound to a volume.
    pub fn is_bound(&self) -> bool {
        &*self.status.phase == "Bound"
    }

    /// Whether the claim is for a block device without a file system, whose usage no kubelet reports.
    pub fn is_block(&self) -> bool {
        self.spec.volume_mode.as_deref() == Some("Block")
    }

    /// Returns the requested bytes.
    pub fn requested(&self) -> Option<f64> {
        self.spec.resources.requests.storage.as_deref().and_then(quantity::parse)
    }
}
