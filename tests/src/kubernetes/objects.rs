//! The objects of a healthy application, and methods that change them.

use super::Kubernetes;
use super::state::NAMESPACE;
use serde_json::{Value, json};

impl Kubernetes {
    pub(super) fn populate(&self) {
        let node = json!({"metadata": {"name": "node-1"}, "status": {
            "allocatable": {"cpu": "4", "memory": "16Gi"},
            "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": self.kubelet.server.port}}}});
        self.apply("/api/v1/nodes", node);
        self.apply("/api/v1/namespaces", json!({"metadata": {"name": NAMESPACE}, "status": {"phase": "Active"}}));
        for n in 1..=3 {
            self.apply(
                &pods(),
                pod(&format!("orchestrator-5d4f8-{n}"), "ReplicaSet", "orchestrator-5d4f8", Some("5d4f8")),
            );
        }
        self.apply(&pods(), pod("postgres-0", "StatefulSet", "postgres", None));
        self.apply(
            &apps("deployments"),
            json!({"metadata": {"name": "orchestrator"}, "spec": {"replicas": 3}, "status": {"readyReplicas": 3}}),
        );
        self.database_replicas(1);
        self.autoscaler(2);
        self.claim("Bound");
        self.rotated("jwt-secret", 30);
        self.rotated("postgres-credentials", 60);
        self.usage(0.5);
        self.free_lease("checklist-exporter");
        for (service, ready) in [("orchestrator", 3), ("postgres", 1)] {
            self.apply(
                &core("services"),
                json!({"metadata": {"name": service}, "spec": {"selector": {"app": service}}}),
            );
            self.endpoints(service, ready);
        }
    }

    /// Sets the desired number of database pods. One exists.
    pub fn database_replicas(&self, wanted: u32) {
        self.apply(
            &apps("statefulsets"),
            json!({"metadata": {"name": "postgres"}, "spec": {"replicas": wanted}, "status": {"readyReplicas": 1}}),
        );
    }

    /// Replaces the pod that restarts by a new one.
    pub fn replace_pod(&self) {
        self.delete(&pods(), "orchestrator-5d4f8-1");
        self.apply(&pods(), pod("orchestrator-5d4f8-4", "ReplicaSet", "orchestrator-5d4f8", Some("5d4f8")));
    }

    /// Sets the replicas of the autoscaler, at most 6.
    pub fn autoscaler(&self, replicas: u32) {
        let conditions = json!([
            {"type": "AbleToScale", "status": "True", "reason": "ReadyForNewScale"},
            {"type": "ScalingActive", "status": "True", "reason": "ValidMetricFound"},
            {"type": "ScalingLimited", "status": if replicas >= 6 { "True" } else { "False" }, "reason": "TooManyReplicas"},
        ]);
        let state = json!({"currentReplicas": replicas, "desiredReplicas": replicas, "conditions": conditions});
        self.apply(
            &format!("/apis/autoscaling/v2/namespaces/{NAMESPACE}/horizontalpodautoscalers"),
            json!({"metadata": {"name": "orchestrator"}, "spec": {"minReplicas": 2, "maxReplicas": 6}, "status": state}),
        );
    }

    /// Sets the phase of the database's volume claim.
    pub fn claim(&self, phase: &str) {
        self.apply(
            &core("persistentvolumeclaims"),
            json!({"metadata": {"name": "data-postgres-0"}, "status": {"phase": phase},
                   "spec": {"resources": {"requests": {"storage": "100Gi"}}}}),
        );
    }

    /// Creates a secret that was last rotated `days` days ago, by its annotation and by its time of creation.
    pub fn rotated(&self, name: &str, days: i64) {
        let at = (jiff::Timestamp::now() - jiff::SignedDuration::from_hours(24 * days)).to_string();
        let annotations = json!({"example.com/rotated": at});
        let changes = json!([
            {"manager": "kubectl", "time": at, "fieldsV1": {"f:data": {}}},
            {"manager": "label", "time": jiff::Timestamp::now().to_string(), "fieldsV1": {"f:metadata": {}}},
        ]);
        let data = json!({"password": "bmV2ZXIgdG8gYmUgc2Vlbg=="});
        self.apply(
            &core("secrets"),
            json!({"metadata": {"name": name, "creationTimestamp": at, "annotations": annotations, "managedFields": changes}, "data": data}),
        );
    }

    /// Sets the memory usage of the application as a share of its limit, 0 to 1.
    pub fn usage(&self, share: f64) {
        let memory = format!("{:.0}", 512.0 * 1_048_576.0 * share);
        let pods = (1..=3).map(|n| format!("orchestrator-5d4f8-{n}")).chain(["postgres-0".to_owned()]);
        for name in pods {
            let container = json!({"name": "main", "usage": {"cpu": "120m", "memory": memory}});
            self.apply(
                &format!("/apis/metrics.k8s.io/v1beta1/namespaces/{NAMESPACE}/pods"),
                json!({"metadata": {"name": name}, "containers": [container]}),
            );
        }
        self.apply(
            "/apis/metrics.k8s.io/v1beta1/nodes",
            json!({"metadata": {"name": "node-1"}, "usage": {"cpu": "812345678n", "memory": "6Gi"}}),
        );
    }

    /// Sets the number of ready endpoints of a service.
    pub fn endpoints(&self, service: &str, ready: usize) {
        let endpoints: Vec<Value> = (0..ready).map(|_| json!({"conditions": {"ready": true}})).collect();
        let labels = json!({"kubernetes.io/service-name": service});
        let slice = json!({"metadata": {"name": format!("{service}-x"), "labels": labels}, "endpoints": endpoints});
        self.apply(&format!("/apis/discovery.k8s.io/v1/namespaces/{NAMESPACE}/endpointslices"), slice);
    }

    /// Sets the number of ready pods of the deployment, in the workload, the pods and the endpoints.
    pub fn ready_replicas(&self, ready: usize) {
        let status = json!({"readyReplicas": ready});
        self.apply(
            &apps("deployments"),
            json!({"metadata": {"name": "orchestrator"}, "spec": {"replicas": 3}, "status": status}),
        );
        for n in 1..=3 {
            let mut pod = pod(&format!("orchestrator-5d4f8-{n}"), "ReplicaSet", "orchestrator-5d4f8", Some("5d4f8"));
            if n > ready {
                pod["status"]["conditions"][0]["status"] = json!("False");
                pod["status"]["containerStatuses"][0]["state"] = json!({"waiting": {"reason": "CrashLoopBackOff"}});
            }
            self.apply(&pods(), pod);
        }
        self.endpoints("orchestrator", ready);
    }

    /// Sets the number of restarts of a pod's container, and the reason of its last termination.
    pub fn restart(&self, restarts: u32, reason: &str) {
        let mut pod = pod("orchestrator-5d4f8-1", "ReplicaSet", "orchestrator-5d4f8", Some("5d4f8"));
        let status = &mut pod["status"]["containerStatuses"][0];
        status["restartCount"] = json!(restarts);
        status["lastState"] = json!({"terminated": {"reason": reason, "exitCode": 137, "finishedAt": jiff::Timestamp::now().to_string()}});
        self.apply(&pods(), pod);
    }

    /// Adds `count` healthy pods of two containers each, fifty per workload, without sending watch events.
    pub fn many_pods(&self, count: usize) {
        let mut world = self.api.lock();
        let all = world.objects.entry(pods()).or_default();
        for n in 0..count {
            let owner = format!("load{}-7c9d8", n / 50);
            let name = format!("{owner}-{n:06}");
            let mut object = pod(&name, "ReplicaSet", &owner, Some("7c9d8"));
            for list in ["/spec/containers", "/status/containerStatuses"] {
                let Some(containers) = object.pointer_mut(list).and_then(Value::as_array_mut) else { continue };
                let mut sidecar = containers[0].clone();
                sidecar["name"] = json!("proxy");
                containers.push(sidecar);
            }
            object["metadata"]["resourceVersion"] = json!("1");
            all.insert(name, object);
        }
    }
}

/// Returns the path of the collection of pods.
pub fn pods() -> String {
    core("pods")
}

fn core(resource: &str) -> String {
    format!("/api/v1/namespaces/{NAMESPACE}/{resource}")
}

fn apps(resource: &str) -> String {
    format!("/apis/apps/v1/namespaces/{NAMESPACE}/{resource}")
}

pub(super) fn pod(name: &str, owner_kind: &str, owner: &str, hash: Option<&str>) -> Value {
    let mut labels = json!({"app": name.split('-').next()});
    if let Some(hash) = hash {
        labels["pod-template-hash"] = json!(hash);
    }
    json!({
        "metadata": {"name": name, "labels": labels, "ownerReferences": [{"kind": owner_kind, "name": owner}]},
        "spec": {"containers": [{"name": "main", "resources": {"limits": {"cpu": "500m", "memory": "512Mi"}}}]},
        "status": {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": "True"}],
            "containerStatuses": [{"name": "main", "restartCount": 0, "ready": true, "state": {"running": {}}, "lastState": {}}],
        },
    })
}
