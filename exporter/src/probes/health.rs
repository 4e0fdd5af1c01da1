//! One GET of the health page and what it says.

use crate::probe::{Failure, Probe};
use checklist::Samples;
use checklist::config::Health as Target;
use checklist::signals::health::{DURATION, FIELD_OK, SIGNAL, STATUS, VERSION};
use clients::http::fetch;
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::Value;
use std::time::Instant;

/// A health page is a few hundred bytes; this is for the one that lists every dependency.
const MAX_BODY: usize = 1024 * 1024;

/// The probe of the signal `health`.
pub struct Health(pub Target);

impl Probe for Health {
    fn probe(&self) -> BoxFuture<'_, Result<Samples, Failure>> {
        async {
            let target = &self.0;
            let begun = Instant::now();
            let answer = fetch(&target.endpoint, "", MAX_BODY).await?;
            let mut samples = SIGNAL.samples();
            samples.set(&DURATION, [], begun.elapsed().as_secs_f64());
            samples.set(&STATUS, [], u32::from(answer.status.as_u16()));
            samples.set(&FIELD_OK, ["status_code"], answer.status.as_u16() == target.status);
            if !target.expect.is_empty() || target.version_field.is_some() {
                let body: Option<Value> = serde_json::from_slice(&answer.body).ok();
                samples.set(&FIELD_OK, ["body"], body.is_some());
                let body = body.unwrap_or(Value::Null);
                for (path, expected) in &target.expect {
                    let is = field(&body, path).is_some_and(|value| value == *expected);
                    samples.set(&FIELD_OK, [&format!("body.{path}")], is);
                }
                if let Some(version) = target.version_field.as_ref().and_then(|path| field(&body, path)) {
                    samples.set(&VERSION, [&version], 1_u32);
                }
            }
            Ok(samples)
        }
        .boxed()
    }
}

/// The text of the field that a dotted path leads to.
fn field(body: &Value, path: &str) -> Option<String> {
    let value = path.split('.').try_fold(body, |value, key| value.get(key))?;
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}
