//! Checks objects like the API server: unknown fields, and the constraints of the operator's custom resources.

use crate::definitions::mistakes;
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::batch::v1::CronJob;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim, PodSpec, Service, ServiceAccount, VolumeMount};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::path::Path;

/// Fails when the object is not valid for its kind.
pub(crate) fn check(object: &Value) {
    let kind = format!("{} {}", object["apiVersion"].as_str().unwrap(), object["kind"].as_str().unwrap());
    match kind.as_str() {
        "apps/v1 Deployment" => {
            let deployment: Deployment = decoded(object);
            pod(&deployment.spec.template.spec.unwrap());
        }
        "apps/v1 StatefulSet" => {
            let set: StatefulSet = decoded(object);
            pod(&set.spec.template.spec.unwrap());
        }
        "batch/v1 CronJob" => {
            let job: CronJob = decoded(object);
            assert!(job.metadata.name.unwrap().len() <= 52, "names of jobs get eleven letters more");
            pod(&job.spec.job_template.spec.unwrap().template.spec.unwrap());
        }
        "coordination.k8s.io/v1 Lease" => drop(decoded::<Lease>(object)),
        "monitoring.coreos.com/v1 PrometheusRule" => assert_eq!(mistakes("PrometheusRule", "", object), [""; 0]),
        "monitoring.coreos.com/v1 ServiceMonitor" => {
            assert_eq!(mistakes("ServiceMonitor", "", object), [""; 0]);
            let endpoints = object["spec"]["endpoints"].as_array().unwrap();
            assert!(endpoints.iter().all(|endpoint| endpoint["honorLabels"] == json!(true)), "{object}");
        }
        "networking.k8s.io/v1 NetworkPolicy" => drop(decoded::<NetworkPolicy>(object)),
        "policy/v1 PodDisruptionBudget" => drop(decoded::<PodDisruptionBudget>(object)),
        "rbac.authorization.k8s.io/v1 ClusterRole" => drop(decoded::<ClusterRole>(object)),
        "rbac.authorization.k8s.io/v1 ClusterRoleBinding" => drop(decoded::<ClusterRoleBinding>(object)),
        "rbac.authorization.k8s.io/v1 Role" => drop(decoded::<Role>(object)),
        "rbac.authorization.k8s.io/v1 RoleBinding" => drop(decoded::<RoleBinding>(object)),
        "v1 ConfigMap" => {
            let map: ConfigMap = decoded(object);
            let size: usize = map.data.unwrap().values().map(String::len).sum();
            // kubectl keeps an applied object in an annotation of at most 256 KiB.
            assert!(size < 262_144, "{size} bytes");
        }
        "v1 PersistentVolumeClaim" => drop(decoded::<PersistentVolumeClaim>(object)),
        "v1 Service" => drop(decoded::<Service>(object)),
        "v1 ServiceAccount" => drop(decoded::<ServiceAccount>(object)),
        other => panic!("{other} is not expected"),
    }
}

/// Parses and serialises the object. A field that the type does not have would be lost.
fn decoded<T: DeserializeOwned + Serialize>(object: &Value) -> T {
    let typed: T = serde_json::from_value(object.clone()).unwrap_or_else(|error| panic!("{error}: {object}"));
    let mut back = serde_json::to_value(&typed).unwrap();
    let mut meant = object.clone();
    assert!(!has_null(object), "an API server refuses null: {object}");
    bare(&mut back);
    bare(&mut meant);
    assert_eq!(back, meant, "a field is unknown");
    typed
}

fn has_null(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(map) => map.values().any(has_null),
        Value::Array(list) => list.iter().any(has_null),
        _ => false,
    }
}

/// Removes empty lists and nulls, which the types leave out.
fn bare(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.values_mut().for_each(bare);
            map.retain(|_, value| *value != json!([]) && !value.is_null());
        }
        Value::Array(list) => list.iter_mut().for_each(bare),
        _ => {}
    }
}

/// Returns the object with named lists in a fixed order, so that objects can be compared.
pub(crate) fn normal(object: &Value) -> Value {
    let mut object = object.clone();
    order(&mut object);
    object
}

fn order(value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (key, value) in map.iter_mut() {
                order(value);
                if let (true, Some(list)) =
                    (["env", "volumeMounts", "volumes"].contains(&key.as_str()), value.as_array_mut())
                {
                    list.sort_by_key(Value::to_string);
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(order),
        _ => {}
    }
}

/// Checks the restricted profile of Kubernetes' pod security standards, and resource limits and mounts.
fn pod(pod: &PodSpec) {
    let whole = pod.security_context.as_ref().unwrap();
    assert_eq!(whole.run_as_non_root, Some(true));
    assert_eq!(whole.seccomp_profile.as_ref().unwrap().type_, "RuntimeDefault");
    assert!(pod.automount_service_account_token.is_some() && pod.service_account_name.is_some());
    let volumes: Vec<&str> = pod.volumes.iter().flatten().map(|volume| volume.name.as_str()).collect();
    for container in &pod.containers {
        let own = container.security_context.as_ref().unwrap();
        assert_eq!((own.allow_privilege_escalation, own.read_only_root_filesystem), (Some(false), Some(true)));
        assert_eq!(own.capabilities.as_ref().unwrap().drop.as_ref().unwrap(), &["ALL"]);
        let resources = container.resources.as_ref().unwrap();
        assert!(resources.requests.as_ref().unwrap().contains_key("memory"));
        assert!(resources.limits.as_ref().unwrap().contains_key("memory"));
        let volume_mounts: Vec<&VolumeMount> = container.volume_mounts.iter().flatten().collect();
        for mount in &volume_mounts {
            assert!(volumes.contains(&mount.name.as_str()), "no volume {}", mount.name);
            let place = Path::new(&mount.mount_path);
            for other in volume_mounts.iter().filter(|other| !std::ptr::eq(**other, *mount)) {
                assert_ne!(mount.mount_path, other.mount_path, "two volumes in one place");
                // Kubernetes could not create the mount point inside a read-only mount.
                assert!(
                    !(other.read_only == Some(true) && place.starts_with(&other.mount_path)),
                    "{} {other:?}",
                    place.display()
                );
            }
        }
    }
}
