//! Processes with one store in etcd see each other's changes; fork.

use super::*;

/// What another process did is seen here within the promised time: sooner or later, for a test.
#[test]
fn keys_made_changed_and_destroyed_elsewhere_are_seen() {
    let world = World::one();
    let (mut peer, session) = (world.peer(), world.token.user());
    let key: u64 = peer.ask("generate shared").parse().expect("a handle");
    let find = |label: &[u8]| session.find(&[(CKA_LABEL, label)]);
    wait_for("a key made elsewhere", || (find(b"shared") == Ok(vec![key])).then_some(()));
    expect("init", session.encrypt_init(ecb(), key), CKR_OK);
    let here = session.encrypt(&[7; 16]).expect("encrypts");
    let there = peer.ask(&format!("encrypt {key}"));
    assert_eq!(here.iter().map(|b| format!("{b:02x}")).collect::<String>(), there);
    assert_eq!(peer.ask(&format!("relabel {key} after")), "ok");
    wait_for("a new label", || (session.get(key, CKA_LABEL).as_deref() == Ok(b"after")).then_some(()));
    assert_eq!((find(b"shared"), find(b"after")), (Ok(vec![]), Ok(vec![key])));
    assert_eq!(peer.ask(&format!("destroy {key}")), "ok");
    let ended = wait_for("a key's end", || match session.encrypt_init(ecb(), key) {
        CKR_OK => session.encrypt(&[7; 16]).err().and(None),
        rv => Some(rv),
    });
    expect("it is gone", ended, CKR_KEY_HANDLE_INVALID);
    assert_eq!(find(b"after"), Ok(vec![]));
}

/// A process that did something sees it at its next call.
#[test]
fn a_process_sees_its_own_changes_at_once() {
    let world = World::three();
    let session = world.token.user();
    for number in 0..50 {
        let label = format!("own {number}");
        let key = worker::token_key(&session, &label).expect("a key");
        assert_eq!(session.find(&[(CKA_LABEL, label.as_bytes())]), Ok(vec![key]));
        expect("destroy", session.destroy(key), CKR_OK);
        expect("gone", session.encrypt_init(ecb(), key), CKR_KEY_HANDLE_INVALID);
        assert_eq!(session.find(&[(CKA_LABEL, label.as_bytes())]), Ok(vec![]));
    }
}

#[test]
fn a_token_wiped_elsewhere_ends_sessions_here() {
    let world = World::one();
    let (mut peer, session) = (world.peer(), world.token.user());
    assert_eq!(peer.ask("close"), "ok");
    assert_eq!(peer.ask(&format!("init-token {}", world.token.slot)), "ok");
    wait_for("the end of the session", || (session.find(&[]) == Err(CKR_DEVICE_REMOVED)).then_some(()));
    assert_eq!(session.find(&[]), Err(CKR_SESSION_HANDLE_INVALID));
}

#[test]
fn wrong_pins_of_all_machines_count_together() {
    let world = World::one();
    let mut peer = Peer::start(world.wired.path());
    assert_eq!(peer.ask(&format!("open {}", world.token.slot)), "ok");
    let session = world.token.open(READ_WRITE);
    for _ in 0..2 {
        assert_eq!(peer.ask("login wrong"), "CKR_PIN_INCORRECT");
        expect("here", session.login(CKU_USER, b"not the pin"), CKR_PIN_INCORRECT);
    }
    assert_eq!(peer.ask("login wrong"), "CKR_PIN_INCORRECT");
    expect("locked", session.login(CKU_USER, USER_PIN), CKR_PIN_LOCKED);
}

/// The child has connections of its own; the parent never notices.
#[test]
fn a_forked_child_works_and_so_does_its_parent() {
    let world = World::three();
    let session = world.token.user();
    let key = worker::token_key(&session, "inherited").expect("a key");
    for round in 0..3 {
        // SAFETY: the child runs the closure and leaves by _exit.
        let child = match unsafe { libc::fork() } {
            0 => {
                let child = std::panic::AssertUnwindSafe(|| in_child(&world, round));
                let good = std::panic::catch_unwind(child).is_ok();
                // SAFETY: ends this process at once.
                unsafe { libc::_exit(i32::from(!good)) }
            }
            child => child,
        };
        expect("meanwhile", session.encrypt_init(ecb(), key), CKR_OK);
        session.encrypt(&[1; 16]).expect("the parent goes on");
        let mut status = 0;
        // SAFETY: waits for our own child.
        assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
        assert_eq!(status, 0, "the child found something wrong");
        let of_child = format!("of child {round}");
        let found = || session.find(&[(CKA_LABEL, of_child.as_bytes())]).expect("a search").pop();
        let made = wait_for("the child's key", found);
        expect("the child's key", session.destroy(made), CKR_OK);
    }
}

fn in_child(world: &World, round: usize) {
    expect("uninitialized", world.token.module.finalize(), CKR_CRYPTOKI_NOT_INITIALIZED);
    expect("initialize", world.token.module.initialize(), CKR_OK);
    let session = world.token.user();
    let found = session.find(&[(CKA_LABEL, b"inherited")]).expect("a search");
    expect("init", session.encrypt_init(ecb(), found[0]), CKR_OK);
    session.encrypt(&[1; 16]).expect("encrypts");
    worker::token_key(&session, &format!("of child {round}")).expect("a key");
    expect("finalize", world.token.module.finalize(), CKR_OK);
}
