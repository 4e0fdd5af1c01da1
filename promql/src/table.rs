//! The table of PromQL's functions, aggregations and syntax, with the versions of Prometheus and the feature flags that
//! they need.

use crate::construct::{Construct, ConstructKind, Signature, Version};
use crate::types::Type;

/// The newest version that this table describes.
pub const NEWEST: Version = Version(3, 16);
/// A version before all supported ones: the construct has always existed.
const ALWAYS: Version = Version(1, 0);

/// `--enable-feature` value for functions and aggregations that may still change.
pub const EXPERIMENTAL_FUNCTIONS: &str = "promql-experimental-functions";
/// `--enable-feature` value for arithmetic with durations. The feature is on by default since 3.14.
pub const DURATION_EXPRESSIONS: &str = "promql-duration-expr";
/// `--enable-feature` value for `anchored` and `smoothed`. The feature is on by default since 3.16.
pub const EXTENDED_SELECTORS: &str = "promql-extended-range-selectors";
/// `--enable-feature` value for `fill`, `fill_left` and `fill_right`.
pub const FILL_MODIFIERS: &str = "promql-binop-fill-modifiers";
/// `--enable-feature` value for unquoted names with dots and letters beyond ASCII.
pub const UNQUOTED_NAMES: &str = "promql-unquoted-utf8-names";

/// Every feature flag that changes what a server parses.
pub const FEATURES: [&str; 5] =
    [EXPERIMENTAL_FUNCTIONS, DURATION_EXPRESSIONS, EXTENDED_SELECTORS, FILL_MODIFIERS, UNQUOTED_NAMES];

const V: Type = Type::InstantVector;
const M: Type = Type::RangeVector;
const S: Type = Type::Scalar;
const T: Type = Type::String;

const fn function(name: &'static str, since: Version, args: &'static [Type], returns: Type) -> Construct {
    ranged(name, since, args, args.len(), Some(args.len()), returns)
}

/// A function with `least` to `most` arguments.
const fn ranged(
    name: &'static str,
    since: Version,
    args: &'static [Type],
    least: usize,
    most: Option<usize>,
    returns: Type,
) -> Construct {
    let kind = ConstructKind::Function(Signature { args, least, most, returns });
    Construct { name, kind, since, until: None, gate: None, excluded_by: None }
}

/// A function from an instant vector to an instant vector.
const fn of_vector(name: &'static str, since: Version) -> Construct {
    function(name, since, &[V], V)
}

/// A function from a range vector to an instant vector.
const fn of_range(name: &'static str, since: Version) -> Construct {
    function(name, since, &[M], V)
}

/// A function of dates, which uses the time of evaluation when it has no argument.
const fn of_date(name: &'static str, since: Version) -> Construct {
    ranged(name, since, &[V], 0, Some(1), V)
}

