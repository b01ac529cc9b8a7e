//! A process's own fault plan: the file that VHSM_FAULTS names, or `[faults]` of the configuration.

use super::Config;
use crate::cluster::faults::{FaultPlan, WrittenPlan};
use crate::error::ConfigError;

impl Config {
    /// Errors: `ConfigError::File`, where the fault plan names a function that is none.
    pub fn check_fault_functions<'n>(
        &self,
        known: impl Iterator<Item = &'n str> + Clone,
    ) -> Result<(), ConfigError> {
        self.faults
            .check_functions(known)
            .map_err(|error| fault_problem("VHSM_FAULTS or [faults]", error.to_string()))
    }
}

fn fault_problem(path: &str, cause: String) -> ConfigError {
    let mend = "correct the plan (README, \"Failure drills\"), or do without it".into();
    ConfigError::File { path: path.into(), cause, mend }
}

/// The plan of the file that is named, else that of the table. Errors: `ConfigError::File`.
pub(super) fn configured(path: Option<String>, table: Option<WrittenPlan>) -> Result<FaultPlan, ConfigError> {
    match (path, table) {
        (Some(path), _) => {
            let text =
                std::fs::read_to_string(&path).map_err(|error| fault_problem(&path, error.to_string()))?;
            FaultPlan::parse(&text).map_err(|error| fault_problem(&path, error.to_string()))
        }
        (None, Some(table)) => {
            FaultPlan::of(table).map_err(|error| fault_problem("[faults]", error.to_string()))
        }
        (None, None) => Ok(FaultPlan::default()),
    }
}
