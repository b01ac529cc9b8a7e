//! What is connected stays so, as HSMs and processes come and go.

use super::*;
use crate::support::{CLUSTERS, Kind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use vhsm_keystore::{ClusterFacts, Settings};

/// Ends other threads with this one, however it ends.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn active(hsm: usize, is_active: bool) -> impl FnOnce(&mut ClusterFacts) {
    move |cluster| cluster.hsms[hsm].is_active = is_active
}

#[test]
fn operations_go_on_while_one_hsm_is_active() {
    let mut world = World::new(Kind::Vhsm);
    let id = connected_store(&world);
    let line = |works: &str| format!("key store {id}: {works}");
    assert_eq!(world.kms.keep_connections(), [line("2 of 2 HSMs work")]);
    assert_eq!(world.kms.keep_connections(), [""; 0]);
    for hsm in 0..2 {
        world.hsms.operator().fail(hsm);
        world.directory.change_cluster(CLUSTER, active(hsm, false));
        (0..4).for_each(|_| random(&world.kms, &id).unwrap());
        assert_eq!(world.kms.keep_connections(), [line("1 of 1 HSMs work")]);
        (0..4).for_each(|_| random(&world.kms, &id).unwrap());
        world.hsms.operator().recover(hsm);
        world.directory.change_cluster(CLUSTER, active(hsm, true));
        assert_eq!(world.kms.keep_connections(), [line("2 of 2 HSMs work")]);
    }
}

#[test]
fn an_operation_finds_the_hsm_that_came_back_while_nobody_looked() {
    let mut world = World::new(Kind::Vhsm);
    let id = connected_store(&world);
    world.hsms.operator().fail(0);
    world.directory.change_cluster(CLUSTER, active(0, false));
    world.kms.keep_connections();
    for (fails, comes_back) in [(1, 0), (0, 1), (1, 0)] {
        world.hsms.operator().recover(comes_back);
        world.directory.change_cluster(CLUSTER, active(comes_back, true));
        world.hsms.operator().fail(fails);
        world.directory.change_cluster(CLUSTER, active(fails, false));
        (0..4).for_each(|_| random(&world.kms, &id).unwrap());
    }
}

#[test]
fn without_hsms_it_waits_for_them() {
    let world = World::new(Kind::Vhsm);
    let id = connected_store(&world);
    (0..2).for_each(|hsm| world.directory.change_cluster(CLUSTER, active(hsm, false)));
    assert_eq!(world.kms.keep_connections(), [format!("key store {id}: 0 of 0 HSMs work")]);
    assert_exception(random(&world.kms, &id), Exception::CustomKeyStoreInvalidState);
    assert_eq!(state(&world.kms, &id), "CONNECTED");
    world.directory.change_cluster(CLUSTER, active(1, true));
    world.kms.keep_connections();
    random(&world.kms, &id).unwrap();
}

#[test]
fn hsms_that_fail_all_at_once_come_back() {
    let mut world = World::new(Kind::Vhsm);
    let id = connected_store(&world);
    (0..2).for_each(|hsm| world.hsms.operator().fail(hsm));
    assert_exception(random(&world.kms, &id), Exception::CustomKeyStoreInvalidState);
    world.kms.keep_connections();
    assert_exception(random(&world.kms, &id), Exception::CustomKeyStoreInvalidState);
    (0..2).for_each(|hsm| world.hsms.operator().recover(hsm));
    world.kms.keep_connections();
    random(&world.kms, &id).unwrap();
    assert_eq!(state(&world.kms, &id), "CONNECTED");
}

#[test]
fn a_connected_key_store_connects_again_after_a_start() {
    for resumes in [true, false] {
        let mut world = World::new(Kind::Vhsm);
        let id = connected_store(&world);
        world.restart();
        assert_eq!(state(&world.kms, &id), "CONNECTED");
        assert_exception(random(&world.kms, &id), Exception::CustomKeyStoreInvalidState);
        match resumes {
            true => {
                world.kms.resume();
                world.kms.run_tasks();
            }
            false => drop(world.kms.keep_connections()),
        }
        random(&world.kms, &id).unwrap();
    }
}

