//! `vhsm`: administration of virtual CloudHSM clusters.
//!
//! Answers JSON on standard output and exit status 0, or one line on standard error and 1. Holds no rule of
//! its own: what a cluster, a user or a password may be is the library's to say.

mod cli;
mod cluster;
mod doctor;
mod failure;
mod hsm;
mod import;
mod output;
mod password;
mod quickstart;
mod serve;
mod store;
mod user;

use clap::Parser;
use clap::error::ErrorKind;
use cli::{Cli, Command};
use failure::Failure;
use rustix::process::{Resource, Rlimit};
use std::process::ExitCode;
use vhsm_pkcs11::cluster::Clusters;
use vhsm_pkcs11::config::{Config, StoreChoice};

fn main() -> ExitCode {
    // Passwords and keys that are in this process's memory stay there. Where it is refused, the limit is what it was.
    let _ = rustix::process::setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    let done = match Cli::try_parse() {
        Ok(Cli { command: Command::Doctor(arguments) }) => return doctor::run(&arguments),
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
            match std::env::args_os().nth(1).is_some_and(|word| word == "doctor") {
                true => ExitCode::from(doctor::FAILED),
                false => ExitCode::FAILURE,
            }
        }
    }
}

fn run(cli: Cli) -> Result<(), Failure> {
    let config = Config::load().map_err(vhsm_pkcs11::error::Error::from)?;
    match cli.command {
        // Has an exit status of its own, and is run before this.
        Command::Doctor(_) => Ok(()),
        Command::Cluster(command) => cluster::run(&App::open(config)?, command),
        Command::Hsm(command) => hsm::run(&App::open(config)?, command),
        Command::Import(command) => import::run(&App::open(config)?, command),
        Command::User(command) => user::run(&App::open(config)?.clusters, command),
        Command::Quickstart(arguments) => quickstart::run(&App::open(config)?, &arguments),
        Command::Serve(arguments) => serve::run(&App::open(config)?, &arguments),
        Command::Store(command) => store::run(&config, command),
    }
}

/// What every command works on, but for those of the store as a whole.
pub struct App {
    pub config: Config,
    pub clusters: Clusters,
}

impl App {
    fn open(config: Config) -> Result<Self, Failure> {
        if config.store == StoreChoice::Memory {
            let mend = "unset VHSM_STORE, or say `embedded`";
            return Err(Failure::new(format!("a store in memory is gone when a command ends: {mend}")));
        }
        let clusters = Clusters::open(config.open_store()?, config.password_costs)?;
        Ok(Self { config, clusters })
    }
}
