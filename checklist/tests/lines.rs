//! Compares the table of lines with the written checklist.

use checklist::SIGNALS;
use checklist::lines::{LINES, Watched, by_people, lines_of};
use checklist::tasks::TASKS;

/// Returns the numbered steps in code blocks, and the three headings whose task has no number: section, number and
/// text.
fn written() -> Vec<(String, Option<u8>, String)> {
    let unnumbered = ["Backup Verification", "Data Cleanup", "Compliance Certification Renewal"];
    let (mut section, mut in_code, mut steps) = (String::new(), false, Vec::new());
    for line in include_str!("operations-checklist.md").lines() {
        if line.starts_with("```") {
            in_code = !in_code;
        } else if !in_code && line.starts_with('#') {
            let heading = line.trim_start_matches('#').trim();
            let heading = heading.split_once(": ").map_or(heading, |(_, name)| name);
            heading.split(" (").next().unwrap_or(heading).clone_into(&mut section);
            if unnumbered.contains(&section.as_str()) {
                steps.push((section.clone(), None, section.clone()));
            }
        } else if let Some((number, text)) = line.strip_prefix("# ").and_then(|step| step.split_once(". "))
            && let (true, Ok(number)) = (in_code, number.parse())
        {
            // The path of a company's document is not part of the line.
            let text = text.split(" (see docs/").next().unwrap_or(text);
            steps.push((section.clone(), Some(number), text.to_owned()));
        }
    }
    steps
}

#[test]
fn every_line_of_the_written_checklist_is_listed_once_and_in_order() {
    let written = written();
    assert_eq!(written.iter().filter(|(_, number, _)| number.is_some()).count(), 74);
    let listed: Vec<_> =
        LINES.iter().map(|line| (line.section.to_owned(), line.number, line.text.to_owned())).collect();
    assert_eq!(listed, written);
}

#[test]
fn every_signal_watches_a_line_and_every_watched_line_has_a_signal() {
    // The signals `tasks` and `override` are about manual tasks, so no line names them.
    for signal in SIGNALS.iter().filter(|signal| !["tasks", "override"].contains(&signal.id)) {
        let line = lines_of(signal.id).next().unwrap_or_else(|| panic!("{} watches no line", signal.id));
        assert_eq!((line.section, line.cadence), (signal.section, signal.cadence), "{}", signal.id);
    }
    for line in LINES {
        match line.watched {
            Watched::Signals(ids) => {
                assert!(!ids.is_empty(), "{}", line.text);
                for id in ids {
                    assert!(checklist::signals::by_id(id).is_some(), "{id} is not a signal");
                }
            }
            Watched::Task(id) => {
                let task = TASKS.iter().find(|task| task.id == id).unwrap_or_else(|| panic!("{id} is not a task"));
                assert_eq!((line.section, line.cadence), (task.section, task.cadence), "{id}");
            }
        }
    }
}

#[test]
fn every_task_has_a_checklist_line_steps_and_a_schedule_that_parses() {
    for task in TASKS {
        // Restore and alert routing are proved by a job. People still have to look at the results.
        let listed = LINES.iter().any(|line| line.watched == Watched::Task(task.id));
        assert!(listed || ["backup_verification", "alert_routing"].contains(&task.id), "{}", task.id);
        assert!(!task.steps.is_empty() && task.minutes > 0, "{}", task.id);
        let rule = checklist::calendar::Rule::parse(task.when).unwrap_or_else(|right| panic!("{}: {right}", task.id));
        assert_eq!(rule.to_string(), task.when);
    }
}

#[test]
fn no_line_of_the_checklist_is_dropped() {
    println!("{} of {} checklist lines are people's tasks, the others are probed", by_people(), LINES.len());
    assert_eq!(LINES.len(), 77);
}
