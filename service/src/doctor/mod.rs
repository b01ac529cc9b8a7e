//! `vhsm doctor`: looks at everything that vhsm lives on, and names the mend for what is wrong.
//!
//! Changes nothing: it makes no store, no key and no record. Exit status 0: nothing to mend; 1: something needs a mend;
//! 2: doctor itself failed. Called by: main, before the configuration is read, for that may be what is wrong.

mod backups;
mod clock;
mod clusters;
mod etcd;
mod files;
mod findings;
mod settings;
mod store;
mod versions;

use crate::cli::{DoctorArgs, OutputForm};
use crate::failure::Failure;
use findings::Findings;
use std::io::IsTerminal;
use std::process::ExitCode;

/// Something needs a mend.
const NEEDS_A_MEND: u8 = 1;
/// Doctor could not do its work.
pub const FAILED: u8 = 2;

pub fn run(arguments: &DoctorArgs) -> ExitCode {
    let told = examine(arguments).and_then(|findings| {
        let form = arguments.output.unwrap_or(match std::io::stdout().is_terminal() {
            true => OutputForm::Text,
            false => OutputForm::Json,
        });
        match form {
            OutputForm::Text => findings.print_text()?,
            OutputForm::Json => findings.print_json()?,
        }
        Ok(findings.needs_a_mend())
    });
    match told {
        Ok(false) => ExitCode::SUCCESS,
        Ok(true) => ExitCode::from(NEEDS_A_MEND),
        Err(failure) => {
            eprintln!("vhsm: {failure}");
            ExitCode::from(FAILED)
        }
    }
}

/// Looks at one thing after the other; what hides the rest ends it.
fn examine(arguments: &DoctorArgs) -> Result<Findings, Failure> {
    let mut findings = Findings::default();
    versions::look(&mut findings);
    settings::look_at_environment(&mut findings);
    let Some(config) = settings::look_at_configuration(&mut findings) else { return Ok(findings) };
    files::look(&mut findings, &config);
    clock::look(&mut findings);
    let Some(clusters) = store::look(&mut findings, &config) else { return Ok(findings) };
    clock::compare(&mut findings, &clusters);
    clusters::look(&mut findings, &config, &clusters, arguments.cluster.cluster.as_deref())?;
    Ok(findings)
}

/// This program in a command that mends something.
fn vhsm(arguments: &str) -> String {
    format!("{} {arguments}", crate::quickstart::program())
}
