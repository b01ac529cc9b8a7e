//! Lines that a thread of its own writes, in groups: one write for all that came meanwhile. Under the audit log and the
//! external key store proxy's access log.
//!
//! The queue before the thread has `QUEUED` places. Who pushes waits for one; who must not wait reserves one before the
//! work that the line will tell of, and does not begin the work where there is none. So nothing is lost to a slow disk. A disk that
//! fails does not stop the program: lines that could not be written are counted and told of.

#[cfg(test)]
mod tests;

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

pub const QUEUED: usize = 8192;
/// In the channel, beside lines: to open anew, to end.
const ORDERS: usize = 8;
/// In one write.
const GROUP_BYTES: usize = 1 << 20;

/// What becomes a line.
pub trait Line: Send + 'static {
    /// With its end of line.
    fn write(&self, text: &mut Vec<u8>);
}

/// What kind of log it is.
#[derive(Clone, Copy)]
pub struct Kind {
    /// Names the thread, and begins what is told.
    pub name: &'static str,
    /// Whether each group is on the disk before the next one is begun.
    pub is_durable: bool,
    /// How long a line may wait for others. A thread that is woken for each line costs more than its line.
    pub gathering: Duration,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    StandardOutput,
    /// Appended to; made with 0600 where there is none.
    File(PathBuf),
}

enum Message<T> {
    Line(T),
    Open(Output),
    /// Nothing more comes.
    End,
}

/// Where lines go.
pub struct Lines<T> {
    sender: SyncSender<Message<T>>,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    /// Places: of lines in the channel, and reserved ones.
    taken: AtomicUsize,
    lost: AtomicU64,
}

/// A place in the queue. Dropped without a line, it is free again.
pub struct Place<'a, T>(&'a Lines<T>);

/// The thread.
pub struct Writer(JoinHandle<()>);

impl<T: Line> Lines<T> {
    /// `tell` hears of what goes wrong later. Errors: the output cannot be opened.
    pub fn start(kind: Kind, output: Output, tell: fn(&str)) -> std::io::Result<(Self, Writer)> {
        let mut log = Log { file: open(&output)?, output, kind, tell, is_torn: false };
        let (sender, receiver) = sync_channel(QUEUED + ORDERS);
        let counts = Arc::new(Counts::default());
        let counted = Arc::clone(&counts);
        let thread = std::thread::Builder::new().name(kind.name.into());
        let thread = thread.spawn(move || log.write_all(&receiver, &counted))?;
        Ok((Self { sender, counts }, Writer(thread)))
    }

    /// Waits where the queue is full.
    pub fn push(&self, line: T) {
        self.counts.taken.fetch_add(1, Relaxed);
        self.send(line);
    }

    /// `None`: the queue is full.
    pub fn reserve(&self) -> Option<Place<'_, T>> {
        let one_more = |taken: usize| (taken < QUEUED).then_some(taken + 1);
        self.counts.taken.fetch_update(Relaxed, Relaxed, one_more).ok()?;
        Some(Place(self))
    }

    /// After logrotate has moved the file away, or to write elsewhere from now on. Where it cannot be opened, the old one goes on.
    pub fn reopen(&self, output: Output) {
        // Where the thread is gone there is nothing to be opened.
        let _ = self.sender.send(Message::Open(output));
    }

    /// Lines that could not be written.
    pub fn lost(&self) -> u64 {
        self.counts.lost.load(Relaxed)
    }

    /// Places that are taken, of `QUEUED`.
    pub fn taken(&self) -> usize {
        self.counts.taken.load(Relaxed)
    }

    /// Whose place is taken.
    fn send(&self, line: T) {
        if self.sender.send(Message::Line(line)).is_err() {
            // The thread has ended, or it panicked and has said so.
            self.counts.lost.fetch_add(1, Relaxed);
            self.counts.taken.fetch_sub(1, Relaxed);
        }
    }
}

impl<T: Line> Place<'_, T> {
    /// Never waits: the place was kept.
    pub fn fill(self, line: T) {
        let lines = self.0;
        std::mem::forget(self);
        lines.send(line);
    }
}

