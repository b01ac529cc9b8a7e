//! `vhsm xks-check`: a conformance report on any external key store proxy (XKS Proxy API 1.0.3).
//!
//! | module | owns |
//! | --- | --- |
//! | `target` | what is checked, as the command line says it |
//! | `table` | the rows: each check with its clause and severity |
//! | `groups` | the checks, a file a group |
//! | `runner`, `report` | running them, and telling what they found |
//! | `proxy` | the proxy under check, and what was seen of it |
//! | `calls` | the API's four calls, right, for checks to spoil |
//! | `sign` | signatures, right and wrong |
//! | `wire`, `http`, `raw` | TLS with what a check offers, HTTP by hyper, HTTP by hand |
//! | `certificates` | client certificates that no proxy may take |
//!
//! A new check is one function and one row in its group's file. Called by: main, and needs neither store nor configuration.
//! Nothing here may be shared with `xks_proxy`: what checks is independent of what is checked. Never prints the secret, nor
//! what it encrypts.

mod calls;
mod certificates;
mod groups;
mod http;
mod outcome;
mod proxy;
mod raw;
mod report;
mod runner;
mod sign;
mod table;
mod target;
mod wire;

use crate::cli::XksCheckArgs;
use crate::failure::Failure;
use crate::output;
use std::process::ExitCode;

/// A check failed.
const FAILED: u8 = 1;
/// The checks could not be made.
pub const COULD_NOT_RUN: u8 = 2;

pub fn run(arguments: &XksCheckArgs) -> ExitCode {
    match check(arguments) {
        Ok(false) => ExitCode::SUCCESS,
        Ok(true) => ExitCode::from(FAILED),
        Err(failure) => {
            eprintln!("vhsm: {failure}");
            ExitCode::from(COULD_NOT_RUN)
        }
    }
}

/// Whether any check failed.
fn check(arguments: &XksCheckArgs) -> Result<bool, Failure> {
    let checks = table::chosen(&arguments.only)?;
    let width = checks.iter().map(|check| check.id.len()).max().unwrap_or_default();
    if arguments.list {
        let line = |check: &&table::Check| {
            let table::Check { id, severity, clause, expected, .. } = check;
            format!("{:<6}  {id:<width$}  {expected} [{clause}]\n", format!("{severity:?}").to_uppercase())
        };
        output::text(&checks.iter().map(line).collect::<String>())?;
        return Ok(false);
    }
    let proxy = proxy::Proxy::new(target::Target::of(arguments)?)?;
    runner::must_be_usable(&proxy)?;
    // A reader that went away gets no more lines; the exit status is still right.
    let lines = runner::run(&proxy, &checks, |line| {
        if !arguments.json {
            let _ = output::text(&line.text(width));
        }
    });
    match arguments.json {
        true => report::print_json(proxy.target.url(), &lines)?,
        false => output::text(&report::summary(&lines))?,
    }
    Ok(report::failed(&lines))
}
