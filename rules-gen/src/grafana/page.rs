//! The layout and the parts of a dashboard.

use checklist::Unit;
use serde_json::{Value, json};

/// Units of Grafana's grid.
pub(super) const WIDTH: u32 = 24;
const HEIGHT: u32 = 8;

/// One panel.
#[derive(Debug, Clone)]
pub(super) struct Drawn {
    pub(super) kind: &'static str,
    pub(super) title: String,
    pub(super) description: String,
    pub(super) expr: String,
    pub(super) unit: Unit,
    pub(super) legend: String,
    pub(super) steps: Value,
    /// What single values are called, and their colours.
    pub(super) mappings: Value,
    /// Where to read on.
    pub(super) runbook: Option<String>,
    pub(super) width: u32,
    pub(super) height: u32,
}

impl Drawn {
    /// A panel without a limit, half as wide as the dashboard.
    pub(super) fn new(kind: &'static str, title: &str, description: &str, expr: String, unit: Unit) -> Self {
        Self {
            kind,
            title: title.to_owned(),
            description: description.to_owned(),
            expr,
            unit,
            legend: String::new(),
            steps: plain(),
            mappings: json!([]),
            runbook: None,
            width: WIDTH / 2,
            height: HEIGHT,
        }
    }

    pub(super) fn size(self, width: u32, height: u32) -> Self {
        Self { width, height, ..self }
    }

    pub(super) fn legend(self, legend: &str) -> Self {
        Self { legend: legend.to_owned(), ..self }
    }

    pub(super) fn steps(self, steps: Value) -> Self {
        Self { steps, ..self }
    }
}

/// No limit.
pub(super) fn plain() -> Value {
    json!([{"color": "green", "value": null}])
}

/// Green while it is nothing.
pub(super) fn best_is_zero(worst: &str) -> Value {
    json!([{"color": "green", "value": null}, {"color": worst, "value": 1}])
}

/// The variable that every query asks through.
pub(super) fn datasource() -> Value {
    json!({"type": "prometheus", "uid": "${datasource}"})
}

/// Panels flow from left to right, row by row.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) panels: Vec<Value>,
    x: u32,
    y: u32,
    height: u32,
}

impl Page {
    pub(super) fn row(&mut self, title: &str) {
        self.new_line();
        let id = self.panels.len() + 1;
        self.panels.push(json!({
            "id": id, "type": "row", "title": title, "collapsed": false, "panels": [],
            "gridPos": {"x": 0, "y": self.y, "w": WIDTH, "h": 1},
        }));
        self.y += 1;
    }

    fn new_line(&mut self) {
        if self.x > 0 {
            (self.x, self.y, self.height) = (0, self.y + self.height, 0);
        }
    }

    pub(super) fn panel(&mut self, drawn: &Drawn) {
        if self.x + drawn.width > WIDTH {
            self.new_line();
        }
        let id = self.panels.len() + 1;
        let table = drawn.kind == "table";
        let mut panel = json!({
            "id": id,
            "type": drawn.kind,
            "title": drawn.title,
            "description": drawn.description,
            "datasource": datasource(),
            "gridPos": {"x": self.x, "y": self.y, "w": drawn.width, "h": drawn.height},
            "targets": [{
                "refId": "A",
                "datasource": datasource(),
                "expr": drawn.expr,
                "legendFormat": drawn.legend,
                "instant": table || drawn.kind == "stat",
                "range": !(table || drawn.kind == "stat"),
                "format": if table { "table" } else { "time_series" },
            }],
            "fieldConfig": {"defaults": {
                "unit": grafana_unit(drawn.unit),
                "thresholds": {"mode": "absolute", "steps": drawn.steps},
                "mappings": drawn.mappings,
                "color": {"mode": if drawn.kind == "timeseries" { "palette-classic" } else { "thresholds" }},
                "custom": custom(drawn.kind),
            }, "overrides": []},
            "options": options(drawn.kind),
        });
        if table {
            panel["transformations"] = json!([{"id": "organize", "options": {"excludeByName": {"Time": true, "__name__": true, "instance": true, "job": true, "pod": true}}}]);
        }
        if let Some(url) = &drawn.runbook {
            let mut link = link("Runbook", "link", &[]);
            link["url"] = json!(url);
            link["targetBlank"] = json!(true);
            panel["links"] = json!([link]);
        }
        self.panels.push(panel);
        self.x += drawn.width;
        self.height = self.height.max(drawn.height);
        if self.x >= WIDTH {
            self.new_line();
        }
    }
}

fn custom(kind: &str) -> Value {
    match kind {
        "timeseries" => json!({"thresholdsStyle": {"mode": "line"}}),
        "state-timeline" => json!({"fillOpacity": 80, "lineWidth": 0}),
        "table" => json!({"cellOptions": {"type": "color-text"}}),
        _ => json!({}),
    }
}

fn options(kind: &str) -> Value {
    match kind {
        "stat" => {
            json!({"reduceOptions": {"calcs": ["lastNotNull"], "values": false, "fields": ""}, "colorMode": "background"})
        }
        "state-timeline" => {
            json!({"showValue": "never", "mergeValues": true, "rowHeight": 0.9, "legend": {"showLegend": true, "displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "single", "sort": "none"}})
        }
        "timeseries" => {
            json!({"legend": {"showLegend": true, "displayMode": "list", "placement": "bottom", "calcs": []}, "tooltip": {"mode": "multi", "sort": "desc"}})
        }
        "table" => json!({"showHeader": true}),
        _ => json!({}),
    }
}

/// A link of a dashboard or a panel, with every field that Grafana's schema requires.
pub(super) fn link(title: &str, kind: &str, tags: &[&str]) -> Value {
    json!({
        "title": title, "type": kind, "tags": tags, "icon": "external link", "tooltip": "", "url": "",
        "asDropdown": false, "targetBlank": false, "includeVars": true, "keepTime": true,
    })
}

const fn grafana_unit(unit: Unit) -> &'static str {
    match unit {
        Unit::Bytes => "bytes",
        Unit::Count => "short",
        Unit::Ratio => "percentunit",
        Unit::Seconds => "s",
    }
}
