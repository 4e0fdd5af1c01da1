//! Reads and writes the Lease object through the Kubernetes API.

use super::election::{DURATION, Record};
use crate::probe::Failure;
use crate::sources::kubernetes::{Cluster, failure};
use checklist::config::Kubernetes;
use k8s_openapi::api::coordination::v1::{Lease as Object, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use kube::Api;
use kube::api::PostParams;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Access to one Lease object.
pub(super) struct Store {
    cluster: Cluster,
    namespace: String,
    name: String,
    /// Dropped after every failure, so that a hanging connection or old credentials are not used again.
    api: Mutex<Option<Api<Object>>>,
}

impl Store {
    /// Creates the store without contacting the API server.
    pub(super) fn new(target: Kubernetes, namespace: String, name: String) -> Self {
        Self { cluster: Cluster::new(target), namespace, name, api: Mutex::new(None) }
    }

    /// Returns `NAMESPACE/NAME` for messages.
    pub(super) fn place(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }

    /// Reads the object; `None` if it does not exist.
    pub(super) async fn read(&self) -> Result<Option<Object>, Failure> {
        let api = self.api().await?;
        let response = match api.get(&self.name).await {
            Ok(object) => Some(object),
            Err(kube::Error::Api(status)) if status.code == 404 => None,
            Err(error) => return Err(self.failed(&error)),
        };
        self.put_back(api);
        Ok(response)
    }

    /// Creates or replaces the object, provided that it has not changed since it was read. Returns false if another
    /// process was faster.
    pub(super) async fn write(&self, object: &Object) -> Result<bool, Failure> {
        let api = self.api().await?;
        let (options, is_new) = (PostParams::default(), object.metadata.resource_version.is_none());
        let written =
            if is_new { api.create(&options, object).await } else { api.replace(&self.name, &options, object).await };
        let written = match written {
            Ok(_) => true,
            // The version has changed, or the object was deleted after it was read.
            Err(kube::Error::Api(status)) if status.code == 409 || (status.code == 404 && !is_new) => false,
            Err(error) => return Err(self.failed(&error)),
        };
        self.put_back(api);
        Ok(written)
    }

    /// Returns the object with its holder set to `holder`, or released if `holder` is `None`.
    pub(super) fn held_by(&self, object: Option<Object>, holder: Option<&str>) -> Object {
        let mut object = object.unwrap_or_else(|| Object {
            metadata: ObjectMeta {
                name: Some(self.name.clone()),
                namespace: Some(self.namespace.clone()),
                ..ObjectMeta::default()
            },
            ..Object::default()
        });
        let spec = object.spec.get_or_insert_with(LeaseSpec::default);
        let now = Some(MicroTime(k8s_openapi::jiff::Timestamp::now()));
        if spec.holder_identity.as_deref() != holder {
            spec.acquire_time.clone_from(&now);
            if holder.is_some() {
                let before = spec.lease_transitions.unwrap_or(0);
                spec.lease_transitions = Some(before.saturating_add(1));
            }
        }
        spec.holder_identity = holder.map(str::to_owned);
        spec.renew_time = now;
        // client-go releases a lease with a duration of one second too: programs that read it need not wait.
        let lasts = if holder.is_some() { DURATION.as_secs() } else { 1 };
        spec.lease_duration_seconds = i32::try_from(lasts).ok();
        object
    }

    async fn api(&self) -> Result<Api<Object>, Failure> {
        // Taken out, so that a future that is dropped in the middle of a request does not leave its connection for
        // reuse.
        let kept = self.api.lock().unwrap_or_else(PoisonError::into_inner).take();
        match kept {
            Some(api) => Ok(api),
            None => Ok(Api::namespaced(self.cluster.client().await?, &self.namespace)),
        }
    }

    fn put_back(&self, api: Api<Object>) {
        *self.api.lock().unwrap_or_else(PoisonError::into_inner) = Some(api);
    }

    fn failed(&self, error: &kube::Error) -> Failure {
        failure(error, &format!("lease {}", self.place()))
    }
}

/// Extracts what an election needs from the object.
pub(super) fn record(object: &Object) -> Record {
    let spec = object.spec.as_ref();
    let lasts = spec.and_then(|spec| spec.lease_duration_seconds).and_then(|seconds| u64::try_from(seconds).ok());
    Record {
        version: object.metadata.resource_version.clone().unwrap_or_default(),
        holder: spec.and_then(|spec| spec.holder_identity.clone()).filter(|name| !name.is_empty()),
        lasts: Duration::from_secs(lasts.unwrap_or(0)),
    }
}
