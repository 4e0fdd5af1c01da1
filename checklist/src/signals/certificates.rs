//! The remaining validity of certificates, and whether clients accept them. Checklist: Wednesday 4, "Check certificate
//! expiry".

use crate::prelude::*;

const CERTIFICATE: &[&str] = &["source", "subject_cn", "issuer_cn", "position"];

pub static NOT_AFTER: Metric = Metric::fact(
    "checklist_certificate_not_after_timestamp_seconds",
    "Unix time at which the certificate expires, also if it has expired or is not trusted.",
    CERTIFICATE,
);
pub static NOT_BEFORE: Metric = Metric::fact(
    "checklist_certificate_not_before_timestamp_seconds",
    "Unix time from which the certificate is valid.",
    CERTIFICATE,
);
pub static SPARE_NOT_AFTER: Metric = Metric::fact(
    "checklist_certificate_spare_not_after_timestamp_seconds",
    "Unix time at which a presented certificate expires that current clients do not need, such as a root or one that is cross-signed for older clients.",
    CERTIFICATE,
)
.sparse();
pub static VERIFIED: Metric = Metric::gauge(
    "checklist_certificate_verified",
    "Whether a client accepts the chain that each address of the server presents for its name (1) or not (0).",
    &[],
);
pub static VERIFICATION_FAILURES: Metric = Metric::gauge(
    "checklist_certificate_verification_failures",
    "Constant 1 with the reason why a presented chain is rejected, absent if all are accepted.",
    &["reason"],
)
.sparse();
pub static TLS_VERSION: Metric =
    Metric::gauge("checklist_tls_version_info", "Constant 1 with the negotiated TLS version.", &["version"]).sparse();

static LEAD: Threshold = Threshold::below(
    "certificates.expires_within",
    "time until the certificate expires",
    Unit::Seconds,
    "The checklist requires 30 days, which is when ACME clients renew. Warning at 28 days: the renewal is two days late. Critical at 7 days. For a short-lived certificate a quarter of its lifetime is the warning level, and a tenth the critical level.",
)
.warning(28.0 * DAY)
.critical(7.0 * DAY);

static SPARE_LEAD: Threshold = Threshold::below(
    "certificates.spare_expires_within",
    "time until a spare certificate expires",
    Unit::Seconds,
    "When a certificate that current clients do not need expires, older clients may fail. Renew it, or no longer send it.",
)
.warning(0.0);

pub static SIGNAL: Signal = Signal {
    id: "certificates",
    title: "Certificates",
    cadence: Cadence::Weekly,
    section: "Security Check",
    stake: Stake::Live,
    kind: TargetKind::Certificate,
    // A certificate that clients reject is an outage. One look is one TLS handshake with each address.
    interval: minutes(1),
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
            summary: "A TLS certificate expires soon.",
            description: "The {{ $labels.position }} certificate {{ $labels.subject_cn }} of {{ $labels.target }} {{ if lt $value 0.0 }}has expired{{ else }}expires in {value}{{ end }}.",
            ..WARNING
        },
        Alert {
            name: "ChecklistCertificateSpareExpired",
            when: When::Beyond(Value::Until(of(&SPARE_NOT_AFTER)), &SPARE_LEAD),
            pending: minutes(60),
            summary: "A certificate in the chain has expired.",
            description: "The {{ $labels.position }} certificate {{ $labels.subject_cn }} of {{ $labels.target }} has expired. Current clients do not need it, but older ones may.",
            ..WARNING
        },
        Alert {
            name: "ChecklistCertificateNotVerified",
            when: When::Failing(of(&VERIFIED)),
            // Three looks: while certificates are exchanged, one of several instances may still have the old one.
            pending: minutes(3),
            summary: "A TLS certificate is rejected by clients.",
            description: "Clients reject the certificate of {{ $labels.target }}{{ with printf \"checklist_certificate_verification_failures{target=%q}\" $labels.target | query }}: {{ . | first | label \"reason\" }}{{ end }}.",
            ..CRITICAL
        },
    ],
    panels: &[
        Panel {
            title: "Certificate lifetime left",
            description: "Time until each presented certificate expires; a short-lived one warns at a quarter of its lifetime, before the line.",
            drawing: Drawing::Stat,
            query: PanelQuery::Value(Value::Until(of(&NOT_AFTER))),
            legend: &["target", "subject_cn", "position"],
            threshold: Some(&LEAD),
            ..PANEL
        },
        Panel {
            title: "Share of certificate lifetime left",
            description: "Share of the lifetime of each presented certificate that is left. A quarter is the warning level and a tenth the critical level, unless the time of the other panel is shorter.",
            drawing: Drawing::Stat,
            query: PanelQuery::Expression(
                |scope| {
                    let (begin, end) = (scope.max(&NOT_BEFORE), scope.max(&NOT_AFTER));
                    format!("({end} - time()) / ({end} - {begin})")
                },
                &[&NOT_BEFORE, &NOT_AFTER],
            ),
            unit: Some(Unit::Ratio),
            legend: &["target", "subject_cn", "position"],
            ..PANEL
        },
        Panel {
            title: "Spare certificates",
            description: "Time until each presented certificate expires that current clients do not need.",
            query: PanelQuery::Value(Value::Until(of(&SPARE_NOT_AFTER))),
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
