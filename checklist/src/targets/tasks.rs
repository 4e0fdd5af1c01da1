//! The section `tasks:`: when manual tasks are due, and where their completion is recorded.

use super::kind::TargetKind;
use super::parts::{Needs, S3Prefix, s3_prefix};
use super::reports::BUCKET;
use super::target::Target;
use crate::cadence::Cadence;
use crate::calendar::Rule as CalendarRule;
use crate::reader::keys::{Form, Key, Kind, Names, Rule, Section};
use crate::reader::table::Table;
use crate::tasks::{Preset, TASKS, Task, grace};
use crate::yaml::{Place, hint, quote, word};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use std::path::{Path, PathBuf};

/// Where records are kept. Existing records are never changed or deleted.
#[derive(Debug, Clone)]
pub enum RecordPlace {
    /// The file `records.jsonl` in a directory.
    Directory(PathBuf),
    /// One object for each record under a prefix.
    S3(S3Prefix),
}

/// The manual tasks of a configuration.
#[derive(Debug, Clone)]
pub struct Tasks {
    /// The time zone in which days begin.
    pub zone: TimeZone,
    /// The first day that counts. What was due before is never late.
    pub since: Date,
    /// Where the completion of tasks is recorded.
    pub place: RecordPlace,
    pub list: Vec<Task>,
}

impl Target for Tasks {
    fn name(&self) -> &'static str {
        "people"
    }

    fn kinds(&self) -> Vec<TargetKind> {
        vec![TargetKind::Tasks]
    }

    fn needs(&self) -> Needs<'_> {
        match &self.place {
            RecordPlace::Directory(path) => Needs::default().folder(Some(Path::new(path))),
            RecordPlace::S3(place) => Needs::default().bucket(place),
        }
    }
}

/// A time zone of the IANA database.
pub(crate) static TIME_ZONE: Form =
    Form { right: "a time zone such as Europe/Berlin", pattern: "^[A-Za-z]", fits: |text| TimeZone::get(text).is_ok() };
static DAY: Form = Form {
    right: "the day from which tasks count, like 2026-01-01",
    pattern: "^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
    fits: |text| text.parse::<Date>().is_ok(),
};
static WHEN: Form = Form {
    right: "a weekday (Friday), one of the month (first Monday), and optionally months (second Monday of January, July)",
    pattern: "[A-Za-z]",
    fits: |text| CalendarRule::parse(text).is_ok(),
};
static NAME: Form = Form {
    right: "a name of lower-case letters, digits and underscores",
    pattern: "^[a-z0-9_]{1,63}$",
    fits: |text| {
        (1..=63).contains(&text.len()) && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    },
};

const GRACE: Key = Key::new("grace", Kind::Wait, "How long after its day it may be done without an alert.")
    .otherwise("1d for weekly tasks, 5d for monthly, 14d for quarterly, 30d for annual ones")
    .example("10d");

static CHANGE: Section = Section {
    what: "a task",
    keys: &[&[
        Key::new("when", Kind::Form(&WHEN), "Its days.")
            .otherwise("those of the catalog")
            .example("first Monday of March"),
        GRACE,
        Key::new("enabled", Kind::Flag, "Whether it is anybody's task.").default("true").example("false"),
    ]],
    rules: &[],
};

static OWN: Section = Section {
    what: "a task",
    keys: &[&[
        Key::new("name", Kind::Form(&NAME), "The value of the label `task`.").required().example("restore_drill"),
        Key::new("title", Kind::Text, "What people call it.").otherwise("its name").example("Restore drill"),
        Key::new("when", Kind::Form(&WHEN), "Its days.").required().example("second Monday of January, July"),
        GRACE,
        Key::new("minutes", Kind::Whole(1, 6_000), "How long it takes, in minutes.").default("30").example("120"),
        Key::new("steps", Kind::List(&Kind::Scalar, false), "Its steps.")
            .example("[Restore the newest backup, Write down what was slow]"),
    ]],
    rules: &[],
};

