//! What is kept of a pod.

use super::*;
use serde_json::{Value, json};

#[test]
fn a_sidecar_is_one_of_the_containers_of_its_pod() -> anyhow::Result<()> {
    let limit = |cpu: &str| json!({"limits": {"cpu": cpu}});
    let mut pod = json!({"metadata": {"name": "p"}, "spec": {"nodeName": "n1",
        "containers": [{"name": "main", "resources": limit("100m")}],
        "initContainers": [{"name": "setup", "resources": limit("4")},
            {"name": "shipper", "restartPolicy": "Always", "resources": limit("200m")}]}});
    let known = of_json(pod.clone())?;
    assert_eq!(known.declared.iter().map(|name| &**name).collect::<Vec<_>>(), ["main", "shipper"]);
    assert_eq!((known.cpu_limit, &*known.node), (Some(0.3), "n1"));
    pod["spec"]["resources"] = limit("700m");
    assert_eq!(of_json(pod.clone())?.cpu_limit, Some(0.7));
    pod["spec"]["resources"] = Value::Null;
    pod["spec"]["initContainers"][1]["resources"] = Value::Null;
    assert_eq!(of_json(pod)?.cpu_limit, None, "one without a limit");
    Ok(())
}

#[test]
fn the_claims_of_a_pod_include_those_that_are_made_with_it() -> anyhow::Result<()> {
    let volumes = json!([
        {"name": "data", "persistentVolumeClaim": {"claimName": "data-db-0"}},
        {"name": "scratch", "ephemeral": {"volumeClaimTemplate": {"spec": {}}}},
        {"name": "tmp", "emptyDir": {}},
    ]);
    let pod = of_json(json!({"metadata": {"name": "db-0"}, "spec": {"volumes": volumes}}))?;
    assert_eq!(pod.claims.iter().map(|claim| &**claim).collect::<Vec<_>>(), ["data-db-0", "db-0-scratch"]);
    Ok(())
}

#[test]
fn a_running_pod_whose_status_leaves_out_a_container_names_it() -> anyhow::Result<()> {
    let status = |name: &str| json!({"name": name, "restartCount": 0});
    let both = json!([status("main"), status("proxy")]);
    for (phase, statuses, sidecars, unreported) in [
        ("Running", both.clone(), json!([status("shipper")]), &[][..]),
        ("Running", Value::Null, json!([status("shipper")]), &["main", "proxy"]),
        ("Running", json!([status("main")]), Value::Null, &["proxy", "shipper"]),
        ("Unknown", json!([]), json!([status("shipper")]), &["main", "proxy"]),
        ("", Value::Null, Value::Null, &["main", "proxy", "shipper"]),
        // Not started, evicted, and deleted at its end.
        ("Pending", Value::Null, Value::Null, &[]),
        ("Failed", Value::Null, Value::Null, &[]),
        ("Succeeded", Value::Null, Value::Null, &[]),
    ] {
        let pod = json!({"metadata": {"name": "p"},
            "spec": {"containers": [{"name": "main"}, {"name": "proxy"}],
                "initContainers": [{"name": "setup"}, {"name": "shipper", "restartPolicy": "Always"}]},
            "status": {"phase": phase, "containerStatuses": statuses, "initContainerStatuses": sidecars}});
        let found = of_json(pod.clone())?;
        assert_eq!(found.unreported().map(|name| &**name).collect::<Vec<_>>(), unreported, "{pod}");
    }
    Ok(())
}
