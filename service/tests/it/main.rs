//! The `vhsm` command, run as people run it: each command well and badly. Every bad input's message says what
//! was wrong and how to mend it, and no password is ever shown but by quickstart.

mod backups;
mod clusters;
mod doctor;
mod faults;
mod hsms;
mod import;
mod keys;
mod lifecycle;
mod lockout;
mod programs;
mod quickstart;
mod serve;
mod serve_http;
mod store;
mod users;
mod xks_check;
mod xks_proxy;

use serde_json::Value;
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use tempfile::TempDir;

pub const ADMIN: &str = "Admin-Pass-1";
pub const USER: &str = "User-Pass-22";
pub const ADMIN_PIN: &str = "admin:Admin-Pass-1";
pub const USER_PIN: &str = "kmsuser:User-Pass-22";

/// A VHSM_HOME of its own.
pub struct Home(TempDir);

impl Home {
    /// With Argon2id as cheap as it gets.
    pub fn empty() -> Self {
        Self::with_costs(8, 1)
    }

    pub fn with_costs(memory_kib: u32, passes: u32) -> Self {
        let home = Self(tempfile::tempdir().unwrap());
        home.write("vhsm.toml", &format!("[password]\nmemory_kib = {memory_kib}\npasses = {passes}\n"));
        home
    }

    /// With the cluster `demo` and its crypto user `kmsuser`.
    pub fn demo() -> Self {
        let home = Self::empty();
        home.make_demo();
        home
    }

    pub fn make_demo(&self) {
        self.good(None, &["cluster", "create", "--label", "demo", "--admin-password", ADMIN]);
        self.good(Some(ADMIN_PIN), &create_user("kmsuser", "crypto-user", USER));
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn write(&self, name: &str, text: &str) -> String {
        let path = self.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    pub fn command(&self, pin: Option<&str>, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vhsm"));
        command.args(arguments).env_clear().env("VHSM_HOME", self.path()).stdin(Stdio::null());
        if let Some(pin) = pin {
            command.env("VHSM_PIN", pin);
        }
        command
    }

    pub fn run(&self, pin: Option<&str>, arguments: &[&str]) -> Output {
        checked(self.command(pin, arguments).output().unwrap())
    }

    pub fn run_with_input(&self, pin: Option<&str>, arguments: &[&str], input: &str) -> Output {
        let mut command = self.command(pin, arguments);
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        checked(child.wait_with_output().unwrap())
    }

    pub fn spawn(&self, pin: Option<&str>, arguments: &[&str]) -> Child {
        let mut command = self.command(pin, arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// The JSON of a command that succeeds.
    pub fn good(&self, pin: Option<&str>, arguments: &[&str]) -> Value {
        json(&self.run(pin, arguments))
    }

    /// The message of a command that fails.
    pub fn bad(&self, pin: Option<&str>, arguments: &[&str]) -> String {
        message(&self.run(pin, arguments))
    }

    /// Asserts that a command fails, and that its line says all of this.
    pub fn fails(&self, pin: Option<&str>, arguments: &[&str], says: &[&str]) {
        let message = self.bad(pin, arguments);
        for part in says {
            assert!(message.contains(part), "{arguments:?}: {message:?} lacks {part:?}");
        }
    }

    pub fn locked(&self, username: &str) -> bool {
        let list = self.good(None, &["user", "list"]);
        let users = list["users"].as_array().unwrap();
        users.iter().find(|user| user["username"] == username).unwrap()["locked"] == "true"
    }
}

/// The arguments that make a user of the only cluster.
pub fn create_user<'a>(name: &'a str, role: &'a str, password: &'a str) -> [&'a str; 8] {
    ["user", "create", "--username", name, "--role", role, "--password", password]
}

/// What holds for every run: success says nothing on standard error, failure one line and nothing else; no
/// password is shown.
pub fn checked(output: Output) -> Output {
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    for secret in [ADMIN, USER, "Wrong-Pass-3", "Other-Pass-4", "shrt"] {
        assert!(!out.contains(secret) && !err.contains(secret), "{secret} in {out} {err}");
    }
    match output.status.code() {
        Some(0) => assert_eq!(err, ""),
        Some(1) => {
            assert_eq!(out, "");
            assert!(err.starts_with("vhsm: ") && err.ends_with('\n') && err.lines().count() == 1, "{err:?}");
        }
        other => panic!("{other:?}: {err}"),
    }
    output
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

pub fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

pub fn message(output: &Output) -> String {
    assert!(!output.status.success(), "{}", text(&output.stdout));
    text(&output.stderr)
}
