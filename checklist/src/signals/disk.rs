//! Usage of volumes, in bytes and inodes, and the time until they are full. Checklist: daily 6, "Check disk space".

use crate::condition::history::SAMPLES;
use crate::prelude::*;

pub static USED: Metric =
    Metric::gauge("checklist_volume_used_bytes", "Bytes used on the volume.", &["namespace", "persistentvolumeclaim"]);
/// Used plus available bytes, because the space that is reserved for root cannot be used by the application.
pub static CAPACITY: Metric = Metric::gauge(
    "checklist_volume_capacity_bytes",
    "Capacity of the volume in bytes: used plus available to an ordinary user.",
    &["namespace", "persistentvolumeclaim"],
);
pub static INODES_USED: Metric = Metric::gauge(
    "checklist_volume_inodes_used",
    "Inodes used on the volume.",
    &["namespace", "persistentvolumeclaim"],
);
pub static INODES: Metric =
    Metric::gauge("checklist_volume_inodes", "Inodes that the volume has.", &["namespace", "persistentvolumeclaim"]);

static USAGE: Threshold = Threshold::above(
    "disk.usage",
    "volume use",
    Unit::Ratio,
    "The checklist expects less than 70%; at 85% a database has little space left for a vacuum or an index build.",
)
.warning(0.70)
.critical(0.85);

static INODE_USAGE: Threshold = Threshold::above(
    "disk.inode_usage",
    "inode use",
    Unit::Ratio,
    "A volume without free inodes is as full as one without free bytes, so it has the same limits.",
)
.warning(0.70)
.critical(0.85);

static FULL_WITHIN: Threshold = Threshold::below(
    "disk.full_within",
    "time until the volume is full",
    Unit::Seconds,
    "Four days include a weekend. The prediction uses the last six hours and the last day, and the volume must have grown in both halves of the six hours for three hours, so that a nightly job or a load of some hours does not count as a trend. It must also be fuller than in the seven days before: logs that are rotated fall to where they began.",
)
// The minimum is the window of the regression: a prediction for less time is not a trend.
.between(6.0 * HOUR, f64::INFINITY)
.warning(4.0 * DAY);

static FULL_NOW: Threshold = Threshold::below(
    "disk.full_now",
    "time until the volume is full",
    Unit::Seconds,
    "A volume that will be full within the hour needs action now. The prediction uses half an hour, and counts only above the warning level and by a twentieth of what is free above the maximum of the seven days before, of which one must be known, so that a nightly or weekly dump does not count.",
)
.between(10.0 * MINUTE, 12.0 * HOUR)
.critical(HOUR);

/// The usage below which a steep rise is ignored as a short burst.
static FULL_FLOOR: Threshold = Threshold::above(
    "disk.full_floor",
    "volume use",
    Unit::Ratio,
    "Below 60% a volume has space for more than one burst; at 70% it alerts at any growth rate.",
)
.warning(0.60);

