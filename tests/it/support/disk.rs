//! What lies on the disk: the files of a home, and the records in a copy of its store.
//!
//! The layout is that of src/cluster/keys.rs and records.rs. A copy, because this process's library has the store
//! itself open; made by another process, because closing LMDB's files here would end its locks.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::Command;
use vhsm_store::{LmdbOptions, StoreSpec};

pub const OBJECT: u8 = 5;
/// Index entries by label, by id, by class.
pub const INDEXES: [u8; 3] = [6, 7, 8];

/// All files and folders below a folder, and itself.
pub fn tree(folder: &Path) -> Vec<PathBuf> {
    let mut found = vec![folder.to_path_buf()];
    let mut next = 0;
    while next < found.len() {
        if found[next].is_dir() {
            let entries = std::fs::read_dir(&found[next]).expect("a folder");
            found.extend(entries.map(|entry| entry.expect("as above").path()));
        }
        next += 1;
    }
    found
}

/// A copy of a home, as whoever can read the files may make it.
pub fn copy(home: &Path) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder for the copy");
    let done = Command::new("cp").arg("-a").arg(home.join(".")).arg(folder.path()).status();
    assert!(done.expect("cp runs").success());
    folder
}

/// Keys and values of the store of a home.
pub fn records(home: &Path) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let copy = copy(home);
    let spec = StoreSpec::Embedded(LmdbOptions::new(copy.path().join("store")));
    let store = vhsm_store::open(&spec).expect("the copy is whole");
    let mut records = BTreeMap::new();
    let mut keep = |key: &[u8], value: &[u8]| {
        records.insert(key.to_vec(), value.to_vec());
        ControlFlow::Continue(())
    };
    store.read(&mut |snapshot| snapshot.range(&[0], &[255], &mut keep)).expect("it can be read");
    records
}

/// The ids of the objects that records of this kind are of or lead to, in ascending order.
pub fn object_ids(records: &BTreeMap<Vec<u8>, Vec<u8>>, kind: u8) -> Vec<u64> {
    let of_kind = records.keys().filter(|key| key[0] == kind);
    let mut ids: Vec<u64> =
        of_kind.map(|key| u64::from_be_bytes(key[key.len() - 8..].try_into().expect("8 bytes"))).collect();
    ids.sort_unstable();
    ids
}

/// The two nonces of every object's record: that of its sealed key, and that of its sealed attributes.
pub fn nonces(records: &BTreeMap<Vec<u8>, Vec<u8>>) -> Vec<[u8; 12]> {
    let mut nonces = Vec::new();
    for (_, value) in records.iter().filter(|(key, _)| key[0] == OBJECT) {
        // Version of the record; the object's, as LEB128; nonce; length (48) and sealed key; nonce.
        let version_bytes = 1 + value[1..].iter().position(|byte| *byte < 0x80).expect("it ends");
        let sealed = &value[1 + version_bytes..];
        assert_eq!((value[0], sealed[12]), (1, 48), "the layout of records.rs");
        for nonce in [&sealed[..12], &sealed[61..73]] {
            nonces.push(nonce.try_into().expect("12 bytes"));
        }
    }
    nonces
}