/// Every function, sorted by name.
pub static FUNCTIONS: [Construct; 92] = [
    of_vector("abs", ALWAYS),
    of_vector("absent", ALWAYS),
    of_range("absent_over_time", Version(2, 16)),
    of_vector("acos", Version(2, 31)),
    of_vector("acosh", Version(2, 31)),
    of_vector("asin", Version(2, 31)),
    of_vector("asinh", Version(2, 31)),
    of_vector("atan", Version(2, 31)),
    of_vector("atanh", Version(2, 31)),
    of_range("avg_over_time", ALWAYS),
    of_vector("ceil", ALWAYS),
    of_range("changes", ALWAYS),
    function("clamp", Version(2, 26), &[V, S, S], V),
    function("clamp_max", ALWAYS, &[V, S], V),
    function("clamp_min", ALWAYS, &[V, S], V),
    of_vector("cos", Version(2, 31)),
    of_vector("cosh", Version(2, 31)),
    of_range("count_over_time", ALWAYS),
    of_date("day_of_month", ALWAYS),
    of_date("day_of_week", ALWAYS),
    of_date("day_of_year", Version(2, 38)),
    of_date("days_in_month", ALWAYS),
    of_vector("deg", Version(2, 31)),
    of_range("delta", ALWAYS),
    of_range("deriv", ALWAYS),
    function("double_exponential_smoothing", Version(3, 0), &[M, S, S], V).gated(EXPERIMENTAL_FUNCTIONS),
    function("end", Version(3, 12), &[], S).gated(EXPERIMENTAL_FUNCTIONS),
    of_vector("exp", ALWAYS),
    of_range("first_over_time", Version(3, 7)).gated_until(EXPERIMENTAL_FUNCTIONS, Version(3, 14)),
    of_vector("floor", ALWAYS),
    of_vector("histogram_avg", Version(2, 51)),
    of_vector("histogram_count", Version(2, 40)),
    function("histogram_fraction", Version(2, 40), &[S, S, V], V),
    function("histogram_quantile", ALWAYS, &[S, V], V),
    ranged("histogram_quantiles", Version(3, 11), &[V, T, S], 3, Some(12), V).gated(EXPERIMENTAL_FUNCTIONS),
    of_vector("histogram_stddev", Version(2, 47)),
    of_vector("histogram_stdvar", Version(2, 47)),
    of_vector("histogram_sum", Version(2, 40)),
    function("holt_winters", ALWAYS, &[M, S, S], V).until(Version(3, 0)),
    of_date("hour", ALWAYS),
    of_range("idelta", ALWAYS),
    of_range("increase", ALWAYS),
    ranged("info", Version(2, 55), &[V, V], 1, Some(2), V).gated(EXPERIMENTAL_FUNCTIONS),
    ranged("integral", Version(3, 16), &[M, S], 1, Some(2), V).gated(EXPERIMENTAL_FUNCTIONS),
    of_range("irate", ALWAYS),
    ranged("label_join", ALWAYS, &[V, T, T, T], 3, None, V),
    function("label_replace", ALWAYS, &[V, T, T, T, T], V),
    of_range("last_over_time", Version(2, 26)),
    of_vector("ln", ALWAYS),
    of_vector("log10", ALWAYS),
    of_vector("log2", ALWAYS),
    of_range("mad_over_time", Version(2, 49)).gated(EXPERIMENTAL_FUNCTIONS),
    function("max_of", Version(3, 13), &[S, S], S).gated(EXPERIMENTAL_FUNCTIONS),
    of_range("max_over_time", ALWAYS),
    function("min_of", Version(3, 13), &[S, S], S).gated(EXPERIMENTAL_FUNCTIONS),
    of_range("min_over_time", ALWAYS),
    of_date("minute", ALWAYS),
    of_date("month", ALWAYS),
    function("pi", Version(2, 31), &[], S),
    function("predict_linear", ALWAYS, &[M, S], V),
    of_range("present_over_time", Version(2, 29)),
    function("quantile_over_time", ALWAYS, &[S, M], V),
    of_vector("rad", Version(2, 31)),
    function("range", Version(3, 12), &[], S).gated(EXPERIMENTAL_FUNCTIONS),
    of_range("rate", ALWAYS),
    of_range("resets", ALWAYS),
    ranged("round", ALWAYS, &[V, S], 1, Some(2), V),
    function("scalar", ALWAYS, &[V], S),
    of_vector("sgn", Version(2, 26)),
    of_vector("sin", Version(2, 31)),
    of_vector("sinh", Version(2, 31)),
    of_vector("sort", ALWAYS),
    ranged("sort_by_label", Version(2, 49), &[V, T], 1, None, V).gated(EXPERIMENTAL_FUNCTIONS),
    ranged("sort_by_label_desc", Version(2, 49), &[V, T], 1, None, V).gated(EXPERIMENTAL_FUNCTIONS),
    of_vector("sort_desc", ALWAYS),
    of_vector("sqrt", ALWAYS),
    function("start", Version(3, 12), &[], S).gated(EXPERIMENTAL_FUNCTIONS),
    of_vector("start_timestamp", Version(3, 14)).gated(EXPERIMENTAL_FUNCTIONS),
    of_range("stddev_over_time", ALWAYS),
    of_range("stdvar_over_time", ALWAYS),
    function("step", Version(3, 12), &[], S).gated(EXPERIMENTAL_FUNCTIONS),
    of_range("sum_over_time", ALWAYS),
    of_vector("tan", Version(2, 31)),
    of_vector("tanh", Version(2, 31)),
    function("time", ALWAYS, &[], S),
    of_vector("timestamp", Version(2, 0)),
    of_range("ts_of_first_over_time", Version(3, 7)).gated(EXPERIMENTAL_FUNCTIONS),
    of_range("ts_of_last_over_time", Version(3, 5)).gated(EXPERIMENTAL_FUNCTIONS),
    of_range("ts_of_max_over_time", Version(3, 5)).gated(EXPERIMENTAL_FUNCTIONS),
    of_range("ts_of_min_over_time", Version(3, 5)).gated(EXPERIMENTAL_FUNCTIONS),
    function("vector", ALWAYS, &[S], V),
    of_date("year", ALWAYS),
];