pub static SIGNAL: Signal = Signal {
    id: "disk",
    title: "Disk space",
    cadence: Cadence::Daily,
    section: "Morning Health Check",
    stake: Stake::Data,
    kind: TargetKind::Kubernetes,
    interval: seconds(60),
    timeout: seconds(20),
    max_series: 20_000,
    looks: &[Looks::at_some(Object::Namespace), Looks::at_some(Object::Node), Looks::at_any(Object::Claim)],
    metrics: &[&USED, &CAPACITY, &INODES_USED, &INODES],
    thresholds: &[&USAGE, &INODE_USAGE, &FULL_WITHIN, &FULL_NOW, &FULL_FLOOR],
    alerts: &[
        Alert {
            name: "ChecklistVolumeFilling",
            when: When::Beyond(Value::Share(of(&USED), of(&CAPACITY)), &USAGE),
            pending: minutes(5),
            keep_firing: minutes(30),
            summary: "A volume is nearly full.",
            description: "Volume {{ $labels.namespace }}/{{ $labels.persistentvolumeclaim }} is {value} full; the limit is {limit}.",
            ..WARNING
        },
        Alert {
            name: "ChecklistVolumeInodesFilling",
            when: When::Beyond(Value::Share(of(&INODES_USED), of(&INODES)), &INODE_USAGE),
            summary: "A volume is running out of inodes.",
            description: "Volume {{ $labels.namespace }}/{{ $labels.persistentvolumeclaim }} uses {value} of its inodes; the limit is {limit}.",
            ..WARNING
        },
        Alert {
            name: "ChecklistVolumeFullWithinTheHour",
            covers: &["ChecklistVolumeFilling", "ChecklistVolumeFullSoon"],
            when: When::History(History {
                expr: |scope, limits, severity| {
                    let ahead = limits.of(&FULL_NOW).at(severity).unwrap_or(f64::NAN);
                    format!(
                        "{line} > {capacity} and {now} / {capacity} > {floor} and {now} - {peak} > 0.05 * ({capacity} - {now}) and {before}",
                        line = scope.predict(&USED, "30m:1m", ahead),
                        capacity = scope.max(&CAPACITY),
                        now = scope.max(&USED),
                        floor = number(limits.value(&USAGE)),
                        // A dump that is removed at once is in no step longer than the alert waits, and each may be larger
                        // than the one before.
                        peak = scope.over("max_over_time", &USED, "7d:2m@1h"),
                        before = scope.over("count_over_time", &USED, "1h@1d"),
                    )
                },
                threshold: Some(&FULL_NOW),
                metrics: &[&USED, &CAPACITY],
                case: |given| {
                    // Constant for two days, then a rise that passes the floor after forty minutes and fills the volume
                    // soon (fires) or much later (does not fire).
                    let (floor, within) = (1000.0 * given.limits.value(&USAGE), given.limit / 60.0);
                    let (rest, waits) = ((1000.0 - floor).max(1.0), given.pending.as_secs_f64() / 60.0);
                    let rises = |pace: f64| {
                        let (from, five) = (floor - 40.0 * pace, 5.0 * pace);
                        vec![input(&USED, format!("{from}+0x575 {from}+{five}x{SAMPLES}")), steady(&CAPACITY, 1000.0)]
                    };
                    let (from, five) = (floor - 300.0, (rest + 295.0) / 12.0);
                    let dump = format!("{from}+{five}x11");
                    let weekly = format!("{dump} {from}+0x563 {dump} {from}+0x275");
                    let larger = |by: f64| format!("{from}+{}x11", five + by / 11.0);
                    let growing = format!("{} {from}+0x563 {} {from}+0x275", larger(0.0), larger(5.0));
                    let first = format!("_x400 {from}+0x175 {dump} {from}+0x275");
                    let case = Case::new(rises(1.2 * rest / within), rises(0.4 * rest / (within + waits + 60.0)));
                    Case { pace: minutes(5), ..case }
                        .after(hours(48) + minutes(40))
                        .quiet(
                            "does not fire when a dump comes and goes every other day",
                            vec![input(&USED, weekly), steady(&CAPACITY, 1000.0)],
                        )
                        .quiet(
                            "does not fire when each dump is a little larger than the one before",
                            vec![input(&USED, growing), steady(&CAPACITY, 1000.0)],
                        )
                        .quiet(
                            "does not fire in the first night of a volume",
                            vec![input(&USED, first), steady(&CAPACITY, 1000.0)],
                        )
                },
            }),
            pending: minutes(2),
            summary: "A volume will be full within the hour.",
            description: "At the growth rate of the last half hour, volume {{ $labels.namespace }}/{{ $labels.persistentvolumeclaim }} will be full within {limit}. Look at: kubectl -n {{ $labels.namespace }} describe pvc {{ $labels.persistentvolumeclaim }}",
            ..CRITICAL
        },
        Alert {
            name: "ChecklistVolumeFullSoon",
            when: When::History(History {
                expr: |scope, limits, severity| {
                    let ahead = limits.of(&FULL_WITHIN).at(severity).unwrap_or(f64::NAN);
                    let at = |window| scope.over("max_over_time", &USED, window);
                    let (now, middle, before) = (scope.max(&USED), at("30m@3h"), at("30m@6h"));
                    format!(
                        "{short} > {capacity} and {long} > {capacity} and {now} / {capacity} > {floor} and \
                         {now} - {middle} > 0.2 * ({now} - {before}) and {middle} - {before} > 0.2 * ({now} - {before}) \
                         unless {now} <= {peak}",
                        short = scope.predict(&USED, "6h:5m", ahead),
                        long = scope.predict(&USED, "1d:15m", ahead),
                        capacity = scope.max(&CAPACITY),
                        floor = number(limits.value(&FULL_FLOOR)),
                        // Logs that are rotated grow for a day or two, and fall to where they began.
                        peak = scope.over("max_over_time", &USED, "7d:10m@1d"),
                    )
                },
                threshold: Some(&FULL_WITHIN),
                metrics: &[&USED, &CAPACITY],
                case: |given| {
                    // Samples of five minutes. Within the time of the limit, one line exceeds the capacity, and the other stays
                    // well below it. After 54 hours they pass a height.
                    let (lead, pace) = (54.0 * 12.0, 300.0 / given.limit);
                    let floor = 1000.0 * given.limits.value(&FULL_FLOOR);
                    let rest = 1000.0 - floor;
                    let by = |height: f64, grown: f64| {
                        vec![line(&USED, height - lead * grown * pace, grown * pace), steady(&CAPACITY, 1000.0)]
                    };
                    let of = |values: String| vec![input(&USED, values), steady(&CAPACITY, 1000.0)];
                    // Until the alert would fire.
                    let risen = (given.pending.as_secs_f64() / 300.0 + 3.0) * (rest + 100.0) * pace;
                    let begin = floor + 10.0;
                    // Two hours long.
                    let load = format!("{begin}+0x635 {begin}+{}x23 {}+0x{SAMPLES}", rest / 60.0, begin + 0.4 * rest);
                    // Rotated after thirty hours.
                    let each = 2.0 * rest * pace;
                    let logs = format!("{}+{each}x353 {begin}+{each}x{SAMPLES}", begin + 400.0 * each);
                    let case = Case::new(by(floor, rest + 100.0), by(begin, 0.3 * rest))
                        .after(hours(54))
                        .quiet("does not fire far below the floor", by(floor / 2.0 - risen, rest + 100.0))
                        .quiet("does not fire after a bulk load", of(load))
                        .quiet("does not fire on logs that are rotated", of(logs));
                    Case { pace: minutes(5), sampled: Some(minutes(5)), ..case }
                },
            }),
            // A load of some hours is over by then.
            pending: hours(3),
            summary: "A volume will be full within days.",
            description: "At the growth rate of the last six hours, volume {{ $labels.namespace }}/{{ $labels.persistentvolumeclaim }} will be full within {limit}.",
            ..WARNING
        },
    ],
    panels: &[
        Panel {
            title: "Volume usage",
            description: "Used share of each volume, against the limits of the checklist.",
            query: PanelQuery::Value(Value::Share(of(&USED), of(&CAPACITY))),
            legend: &["namespace", "persistentvolumeclaim"],
            threshold: Some(&USAGE),
            ..PANEL
        },
        Panel {
            title: "Inode usage",
            description: "Used share of each volume's inodes.",
            query: PanelQuery::Value(Value::Share(of(&INODES_USED), of(&INODES))),
            legend: &["namespace", "persistentvolumeclaim"],
            threshold: Some(&INODE_USAGE),
            ..PANEL
        },
    ],
    external_sources: &[ExternalSource {
        source: "kubelet",
        records: &[
            (&USED, "max by (namespace, persistentvolumeclaim) (kubelet_volume_stats_used_bytes{{selector}})"),
            (
                &CAPACITY,
                "max by (namespace, persistentvolumeclaim) (kubelet_volume_stats_used_bytes{{selector}} + kubelet_volume_stats_available_bytes{{selector}})",
            ),
            (&INODES_USED, "max by (namespace, persistentvolumeclaim) (kubelet_volume_stats_inodes_used{{selector}})"),
            (&INODES, "max by (namespace, persistentvolumeclaim) (kubelet_volume_stats_inodes{{selector}} > 0)"),
        ],
    }],
    access: &[
        Access::Kubernetes("", "pods", LIST_WATCH),
        Access::Kubernetes("", "persistentvolumeclaims", LIST_WATCH),
        Access::Kubernetes("", "nodes", &["list"]),
        Access::Kubernetes("", "nodes/stats", &["get"]),
    ],
    runbook: include_str!("disk.md"),
    ..BASE
};
