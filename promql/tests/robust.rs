//! The parser and the printer with random, broken and extreme texts.

use promql::{Kind, parse, parse_with_variables};

/// A pseudo-random generator (xorshift64*) with a fixed seed, so that every run has the same numbers.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % limit
    }
}

#[test]
fn random_changes_crash_neither_the_parser_nor_the_printer() {
    const PARTS: [&str; 44] = [
        "(",
        ")",
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "'",
        "`",
        "\\",
        "offset ",
        "@",
        " by ",
        " on ",
        "bool ",
        "5m",
        "1_0",
        "0x",
        ".",
        "e",
        "-",
        "+",
        "*",
        "/",
        "^",
        "=",
        "!",
        "~",
        "<",
        ">",
        "#",
        "\n",
        "é",
        "😀",
        "$x",
        "${y:csv}",
        "[[z]]",
        "step()",
        "max_of(",
        "NaN",
        "sum ",
        " fill(1) ",
    ];
    let corpus: Vec<String> = include_str!("corpus.tsv")
        .lines()
        .filter_map(|line| serde_json::from_str(line.split_once('\t')?.1).ok())
        .collect();
    let mut random = Random(7);
    let (mut read, count) = (0, 8_000);
    for _ in 0..count {
        let mut text: Vec<char> = corpus[random.below(corpus.len())].chars().collect();
        for _ in 0..=random.below(3) {
            let at = random.below(text.len() + 1);
            if random.below(3) == 0 && at < text.len() {
                text.remove(at);
            } else {
                text.splice(at..at, PARTS[random.below(PARTS.len())].chars());
            }
        }
        let text: String = text.into_iter().collect();
        for parse in [parse, parse_with_variables] {
            match parse(&text) {
                Ok(query) => {
                    read += 1;
                    let printed = query.expr.to_string();
                    let again = parse(&printed).unwrap_or_else(|errors| panic!("{text:?}\n{printed}\n{errors:?}"));
                    assert_eq!(again.expr, query.expr, "{text:?}\n{printed}");
                }
                Err(errors) => {
                    assert!(!errors.is_empty());
                    for error in errors {
                        assert!(text.get(error.span.start..error.span.end).is_some(), "{text:?}: {error:?}");
                    }
                }
            }
        }
    }
    println!("{count} texts, {read} read");
    assert!(read > count / 10);
}

#[test]
fn bugs_that_random_texts_have_found_stay_fixed() {
    for text in [
        "x offset--4",
        "x offset - -5m * 2",
        "x offset (5m) @ 5 anchored + {a=\"b\"}",
        "x offset +(5m) * 2",
        "x[0] offset 0",
        "x[0:] offset 0s",
        "foo{NaN='a'} + on (\"without\", \"NaN\") y",
        "{\"a\", \"b\"}",
        "-NaN ^ -Inf",
        "x == 1e300 or vector(0.00000001)",
        "label_replace(x, \"a\", \"\\xff\\ufffd\\000\", 'b', `\\d\"`)",
    ] {
        let query = parse(text).unwrap_or_else(|errors| panic!("{text}: {errors:?}"));
        let printed = query.expr.to_string();
        let again = parse(&printed).unwrap_or_else(|errors| panic!("{text}\n{printed}\n{errors:?}"));
        assert_eq!((&again.expr, again.expr.to_string()), (&query.expr, printed), "{text}");
    }
}

