//! The capacity spreadsheet (`capacity.csv`).

use super::capacity::{Capacity, Limit, Met, Resource};

/// Writes a row for each limit of each resource, with values in base units.
pub fn csv(capacity: &Capacity) -> String {
    let mut text =
        "kind,target,resource,unit,current,growth_per_day,limit,limit_value,met_seasonal,met_earliest,met_linear"
            .to_owned();
    for months in [3, 6, 12] {
        text += &format!(",seasonal_{months}m,low_{months}m,high_{months}m,linear_{months}m");
    }
    text += ",error_seasonal,error_linear,refused\n";
    for resource in &capacity.resources {
        let none: Vec<Option<&Limit>> = vec![None];
        let limits: Vec<Option<&Limit>> = resource.limits.iter().map(Some).collect();
        for limit in if limits.is_empty() { none } else { limits } {
            text += &row(resource, limit);
        }
    }
    text
}

fn row(resource: &Resource, limit: Option<&Limit>) -> String {
    let number = |value: Option<f64>| value.map(|value| value.to_string()).unwrap_or_default();
    let met = |of: fn(&Limit) -> Met| limit.map(|limit| of(limit).to_string()).unwrap_or_default();
    let mut cells = vec![
        resource.kind.to_owned(),
        cell(&resource.target),
        cell(&resource.of),
        resource.unit.to_owned(),
        number(resource.current),
        number(resource.growth_per_day),
        limit.map_or_else(|| "none".to_owned(), |limit| limit.name.clone()),
        number(limit.map(|limit| limit.value)),
        met(|limit| limit.seasonal),
        met(|limit| limit.earliest),
        met(|limit| limit.linear),
    ];
    for at in 0..3 {
        let ahead = resource.ahead.get(at);
        cells.extend(
            [ahead.map(|a| a.seasonal), ahead.map(|a| a.low), ahead.map(|a| a.high), ahead.map(|a| a.linear)]
                .map(number),
        );
    }
    cells.extend([number(resource.error.map(|error| error.0)), number(resource.error.map(|error| error.1))]);
    cells.push(cell(resource.refused.as_deref().unwrap_or_default()));
    cells.join(",") + "\n"
}

/// Writes a cell of text as in RFC 4180. A cell that a spreadsheet would read as a formula begins with an apostrophe,
/// because names come from the monitored systems and may be hostile.
fn cell(text: &str) -> String {
    let text = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_owned() };
    if text.contains(['"', ',', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

#[cfg(test)]
mod tests {
    use super::super::capacity::tests::of;
    use super::*;

    #[test]
    fn no_csv_cell_is_interpreted_as_a_formula() {
        let capacity =
            Capacity { history_days: 90, level: 0.9, resources: vec![of(90, &[200.0]), of(30, &[])], left_out: 0 };
        let csv = csv(&capacity);
        let lines: Vec<&str> = csv.lines().collect();
        assert_eq!(lines.len(), 3);
        assert!(
            lines[1].starts_with("database,'=cmd,\"database=a,\"\"b\"\"\",bytes,189,1,warning,200,"),
            "{}",
            lines[1]
        );
        assert!(lines[2].contains(",none,,,,,") && lines[2].ends_with("a forecast needs 60"), "{}", lines[2]);
    }
}
