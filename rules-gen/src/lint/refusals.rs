//! Reports what servers refuse in their configuration files, at the right place in the file.

use super::report::{Level, Report};
use super::yaml::Node;
use crate::server_files::schema::{Refusal, Step};

/// Reports all refusals. Returns whether there are any.
pub(super) fn report_all(
    id: &'static str,
    who: &str,
    root: &Node,
    refusals: &[Refusal],
    report: &mut Report<'_>,
) -> bool {
    for refusal in refusals {
        report.add(id, Level::Error, place(root, refusal), format!("{who} refuses the file: {}", refusal.why), "");
    }
    !refusals.is_empty()
}

/// Returns the refused node. If it is missing, the last existing node of its path.
pub(super) fn place<'a>(root: &'a Node, refusal: &Refusal) -> &'a Node {
    let mut node = root;
    for (at, step) in refusal.path.iter().enumerate() {
        let last = at + 1 == refusal.path.len();
        let next = match step {
            Step::Key(name) => {
                let entry = node.entries().iter().find(|(key, _)| key.text() == Some(name));
                entry.map(|(key, value)| if last && (refusal.is_key || value.is_null()) { key } else { value })
            }
            Step::Item(at) => node.items().get(*at),
        };
        let Some(next) = next else { break };
        node = next;
    }
    node
}
