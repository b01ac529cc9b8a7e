//! The library over etcd, as several machines use it: processes that see each other's changes, members of etcd that are
//! killed, stopped and cut off, connections that break.
//!
//! The short forms run always; SLOW_TESTS=1 runs the random one for two minutes.

mod access;
mod broken;
mod destroyed;
#[path = "../../../store/tests/common/etcd/mod.rs"]
mod etcd;
mod journal;
mod requests;
mod secrecy;
mod shared;

use crate::support::*;
use cryptoki_sys::*;
use etcd::{Etcd, Options, Relay, Wire, wait_for};
use journal::Journal;
use std::path::Path;
use tempfile::TempDir;

/// How old what a process works with may be, as these tests configure it.
const MAX_STALE_MS: u64 = 500;
/// How long calls wait for etcd: on a busy machine an election takes longer than one of etcd's own needs.
const PATIENT_MS: u64 = 10_000;
/// The same where a test waits for calls to fail.
const HASTY_MS: u64 = 3_000;

/// An etcd, and a token in it with its user.
struct World {
    /// Goes first: it says good-bye to etcd.
    token: Token,
    /// The home of another machine, whose way to etcd leads over the wires.
    wired: TempDir,
    wires: Wires,
    etcd: Etcd,
}

/// One to each member.
struct Wires(Vec<Relay>);

impl Wires {
    fn hang(&self) {
        self.0.iter().for_each(|wire| wire.hang(Wire::All));
    }

    fn cut(&self) {
        self.0.iter().for_each(Relay::cut);
    }

    fn drop_connections(&self) {
        self.0.iter().for_each(Relay::drop_connections);
    }

    fn mend(&self) {
        self.0.iter().for_each(Relay::open);
    }
}

impl World {
    fn one() -> World {
        World::over(Etcd::one())
    }

    fn three() -> World {
        World::over(Etcd::three())
    }

    fn over(etcd: Etcd) -> World {
        let token = Token::configured(&configuration(&etcd.hosts(), PATIENT_MS));
        let wires: Vec<Relay> = (0..etcd.members()).map(|member| Relay::to(etcd.address(member))).collect();
        let hosts: Vec<String> = wires.iter().map(|wire| wire.address().to_string()).collect();
        World { token, wired: home(&configuration(&hosts.join(","), HASTY_MS)), wires: Wires(wires), etcd }
    }

    /// A process on another machine, with the user logged in.
    fn peer(&self) -> Peer {
        self.peer_in(self.token.module.home())
    }

    /// The same over the wires.
    fn wired_peer(&self) -> Peer {
        self.peer_in(self.wired.path())
    }

    fn peer_in(&self, home: &Path) -> Peer {
        let mut peer = Peer::start(home);
        assert_eq!(peer.ask(&format!("open {}", self.token.slot)), "ok");
        assert_eq!(peer.ask("login"), "ok");
        peer
    }

    /// A process over the wires that uses these keys, and its journal.
    fn user_of(&self, keys: &[CK_OBJECT_HANDLE]) -> (Peer, Journal) {
        let mut peer = self.wired_peer();
        let journal = Journal::in_folder(self.wired.path(), "use");
        let keys: Vec<String> = keys.iter().map(u64::to_string).collect();
        peer.send(&format!("use {} {}", journal.path().display(), keys.join(" ")));
        (peer, journal)
    }

    /// A process that makes and destroys keys, and its journal.
    fn writer(&self, who: &str) -> (Peer, Journal) {
        let mut peer = self.peer();
        let journal = Journal::in_folder(self.wired.path(), who);
        peer.send(&format!("write {who} {}", journal.path().display()));
        (peer, journal)
    }

    /// What the processes over the wires logged.
    fn wired_log(&self) -> String {
        std::fs::read_to_string(self.wired.path().join("log")).unwrap_or_default()
    }
}

/// A home with this configuration, whose log is its file `log`.
fn home(configuration: &str) -> TempDir {
    let home = tempfile::tempdir().expect("a folder");
    let log = format!("[log]\nfile = {:?}\n", home.path().join("log"));
    std::fs::write(home.path().join("vhsm.toml"), format!("{configuration}{log}")).expect("a configuration");
    home
}

fn configuration(hosts: &str, request_timeout_ms: u64) -> String {
    format!(
        "[store]\nurl = \"etcd://{hosts}\"\nmax_stale_ms = {MAX_STALE_MS}\n\
         request_timeout_ms = {request_timeout_ms}\n"
    )
}

fn slow() -> bool {
    std::env::var_os("SLOW_TESTS").is_some()
}

fn ecb() -> Mechanism {
    Mechanism::plain(CKM_AES_ECB)
}
