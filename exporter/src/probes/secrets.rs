//! When each named secret was last rotated, from its metadata alone.

use crate::probe::{Failure, Probe};
use crate::sources::kubernetes::Cluster;
use checklist::config::RotatedSecret;
use checklist::signals::secrets::{PRESENT, ROTATED};
use checklist::{Object, Reason, Samples};
use clients::AHEAD;
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
    /// Nothing, or `null` as Go writes it, when there are none.
    annotations: Option<BTreeMap<String, String>>,
}

/// Where the time of a rotation comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    /// What the operator's tool wrote into the annotation.
    Annotation,
    /// When the object was made. Later changes of its data are not seen: the times that the API keeps of changes move
    /// with every label, and would make an old secret young.
    Creation,
}

impl Metadata {
    /// When the secret was last rotated, and how that is known.
    fn rotated(&self, secret: &RotatedSecret) -> Result<Option<(jiff::Timestamp, Source)>, Failure> {
        if let Some(annotation) = &secret.annotation
            && let Some(text) = self.annotations.as_ref().and_then(|all| all.get(annotation))
        {
            let wrong = |what: String| Failure::new(Reason::Decode, format!("annotation {annotation} is {what}"));
            let at: jiff::Timestamp = text.parse().map_err(|error| wrong(format!("no RFC 3339 time: {error}")))?;
            // It would be young for years.
            if at > jiff::Timestamp::now() + AHEAD {
                return Err(wrong(format!("a time in the future, {at}")));
            }
            return Ok(Some((at, Source::Annotation)));
        }
        Ok(self.creation_timestamp.map(|at| (at, Source::Creation)))
    }
}

impl Probe for Secrets {
    fn probe(&self, mut samples: Samples) -> BoxFuture<'_, Result<Samples, Failure>> {
        async move {
            let watched = self.0.watched().await?;
            let mut by_creation = 0;
            for secret in &self.0.target.secrets {
                let path = format!("/api/v1/namespaces/{}/secrets/{}", secret.namespace, secret.name);
                let place = format!("secret {}/{}", secret.namespace, secret.name);
                let found = match watched.one::<Partial>(&path, METADATA_ONLY).await {
                    Ok(found) => found,
                    // The others would fare no better.
                    Err(failure) if failure.reason.is_of_the_way() => return Err(failure),
                    // One that is forbidden hides none of the others.
                    Err(failure) => {
                        samples.missed(Object::Secret, failure.reason, format!("{place}: {}", failure.message));
                        continue;
                    }
                };
                let labels = [&secret.namespace, &secret.name];
                samples.put(&PRESENT, &labels, f64::from(u8::from(found.is_some())));
                match found.map(|found| found.metadata.rotated(secret)).transpose() {
                    Ok(rotated) => {
                        samples.saw(Object::Secret, 1);
                        if let Some((at, source)) = rotated.flatten() {
                            samples.put(&ROTATED, &labels, at.as_duration().as_secs_f64());
                            by_creation += usize::from(source == Source::Creation);
                        }
                    }
                    Err(failure) => {
                        samples.missed(Object::Secret, failure.reason, format!("{place}: {}", failure.message));
                    }
                }
            }
            if by_creation > 0 {
                let counted = Object::Secret.counted(by_creation as u64);
                samples.evidence.note(format!(
                    "{counted} by the time of creation: give each an annotation to tell later rotations"
                ));
            }
            Ok(samples)
        }
        .boxed()
    }
}
