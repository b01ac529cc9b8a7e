//! What is maintained, and when.
//!
//! Each task says how often it is looked at, and finds out by itself whether there is anything to do. One that fails is
//! told, and looked at again at its next time; the others go on.

use crate::App;
use crate::failure::Failure;
use std::time::Duration;
use vhsm_pkcs11::error::Error;

/// Takes lines for the log.
pub type Tell<'a> = dyn FnMut(&str) + 'a;

struct Task {
    name: &'static str,
    every: Duration,
    run: fn(&App, &mut Tell) -> Result<(), Failure>,
}

const TASKS: &[Task] = &[
    Task { name: "backups", every: Duration::from_secs(300), run: backups },
    Task { name: "sweep", every: Duration::from_secs(60), run: sweep },
];

/// When each task is due, by the clock of `Clusters`.
pub struct Schedule {
    /// Milliseconds since 1970, by the tasks' order.
    due_ms: Vec<u64>,
}

/// What a round did.
pub struct Outcome {
    pub failed: usize,
    /// Until the next task is due.
    pub next: Duration,
}

impl Schedule {
    /// Everything is due at once.
    pub fn new() -> Self {
        Self { due_ms: vec![0; TASKS.len()] }
    }

    /// Runs the tasks that are due.
    pub fn run_due(&mut self, app: &App, tell: &mut Tell) -> Outcome {
        let mut failed = 0;
        for (task, due_ms) in TASKS.iter().zip(&mut self.due_ms) {
            let (now_ms, every_ms) = (app.clusters.now_ms(), task.every.as_millis() as u64);
            // A clock that was set back does not put a task off.
            if now_ms < *due_ms && *due_ms <= now_ms + every_ms {
                continue;
            }
            *due_ms = now_ms + every_ms;
            if let Err(failure) = (task.run)(app, tell) {
                failed += 1;
                tell(&format!("{}: {failure}", task.name));
            }
        }
        let now_ms = app.clusters.now_ms();
        let next_ms = self.due_ms.iter().min().map_or(0, |due_ms| due_ms.saturating_sub(now_ms));
        Outcome { failed, next: Duration::from_millis(next_ms) }
    }
}

/// Takes the backups that are due, and deletes those that have had their time.
fn backups(app: &App, tell: &mut Tell) -> Result<(), Failure> {
    let root_key = app.config.root_key().map_err(Error::from)?;
    let done = app.clusters.maintain_backups(Some(&root_key))?;
    for backup in &done.taken {
        tell(&format!("backups: took {} of cluster {}", backup.id, backup.cluster));
    }
    for backup in &done.expired {
        tell(&format!(
            "backups: {backup} is past its cluster's retention policy; for seven days it can be restored"
        ));
    }
    for backup in &done.purged {
        tell(&format!("backups: {backup} was deleted for good"));
    }
    for (what, error) in &done.failed {
        tell(&format!("backups: {what}: {error}"));
    }
    match done.failed.len() {
        0 => Ok(()),
        failed => Err(Failure::new(format!("{failed} of them failed, and are tried again"))),
    }
}

/// Deletes what deleted clusters, users and wiped tokens left behind.
fn sweep(app: &App, tell: &mut Tell) -> Result<(), Failure> {
    let left = app.clusters.unswept()?;
    if left == 0 {
        return Ok(());
    }
    let mut batches = 0;
    while app.clusters.sweep()? {
        batches += 1;
        if batches % 100 == 0 {
            tell(&format!("sweep: {batches} batches so far"));
        }
    }
    tell(&format!("sweep: deleted what {left} deletions had left behind"));
    Ok(())
}
