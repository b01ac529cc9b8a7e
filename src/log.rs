//! The log: one line per call that failed (info) or per call (debug); faults of the library always.
//!
//! A line holds facts about a call, never its data: no PIN, key byte or plaintext reaches this module.

use crate::sync::Mutex;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::SystemTime;

/// What is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Level {
    Off,
    /// Faults of the library, its store or its configuration.
    #[default]
    Error,
    /// And every call that failed.
    Info,
    /// And every other call.
    Debug,
}

impl Level {
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "off" => Some(Level::Off),
            "error" => Some(Level::Error),
            "info" => Some(Level::Info),
            "debug" => Some(Level::Debug),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Level::Off => "off",
            Level::Error => "error",
            Level::Info => "info",
            Level::Debug => "debug",
        }
    }
}

/// One call's facts.
#[derive(Debug, Default)]
pub struct Line<'a> {
    pub function: &'a str,
    pub slot: Option<u64>,
    pub session: Option<u64>,
    pub mechanism: Option<&'a str>,
    pub rv: &'a str,
    pub microseconds: Option<u128>,
    pub reason: Option<&'a str>,
}

pub struct Logger {
    level: Level,
    file: Option<Mutex<File>>,
}

impl Logger {
    /// Appends to a file (made 0600), or writes to standard error.
    pub fn open(level: Level, file: Option<&Path>) -> std::io::Result<Self> {
        let Some(path) = file else { return Ok(Self::to_stderr(level)) };
        let file = OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
        Ok(Self { level, file: Some(Mutex::new(file)) })
    }

    pub fn to_stderr(level: Level) -> Self {
        Self { level, file: None }
    }

    #[inline]
    pub fn wants(&self, level: Level) -> bool {
        level <= self.level
    }

    /// Writes one line, in one piece, so that lines of several processes do not mix.
    pub fn write(&self, level: Level, line: &Line) {
        if !self.wants(level) {
            return;
        }
        let text = format(level, line);
        // A log that cannot be written must not fail the call it tells of.
        let _ = match &self.file {
            Some(file) => file.lock().write_all(text.as_bytes()),
            None => std::io::stderr().write_all(text.as_bytes()),
        };
    }
}

fn format(level: Level, line: &Line) -> String {
    use std::fmt::Write;
    let time = humantime::format_rfc3339_micros(SystemTime::now());
    let mut text = format!("{time} vhsm[{}] {} {}", std::process::id(), level.name(), line.function);
    let number = |text: &mut String, name: &str, value: Option<u64>| {
        if let Some(value) = value {
            let _ = write!(text, " {name}={value}");
        }
    };
    number(&mut text, "slot", line.slot);
    number(&mut text, "session", line.session);
    if let Some(mechanism) = line.mechanism {
        let _ = write!(text, " mechanism={mechanism}");
    }
    let _ = write!(text, " rv={}", line.rv);
    if let Some(microseconds) = line.microseconds {
        let _ = write!(text, " us={microseconds}");
    }
    if let Some(reason) = line.reason {
        let _ = write!(text, " reason={reason:?}");
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_holds_the_facts_in_order() {
        let line = Line {
            function: "C_Encrypt",
            slot: Some(1),
            session: Some(7),
            mechanism: Some("CKM_AES_GCM"),
            rv: "CKR_DATA_LEN_RANGE",
            microseconds: Some(12),
            reason: Some("too \"long\""),
        };
        let text = format(Level::Info, &line);
        assert!(text.ends_with(
            " info C_Encrypt slot=1 session=7 mechanism=CKM_AES_GCM rv=CKR_DATA_LEN_RANGE us=12 \
             reason=\"too \\\"long\\\"\"\n"
        ));
    }
}