pub(crate) static SECTION: Section = Section {
    what: "tasks",
    keys: &[&[
        Key::new("timeZone", Kind::Form(&TIME_ZONE), "The time zone in which days begin.")
            .default("UTC")
            .example("Europe/Berlin"),
        Key::new("since", Kind::Form(&DAY), "The day from which tasks count; what was due before is never late.")
            .required()
            .example("2026-01-01"),
        Key::new("directory", Kind::Path, "The folder in which it is recorded that tasks were done.")
            .example("/var/lib/checklist/tasks"),
        Key::new("s3", Kind::Table(&BUCKET), "The bucket that the records are kept in, for several replicas.")
            .example("{bucket: operations, prefix: tasks/}"),
        Key::new("change", Kind::By(Names::Tasks, &Kind::Table(&CHANGE)), "Changes to tasks of the catalog.")
            .example("{dr_drill: {when: first Monday of March}}"),
        Key::new("add", Kind::List(&Kind::Table(&OWN), false), "Tasks of your own.")
            .example("[{name: restore_drill, when: second Monday of January}]"),
    ]],
    rules: &[Rule::One(&["directory", "s3"], "records lie in one place: give either directory or s3")],
};

pub(crate) fn read(table: &Table<'_>) -> Option<Tasks> {
    let zone = table.text("timeZone").and_then(|name| TimeZone::get(&name).ok());
    let since = table.text("since").and_then(|text| text.parse().ok());
    let mut places: Vec<RecordPlace> = table.path("directory").map(RecordPlace::Directory).into_iter().collect();
    places.extend(table.table("s3").and_then(|s3| s3_prefix(&s3)).map(RecordPlace::S3));
    let mut list: Vec<Task> = TASKS.iter().map(Preset::task).collect();
    change(table, &mut list);
    for entry in table.tables("add") {
        list.extend(own(&entry, &list));
    }
    Some(Tasks { zone: zone?, since: since?, place: places.pop()?, list })
}

/// Reads `change:`, such as `dr_drill: {when: first Monday of March, grace: 10d}` or `dr_drill: {enabled: false}`.
fn change(table: &Table<'_>, list: &mut Vec<Task>) {
    for (name, change) in table.named_tables("change") {
        let text = name.scalar().unwrap_or_default();
        let Some(task) = list.iter_mut().find(|task| task.id == text) else {
            let ids: Vec<&str> = TASKS.iter().map(|task| task.id).collect();
            let shown = word(text).map(|word| format!(" {word}")).unwrap_or_default();
            table.mistake(name.place, format!("unknown task{shown}{}; known: {}", hint(text, &ids), ids.join(", ")));
            continue;
        };
        if let Some(rule) = rule(&change) {
            task.rule = rule;
        }
        if let Some(grace) = change.duration("grace") {
            task.grace = grace;
        }
        ends_before_the_next(task, name.place, table);
        if !change.flag("enabled") {
            list.retain(|task| task.id != text);
        }
    }
}

fn rule(table: &Table<'_>) -> Option<CalendarRule> {
    table.text("when").and_then(|text| CalendarRule::parse(&text).ok())
}

/// Reports a grace period that lasts until the next day of the task, because the task would never be late.
fn ends_before_the_next(task: &Task, place: Place, table: &Table<'_>) {
    let (gap, grace) = (task.rule.shortest_gap(), task.grace.as_secs() / 86_400);
    if grace + 1 >= gap {
        table.mistake(
            place,
            format!(
                "{} comes again after {gap} days: with a grace of {grace} days it would never be due; set grace to at most {}d",
                task.id,
                gap.saturating_sub(2)
            ),
        );
    }
}

fn own(table: &Table<'_>, list: &[Task]) -> Option<Task> {
    let (id, rule) = (table.text("name"), rule(table));
    let (title, own_grace, minutes) = (table.text("title"), table.duration("grace"), table.whole::<u16>("minutes"));
    let steps = table.texts("steps");
    let id = id?;
    if list.iter().any(|task| task.id == id) {
        table.mistake_at("name", format!("the name {} is taken", quote(&id)));
    }
    let rule = rule?;
    let cadence = match (rule.nth, rule.months.len()) {
        (None, _) => Cadence::Weekly,
        (_, 0 | 6..) => Cadence::Monthly,
        (_, 1) => Cadence::Annual,
        _ => Cadence::Quarterly,
    };
    let grace = own_grace.unwrap_or_else(|| grace(cadence));
    let title = title.unwrap_or_else(|| id.clone());
    let task = Task { title, id, cadence, rule, grace, minutes: minutes?.into(), steps };
    ends_before_the_next(&task, table.place, table);
    Some(task)
}
