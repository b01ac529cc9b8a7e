//! `vhsm serve`: the process that lives: it serves AWS clients, and maintains the store.
//!
//! Runs in the foreground until SIGTERM or SIGINT; tells systemd when it is ready and that it is alive; writes a line to
//! standard error for each thing it does. Several may run for one store, on one or more machines: one of them has the
//! claim `serve/maintenance` and works, the others wait for it. What work there is stands in `maintenance`. So it is with
//! KMS and the claim `serve/kms`, in `keystores`. SIGHUP: certificate, access keys and audit log are opened anew.

mod endpoint;
mod endpoints;
mod health;
pub mod keystores;
mod maintenance;
mod orphans;
pub mod proxies;
mod supervisor;
#[cfg(test)]
mod tests;

use crate::App;
use crate::cli::ServeArgs;
use crate::failure::Failure;
pub use endpoint::{Auth, Endpoint};
use endpoints::Endpoints;
use maintenance::{Outcome, Schedule};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, SystemTime};
pub use supervisor::Supervisor;
use vhsm_pkcs11::cluster::Clusters;
use vhsm_pkcs11::config::Config;
use vhsm_pkcs11::error::Error;
use vhsm_store::{Claim, ClaimKind};

/// Who has it maintains the store.
pub const MAINTENANCE: &[u8] = b"serve/maintenance";
/// The signal that ends nothing.
pub const RELOAD: &str = "SIGHUP";
/// How soon one that waits notices that the other is gone.
const WAIT: Duration = Duration::from_secs(2);

pub fn run(app: &App, arguments: &ServeArgs) -> Result<(), Failure> {
    match arguments.once {
        true => once(app),
        false => live(app, arguments),
    }
}

/// All that is due, now.
fn once(app: &App) -> Result<(), Failure> {
    let Some(_claim) = claim(app)? else {
        log("another process maintains the store: nothing to do here");
        return Ok(());
    };
    let outcome = Schedule::new().run_due(app, &mut |line| log(line));
    match outcome.failed {
        0 => Ok(()),
        failed => Err(Failure::new(format!("{failed} tasks failed: the lines above say which"))),
    }
}

fn live(app: &App, arguments: &ServeArgs) -> Result<(), Failure> {
    let endpoint = Endpoint::of(&app.config)?.with_listen(arguments.listen.as_deref());
    let signals = signals()?;
    let mut supervisor = Supervisor::from_environment();
    log(&format!("serves {} (process {})", app.config.store, std::process::id()));
    let endpoints = Endpoints::start(app, &endpoint)?;
    let demo = match &endpoints {
        Some(endpoints) if arguments.demo => endpoints.demo(app, &endpoint),
        None if arguments.demo => Err(Failure::new("the demo needs an address: give one by --listen")),
        _ => Ok(()),
    };
    supervisor.tell("READY=1");
    let ended = demo.and_then(|()| maintain(app, &mut supervisor, &signals, endpoints.as_ref()));
    supervisor.tell("STOPPING=1");
    if let Ok(signal) = &ended {
        log(&format!("ends, for it was sent {signal}"));
    }
    if let Some(endpoints) = endpoints {
        endpoints.stop();
        log("ended");
    }
    ended.map(drop)
}

/// Until a signal ends this process; answers which one.
fn maintain(
    app: &App,
    supervisor: &mut Supervisor,
    signals: &Receiver<&'static str>,
    endpoints: Option<&Endpoints>,
) -> Result<&'static str, Failure> {
    let mut duty = Duty::Unknown;
    let mut schedule = Schedule::new();
    loop {
        supervisor.alive();
        duty = duty.next(app);
        let pause = match duty {
            Duty::Mine(_) => {
                let Outcome { next, .. } = schedule.run_due(app, &mut |line| {
                    supervisor.alive();
                    log(line);
                });
                next
            }
            _ => WAIT,
        };
        match signals.recv_timeout(pause.min(supervisor.interval())) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(RELOAD) => {
                if let Some(endpoints) = endpoints {
                    endpoints.reload();
                }
            }
            Ok(signal) => return Ok(signal),
            Err(RecvTimeoutError::Disconnected) => {
                return Err(Failure::new("the thread that waits for signals is gone"));
            }
        }
    }
}

/// Whether this process maintains the store.
enum Duty {
    Unknown,
    Mine(#[expect(dead_code, reason = "held, not used")] Box<dyn Claim>),
    Others,
    /// The store cannot be asked, for this reason.
    Unclear(String),
}

impl Duty {
    /// Tries to get the claim, if it is not here yet. Says what changed.
    fn next(self, app: &App) -> Self {
        if matches!(self, Duty::Mine(_)) {
            return self;
        }
        match claim(app) {
            Ok(Some(claim)) => {
                log("maintains the store");
                Duty::Mine(claim)
            }
            Ok(None) => {
                if !matches!(self, Duty::Others) {
                    log("waits: another process maintains the store");
                }
                Duty::Others
            }
            Err(failure) => {
                let why = failure.to_string();
                if !matches!(&self, Duty::Unclear(last) if *last == why) {
                    log(&why);
                }
                Duty::Unclear(why)
            }
        }
    }
}

fn claim(app: &App) -> Result<Option<Box<dyn Claim>>, Failure> {
    let claim = app.clusters.store().claim(MAINTENANCE, ClaimKind::Exclusive);
    Ok(claim.map_err(Error::from)?)
}

/// The signals that this process hears, by name. Their handlers are there when this returns.
pub fn signals() -> Result<Receiver<&'static str>, Failure> {
    let cannot = |error: std::io::Error| Failure::new(format!("signals: {error}"));
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP]).map_err(cannot)?;
    let (sender, receiver) = channel();
    std::thread::Builder::new()
        .name("signals".into())
        .spawn(move || {
            for signal in signals.forever() {
                // The receiver is gone when the process ends anyway.
                let _ = sender.send(match signal {
                    SIGHUP => RELOAD,
                    SIGINT => "SIGINT",
                    _ => "SIGTERM",
                });
            }
        })
        .map_err(cannot)?;
    Ok(receiver)
}

/// The clusters once more, for another owner.
fn clusters(config: &Config) -> Result<Clusters, Failure> {
    let clusters = Clusters::open(config.open_store()?, config.password_costs)?;
    Ok(clusters.with_backups(config.backups.clone()))
}

/// A line for people and journals: no secret ever enters it.
pub fn log(line: &str) {
    eprintln!("{} vhsm serve: {line}", humantime::format_rfc3339_seconds(SystemTime::now()));
}
