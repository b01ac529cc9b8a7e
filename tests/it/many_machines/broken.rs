//! Members of etcd are killed, stopped and cut off: no acknowledged change is lost, and all goes on by itself.

use super::*;
use std::time::{Duration, Instant};

/// Two processes write while `break_it` happens and, once they have gone on, `mend` does; at the end what was
/// acknowledged is checked.
fn writers_go_on(world: &mut World, break_it: impl FnOnce(&mut Etcd), mend: impl FnOnce(&mut Etcd)) {
    let writers = ["one", "two"].map(|who| world.writer(who));
    writers.iter().for_each(|(_, journal)| journal.wait_for_more(10));
    break_it(&mut world.etcd);
    writers.iter().for_each(|(_, journal)| journal.wait_for_more(10));
    mend(&mut world.etcd);
    world.etcd.wait_healthy();
    writers.iter().for_each(|(_, journal)| journal.wait_for_more(10));
    let session = world.token.user();
    for (peer, journal) in writers {
        journal.end(peer);
        journal::check(&journal, &session);
    }
}

#[test]
fn a_member_is_killed_and_comes_back() {
    let mut world = World::three();
    let follower = (world.etcd.leader() + 1) % 3;
    writers_go_on(&mut world, |etcd| etcd.kill(follower), |etcd| etcd.start(follower));
}

#[test]
fn the_leader_is_killed_and_comes_back() {
    let mut world = World::three();
    let leader = world.etcd.leader();
    writers_go_on(&mut world, |etcd| etcd.kill(leader), |etcd| etcd.start(leader));
}

#[test]
fn the_leader_is_stopped_and_goes_on() {
    let mut world = World::three();
    let leader = world.etcd.leader();
    writers_go_on(&mut world, |etcd| etcd.pause(leader), |etcd| etcd.resume(leader));
}

#[test]
fn the_leader_is_cut_off_from_the_others() {
    let mut world = World::three();
    let leader = world.etcd.leader();
    writers_go_on(&mut world, |etcd| etcd.isolate(leader), |etcd| etcd.heal());
}

#[test]
fn each_member_is_killed_in_turn() {
    let mut world = World::three();
    writers_go_on(
        &mut world,
        |etcd| {
            for member in 0..3 {
                etcd.kill(member);
                etcd.leader();
                etcd.start(member);
                etcd.wait_healthy();
            }
        },
        |_| {},
    );
}

#[test]
fn history_is_forgotten_while_they_write() {
    let mut world = World::one();
    let forget = |etcd: &mut Etcd| assert!(etcd.compact() > 1);
    writers_go_on(&mut world, forget, forget);
}

/// Without a majority no call is answered from what was known: each says CKR_DEVICE_ERROR, and the log why. When the
/// majority is back, the same sessions go on.
#[test]
fn without_a_majority_calls_fail_and_say_why() {
    let mut world = World::three();
    let (mut peer, session) = (world.wired_peer(), world.token.user());
    let key = worker::token_key(&session, "kept").expect("a key");
    wait_for("the key", || (peer.ask("find kept") == key.to_string()).then_some(()));
    assert_ne!(peer.ask(&format!("encrypt {key}")), "CKR_DEVICE_ERROR");
    let survivor = world.etcd.leader();
    let others: Vec<usize> = (0..3).filter(|member| *member != survivor).collect();
    others.iter().for_each(|member| world.etcd.kill(*member));
    world.etcd.wait_unhealthy(survivor);
    wait_for("an error", || (peer.ask(&format!("encrypt {key}")) == "CKR_DEVICE_ERROR").then_some(()));
    assert_eq!(peer.ask("generate another"), "CKR_DEVICE_ERROR");
    assert_eq!(peer.ask("find kept"), "CKR_DEVICE_ERROR");
    let log = world.wired_log();
    let line = log.lines().find(|line| line.contains("rv=CKR_DEVICE_ERROR")).expect("it is logged");
    assert!(line.contains("reason=") && line.contains("etcd://"), "{line}");
    others.iter().for_each(|member| world.etcd.start(*member));
    world.etcd.wait_healthy();
    wait_for("an answer", || (peer.ask(&format!("encrypt {key}")) != "CKR_DEVICE_ERROR").then_some(()));
    assert_eq!(peer.ask("find kept"), key.to_string());
    assert!(peer.ask("generate after").parse::<u64>().is_ok());
    wait_for("the key", || session.find(&[(CKA_LABEL, b"after")]).is_ok_and(|f| f.len() == 1).then_some(()));
    assert_eq!(peer.end(), Some(0));
}

/// A call that etcd fails ends its operation, as every error does: the next one can begin when etcd is back.
#[test]
fn an_operation_ends_with_the_call_that_etcd_fails() {
    let world = World::one();
    let session = world.token.user();
    let key = worker::token_key(&session, "kept").expect("a key");
    expect("init", session.encrypt_init(ecb(), key), CKR_OK);
    session.encrypt_update(&[7; 16]).expect("etcd answers");
    world.etcd.pause(0);
    let failed = wait_for("a failure", || session.encrypt_update(&[7; 16]).err());
    expect("update", failed, CKR_DEVICE_ERROR);
    world.etcd.resume(0);
    wait_for("an answer", || session.find(&[]).ok());
    assert_eq!(session.encrypt_final(), Err(CKR_OPERATION_NOT_INITIALIZED));
    expect("init again", session.encrypt_init(ecb(), key), CKR_OK);
    session.encrypt(&[7; 16]).expect("it goes on");
}

