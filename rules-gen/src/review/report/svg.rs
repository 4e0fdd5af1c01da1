//! Charts as SVG without script and style sheet, so that they look the same within a page and as a file.

use super::capacity::{Resource, times};
use super::model::Trend;
use super::period::timestamp;
use checklist::Unit;
use jiff::tz::TimeZone;
use maud::{Markup, html};

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 210.0;
/// The margins in pixels: the left one holds the numbers, the bottom one the dates.
const LEFT: f64 = 78.0;
const RIGHT: f64 = 14.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 26.0;
/// A limit above this multiple of the highest value is not drawn but named, because it would flatten the curve.
const FAR: f64 = 2.5;

const INK: &str = "#1c2430";
const DIM: &str = "#5b6675";
const GRID: &str = "#dfe3e8";
const BLUE: &str = "#1f6feb";
const PURPLE: &str = "#8250df";
const ORANGE: &str = "#b35900";
const RED: &str = "#b3261e";

/// A curve of a chart.
struct Stroke {
    points: Vec<(f64, f64)>,
    colour: &'static str,
    dashes: &'static str,
    name: &'static str,
}

/// A chart before it is drawn.
struct Chart<'a> {
    title: String,
    unit: Unit,
    strokes: Vec<Stroke>,
    /// An area between two curves: time, lower and upper value.
    band: Vec<(f64, f64, f64)>,
    /// Name, value and colour of each limit.
    limits: Vec<(String, f64, &'static str)>,
    /// The times at the left and right edges. `None` for those of the first and last point.
    span: Option<(f64, f64)>,
    /// The time at which the period begins, drawn as a vertical line.
    border: Option<f64>,
    zone: &'a TimeZone,
    legend: bool,
}

/// Draws a trend over the period and the period before. The three times are the start of the period before, the start
/// and the end of the period, in Unix seconds.
pub fn trend_chart(trend: &Trend, [before, from, until]: [f64; 3], zone: &TimeZone) -> Markup {
    let limits = trend.limits.into_iter().zip([("warning", ORANGE), ("critical", RED)]);
    Chart {
        title: format!("{} {}", trend.title, trend.of),
        unit: unit(trend.unit),
        strokes: vec![Stroke { points: trend.points.clone(), colour: BLUE, dashes: "", name: "" }],
        band: Vec::new(),
        limits: limits.filter_map(|(limit, (name, colour))| Some((name.to_owned(), limit?, colour))).collect(),
        span: Some((before, until)),
        border: Some(from),
        zone,
        legend: false,
    }
    .draw()
}

/// Draws the history, both models, the interval and the limits of a resource. `None` without a forecast.
pub fn outlook(resource: &Resource, zone: &TimeZone) -> Option<Markup> {
    let forecast = resource.chart.as_ref()?;
    let (past, future) = times(resource, forecast);
    let zip = |times: &[f64], values: &[f64]| times.iter().copied().zip(values.iter().copied()).collect();
    let stroke = |points, colour, dashes, name| Stroke { points, colour, dashes, name };
    let colour = |name: &str| if name == "warning" { ORANGE } else { RED };
    let band = future.iter().zip(&forecast.low).zip(&forecast.high).map(|((at, low), high)| (*at, *low, *high));
    Some(
        Chart {
            title: format!("{} {} {}", resource.kind, resource.target, resource.of),
            unit: resource.unit_kind,
            strokes: vec![
                stroke(zip(&past, &forecast.history), INK, "", "history"),
                stroke(zip(&future, &forecast.seasonal), BLUE, "", "seasonal, with interval"),
                stroke(zip(&future, &forecast.linear), PURPLE, "6 4", "linear"),
            ],
            band: band.collect(),
            limits: resource.limits.iter().map(|l| (l.name.clone(), l.value, colour(&l.name))).collect(),
            span: None,
            border: past.last().copied(),
            zone,
            legend: true,
        }
        .draw(),
    )
}

fn unit(word: &str) -> Unit {
    [Unit::Bytes, Unit::Ratio, Unit::Seconds]
        .into_iter()
        .find(|unit| super::texts::unit_word(*unit) == word)
        .unwrap_or(Unit::Count)
}

