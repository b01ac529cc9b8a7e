//! Connecting, and what it makes of kmsuser's password.

use super::*;
use crate::support::Kind;

fn connecting_gives_kmsuser_another_password(kind: Kind) {
    let world = World::new(kind);
    let id = store(&world);
    connect(&world.kms, &id).unwrap();
    assert_eq!(state(&world.kms, &id), "CONNECTING");
    assert_exception(random(&world.kms, &id), Exception::CustomKeyStoreInvalidState);
    world.kms.run_tasks();
    assert_eq!(state(&world.kms, &id), "CONNECTED");
    random(&world.kms, &id).unwrap();

    disconnect(&world.kms, &id).unwrap();
    assert_eq!(state(&world.kms, &id), "DISCONNECTING");
    world.kms.run_tasks();
    assert_eq!(state(&world.kms, &id), "DISCONNECTED");
    assert_exception(random(&world.kms, &id), Exception::CustomKeyStoreInvalidState);
    assert!(!opens(&world.hsms, PASSWORD));

    connect(&world.kms, &id).unwrap();
    world.kms.run_tasks();
    assert_eq!(state(&world.kms, &id), "CONNECTED");
    random(&world.kms, &id).unwrap();
}

#[test]
fn connecting_gives_kmsuser_another_password_on_vhsm() {
    connecting_gives_kmsuser_another_password(Kind::Vhsm);
}

#[test]
fn connecting_gives_kmsuser_another_password_on_softhsm() {
    connecting_gives_kmsuser_another_password(Kind::SoftHsm);
}

#[test]
fn the_owner_has_kmsuser_back_after_a_disconnect() {
    let mut world = World::new(Kind::Vhsm);
    let id = connected_store(&world);
    disconnect(&world.kms, &id).unwrap();
    world.kms.run_tasks();
    world.hsms.reset_password("ownPassword2");
    assert!(opens(&world.hsms, "ownPassword2"));

    connect(&world.kms, &id).unwrap();
    world.kms.run_tasks();
    assert_eq!(state(&world.kms, &id), "FAILED INVALID_CREDENTIALS");
    assert_exception(
        update(&world.kms, &id, "KeyStorePassword", "ownPassword2"),
        Exception::CustomKeyStoreInvalidState,
    );
    disconnect(&world.kms, &id).unwrap();
    assert_eq!(state(&world.kms, &id), "DISCONNECTED");
    update(&world.kms, &id, "KeyStorePassword", "ownPassword2").unwrap();
    connect(&world.kms, &id).unwrap();
    world.kms.run_tasks();
    assert_eq!(state(&world.kms, &id), "CONNECTED");
    random(&world.kms, &id).unwrap();
}
