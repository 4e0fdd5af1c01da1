//! When each named secret was last changed, from its metadata alone.

use crate::probe::{Failure, Probe};
use crate::sources::kubernetes::Cluster;
use checklist::config::RotatedSecret;
use checklist::signals::secrets::{PRESENT, ROTATED, SIGNAL};
use checklist::{Object, Reason, Samples};
use futures::FutureExt;
use futures::future::BoxFuture;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The API server leaves the data out when it is asked for metadata alone.
const METADATA_ONLY: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";

/// The probe of the signal `secrets`.
pub struct Secrets(pub Arc<Cluster>);

#[derive(Deserialize)]
struct Partial {
    metadata: Metadata,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    creation_timestamp: Option<jiff::Timestamp>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
    #[serde(default)]
    managed_fields: Vec<Change>,
}

/// Who changed which fields when (`metav1.ManagedFieldsEntry`).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Change {
    time: Option<jiff::Timestamp>,
    #[serde(default)]
    fields_v1: Fields,
}

/// Of the tree of changed fields only whether the data is among them.
#[derive(Deserialize, Default)]
struct Fields {
    #[serde(rename = "f:data")]
    data: Option<serde::de::IgnoredAny>,
}

impl Metadata {
    /// The annotation, else the last change of the data, else the creation.
    fn rotated(&self, secret: &RotatedSecret) -> Result<Option<jiff::Timestamp>, Failure> {
        if let Some(annotation) = &secret.annotation
            && let Some(text) = self.annotations.get(annotation)
        {
            return text.parse().map(Some).map_err(|error| {
                let place = format!("secret {}/{}", secret.namespace, secret.name);
                Failure::new(Reason::Decode, format!("{place}: annotation {annotation} is no RFC 3339 time: {error}"))
            });
        }
        let of_data = |change: &&Change| change.fields_v1.data.is_some();
        let changed = self.managed_fields.iter().filter(of_data).filter_map(|change| change.time).max();
        Ok(changed.or(self.creation_timestamp))
    }
}

impl Probe for Secrets {
    fn probe(&self) -> BoxFuture<'_, Result<Samples, Failure>> {
        async {
            let mut samples = SIGNAL.samples();
            let watched = self.0.watched().await?;
            for secret in &self.0.target.secrets {
                let path = format!("/api/v1/namespaces/{}/secrets/{}", secret.namespace, secret.name);
                let found = watched.one::<Partial>(&path, METADATA_ONLY).await?;
                samples.saw(Object::Secret, 1);
                let labels = [&secret.namespace, &secret.name];
                samples.put(&PRESENT, &labels, f64::from(u8::from(found.is_some())));
                if let Some(at) = found.map(|found| found.metadata.rotated(secret)).transpose()?.flatten() {
                    samples.put(&ROTATED, &labels, at.as_duration().as_secs_f64());
                }
            }
            Ok(samples)
        }
        .boxed()
    }
}
