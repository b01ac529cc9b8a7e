//! The thread behind a store in etcd, on which all its requests run.
//!
//! Owns: a runtime of one thread, from open to drop. Callers hand it work and wait; nothing runs on their threads, so
//! a caller may be anything, an async program's thread too. A forked child has no such thread, and forgets this.

use crate::StoreError;
use std::io;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::oneshot;

/// How long a look-up of a host's name, which cannot be stopped, may hold up the end.
const LAST_WAIT: Duration = Duration::from_millis(100);

pub(super) struct Background {
    handle: Handle,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Background {
    pub(super) fn start() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().max_blocking_threads(4).build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new().name("vhsm-etcd".into());
        let thread = thread.spawn(move || run(runtime, stopped))?;
        Ok(Self { handle, stop: Some(stop), thread: Some(thread) })
    }

    /// Runs it in the background and waits for its result. Errors: the background has ended.
    pub(super) fn run<T: Send + 'static>(
        handle: &Handle,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (send, receive) = mpsc::sync_channel(1);
        handle.spawn(async move {
            // Its caller waits for it.
            let _ = send.send(work.await);
        });
        let ended = |_| StoreError::Io { path: "etcd".into(), cause: "the store is closed".into() };
        receive.recv().map_err(ended)
    }

    pub(super) fn handle(&self) -> &Handle {
        &self.handle
    }
}

fn run(runtime: Runtime, stopped: oneshot::Receiver<()>) {
    // Told, or the other end is dropped: both mean the end.
    let _ = runtime.block_on(stopped);
    runtime.shutdown_timeout(LAST_WAIT);
}

impl Drop for Background {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // Its panic, if there was one, has been told by the panic hook.
            let _ = thread.join();
        }
    }
}
