//! `restore:` of a backup: where it is restored for proof, and what must hold afterwards.

use super::read_database::connection;
use super::reader::{Found, Table, quantity_of};
use crate::condition::threshold::Unit;
use crate::targets::{BackupFormat, Expect, Restore, Sanity};

pub(super) fn read(mut table: Table<'_>, format: BackupFormat, found: &Found) -> Restore {
    let mut checks: Vec<Sanity> = Vec::new();
    for node in table.list("checks") {
        let Some(mut entry) = Table::of(node, "a check", found) else { continue };
        let check = check(&mut entry, found);
        entry.finish();
        let Some(check) = check else { continue };
        if checks.iter().any(|known| known.name == check.name) {
            found.mistake(node.place, format!("there are two checks with the name {}", check.name));
        }
        checks.push(check);
    }
    if checks.is_empty() {
        table.mistake(table.place, "a restore proves nothing without checks: list at least one");
    }
    if format == BackupFormat::Any {
        table.mistake(table.place, "a restore needs the format of the backup");
    }
    let server = table.table("server").and_then(|mut server| {
        let scratch = connection(&mut server, "scratch".to_owned());
        server.finish();
        scratch
    });
    table.finish();
    Restore { server, checks }
}

fn check(table: &mut Table<'_>, found: &Found) -> Option<Sanity> {
    let (name, query) = (table.required("name"), table.required("query"));
    let least = table.node("atLeast").and_then(|node| quantity_of(node, "atLeast", Unit::Count, found));
    let oldest = table.duration("notOlderThan", false);
    if let (Some(_), Some(node)) = (table.node("notOlderThan"), table.node("atLeast")) {
        table.mistake(node.place, "atLeast and notOlderThan exclude each other: one is of a number, one of a time");
    }
    let expect = oldest.map_or(Expect::AtLeast(least.unwrap_or(1.0)), Expect::NotOlderThan);
    Some(Sanity { name: name?, query: query?, expect })
}
