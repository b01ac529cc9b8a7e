//! Habits of the code that no compiler checks. Each failure lists what to mend and where.

mod layers;
mod readme;
mod source;

/// Fails with a heading and one line per finding.
#[track_caller]
fn none(heading: &str, findings: Vec<String>) {
    assert!(findings.is_empty(), "{heading}:\n  {}\n", findings.join("\n  "));
}
