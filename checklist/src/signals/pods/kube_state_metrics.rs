//! The metrics of the signal `pods` from those of kube-state-metrics.

/// Expression for the unfinished pods that are not ready.
macro_rules! unready_of_others {
    () => {
        "kube_pod_status_phase{{selector}, phase=~\"Pending|Running|Unknown\"} == 1 unless on (namespace, pod) kube_pod_status_ready{{selector}, condition=\"true\"} == 1"
    };
}

/// Expression for the jobs that have ended, with their names as `owner_name`.
macro_rules! ended_jobs_of_others {
    () => {
        "max by (namespace, owner_name) (label_replace(kube_job_failed{{selector}, condition=\"true\"} == 1 or kube_job_complete{{selector}, condition=\"true\"} == 1, \"owner_name\", \"$1\", \"job_name\", \"(.+)\"))"
    };
}

/// Expression for the creation times of the jobs that have ended, as `workload` the cron job that made them or their
/// own name.
macro_rules! runs_of_others {
    ($ended:expr) => {
        concat!(
            "max by (namespace, workload) (label_replace(kube_job_created{{selector}} and on (namespace, job_name) (",
            $ended,
            ") unless on (namespace, job_name) kube_job_owner{{selector}, owner_kind=\"CronJob\"}, \"workload\", \"$1\", \"job_name\", \"(.+)\")",
            " or label_replace((kube_job_created{{selector}} and on (namespace, job_name) (",
            $ended,
            ")) * on (namespace, job_name) group_left (owner_name) max by (namespace, job_name, owner_name) (kube_job_owner{{selector}, owner_kind=\"CronJob\"}), \"workload\", \"$1\", \"owner_name\", \"(.+)\"))"
        )
    };
}

/// Expression for the cron jobs that start no runs although they are due. kube-state-metrics reads schedules in its own
/// time zone, and the controller in another one, at most 14 hours away. So the next time counts only if it is that much
/// after the last one, and an hour more than that has passed since. Schedules of less than a day are not judged.
macro_rules! late_cron_jobs_of_others {
    () => {
        concat!(
            "max by (namespace, cronjob) (time() - kube_cronjob_next_schedule_time{{selector}} > 54000)",
            " and on (namespace, cronjob) (max by (namespace, cronjob) (kube_cronjob_next_schedule_time{{selector}}) - on (namespace, cronjob)",
            " max by (namespace, cronjob) (kube_cronjob_status_last_schedule_time{{selector}} or on (namespace, cronjob) kube_cronjob_created{{selector}}) > 50400)",
            " unless on (namespace, cronjob) kube_cronjob_spec_suspend{{selector}} == 1",
            " unless on (namespace, cronjob) (kube_cronjob_status_active{{selector}} > 0 and on (namespace, cronjob) kube_cronjob_info{{selector}, concurrency_policy=\"Forbid\"})"
        )
    };
}

/// Expression for the cron jobs with a run that goes on for so long that it has kept two others from starting. Time zones
/// count as in the expression for late ones.
macro_rules! held_cron_jobs_of_others {
    () => {
        concat!(
            "max by (namespace, cronjob) (time() - kube_cronjob_status_last_schedule_time{{selector}}) - 54000 > on (namespace, cronjob)",
            " 2 * (max by (namespace, cronjob) (kube_cronjob_next_schedule_time{{selector}}) - on (namespace, cronjob)",
            " max by (namespace, cronjob) (kube_cronjob_status_last_schedule_time{{selector}}) > 50400)",
            " and on (namespace, cronjob) kube_cronjob_status_active{{selector}} > 0",
            " and on (namespace, cronjob) kube_cronjob_info{{selector}, concurrency_policy=\"Forbid\"}",
            " unless on (namespace, cronjob) kube_cronjob_spec_suspend{{selector}} == 1"
        )
    };
}

/// Expression for the jobs whose newest run that has ended has failed, and for the cron jobs that do not start or do not end.
pub(super) const JOB_FAILED: &str = concat!(
    "label_replace((",
    runs_of_others!("kube_job_failed{{selector}, condition=\"true\"} == 1"),
    " >= on (namespace, workload) ",
    runs_of_others!(
        "kube_job_failed{{selector}, condition=\"true\"} == 1 or kube_job_complete{{selector}, condition=\"true\"} == 1"
    ),
    ") * 0 + 1, \"reason\", \"Failed\", \"\", \"\")",
    " or max by (namespace, workload, reason) (label_replace(label_replace((",
    late_cron_jobs_of_others!(),
    ") * 0 + 1, \"workload\", \"$1\", \"cronjob\", \"(.+)\"), \"reason\", \"NotStarted\", \"\", \"\")",
    " or label_replace(label_replace((",
    held_cron_jobs_of_others!(),
    ") * 0 + 1, \"workload\", \"$1\", \"cronjob\", \"(.+)\"), \"reason\", \"StillRunning\", \"\", \"\"))",
);

