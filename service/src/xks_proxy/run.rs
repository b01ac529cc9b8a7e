//! The process: its start, its signals, its end.
//!
//! Runs in the foreground until SIGTERM or SIGINT; tells systemd when it is ready and that it is alive; writes a line to standard
//! error for each thing it does. SIGHUP reads all anew, and whatever is wrong then leaves all as it was.

use super::access_log::{AccessLog, Writer};
use super::changes;
use super::check;
use super::credential;
use super::current::Current;
use super::demo;
use super::edge::EdgeServer;
use super::health::{self, Prober};
use super::hsms::{HealthStatus, Hsms};
use super::log;
use super::metrics::Metrics;
use super::settings::Settings;
use crate::App;
use crate::cli::{XksProxyArgs, XksProxyCommand};
use crate::failure::Failure;
use crate::output;
use crate::serve::{RELOAD, Supervisor, signals};
use arc_swap::ArcSwap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};
use vhsm_pkcs11::config::Config;

/// In VHSM_HOME.
const OWN_FILE: &str = "xks-proxy.toml";
/// How long HSMs that a reload brings have to show that they work.
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(50);

pub fn run(config: Config, arguments: &XksProxyArgs) -> Result<(), Failure> {
    match (&arguments.command, arguments.demo) {
        (Some(XksProxyCommand::NewCredential(arguments)), _) => credential::make(arguments),
        (None, true) => {
            // What the demo is made with is closed before the proxy opens it.
            let app = App::open(config)?;
            let (file, config) = (demo::make(&app)?, app.config.clone());
            drop(app);
            live(&file, Some(&config))
        }
        (None, false) => {
            let file = arguments.config.clone().unwrap_or_else(|| config.home.join(OWN_FILE));
            let file = whole(&file)?;
            if arguments.check { check::run(&file) } else { live(&file, None) }
        }
    }
}

fn whole(file: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(file).map_err(|error| Failure::new(format!("{}: {error}", file.display())))
}

fn live(file: &Path, demo: Option<&Config>) -> Result<(), Failure> {
    let signals = signals()?;
    let mut supervisor = Supervisor::from_environment();
    let settings = Settings::read(file)?;
    log(&format!("serves {} (process {})", file.display(), std::process::id()));
    let mut proxy = Running::start(file, settings)?;
    if let Some(config) = demo {
        let settings = &proxy.current.load().settings;
        output::text(&demo::lines(config, settings, proxy.server.address()))?;
    }
    supervisor.tell("READY=1");
    let ended = proxy.until_ended(&mut supervisor, &signals);
    supervisor.tell("STOPPING=1");
    if let Ok(signal) = &ended {
        log(&format!("ends, for it was sent {signal}"));
    }
    proxy.stop();
    log("ended");
    ended.map(drop)
}

/// All that runs.
struct Running {
    file: PathBuf,
    current: Arc<ArcSwap<Current>>,
    access_log: Arc<AccessLog>,
    writer: Writer,
    prober: Prober,
    server: EdgeServer,
}

impl Running {
    /// Errors: what is wrong with the configuration, or what it names, with its mend.
    fn start(file: &Path, settings: Settings) -> Result<Self, Failure> {
        let current = Current::build(settings, None)?;
        let hsms = Arc::clone(&current.hsms);
        // A process that ends while its threads are in a module may crash there.
        Self::serve(file, current).inspect_err(|_| hsms.stop())
    }

    fn serve(file: &Path, current: Current) -> Result<Self, Failure> {
        let settings = &current.settings;
        settings.hints.iter().for_each(|hint| log(hint));
        let (access_log, writer) = AccessLog::start(settings.access_log.as_ref(), log)?;
        let (access_log, interval) = (Arc::new(access_log), settings.probe_interval);
        let current = Arc::new(ArcSwap::from_pointee(current));
        let server =
            EdgeServer::start(Arc::clone(&current), Arc::clone(&access_log), Arc::<Metrics>::default())?;
        let prober = prober(&current, interval)?;
        if let Some(address) = server.status_address() {
            log(&format!("tells its status on http://{address}"));
        }
        let scheme = if current.load().settings.tls.is_some() { "https" } else { "http" };
        log(&format!("listens on {scheme}://{}", server.address()));
        Ok(Self { file: file.into(), current, access_log, writer, prober, server })
    }

    /// Until a signal ends this process; answers which one.
    fn until_ended(
        &mut self,
        supervisor: &mut Supervisor,
        signals: &Receiver<&'static str>,
    ) -> Result<&'static str, Failure> {
        loop {
            supervisor.alive();
            match signals.recv_timeout(supervisor.interval()) {
                Err(RecvTimeoutError::Timeout) => {}
                Ok(RELOAD) => match self.reload() {
                    Ok(()) => log("read everything anew"),
                    Err(failure) => log(&format!("all stays as it was: {failure}")),
                },
                Ok(signal) => return Ok(signal),
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(Failure::new("the thread that waits for signals is gone"));
                }
            }
        }
    }

    /// Requests that run keep what they began with. Errors: what is wrong; then nothing has changed.
    fn reload(&mut self) -> Result<(), Failure> {
        let earlier = self.current.load_full();
        let next = Current::build(Settings::read(&self.file)?, Some(&earlier))?;
        let (old, new) = (&earlier.settings, next.settings.clone());
        wait_for_new_hsms(&next.hsms, old, &new)?;
        self.server.reload(new.tls.as_ref())?;
        self.current.store(Arc::new(next));
        self.access_log.reopen(new.access_log.as_ref());
        if old.probe_interval != new.probe_interval {
            self.prober = prober(&self.current, new.probe_interval)?;
        }
        changes::told(old, &new).iter().chain(&new.hints).for_each(|line| log(line));
        for key in changes::wait_for_restart(old, &new) {
            log(&format!("{key} stays as it was until a restart"));
        }
        Ok(())
    }

    /// Requests in flight are answered, what was answered is logged, and the HSMs are left.
    fn stop(self) {
        if !self.server.stop() {
            log("some requests took too long, and were cut off");
        }
        drop(self.prober);
        self.current.load().hsms.stop();
        self.writer.finish(&self.access_log);
    }
}

/// Requests come to groups that are new only when they work. Errors: one does not.
fn wait_for_new_hsms(hsms: &Hsms, old: &Settings, new: &Settings) -> Result<(), Failure> {
    let until = Instant::now() + PATIENCE;
    let groups = new.hsms.iter().enumerate().filter(|(_, group)| !old.hsms.contains(group));
    for (place, group) in groups {
        loop {
            let status = hsms.status_of(&[place]);
            if status.iter().all(|hsm| hsm.health == HealthStatus::Active) {
                break;
            }
            if Instant::now() < until {
                hsms.probe();
                std::thread::sleep(PAUSE);
                continue;
            }
            match status.iter().find(|hsm| hsm.health == HealthStatus::Unavailable) {
                Some(hsm) if !health::serves(&status) => {
                    let mend = "mend that, and send SIGHUP again";
                    return Err(Failure::new(format!("hsms {:?}: {}; {mend}", group.name, hsm.trouble)));
                }
                _ => break,
            }
        }
    }
    Ok(())
}

fn prober(current: &Arc<ArcSwap<Current>>, interval: Duration) -> Result<Prober, Failure> {
    let current = Arc::clone(current);
    Prober::start(interval, move || Arc::clone(&current.load().hsms))
        .map_err(|error| Failure::new(format!("the thread that probes HSMs: {error}")))
}
