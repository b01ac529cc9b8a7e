//! A word now and then from what takes long.

use std::time::{Duration, Instant};

/// How long somebody waits without a word.
const QUIET: Duration = Duration::from_secs(2);

/// When somebody was last told, and of what.
pub struct Told {
    last: Instant,
    what: &'static str,
}

impl Told {
    pub fn new(what: &'static str) -> Self {
        Self { last: Instant::now(), what }
    }

    /// One line on standard error every two seconds.
    pub fn progress(&mut self, done: u64, of: Option<u64>) {
        if self.last.elapsed() < QUIET {
            return;
        }
        self.last = Instant::now();
        let of = of.map(|of| format!(" of {of}")).unwrap_or_default();
        eprintln!("vhsm: {} {done}{of}", self.what);
    }
}
