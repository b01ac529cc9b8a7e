//! `vhsm`: administration of virtual CloudHSM clusters.
//!
//! Answers JSON on standard output and exit status 0, or one line on standard error and 1. Holds no rule of
//! its own: what a cluster, a user or a password may be is the library's to say.

mod audit;
mod backup;
mod cli;
mod cloudhsmv2;
mod cluster;
mod credential;
mod demo;
mod directory;
mod doctor;
mod failure;
mod fault;
mod hsm;
mod http;
mod import;
mod key;
mod kms;
mod lines;
mod metrics;
mod output;
mod password;
mod progress;
mod quickstart;
mod serve;
mod store;
mod user;
mod xks_check;
mod xks_proxy;

use clap::Parser;
use clap::error::ErrorKind;
use cli::{Cli, Command};
use failure::Failure;
use rustix::process::{Resource, Rlimit};
use std::ffi::OsString;
use std::process::ExitCode;
use vhsm_pkcs11::cluster::Clusters;
use vhsm_pkcs11::config::{Config, StoreChoice};

fn main() -> ExitCode {
    // Passwords and keys that are in this process's memory stay there. Where it is refused, the limit is what it was.
    let _ = rustix::process::setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    let done = match Cli::try_parse_from(arguments()) {
        Ok(Cli { command: Command::Doctor(arguments) }) => return doctor::run(&arguments),
        Ok(Cli { command: Command::XksCheck(arguments) }) => return xks_check::run(&arguments),
        Ok(cli) => run(cli),
        Err(error) if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            output::text(&error.render().to_string())
        }
        Err(error) => Err(Failure::usage(&error)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("vhsm: {failure}");
            match std::env::args_os().nth(1).as_ref().and_then(|word| word.to_str()) {
                Some("doctor") => ExitCode::from(doctor::FAILED),
                Some("xks-check") => ExitCode::from(xks_check::COULD_NOT_RUN),
                _ => ExitCode::FAILURE,
            }
        }
    }
}

fn run(cli: Cli) -> Result<(), Failure> {
    let is_demo = match &cli.command {
        Command::Serve(arguments) => arguments.demo,
        Command::XksProxy(arguments) => arguments.demo,
        _ => false,
    };
    if is_demo && demo::wants_throw_away_home() {
        return demo::in_throw_away_home();
    }
    let config = Config::load().map_err(vhsm_pkcs11::error::Error::from)?;
    match cli.command {
        // Have exit statuses of their own, and are run before this.
        Command::Doctor(_) | Command::XksCheck(_) => Ok(()),
        Command::Cluster(command) => cluster::run(&App::open(config)?, command),
        Command::Backup(command) => backup::run(&App::open(config)?, command),
        Command::Credential(command) => credential::run(&config, command),
        Command::Fault(command) => fault::run(&App::open(config)?.clusters, command),
        Command::Hsm(command) => hsm::run(&App::open(config)?, command),
        Command::Import(command) => import::run(&App::open(config)?, command),
        Command::Key(command) => {
            must_outlive(&config)?;
            key::run(config, command)
        }
        Command::User(command) => user::run(&App::open(config)?.clusters, command),
        Command::Quickstart(arguments) => quickstart::run(&App::open(config)?, &arguments),
        Command::Serve(arguments) => serve::run(&App::open(config)?, &arguments),
        Command::Store(command) => store::run(&config, command),
        Command::XksProxy(arguments) => xks_proxy::run(config, &arguments),
    }
}

/// What every command works on, but for those of the store as a whole.
pub struct App {
    pub config: Config,
    pub clusters: Clusters,
}

impl App {
    fn open(config: Config) -> Result<Self, Failure> {
        must_outlive(&config)?;
        let clusters =
            Clusters::open(config.open_store()?, config.password_costs)?.with_backups(config.backups.clone());
        Ok(Self { config, clusters })
    }
}

fn must_outlive(config: &Config) -> Result<(), Failure> {
    if config.store == StoreChoice::Memory {
        let mend = "unset VHSM_STORE, or say `embedded`";
        return Err(Failure::new(format!("a store in memory is gone when a command ends: {mend}")));
    }
    Ok(())
}

/// The command line with `--cluster` behind the command, where clap wants it.
fn arguments() -> Vec<OsString> {
    cluster_behind(std::env::args_os().collect())
}

fn cluster_behind(given: Vec<OsString>) -> Vec<OsString> {
    let mut words = given.into_iter();
    let mut moved = Vec::new();
    let mut kept: Vec<OsString> = words.next().into_iter().collect();
    // Two words are the command; what stands behind them is its own.
    let mut left = 2;
    while left > 0 {
        let Some(word) = words.next() else { break };
        match word.to_str() {
            Some("--cluster") => {
                moved.push(word);
                moved.extend(words.next());
            }
            Some(text) if text.starts_with("--cluster=") => moved.push(word),
            _ => {
                left -= 1;
                kept.push(word);
            }
        }
    }
    kept.extend(words);
    kept.extend(moved);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cluster_may_stand_before_the_command() {
        let moved = |line: &str| {
            let words = cluster_behind(line.split(' ').map(OsString::from).collect());
            words.iter().map(|word| word.to_str().unwrap()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(moved("vhsm --cluster a user list"), "vhsm user list --cluster a");
        assert_eq!(moved("vhsm user --cluster=a list"), "vhsm user list --cluster=a");
        assert_eq!(moved("vhsm user list --cluster a"), "vhsm user list --cluster a");
        assert_eq!(moved("vhsm key generate --label --cluster"), "vhsm key generate --label --cluster");
        assert_eq!(moved("vhsm --cluster"), "vhsm --cluster");
    }
}
