//! Checks the shape of a file against its description: known keys, types, required keys and rules between keys. All
//! mistakes are found in one run. The meaning of values is checked by the code that reads them.

use super::found::Found;
use super::keys::{Kind, Rule, Section};
use crate::units::{self, Unit};
use crate::yaml::{Node, Tree, hint, quote, word};

/// The longest accepted duration: ten years in seconds. Prometheus and Kubernetes can still compute with it.
const LONGEST: f64 = 3_650.0 * units::DAY;

/// Checks a value. `key` is its name in messages.
pub(crate) fn check(node: &Node, key: &str, kind: &Kind, found: &Found) {
    match kind {
        Kind::Text | Kind::Path | Kind::Variable | Kind::Form(_) => text(node, key, kind, found),
        Kind::Choice(words) => choice(node, key, words, found),
        Kind::Flag if node.flag().is_none() => found.mistake(node.place, format!("{key} must be true or false")),
        Kind::Whole(low, high) if whole(node, *low, *high).is_none() => {
            found.mistake(node.place, format!("{key} must be an integer from {low} to {high}"));
        }
        Kind::Duration | Kind::Wait => {
            if let Some(seconds) = quantity(node, key, Unit::Seconds, found) {
                duration(node, key, kind, seconds, found);
            }
        }
        Kind::Quantity(unit) => {
            quantity(node, key, *unit, found);
        }
        Kind::Scalar | Kind::Level if node.scalar().is_none() => {
            found.mistake(node.place, format!("{key} must be a scalar, this is {}", node.what()));
        }
        Kind::List(item, some) => match &node.tree {
            Tree::List(items) if items.is_empty() && *some => {
                found.mistake(node.place, format!("{key} is empty: at least one entry is required"));
            }
            Tree::List(items) => items.iter().for_each(|node| check(node, key, item, found)),
            _ => found.mistake(
                node.place,
                format!("{key} must be a list (lines that begin with \"- \"), this is {}", node.what()),
            ),
        },
        Kind::Table(section) => table(node, section, found),
        Kind::Map(values) | Kind::By(_, values) => match &node.tree {
            Tree::Table(entries) => {
                for (name, value) in entries {
                    check(value, name.scalar().and_then(word).unwrap_or(key), values, found);
                }
            }
            _ => found.mistake(node.place, format!("{key} must be a mapping, this is {}", node.what())),
        },
        Kind::Flag | Kind::Whole(..) | Kind::Scalar | Kind::Name(_) | Kind::Levels | Kind::Level => {}
    }
}

pub(crate) fn table(node: &Node, section: &Section, found: &Found) {
    let Tree::Table(entries) = &node.tree else {
        found.mistake(node.place, format!("{} must be a mapping, this is {}", section.what, node.what()));
        return;
    };
    for key in section.each().filter(|key| key.required && node.get(key.name).is_none()) {
        let which = if let Kind::Choice(words) = key.kind { format!(": {}", words.join(", ")) } else { String::new() };
        found.mistake(node.place, format!("the field {} is missing{which}", key.name));
    }
    for (name, value) in entries {
        let text = name.scalar().unwrap_or_default();
        match section.key(text) {
            Some(_) if value.is_null() => {}
            Some(key) => check(value, key.name, &key.kind, found),
            None => {
                let known = section.names();
                let shown = word(text).map(|word| format!(" {word}")).unwrap_or_default();
                let hint = secret_hint(text, &known).unwrap_or_else(|| hint(text, &known));
                found.mistake(name.place, format!("unknown field{shown}{hint}; known fields: {}", known.join(", ")));
            }
        }
    }
    let there = |key: &&&str| node.get(key).is_some();
    for rule in section.rules {
        let (broken, at, message) = match rule {
            Rule::One(keys, message) => (keys.iter().filter(there).count() != 1, None, message),
            Rule::Any(keys, message) => (!keys.iter().any(|key| there(&key)), None, message),
            Rule::NotBoth(one, other, message) => (there(&one) && there(&other), Some(other), message),
            Rule::Needs(key, needed, message) => (there(&key) && !there(&needed), Some(key), message),
        };
        if broken {
            let place = at.and_then(|key| node.get(key)).map_or(node.place, |node| node.place);
            found.mistake(place, *message);
        }
    }
}

/// Returns the hint for a user who wrote a secret itself: the keys for its file or variable.
fn secret_hint(text: &str, known: &[&'static str]) -> Option<String> {
    let of = |end: &str| known.iter().find(|key| key.strip_suffix(end) == Some(text));
    // Only secrets have a key for an environment variable.
    let variable = of("Env")?;
    let keys: Vec<&str> = of("File").into_iter().chain([variable]).copied().collect();
    Some(format!(" (secrets are never written in the file: use {})", keys.join(" or ")))
}

fn text(node: &Node, key: &str, kind: &Kind, found: &Found) {
    let empty = node.scalar().is_some_and(|text| text.trim().is_empty());
    match (node.text(), kind) {
        _ if empty => found.mistake(node.place, format!("{key} must not be empty")),
        (Some(text), Kind::Form(form)) if !(form.fits)(text) => {
            found.mistake(node.place, format!("{key} must be {}, not {}", form.right, quote(text)));
        }
        (Some(_), _) => {}
        (None, _) => {
            found.mistake(node.place, format!("{key} must be a string, this is {}; put it in quotes", node.what()));
        }
    }
}

fn choice(node: &Node, key: &str, words: &[&str], found: &Found) {
    let text = node.scalar().unwrap_or_default();
    if !words.contains(&text) {
        let (hint, text) = (hint(text, words), if text.is_empty() { node.what() } else { quote(text) });
        found.mistake(node.place, format!("{key} must be one of {}, not {text}{hint}", words.join(", ")));
    }
}

/// Returns a whole number within the bounds.
pub(crate) fn whole(node: &Node, low: u32, high: u32) -> Option<u32> {
    node.scalar()?.parse().ok().filter(|whole| (low..=high).contains(whole) && node.number().is_some())
}

fn duration(node: &Node, key: &str, kind: &Kind, seconds: f64, found: &Found) {
    if seconds == 0.0 && matches!(kind, Kind::Duration) {
        found.mistake(node.place, format!("{key} must be longer than zero"));
    } else if seconds > LONGEST || (seconds > 0.0 && seconds < 0.001) {
        found.mistake(node.place, format!("{key} must be from 1ms to ten years"));
    }
}

/// Parses a single value as a quantity, or reports a mistake.
pub(crate) fn quantity(node: &Node, what: &str, unit: Unit, found: &Found) -> Option<f64> {
    let Some(text) = node.scalar() else {
        found.mistake(node.place, format!("{what} must be a scalar, this is {}", node.what()));
        return None;
    };
    let value = unit.parse(text);
    value.map_err(|right| found.mistake(node.place, format!("{what} must be {right}, not {}", quote(text)))).ok()
}
