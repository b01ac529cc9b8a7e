//! What a peer does without end while a test breaks things: it writes down what it did, and what it was answered.

use super::{Mechanism, NO, Pair, Session, YES, name, number};
use cryptoki_sys::*;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long after a failed call the next one waits.
const AFTER_A_FAILURE: Duration = Duration::from_millis(20);
/// Between two uses of keys.
const BETWEEN_USES: Duration = Duration::from_millis(1);

/// Of the clock that all processes of a machine share and nobody sets, in nanoseconds.
pub fn now_ns() -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: room for the answer.
    assert_eq!(unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut now) }, 0);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// The file that ends a worker when it is there.
pub fn stop_file(log: &Path) -> PathBuf {
    log.with_extension("stop")
}

struct Log {
    file: File,
    stop: PathBuf,
}

impl Log {
    fn new(path: &str) -> Self {
        let file = File::options().create(true).append(true).open(path).expect("a file");
        Self { file, stop: stop_file(Path::new(path)) }
    }

    fn say(&mut self, line: String) {
        self.file.write_all(format!("{line}\n").as_bytes()).expect("written");
    }

    fn is_over(&self) -> bool {
        self.stop.exists()
    }
}

/// Makes token keys and destroys some, and logs each before (`make LABEL`, `destroy KEY`) and after it
/// (`made LABEL KEY`, `destroyed KEY`, `failed CKR_...`).
pub fn write(session: &Session, who: &str, log: &str) {
    let mut log = Log::new(log);
    let mut kept = std::collections::VecDeque::new();
    let mut number = 0;
    while !log.is_over() {
        let label = format!("{who}-{number}");
        number += 1;
        log.say(format!("make {label}"));
        match token_key(session, &label) {
            Ok(key) => {
                log.say(format!("made {label} {key}"));
                kept.push_back(key);
            }
            Err(rv) => fail(&mut log, rv),
        }
        if number % 4 == 3
            && let Some(key) = kept.pop_front()
        {
            log.say(format!("destroy {key}"));
            match session.destroy(key) {
                CKR_OK => log.say(format!("destroyed {key}")),
                rv => fail(&mut log, rv),
            }
        }
    }
}

fn fail(log: &mut Log, rv: CK_RV) {
    log.say(format!("failed {}", name(rv)));
    std::thread::sleep(AFTER_A_FAILURE);
}

pub fn token_key(session: &Session, label: &str) -> Result<CK_OBJECT_HANDLE, CK_RV> {
    let length = number(32);
    let template: [Pair; 6] = [
        (CKA_TOKEN, YES),
        (CKA_PRIVATE, YES),
        (CKA_SENSITIVE, YES),
        (CKA_EXTRACTABLE, NO),
        (CKA_VALUE_LEN, &length),
        (CKA_LABEL, label.as_bytes()),
    ];
    session.generate(Mechanism::plain(CKM_AES_KEY_GEN), &template)
}

/// A key in use.
struct Used {
    key: CK_OBJECT_HANDLE,
    /// When the last call began that worked with it.
    last_ns: u64,
    outcome: CK_RV,
}

/// Encrypts with the keys in turn. Logs for each when the outcome is another than before (`KEY CKR_... LAST`, where LAST
/// is the beginning of the last call that succeeded), and at the end (`last KEY LAST`).
pub fn use_keys(session: &Session, log: &str, keys: &[&str]) {
    let mut log = Log::new(log);
    let used = |key: &&str| Used { key: key.parse().expect("a handle"), last_ns: 0, outcome: CK_RV::MAX };
    let mut keys: Vec<Used> = keys.iter().map(used).collect();
    while !log.is_over() {
        for used in &mut keys {
            let outcome = encrypt(session, used);
            if outcome != used.outcome {
                used.outcome = outcome;
                log.say(format!("{} {} {}", used.key, name(outcome), used.last_ns));
            }
        }
        std::thread::sleep(BETWEEN_USES);
    }
    for used in keys {
        log.say(format!("last {} {}", used.key, used.last_ns));
    }
}

fn encrypt(session: &Session, used: &mut Used) -> CK_RV {
    let began = now_ns();
    match session.encrypt_init(Mechanism::plain(CKM_AES_ECB), used.key) {
        CKR_OK => used.last_ns = began,
        rv => return rv,
    }
    let began = now_ns();
    match session.encrypt(&[7; 16]) {
        Ok(_) => {
            used.last_ns = began;
            CKR_OK
        }
        // The next round tells why.
        Err(CKR_OPERATION_NOT_INITIALIZED) => used.outcome,
        Err(rv) => rv,
    }
}