impl Chart<'_> {
    fn draw(&self) -> Markup {
        let strokes = || self.strokes.iter().flat_map(|stroke| &stroke.points);
        let band = || self.band.iter().flat_map(|(_, low, high)| [*low, *high]);
        let Some((low, high)) = extent(strokes().map(|(_, value)| *value).chain(band())) else {
            return html! { p { "No values." } };
        };
        let (near, far): (Vec<_>, Vec<_>) = self.limits.iter().partition(|(_, limit, _)| *limit <= high.max(0.0) * FAR);
        let (low, high) =
            near.iter().fold((low, high), |(low, high), (_, limit, _)| (low.min(*limit), high.max(*limit)));
        // A range that begins near zero is drawn from zero, or small growth would look steep.
        let low = if low >= 0.0 && (low < high * 0.7 || low >= high) { 0.0 } else { low };
        let ticks = ticks(low, high, self.unit);
        let y = Scale { from: extent(ticks.iter().copied()).unwrap_or((low, high)), to: (HEIGHT - BOTTOM, TOP) };
        let x = Scale {
            from: self.span.or_else(|| extent(strokes().map(|(at, _)| *at))).unwrap_or((0.0, 1.0)),
            to: (LEFT, WIDTH - RIGHT),
        };
        let right = px(WIDTH - RIGHT);
        let far: Vec<String> =
            far.iter().map(|(name, limit, _)| format!("{name} {}", self.unit.human(*limit))).collect();
        let height = HEIGHT + if self.legend { 20.0 } else { 0.0 };
        html! {
            svg xmlns="http://www.w3.org/2000/svg" viewBox={ "0 0 " (WIDTH) " " (height) } role="img" aria-label=(self.title) font-family="system-ui, sans-serif" font-size="11" {
                title { (self.title) }
                @for tick in &ticks {
                    line x1=(px(LEFT)) x2=(right) y1=(px(y.at(*tick))) y2=(px(y.at(*tick))) stroke=(GRID) {}
                    text x=(px(LEFT - 6.0)) y=(px(y.at(*tick) + 4.0)) text-anchor="end" fill=(DIM) { (self.unit.human(*tick)) }
                }
                @for at in dates(&x) {
                    text x=(px(x.at(at).min(WIDTH - RIGHT - 18.0))) y=(px(HEIGHT - 8.0)) text-anchor="middle" fill=(DIM) { (date(at, &x, self.zone)) }
                }
                @if let Some(border) = self.border {
                    line x1=(px(x.at(border))) x2=(px(x.at(border))) y1=(px(TOP)) y2=(px(HEIGHT - BOTTOM)) stroke=(DIM) stroke-dasharray="2 3" {}
                }
                @if !self.band.is_empty() { path d=(area(&self.band, &x, &y)) fill=(BLUE) fill-opacity="0.15" {} }
                @for (name, limit, colour) in &near {
                    line x1=(px(LEFT)) x2=(right) y1=(px(y.at(*limit))) y2=(px(y.at(*limit))) stroke=(colour) stroke-dasharray="5 3" {}
                    text x=(px(LEFT + 4.0)) y=(px(y.at(*limit) - 3.0)) fill=(colour) { (name) " " (self.unit.human(*limit)) }
                }
                @for stroke in &self.strokes {
                    path d=(path(&stroke.points, &x, &y)) fill="none" stroke=(stroke.colour) stroke-width="1.6" stroke-linejoin="round" stroke-linecap="round" stroke-dasharray=(stroke.dashes) {}
                }
                @if !far.is_empty() {
                    text x=(right) y=(px(TOP + 2.0)) text-anchor="end" fill=(DIM) { "above the chart: " (far.join(", ")) }
                }
                @if self.legend {
                    @for (at, stroke) in self.strokes.iter().enumerate() {
                        @let left = LEFT + 170.0 * at as f64;
                        line x1=(px(left)) x2=(px(left + 22.0)) y1=(px(HEIGHT + 9.0)) y2=(px(HEIGHT + 9.0)) stroke=(stroke.colour) stroke-width="2" stroke-dasharray=(stroke.dashes) {}
                        text x=(px(left + 28.0)) y=(px(HEIGHT + 13.0)) fill=(INK) { (stroke.name) }
                    }
                }
            }
        }
    }
}

/// A linear mapping from values to pixels.
struct Scale {
    from: (f64, f64),
    to: (f64, f64),
}

impl Scale {
    fn at(&self, value: f64) -> f64 {
        let width = self.from.1 - self.from.0;
        // A range without width has its value in the middle.
        let share = if width > 0.0 { (value - self.from.0) / width } else { 0.5 };
        self.to.0 + share * (self.to.1 - self.to.0)
    }
}

/// The lowest and highest finite value.
fn extent(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.filter(|value| value.is_finite()).fold(None, |seen, value| match seen {
        Some((low, high)) => Some((value.min(low), value.max(high))),
        None => Some((value, value)),
    })
}

/// Rounds to a tenth of a pixel, which no screen shows, to keep the file small.
fn px(value: f64) -> String {
    format!("{}", (value * 10.0).round() / 10.0)
}

