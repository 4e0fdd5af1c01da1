//! The signal `utilization`: CPU and memory that pods and nodes use, from the metrics API, beside their limits.

use crate::probe::{Failure, Probe, miss};
use crate::sources::freshness::not_of_now;
use crate::sources::kubernetes::objects::PodUsage;
use crate::sources::kubernetes::quantity::exact_cores;
use crate::sources::kubernetes::{Cluster, Namespace, Watched, read};
use checklist::signals::utilization::{
    NODE_CPU, NODE_CPU_ALLOCATABLE, NODE_MEMORY, NODE_MEMORY_ALLOCATABLE, POD_CPU, POD_CPU_LIMIT, POD_MEMORY,
    POD_MEMORY_LIMIT,
};
use checklist::{Object, Reason, Samples};
use futures::FutureExt;
use futures::future::BoxFuture;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The probe of the signal `utilization`.
pub struct Utilization {
    pub cluster: Arc<Cluster>,
    /// Whether this target reports on the nodes. If several targets are parts of one cluster, only the first one does.
    pub tells_nodes: bool,
}

/// Sums over the pods of a workload, in cores and bytes. A limit is known only if every pod has one.
struct Workload {
    cpu: f64,
    memory: f64,
    cpu_limit: Option<f64>,
    memory_limit: Option<f64>,
}

/// Age in seconds below which a pod may lack metrics: metrics-server scrapes about once a minute and needs two scrapes
/// for a rate.
const UNTIL_MEASURED: i64 = 300;

impl Probe for Utilization {
    fn probe(&self, mut samples: Samples) -> BoxFuture<'_, Result<Samples, Failure>> {
        async move {
            let watched = self.cluster.watched().await?;
            if let Err(failure) = nodes(&watched, self.tells_nodes, &mut samples).await {
                miss(&mut samples, Object::Node, failure)?;
            }
            samples.saw(Object::Pod, 0);
            for namespace in &watched.namespaces {
                let judged = pods(&watched, namespace, &mut samples).await;
                self.cluster.conclude(&watched, namespace, judged, &mut samples).await;
            }
            Ok(samples)
        }
        .boxed()
    }
}

async fn nodes(watched: &Watched, exposes: bool, samples: &mut Samples) -> Result<(), Failure> {
    let usage = watched.node_usage().await?;
    for (name, node) in watched.nodes(None).await? {
        let used = usage.get(&name);
        if let Some(time) = used.and_then(|used| not_of_now(used.timestamp.as_deref())) {
            let what = format!("the data of the metrics API for node {name} are of {time}");
            samples.missed(Object::Node, Reason::NotFound, what);
            continue;
        }
        let Some((Some(cpu), Some(memory))) = used.map(|used| used.usage.amounts()) else {
            samples.missed(Object::Node, Reason::NotFound, format!("the metrics API has no data for node {name}"));
            continue;
        };
        let (Some(most_cpu), Some(most_memory)) = node.allocatable() else {
            let what = format!("node {name} does not say what it has: its status.allocatable is empty");
            samples.missed(Object::Node, Reason::NotFound, what);
            continue;
        };
        samples.saw(Object::Node, 1);
        if !exposes {
            continue;
        }
        samples.set(&NODE_CPU, [&name], cpu);
        samples.set(&NODE_MEMORY, [&name], memory);
        samples.set(&NODE_CPU_ALLOCATABLE, [&name], most_cpu);
        samples.set(&NODE_MEMORY_ALLOCATABLE, [&name], most_memory);
    }
    Ok(())
}

/// Adds samples for each workload. Returns the number of pods in the namespace.
async fn pods(watched: &Watched, namespace: &Namespace, samples: &mut Samples) -> Result<usize, Failure> {
    let usage = watched.pod_usage(&namespace.name).await?;
    let measured_before = jiff::Timestamp::now().as_second() - UNTIL_MEASURED;
    let mut workloads: BTreeMap<String, Workload> = BTreeMap::new();
    let pods = read(&namespace.pods).await?;
    for (name, pod) in &pods.objects {
        let used = usage.get(name);
        if let Some(time) = used.and_then(|used| not_of_now(used.timestamp.as_deref())) {
            let what = format!("the data of the metrics API for pod {}/{name} are of {time}", namespace.name);
            samples.missed(Object::Pod, Reason::NotFound, what);
            continue;
        }
        let Some((Some(cpu), Some(memory))) = used.map(PodUsage::total) else {
            if &*pod.phase == "Running" && pod.created < measured_before {
                let what = format!("the metrics API has no data for pod {}/{name}", namespace.name);
                samples.missed(Object::Pod, Reason::NotFound, what);
            }
            continue;
        };
        samples.saw(Object::Pod, 1);
        let nothing = Workload { cpu: 0.0, memory: 0.0, cpu_limit: Some(0.0), memory_limit: Some(0.0) };
        let all = workloads.entry(pod.workload.to_string()).or_insert(nothing);
        all.cpu += cpu;
        all.memory += memory;
        // A job is meant to use all that it may.
        let cpu_limit = pod.cpu_limit.filter(|_| !pod.is_of_job());
        all.cpu_limit = all.cpu_limit.zip(cpu_limit).map(|(sum, own)| sum + own);
        all.memory_limit = all.memory_limit.zip(pod.memory_limit).map(|(sum, own)| sum + own);
    }
    for (name, workload) in &workloads {
        let labels = [&namespace.name, name];
        samples.put(&POD_CPU, &labels, exact_cores(workload.cpu));
        samples.put(&POD_MEMORY, &labels, workload.memory);
        for (metric, limit) in
            [(&POD_CPU_LIMIT, workload.cpu_limit.map(exact_cores)), (&POD_MEMORY_LIMIT, workload.memory_limit)]
        {
            if let Some(limit) = limit {
                samples.put(metric, &labels, limit);
            }
        }
    }
    Ok(pods.objects.len())
}
