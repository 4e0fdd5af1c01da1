//! Tests that compare the description of checklist.yaml with the code that reads it.

use super::{Config, ROOT};
use crate::reader::found::Found;
use crate::reader::keys::{Default, Kind, Section};
use crate::reader::shape;
use std::collections::BTreeSet;

/// A checklist with every table that a checklist can have, each as small as possible.
const EVERYTHING: &str = include_str!("everything.yaml");

/// Collects every table of the description, with its path.
fn sections(
    section: &'static Section,
    path: &str,
    seen: &mut BTreeSet<usize>,
    all: &mut Vec<(String, &'static Section)>,
) {
    if !seen.insert(std::ptr::from_ref(section).addr()) {
        return;
    }
    all.push((path.to_owned(), section));
    for key in section.each() {
        let mut kind = &key.kind;
        while let Kind::List(inner, _) | Kind::By(_, inner) | Kind::Map(inner) = kind {
            kind = inner;
        }
        if let Kind::Table(inner) = kind {
            sections(inner, &format!("{path}.{}", key.name), seen, all);
        }
    }
}

fn all() -> Vec<(String, &'static Section)> {
    let mut all = Vec::new();
    sections(&ROOT, "", &mut BTreeSet::new(), &mut all);
    all
}

#[test]
fn every_described_key_is_read_and_every_read_key_is_described() {
    let found = Found::default();
    if let Err(mistakes) = Config::read("everything.yaml", EVERYTHING, &found) {
        panic!("{mistakes}");
    }
    let mut count = 0;
    for (path, section) in all() {
        for key in section.each() {
            assert!(found.was_read(section, key.name), "{path}.{} is described and never read", key.name);
            count += 1;
        }
        let undescribed = found.keys_read_of(section).into_iter().find(|key| section.key(key).is_none());
        assert_eq!(undescribed, None, "{path}: read and not described");
    }
    assert!(count > 150, "only {count} keys were compared");
}

#[test]
fn every_key_has_a_description_and_an_example_and_a_default_of_its_own_type() {
    for (path, section) in all() {
        for key in section.each() {
            let name = format!("{path}.{}", key.name);
            assert!(
                key.about.ends_with('.') && key.about.len() > 8 && !key.about.contains('\n'),
                "{name}: {}",
                key.about
            );
            let default = if let Default::Value(value) = key.default { Some(format!("{value:?}")) } else { None };
            let plain = |text: &str| !matches!(key.kind, Kind::Text | Kind::Form(_) | Kind::Scalar) && !text.is_empty();
            let default = default.map(|text| if plain(&text) { text.trim_matches('"').to_owned() } else { text });
            for text in std::iter::once(key.example.to_owned()).chain(default) {
                let node =
                    crate::yaml::document(&format!("{text}\n")).unwrap_or_else(|error| panic!("{name}: {error}"));
                let found = Found::default();
                shape::check(&node, key.name, &key.kind, &found);
                assert_eq!(found.take(), [], "{name}: {text}");
                assert!(!text.is_empty(), "{name} has no example");
            }
            assert!(!key.required || key.default == Default::None, "{name} is needed and has a default");
        }
    }
}
