//! IVs that vhsm makes never come twice: over threads, processes, forks, kills, restarts and wipes.
//!
//! Their form: 24 bits of the cluster, 24 bits of the start of a process, and a counter of 48.

use crate::support::disk::{copy, nonces, records};
use crate::support::*;
use cryptoki_sys::*;
use std::collections::{BTreeMap, BTreeSet};

fn token_key(session: &Session, label: &str) -> CK_OBJECT_HANDLE {
    session.aes_key(&[(CKA_TOKEN, YES), (CKA_LABEL, label.as_bytes())])
}

/// Makes keys and seals some of them anew.
fn seal_much(session: &Session, who: &str) {
    for number in 0..20 {
        let key = token_key(session, who);
        if number % 3 == 0 {
            expect("relabel", session.set(key, &[(CKA_LABEL, b"sealed anew")]), CKR_OK);
        }
    }
}

fn peer_of(token: &Token) -> Peer {
    let mut peer = Peer::start(token.module.home());
    assert_eq!(peer.ask(&format!("open {}", token.slot)), "ok");
    assert_eq!(peer.ask("login"), "ok");
    peer
}

/// Forks a child that seals on its own while this process seals too.
fn fork_and_seal(token: &Token, session: &Session) {
    // SAFETY: the child runs no code of the test runner, and leaves by _exit.
    let child = unsafe { libc::fork() };
    assert_ne!(child, -1);
    if child == 0 {
        let sealed = std::panic::catch_unwind(|| {
            assert_eq!(token.module.initialize(), CKR_OK);
            seal_much(&token.user(), "of a child");
        });
        // SAFETY: as above.
        unsafe { libc::_exit(i32::from(sealed.is_err())) };
    }
    seal_much(session, "of a parent");
    let mut status = 0;
    // SAFETY: waits for our own child.
    assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
    assert_eq!(status, 0, "the child found something wrong");
}

#[test]
fn every_iv_is_another_whoever_made_it() {
    let token = Token::new();
    let mut ivs: Vec<[u8; 12]> = Vec::new();
    let mut generations = BTreeSet::new();
    for generation in 0..2 {
        let session = token.user();
        for _ in 0..3 {
            seal_much(&session, "here");
            fork_and_seal(&token, &session);
            let mut doomed = peer_of(&token);
            doomed.ask("generate of-one-that-is-killed");
            doomed.kill();
            assert_eq!(peer_of(&token).ask("generate-many 20"), "ok");
        }
        expect("finalize", token.module.finalize(), CKR_OK);
        expect("initialize", token.module.initialize(), CKR_OK);
        seal_much(&token.user(), "after a restart");
        let made = nonces(&records(token.module.home()));
        assert!(made.len() > 2 * 3 * 80, "{}", made.len());
        let prefixes: BTreeSet<&[u8]> = made.iter().map(|iv| &iv[..3]).collect();
        assert_eq!(prefixes.len(), 1, "one cluster, one set of keys");
        generations.extend(prefixes.into_iter().map(<[u8]>::to_vec));
        ivs.extend(made);
        if generation == 0 {
            expect("close", token.user().close(), CKR_OK);
            expect("finalize", token.module.finalize(), CKR_OK);
            expect("initialize", token.module.initialize(), CKR_OK);
            expect("wipe", token.module.init_token(token.slot, SO_PIN, LABEL), CKR_OK);
            let officer = token.open(READ_WRITE);
            expect("officer", officer.login(CKU_SO, SO_PIN), CKR_OK);
            expect("user", officer.init_pin(USER_PIN), CKR_OK);
            expect("close", officer.close(), CKR_OK);
        }
    }
    assert_eq!(generations.len(), 2, "a wiped token draws its part anew");
    let all: BTreeSet<&[u8; 12]> = ivs.iter().collect();
    assert_eq!(all.len(), ivs.len(), "an IV came twice");
    // Each start counts on its own, without gaps but for what was sealed over.
    let mut starts: BTreeMap<&[u8], Vec<u64>> = BTreeMap::new();
    for iv in &ivs {
        let count = iv[6..].iter().fold(0, |count, byte| count << 8 | u64::from(*byte));
        starts.entry(&iv[3..6]).or_default().push(count);
    }
    assert!(
        starts.len() >= 2 * (3 * 3 + 2),
        "every process and child has a start of its own: {}",
        starts.len()
    );
    for counts in starts.values() {
        let (least, most) = (counts.iter().min().unwrap(), counts.iter().max().unwrap());
        assert!(most - least < 10 * counts.len() as u64 + 10, "{least} to {most}");
    }
}

/// Who goes on with a copy of the store's files (a machine that was cloned, a backup put back) is told the same
/// start numbers, and makes other IVs.
#[test]
fn two_copies_of_a_home_make_different_ivs() {
    let token = Token::new();
    seal_much(&token.user(), "before");
    let before: BTreeSet<_> = nonces(&records(token.module.home())).into_iter().collect();
    let home = copy(token.module.home());
    let mut clone = Peer::start(home.path());
    assert_eq!(clone.ask(&format!("open {}", token.slot)), "ok");
    assert_eq!(clone.ask("login"), "ok");
    assert_eq!(clone.ask("generate-many 100"), "ok");
    assert_eq!(peer_of(&token).ask("generate-many 100"), "ok");
    let new = |home| nonces(&records(home)).into_iter().filter(|iv| !before.contains(iv)).collect::<Vec<_>>();
    let (here, there) = (new(token.module.home()), new(home.path()));
    assert!(here.len() == 200 && there.len() == 200);
    assert_eq!(here[0][..6], there[0][..6], "the same start number");
    assert!(here.iter().all(|iv| !there.contains(iv)));
}