const fn aggregation(name: &'static str, since: Version, param: Option<Type>) -> Construct {
    Construct { name, kind: ConstructKind::Aggregation(param), since, until: None, gate: None, excluded_by: None }
}

/// Every aggregation, sorted by name.
pub static AGGREGATIONS: [Construct; 14] = [
    aggregation("avg", ALWAYS, None),
    aggregation("bottomk", ALWAYS, Some(S)),
    aggregation("count", ALWAYS, None),
    aggregation("count_values", ALWAYS, Some(T)),
    aggregation("group", Version(2, 20), None),
    aggregation("limit_ratio", Version(2, 54), Some(S)).gated(EXPERIMENTAL_FUNCTIONS),
    aggregation("limitk", Version(2, 54), Some(S)).gated(EXPERIMENTAL_FUNCTIONS),
    aggregation("max", ALWAYS, None),
    aggregation("min", ALWAYS, None),
    aggregation("quantile", ALWAYS, Some(S)),
    aggregation("stddev", ALWAYS, None),
    aggregation("stdvar", ALWAYS, None),
    aggregation("sum", ALWAYS, None),
    aggregation("topk", ALWAYS, Some(S)),
];

const fn syntax(name: &'static str, since: Version) -> Construct {
    Construct { name, kind: ConstructKind::Syntax, since, until: None, gate: None, excluded_by: None }
}

const fn of_durations(name: &'static str, since: Version) -> Construct {
    syntax(name, since).gated_until(DURATION_EXPRESSIONS, Version(3, 14))
}

pub(crate) static AT_MODIFIER: Construct =
    syntax("the modifier @", Version(2, 25)).gated_until("promql-at-modifier", Version(2, 33));
pub(crate) static NEGATIVE_OFFSET: Construct =
    syntax("a negative offset", Version(2, 26)).gated_until("promql-negative-offset", Version(2, 33));
pub(crate) static ATAN2: Construct = syntax("atan2", Version(2, 31));
pub(crate) static QUOTED_NAME: Construct = syntax("a quoted name in braces", Version(2, 51));
pub(crate) static NAMED_GROUP: Construct =
    syntax("a group named by (?<name>…) in a regular expression", Version(2, 53));
pub(crate) static OPEN_QUOTE: Construct = syntax("\\Q without \\E in a regular expression", Version(2, 53));
pub(crate) static BYTES_IN_PATTERN: Construct =
    syntax("bytes that are not UTF-8 in a regular expression", Version(2, 53));
pub(crate) static GLUED_NUMBER: Construct =
    syntax("a number that follows a keyword without a space", ALWAYS).excluded_by(UNQUOTED_NAMES);
pub(crate) static NUMBER_AS_DURATION: Construct = syntax("a number as a duration", Version(2, 54));
pub(crate) static DURATION_AS_NUMBER: Construct = syntax("a duration as a number", Version(2, 54));
pub(crate) static UNDERSCORES: Construct = syntax("an underscore in a number", Version(2, 54));
pub(crate) static OLD_NUMBER: Construct =
    syntax("a hexadecimal number that ends in e, or has + behind e", ALWAYS).until(Version(2, 54));
pub(crate) static ZERO_RANGE: Construct = syntax("a range of 0", Version(2, 54)).until(Version(3, 4));
pub(crate) static LONG_NUMBER: Construct =
    syntax("a number for a duration of more than 292 years", Version(2, 54)).until(Version(3, 4));
pub(crate) static ZERO_DURATION: Construct = syntax("a duration of 0s", Version(3, 4));
pub(crate) static LETTER_AS_COLON: Construct =
    syntax("a letter for the colon of a subquery", ALWAYS).until(Version(3, 6));
pub(crate) static QUOTED_LABEL: Construct =
    syntax("a quoted label in by, without, on, ignoring or group", Version(2, 55));
pub(crate) static UTF8_LABEL: Construct =
    syntax("a label that needs quotes in by, without, on, ignoring or group", Version(3, 0));
