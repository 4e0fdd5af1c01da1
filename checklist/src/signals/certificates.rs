//! The remaining validity of certificates, and whether clients accept them. Checklist: Wednesday 4, "Check certificate
//! expiry".

use crate::prelude::*;

const CERTIFICATE: &[&str] = &["source", "subject_cn", "issuer_cn", "position"];

pub static NOT_AFTER: Metric = Metric::fact(
    "checklist_certificate_not_after_timestamp_seconds",
    "Unix time at which the certificate expires, known also when it is expired or not trusted.",
    CERTIFICATE,
);
pub static NOT_BEFORE: Metric = Metric::fact(
    "checklist_certificate_not_before_timestamp_seconds",
    "Unix time from which the certificate is valid.",
    CERTIFICATE,
);
pub static SPARE_NOT_AFTER: Metric = Metric::fact(
    "checklist_certificate_spare_not_after_timestamp_seconds",
    "Unix time at which a presented certificate expires that clients do not need, such as a root or one that is cross-signed for older clients.",
    CERTIFICATE,
)
.sparse();
pub static VERIFIED: Metric = Metric::gauge(
    "checklist_certificate_verified",
    "Whether a client accepts the presented chain for the server's name (1) or not (0).",
    &[],
);
pub static VERIFICATION_FAILURES: Metric = Metric::gauge(
    "checklist_certificate_verification_failures",
    "Constant 1 with the reason for which the presented chain is not accepted, absent when it is.",
    &["reason"],
)
.sparse();
pub static TLS_VERSION: Metric =
    Metric::gauge("checklist_tls_version_info", "Constant 1 with the negotiated TLS version.", &["version"]).sparse();

static LEAD: Threshold = Threshold::below(
    "certificates.expires_within",
    "time until the certificate expires",
    Unit::Seconds,
    "The checklist asks for 30 days, which is when programs renew. At 28 days a renewal is two days late, which warns; 7 days page. Of a short-lived certificate a quarter of its life warns, and a tenth pages.",
)
.warning(28.0 * DAY)
.critical(7.0 * DAY);

static SPARE_LEAD: Threshold = Threshold::below(
    "certificates.spare_expires_within",
    "time until a spare certificate expires",
    Unit::Seconds,
    "A certificate that current clients do without breaks older ones when it expires: it is renewed or no longer sent.",
)
.warning(0.0);

pub static SIGNAL: Signal = Signal {
    id: "certificates",
    title: "Certificates",
    cadence: Cadence::Weekly,
    section: "Security Check",
    stake: Stake::Live,
    kind: TargetKind::Certificate,
    interval: minutes(5),
    timeout: seconds(10),
    max_series: 100,
    looks: &[Looks::at_some(Object::Certificate)],
    metrics: &[&NOT_AFTER, &NOT_BEFORE, &SPARE_NOT_AFTER, &VERIFIED, &VERIFICATION_FAILURES, &TLS_VERSION],
    thresholds: &[&LEAD, &SPARE_LEAD],
    alerts: &[
        Alert {
            name: "ChecklistCertificateExpiring",
            when: When::Expiring { begin: &NOT_BEFORE, end: &NOT_AFTER, lead: &LEAD, parts: (4.0, 10.0) },
            pending: minutes(15),
            summary: "TLS certificate expires soon.",
            description: "The {{ $labels.position }} certificate {{ $labels.subject_cn }} of {{ $labels.target }} expires in {value}.",
            ..WARNING
        },
        Alert {
            name: "ChecklistCertificateSpareExpired",
            when: When::Beyond(Value::Until(of(&SPARE_NOT_AFTER)), &SPARE_LEAD),
            pending: minutes(60),
            summary: "A certificate in the chain has expired.",
            description: "The {{ $labels.position }} certificate {{ $labels.subject_cn }} of {{ $labels.target }} has expired; current clients do without it, older ones may not.",
            ..WARNING
        },
        Alert {
            name: "ChecklistCertificateNotVerified",
            when: When::Zero(of(&VERIFIED)),
            pending: minutes(5),
            summary: "TLS certificate is not accepted.",
            description: "Clients refuse the certificate of {{ $labels.target }}{{ with printf \"checklist_certificate_verification_failures{target=%q}\" $labels.target | query }}: {{ . | first | label \"reason\" }}{{ end }}.",
            ..CRITICAL
        },
    ],
    panels: &[
        Panel {
            title: "Certificate lifetime left",
            description: "Time until each presented certificate expires; of a short-lived one a quarter of its life warns before the line does.",
            drawing: Drawing::Stat,
            query: PanelQuery::Value(Value::Until(of(&NOT_AFTER))),
            unit: Unit::Seconds,
            legend: &["target", "subject_cn", "position"],
            threshold: Some(&LEAD),
        },
        Panel {
            title: "Share of certificate life left",
            description: "Share of the life of each presented certificate that is left; a quarter warns and a tenth pages, unless the lead time is shorter.",
            drawing: Drawing::Stat,
            query: PanelQuery::Expression(
                |scope| {
                    let (begin, end) = (scope.max(&NOT_BEFORE), scope.max(&NOT_AFTER));
                    format!("({end} - time()) / ({end} - {begin})")
                },
                &[&NOT_BEFORE, &NOT_AFTER],
            ),
            unit: Unit::Ratio,
            legend: &["target", "subject_cn", "position"],
            ..PANEL
        },
        Panel {
            title: "Spare certificates",
            description: "Time until each presented certificate expires that current clients do without.",
            query: PanelQuery::Value(Value::Until(of(&SPARE_NOT_AFTER))),
            unit: Unit::Seconds,
            legend: &["target", "subject_cn", "position"],
            threshold: Some(&SPARE_LEAD),
            ..PANEL
        },
        Panel {
            title: "Certificates accepted",
            description: "Whether clients accept the certificate of each endpoint.",
            drawing: Drawing::Whether,
            query: PanelQuery::Value(Value::Of(of(&VERIFIED))),
            ..PANEL
        },
    ],
    access: &[],
    runbook: include_str!("certificates.md"),
    ..BASE
};
