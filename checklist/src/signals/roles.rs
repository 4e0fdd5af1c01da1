//! Changes of privileged roles, and the number of administrators. Checklist: second Monday 3, "Review RBAC
//! permissions".

use crate::prelude::*;

pub static MEMBERS: Metric = Metric::gauge("checklist_role_members", "Users that have the role.", &["role"]);
pub static FINGERPRINT: Metric = Metric::gauge(
    "checklist_privileged_role_assignments_fingerprint",
    "Fingerprint of the assignments of privileged roles: it changes with every assignment that is added or removed.",
    &[],
);

static ADMINS: Threshold = Threshold::above(
    "roles.admins",
    "administrators",
    Unit::Count,
    "No incident needs more than five administrators; the checklist names no number.",
)
.warning(5.0);

const ADMIN: &[(&str, &[&str])] = &[("role", &["admin"])];

/// Returns the number of changes within a day, including one during a deployment of the exporter.
fn changes(scope: &Scope) -> String {
    format!("changes({})", scope.past(&FINGERPRINT, "1d:1m"))
}

pub static SIGNAL: Signal = Signal {
    id: "roles",
    title: "Roles",
    cadence: Cadence::Monthly,
    section: "Security Review",
    kind: TargetKind::Application,
    interval: minutes(5),
    max_series: 100,
    looks: &[Looks::at_some(Object::Role)],
    metrics: &[&MEMBERS, &FINGERPRINT],
    thresholds: &[&ADMINS],
    alerts: &[
        Alert {
            name: "ChecklistRoleAssignmentsChanged",
            when: When::History(History {
                expr: |scope, _, _| format!("{} > 0", changes(scope)),
                threshold: None,
                metrics: &[&FINGERPRINT],
                case: |_| {
                    let on = |replica: &str, values: &str| input(&FINGERPRINT, values).with("instance", replica);
                    Case::new(vec![step(&FINGERPRINT, 7.0, 0, 8.0)], vec![steady(&FINGERPRINT, 7.0)])
                        .fires(
                            "fires although the exporter was deployed again meanwhile",
                            vec![on("a", "7 stale"), on("b", "_ 8+0x10")],
                        )
                        .quiet(
                            "does not fire when the exporter is deployed",
                            vec![on("a", "7 stale"), on("b", "_ 7+0x10")],
                        )
                },
            }),
            pending: seconds(0),
            summary: "Assignments of privileged roles have changed.",
            description: "A privileged role was granted or revoked in {{ $labels.target }} within the last day. Compare it with the approved changes; ordinary roles, such as those of sign-ups, do not count.",
            ..WARNING
        },
        Alert {
            name: "ChecklistTooManyAdmins",
            when: When::Beyond(Value::Of(of(&MEMBERS).with(ADMIN)), &ADMINS),
            summary: "Many users are administrators.",
            description: "{value} users of {{ $labels.target }} have the role admin; the limit is {limit}.",
            ..WARNING
        },
    ],
    panels: &[
        Panel {
            title: "Role members",
            description: "Users by role.",
            query: PanelQuery::Value(Value::Of(of(&MEMBERS))),
            legend: &["target", "role"],
            ..PANEL
        },
        Panel {
            title: "Administrators",
            description: "Users that have the role admin.",
            query: PanelQuery::Value(Value::Of(of(&MEMBERS).with(ADMIN))),
            threshold: Some(&ADMINS),
            ..PANEL
        },
        Panel {
            title: "Changes of roles",
            description: "How often the assignments of privileged roles changed within a day.",
            query: PanelQuery::Expression(changes, &[&FINGERPRINT]),
            ..PANEL
        },
    ],
    access: &[Access::SqlColumns("roles", &["id", "name"]), Access::SqlColumns("user_roles", &["user_id", "role_id"])],
    runbook: include_str!("roles.md"),
    ..BASE
};