/// Expression for the creation times of the pods of each job. All runs of a cron job count as one job.
macro_rules! attempts_of_others {
    () => {
        "max by (namespace, owner_name, pod) (label_replace(kube_pod_created{{selector}} * on (namespace, pod) group_left (owner_name) max by (namespace, pod, owner_name) (kube_pod_owner{{selector}, owner_kind=\"Job\"}), \"owner_name\", \"$1\", \"owner_name\", \"(.+)-[0-9]{8}\"))"
    };
}

/// Expression for the pods that failed and that nothing has replaced: those of an operator, unless it made another one
/// afterwards, and those of nobody that were meant to run for ever.
macro_rules! lost_of_others {
    () => {
        concat!(
            "kube_pod_status_phase{{selector}, phase=\"Failed\"} == 1 and on (namespace, pod) (",
            "kube_pod_owner{{selector}, owner_kind!~\"|<none>|ReplicaSet|StatefulSet|DaemonSet|Job\"}",
            " or kube_pod_owner{{selector}, owner_kind=~\"|<none>\"} and on (namespace, pod) kube_pod_restart_policy{{selector}, type=\"Always\"} == 1",
            ") unless on (namespace, pod) (max by (namespace, owner_name, pod) (kube_pod_completion_time{{selector}} * on (namespace, pod) group_left (owner_name) max by (namespace, pod, owner_name) (kube_pod_owner{{selector}, owner_kind!~\"|<none>\"}))",
            " < on (namespace, owner_name) group_left () max by (namespace, owner_name) (kube_pod_created{{selector}} * on (namespace, pod) group_left (owner_name) max by (namespace, pod, owner_name) (kube_pod_owner{{selector}, owner_kind!~\"|<none>\"})))"
        )
    };
}

/// Expression for the endpoints of services from kube-state-metrics. Since 2.18 it exposes endpoint slices by default,
/// before that the older endpoints. The name of a slice is that of its service with a random suffix of five characters.
/// With two address types, each type has all endpoints. Only pods count, so endpoints that somebody else manages do
/// not. The value is 0 only if both the service and its slice (or its older endpoints) are exposed: an `ExternalName`
/// service has no slice, and a missing metric proves nothing.
macro_rules! endpoints_of_others {
    ($slices:literal, $older:literal, $but:literal) => {
        concat!(
            "(max by (namespace, service) (sum by (namespace, service, addresstype) (label_replace(max by (namespace, endpointslice, address) (kube_endpointslice_endpoints{{selector}, targetref_kind=\"Pod\", ",
            $slices,
            "}",
            $but,
            ") * on (namespace, endpointslice) group_left (addresstype) max by (namespace, endpointslice, addresstype) (kube_endpointslice_info{{selector}}), \"service\", \"$1\", \"endpointslice\", \"(.+)-[a-z0-9]{5}\")))",
            " or 0 * max by (namespace, service) (label_replace(kube_endpointslice_info{{selector}}, \"service\", \"$1\", \"endpointslice\", \"(.+)-[a-z0-9]{5}\"))",
            " or sum by (namespace, service) (label_replace(max by (namespace, endpoint, ip) (kube_endpoint_address{{selector}, ",
            $older,
            "} and on (namespace, ip) label_replace(kube_pod_info{{selector}}, \"ip\", \"$1\", \"pod_ip\", \"(.+)\")), \"service\", \"$1\", \"endpoint\", \"(.+)\"))",
            " or 0 * max by (namespace, service) (label_replace(kube_endpoint_info{{selector}}, \"service\", \"$1\", \"endpoint\", \"(.+)\"))",
            ") and on (namespace, service) kube_service_info{{selector}}"
        )
    };
}

