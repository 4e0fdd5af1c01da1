//! `probe_*` of the health page and of every TLS endpoint, with the modules `http_2xx` and `tcp_connect` with TLS, as
//! the exporter's example configuration has them.

use super::page::{Page, is_one, one_if};
use crate::life::board::{Board, Labels, known};
use crate::life::shop::Shop;
use checklist::self_metrics::{PROBE_SUCCESS, TARGET_REACHABLE};
use checklist::signals::{certificates, health};

/// The address of the health page.
pub(super) const HEALTH: &str = "https://shop.example.com/health";

/// The address of a TLS endpoint.
pub(super) fn endpoint(name: &str) -> String {
    format!("{name}.example.com:443")
}

/// Seconds after which a probe is given up.
const PATIENCE: f64 = 5.0;

pub(super) fn write(board: &mut Board, shop: &Shop, probes: &Board, watched: &[bool]) {
    let scrape = |instance: &str| {
        let all = [("job", "blackbox-exporter"), ("namespace", "monitoring"), ("instance", instance)];
        all.map(|(name, value)| (name, value.to_owned())).to_vec()
    };
    let expiry = |endpoint: &str| {
        let leaf = |labels: &Labels| {
            labels.get("target").is_some_and(|of| of == endpoint)
                && labels.get("position").is_some_and(|of| of == "leaf")
        };
        let all = probes.named(certificates::NOT_AFTER.name).find(|(labels, _)| leaf(labels));
        all.map_or(&[][..], |(_, values)| values)
    };
    let labels = [("check", "health"), ("target", "shop")];
    let reachable = probes.values(TARGET_REACHABLE.name, &[("kind", "health"), ("target", "shop")]);
    let status = probes.values(health::STATUS.name, &labels);
    let duration = probes.values(health::DURATION.name, &labels);
    let reached_at = |minute: usize| is_one(reachable, minute);
    let mut page = Page { board, scrape: scrape(HEALTH), watched };
    let code = |minute: usize| if reached_at(minute) { known(status, minute) } else { Some(0.0) };
    page.put("probe_http_status_code", &[], code);
    page.put("probe_success", &[], |minute| {
        Some(one_if(code(minute).is_some_and(|code| (200.0..300.0).contains(&code))))
    });
    page.put(
        "probe_duration_seconds",
        &[],
        |minute| {
            if reached_at(minute) { known(duration, minute) } else { Some(PATIENCE) }
        },
    );
    let first = shop.certificates.first().map_or("", String::as_str);
    let ends = expiry(first);
    page.put("probe_ssl_earliest_cert_expiry", &[], |minute| reached_at(minute).then(|| known(ends, minute)).flatten());
    for name in &shop.certificates {
        let own = [("check", "certificates"), ("target", name.as_str())];
        let reached = probes.values(PROBE_SUCCESS.name, &own);
        let verified = probes.values(certificates::VERIFIED.name, &own);
        // The handshake fails when the certificate is refused, and then there is no value for its end.
        let success = |minute: usize| is_one(reached, minute) && is_one(verified, minute);
        let ends = expiry(name);
        let mut page = Page { board: &mut *page.board, scrape: scrape(&endpoint(name)), watched };
        page.put("probe_success", &[], |minute| Some(one_if(success(minute))));
        page.put("probe_duration_seconds", &[], |_| Some(0.05));
        page.put("probe_ssl_earliest_cert_expiry", &[], |minute| {
            success(minute).then(|| known(ends, minute)).flatten()
        });
    }
}
