//! What workers wrote down (`support::worker`), and what follows from it.

use super::wait_for;
use crate::support::worker::stop_file;
use crate::support::*;
use cryptoki_sys::*;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

pub struct Journal(PathBuf);

impl Journal {
    pub fn in_folder(folder: &Path, name: &str) -> Journal {
        Journal(folder.join(format!("{name}.journal")))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Whole lines, as they stand now.
    fn lines(&self) -> Vec<String> {
        let text = std::fs::read_to_string(&self.0).unwrap_or_default();
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        text[..whole].lines().map(str::to_owned).collect()
    }

    /// How often this was written down.
    pub fn count(&self, word: &str) -> usize {
        self.lines().iter().filter(|line| line.starts_with(word)).count()
    }

    /// Waits until the writer has been acknowledged so many more keys.
    #[track_caller]
    pub fn wait_for_more(&self, more: usize) {
        let before = self.count("made ");
        wait_for("acknowledged keys", || (self.count("made ") >= before + more).then_some(()));
    }

    /// Waits until the last thing that happened to the use of a key is this.
    #[track_caller]
    pub fn wait_for_outcome(&self, key: CK_OBJECT_HANDLE, wanted: CK_RV) {
        wait_for(&name(wanted), || (self.outcome(key)? == name(wanted)).then_some(()));
    }

    fn outcome(&self, key: CK_OBJECT_HANDLE) -> Option<String> {
        let key = key.to_string();
        self.lines().iter().rev().find_map(|line| match line.split(' ').collect::<Vec<_>>()[..] {
            [of, outcome, _] if of == key => Some(outcome.to_owned()),
            _ => None,
        })
    }

    /// Ends the worker, which answers then.
    pub fn end(&self, mut peer: Peer) {
        std::fs::write(stop_file(&self.0), "").expect("a file");
        assert_eq!(peer.hear(), "ok");
        assert_eq!(peer.end(), Some(0));
    }

    /// When the last call began that worked with a key, of a worker that came to its end.
    pub fn last_use_ns(&self, key: CK_OBJECT_HANDLE) -> u64 {
        let key = key.to_string();
        let last = self.lines().iter().find_map(|line| match line.split(' ').collect::<Vec<_>>()[..] {
            ["last", of, last] if of == key => Some(last.parse().expect("a time")),
            _ => None,
        });
        last.expect("the worker came to its end")
    }
}

/// What is known of the keys of a writer.
#[derive(Default)]
struct Known {
    there: BTreeMap<String, CK_OBJECT_HANDLE>,
    gone: BTreeMap<String, CK_OBJECT_HANDLE>,
    /// Asked for, and nobody knows whether it was done.
    unknown: BTreeSet<String>,
}

impl Known {
    fn of(journal: &Journal) -> Known {
        let mut known = Known::default();
        for line in journal.lines() {
            match line.split(' ').collect::<Vec<_>>()[..] {
                ["make", label] => drop(known.unknown.insert(label.to_owned())),
                ["made", label, key] => {
                    known.unknown.remove(label);
                    known.there.insert(label.to_owned(), key.parse().expect("a handle"));
                }
                ["destroy", key] => {
                    let label = known.label_of(key);
                    known.unknown.insert(label);
                }
                ["destroyed", key] => {
                    let label = known.label_of(key);
                    known.unknown.remove(&label);
                    let key = known.there.remove(&label).expect("it was made");
                    known.gone.insert(label, key);
                }
                _ => {}
            }
        }
        known
    }

    fn label_of(&self, key: &str) -> String {
        let found = self.there.iter().find(|(_, other)| other.to_string() == key);
        found.map(|(label, _)| label.clone()).expect("it was made")
    }
}

/// What was acknowledged to a writer is so: keys are there and can be used, destroyed ones are gone. What was not
/// acknowledged is wholly there or wholly absent.
pub fn check(journal: &Journal, session: &Session) {
    let known = Known::of(journal);
    assert!(!known.there.is_empty());
    let find = |label: &str| wait_for("a search", || session.find(&[(CKA_LABEL, label.as_bytes())]).ok());
    let use_it = |key, what: &str| {
        expect(what, session.encrypt_init(super::ecb(), key), CKR_OK);
        session.encrypt(&[7; 16]).expect(what);
    };
    for (label, key) in known.there.iter().filter(|(label, _)| !known.unknown.contains(*label)) {
        assert_eq!(find(label), [*key], "{label} was acknowledged");
        use_it(*key, label);
    }
    for (label, key) in &known.gone {
        assert_eq!(find(label), [], "the end of {label} was acknowledged");
        expect(label, session.encrypt_init(super::ecb(), *key), CKR_KEY_HANDLE_INVALID);
    }
    for label in &known.unknown {
        match find(label)[..] {
            [] => {}
            [key] => use_it(key, label),
            _ => panic!("{label} is there more than once"),
        }
    }
}
