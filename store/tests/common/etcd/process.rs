//! Processes that never outlive this one.

use std::fs::File;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{Sender, channel};
use std::thread;

/// A process that is killed with SIGKILL when this is dropped, or when this process ends in any way.
pub struct Running(Child);

type Order = (Command, Sender<io::Result<Child>>);

impl Running {
    /// `log` becomes its standard error.
    pub fn spawn(mut command: Command, log: File) -> Self {
        command.stderr(Stdio::from(log));
        let (answer, answered) = channel();
        spawner().send((command, answer)).expect("the spawner lives");
        let child = answered.recv().expect("the spawner answers");
        Self(child.expect("etcd starts: apt-get install etcd-server"))
    }

    pub fn kill(mut self) {
        self.end();
    }

    fn end(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }

    pub fn signal(&self, signal: i32) {
        // SAFETY: a child that nobody has waited for: its id is its own.
        assert_eq!(unsafe { libc::kill(self.0.id() as i32, signal) }, 0);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

/// A child is killed when the thread that made it ends, and tests' threads end before the tests do. This one never does.
fn spawner() -> &'static Sender<Order> {
    static SPAWNER: OnceLock<Sender<Order>> = OnceLock::new();
    SPAWNER.get_or_init(|| {
        let (orders, ordered) = channel::<Order>();
        let work = move || {
            for (mut command, answer) in ordered {
                // SAFETY: the closure makes one system call.
                unsafe { command.pre_exec(die_with_parent) };
                let _ = answer.send(command.spawn());
            }
        };
        thread::Builder::new().name("spawner".into()).spawn(work).expect("a thread");
        orders
    })
}

fn die_with_parent() -> io::Result<()> {
    // SAFETY: takes numbers.
    match unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
