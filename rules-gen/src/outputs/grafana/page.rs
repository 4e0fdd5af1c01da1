//! The layout and the panels of a dashboard.

use checklist::Unit;
use serde_json::{Value, json};

/// The width of a dashboard, in columns of Grafana's grid.
pub(super) const WIDTH: u32 = 24;
/// The default height of a panel, in rows of Grafana's grid.
const HEIGHT: u32 = 8;
/// The largest number of groups with different limits in one panel. Further targets are shown without limits.
pub(super) const MOST_QUERIES: usize = 8;
/// The `refId`s of the queries of a panel: one for each group of limits, and one for the rest.
const REFS: [&str; MOST_QUERIES + 1] = ["A", "B", "C", "D", "E", "F", "G", "H", "I"];

/// The link of a panel.
#[derive(Debug, Clone)]
pub(super) enum Link {
    /// The URL of a link in the panel's head.
    Panel(String),
    /// The URL of a link on each value. It may contain labels of the value.
    Value(String),
}

/// A panel before it is placed.
#[derive(Debug, Clone)]
pub(super) struct Drawn {
    pub(super) kind: &'static str,
    pub(super) title: String,
    pub(super) description: String,
    /// Each expression and the threshold steps of its values.
    pub(super) queries: Vec<(String, Value)>,
    pub(super) unit: Unit,
    pub(super) legend: String,
    /// Texts and colours for single values.
    pub(super) mappings: Value,
    /// The link to the runbook.
    pub(super) runbook: Option<Link>,
    pub(super) width: u32,
    pub(super) height: u32,
}

impl Drawn {
    /// Returns a panel with one query, without limits and with the default size.
    pub(super) fn new(kind: &'static str, title: &str, description: &str, expr: String, unit: Unit) -> Self {
        Self::of(kind, title, description, vec![(expr, plain())], unit)
    }

    /// Returns a panel with several queries, each with its own steps.
    pub(super) fn of(
        kind: &'static str,
        title: &str,
        description: &str,
        queries: Vec<(String, Value)>,
        unit: Unit,
    ) -> Self {
        Self {
            kind,
            title: title.to_owned(),
            description: description.to_owned(),
            queries,
            unit,
            legend: String::new(),
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

    /// Uses the same steps for every query.
    pub(super) fn steps(mut self, steps: &Value) -> Self {
        for (_, own) in &mut self.queries {
            own.clone_from(steps);
        }
        self
    }
}

/// Turns a panel into one that shows 1 as a green "yes" and 0 as a red "no".
pub(super) fn whether(drawn: Drawn) -> Drawn {
    let mapping = |text: &str, color: &str, index: u32| json!({"text": text, "color": color, "index": index});
    let options = json!({"1": mapping("yes", "green", 0), "0": mapping("no", "red", 1)});
    let steps = json!([{"color": "red", "value": null}, {"color": "green", "value": 1}]);
    Drawn { mappings: json!([{"type": "value", "options": options}]), ..drawn }.steps(&steps)
}

/// The steps of a panel without limits.
pub(super) fn plain() -> Value {
    json!([{"color": "green", "value": null}])
}

/// The steps of a count that should be zero. `worst` is the colour from 1 on.
pub(super) fn best_is_zero(worst: &str) -> Value {
    json!([{"color": "green", "value": null}, {"color": worst, "value": 1}])
}

/// The data source variable, which every query uses.
pub(super) fn datasource() -> Value {
    json!({"type": "prometheus", "uid": "${datasource}"})
}

/// Places panels from left to right, row by row.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) panels: Vec<Value>,
    x: u32,
    y: u32,
    height: u32,
}

/// Adds a row with a title.
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

    /// Adds a panel.
    pub(super) fn panel(&mut self, drawn: &Drawn) {
        if self.x + drawn.width > WIDTH {
            self.new_line();
        }
        let id = self.panels.len() + 1;
        let table = drawn.kind == "table";
        let instant = table || drawn.kind == "stat";
        let targets = drawn.queries.iter().zip(REFS).map(|((expr, _), id)| {
            json!({
                "refId": id,
                "datasource": datasource(),
                "expr": expr,
                "legendFormat": drawn.legend,
                "instant": instant,
                "range": !instant,
                "format": if table { "table" } else { "time_series" },
            })
        });
        let mut panel = json!({
            "id": id,
            "type": drawn.kind,
            "title": drawn.title,
            "description": drawn.description,
            "datasource": datasource(),
            "gridPos": {"x": self.x, "y": self.y, "w": drawn.width, "h": drawn.height},
            "targets": targets.collect::<Vec<_>>(),
            "fieldConfig": {"defaults": {
                "unit": grafana_unit(drawn.unit),
                "thresholds": {"mode": "absolute", "steps": drawn.queries.first().map_or_else(plain, |(_, steps)| steps.clone())},
                "mappings": drawn.mappings,
                "color": {"mode": if drawn.kind == "timeseries" { "palette-classic" } else { "thresholds" }},
                "custom": custom(drawn.kind),
            }, "overrides": overrides(&drawn.queries)},
            "options": options(drawn.kind),
        });
        if table {
            panel["transformations"] = json!([{"id": "organize", "options": {"excludeByName": {"Time": true, "__name__": true, "instance": true, "job": true, "pod": true}}}]);
        }
        match &drawn.runbook {
            Some(Link::Panel(url)) => {
                let mut link = link("Runbook", "link", &[]);
                link["url"] = json!(url);
                link["targetBlank"] = json!(true);
                panel["links"] = json!([link]);
            }
            Some(Link::Value(url)) => {
                panel["fieldConfig"]["defaults"]["links"] =
                    json!([{"title": "Runbook", "url": url, "targetBlank": true}]);
            }
            None => {}
        }
        self.panels.push(panel);
        self.x += drawn.width;
        self.height = self.height.max(drawn.height);
        if self.x >= WIDTH {
            self.new_line();
        }
    }
}

/// Returns the overrides for queries whose steps differ from those of the first query, which are the steps of the
/// panel.
fn overrides(queries: &[(String, Value)]) -> Vec<Value> {
    let own = queries.first().map(|(_, steps)| steps);
    let other = queries.iter().zip(REFS).filter(|((_, steps), _)| Some(steps) != own);
    let one = |((_, steps), id): (&(String, Value), &str)| {
        let thresholds = json!({"id": "thresholds", "value": {"mode": "absolute", "steps": steps}});
        json!({"matcher": {"id": "byFrameRefID", "options": id}, "properties": [thresholds]})
    };
    other.map(one).collect()
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

/// Returns a link of a dashboard or panel, with every field that Grafana's schema requires.
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
