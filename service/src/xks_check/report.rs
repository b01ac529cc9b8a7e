//! What was found: a line a check for people, and JSON for machines.

use super::outcome::{Finding, Outcome};
use super::table::{Check, Severity};
use crate::failure::Failure;
use crate::output;
use serde::Serialize;
use std::time::Duration;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Mark {
    Pass,
    Fail,
    Warn,
    Skip,
}

impl Mark {
    fn name(self) -> &'static str {
        match self {
            Mark::Pass => "PASS",
            Mark::Fail => "FAIL",
            Mark::Warn => "WARN",
            Mark::Skip => "SKIP",
        }
    }
}

#[derive(Serialize)]
pub struct Line {
    id: &'static str,
    result: Mark,
    severity: Severity,
    expected: &'static str,
    got: String,
    clause: &'static str,
    milliseconds: u64,
}

impl Line {
    pub fn new(check: &Check, outcome: Outcome, took: Duration) -> Self {
        let (result, got) = match (outcome, check.severity) {
            (Ok(got), _) => (Mark::Pass, got),
            (Err(Finding::Missed(got)), Severity::Must) => (Mark::Fail, got),
            (Err(Finding::Missed(got)), Severity::Should) => (Mark::Warn, got),
            (Err(Finding::Skipped(why)), _) => (Mark::Skip, why),
        };
        let Check { id, severity, clause, expected, .. } = *check;
        let milliseconds = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        Self { id, result, severity, expected, got: printable(&got), clause, milliseconds }
    }

    pub fn text(&self, width: usize) -> String {
        let Self { id, result, expected, got, clause, .. } = self;
        let said = match result {
            Mark::Pass | Mark::Skip if got.is_empty() => (*expected).to_owned(),
            Mark::Pass | Mark::Fail | Mark::Warn => format!("{expected}; got: {got}"),
            Mark::Skip => format!("{expected}; not checked: {got}"),
        };
        format!("{}  {id:<width$}  {said} [{clause}]\n", result.name())
    }
}

/// What a proxy says is shown, and must not move the cursor of a terminal.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[derive(Serialize)]
struct Report<'a> {
    url: String,
    passed: usize,
    failed: usize,
    warned: usize,
    skipped: usize,
    checks: &'a [Line],
}

fn count(lines: &[Line], mark: Mark) -> usize {
    lines.iter().filter(|line| line.result == mark).count()
}

pub fn failed(lines: &[Line]) -> bool {
    count(lines, Mark::Fail) > 0
}

pub fn print_json(url: String, lines: &[Line]) -> Result<(), Failure> {
    output::json(&Report {
        url,
        passed: count(lines, Mark::Pass),
        failed: count(lines, Mark::Fail),
        warned: count(lines, Mark::Warn),
        skipped: count(lines, Mark::Skip),
        checks: lines,
    })
}

pub fn summary(lines: &[Line]) -> String {
    let of = |mark| count(lines, mark);
    let (passed, failed) = (of(Mark::Pass), of(Mark::Fail));
    format!("{passed} passed, {failed} failed, {} warned, {} skipped\n", of(Mark::Warn), of(Mark::Skip))
}

#[cfg(test)]
mod tests {
    use super::super::outcome::{missed, skipped};
    use super::*;

    #[test]
    fn each_outcome_has_its_mark_and_its_words() {
        const MUST: Check = Check::must("a.b", "Encrypt", "a tag", |_| Ok(String::new()));
        const SHOULD: Check = Check::should("a.b", "Encrypt", "a tag", |_| Ok(String::new()));
        let text = |check: &Check, outcome| Line::new(check, outcome, Duration::ZERO).text(5);
        assert_eq!(text(&MUST, Ok("16 bytes".into())), "PASS  a.b    a tag; got: 16 bytes [Encrypt]\n");
        assert_eq!(text(&MUST, Err(missed("no\u{1b}ne"))), "FAIL  a.b    a tag; got: no ne [Encrypt]\n");
        assert_eq!(text(&SHOULD, Err(missed("none"))), "WARN  a.b    a tag; got: none [Encrypt]\n");
        assert_eq!(
            text(&MUST, Err(skipped("needs x"))),
            "SKIP  a.b    a tag; not checked: needs x [Encrypt]\n"
        );
        let lines = [Line::new(&SHOULD, Err(missed("none")), Duration::ZERO)];
        assert!(!failed(&lines));
        assert_eq!(summary(&lines), "0 passed, 0 failed, 1 warned, 0 skipped\n");
    }
}
