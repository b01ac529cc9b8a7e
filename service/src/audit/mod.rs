//! The audit log: one CloudTrail event in JSON a line, for each request whose signature was right.
//!
//! A thread of its own writes it, in groups, each with one fdatasync (see `lines`). When its queue is full, calls wait, so that
//! a slow disk loses nothing. Events that could not be written are counted (`vhsm_audit_lost_total`) and told of.
//!
//! No plaintext, ciphertext or password gets in: services name the members that do (see their tables).

mod event;
#[cfg(test)]
mod tests;

pub use event::{Circumstances, Event, Identity};

use crate::failure::Failure;
use crate::lines::{self, Kind, Line, Lines, Output};
use std::path::Path;
use std::time::Duration;

/// The disk takes its time by itself.
const KIND: Kind = Kind { name: "audit", is_durable: true, gathering: Duration::ZERO };

/// Where events go.
pub struct Audit(Option<To>);

/// `None` in `Audit`: nothing is recorded.
struct To {
    lines: Lines<Box<Event>>,
    output: Output,
}

/// The thread.
pub struct Writer(Option<lines::Writer>);

impl Line for Box<Event> {
    fn write(&self, text: &mut Vec<u8>) {
        Event::write(self, text);
    }
}

impl Audit {
    /// `tell` hears of what goes wrong later. Errors: the file cannot be written.
    pub fn start(path: Option<&Path>, tell: fn(&str)) -> Result<(Self, Writer), Failure> {
        let Some(path) = path else {
            return Ok((Self(None), Writer(None)));
        };
        let output = Output::File(path.into());
        let (lines, writer) = Lines::start(KIND, output.clone(), tell).map_err(|error| {
            let mend = "let this user write it, or name another file in `serve.audit_file`";
            Failure::new(format!("{}: {error}; {mend}", path.display()))
        })?;
        Ok((Self(Some(To { lines, output })), Writer(Some(writer))))
    }

    /// Whether anybody listens: where nobody does, events need not be made.
    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Waits where the queue is full.
    pub fn push(&self, event: Event) {
        if let Some(to) = &self.0 {
            to.lines.push(Box::new(event));
        }
    }

    /// After logrotate has moved the file away.
    pub fn reopen(&self) {
        if let Some(to) = &self.0 {
            to.lines.reopen(to.output.clone());
        }
    }

    /// Events that could not be written.
    pub fn lost(&self) -> u64 {
        self.0.as_ref().map_or(0, |to| to.lines.lost())
    }
}

impl Writer {
    /// Ends when all is written that was pushed to this `Audit` before.
    pub fn finish(self, audit: &Audit) {
        if let (Some(writer), Some(to)) = (self.0, &audit.0) {
            writer.finish(&to.lines);
        }
    }
}
