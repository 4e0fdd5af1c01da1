//! What servers refuse of their configuration files, told where it stands.

use super::report::{Level, Report};
use super::yaml::Node;
use crate::server_files::schema::{Refusal, Step};

/// Tells all of it; whether there is any.
pub(super) fn tell(id: &'static str, who: &str, root: &Node, refusals: &[Refusal], report: &mut Report<'_>) -> bool {
    for refusal in refusals {
        report.add(id, Level::Error, place(root, refusal), format!("{who} refuses this: {}", refusal.why), "");
    }
    !refusals.is_empty()
}

/// The node that is refused, or the last one on the way to it.
fn place<'a>(root: &'a Node, refusal: &Refusal) -> &'a Node {
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