#[test]
fn what_was_under_way_goes_on_after_a_start() {
    for resumes in [true, false] {
        let mut world = World::new(Kind::Vhsm);
        let id = store(&world);
        connect(&world.kms, &id).unwrap();
        let go_on = |world: &mut World| {
            world.restart();
            match resumes {
                true => world.kms.resume(),
                false => drop(world.kms.keep_connections()),
            }
            world.kms.run_tasks();
        };
        go_on(&mut world);
        assert_eq!(state(&world.kms, &id), "CONNECTED");
        disconnect(&world.kms, &id).unwrap();
        go_on(&mut world);
        assert_eq!(state(&world.kms, &id), "DISCONNECTED");
    }
}

#[test]
fn a_login_that_is_refused_after_a_start_waits_for_the_owner() {
    let mut world = World::new(Kind::Vhsm);
    let id = connected_store(&world);
    let settings = world.kms.settings().clone();
    // Its process ends, an admin gives kmsuser another password, and it begins again: more than five times.
    world.restart();
    world.hsms.reset_password("otherPassword");
    for _ in 0..6 {
        world.kms.resume();
        world.kms.run_tasks();
        let lines = [world.kms.keep_connections(), world.kms.keep_connections()].concat();
        assert!(lines.iter().any(|line| line.contains("INVALID_CREDENTIALS")), "{lines:?}");
        assert_eq!(state(&world.kms, &id), "CONNECTED");
        assert_exception(random(&world.kms, &id), Exception::CustomKeyStoreInvalidState);
        world.restart();
    }
    // Asked to connect, it tries once more.
    world.hsms.reset_password("otherPassword");
    connect(&world.kms, &id).unwrap();
    world.kms.run_tasks();
    assert_exception(random(&world.kms, &id), Exception::CustomKeyStoreInvalidState);

    disconnect(&world.kms, &id).unwrap();
    world.kms.run_tasks();
    update(&world.kms, &id, "KeyStorePassword", "otherPassword").unwrap();
    connect(&world.kms, &id).unwrap();
    world.kms.run_tasks();
    random(&world.kms, &id).unwrap();
    assert_eq!(*world.kms.settings(), settings);
}

#[test]
fn a_locked_kmsuser_is_named_as_the_cause() {
    let mut world = World::new(Kind::Vhsm);
    let id = connected_store(&world);
    world.restart();
    assert!((0..5).all(|_| !opens(&world.hsms, "wrongPassword")));
    world.kms.keep_connections();
    let error = random(&world.kms, &id).unwrap_err();
    assert!(error.message.contains("kmsuser is locked out"), "{error}");
    assert_eq!(state(&world.kms, &id), "CONNECTED");
}

#[test]
fn the_default_key_store_opens_on_its_first_use() {
    let world = World::of_three(Kind::Vhsm, Settings::default());
    let all = || world.kms.generate_random(&caller(), &request(json!({ "NumberOfBytes": 8 })));
    std::thread::scope(|scope| {
        (0..8).for_each(|_| drop(scope.spawn(|| drop(all().unwrap()))));
    });
    assert_eq!(world.kms.keep_connections(), ["key store default: 2 of 2 HSMs work"]);
    (0..2).for_each(|hsm| world.directory.change_cluster(CLUSTERS[2], active(hsm, false)));
    world.kms.keep_connections();
    assert_exception(all(), Exception::DependencyTimeout);
    (0..2).for_each(|hsm| world.directory.change_cluster(CLUSTERS[2], active(hsm, true)));
    world.kms.keep_connections();
    all().unwrap();
    // It is no custom key store.
    let answer = world.kms.describe_custom_key_stores(&caller(), &request(json!({}))).unwrap();
    assert!(answer.custom_key_stores.is_empty());
    assert_exception(random(&world.kms, "default"), Exception::CustomKeyStoreNotFound);
}

