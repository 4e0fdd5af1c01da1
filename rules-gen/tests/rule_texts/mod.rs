//! Texts of rule files, valid and invalid, on which lint and promtool are compared.

mod mutants;
mod spelling;
mod values;

pub(crate) use mutants::GOOD;

/// A file with one recording rule.
const RECORD: &str = "groups:\n- name: g\n  rules:\n  - record: a\n    expr: up\n";

/// Returns all texts.
pub(crate) fn all() -> Vec<String> {
    [mutants::mutants(), values::written(), spelling::spelt(), values::templates()].concat()
}
