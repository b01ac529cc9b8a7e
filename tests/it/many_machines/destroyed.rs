//! "A second process sees every change within max_stale_ms": a key that one process destroyed is used by no other after
//! that time, whatever happens to the connections of that other meanwhile.

use super::*;
use crate::support::worker::now_ns;

/// A process uses two keys; `meanwhile` happens, one key is destroyed, `afterwards` happens. The other key is used on
/// in the end.
fn destroyed_in_time(world: &World, meanwhile: impl FnOnce(&Peer), afterwards: impl FnOnce(&Peer, &Journal)) {
    let session = world.token.user();
    let [doomed, kept] = ["doomed", "kept"].map(|label| worker::token_key(&session, label).expect("a key"));
    let (peer, journal) = world.user_of(&[doomed, kept]);
    journal.wait_for_outcome(doomed, CKR_OK);
    journal.wait_for_outcome(kept, CKR_OK);
    meanwhile(&peer);
    expect("destroy", session.destroy(doomed), CKR_OK);
    let destroyed_ns = now_ns();
    afterwards(&peer, &journal);
    journal.wait_for_outcome(doomed, CKR_KEY_HANDLE_INVALID);
    journal.wait_for_outcome(kept, CKR_OK);
    journal.end(peer);
    let last_ns = journal.last_use_ns(doomed);
    let late_ms = last_ns.saturating_sub(destroyed_ns) / 1_000_000;
    assert!(late_ms <= MAX_STALE_MS, "used {late_ms} ms after it was destroyed");
}

#[test]
fn of_two_healthy_processes() {
    destroyed_in_time(&World::three(), |_| {}, |_, _| {});
}

/// Nothing comes through any more, and nobody says so.
#[test]
fn while_the_connections_hang() {
    let world = World::three();
    destroyed_in_time(
        &world,
        |_| world.wires.hang(),
        |_, _| {
            // It stops by itself, before it can know anything.
            wait_for("CKR_DEVICE_ERROR", || world.wired_log().contains("CKR_DEVICE_ERROR").then_some(()));
            assert!(world.wired_log().contains("etcd://"), "the reason: {}", world.wired_log());
            world.wires.mend();
        },
    );
}

#[test]
fn while_the_connections_are_cut() {
    let world = World::three();
    destroyed_in_time(
        &world,
        |_| world.wires.cut(),
        |_, _| {
            wait_for("CKR_DEVICE_ERROR", || world.wired_log().contains("CKR_DEVICE_ERROR").then_some(()));
            world.wires.mend();
        },
    );
}

/// Each connection breaks, and the next one is good: the watch goes on where it was.
#[test]
fn while_the_watch_breaks_again_and_again() {
    let world = World::three();
    destroyed_in_time(
        &world,
        |_| world.wires.drop_connections(),
        |_, _| {
            for _ in 0..20 {
                world.wires.drop_connections();
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
        },
    );
}

/// What the watch missed is no longer to be had: everything is looked at anew.
#[test]
fn and_etcd_has_forgotten_the_change() {
    let world = World::three();
    let session = world.token.user();
    destroyed_in_time(
        &world,
        |_| world.wires.hang(),
        |_, _| {
            for number in 0..20 {
                worker::token_key(&session, &format!("more {number}")).expect("a key");
            }
            world.etcd.compact();
            world.wires.mend();
        },
    );
}

/// A process that was stopped meanwhile does not go on with what it knew.
#[test]
fn while_the_process_is_stopped() {
    let world = World::three();
    destroyed_in_time(
        &world,
        |peer| peer.signal(libc::SIGSTOP),
        |peer, _| {
            std::thread::sleep(std::time::Duration::from_millis(2 * MAX_STALE_MS));
            peer.signal(libc::SIGCONT);
        },
    );
}

/// The process sits beside a member that the others have left behind.
#[test]
fn beside_a_member_that_is_cut_off() {
    let world = World::three();
    let left_behind = world.etcd.leader();
    destroyed_in_time(
        &world,
        |_| {
            // Its own way leads to that member only.
            let others = world.wires.0.iter().enumerate().filter(|(member, _)| *member != left_behind);
            others.for_each(|(_, wire)| wire.cut());
            world.etcd.isolate(left_behind);
        },
        |_, _| {
            wait_for("CKR_DEVICE_ERROR", || world.wired_log().contains("CKR_DEVICE_ERROR").then_some(()));
            world.etcd.heal();
            world.wires.mend();
        },
    );
}
