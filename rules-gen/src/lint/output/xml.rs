//! Findings as XML: `JUnit` and Checkstyle.

use crate::lint::report::Finding;

/// A suite with a case for each file, and one for each of its lints that failed.
pub(super) fn junit(findings: &[Finding], files: &[String]) -> String {
    let mut cases = String::new();
    let (mut count, mut failures) = (0, 0);
    for file in files {
        let mut ids: Vec<&str> = findings.iter().filter(|f| f.file == *file).map(|f| f.id).collect();
        ids.sort_unstable();
        ids.dedup();
        if ids.is_empty() {
            count += 1;
            cases += &format!("  <testcase classname={} name=\"lint\"/>\n", quoted(file));
        }
        for id in ids {
            count += 1;
            failures += 1;
            let lines: Vec<String> = findings
                .iter()
                .filter(|f| f.file == *file && f.id == id)
                .map(|f| format!("{}:{} {}: {}", f.place.line, f.place.column, f.level, f.message))
                .collect();
            let message = quoted(&lines[0]);
            let body = escaped(&lines.join("\n"));
            cases += &format!(
                "  <testcase classname={} name=\"{id}\">\n    <failure message={message}>{body}</failure>\n  </testcase>\n",
                quoted(file)
            );
        }
    }
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"rules-gen lint\" tests=\"{count}\" failures=\"{failures}\">\n{cases}</testsuite>\n"
    )
}

/// A file element for each file.
pub(super) fn checkstyle(findings: &[Finding], files: &[String]) -> String {
    let mut body = String::new();
    for file in files {
        body += &format!("  <file name={}>\n", quoted(file));
        for finding in findings.iter().filter(|finding| finding.file == *file) {
            body += &format!(
                "    <error line=\"{}\" column=\"{}\" severity=\"{}\" message={} source=\"rules-gen.{}\"/>\n",
                finding.place.line,
                finding.place.column,
                finding.level,
                quoted(&finding.message),
                finding.id
            );
        }
        body += "  </file>\n";
    }
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<checkstyle version=\"4.3\">\n{body}</checkstyle>\n")
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", escaped(text).replace('\n', "&#10;"))
}

/// Text as XML, within an element or between double quotes.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            // XML 1.0 has no other control characters.
            c if c.is_control() && !matches!(c, '\n' | '\t') => safe.push('\u{fffd}'),
            c => safe.push(c),
        }
    }
    safe
}
