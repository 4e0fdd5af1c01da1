//! Simple changes to a valid file.

pub(crate) const GOOD: &str = r#"groups:
- name: first
  interval: 30s
  limit: 10
  rules:
  - record: job:up:sum
    expr: sum by (job) (up)
    labels: {team: sre}
  - alert: ServiceDown
    expr: |
      up{job="api", instance=~"a.*|b"} == 0
        and on (instance) time() - boot_time_seconds > 300
    for: 5m
    keep_firing_for: 10m
    labels:
      severity: critical
    annotations:
      summary: A service is down.
      description: "{{ $labels.instance }} of {{ $labels.job }}: {{ $value | humanize }}{{ if gt $value 1.0 }}!{{ end }}"
- name: second
  rules:
  - {alert: Slow, expr: 'histogram_quantile(0.9, sum by (le) (rate(x_bucket[5m]))) > 1', for: 1h30m}
"#;

/// Words and lines of a valid file that are removed, doubled, swapped or indented.
pub(super) fn mutants() -> Vec<String> {
    let mut all = Vec::new();
    let words = [
        "groups",
        "name",
        "rules",
        "record",
        "alert",
        "expr",
        "for",
        "labels",
        "annotations",
        "interval",
        "limit",
        "5m",
        "30s",
        "10",
        "==",
        "sum",
        "by",
        "(",
        ")",
        "{",
        "}",
        "\"",
        "$labels",
        "humanize",
        "end",
        "if",
        "|",
        ":",
        "and",
        "on",
        "[5m]",
        "job",
        "first",
        "second",
        "up",
        "- ",
        "api",
        "0.9",
        "team",
        "severity",
        "gt",
    ];
    let others = ["", "x", "1", "nosuch", "''", "[]", "{}", "-5m", "5", "null", "é", "a b", "__name__", "first"];
    for word in words {
        for (at, _) in GOOD.match_indices(word).take(3) {
            for other in others {
                all.push(format!("{}{other}{}", &GOOD[..at], &GOOD[at + word.len()..]));
            }
        }
    }
    let lines: Vec<&str> = GOOD.lines().collect();
    for at in 0..lines.len() {
        let mut dropped = lines.clone();
        dropped.remove(at);
        all.push(dropped.join("\n") + "\n");
        let mut doubled = lines.clone();
        doubled.insert(at, lines[at]);
        all.push(doubled.join("\n") + "\n");
        let mut shifted: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        shifted[at] = format!("  {}", shifted[at]);
        all.push(shifted.join("\n") + "\n");
    }
    all.extend(
        ["", "---\n", "groups:\n", "groups: []\n", "groups: 5\n", "[]\n", "5\n", "\u{feff}groups: []\n"]
            .map(ToOwned::to_owned),
    );
    all.push(GOOD.replace('\n', "\r\n"));
    all.push(format!("x: &x {{a: 1}}\n{GOOD}"));
    all.push(GOOD.replace("labels: {team: sre}", "labels: &l {team: sre}"));
    all
}
