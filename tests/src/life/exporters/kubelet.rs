//! `kubelet_volume_stats_*`. No alert of the rule sets that are compared reads cAdvisor's series, except those of
//! severity `info`, which notify nobody.

use super::page::Page;
use crate::life::board::{Board, known};
use checklist::signals::disk;

/// The kubelets answer all month: where the probes have no sample, the last value stays.
fn carried(values: &[f64]) -> Vec<f64> {
    let mut last = f64::NAN;
    let carry = |value: &f64| {
        if !value.is_nan() {
            last = *value;
        }
        last
    };
    values.iter().map(carry).collect()
}

pub(super) fn write(board: &mut Board, probes: &Board) {
    let always = vec![true; probes.minutes()];
    for (labels, used) in probes.named(disk::USED.name) {
        let own = |name: &str| labels.get(name).map_or("", String::as_str);
        let labels_of_claim = ["check", "target", "namespace", "persistentvolumeclaim"].map(|name| (name, own(name)));
        let of = |metric: &str| carried(probes.values(metric, &labels_of_claim));
        let used = carried(used);
        let (capacity, inodes, inodes_used) =
            (of(disk::CAPACITY.name), of(disk::INODES.name), of(disk::INODES_USED.name));
        let scrape = [("job", "kubelet"), ("metrics_path", "/metrics"), ("instance", "node-1"), ("node", "node-1")];
        let scrape = scrape.map(|(name, value)| (name, value.to_owned())).to_vec();
        let mut page = Page { board, scrape, watched: &always };
        let claim = [("namespace", own("namespace")), ("persistentvolumeclaim", own("persistentvolumeclaim"))];
        let free = |all: &[f64], used: &[f64], minute: usize| Some(known(all, minute)? - known(used, minute)?);
        page.put("kubelet_volume_stats_used_bytes", &claim, |minute| known(&used, minute));
        page.put("kubelet_volume_stats_capacity_bytes", &claim, |minute| known(&capacity, minute));
        page.put("kubelet_volume_stats_available_bytes", &claim, |minute| free(&capacity, &used, minute));
        page.put("kubelet_volume_stats_inodes", &claim, |minute| known(&inodes, minute));
        page.put("kubelet_volume_stats_inodes_used", &claim, |minute| known(&inodes_used, minute));
        page.put("kubelet_volume_stats_inodes_free", &claim, |minute| free(&inodes, &inodes_used, minute));
    }
}
