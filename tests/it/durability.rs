//! "An acknowledged token object survives kill -9; an unacknowledged one is wholly there or wholly absent."
//!
//! Processes make, relabel and destroy token keys, say so line by line, and are killed at random moments. 100 rounds;
//! SLOW_TESTS=1: 1,000.

use crate::support::disk::{self, INDEXES, OBJECT};
use crate::support::*;
use cryptoki_sys::*;
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What is known of a key by what was acknowledged.
#[derive(Debug, Clone, PartialEq)]
enum Known {
    /// It is there under this label.
    Labelled(String),
    /// A change was asked for and not acknowledged: one of the two (`None`: gone).
    Either(Option<String>, Option<String>),
    Gone,
}

#[test]
fn acknowledged_keys_survive_kills_and_nothing_is_half_there() {
    let rounds = if std::env::var_os("SLOW_TESTS").is_some() { 1000 } else { 100 };
    let token = Token::in_memory_folder();
    let mut keys: BTreeMap<u64, Known> = BTreeMap::new();
    let mut unknown_labels: Vec<String> = Vec::new();
    // Two at a time, so that kills come amid the other's commits; a login is what costs most.
    let mut workers = [worker(&token, 0), worker(&token, 1)];
    for round in 0..rounds {
        let number = round % 2;
        let doomed = std::mem::replace(&mut workers[number], worker(&token, round + 2));
        for line in doomed.killed_after(Duration::from_micros(random() % 30_000)) {
            learn(&line, &mut keys, &mut unknown_labels);
        }
        if round % 10 == 9 {
            // Only between two looks does nobody write.
            for (number, worker) in workers.iter_mut().enumerate() {
                let next = self::worker(&token, 10_000 + 2 * round + number);
                for line in std::mem::replace(worker, next).killed_after(Duration::ZERO) {
                    learn(&line, &mut keys, &mut unknown_labels);
                }
            }
            check(&token, &mut keys, &mut unknown_labels);
        }
    }
    assert!(keys.len() > rounds, "{} keys", keys.len());
}

/// A process that is logged in and waits for the word to begin.
fn worker(token: &Token, seed: usize) -> Churning {
    let mut peer = Peer::start(token.module.home());
    assert_eq!(peer.ask(&format!("open {}", token.slot)), "ok");
    assert_eq!(peer.ask("login"), "ok");
    Churning { peer, seed }
}

struct Churning {
    peer: Peer,
    seed: usize,
}

impl Churning {
    /// Lets it work for this time, kills it, and gives what it said.
    fn killed_after(self, time: Duration) -> Vec<String> {
        let mut peer = self.peer;
        let mut said = Vec::new();
        if !time.is_zero() {
            peer.send(&format!("churn w{}", self.seed));
            // The first key takes a generator's start, which on a busy machine alone takes longer than `time`.
            said.extend([peer.hear(), peer.hear()]);
            std::thread::sleep(time);
        }
        said.extend(peer.kill_and_read());
        said
    }
}

fn random() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later");
    (now.as_nanos() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20
}

/// Lines: `make LABEL`, `made LABEL KEY`, `relabel KEY LABEL`, `relabelled KEY`, `destroy KEY`, `destroyed KEY`: what
/// is about to be done, and what was acknowledged.
fn learn(line: &str, keys: &mut BTreeMap<u64, Known>, unknown: &mut Vec<String>) {
    let words: Vec<&str> = line.split(' ').collect();
    let id = |word: &str| word.parse::<u64>().expect("a handle");
    let label_of = |known: &Known| match known {
        Known::Labelled(label) => label.clone(),
        other => panic!("{line}: {other:?}"),
    };
    match words[..] {
        ["make", label] => unknown.push(label.into()),
        ["made", label, key] => {
            assert_eq!(unknown.pop().as_deref(), Some(label));
            assert_eq!(keys.insert(id(key), Known::Labelled(label.into())), None, "a handle came twice");
        }
        ["relabel", key, label] => {
            let old = label_of(&keys[&id(key)]);
            keys.insert(id(key), Known::Either(Some(old), Some(label.into())));
        }
        ["relabelled", key] | ["destroyed", key] => {
            let Known::Either(_, new) = keys[&id(key)].clone() else { panic!("{line}") };
            keys.insert(id(key), new.map_or(Known::Gone, Known::Labelled));
        }
        ["destroy", key] => {
            let old = label_of(&keys[&id(key)]);
            keys.insert(id(key), Known::Either(Some(old), None));
        }
        // Cut off by the kill, or the runner's own.
        _ => {}
    }
}

/// Compares what is known with what the token says, by every way to find it.
fn check(token: &Token, keys: &mut BTreeMap<u64, Known>, unknown: &mut Vec<String>) {
    let session = token.user();
    let class = number(CKO_SECRET_KEY);
    let mut there = session.find(&[(CKA_CLASS, &class)]).expect("finds");
    there.sort_unstable();
    for label in unknown.drain(..) {
        let found = session.find(&[(CKA_LABEL, label.as_bytes())]).expect("finds");
        assert!(found.len() < 2, "{label}");
        found.into_iter().for_each(|key| assert_eq!(keys.insert(key, Known::Labelled(label.clone())), None));
    }
    for (key, known) in keys.iter_mut() {
        let label = there.binary_search(key).is_ok().then(|| {
            let label = session.get(*key, CKA_LABEL).expect("it opens");
            String::from_utf8(label).expect("text")
        });
        let right = match &*known {
            Known::Labelled(expected) => label.as_ref() == Some(expected),
            Known::Either(one, other) => label == *one || label == *other,
            Known::Gone => label.is_none(),
        };
        assert!(right, "{key}: {known:?}, and found {label:?}");
        *known = label.map_or(Known::Gone, Known::Labelled);
    }
    let known = keys.iter().filter(|(_, known)| **known != Known::Gone);
    assert_eq!(there, known.map(|(key, _)| *key).collect::<Vec<_>>(), "nothing else is there");
    for key in &there {
        let (label, id) =
            (session.get(*key, CKA_LABEL).expect("a label"), session.get(*key, CKA_ID).expect("an id"));
        assert_eq!(session.find(&[(CKA_LABEL, &label)]), Ok(vec![*key]));
        assert_eq!(session.find(&[(CKA_ID, &id)]), Ok(vec![*key]));
        expect("init", session.encrypt_init(Mechanism::plain(CKM_AES_ECB), *key), CKR_OK);
        session.encrypt(&[0; 16]).expect("its value is whole");
    }
    let records = disk::records(token.module.home());
    assert_eq!(disk::object_ids(&records, OBJECT), there);
    for index in INDEXES {
        assert_eq!(disk::object_ids(&records, index), there, "entries of index {index}");
    }
    expect("close", session.close(), CKR_OK);
}
