//! `tasks:` when people's tasks are due, and where it is recorded that they were done.

use super::read_parts::s3_prefix;
use super::reader::{Found, Table};
use crate::cadence::Cadence;
use crate::calendar::Rule;
use crate::targets::{RecordPlace, Tasks};
use crate::tasks::{TASKS, Task, grace};
use crate::yaml::{Place, hint};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use std::path::PathBuf;

pub(super) fn read(mut table: Table<'_>, found: &Found) -> Option<Tasks> {
    let mut zone = TimeZone::UTC;
    if let (Some(name), Some(node)) = (table.text("timeZone"), table.node("timeZone")) {
        match TimeZone::get(&name) {
            Ok(known) => zone = known,
            Err(_) => table.mistake(node.place, format!("{name} is no time zone; like Europe/Berlin")),
        }
    }
    let since = table.required("since");
    let day = since.as_deref().and_then(|text| text.parse::<Date>().ok());
    if let (Some(text), None, Some(node)) = (&since, day, table.node("since")) {
        table.mistake(node.place, format!("since must be the day from which tasks count, like 2026-01-01, not {text}"));
    }
    let mut places: Vec<RecordPlace> =
        table.text("directory").map(|path| RecordPlace::Directory(PathBuf::from(path))).into_iter().collect();
    if let Some(mut s3) = table.table("s3") {
        places.extend(s3_prefix(&mut s3).map(RecordPlace::S3));
        s3.finish();
    }
    if places.len() != 1 {
        table.mistake(table.place, "records lie in one place: give either directory or s3");
    }
    let mut list: Vec<Task> = TASKS.iter().map(known).collect();
    if let Some(changes) = table.table("change") {
        change(&changes, &mut list, found);
    }
    for node in table.list("add") {
        let Some(mut entry) = Table::of(node, "a task", found) else { continue };
        if let Some(task) = own(&mut entry, &list, found) {
            list.push(task);
        }
        entry.finish();
    }
    table.finish();
    Some(Tasks { zone, since: day?, place: places.pop()?, list })
}

fn known(known: &crate::tasks::Known) -> Task {
    Task {
        id: known.id.to_owned(),
        title: known.title.to_owned(),
        cadence: known.cadence,
        // The catalog's rules are read by a test; one that were wrong would be every Monday, and be seen.
        rule: Rule::parse(known.when).unwrap_or(Rule {
            weekday: jiff::civil::Weekday::Monday,
            nth: None,
            months: Vec::new(),
        }),
        grace: grace(known.cadence),
        minutes: known.minutes,
        steps: known.steps.iter().map(|step| (*step).to_owned()).collect(),
    }
}

/// `dr_drill: {when: first Monday of March, grace: 10d}` or `{enabled: false}`
fn change(changes: &Table<'_>, list: &mut Vec<Task>, found: &Found) {
    for (key, node) in changes.entries() {
        let Some(task) = list.iter_mut().find(|task| task.id == key.text) else {
            let ids: Vec<&str> = TASKS.iter().map(|task| task.id).collect();
            found.mistake(
                key.place,
                format!("unknown task {}{}; known: {}", key.text, hint(&key.text, &ids), ids.join(", ")),
            );
            continue;
        };
        let Some(mut table) = Table::of(node, &key.text, found) else { continue };
        if let Some(rule) = rule(&mut table) {
            task.rule = rule;
        }
        if let Some(grace) = table.duration("grace", true) {
            task.grace = grace;
        }
        let enabled = table.flag("enabled");
        table.finish();
        ends_before_the_next(task, key.place, found);
        if enabled == Some(false) {
            list.retain(|task| task.id != key.text);
        }
    }
}

fn rule(table: &mut Table<'_>) -> Option<Rule> {
    let (text, node) = (table.text("when")?, table.node("when")?);
    Rule::parse(&text).map_err(|right| table.mistake(node.place, format!("when must be {right}"))).ok()
}

/// A task whose grace lasts until its next day would never be late.
fn ends_before_the_next(task: &Task, place: Place, found: &Found) {
    let (gap, grace) = (task.rule.shortest_gap(), task.grace.as_secs() / 86_400);
    if grace + 1 >= gap {
        found.mistake(
            place,
            format!(
                "{} comes again after {gap} days: with a grace of {grace} days it would never be due; set grace to at most {}d",
                task.id,
                gap.saturating_sub(2)
            ),
        );
    }
}

fn own(table: &mut Table<'_>, list: &[Task], found: &Found) -> Option<Task> {
    let id = table.required("name");
    if let (Some(id), Some(node)) = (&id, table.node("name")) {
        if !id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_') || id.len() > 63 {
            table.mistake(node.place, "a name has lower-case letters, digits and underscores");
        }
        if list.iter().any(|task| task.id == *id) {
            table.mistake(node.place, format!("the name {id} is taken"));
        }
    }
    if table.node("when").is_none() {
        found.mistake(table.place, "the field when is missing");
    }
    let rule = rule(table);
    let title = table.text("title");
    let own_grace = table.duration("grace", true);
    let minutes = table.whole("minutes", 1, 6_000).unwrap_or(30);
    let steps = table.list("steps").iter().filter_map(|node| node.tree.scalar()).collect();
    let (id, rule) = (id?, rule?);
    let cadence = match (rule.nth, rule.months.len()) {
        (None, _) => Cadence::Weekly,
        (_, 0 | 6..) => Cadence::Monthly,
        (_, 1) => Cadence::Annual,
        _ => Cadence::Quarterly,
    };
    let grace = own_grace.unwrap_or_else(|| grace(cadence));
    let title = title.unwrap_or_else(|| id.clone());
    let task = Task { title, id, cadence, rule, grace, minutes: minutes.into(), steps };
    ends_before_the_next(&task, table.place, found);
    Some(task)
}
