//! What a check found.

/// What was got, where it is what was expected; else a finding.
pub type Outcome = Result<String, Finding>;

#[derive(Debug)]
pub enum Finding {
    /// What was got in place of what the check expects. Never a secret, never plaintext.
    Missed(String),
    /// Could not be checked, and what it would take.
    Skipped(String),
}

pub fn missed(got: impl Into<String>) -> Finding {
    Finding::Missed(got.into())
}

pub fn skipped(why: impl Into<String>) -> Finding {
    Finding::Skipped(why.into())
}

/// Asserts one more thing.
pub fn ensure(holds: bool, got: impl FnOnce() -> String) -> Result<(), Finding> {
    match holds {
        true => Ok(()),
        false => Err(missed(got())),
    }
}

impl Finding {
    /// Says in front what it is about, where a check looks at several things.
    pub fn about(self, what: impl std::fmt::Display) -> Self {
        match self {
            Finding::Missed(got) => Finding::Missed(format!("{what}: {got}")),
            Finding::Skipped(why) => Finding::Skipped(format!("{what}: {why}")),
        }
    }
}
