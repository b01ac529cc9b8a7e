//! What is maintained, and when.
//!
//! Each task says how often it is looked at, and finds out by itself whether there is anything to do. One that fails is
//! told, and looked at again at its next time; the others go on.

use crate::App;
use crate::failure::Failure;
use std::time::Duration;

/// Takes lines for the log.
pub type Tell<'a> = dyn FnMut(&str) + 'a;

struct Task {
    name: &'static str,
    every: Duration,
    run: fn(&App, &mut Tell) -> Result<(), Failure>,
}

const TASKS: &[Task] = &[Task { name: "sweep", every: Duration::from_secs(60), run: sweep }];

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
