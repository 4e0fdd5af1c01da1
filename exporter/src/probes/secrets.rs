//! The signal `secrets`: when each configured secret was last rotated. Reads only metadata, never the data of a secret.

use crate::probe::{Failure, Probe, miss};
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

/// The `Accept` header with which the API server returns only the metadata of an object.
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
    /// Absent or `null` if there are none.
    annotations: Option<BTreeMap<String, String>>,
}

/// The source of a rotation time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    /// The configured annotation, which the operator's tool writes.
    Annotation,
    /// The creation time of the object. Later changes of the data cannot be seen: the times in `managedFields` also
    /// change with every label, and would make an old secret look new.
    Creation,
}

impl Metadata {
    /// Returns when the secret was last rotated, and the source of that time.
    fn rotated(&self, secret: &RotatedSecret) -> Result<(jiff::Timestamp, Source), Failure> {
        let wrong = |what: String| Failure::new(Reason::Decode, what);
        let annotation = secret.annotation.as_ref();
        let annotation = annotation.and_then(|name| Some((name, self.annotations.as_ref()?.get(name)?)));
        let (at, source, name) = if let Some((name, text)) = annotation {
            let at = text.parse::<jiff::Timestamp>();
            let at = at.map_err(|error| wrong(format!("annotation {name} is not an RFC 3339 time: {error}")))?;
            (at, Source::Annotation, format!("annotation {name}"))
        } else {
            let at = self.creation_timestamp.ok_or_else(|| wrong("it has no time of creation".to_owned()))?;
            (at, Source::Creation, "its time of creation".to_owned())
        };
        // The secret would look new until then.
        if at > jiff::Timestamp::now() + AHEAD {
            return Err(wrong(format!("{name} is a time in the future, {at}")));
        }
        Ok((at, source))
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
                    Err(failure) => {
                        miss(&mut samples, Object::Secret, failure.while_doing(&place))?;
                        continue;
                    }
                };
                let labels = [&secret.namespace, &secret.name];
                samples.put(&PRESENT, &labels, f64::from(u8::from(found.is_some())));
                match found.map(|found| found.metadata.rotated(secret)).transpose() {
                    Ok(rotated) => {
                        samples.saw(Object::Secret, 1);
                        if let Some((at, source)) = rotated {
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
                    "{counted} by creation time; add an annotation with the time of rotation to see later ones"
                ));
            }
            Ok(samples)
        }
        .boxed()
    }
}