/// All members are killed at once, as when a room loses power: what was acknowledged is there afterwards.
#[test]
fn all_members_are_killed_at_once() {
    let mut world = World::three();
    let (peer, journal) = world.writer("one");
    journal.wait_for_more(20);
    (0..3).for_each(|member| world.etcd.kill(member));
    wait_for("a failure", || (journal.count("failed CKR_DEVICE_ERROR") > 0).then_some(()));
    (0..3).for_each(|member| world.etcd.start(member));
    world.etcd.wait_healthy();
    journal.wait_for_more(10);
    journal.end(peer);
    journal::check(&journal, &world.token.user());
}

/// An etcd whose database is full takes no more, and goes on serving what is in it; with room again it goes on as before.
#[test]
fn a_full_etcd_serves_what_it_has() {
    let arguments = vec!["--quota-backend-bytes=4194304".to_owned()];
    let world = World::over(Etcd::with(Options { arguments, ..Options::default() }));
    let session = world.token.user();
    let key = worker::token_key(&session, "kept").expect("a key");
    let class = number(CKO_DATA);
    let value = vec![7; 100_000];
    let data: [Pair; 4] = [(CKA_CLASS, &class), (CKA_TOKEN, YES), (CKA_PRIVATE, YES), (CKA_VALUE, &value)];
    let full = wait_for("a database full of history", || match session.create(&data) {
        Ok(object) => Some(session.destroy(object)).filter(|rv| *rv != CKR_OK),
        Err(rv) => Some(rv),
    });
    expect("full", full, CKR_DEVICE_MEMORY);
    expect("no more", worker::token_key(&session, "more").unwrap_err(), CKR_DEVICE_MEMORY);
    expect("init", session.encrypt_init(ecb(), key), CKR_OK);
    session.encrypt(&[7; 16]).expect("what is there is served");
    assert_eq!(session.find(&[(CKA_LABEL, b"kept")]), Ok(vec![key]));
    world.etcd.compact();
    world.etcd.etcdctl(&["defrag"]);
    world.etcd.etcdctl(&["alarm", "disarm"]);
    worker::token_key(&session, "more").expect("a key");
}

/// Everything at random, for some rounds; SLOW_TESTS=1: for two minutes. Two processes write, a third uses keys of which
/// one is destroyed in each round.
#[test]
fn anything_may_happen() {
    let mut world = World::three();
    let session = world.token.user();
    let writers = ["one", "two"].map(|who| world.writer(who));
    let keys: Vec<_> =
        (0..100).map(|n| worker::token_key(&session, &format!("used {n}")).expect("a key")).collect();
    let (user, uses) = world.user_of(&keys);
    let kept = keys[0];
    let mut doomed = keys[1..].iter();
    let mut destroyed = Vec::new();
    let (began, mut random) = (Instant::now(), Random(std::process::id().into()));
    let mut rounds = 0;
    while rounds < 6 || destroyed.is_empty() || (slow() && began.elapsed() < Duration::from_secs(120)) {
        rounds += 1;
        uses.wait_for_outcome(kept, CKR_OK);
        let (what, member) = (random.below(7), random.below(3) as usize);
        eprintln!("round {rounds}: {what} of member {member}");
        misfortune(&mut world.etcd, &world.wires, what, member);
        if let Some(key) = doomed.next()
            && session.destroy(*key) == CKR_OK
        {
            destroyed.push((*key, worker::now_ns()));
        }
        // Shorter and longer than a process trusts what it knows, and than an election takes.
        std::thread::sleep(Duration::from_millis(random.below(2500)));
        relief(&mut world.etcd, &world.wires);
        writers.iter().for_each(|(_, journal)| journal.wait_for_more(5));
    }
    uses.wait_for_outcome(kept, CKR_OK);
    destroyed.iter().for_each(|(key, _)| uses.wait_for_outcome(*key, CKR_KEY_HANDLE_INVALID));
    uses.end(user);
    for (key, destroyed_ns) in destroyed {
        let late_ms = uses.last_use_ns(key).saturating_sub(destroyed_ns) / 1_000_000;
        assert!(late_ms <= MAX_STALE_MS, "{key}: used {late_ms} ms after it was destroyed");
    }
    for (peer, journal) in writers {
        journal.end(peer);
        journal::check(&journal, &session);
    }
}

fn misfortune(etcd: &mut Etcd, wires: &Wires, what: u64, member: usize) {
    match what {
        0 => etcd.kill(member),
        1 => etcd.kill(etcd.leader()),
        2 => etcd.pause(member),
        3 => etcd.isolate(member),
        4 => wires.hang(),
        5 => wires.cut(),
        _ => (0..2).for_each(|number| etcd.kill((member + number) % 3)),
    }
    if what < 4 {
        etcd.compact_if_possible();
    }
}

fn relief(etcd: &mut Etcd, wires: &Wires) {
    for member in 0..3 {
        if etcd.is_running(member) {
            etcd.resume(member);
        } else {
            etcd.start(member);
        }
    }
    etcd.heal();
    wires.mend();
    etcd.wait_healthy();
}

/// Numbers without a pattern (xorshift64*).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16) % limit
    }
}
