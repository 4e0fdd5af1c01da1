//! Every line of the written checklist, with the signals or the manual task that cover it.

use crate::cadence::Cadence::{self, Annual, Daily, Monthly, Quarterly, Weekly};
use std::fmt;

/// One line of the written checklist.
#[derive(Debug)]
pub struct Line {
    /// How often the line is due.
    pub cadence: Cadence,
    /// The heading above the line.
    pub section: &'static str,
    /// The number of the line. Three tasks have none.
    pub number: Option<u8>,
    pub text: &'static str,
    /// What covers the line.
    pub watched: Watched,
}

impl fmt::Display for Line {
    /// Writes `daily, Morning Health Check 2: Review overnight alerts`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.number.map(|number| format!(" {number}")).unwrap_or_default();
        write!(f, "{}, {}{number}: {}", self.cadence, self.section, self.text)
    }
}

/// What covers a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Watched {
    /// The signals with these ids.
    Signals(&'static [&'static str]),
    /// The manual task with this id.
    Task(&'static str),
}

/// Returns the lines that a signal covers.
pub fn lines_of(id: &str) -> impl Iterator<Item = &'static Line> {
    LINES.iter().filter(move |line| matches!(line.watched, Watched::Signals(signals) if signals.contains(&id)))
}

/// Returns the number of lines that are manual tasks.
pub fn by_people() -> usize {
    LINES.iter().filter(|line| matches!(line.watched, Watched::Task(_))).count()
}

const fn by(signals: &'static [&'static str]) -> Watched {
    Watched::Signals(signals)
}

const fn line(cadence: Cadence, section: &'static str, number: u8, text: &'static str, watched: Watched) -> Line {
    let number = if number == 0 { None } else { Some(number) };
    Line { cadence, section, number, text, watched }
}