#[test]
fn deep_nesting_and_long_texts_do_not_crash_the_parser() {
    let many = 100_000;
    for text in [
        "(".repeat(many),
        "(".repeat(many) + "up" + &")".repeat(many),
        ")".repeat(many),
        "-".repeat(many) + "1",
        "up + ".repeat(many) + "up",
        "up ^ ".repeat(many) + "up",
        format!("up{}", "[1h:5m]".repeat(many)),
        "abs(".repeat(many),
        "{".repeat(many),
        format!("up[{}", "(".repeat(many)),
        format!("up[{}5m]", "-".repeat(many)),
        format!("up[{}5m]", "5m + ".repeat(many)),
        format!("up[{}5m]", "5m ^ ".repeat(many)),
        format!("up offset {}", "(".repeat(many)),
        format!("up{{a=~\"{}\"}}", "(".repeat(many)),
        format!("up{{a=~\"{}\"}}", "(a|".repeat(900) + &")".repeat(900)) + " + (",
        "\"".to_owned() + &"\\".repeat(many),
    ] {
        assert!(parse(&text).is_err(), "{}", &text[..20]);
    }
    let chain = "up + ".repeat(900) + "up";
    assert_eq!(parse(&chain).unwrap().expr.selectors().len(), 901);
    let nested = "(".repeat(150) + "up" + &")".repeat(150);
    assert!(matches!(parse(&nested).unwrap().expr.bare().kind, Kind::Selector(_)));
    let long = format!("up{{job=~\"{}\"}}", "a|".repeat(many));
    assert!(parse(&long).is_ok());
}

#[test]
fn several_syntax_errors_are_reported_in_one_run_with_positions() {
    let text = "sum(rte(x{a=b}[5x])) + on (job foo bar{b=~\"(\"} + 1y2y";
    let messages: Vec<(&str, String)> =
        parse(text).unwrap_err().into_iter().map(|error| (error.span.of(text), error.message)).collect();
    let messages: Vec<(&str, &str)> = messages.iter().map(|(place, message)| (*place, message.as_str())).collect();
    assert_eq!(
        messages[..4],
        [
            ("rte", "unknown function rte, did you mean rate?"),
            ("b", "unexpected b, expected a string in quotes"),
            ("5x", "\"5x\" is neither a number nor a duration"),
            ("foo", "unexpected foo, expected , or )"),
        ]
    );
    let types = "rate(up) > 5 and 1 + bool \"x\" and sum(up[5m])";
    let messages: Vec<&str> = parse(types).unwrap_err().into_iter().map(|error| error.span.of(types)).collect();
    assert_eq!(messages, ["up", "+", "\"x\"", "up[5m]"]);
}

#[test]
fn grafana_variables_are_accepted_where_dashboards_use_them() {
    for text in [
        "topk($k, sum by ($group, ${more:csv}) (rate(x[$__rate_interval])))",
        "x > $threshold",
        "rate(x{job=~\"$job\", $filters}[${w}m])",
        "x offset $shift",
        "rate(x[5m:$__interval]) * $__interval_ms / $__range_s",
        "$metric",
        "$metric{a=\"b\"}",
        "rate(${metric}_total[$w:$step])",
        "$aggregation by (job) (x)",
        "$aggregation(x)",
        "$aggregation(x) by (job)",
        "$aggregation($k, x) without ($label)",
        "${function}_over_time(x[5m])",
        "node_${what}_bytes / 1024",
        "x[[suffix]] > [[limit]]",
        "histogram_quantile(0.$p, sum by (le) (rate(x_bucket[5m])))",
        "job:$what:sum",
        "{__name__=~\"$metric\"}",
        "{job=\"$job\"}",
        "up $op 1",
        "sum by (job) (rate(x[5m])) ${op:raw} bool 1e3",
        "a $op on (job) group_left b or c",
        "a $first b [[second]] -1",
        "a + b $op c * 2 and d",
        "(a $op 1) > 2",
        "sum(x) $filter",
        "$left $op $right",
        "sum($x up)",
    ] {
        let query = parse_with_variables(text).unwrap_or_else(|errors| panic!("{text}: {errors:?}"));
        let printed = query.expr.to_string();
        assert_eq!(parse_with_variables(&printed).unwrap().expr, query.expr, "{text}\n{printed}");
        // Without variables, the parser refuses such a text, as Prometheus does.
        assert!(parse(text).is_err() || !text.replace("\"$", "").contains(['$', '[']), "{text}");
    }
    for text in ["$", "x > ${", "rate($x)[5m]", "x{$a=}", "sum by ($x", "a b", "a $op 1 2", "up 1 $op"] {
        assert!(parse_with_variables(text).is_err(), "{text}");
    }
}
