//! The audit log: one CloudTrail event in JSON a line, for each request whose signature was right.
//!
//! A thread of its own writes it, in groups: one write and one fdatasync for all that came meanwhile. The queue before it has
//! `QUEUED` places; when it is full, calls wait, so that a slow disk loses nothing. A disk that fails does not stop the
//! service: events that could not be written are counted (`vhsm_audit_lost_total`) and told of.
//!
//! No plaintext, ciphertext or password gets in: services name the members that do (see their tables).

mod event;
#[cfg(test)]
mod tests;

pub use event::{Circumstances, Event, Identity};

use crate::failure::Failure;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

const QUEUED: usize = 8192;
/// In one write.
const GROUP_BYTES: usize = 1 << 20;

enum Message {
    Event(Box<Event>),
    /// The file may be another now.
    Reopen,
    /// Nothing more comes.
    End,
}

/// Where events go.
pub struct Audit {
    /// `None`: nothing is recorded.
    sender: Option<SyncSender<Message>>,
    lost: Arc<AtomicU64>,
}

/// The thread.
pub struct Writer(Option<JoinHandle<()>>);

impl Audit {
    /// `tell` hears of what goes wrong later. Errors: the file cannot be written.
    pub fn start(path: Option<&Path>, tell: fn(&str)) -> Result<(Self, Writer), Failure> {
        let lost = Arc::new(AtomicU64::new(0));
        let Some(path) = path else {
            return Ok((Self { sender: None, lost }, Writer(None)));
        };
        let cannot = |error: &std::io::Error| {
            let mend = "let this user write it, or name another file in `serve.audit_file`";
            Failure::new(format!("{}: {error}; {mend}", path.display()))
        };
        let mut log = Log { file: open(path).map_err(|error| cannot(&error))?, path: path.into() };
        let (sender, receiver) = sync_channel(QUEUED);
        let counted = Arc::clone(&lost);
        let thread = std::thread::Builder::new().name("audit".into());
        let thread = thread.spawn(move || log.write_all(&receiver, &counted, tell));
        let writer = Writer(Some(thread.map_err(|error| cannot(&error))?));
        Ok((Self { sender: Some(sender), lost }, writer))
    }

    /// Whether anybody listens: where nobody does, events need not be made.
    pub fn is_on(&self) -> bool {
        self.sender.is_some()
    }

    /// Waits where the queue is full.
    pub fn push(&self, event: Event) {
        self.send(Message::Event(Box::new(event)));
    }

    /// After logrotate has moved the file away.
    pub fn reopen(&self) {
        self.send(Message::Reopen);
    }

    /// Events that could not be written.
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    fn send(&self, message: Message) {
        if let Some(sender) = &self.sender
            && sender.send(message).is_err()
        {
            // The thread is gone: it panicked, and has said so.
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Writer {
    /// Ends when all is written that was pushed to this `Audit` before.
    pub fn finish(mut self, audit: &Audit) {
        audit.send(Message::End);
        if let Some(thread) = self.0.take() {
            // A thread that panicked has said so.
            let _ = thread.join();
        }
    }
}

struct Log {
    path: PathBuf,
    file: File,
}

impl Log {
    fn write_all(&mut self, messages: &Receiver<Message>, lost: &AtomicU64, tell: fn(&str)) {
        let mut text = Vec::new();
        let mut is_well = true;
        while let Ok(first) = messages.recv() {
            text.clear();
            let (mut count, mut reopen, mut end) = (0, false, false);
            let mut next = Some(first);
            while let Some(message) = next {
                match message {
                    Message::Event(event) => {
                        event.write(&mut text);
                        count += 1;
                    }
                    Message::Reopen => reopen = true,
                    Message::End => end = true,
                }
                let is_full = text.len() >= GROUP_BYTES || reopen || end;
                next = if is_full { None } else { messages.try_recv().ok() };
            }
            let written = self.file.write_all(&text).and_then(|()| self.file.sync_data());
            match (&written, is_well) {
                (Err(error), true) => {
                    tell(&format!("audit: {}: {error}: events are lost", self.path.display()))
                }
                (Ok(()), false) => tell(&format!("audit: {}: is written again", self.path.display())),
                _ => {}
            }
            is_well = written.is_ok();
            if !is_well {
                lost.fetch_add(count, Ordering::Relaxed);
            }
            if reopen {
                self.reopen(tell);
            }
            if end {
                return;
            }
        }
    }

    /// Where it cannot be opened, the old one goes on.
    fn reopen(&mut self, tell: fn(&str)) {
        match open(&self.path) {
            Ok(file) => self.file = file,
            Err(error) => tell(&format!("audit: {}: {error}: the old file goes on", self.path.display())),
        }
    }
}

fn open(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().create(true).append(true).mode(0o600).open(path)
}