impl<T> Drop for Place<'_, T> {
    fn drop(&mut self) {
        self.0.counts.taken.fetch_sub(1, Relaxed);
    }
}

impl Writer {
    /// Ends when all is written that came before.
    pub fn finish<T: Line>(self, lines: &Lines<T>) {
        // A thread that is gone has ended already; one that panicked has said so.
        let _ = lines.sender.send(Message::End);
        let _ = self.0.join();
    }
}

struct Log {
    output: Output,
    file: File,
    kind: Kind,
    tell: fn(&str),
    /// The last write ended within a line.
    is_torn: bool,
}

impl Log {
    fn write_all<T: Line>(&mut self, messages: &Receiver<Message<T>>, counts: &Counts) {
        let mut text = Vec::new();
        let mut is_well = true;
        while let Ok(first) = messages.recv() {
            text.clear();
            if self.is_torn {
                text.push(b'\n');
            }
            std::thread::sleep(self.kind.gathering);
            let (mut lines, mut order) = (0, None);
            let mut next = Some(first);
            while let Some(message) = next {
                match message {
                    Message::Line(line) => {
                        line.write(&mut text);
                        lines += 1;
                    }
                    other => order = Some(other),
                }
                let is_full = text.len() >= GROUP_BYTES || order.is_some();
                next = if is_full { None } else { messages.try_recv().ok() };
            }
            counts.taken.fetch_sub(lines, Relaxed);
            let lost = if lines == 0 { 0 } else { self.write(&text, lines, is_well) };
            counts.lost.fetch_add(lost as u64, Relaxed);
            is_well = if lines == 0 { is_well } else { lost == 0 };
            match order {
                Some(Message::Open(output)) => self.reopen(output),
                Some(Message::End) => return,
                _ => {}
            }
        }
    }

    /// How many lines were lost.
    fn write(&mut self, text: &[u8], lines: usize, was_well: bool) -> usize {
        let (written, result) = write_counted(&mut self.file, text);
        if written > 0 {
            self.is_torn = text[written - 1] != b'\n';
        }
        let result = result.and_then(|()| if self.kind.is_durable { self.file.sync_data() } else { Ok(()) });
        let lost = match (&result, self.kind.is_durable) {
            (Ok(()), _) => 0,
            // What is not known to be on the disk.
            (Err(_), true) => lines,
            (Err(_), false) => text[written..].iter().filter(|byte| **byte == b'\n').count().min(lines),
        };
        match (&result, was_well) {
            (Err(error), true) => self.say(&self.output, &format!("{error}: lines are lost")),
            (Ok(()), false) => self.say(&self.output, "is written again"),
            _ => {}
        }
        lost
    }

    fn reopen(&mut self, output: Output) {
        match open(&output) {
            Ok(file) => {
                self.is_torn &= output == Output::StandardOutput;
                (self.file, self.output) = (file, output);
            }
            Err(error) => self.say(&output, &format!("{error}: the old file goes on")),
        }
    }

    fn say(&self, of: &Output, what: &str) {
        let of = match of {
            Output::StandardOutput => "standard output".into(),
            Output::File(path) => path.display().to_string(),
        };
        (self.tell)(&format!("{}: {of}: {what}", self.kind.name));
    }
}

/// How much was written, and whether that is all.
fn write_counted(file: &mut File, text: &[u8]) -> (usize, std::io::Result<()>) {
    let mut written = 0;
    while written < text.len() {
        match file.write(&text[written..]) {
            Ok(0) => return (written, Err(ErrorKind::WriteZero.into())),
            Ok(more) => written += more,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return (written, Err(error)),
        }
    }
    (written, Ok(()))
}

fn open(output: &Output) -> std::io::Result<File> {
    match output {
        Output::StandardOutput => Ok(std::io::stdout().as_fd().try_clone_to_owned()?.into()),
        Output::File(path) => OpenOptions::new().create(true).append(true).mode(0o600).open(path),
    }
}