/// Returns round numbers that span a range: steps of 1, 2 or 5 times a power of ten. For bytes and seconds they are
/// multiples of a larger unit, such as MiB or hours.
fn ticks(low: f64, high: f64, unit: Unit) -> Vec<f64> {
    let high = if high > low { high } else { low + low.abs().max(1.0) };
    let size = match unit {
        Unit::Bytes => 1024_f64.powf((high.abs().max(1.0).log2() / 10.0).floor()),
        Unit::Seconds => {
            let sizes = [86_400.0, 3_600.0, 60.0];
            sizes.into_iter().find(|size| high >= 2.0 * size).unwrap_or(1.0)
        }
        Unit::Ratio => 0.01,
        Unit::Count => 1.0,
    };
    let wanted = (high - low) / size / 4.0;
    let power = 10_f64.powf(wanted.log10().floor());
    let step =
        [1.0, 2.0, 5.0, 10.0].into_iter().map(|n| n * power).find(|step| *step >= wanted * 0.999).unwrap_or(power);
    let (first, last) = ((low / size / step).floor(), (high / size / step).ceil());
    let mut ticks = vec![first];
    while ticks.len() < 12 && ticks.last().is_some_and(|tick| *tick < last) {
        ticks.push(first + ticks.len() as f64);
    }
    // Multiplied once at the end, so that rounding errors do not add up.
    ticks.into_iter().map(|tick| super::texts::steady(tick * step * size)).collect()
}

/// Returns seven times, evenly spread.
fn dates(x: &Scale) -> Vec<f64> {
    let (begin, end) = x.from;
    (0..=6).map(|part| begin + (end - begin) * f64::from(part) / 6.0).collect()
}

fn date(at: f64, x: &Scale, zone: &TimeZone) -> String {
    let days = (x.from.1 - x.from.0) / 86_400.0;
    let format = if days < 4.0 {
        "%a %H:%M"
    } else if days < 200.0 {
        "%d %b"
    } else {
        "%b %Y"
    };
    timestamp(at).to_zoned_datetime(zone.clone()).strftime(format).to_string()
}

/// Returns an SVG path through the points. It has a gap where two points are more than 2.5 usual steps apart.
fn path(points: &[(f64, f64)], x: &Scale, y: &Scale) -> String {
    let step = points.windows(2).map(|pair| pair[1].0 - pair[0].0).fold(f64::INFINITY, f64::min);
    let mut text = String::new();
    let mut last = f64::NEG_INFINITY;
    for (at, value) in points {
        let begins = at - last > 2.5 * step || text.is_empty();
        let letter = if begins { 'M' } else { 'L' };
        // A line of length zero is drawn as a dot, so that a point without neighbours is visible.
        let dot = if begins { "h0" } else { "" };
        text += &format!("{letter}{} {}{dot}", px(x.at(*at)), px(y.at(*value)));
        last = *at;
    }
    text
}

fn area(band: &[(f64, f64, f64)], x: &Scale, y: &Scale) -> String {
    let high = band.iter().map(|(at, _, high)| (*at, *high));
    let low = band.iter().rev().map(|(at, low, _)| (*at, *low));
    let points: Vec<String> = high.chain(low).map(|(at, v)| format!("{} {}", px(x.at(at)), px(y.at(v)))).collect();
    format!("M{}Z", points.join("L"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_maps_ends_to_ends_and_a_single_value_to_the_middle() {
        let scale = Scale { from: (10.0, 20.0), to: (100.0, 0.0) };
        assert_eq!([10.0, 15.0, 20.0].map(|value| px(scale.at(value))), ["100", "50", "0"]);
        assert_eq!(px(Scale { from: (5.0, 5.0), to: (0.0, 8.0) }.at(5.0)), "4");
    }

    #[test]
    fn axis_ticks_are_round_numbers_and_cover_the_range() {
        assert_eq!(ticks(0.0, 1.0, Unit::Count), [0.0, 0.5, 1.0]);
        assert_eq!(ticks(0.0, 0.73, Unit::Ratio), [0.0, 0.2, 0.4, 0.6, 0.8]);
        let gib = 1024_f64.powi(3);
        assert_eq!(
            ticks(0.0, 4.0 * gib, Unit::Bytes),
            [0.0, gib, 2.0 * gib, 3.0 * gib, 4.0 * gib].map(super::super::texts::steady)
        );
        for (low, high) in [(0.0, 0.0), (-3.0, 7.0), (1e12, 1.1e12), (99.0, 99.0)] {
            let ticks = ticks(low, high, Unit::Count);
            assert!(ticks.len() <= 12 && ticks[0] <= low && ticks[ticks.len() - 1] >= high, "{low} {high}: {ticks:?}");
        }
    }

    #[test]
    fn a_gap_interrupts_the_line_and_titles_are_escaped() {
        let unit = Scale { from: (0.0, 10.0), to: (0.0, 10.0) };
        assert_eq!(path(&[(0.0, 1.0), (1.0, 2.0), (9.0, 3.0)], &unit, &unit), "M0 1h0L1 2M9 3h0");
        let trend = Trend {
            check: "x",
            title: "T",
            of: "</title><script>".to_owned(),
            unit: "count",
            mean: None,
            before: None,
            change: None,
            human: Default::default(),
            points: vec![(0.0, 1.0), (60.0, 2.0)],
            limits: [Some(1.5), Some(100.0)],
        };
        let svg = trend_chart(&trend, [0.0, 30.0, 60.0], &TimeZone::UTC).into_string();
        assert!(
            !svg.contains("<script") && svg.contains("warning 1.5") && svg.contains("above the chart: critical 100"),
            "{svg}"
        );
    }
}
