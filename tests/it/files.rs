//! Rights of files, whatever the umask: nobody but the owner reads or writes anything that the library makes.

use crate::support::disk::tree;
use crate::support::*;
use cryptoki_sys::*;
use std::os::unix::fs::PermissionsExt;

#[test]
fn files_are_the_owners_alone() {
    for umask in [0, 0o022, 0o077] {
        // SAFETY: the process is this test's own.
        unsafe { libc::umask(umask) };
        let module = Module::loaded();
        let home = module.home().join("made/by/the library");
        // SAFETY: no other thread of this test runs.
        unsafe {
            std::env::set_var("VHSM_HOME", &home);
            std::env::set_var("VHSM_LOG", "debug");
            std::env::set_var("VHSM_LOG_FILE", module.home().join("log"));
        }
        expect("initialize", module.initialize(), CKR_OK);
        let slot = module.free_slot();
        expect("a token", module.init_token(slot, SO_PIN, LABEL), CKR_OK);
        let made = [tree(&home), tree(&module.home().join("made")), vec![module.home().join("log")]].concat();
        assert!(made.len() > 8, "{made:?}");
        for path in made {
            let metadata = path.metadata().expect("it is there");
            let wanted = if metadata.is_dir() { 0o700 } else { 0o600 };
            assert_eq!(metadata.permissions().mode() & 0o7777, wanted, "{} under {umask:o}", path.display());
        }
    }
}