/// The 74 numbered steps and the three tasks without a number, in the order of the checklist.
#[rustfmt::skip]
pub static LINES: &[Line] = &[
    line(Daily, "Morning Health Check", 1, "Check system status", by(&["pods"])),
    line(Daily, "Morning Health Check", 2, "Verify health endpoints", by(&["health"])),
    line(Daily, "Morning Health Check", 3, "Check for pod restarts", by(&["restarts"])),
    line(Daily, "Morning Health Check", 4, "Review overnight alerts", by(&["alerts"])),
    line(Daily, "Morning Health Check", 5, "Check error rate (last 24h)", by(&["error_rate"])),
    line(Daily, "Morning Health Check", 6, "Check disk space", by(&["disk"])),
    line(Daily, "Morning Health Check", 7, "Verify backups completed", by(&["backup"])),
    line(Daily, "Morning Health Check", 8, "Check database connections", by(&["connections"])),
    line(Weekly, "Performance Review", 1, "Review P99 latency trend (last 7 days)", by(&["latency"])),
    line(Weekly, "Performance Review", 2, "Check database performance", by(&["seq_scans"])),
    line(Weekly, "Performance Review", 3, "Review slow queries", by(&["slow_queries"])),
    line(Weekly, "Performance Review", 4, "Check resource utilization trends", by(&["utilization"])),
    line(Weekly, "Performance Review", 5, "Review workflow completion rates", by(&["workflows"])),
    line(Weekly, "Security Check", 1, "Review failed authentication attempts", by(&["auth_failures"])),
    line(Weekly, "Security Check", 2, "Check for permission violations", by(&["permission_denied"])),
    line(Weekly, "Security Check", 3, "Verify audit logging is working", by(&["audit_log", "pod_logs"])),
    line(Weekly, "Security Check", 4, "Check certificate expiry", by(&["certificates"])),
    line(Weekly, "Security Check", 5, "Run dependency security scan", by(&["advisories"])),
    line(Weekly, "Capacity Planning Review", 1, "Check request volume trend", by(&["requests"])),
    line(Weekly, "Capacity Planning Review", 2, "Check database size", by(&["database_size"])),
    line(Weekly, "Capacity Planning Review", 3, "Review HPA status", by(&["hpa"])),
    line(Weekly, "Capacity Planning Review", 4, "Check PVC usage", by(&["pvc", "disk"])),
    line(Weekly, "Capacity Planning Review", 5, "Update capacity planning spreadsheet", Watched::Task("capacity_sheet")),
    line(Monthly, "Database Maintenance", 1, "Create monthly backup", by(&["backup"])),
    line(Monthly, "Database Maintenance", 2, "VACUUM and ANALYZE", by(&["maintenance"])),
    line(Monthly, "Database Maintenance", 3, "Reindex", by(&["indexes"])),
    line(Monthly, "Database Maintenance", 4, "Update statistics", by(&["maintenance"])),
    line(Monthly, "Database Maintenance", 5, "Check for bloat", by(&["bloat"])),
    line(Monthly, "Backup Verification", 0, "Backup Verification", by(&["restore"])),
    line(Monthly, "Data Cleanup", 0, "Data Cleanup", by(&["retention", "backup"])),
    line(Monthly, "Security Review", 1, "Review all user accounts", by(&["users"])),
    line(Monthly, "Security Review", 2, "Review API keys", by(&["api_keys"])),
    line(Monthly, "Security Review", 3, "Review RBAC permissions", by(&["roles"])),
    line(Monthly, "Security Review", 4, "Audit log review", Watched::Task("audit_review")),
    line(Monthly, "Security Review", 5, "Vulnerability scan", by(&["images"])),
    line(Monthly, "Update Dependencies", 1, "Check for Rust crate updates", by(&["dependencies"])),
    line(Monthly, "Update Dependencies", 2, "Check for security advisories", by(&["advisories"])),
    line(Monthly, "Update Dependencies", 3, "Update dependencies (non-breaking)", by(&["dependencies"])),
    line(Monthly, "Update Dependencies", 4, "Run tests", Watched::Task("dependency_update")),
    line(Monthly, "Update Dependencies", 5, "Build and test locally", Watched::Task("dependency_update")),
    line(Monthly, "Update Dependencies", 6, "Schedule deployment if updates needed", Watched::Task("dependency_update")),
    line(Monthly, "Monitoring Review", 1, "Review alert definitions", by(&["rules"])),
    line(Monthly, "Monitoring Review", 2, "Check alert firing history (last 30 days)", Watched::Task("alert_review")),
    line(Monthly, "Monitoring Review", 3, "Review dashboard effectiveness", by(&["dashboards"])),
    line(Monthly, "Monitoring Review", 4, "Update runbooks", Watched::Task("runbook_update")),
    line(Monthly, "Monitoring Review", 5, "Test alert routing", by(&["alert_path"])),
    line(Quarterly, "Disaster Recovery Drill", 1, "Schedule drill with team", Watched::Task("dr_drill")),
    line(Quarterly, "Disaster Recovery Drill", 2, "Execute one DR scenario", Watched::Task("dr_drill")),
    line(Quarterly, "Disaster Recovery Drill", 3, "Document results", Watched::Task("dr_drill")),
    line(Quarterly, "Disaster Recovery Drill", 4, "Update DR plan based on findings", Watched::Task("dr_drill")),
    line(Quarterly, "Capacity Planning", 1, "Analyze growth trends (90 days)", Watched::Task("capacity_plan")),
    line(Quarterly, "Capacity Planning", 2, "Forecast 3, 6, 12 month needs", Watched::Task("capacity_plan")),
    line(Quarterly, "Capacity Planning", 3, "Create capacity plan document", Watched::Task("capacity_plan")),
    line(Quarterly, "Capacity Planning", 4, "Budget for additional resources", Watched::Task("capacity_plan")),
    line(Quarterly, "Capacity Planning", 5, "Schedule infrastructure upgrades", Watched::Task("capacity_plan")),
    line(Quarterly, "Security Audit", 1, "Comprehensive security review", Watched::Task("security_audit")),
    line(Quarterly, "Security Audit", 2, "Update security policies", Watched::Task("security_audit")),
    line(Quarterly, "Security Audit", 3, "Penetration testing (if scheduled)", Watched::Task("security_audit")),
    line(Quarterly, "Security Audit", 4, "Compliance checks", Watched::Task("security_audit")),
    line(Quarterly, "Security Audit", 5, "Security training for team", Watched::Task("security_audit")),
    line(Quarterly, "Performance Tuning", 1, "Analyze performance metrics", Watched::Task("performance_tuning")),
    line(Quarterly, "Performance Tuning", 2, "Identify bottlenecks", Watched::Task("performance_tuning")),
    line(Quarterly, "Performance Tuning", 3, "Optimize database queries", Watched::Task("performance_tuning")),
    line(Quarterly, "Performance Tuning", 4, "Tune application configuration", Watched::Task("performance_tuning")),
    line(Quarterly, "Performance Tuning", 5, "Load testing", Watched::Task("performance_tuning")),
    line(Annual, "Secret Rotation", 1, "JWT secret", by(&["secrets"])),
    line(Annual, "Secret Rotation", 2, "Database password", by(&["secrets"])),
    line(Annual, "Secret Rotation", 3, "LLM provider API keys", by(&["secrets"])),
    line(Annual, "Secret Rotation", 4, "TLS certificates (if not auto-renewed)", by(&["certificates"])),
    line(Annual, "Secret Rotation", 5, "SSH keys", Watched::Task("secret_rotation")),
    line(Annual, "Secret Rotation", 6, "Service account tokens", Watched::Task("secret_rotation")),
    line(Annual, "Architecture Review", 1, "Review system architecture", Watched::Task("architecture_review")),
    line(Annual, "Architecture Review", 2, "Identify technical debt", Watched::Task("architecture_review")),
    line(Annual, "Architecture Review", 3, "Plan major upgrades", Watched::Task("architecture_review")),
    line(Annual, "Architecture Review", 4, "Evaluate new technologies", Watched::Task("architecture_review")),
    line(Annual, "Architecture Review", 5, "Create roadmap for next year", Watched::Task("architecture_review")),
    line(Annual, "Compliance Certification Renewal", 0, "Compliance Certification Renewal", Watched::Task("compliance_renewal")),
];
