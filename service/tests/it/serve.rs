//! `vhsm serve`: real processes, with signals, a supervisor and each other.

use super::*;
use std::io::{BufRead, BufReader};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::process::ExitStatus;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;
use vhsm_pkcs11::cluster::{Clusters, PasswordCosts};
use vhsm_store::{Lmdb, LmdbOptions};

/// More than anything here takes on a busy machine.
const LONG: Duration = Duration::from_secs(60);

/// A running `vhsm serve`, and the lines it says.
pub struct Serve {
    child: Child,
    lines: Receiver<String>,
}

impl Serve {
    /// One that maintains the store, and no more.
    pub fn start(home: &Home, environment: &[(&str, &str)]) -> Self {
        Self::listening(home, "none", environment)
    }

    pub fn listening(home: &Home, listen: &str, environment: &[(&str, &str)]) -> Self {
        let mut command = home.command(None, &["serve", "--listen", listen]);
        command.envs(environment.iter().copied()).stdout(Stdio::null());
        Self::of(command)
    }

    /// A command that runs until it is told to end, and says on standard error what it does.
    pub fn of(mut command: Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let (sender, lines) = channel();
        let from = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || from.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Self { child, lines }
    }

    /// Waits for a line that says so.
    pub fn says(&self, what: &str) -> String {
        loop {
            let line = self.lines.recv_timeout(LONG).unwrap_or_else(|_| panic!("never said {what:?}"));
            if line.contains(what) {
                return line;
            }
        }
    }

    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    pub fn ends(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Deletes the demo cluster as a program does that is killed before it sweeps.
pub fn leave_unswept(home: &Home) {
    let store = Arc::new(Lmdb::open(&LmdbOptions::new(home.path().join("store"))).unwrap());
    let clusters = Clusters::open(store, PasswordCosts::default()).unwrap();
    clusters.delete(&clusters.find("demo").unwrap()).unwrap();
    assert_eq!(clusters.unswept().unwrap(), 1);
}

fn unswept(home: &Home) -> usize {
    let store = Arc::new(Lmdb::open(&LmdbOptions::new(home.path().join("store"))).unwrap());
    Clusters::open(store, PasswordCosts::default()).unwrap().unswept().unwrap()
}

#[test]
fn it_maintains_until_a_signal_ends_it() {
    for name in ["-TERM", "-INT"] {
        let home = Home::demo();
        leave_unswept(&home);
        let mut serve = Serve::start(&home, &[]);
        serve.says("maintains the store");
        serve.says("sweep: deleted what 1 deletions");
        serve.signal(name);
        serve.says(&format!("ends, for it was sent SIG{}", &name[1..]));
        assert_eq!(serve.ends().code(), Some(0));
        assert_eq!(unswept(&home), 0);
    }
}

#[test]
fn of_two_one_works_and_the_other_takes_over_when_it_is_killed() {
    let home = Home::demo();
    let mut first = Serve::start(&home, &[]);
    first.says("maintains the store");
    let mut second = Serve::start(&home, &[]);
    second.says("waits: another process");
    let once = home.command(None, &["serve", "--once"]).output().unwrap();
    assert!(once.status.success() && text(&once.stderr).contains("another process maintains"), "{once:?}");
    first.signal("-KILL");
    first.ends();
    leave_unswept(&home);
    second.says("maintains the store");
    second.says("sweep: deleted");
    second.signal("-TERM");
    assert_eq!(second.ends().code(), Some(0));
}

#[test]
fn once_does_what_is_due_and_ends() {
    let home = Home::demo();
    leave_unswept(&home);
    let run = || home.command(None, &["serve", "--once"]).output().unwrap();
    let first = run();
    assert!(first.status.success() && text(&first.stderr).contains("sweep: deleted"), "{first:?}");
    let second = run();
    assert!(second.status.success() && !text(&second.stderr).contains("sweep"), "{second:?}");
    assert_eq!((text(&first.stdout), text(&second.stdout)), (String::new(), String::new()));
}

#[test]
fn a_supervisor_hears_that_it_is_ready_alive_and_ending() {
    let home = Home::demo();
    let path = home.path().join("notify");
    let name = format!("vhsm-test-{}", std::process::id());
    let abstract_address = SocketAddr::from_abstract_name(&name).unwrap();
    for (socket, named) in [
        (UnixDatagram::bind(&path).unwrap(), path.display().to_string()),
        (UnixDatagram::bind_addr(&abstract_address).unwrap(), format!("@{name}")),
    ] {
        socket.set_read_timeout(Some(LONG)).unwrap();
        let hear = || {
            let mut bytes = [0; 200];
            let length = socket.recv(&mut bytes).expect("a word in time");
            text(&bytes[..length])
        };
        let mut serve = Serve::start(&home, &[("NOTIFY_SOCKET", &named), ("WATCHDOG_USEC", "200000")]);
        assert_eq!(hear(), "READY=1");
        for _ in 0..3 {
            assert_eq!(hear(), "WATCHDOG=1");
        }
        serve.signal("-TERM");
        while hear() != "STOPPING=1" {}
        assert_eq!(serve.ends().code(), Some(0));
    }
}

#[test]
fn without_a_supervisor_or_for_another_process_no_sign_of_life_is_sent() {
    let home = Home::demo();
    let path = home.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(LONG)).unwrap();
    let path = path.display().to_string();
    let environment = [("NOTIFY_SOCKET", path.as_str()), ("WATCHDOG_USEC", "1000"), ("WATCHDOG_PID", "1")];
    let mut serve = Serve::start(&home, &environment);
    serve.says("maintains the store");
    serve.signal("-TERM");
    assert_eq!(serve.ends().code(), Some(0));
    let mut heard = Vec::new();
    let mut bytes = [0; 200];
    while heard.last().is_none_or(|last| last != "STOPPING=1") {
        let length = socket.recv(&mut bytes).unwrap();
        heard.push(text(&bytes[..length]));
    }
    assert_eq!(heard, ["READY=1", "STOPPING=1"]);
}

#[test]
fn a_store_that_cannot_be_served_is_said() {
    let home = Home::empty();
    let output = home.command(None, &["serve"]).env("VHSM_STORE", "memory").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("memory"), "{output:?}");
}