#[test]
fn there_may_be_no_default_key_store() {
    let world = World::new(Kind::SoftHsm);
    let answer = world.kms.generate_random(&caller(), &request(json!({ "NumberOfBytes": 8 })));
    assert_exception(answer, Exception::UnsupportedOperation);
}

#[test]
fn workers_do_it_by_themselves_while_another_keeps() {
    let world = World::new(Kind::Vhsm);
    let workers = world.kms.start_workers(2).unwrap();
    let is_over = AtomicBool::new(false);
    let until = |id: &str, wanted: &str| {
        let deadline = Instant::now() + Duration::from_secs(60);
        while state(&world.kms, id) != wanted {
            assert!(Instant::now() < deadline, "{}", state(&world.kms, id));
            std::thread::sleep(Duration::from_millis(1));
        }
    };
    let id = store(&world);
    std::thread::scope(|scope| {
        let _end = End(&is_over);
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                world.kms.keep_connections();
            }
        });
        for _ in 0..10 {
            connect(&world.kms, &id).unwrap();
            until(&id, "CONNECTED");
            random(&world.kms, &id).unwrap();
            disconnect(&world.kms, &id).unwrap();
            until(&id, "DISCONNECTED");
            // One that is cut off by its opposite.
            connect(&world.kms, &id).unwrap();
            disconnect(&world.kms, &id).unwrap();
            until(&id, "DISCONNECTED");
        }
    });
    drop(workers);
    assert_eq!(Arc::strong_count(&world.kms), 1);
}

#[test]
fn a_disconnect_waits_for_the_calls_under_way() {
    let mut world = World::new(Kind::Vhsm);
    let id = connected_store(&world);
    let is_over = AtomicBool::new(false);
    let kms = Arc::clone(&world.kms);
    std::thread::scope(|scope| {
        let _end = End(&is_over);
        for _ in 0..4 {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    match random(&kms, &id) {
                        Ok(()) => {}
                        Err(error) => assert_eq!(error.exception, Exception::CustomKeyStoreInvalidState),
                    }
                }
            });
        }
        for round in 0..10 {
            disconnect(&kms, &id).unwrap();
            kms.run_tasks();
            assert_eq!(state(&kms, &id), "DISCONNECTED");
            // Not possible while kmsuser is logged in anywhere.
            let password = format!("ownersPassword{round}");
            world.hsms.reset_password(&password);
            update(&kms, &id, "KeyStorePassword", &password).unwrap();
            connect(&kms, &id).unwrap();
            kms.run_tasks();
            assert_eq!(state(&kms, &id), "CONNECTED");
        }
    });
    random(&kms, &id).unwrap();
}

#[test]
fn a_key_needs_two_zones_and_a_connect_one_hsm() {
    let mut world = World::new(Kind::Vhsm);
    let id = store(&world);
    // The directory does not yet know.
    world.hsms.operator().fail(0);
    connect(&world.kms, &id).unwrap();
    world.kms.run_tasks();
    assert_eq!(state(&world.kms, &id), "CONNECTED");
    assert_eq!(world.kms.keep_connections(), [format!("key store {id}: 1 of 2 HSMs work")]);
    random(&world.kms, &id).unwrap();

    world.directory.change_cluster(CLUSTER, active(0, false));
    assert_exception(create_key(&world.kms, &id), Exception::CloudHsmClusterInvalidConfiguration);
    world.directory.change(|facts| facts.clusters.clear());
    assert_exception(create_key(&world.kms, &id), Exception::CloudHsmClusterInvalidConfiguration);
}

#[test]
fn what_another_process_disconnects_is_closed_here_too() {
    let mut world = World::new(Kind::Vhsm);
    let id = connected_store(&world);
    let one = Arc::clone(&world.kms);
    world.restart();
    disconnect(&world.kms, &id).unwrap();
    world.kms.run_tasks();
    assert_exception(random(&one, &id), Exception::CustomKeyStoreInvalidState);
    one.keep_connections();
    // Nobody is logged in any more.
    world.hsms.reset_password("ownPassword2");
    assert_eq!(state(&one, &id), "DISCONNECTED");
}
