//! Reports as scanners write them, and what is told of them.

use super::*;

#[test]
fn each_report_format_is_counted_and_foreign_or_truncated_ones_are_refused() -> Result<(), serde_json::Error> {
    let audit = br#"{"vulnerabilities": {"found": true, "count": 2, "list": [
        {"advisory": {"id": "RUSTSEC-1", "cvss": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}},
        {"advisory": {"id": "RUSTSEC-2", "cvss": null}}]}}"#;
    let counts = cargo_audit(audit)?.counts;
    assert_eq!((counts["critical"], counts["high"], counts["unknown"]), (1, 0, 1));
    let trivy_report = br#"{"ArtifactName": "img:1", "CreatedAt": "2026-01-02T03:04:05Z", "Results": [
        {"Target": "x"}, {"Vulnerabilities": [{"Severity": "HIGH", "FixedVersion": "2"}, {"Severity": "CRITICAL", "FixedVersion": ""}]}]}"#;
    let summary = trivy(trivy_report)?;
    assert_eq!((summary.counts["high"], summary.image.as_ref().map(|image| &*image.name)), (1, Some("img:1")));
    assert_eq!((summary.counts["critical"], summary.unfixable["critical"]), (0, 1), "no newer version mends it");
    let grype_report = br#"{"matches": [{"vulnerability": {"severity": "High", "fix": {"state": "fixed"}}},
            {"vulnerability": {"severity": "High", "fix": {"state": "wont-fix"}}},
            {"vulnerability": {"severity": "Negligible"}}],
        "source": {"target": {"userInput": "img:2"}}, "descriptor": {"timestamp": "2026-01-02T03:04:05.123Z"}}"#;
    let summary = grype(grype_report)?;
    assert_eq!((summary.counts["high"], summary.counts["unknown"]), (1, 0));
    assert_eq!(summary.unfixable["high"], 1);
    assert_eq!(summary.image.map(|image| image.name).as_deref(), Some("img:2"));
    let two = br#"{"crate_name": "a", "dependencies": [{"name": "x", "project": "1.0.0", "latest": "2.0.0"}]}
        {"crate_name": "b", "dependencies": []}"#;
    assert_eq!(cargo_outdated(two)?.counts["major"], 1);
    let warned = br#"{"database": {"advisory-count": 900, "last-updated": "2026-08-20T10:00:00+02:00"},
        "vulnerabilities": {"list": []}, "warnings": {"unmaintained": [{"kind": "unmaintained"}], "yanked": [{}, {}],
        "notice": [{}], "unsound": null}}"#;
    let summary = cargo_audit(warned)?;
    let kinds = ["unmaintained", "yanked", "unsound", "other"].map(|kind| summary.warnings[kind]);
    assert_eq!((kinds, summary.database), ([1, 2, 0, 1], Some(1_787_212_800.0)));
    // Programs in Go write an empty list as null.
    let none = |summary: Summary| summary.counts.values().sum::<u64>();
    assert_eq!(none(trivy(br#"{"ArtifactName": "img", "Results": null}"#)?), 0);
    assert_eq!(none(trivy(br#"{"ArtifactName": "img", "Results": [{"Vulnerabilities": null}]}"#)?), 0);
    assert_eq!(none(grype(br#"{"matches": null}"#)?), 0);
    assert_eq!(none(cargo_audit(br#"{"vulnerabilities": {"list": null}, "warnings": null}"#)?), 0);
    assert_eq!(none(cargo_outdated(br#"{"crate_name": "a", "dependencies": null}"#)?), 0);
    for parse in [cargo_audit, cargo_outdated, trivy, grype] {
        let foreign = [
            &br#"{"bomFormat": "CycloneDX", "components": [], "dependencies": []}"#[..],
            br#"{"vulnerabilities": {"found": true, "count": 3, "list": []}}"#,
            br#"{"auditReportVersion": 2, "vulnerabilities": {}, "metadata": {}}"#,
            br#"{"results": [], "Results": []}"#,
        ];
        for bad in foreign.into_iter().chain([&b""[..], b"{}", b"[1]", b"{\"vulnerabilities\": {\"list\": [", b"\xff"])
        {
            assert!(parse(bad).is_err(), "{}", String::from_utf8_lossy(bad));
        }
    }
    Ok(())
}

/// Shows a report that was fetched at `NOW` from a server that says nothing about its age.
fn shown(format: ReportFormat, report: &str) -> Result<Samples, Failure> {
    let document = Document { name: "r".to_owned(), bytes: report.to_owned().into(), modified: None };
    let mut samples = Samples::within(100);
    Read::of(format, document)?.show(&shape(format), NOW, &mut samples);
    Ok(samples)
}

/// 2026-09-21T14:13:20Z
const NOW: f64 = 1_790_000_000.0;

#[test]
fn a_scanner_that_looked_at_nothing_or_in_an_empty_database_found_nothing_because_of_that() -> Result<(), Failure> {
    let audit = |of: &str| format!(r#"{{{of}, "vulnerabilities": {{"list": []}}}}"#);
    let lockfile = r#""lockfile": {"dependency-count": 9}"#;
    let advisories = r#""database": {"advisory-count": 900, "last-updated": "2026-09-20T00:00:00Z"}"#;
    let trivy = |of: &str| format!(r#"{{"ArtifactName": "i", "CreatedAt": "2026-09-20T00:00:00Z", {of}}}"#);
    let database = |of: &str| {
        let db = format!(r#""db": {of}, "timestamp": "2026-09-20T00:00:00Z""#);
        format!(r#"{{"matches": [], "descriptor": {{{db}}}}}"#)
    };
    let told = |of: &str| database(&format!(r#"{{"built": "2026-09-19T00:00:00Z"}}, "configuration": {of}"#));
    let set = |of: &str| audit(&format!(r#"{lockfile}, {advisories}, "settings": {of}"#));
    for (format, report, gap) in [
        (ReportFormat::CargoAudit, audit(r#""database": {"advisory-count": 0}"#), "an empty database"),
        (ReportFormat::CargoAudit, audit(r#""database": {"last-updated": null}"#), "how old its database is"),
        (ReportFormat::CargoAudit, audit(r#""lockfile": {"dependency-count": 0}"#), "no dependency"),
        (ReportFormat::CargoAudit, audit(r#""lockfile": null"#), "does not say when it was made"),
        (ReportFormat::CargoAudit, audit(&format!("{lockfile}, {advisories}")), ""),
        (ReportFormat::CargoAudit, audit(advisories), "how many dependencies it looked at"),
        (ReportFormat::CargoAudit, audit(lockfile), "how many advisories its database has"),
        (ReportFormat::CargoAudit, audit(&format!(r#"{lockfile}, "database": null"#)), "how old its database is"),
        (
            ReportFormat::CargoOutdated,
            r#"{"crate_name": "a", "dependencies": [{"name": "x", "project": "1.0.0", "latest": "v2"}]}"#.to_owned(),
            "1 dependencies whose versions cannot be compared",
        ),
        (ReportFormat::Trivy, trivy(r#""Results": [{"Class": "secret"}, {"Class": "config"}]"#), "no package"),
        (ReportFormat::Trivy, trivy(r#""Results": [{"Class": "secret"}, {"Class": "os-pkgs"}]"#), ""),
        (
            ReportFormat::Trivy,
            trivy(r#""Metadata": {"OS": {"Family": "alpine", "Name": "3.10.2", "EOSL": true}}"#),
            "alpine 3.10.2",
        ),
        (
            ReportFormat::Trivy,
            trivy(r#""Metadata": {"OS": {"Family": "alpine", "Name": "3.22"}}, "Results": [{"Class": "os-pkgs"}]"#),
            "",
        ),
        (ReportFormat::Trivy, trivy(r#""Metadata": {"OS": {"Family": "alpine"}}, "Results": null"#), "no package"),
        (ReportFormat::Trivy, trivy(r#""Metadata": {"OS": null}, "Results": null"#), ""),
        (ReportFormat::Trivy, trivy(r#""ArtifactType": "container_image", "Results": []"#), ""),
        (ReportFormat::Trivy, trivy(r#""Metadata": {"OS": {"Family": "activestate"}}, "Results": []"#), ""),
        (ReportFormat::Trivy, trivy(r#""ArtifactType": "filesystem", "Results": []"#), "names no package"),
        (
            ReportFormat::Trivy,
            trivy(r#""ArtifactType": "filesystem", "Results": [{"Class": "lang-pkgs"}, {"Class": "secret"}]"#),
            "",
        ),
        (
            ReportFormat::Trivy,
            trivy(r#""Metadata": {"OS": {"Family": "debian"}}, "Results": [{"Class": "lang-pkgs"}]"#),
            "no package of its operating system",
        ),
        (ReportFormat::Trivy, trivy(r#""Metadata": {"OS": {"Family": "debian"}}, "Results": [{"Target": "x"}]"#), ""),
        (ReportFormat::Trivy, r#"{"ArtifactName": "i", "CreatedAt": "0001-01-01T00:00:00Z"}"#.to_owned(), "made"),
        (ReportFormat::Grype, database(r#"{"status": {"valid": false}}"#), "not valid"),
        (ReportFormat::Grype, database(r#"{"status": {"valid": true, "built": "2026-09-19T00:00:00Z"}}"#), ""),
        (ReportFormat::Grype, database(r#"{"built": "2026-09-19T00:00:00Z"}"#), ""),
        (ReportFormat::Grype, database(r#"{"built": "0001-01-01T00:00:00Z"}"#), "how old its database is"),
        (ReportFormat::Grype, database("null"), "how old its database is"),
        (ReportFormat::Grype, told(r#"{"only-notfixed": true}"#), "only-notfixed"),
        (ReportFormat::Grype, told(r#"{"ignore-wontfix": "unknown, fixed"}"#), "only-notfixed"),
        (ReportFormat::Grype, told(r#"{"only-fixed": true, "only-notfixed": false, "ignore-wontfix": ""}"#), ""),
        (ReportFormat::CargoAudit, set(r#"{"informational_warnings": []}"#), "which dependencies are unmaintained"),
        (ReportFormat::CargoAudit, set(r#"{"informational_warnings": ["unmaintained"]}"#), "are unsound"),
        (ReportFormat::CargoAudit, set(r#"{"severity": "critical"}"#), "below severity critical"),
        (
            ReportFormat::CargoAudit,
            set(r#"{"informational_warnings": ["notice", "unmaintained", "unsound"], "severity": "low",
                "target_os": ["linux"], "target_arch": ["x86_64"], "ignore": null}"#),
            "",
        ),
    ] {
        let gaps = shown(format, &report)?.evidence.gaps();
        assert!(gaps.contains(gap) && gaps.is_empty() == gap.is_empty(), "{report}: {gaps}");
    }
    Ok(())
}

#[test]
fn of_several_reports_on_one_image_the_newest_counts_and_what_scanners_leave_out_is_reported() -> Result<(), Failure> {
    let report = |name: &str, at: &str, found: &str| {
        let text = format!(
            r#"{{"ArtifactName": "img:1", "CreatedAt": "{at}", "Results": [{{"Vulnerabilities": [{found}]}}]}}"#
        );
        Read::of(ReportFormat::Trivy, Document { name: name.to_owned(), bytes: text.into(), modified: None })
    };
    let critical = r#"{"Severity": "CRITICAL", "FixedVersion": "2"}"#;
    let mut samples = Samples::within(100);
    let read = vec![report("new", "2026-09-20T00:00:00Z", critical)?, report("old", "2026-09-01T00:00:00Z", "")?];
    let kept = newest_of_each(read, NOW, &mut samples);
    assert_eq!(
        kept.iter().map(|one| (&*one.document, one.summary.counts["critical"])).collect::<Vec<_>>(),
        [("new", 1)]
    );
    assert!(samples.evidence.to_string().contains("old is left out: new is a newer report on img:1"));
    for (format, report) in [
        (ReportFormat::CargoAudit, r#"{"settings": {"ignore": ["A", "B"]}, "vulnerabilities": {"list": []}}"#),
        (ReportFormat::Grype, r#"{"matches": [], "ignoredMatches": [{}, {}]}"#),
        (
            ReportFormat::Trivy,
            r#"{"ArtifactName": "i", "Results": [{"ExperimentalModifiedFindings": [{}]}, {"ExperimentalModifiedFindings": [{}]}]}"#,
        ),
    ] {
        let seen = shown(format, report)?.evidence.to_string();
        assert!(seen.contains("leaves out 2 findings on purpose"), "{report}: {seen}");
    }
    for (format, report, note) in [
        (
            ReportFormat::CargoAudit,
            r#"{"settings": {"target_os": ["windows"], "target_arch": []}, "vulnerabilities": {"list": []}}"#,
            "has only advisories for windows",
        ),
        (
            ReportFormat::CargoAudit,
            r#"{"settings": {"target_os": null, "target_arch": "x86_64"}, "vulnerabilities": {"list": []}}"#,
            "has only advisories for x86_64",
        ),
        (
            ReportFormat::Grype,
            r#"{"matches": [], "descriptor": {"configuration": {"only-fixed": true}}}"#,
            "without the vulnerabilities that no newer version fixes",
        ),
    ] {
        let seen = shown(format, report)?.evidence.to_string();
        assert!(seen.contains(note), "{report}: {seen}");
    }
    let ended =
        shown(ReportFormat::Grype, r#"{"matches": [], "alertsByPackage": [{"alerts": [{"type": "distro-eol"}]}]}"#)?;
    assert!(ended.evidence.gaps().contains("cannot know the vulnerabilities of 1 packages"));
    let fixed = grype(
        br#"{"matches": [{"vulnerability": {"severity": "High", "fix": null}},
        {"vulnerability": {"severity": "High", "fix": {"versions": ["2"], "state": ""}}}]}"#,
    );
    assert!(fixed.is_ok_and(|summary| (summary.counts["high"], summary.unfixable["high"]) == (1, 1)));
    assert!(cargo_audit(br#"{"vulnerabilities": {"found": true, "count": 0, "list": []}}"#).is_err());
    Ok(())
}

/// Writes reports to a folder, reads them, and returns the images with their critical vulnerabilities.
async fn read_from_a_folder(format: &str, reports: &[(&str, &str)]) -> anyhow::Result<Vec<(String, f64)>> {
    let folder = tempfile::tempdir()?;
    for (name, text) in reports {
        std::fs::write(folder.path().join(format!("{name}.json")), text)?;
    }
    let yaml = format!("reports: [{{name: r, format: {format}, directory: {}}}]\n", folder.path().display());
    let config = checklist::Config::parse("checklist.yaml", &yaml)?;
    let samples = Reports(config.reports[0].clone()).probe(images::SIGNAL.samples()).await;
    let series = samples.map_err(anyhow::Error::msg)?.into_series().0;
    let is_critical = |labels: &[String]| labels.last().is_some_and(|level| level == "critical");
    let critical = series.into_iter().filter(|one| one.metric == &images::VULNERABILITIES && is_critical(&one.labels));
    let mut critical: Vec<_> = critical.map(|one| (one.labels[0].clone(), one.value)).collect();
    critical.sort_by(|one, other| one.0.cmp(&other.0));
    Ok(critical)
}

#[tokio::test]
async fn a_newer_report_replaces_only_one_on_the_same_image_and_platform() -> anyhow::Result<()> {
    let trivy = |day: u8, of: &str, critical: bool| {
        let found = if critical { r#"{"Severity": "CRITICAL", "FixedVersion": "2"}"# } else { "" };
        let results = format!(r#"[{{"Class": "lang-pkgs", "Vulnerabilities": [{found}]}}]"#);
        format!(r#"{{"CreatedAt": "2026-09-{day:02}T00:00:00Z", {of}, "Results": {results}}}"#)
    };
    let kind = r#""ArtifactType": "container_image""#;
    let tar = |tags: &str| format!(r#"{kind}, "ArtifactName": "image.tar", "Metadata": {{"RepoTags": {tags}}}"#);
    let on =
        |platform: &str| format!(r#"{kind}, "ArtifactName": "r/web:1", "Metadata": {{"ImageConfig": {platform}}}"#);
    let (amd, arm) =
        (on(r#"{"os": "linux", "architecture": "amd64"}"#), on(r#"{"architecture": "arm64", "variant": "v8"}"#));
    let folder = r#""ArtifactType": "filesystem", "ArtifactName": ".""#;
    for (older, newer, expected) in [
        (tar(r#"["web:1"]"#), tar(r#"["api:1"]"#), vec![("api:1", 0.0), ("web:1", 1.0)]),
        (tar(r#"["web:1"]"#), tar(r#"["web:1"]"#), vec![("web:1", 0.0)]),
        (tar("null"), tar("[]"), vec![("newer", 0.0), ("older", 1.0)]),
        (folder.to_owned(), folder.to_owned(), vec![("newer", 0.0), ("older", 1.0)]),
        (amd.clone(), arm.clone(), vec![("r/web:1 linux/amd64", 1.0), ("r/web:1 linux/arm64", 0.0)]),
        (amd.clone(), amd.clone(), vec![("r/web:1", 0.0)]),
        (on("null"), arm, vec![("r/web:1", 0.0)]),
        (amd, on("{}"), vec![("r/web:1", 0.0), ("r/web:1 linux/amd64", 1.0)]),
    ] {
        let (older, newer) = (trivy(1, &older, true), trivy(2, &newer, false));
        let found = read_from_a_folder("trivy", &[("older", &older), ("newer", &newer)]).await?;
        let found: Vec<_> = found.iter().map(|(name, count)| (name.as_str(), *count)).collect();
        assert_eq!(found, expected, "{older} {newer}");
    }
    let grype = |target: &str| {
        let db = r#""db": {"built": "2026-09-19T00:00:00Z"}, "timestamp": "2026-09-20T00:00:00Z""#;
        format!(r#"{{"matches": [], "source": {{"target": {target}}}, "descriptor": {{{db}}}}}"#)
    };
    for (one, other, expected) in [
        (
            r#"{"userInput": "image.tar", "tags": ["a:1"]}"#,
            r#"{"userInput": "image.tar", "tags": ["b:1"]}"#,
            ["a:1", "b:1"],
        ),
        (r#""/src""#, r#""/src""#, ["one", "other"]),
        (
            r#"{"userInput": "i", "architecture": "amd64", "os": "linux"}"#,
            r#"{"userInput": "i", "architecture": "arm", "architectureVariant": "v7", "os": "linux"}"#,
            ["i linux/amd64", "i linux/arm/v7"],
        ),
    ] {
        let found = read_from_a_folder("grype", &[("one", &grype(one)), ("other", &grype(other))]).await?;
        assert_eq!(found.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), expected, "{one} {other}");
    }
    Ok(())
}

#[test]
fn a_scan_is_as_old_as_its_database_and_one_of_the_future_is_reported() -> Result<(), Failure> {
    let value = |format, report: &str, metric: &Metric| {
        let series = shown(format, report)?.into_series().0;
        Ok::<_, Failure>(series.iter().find(|one| one.metric == metric).map(|one| one.value))
    };
    let old =
        |of: &str| format!(r#"{{"matches": [], "descriptor": {{"timestamp": "2026-09-20T00:00:00Z", "db": {of}}}}}"#);
    for of in [r#"{"built": "2026-01-01T00:00:00Z"}"#, r#"{"status": {"built": "2026-01-01T00:00:00Z"}}"#] {
        assert_eq!(value(ReportFormat::Grype, &old(of), &images::WRITTEN)?, Some(1_767_225_600.0), "{of}");
    }
    assert_eq!(value(ReportFormat::Grype, &old("null"), &images::WRITTEN)?, Some(1_789_862_400.0));
    let ahead = r#"{"database": {"last-updated": "2038-01-01T00:00:00Z"}, "vulnerabilities": {"list": []}}"#;
    assert_eq!(value(ReportFormat::CargoAudit, ahead, &advisories::DATABASE)?, None);
    assert_eq!(value(ReportFormat::CargoAudit, ahead, &advisories::FUTURE)?, Some(1.0));
    Ok(())
}
