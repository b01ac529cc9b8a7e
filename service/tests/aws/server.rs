//! `vhsm serve` as a process of its own, on a free port, in a folder of its own.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;
use tempfile::TempDir;

/// How long a busy machine may take until the server listens.
const START: Duration = Duration::from_secs(120);

/// A VHSM_HOME with Argon2id as cheap as it gets.
pub struct Home(TempDir);

impl Home {
    pub fn new() -> Self {
        let home = Self(tempfile::tempdir().expect("a folder"));
        let settings = "[password]\nmemory_kib = 8\npasses = 1\n";
        std::fs::write(home.path().join("vhsm.toml"), settings).expect("a file");
        home
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn command(&self) -> Command {
        let mut command = Command::new(command());
        command.env_clear().env("VHSM_HOME", self.path()).stdin(Stdio::null());
        command
    }
}

/// Ends with the test.
pub struct Server {
    pub endpoint: String,
    process: Child,
}

impl Server {
    pub fn start(home: &Home) -> Self {
        let mut command = home.command();
        command.args(["serve", "--listen", "127.0.0.1:0"]).stderr(Stdio::piped());
        let mut process = command.spawn().expect("the server starts");
        let log = BufReader::new(process.stderr.take().expect("it is a pipe"));
        let (tell, told) = channel();
        std::thread::spawn(move || read(log, &tell));
        let endpoint = wait(&told);
        Self { endpoint, process }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Reads the log to its end, so that the server never waits for its reader; tells the address that it listens at.
fn read(log: impl BufRead, tell: &Sender<Result<String, String>>) {
    let mut all = String::new();
    for line in log.lines().map_while(Result::ok) {
        if let Some(endpoint) = line.split_whitespace().find(|word| word.starts_with("http://127.0.0.1:")) {
            let _ = tell.send(Ok(endpoint.trim_end_matches([',', '.', ';']).to_owned()));
        }
        eprintln!("{line}");
        all += &(line + "\n");
    }
    let _ = tell.send(Err(all));
}

fn wait(told: &Receiver<Result<String, String>>) -> String {
    match told.recv_timeout(START) {
        Ok(Ok(endpoint)) => endpoint,
        Ok(Err(log)) => panic!("the server ended:\n{log}"),
        Err(_) => panic!("the server does not listen after {START:?}"),
    }
}

/// The vhsm command: what the Makefile names (the release build), else what was built along with the test.
pub fn command() -> PathBuf {
    std::env::var_os("VHSM_COMMAND").map_or_else(|| env!("CARGO_BIN_EXE_vhsm").into(), PathBuf::from)
}