pub(crate) static COLON_IN_LABEL: Construct = syntax("a label with a colon", Version(3, 0)).excluded_by(UNQUOTED_NAMES);
pub(crate) static SIGNED_DURATION: Construct = syntax("a duration with a plus or more signs", Version(3, 4));
pub(crate) static DURATION_ARITHMETIC: Construct = of_durations("arithmetic with durations", Version(3, 4));
pub(crate) static STEP_DURATION: Construct = of_durations("step() as a duration", Version(3, 6));
pub(crate) static RANGE_DURATION: Construct = of_durations("range() as a duration", Version(3, 10));
pub(crate) static CHOSEN_DURATION: Construct = of_durations("min_of() or max_of() of durations", Version(3, 13));
pub(crate) static ANCHORED: Construct =
    syntax("the modifier anchored", Version(3, 7)).gated_until(EXTENDED_SELECTORS, Version(3, 16));
pub(crate) static SMOOTHED: Construct =
    syntax("the modifier smoothed", Version(3, 7)).gated_until(EXTENDED_SELECTORS, Version(3, 16));
pub(crate) static FILL: Construct = syntax("fill(), fill_left() or fill_right()", Version(3, 10)).gated(FILL_MODIFIERS);
pub(crate) static TRIM: Construct = syntax("an operator </ or >/", Version(3, 11));
pub(crate) static RANGE_BEHIND_AT: Construct =
    syntax("a range behind @ start() or @ end()", Version(2, 25)).until(Version(3, 15));
pub(crate) static UNQUOTED_NAME: Construct =
    syntax("a name with dots or letters beyond ASCII without quotes", Version(3, 16)).gated(UNQUOTED_NAMES);

/// Returns the function with this name.
pub fn function_named(name: &str) -> Option<&'static Construct> {
    find(&FUNCTIONS, name)
}

/// Returns the aggregation with this name, which must be in lower case.
pub fn aggregation_named(name: &str) -> Option<&'static Construct> {
    find(&AGGREGATIONS, name)
}

fn find(table: &'static [Construct], name: &str) -> Option<&'static Construct> {
    table.binary_search_by(|known| known.name.cmp(name)).ok().map(|at| &table[at])
}

/// Returns the function or aggregation with the most similar name, or `None` when no name is similar enough.
pub(crate) fn nearest(name: &str) -> Option<&'static str> {
    let all = FUNCTIONS.iter().chain(&AGGREGATIONS).map(|known| known.name);
    let lower = name.to_ascii_lowercase();
    let nearest = all.map(|known| (distance(&lower, known), known)).min()?;
    (nearest.0 <= 1 + name.len() / 5).then_some(nearest.1)
}

/// Returns the Levenshtein distance of two names, in bytes.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let cost = (diagonal + usize::from(x != y)).min(row[j] + 1).min(row[j + 1] + 1);
            diagonal = std::mem::replace(&mut row[j + 1], cost);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::construct::Missing;

    #[test]
    fn the_construct_table_is_sorted_for_binary_search() {
        for table in [&FUNCTIONS[..], &AGGREGATIONS[..]] {
            assert!(table.is_sorted_by(|a, b| a.name < b.name));
        }
        assert!(FUNCTIONS.iter().all(|known| function_named(known.name) == Some(known)));
    }

    #[test]
    fn a_server_lacks_constructs_that_are_too_new_removed_or_behind_a_flag() {
        let missing = |name: &str, version, features: &[&str]| {
            function_named(name).and_then(|known| known.missing_in(version, features))
        };
        assert_eq!(missing("rate", Version(2, 42), &[]), None);
        assert_eq!(missing("holt_winters", Version(2, 55), &[]), None);
        assert_eq!(missing("holt_winters", Version(3, 0), &[]), Some(Missing::Until(Version(3, 0))));
        assert_eq!(missing("histogram_avg", Version(2, 50), &[]), Some(Missing::Since(Version(2, 51))));
        assert_eq!(missing("first_over_time", Version(3, 13), &[]), Some(Missing::Feature(EXPERIMENTAL_FUNCTIONS)));
        assert_eq!(missing("first_over_time", Version(3, 13), &[EXPERIMENTAL_FUNCTIONS]), None);
        assert_eq!(missing("first_over_time", Version(3, 14), &[]), None);
        assert_eq!(nearest("histogram_quantil"), Some("histogram_quantile"));
        assert_eq!(nearest("Rate"), Some("rate"));
        assert_eq!(nearest("something_else"), None);
    }
}
