//! Connects that fail, and the ConnectionErrorCode of each.

use super::*;
use crate::support::{Kind, USER};
use vhsm_keystore::ClusterFacts;

/// Connects, and tells what became of it.
fn outcome(world: &World, id: &str) -> String {
    connect(&world.kms, id).unwrap();
    world.kms.run_tasks();
    state(&world.kms, id)
}

/// After `break_it`, connecting fails with this code; and not any more after `mend_it`.
#[track_caller]
fn fails(code: &str, break_it: impl FnOnce(&mut World), mend_it: impl FnOnce(&mut World)) {
    let mut world = World::new(Kind::Vhsm);
    let id = store(&world);
    connect(&world.kms, &id).unwrap();
    break_it(&mut world);
    world.kms.run_tasks();
    assert_eq!(state(&world.kms, &id), format!("FAILED {code}"));
    assert_exception(random(&world.kms, &id), Exception::CustomKeyStoreInvalidState);
    let lines = world.kms.keep_connections();
    assert!(lines.iter().any(|line| line.contains(&id) && line.contains(code)), "{lines:?}");
    assert!(lines.iter().all(|line| !line.contains(PASSWORD)), "{lines:?}");
    assert_eq!(world.kms.keep_connections(), [""; 0]);
    assert_eq!(state(&world.kms, &id), format!("FAILED {code}"));

    mend_it(&mut world);
    disconnect(&world.kms, &id).unwrap();
    assert_eq!(outcome(&world, &id), "CONNECTED");
    random(&world.kms, &id).unwrap();
}

#[test]
fn the_cluster_is_gone() {
    let gone = |world: &mut World| world.directory.change(|facts| facts.clusters.clear());
    let mut world = World::new(Kind::SoftHsm);
    let id = store(&world);
    gone(&mut world);
    // The operation has no exception for it.
    assert_eq!(outcome(&world, &id), "FAILED CLUSTER_NOT_FOUND");
    drop(world);
    let kept: std::cell::RefCell<Option<ClusterFacts>> = Default::default();
    fails(
        "CLUSTER_NOT_FOUND",
        |world| world.directory.change(|facts| *kept.borrow_mut() = facts.clusters.remove(CLUSTER)),
        |world| {
            let cluster = kept.take().unwrap();
            world.directory.change(|facts| drop(facts.clusters.insert(CLUSTER.into(), cluster)));
        },
    );
}

#[test]
fn no_hsm_is_active() {
    fn all(is_active: bool) -> impl FnOnce(&mut World) {
        move |world| {
            let hsms = |cluster: &mut ClusterFacts| {
                cluster.hsms.iter_mut().for_each(|hsm| hsm.is_active = is_active);
            };
            world.directory.change_cluster(CLUSTER, hsms);
        }
    }
    fails("INSUFFICIENT_CLOUDHSM_HSMS", all(false), all(true));
    fails(
        "INSUFFICIENT_CLOUDHSM_HSMS",
        |world| world.directory.change_cluster(CLUSTER, |cluster| cluster.is_active = false),
        |world| world.directory.change_cluster(CLUSTER, |cluster| cluster.is_active = true),
    );
}

#[test]
fn what_is_wrong_with_the_cluster_is_told_at_once() {
    let world = World::new(Kind::SoftHsm);
    let id = store(&world);
    world.directory.change_cluster(CLUSTER, |cluster| cluster.is_active = false);
    assert_exception(connect(&world.kms, &id), Exception::CloudHsmClusterNotActive);
    world.directory.change_cluster(CLUSTER, |cluster| {
        cluster.is_active = true;
        cluster.hsms.iter_mut().for_each(|hsm| hsm.is_active = false);
    });
    assert_exception(connect(&world.kms, &id), Exception::CloudHsmClusterInvalidConfiguration);
    world.directory.change(|facts| facts.error = Some("away".into()));
    assert_exception(connect(&world.kms, &id), Exception::KmsInternal);
    assert_eq!(state(&world.kms, &id), "DISCONNECTED");
    // One is enough.
    world.directory.change(|facts| facts.error = None);
    world.directory.change_cluster(CLUSTER, |cluster| cluster.hsms[1].is_active = true);
    assert_eq!(outcome(&world, &id), "CONNECTED");
}

