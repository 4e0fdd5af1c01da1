//! The metrics of the signal `pods`.

use crate::metric::Metric;

pub static DESIRED: Metric = Metric::gauge(
    "checklist_workload_replicas_desired",
    "Desired pods of the workload.",
    &["namespace", "kind", "workload"],
);
pub static READY: Metric = Metric::gauge(
    "checklist_workload_replicas_ready",
    "Pods of the workload that are ready.",
    &["namespace", "kind", "workload"],
);
/// A workload with too few ready pods has no series: an alert of its own reports that.
pub static REFUSED: Metric = Metric::gauge(
    "checklist_workload_pods_refused",
    "Constant 1 for each workload whose pods are ready and whose new pods cannot be created, with the reason.",
    &["namespace", "kind", "workload", "reason"],
)
.sparse();
pub static PODS: Metric =
    Metric::gauge("checklist_pods", "Pods of the workload by phase.", &["namespace", "workload", "phase"]);
/// The reason is that of the container's state or of the pod's condition.
pub static NOT_READY: Metric = Metric::gauge(
    "checklist_pod_not_ready",
    "Constant 1 for each pod that is neither ready nor finished, with the reason.",
    &["namespace", "pod", "reason"],
)
.sparse();
/// The reason is that of the job's condition, `NoPods`, or of a cron job `NotStarted`, or `StillRunning` if a run keeps
/// others from starting.
pub static JOB_FAILED: Metric = Metric::gauge(
    "checklist_job_failed",
    "Constant 1 for each job, and each cron job, whose last run failed, gets no pod, did not start or does not end, with the reason.",
    &["namespace", "workload", "reason"],
)
.sparse();
pub static ENDPOINTS: Metric =
    Metric::gauge("checklist_service_ready_endpoints", "Ready endpoints of the service.", &["namespace", "service"]);
pub static ALL_ENDPOINTS: Metric = Metric::gauge(
    "checklist_service_endpoints",
    "Endpoints of the service, ready or not, without terminating ones; 0 if no pods are wanted for it.",
    &["namespace", "service"],
);
