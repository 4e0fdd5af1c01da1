//! Writes findings as JUnit and Checkstyle XML.

use crate::lint::report::Finding;
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite, XmlString};
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, Event};
use std::collections::BTreeSet;

/// Writes a JUnit suite. A file without findings is one passed case; other files have a failed case for each lint.
pub(super) fn junit(findings: &[Finding], files: &[String]) -> String {
    let mut suite = TestSuite::new("rules-gen lint");
    for file in files {
        let here = || findings.iter().filter(|finding| finding.file == *file);
        let ids: BTreeSet<&str> = here().map(|finding| finding.id).collect();
        if ids.is_empty() {
            suite.add_test_case(case(file, "lint", TestCaseStatus::success()));
        }
        for id in ids {
            let line = |f: &Finding| format!("{}:{} {}: {}", f.place.line, f.place.column, f.level, f.message);
            let lines: Vec<String> = here().filter(|finding| finding.id == id).map(line).collect();
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_message(lines[0].as_str()).set_description(lines.join("\n"));
            suite.add_test_case(case(file, id, status));
        }
    }
    let mut report = Report::new("rules-gen lint");
    report.add_test_suite(suite);
    // Writing to memory cannot fail, and all texts are valid XML.
    report.to_string().unwrap_or_default()
}

fn case(file: &str, name: &str, status: TestCaseStatus) -> TestCase {
    let mut case = TestCase::new(name, status);
    case.set_classname(file);
    case
}

/// Writes a Checkstyle document with an element for each file.
pub(super) fn checkstyle(findings: &[Finding], files: &[String]) -> String {
    // Writing to memory cannot fail.
    let written = document(findings, files).unwrap_or_default();
    String::from_utf8_lossy(&written).into_owned() + "\n"
}

fn document(findings: &[Finding], files: &[String]) -> std::io::Result<Vec<u8>> {
    let mut writer = Writer::new_with_indent(Vec::new(), b' ', 2);
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    writer
        .create_element("checkstyle")
        .with_attribute(("version", "4.3"))
        .write_inner_content(|writer| files.iter().try_for_each(|file| elements(writer, file, findings)))?;
    Ok(writer.into_inner())
}

fn elements(writer: &mut Writer<Vec<u8>>, file: &str, findings: &[Finding]) -> std::io::Result<()> {
    let name = XmlString::new(file);
    writer.create_element("file").with_attribute(("name", name.as_str())).write_inner_content(|writer| {
        for finding in findings.iter().filter(|finding| finding.file == file) {
            let texts = [
                ("line", finding.place.line.to_string()),
                ("column", finding.place.column.to_string()),
                ("severity", finding.level.to_string()),
                ("message", XmlString::new(&finding.message).as_str().to_owned()),
                ("source", format!("rules-gen.{}", finding.id)),
            ];
            let attributes = texts.iter().map(|(name, text)| (*name, text.as_str()));
            writer.create_element("error").with_attributes(attributes).write_empty()?;
        }
        Ok(())
    })?;
    Ok(())
}