fn user(world: &World, change: impl FnOnce(&mut vhsm_keystore::UserFacts)) {
    let key = (CLUSTER.to_owned(), USER.to_owned());
    world.directory.change(|facts| change(facts.users.get_mut(&key).unwrap()));
}

#[test]
fn kmsuser_cannot_log_in() {
    let users: std::cell::RefCell<_> = Default::default();
    fails(
        "USER_NOT_FOUND",
        |world| world.directory.change(|facts| *users.borrow_mut() = std::mem::take(&mut facts.users)),
        |world| world.directory.change(|facts| facts.users = users.take()),
    );
    fails(
        "USER_LOCKED_OUT",
        |world| user(world, |user| user.is_locked = true),
        |world| user(world, |user| user.is_locked = false),
    );
    fails(
        "USER_LOGGED_IN",
        |world| user(world, |user| user.is_logged_in = true),
        |world| user(world, |user| user.is_logged_in = false),
    );
}

#[test]
fn the_hsms_refuse_kmsuser() {
    fails(
        "INVALID_CREDENTIALS",
        |world| world.hsms.reset_password("otherPassword"),
        |world| world.hsms.reset_password(PASSWORD),
    );
    fails(
        "USER_LOCKED_OUT",
        |world| assert!((0..5).all(|_| !opens(&world.hsms, "wrongPassword"))),
        |world| world.hsms.reset_password(PASSWORD),
    );
    let session = std::cell::RefCell::new(None);
    fails(
        "USER_LOGGED_IN",
        |world| {
            let own = world.hsms.pkcs11().open_rw_session(world.hsms.slot(0)).unwrap();
            let pin = RawAuthPin::new(Box::new(world.hsms.pin(PASSWORD)));
            own.login_with_raw(UserType::User, &pin).unwrap();
            *session.borrow_mut() = Some(own);
        },
        |_| drop(session.take()),
    );
}

#[test]
fn the_hsms_do_not_answer() {
    fails(
        "NETWORK_ERRORS",
        |world| (0..2).for_each(|hsm| world.hsms.operator().fail(hsm)),
        |world| (0..2).for_each(|hsm| world.hsms.operator().recover(hsm)),
    );
    fails(
        "INTERNAL_ERROR",
        |world| world.directory.change(|facts| facts.error = Some("away".into())),
        |world| world.directory.change(|facts| facts.error = None),
    );
}

#[test]
fn where_it_is_not_known_what_the_hsm_took_the_next_connect_finds_out() {
    let plan = |text: String| move |world: &mut World| world.hsms.operator().plan(&text);
    for effect in ["error = \"CKR_FUNCTION_FAILED\"", "error = \"CKR_PIN_INVALID\"", "lose = true"] {
        let refuse = format!("[[fault]]\nfunction = \"C_SetPIN\"\n{effect}\ncount = 1");
        fails("INTERNAL_ERROR", plan(refuse), plan(String::new()));
    }
}

#[test]
fn each_connect_with_a_wrong_password_counts_once() {
    let mut world = World::new(Kind::Vhsm);
    let id = store(&world);
    world.hsms.reset_password("otherPassword");
    for _ in 0..4 {
        assert_eq!(outcome(&world, &id), "FAILED INVALID_CREDENTIALS");
        for _ in 0..3 {
            world.kms.keep_connections();
            world.kms.run_tasks();
        }
        disconnect(&world.kms, &id).unwrap();
    }
    update(&world.kms, &id, "KeyStorePassword", "otherPassword").unwrap();
    assert_eq!(outcome(&world, &id), "CONNECTED");
}
