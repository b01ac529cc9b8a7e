//! What was found: how bad it is, what and where it is, and what mends it; as text for people and as JSON.

use crate::failure::Failure;
use crate::output;
use serde::Serialize;
use std::fmt::Write;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Ok,
    /// Worth knowing; nothing to mend.
    Info,
    /// Works, and will not always.
    Warning,
    /// Does not work, or is open to others.
    Problem,
}

impl Severity {
    fn name(self) -> &'static str {
        match self {
            Severity::Ok => "ok",
            Severity::Info => "info",
            Severity::Warning => "warning",
            Severity::Problem => "problem",
        }
    }

    /// Whether somebody has to do something.
    fn needs_a_mend(self) -> bool {
        matches!(self, Severity::Warning | Severity::Problem)
    }
}

#[derive(Debug, Serialize)]
pub struct Finding {
    pub severity: Severity,
    /// What was looked at: a file, a variable, a cluster's HSM.
    #[serde(rename = "where")]
    pub place: String,
    pub what: String,
    /// A command that mends it, or what to do where no command does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mend: Option<String>,
}

#[derive(Default, Serialize)]
pub struct Findings {
    findings: Vec<Finding>,
}

#[derive(Serialize)]
struct Summary<'a> {
    problems: usize,
    warnings: usize,
    #[serde(flatten)]
    findings: &'a Findings,
}

impl Findings {
    pub fn ok(&mut self, place: impl Into<String>, what: impl Into<String>) {
        self.add(Severity::Ok, place.into(), what.into(), None);
    }

    pub fn info(&mut self, place: impl Into<String>, what: impl Into<String>) {
        self.add(Severity::Info, place.into(), what.into(), None);
    }

    pub fn info_with(&mut self, place: impl Into<String>, what: impl Into<String>, mend: impl Into<String>) {
        self.add(Severity::Info, place.into(), what.into(), Some(mend.into()));
    }

    pub fn warning(&mut self, place: impl Into<String>, what: impl Into<String>, mend: impl Into<String>) {
        self.add(Severity::Warning, place.into(), what.into(), Some(mend.into()));
    }

    pub fn problem(&mut self, place: impl Into<String>, what: impl Into<String>, mend: impl Into<String>) {
        self.add(Severity::Problem, place.into(), what.into(), Some(mend.into()));
    }

    fn add(&mut self, severity: Severity, place: String, what: String, mend: Option<String>) {
        self.findings.push(Finding { severity, place, what, mend });
    }

    /// How many findings there are so far: to tell whether a look added any.
    pub fn count(&self) -> usize {
        self.findings.len()
    }

    pub fn needs_a_mend(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity.needs_a_mend())
    }

    fn of(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }

    pub fn print_json(&self) -> Result<(), Failure> {
        let (problems, warnings) = (self.of(Severity::Problem), self.of(Severity::Warning));
        output::json(&Summary { problems, warnings, findings: self })
    }

    pub fn print_text(&self) -> Result<(), Failure> {
        output::text(&self.text())
    }

    /// The worst last, where a terminal shows it.
    fn text(&self) -> String {
        let mut sorted: Vec<&Finding> = self.findings.iter().collect();
        sorted.sort_by_key(|finding| finding.severity as u8);
        let width = sorted.iter().map(|finding| finding.place.chars().count()).max().unwrap_or_default();
        let mut text = String::new();
        for Finding { severity, place, what, mend } in sorted {
            // Writing into a string does not fail.
            let _ = writeln!(text, "{:<8} {place:<width$}  {what}", severity.name());
            if let Some(mend) = mend {
                let _ = writeln!(text, "{:<8} {:<width$}  mend: {mend}", "", "");
            }
        }
        let (problems, warnings) = (self.of(Severity::Problem), self.of(Severity::Warning));
        let _ = match (problems, warnings) {
            (0, 0) => writeln!(text, "nothing to mend"),
            _ => writeln!(text, "{problems} problems, {warnings} warnings"),
        };
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_see_aligned_lines_with_the_worst_last() {
        let mut findings = Findings::default();
        findings.problem("store", "is full", "rm x");
        findings.ok("a longer place", "is good");
        assert!(findings.needs_a_mend());
        let expected = "\
ok       a longer place  is good
problem  store           is full
                         mend: rm x
1 problems, 0 warnings
";
        assert_eq!(findings.text(), expected);
    }

    #[test]
    fn what_is_only_worth_knowing_needs_no_mend() {
        let mut findings = Findings::default();
        findings.info_with("serve", "does not run", "vhsm serve");
        assert!(!findings.needs_a_mend());
        assert!(findings.text().ends_with("nothing to mend\n"));
    }
}
