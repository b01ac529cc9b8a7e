//! What goes on after an answer: connecting and disconnecting.

use crate::ids::StoreId;
use crate::kms::Kms;
use parking_lot::{Condvar, Mutex};
use std::collections::VecDeque;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// A piece of work of a custom key store. It is done only if the store's record still bears its attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Task {
    Connect {
        id: StoreId,
        attempt: u64,
    },
    Disconnect {
        id: StoreId,
        attempt: u64,
    },
    /// Asks the proxy of an external key store.
    CheckHealth {
        id: StoreId,
        attempt: u64,
    },
}

#[derive(Default)]
pub(crate) struct Tasks {
    queue: Mutex<Queue>,
    /// Something waits, or nothing any more.
    news: Condvar,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Task>,
    /// How many threads are at a task.
    busy: usize,
    is_closed: bool,
}

impl Tasks {
    /// Nothing where it waits already.
    pub fn push(&self, task: Task) {
        let mut queue = self.queue.lock();
        if !queue.waiting.contains(&task) {
            queue.waiting.push_back(task);
            self.news.notify_all();
        }
    }

    fn pop(&self) -> Option<Task> {
        self.queue.lock().waiting.pop_front()
    }

    /// Waits for a task; `None` when it is closed.
    fn wait(&self) -> Option<Task> {
        let mut queue = self.queue.lock();
        loop {
            if queue.is_closed {
                return None;
            }
            match queue.waiting.pop_front() {
                Some(task) => {
                    queue.busy += 1;
                    return Some(task);
                }
                None => self.news.wait(&mut queue),
            }
        }
    }

    /// A task that `wait` answered is done.
    fn done(&self) {
        self.queue.lock().busy -= 1;
        self.news.notify_all();
    }

    fn settle(&self, until: Instant) -> bool {
        let mut queue = self.queue.lock();
        let is_settled = |queue: &Queue| queue.waiting.is_empty() && queue.busy == 0;
        while !is_settled(&queue) {
            if self.news.wait_until(&mut queue, until).timed_out() {
                return is_settled(&queue);
            }
        }
        true
    }

    fn close(&self) {
        self.queue.lock().is_closed = true;
        self.news.notify_all();
    }
}

/// A thread is at a task, until this is dropped.
struct Busy<'a>(&'a Tasks);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.done();
    }
}

/// The threads of a [`Kms`]. Dropping it ends them after the task that each is at.
pub struct Workers {
    kms: Arc<Kms>,
    threads: Vec<JoinHandle<()>>,
}

impl Kms {
    /// Starts threads that connect and disconnect. Without them nothing is done until [`Kms::run_tasks`].
    pub fn start_workers(self: &Arc<Self>, threads: usize) -> std::io::Result<Workers> {
        let mut workers = Workers { kms: Arc::clone(self), threads: Vec::new() };
        for number in 0..threads {
            let kms = Arc::clone(self);
            let thread = std::thread::Builder::new().name(format!("kms-{number}"));
            workers.threads.push(thread.spawn(move || {
                while let Some(task) = kms.tasks.wait() {
                    let _busy = Busy(&kms.tasks);
                    kms.run(&task);
                }
            })?);
        }
        Ok(workers)
    }

    /// Does what waits, on this thread.
    pub fn run_tasks(&self) {
        while let Some(task) = self.tasks.pop() {
            self.run(&task);
        }
    }

    /// Waits until the workers have done all that waits. `false`: not within `at_most`.
    pub fn wait_for_tasks(&self, at_most: Duration) -> bool {
        self.tasks.settle(Instant::now() + at_most)
    }

    fn run(&self, task: &Task) {
        match task {
            Task::Connect { id, attempt } => self.finish_connecting(id, *attempt),
            Task::Disconnect { id, attempt } => self.finish_disconnecting(id, *attempt),
            Task::CheckHealth { id, attempt } => self.check_health(id, *attempt),
        }
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.kms.tasks.close();
        for thread in self.threads.drain(..) {
            // A thread that panicked has said so.
            let _ = thread.join();
        }
    }
}