/// Expression for the pods that are not ready from kube-state-metrics: pods that are neither ready nor finished, and
/// the last attempt of a failed job. A pod that was never scheduled has no ready condition, so the phase decides. The
/// reason is that of a waiting container, of an init container first.
pub(super) const NOT_READY: &str = concat!(
    "max by (namespace, pod, reason) ((",
    "kube_pod_init_container_status_waiting_reason{{selector}} == 1",
    " or kube_pod_container_status_waiting_reason{{selector}} == 1 unless on (namespace, pod) kube_pod_init_container_status_waiting_reason{{selector}} == 1",
    " or label_replace(kube_pod_status_unschedulable{{selector}} == 1, \"reason\", \"Unschedulable\", \"\", \"\")",
    ") and on (namespace, pod) (",
    unready_of_others!(),
    ")) or max by (namespace, pod, reason) (label_replace((",
    unready_of_others!(),
    ") unless on (namespace, pod) (kube_pod_container_status_waiting_reason{{selector}} == 1",
    " or kube_pod_init_container_status_waiting_reason{{selector}} == 1 or kube_pod_status_unschedulable{{selector}} == 1)",
    ", \"reason\", \"ContainersNotReady\", \"\", \"\"))",
    " or max by (namespace, pod, reason) (label_replace(kube_pod_status_phase{{selector}, phase=\"Failed\"} == 1",
    " and on (namespace, pod) (",
    attempts_of_others!(),
    " >= on (namespace, owner_name) group_left () max by (namespace, owner_name) (",
    attempts_of_others!(),
    ")) unless on (namespace, pod) (kube_pod_owner{{selector}, owner_kind=\"Job\"} * on (namespace, owner_name) group_left () ",
    ended_jobs_of_others!(),
    "), \"reason\", \"PodFailed\", \"\", \"\"))",
    " or max by (namespace, pod, reason) (label_replace(",
    lost_of_others!(),
    ", \"reason\", \"PodFailed\", \"\", \"\"))",
);

pub(super) const DESIRED: &str = "max by (namespace, kind, workload) (label_replace(label_replace(kube_deployment_spec_replicas{{selector}}, \"workload\", \"$1\", \"deployment\", \"(.*)\"), \"kind\", \"Deployment\", \"\", \"\") or label_replace(label_replace(kube_statefulset_replicas{{selector}}, \"workload\", \"$1\", \"statefulset\", \"(.*)\"), \"kind\", \"StatefulSet\", \"\", \"\") or label_replace(label_replace(kube_daemonset_status_desired_number_scheduled{{selector}}, \"workload\", \"$1\", \"daemonset\", \"(.*)\"), \"kind\", \"DaemonSet\", \"\", \"\"))";

pub(super) const READY: &str = "max by (namespace, kind, workload) (label_replace(label_replace(kube_deployment_status_replicas_ready{{selector}}, \"workload\", \"$1\", \"deployment\", \"(.*)\"), \"kind\", \"Deployment\", \"\", \"\") or label_replace(label_replace(kube_statefulset_status_replicas_ready{{selector}}, \"workload\", \"$1\", \"statefulset\", \"(.*)\"), \"kind\", \"StatefulSet\", \"\", \"\") or label_replace(label_replace(kube_daemonset_status_number_ready{{selector}}, \"workload\", \"$1\", \"daemonset\", \"(.*)\"), \"kind\", \"DaemonSet\", \"\", \"\"))";

/// Two replicas of kube-state-metrics expose each pod twice.
pub(super) const PODS: &str =
    "sum by (namespace, phase) (max by (namespace, pod, phase) (kube_pod_status_phase{{selector}}))";

pub(super) const REFUSED: &str = "max by (namespace, kind, workload, reason) (label_replace(label_replace(label_replace(kube_deployment_status_condition{{selector}, condition=\"ReplicaFailure\", status=\"true\"} == 1 and on (namespace, deployment) kube_deployment_status_replicas_ready{{selector}} >= on (namespace, deployment) kube_deployment_spec_replicas{{selector}}, \"workload\", \"$1\", \"deployment\", \"(.*)\"), \"kind\", \"Deployment\", \"\", \"\"), \"reason\", \"FailedCreate\", \"\", \"\"))";

pub(super) const ENDPOINTS: &str = endpoints_of_others!("ready!=\"false\"", "ready=\"true\"", "");

/// Before 2.20, `terminating` is empty and `serving` may have its value. In all releases, only a terminating endpoint
/// is serving and not ready.
pub(super) const ALL_ENDPOINTS: &str = endpoints_of_others!(
    "terminating!=\"true\"",
    "ready!=\"\"",
    " unless on (namespace, endpointslice, address) kube_endpointslice_endpoints{{selector}, ready=\"false\", serving=\"true\"}"
);
