//! What the store's tests share: folders, processes, forks, numbers.
#![allow(dead_code, reason = "each test program uses a part of it")]

pub mod etcd;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use tempfile::TempDir;
use vhsm_store::{Batch, ChangedKeys, EtcdOptions, EtcdUrl, Lmdb, LmdbOptions, Revision, Store, StoreError};

/// A folder in memory where there is such a place: what is tested here does not depend on the disk, but for its
/// slowness. `STORE_TESTS_IN` names another place.
pub fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    let made = match std::env::var_os("STORE_TESTS_IN") {
        Some(place) => tempfile::tempdir_in(place),
        None if memory.is_dir() => tempfile::tempdir_in(memory),
        None => tempfile::tempdir(),
    };
    made.expect("a folder can be made")
}

pub fn open(folder: &Path) -> Lmdb {
    Lmdb::open(&options(folder)).expect("the store opens")
}

/// A map that is small enough for many stores at once.
pub fn options(folder: &Path) -> LmdbOptions {
    LmdbOptions { map_bytes: 1 << 30, ..LmdbOptions::new(folder.join("store")) }
}

/// How the store under a prefix of this etcd is reached.
pub fn etcd_options(etcd: &etcd::Etcd, prefix: &str) -> EtcdOptions {
    options_of(&format!("{}/{prefix}", etcd.url()))
}

/// Calls wait for etcd as long as a busy machine may take.
fn options_of(url: &str) -> EtcdOptions {
    let url = EtcdUrl::parse(url).expect("a URL of etcd").expect("well formed");
    EtcdOptions { request_timeout_ms: 60_000, ..EtcdOptions::new(url, None) }
}

/// For a process that is started with this folder: the store under the prefix `p` of an etcd.
#[cfg(feature = "etcd")]
pub fn name_etcd(folder: &Path, etcd: &etcd::Etcd) {
    std::fs::write(folder.join("url"), format!("{}/p", etcd.url())).expect("a file");
}

/// The store that `name_etcd` named.
#[cfg(feature = "etcd")]
pub fn open_etcd(folder: &Path) -> vhsm_store::Etcd {
    let url = std::fs::read_to_string(folder.join("url")).expect("a file");
    vhsm_store::Etcd::open(&options_of(&url)).expect("the store opens")
}

pub fn put(store: &dyn Store, key: &str, value: impl Into<Vec<u8>>) -> Revision {
    store.commit(Batch::new().put(key, value)).expect("commits")
}

pub fn get(store: &dyn Store, key: impl AsRef<[u8]>) -> Option<Vec<u8>> {
    let mut found = None;
    store
        .read(&mut |at| {
            found = at.get(key.as_ref())?.map(<[u8]>::to_vec);
            Ok(())
        })
        .expect("reads");
    found
}

/// All records, in the order of a range.
pub fn all(store: &dyn Store) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut found = Vec::new();
    store
        .read(&mut |at| {
            at.range(b"", &[0xff; 600], &mut |key, value| {
                found.push((key.to_vec(), value.to_vec()));
                std::ops::ControlFlow::Continue(())
            })
        })
        .expect("reads");
    found
}

/// The keys changed since, as text.
pub fn changed(store: &dyn Store, since: Revision) -> Vec<String> {
    match store.changes_since(since).expect("reads").keys {
        ChangedKeys::These(keys) => {
            keys.into_iter().map(|key| String::from_utf8(key).expect("text")).collect()
        }
        ChangedKeys::Everything => vec!["everything".to_owned()],
    }
}

/// Adds one to the number under `key`, as often as it takes.
pub fn increment(store: &dyn Store, key: &str) {
    loop {
        let old = get(store, key);
        let number = old.as_deref().map_or(0, number_of) + 1;
        match store.commit(Batch::new().expect(key, old.as_deref()).put(key, number.to_be_bytes())) {
            Ok(_) => return,
            Err(StoreError::Conflict { condition: 0 }) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

pub fn number_of(value: &[u8]) -> u64 {
    u64::from_be_bytes(value.try_into().expect("eight bytes"))
}

/// Numbers without a pattern, the same for the same seed (xorshift64*).
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16) % limit
    }
}

/// Another process: this test program, running one of its tests with a role. That test must begin with `role`.
pub struct Process {
    pub child: Child,
    lines: BufReader<ChildStdout>,
}

const ROLE: &str = "STORE_TEST_ROLE";
const FOLDER: &str = "STORE_TEST_FOLDER";

/// The folder, in a process that was started to play this role.
pub fn role(name: &str) -> std::path::PathBuf {
    assert_eq!(std::env::var(ROLE).as_deref(), Ok(name), "started by no test");
    std::env::var_os(FOLDER).expect("set along with the role").into()
}

impl Process {
    /// Starts `test` of this program in a role of its own name.
    pub fn start(test: &str, folder: &Path) -> Self {
        let mut child = Command::new(std::env::current_exe().expect("a program"))
            .args([test, "--exact", "--ignored", "--nocapture", "--test-threads=1"])
            .env(ROLE, test)
            .env(FOLDER, folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let lines = BufReader::new(child.stdout.take().expect("piped"));
        Self { child, lines }
    }

    /// What it says next (with `say`); `None` when it is gone.
    pub fn hear(&mut self) -> Option<String> {
        loop {
            let mut line = String::new();
            if self.lines.read_line(&mut line).expect("reads") == 0 {
                return None;
            }
            // A line cut by its death is not said.
            if let Some((_, said)) = line.trim_end_matches('\n').split_once("say: ")
                && line.ends_with('\n')
            {
                return Some(said.to_owned());
            }
        }
    }

    /// Kills it with SIGKILL.
    pub fn kill(&mut self) {
        self.child.kill().expect("it is there");
        self.child.wait().expect("it ends");
    }

    /// Waits for its end, which must be a good one.
    pub fn end(mut self) {
        drop(self.child.stdin.take());
        while self.hear().is_some() {}
        assert!(self.child.wait().expect("it ends").success());
    }
}

/// For `Process::hear`. One write per line.
pub fn say(what: impl std::fmt::Display) {
    use std::io::Write;
    let line = format!("\nsay: {what}\n");
    std::io::stdout().write_all(line.as_bytes()).and_then(|()| std::io::stdout().flush()).expect("is heard");
}

/// Waits until the starter of this process drops its end of the pipe.
pub fn until_told() {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).expect("reads");
}

/// Forks as a library's fork handlers do, and runs `child` in the child, which ends without running anything else
/// of this program. Returns the child's process id.
pub fn fork(stores: &[&dyn Store], child: impl FnOnce()) -> libc::pid_t {
    for store in stores {
        store.fork_prepare();
    }
    // SAFETY: the child runs the closure, which uses memory and the store only, and ends.
    let process = unsafe { libc::fork() };
    if process == 0 {
        for store in stores {
            store.fork_child();
        }
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(child));
        // SAFETY: ends this process at once.
        unsafe { libc::_exit(i32::from(done.is_err())) };
    }
    assert!(process > 0, "{}", std::io::Error::last_os_error());
    for store in stores {
        store.fork_parent();
    }
    process
}

/// Waits for a forked child, whose closure must not have panicked.
pub fn join(process: libc::pid_t) {
    let mut status = 0;
    // SAFETY: a child of this process.
    assert_eq!(unsafe { libc::waitpid(process, &raw mut status, 0) }, process);
    assert_eq!(status, 0, "the child failed");
}
